from __future__ import annotations

import functools
import io
import json
import pickle
import subprocess
import sys
import warnings
import zipfile
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import pandas as pd
import pytest
import skops.io as sio
import xgboost
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler
from sklearn.svm import LinearSVC

from faircore.errors import InputError
from faircore.predictors import Inputs, brought, brought_process, brought_worker
from faircore.predictors.brought import BroughtModel

skl2onnx = pytest.importorskip("skl2onnx")
helper = pytest.importorskip("onnx.helper")

WORKER = "faircore.predictors.brought_worker"
COLUMNS = ("age", "job", "income", "sex")
NUMERIC = ("age", "income")


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Run the worker's code here: a process takes seconds, and most tests are not about it.

    Left out is what cannot be taken back: the caps, and the hook that forbids.
    """
    brought._RECENT.clear()
    monkeypatch.setattr(brought_worker, "_cut_off", lambda _: None)
    monkeypatch.setattr(brought_worker, "_WithoutThem", lambda: None)
    monkeypatch.setattr(sys, "addaudithook", lambda _: None)
    monkeypatch.setattr(sys, "meta_path", _Unchanged(sys.meta_path))

    def run(command: list[str], **_: Any) -> Any:
        assert command[-2] == WORKER
        with warnings.catch_warnings():
            brought_worker.main(Path(command[-1]))
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr(brought_process.subprocess, "run", run)


class _Unchanged(list[Any]):
    def insert(self, *_: Any) -> None:
        pass


@functools.cache
def people(n: int = 300) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "age": rng.integers(18, 80, n).astype(float),
            "job": rng.choice(["clerk", "cook", "nurse"], n),
            "income": rng.lognormal(3, 1, n),
            "sex": rng.choice(["f", "m"], n),
        }
    )
    frame.loc[::7, "income"] = np.nan
    frame.loc[::11, "job"] = None
    return frame


@functools.cache
def outcome() -> NDArray[np.int64]:
    frame = people()
    noise = np.random.default_rng(1).normal(size=len(frame))
    return (frame["age"] / 20 + (frame["sex"] == "m") + noise > 3).to_numpy().astype(int)


@functools.cache
def pipeline(sex: bool = True) -> Pipeline:
    """Fitted on the table, missing values and all."""
    words = ["job", "sex"] if sex else ["job"]
    steps = ColumnTransformer(
        [
            ("numbers", make_pipeline(SimpleImputer(), StandardScaler()), list(NUMERIC)),
            ("words", OneHotEncoder(handle_unknown="ignore"), words),
        ]
    )
    columns = [c for c in COLUMNS if sex or c != "sex"]
    return make_pipeline(steps, LogisticRegression()).fit(people()[columns], outcome())


def inputs(frame: pd.DataFrame | None = None) -> Inputs:
    """As the dashboard gives rows: features beside sensitive attributes."""
    frame = people() if frame is None else frame
    features = frame[["age", "job", "income"]].astype({"job": "str"})
    return Inputs(np.zeros((len(frame), 1), np.float32), frame[["sex"]], features)


def read(data: bytes, **changes: Any) -> BroughtModel:
    given: dict[str, Any] = {
        "columns": COLUMNS, "numeric": NUMERIC, "attributes": ("sex",), "name": "ours",
    }  # fmt: skip
    return BroughtModel.read(data, **(given | changes))


@functools.cache
def dumped(sex: bool = True) -> bytes:
    return sio.dumps(pipeline(sex))


def on_numbers(model: Any) -> bytes:
    """Fitted on age and income as a matrix without names or missing values."""
    return sio.dumps(model.fit(people()[list(NUMERIC)].fillna(0).to_numpy(), outcome()))


def test_a_pipeline_gives_its_own_probabilities() -> None:
    model = read(dumped())
    expected = pipeline().predict_proba(people())[:, 1]
    np.testing.assert_allclose(model.scores(inputs()), expected, atol=1e-12)
    assert model.needs_groups == ("sex",)
    assert model.n_features is None
    assert model.shape_text == "a scikit-learn Pipeline from a skops file"
    assert model.facts.reads == COLUMNS
    assert model.facts.classes == ("0", "1")


@pytest.mark.usefixtures("here")
def test_a_model_that_never_saw_the_attribute_needs_no_groups() -> None:
    blind = read(dumped(sex=False))
    assert blind.needs_groups == ()
    alone = Inputs(np.zeros((300, 1), np.float32), None, inputs().features)
    expected = pipeline(sex=False).predict_proba(people())[:, 1]
    np.testing.assert_allclose(blind.scores(alone), expected, atol=1e-12)
    assert len(blind.scores(inputs(people()[:0]))) == 0


@pytest.mark.usefixtures("here")
def test_the_file_itself_is_kept() -> None:
    model = read(dumped())
    arrays = model.to_arrays()
    assert arrays["brought.file"].tobytes() == dumped()
    assert {a.dtype for a in arrays.values()} == {np.dtype(np.uint8)}
    again = BroughtModel.from_arrays(arrays)
    assert again.facts == model.facts
    np.testing.assert_array_equal(again.scores(inputs()), model.scores(inputs()))
    assert arrays["brought.facts"].tobytes() == again.to_arrays()["brought.facts"].tobytes()


def to_onnx(zipmap: bool) -> bytes:
    types = skl2onnx.common.data_types
    kinds = [
        (c, types.FloatTensorType([None, 1]) if c in NUMERIC else types.StringTensorType([None, 1]))
        for c in COLUMNS
    ]
    options = {id(pipeline()): {"zipmap": zipmap}}
    found = skl2onnx.convert_sklearn(pipeline(), initial_types=kinds, options=options)
    made: bytes = found.SerializeToString()
    return made


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize("zipmap", [True, False])
def test_an_onnx_graph_of_columns_gives_the_same(zipmap: bool) -> None:
    model = read(to_onnx(zipmap))
    expected = pipeline().predict_proba(people())[:, 1]
    np.testing.assert_allclose(model.scores(inputs()), expected, atol=1e-6)
    assert model.shape_text == "an ONNX model"
    assert model.needs_groups == ("sex",)
    assert model.facts.classes == ("0", "1")
    bad = read(to_onnx(zipmap), positive="0")
    np.testing.assert_allclose(bad.scores(inputs()), 1 - expected, atol=1e-6)


def onnx_matrix(model: Any, width: int | None = 2) -> bytes:
    types = skl2onnx.common.data_types
    kind = [("X", types.FloatTensorType([None, width]))]
    found = skl2onnx.convert_sklearn(model, initial_types=kind, options={"zipmap": False})
    made: bytes = found.SerializeToString()
    return made


def filled() -> Inputs:
    return inputs(people().fillna({"income": 0.0}))


@pytest.mark.usefixtures("here")
def test_a_matrix_of_numbers_is_the_numeric_features_in_order() -> None:
    forest = RandomForestClassifier(10, random_state=0, max_depth=4)
    from_skops = read(on_numbers(forest))
    X = people()[list(NUMERIC)].fillna(0).to_numpy()
    expected = forest.predict_proba(X)[:, 1]
    np.testing.assert_allclose(from_skops.scores(filled()), expected, atol=1e-12)
    assert from_skops.facts.reads == NUMERIC
    for width in (2, None):
        from_onnx = read(onnx_matrix(forest, width))
        np.testing.assert_allclose(from_onnx.scores(filled()), expected, atol=1e-6)
    # An attribute that is a number is not taken for a feature.
    with pytest.raises(InputError, match="reads 2 numbers per row; the review has 1"):
        read(on_numbers(forest), numeric=("age", "sex"))
    for data in (on_numbers(forest), onnx_matrix(forest)):
        with pytest.raises(InputError, match="has 3 features of numbers"):
            read(data, numeric=("age", "income", "job"))


@pytest.mark.parametrize(
    "model",
    [
        lightgbm.LGBMClassifier(n_estimators=8, verbosity=-1, n_jobs=1),
        xgboost.XGBClassifier(n_estimators=8, n_jobs=1),
        HistGradientBoostingClassifier(max_iter=8),
        CalibratedClassifierCV(LinearSVC(), cv=2),
    ],
    ids=lambda m: type(m).__name__,
)
def test_other_classifiers_are_loaded_by_the_lists(
    model: Any, request: pytest.FixtureRequest
) -> None:
    if not isinstance(model, lightgbm.LGBMClassifier):  # once in a process is enough
        request.getfixturevalue("here")
    found = read(on_numbers(model))
    X, rows = people()[list(NUMERIC)].fillna(0).to_numpy().copy(), filled()
    if isinstance(model, xgboost.XGBClassifier):
        assert found.shape_text == "an XGBoost XGBClassifier from a skops file"
    if isinstance(model, lightgbm.LGBMClassifier):
        assert found.shape_text == "a LightGBM LGBMClassifier from a skops file"
        X[::5, 1] = np.nan  # which it reads
        rows = inputs(people().assign(income=X[:, 1]))
    np.testing.assert_allclose(found.scores(rows), model.predict_proba(X)[:, 1], atol=1e-6)


@pytest.mark.usefixtures("here")
def test_which_class_is_good() -> None:
    words = np.where(outcome() == 1, "repaid", "lost")
    model = LogisticRegression().fit(people()[list(NUMERIC)].fillna(0).to_numpy(), words)
    data = sio.dumps(model)
    X = people()[list(NUMERIC)].fillna(0).to_numpy()
    second, first = read(data), read(data, positive="lost")
    np.testing.assert_allclose(second.scores(filled()), model.predict_proba(X)[:, 1])
    np.testing.assert_allclose(first.scores(filled()), model.predict_proba(X)[:, 0])
    np.testing.assert_allclose(read(onnx_matrix(model), positive="lost").scores(filled()),
                               model.predict_proba(X)[:, 0], atol=1e-6)  # fmt: skip
    with pytest.raises(InputError, match="must be one of its two classes"):
        read(data, positive="won")
    whole = on_numbers(LogisticRegression())
    assert read(whole, positive=1.0).facts.good == read(whole, positive="1").facts.good == 1


@pytest.mark.usefixtures("here")
def test_rows_are_scored_in_a_process_once(monkeypatch: pytest.MonkeyPatch) -> None:
    model = read(dumped())
    brought._RECENT.clear()
    asked: list[Any] = []

    def run(*given: Any, **named: Any) -> Any:
        asked.append(given)
        return brought_process.run_brought(*given, **named)

    monkeypatch.setattr(brought, "run_brought", run)
    first = model.scores(inputs())
    first[:] = 7  # what was handed out is the caller's
    again = BroughtModel.from_arrays(model.to_arrays()).scores(inputs())
    assert len(asked) == 1
    assert (again <= 1).all()
    model.scores(inputs(people()[::-1]))
    assert len(asked) == 2
    other = read(dumped(), positive="0")
    np.testing.assert_allclose(other.scores(inputs()), 1 - again, atol=1e-12)


@pytest.mark.usefixtures("here")
def test_columns_that_are_not_there_are_named() -> None:
    with pytest.raises(InputError, match="not in the review: 'income', 'sex'"):
        read(dumped(), columns=("age", "job"))
    for data in (to_onnx(True), to_onnx(False)):
        with pytest.raises(InputError, match="these columns hold text: 'income'"):
            read(data, numeric=("age",))
    model = read(dumped())
    with pytest.raises(InputError, match="was not told sex"):
        model.scores(Inputs(np.zeros((300, 1), np.float32), None, inputs().features))
    features = inputs().features
    assert features is not None
    with pytest.raises(InputError, match="reads the column 'job'"):
        model.scores(
            Inputs(np.zeros((300, 1), np.float32), people()[["sex"]], features.drop(columns="job"))
        )
    text = Inputs(np.zeros((300, 1), np.float32), people(), features.assign(age="SECRET"))
    with pytest.raises(InputError, match="'age' as numbers, and some of its cells are text") as no:
        model.scores(text)
    assert "SECRET" not in str(no.value)


class Evil(ClassifierMixin, BaseEstimator):
    """A type of nobody's list; loading it would leave a trace."""

    def __init__(self, path: str = "") -> None:
        self.path = path

    def __setstate__(self, state: dict[str, Any]) -> None:
        Path(state["path"]).write_text("was run")

    def __reduce__(self) -> Any:
        return (print, ("was run",))


def with_schema(data: bytes, change: Any) -> bytes:
    """The same file with another schema."""
    packed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(packed, "w") as new:
        for part in old.infolist():
            raw = old.read(part)
            if part.filename == "schema.json":
                schema = json.loads(raw)
                change(schema)
                raw = json.dumps(schema).encode()
            new.writestr(part.filename, raw)
    return packed.getvalue()


def renamed(module: str, name: str, loader: str | None = None) -> bytes:
    def change(schema: dict[str, Any]) -> None:
        schema.update({"__module__": module, "__class__": name})
        if loader:
            schema["__loader__"] = loader

    return with_schema(dumped(), change)


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    ("module", "name", "loader"),
    [
        ("os", "system", None), ("os", "system", "FunctionNode"),
        ("builtins", "eval", "TypeNode"), ("subprocess", "Popen", "ObjectNode"),
        ("sklearn.datasets._base", "load_files", "FunctionNode"),
        ("sklearn.pipeline", "make_pipeline", "FunctionNode"),
    ],
)  # fmt: skip
def test_types_on_no_list_are_named_and_not_loaded(
    module: str, name: str, loader: str | None
) -> None:
    with pytest.raises(InputError, match=rf"not on the list of what is loaded: .*{name}"):
        read(renamed(module, name, loader))


@pytest.mark.usefixtures("here")
def test_a_type_of_somebodys_own_is_refused(tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    step = FunctionTransformer(np.ptp)  # a function that is not on the list
    for data in (
        renamed(__name__.split(".")[-1], "Evil"),
        sio.dumps(make_pipeline(step, LogisticRegression())),
        sio.dumps(KNeighborsClassifier().fit([[0.0], [1.0]], [0, 1])),
    ):
        with pytest.raises(InputError, match="not on the list of what is loaded"):
            read(data)
    assert not trace.exists()


@pytest.mark.usefixtures("here")
def test_what_is_no_model_file_is_refused(tmp_path: Path) -> None:
    trace = tmp_path / "trace"

    class Bomb:
        def __reduce__(self) -> Any:
            return (Path.write_text, (trace, "was run"))

    loose = io.BytesIO()
    with zipfile.ZipFile(loose, "w") as archive:
        archive.writestr("data.pkl", pickle.dumps(Bomb()))
    cases = {
        pickle.dumps(Bomb()): "neither a skops nor an ONNX|damaged",
        pickle.dumps(pipeline()): "neither a skops nor an ONNX|damaged",
        loose.getvalue(): "neither a skops nor an ONNX",
        b"": "neither a skops nor an ONNX",
        b"hello there, this is no model": "neither a skops nor an ONNX|damaged",
        dumped()[: len(dumped()) // 2]: "damaged or incomplete",
        to_onnx(True)[:-200]: "damaged or incomplete",
    }
    for data, message in cases.items():
        with pytest.raises(InputError, match=message):
            read(data)
    assert not trace.exists()
    with pytest.raises(InputError, match="256 MiB at most; 'ours' has 257 MiB"):
        read(bytes(257 * 2**20))


@pytest.mark.usefixtures("here")
def test_bombs_are_not_unpacked() -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        with archive.open("zeros.npy", "w", force_zip64=True) as part:
            for _ in range(1100):
                part.write(bytes(2**20))
        archive.writestr("schema.json", "{}")
    assert len(packed.getvalue()) < 2**23
    with pytest.raises(InputError, match="unpacks to more than 1 GiB"):
        read(packed.getvalue())
    deep = "[" * 200_000 + "]" * 200_000
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("schema.json", deep)
    with pytest.raises(InputError, match="damaged"):
        read(packed.getvalue())


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    ("model", "message"),
    [
        (LinearRegression().fit([[0.0, 1.0], [1.0, 0.0]], [0, 1]), "no classifier that gives"),
        (LinearSVC().fit([[0.0, 1.0], [1.0, 0.0]], [0, 1]), "no classifier that gives"),
        (LogisticRegression().fit(np.eye(3)[:, :2], [0, 1, 2]), "tells 3 classes apart"),
        (DummyClassifier().fit([[0.0, 1.0]], [1]), "tells 1 classes apart"),
        (LogisticRegression(), "is not fitted"),
        (StandardScaler().fit([[0.0, 1.0]]), "no classifier that gives"),
    ],
    ids=["regressor", "no probabilities", "three classes", "one class", "unfitted", "transformer"],
)
def test_what_is_no_classifier_of_two_classes_is_refused(model: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read(sio.dumps(model))


@pytest.mark.usefixtures("here")
def test_an_onnx_model_of_three_classes_is_refused() -> None:
    model = LogisticRegression().fit(np.eye(3)[:, :2], [0, 1, 2])
    with pytest.raises(InputError, match="tells 3 classes apart"):
        read(onnx_matrix(model))


@pytest.mark.usefixtures("here")
def test_answers_that_are_no_probabilities_are_refused() -> None:
    spoiled = LogisticRegression().fit(np.eye(2), [0, 1])
    spoiled.coef_[:] = np.nan
    with pytest.raises(InputError, match="for 300 of 300 rows it gave none"):
        read(sio.dumps(spoiled)).scores(filled())
    regression = LinearRegression().fit(np.eye(2), [0, 1])
    with pytest.raises(InputError, match="must give probabilities, from 0 to 1"):
        read(onnx_matrix_of_regressor(regression)).scores(filled())


def onnx_matrix_of_regressor(model: Any) -> bytes:
    types = skl2onnx.common.data_types
    found = skl2onnx.convert_sklearn(model, initial_types=[("X", types.FloatTensorType([None, 2]))])
    made: bytes = found.SerializeToString()
    return made


@pytest.mark.usefixtures("here")
def test_failures_on_rows_never_repeat_a_cell() -> None:
    plain = read(on_numbers(LogisticRegression()))
    with pytest.raises(InputError, match="reads no missing values"):
        plain.scores(inputs())
    strict = make_pipeline(
        ColumnTransformer([("words", OneHotEncoder(), ["sex"])]), LogisticRegression()
    ).fit(people(), outcome())
    model = read(sio.dumps(strict))
    with pytest.raises(InputError, match="category that it does not know") as raised:
        model.scores(inputs(people().assign(sex="SECRET")))
    assert "SECRET" not in str(raised.value)
    numbers = make_pipeline(
        ColumnTransformer([("all", "passthrough", ["age", "job"])]), StandardScaler(),
        LogisticRegression(),
    ).fit(people()[["age", "job"]].assign(job=1.0), outcome())  # fmt: skip
    with pytest.raises(InputError, match=r"failed when it was run \(ValueError\)") as raised:
        read(sio.dumps(numbers)).scores(inputs())
    assert "clerk" not in str(raised.value)


def graph(nodes: list[Any], *, initializer: Any = (), domain: str = "") -> bytes:
    """An ONNX file of one matrix that gives one column."""
    kind = helper.make_tensor_value_info
    made = helper.make_graph(
        nodes, "g", [kind("X", 1, [None, 2])], [kind("prob", 1, [None, 1])], list(initializer)
    )
    sets = [helper.make_opsetid("", 17)] + ([helper.make_opsetid(domain, 1)] if domain else [])
    model = helper.make_model(made, opset_imports=sets, ir_version=8)
    data: bytes = model.SerializeToString()
    return data


@pytest.mark.usefixtures("here")
def test_onnx_files_that_reach_outside_are_refused() -> None:
    own = helper.make_node("Steal", ["X"], ["prob"], domain="evil.corp")
    with pytest.raises(InputError, match=r"beyond ONNX's standard ones: evil\.corp\.Steal"):
        read(graph([own], domain="evil.corp"))
    tensor = helper.make_tensor("W", 1, [2, 1], [1.0, 1.0])
    tensor.ClearField("float_data")
    tensor.data_location = 1
    entry = tensor.external_data.add()
    entry.key, entry.value = "location", "/etc/passwd"
    product = helper.make_node("MatMul", ["X", "W"], ["prob"])
    with pytest.raises(InputError, match="keeps part of itself in other files"):
        read(graph([product], initializer=[tensor]))
    # And where a graph inside a graph holds the tensor.
    inner = helper.make_graph(
        [helper.make_node("Constant", [], ["y"], value=tensor)], "inner", [],
        [helper.make_tensor_value_info("y", 1, [2, 1])],
    )  # fmt: skip
    branch = helper.make_node("If", ["c"], ["prob"], then_branch=inner, else_branch=inner)
    with pytest.raises(InputError, match="keeps part of itself in other files"):
        read(graph([branch]))


@pytest.mark.usefixtures("here")
def test_one_column_of_probability_is_that_of_the_good_outcome() -> None:
    weights = helper.make_tensor("W", 1, [2, 1], [0.05, 0.0])
    nodes = [
        helper.make_node("MatMul", ["X", "W"], ["z"]),
        helper.make_node("Sigmoid", ["z"], ["prob"]),
    ]
    model = read(graph(nodes, initializer=[weights]))
    expected = 1 / (1 + np.exp(-0.05 * people()["age"]))
    np.testing.assert_allclose(model.scores(filled()), expected, atol=1e-6)
    with pytest.raises(InputError, match="does not name its classes"):
        read(graph(nodes, initializer=[weights]), positive="1")


def test_memory_and_time_are_capped() -> None:
    # The graph asks for 40 GB, made from one number.
    shape = helper.make_tensor("shape", 7, [2], [100_000, 100_000])
    nodes = [
        helper.make_node("ConstantOfShape", ["shape"], ["big"]),
        helper.make_node("ReduceSum", ["big"], ["one"], keepdims=1),
        helper.make_node("MatMul", ["X", "W"], ["z"]),
        helper.make_node("Add", ["z", "one"], ["prob"]),
    ]
    weights = helper.make_tensor("W", 1, [2, 1], [0.0, 0.0])
    with pytest.raises(InputError, match="needs more than 4 GiB of memory"):
        read(graph(nodes, initializer=[shape, weights])).scores(filled())
    with pytest.raises(InputError, match=r"took more than 0\.05 seconds and was stopped"):
        read(dumped(), seconds=0.05)


@pytest.mark.usefixtures("here")
def test_trees_that_lead_outside_their_arrays_are_refused() -> None:
    forest = RandomForestClassifier(3, random_state=0, max_depth=3)
    data = on_numbers(forest)
    for name, value in (("left_child", 10_000), ("left_child", 0), ("feature", 99)):
        broken = RandomForestClassifier(3, random_state=0, max_depth=3)
        broken.fit(people()[list(NUMERIC)].fillna(0).to_numpy(), outcome())
        state = broken.estimators_[1].tree_.__getstate__()
        state["nodes"] = state["nodes"].copy()
        state["nodes"][name][0] = value
        broken.estimators_[1].tree_.__setstate__(state)
        with pytest.raises(InputError, match="trees that do not fit together"):
            read(sio.dumps(broken))
    boosted = HistGradientBoostingClassifier(max_iter=2)
    on_numbers(boosted)
    boosted._predictors[1][0].nodes["right"][0] = 10_000
    with pytest.raises(InputError, match="trees that do not fit together"):
        read(sio.dumps(boosted))
    assert read(data).facts.kind == "skops"


def test_the_process_is_told_nothing_and_cannot_reach_out(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SECRET_TOKEN", "abc")
    told = brought_process._environment(str(tmp_path))
    assert "SECRET_TOKEN" not in told
    code = """
import pickle, resource, socket, subprocess, sys
from faircore.predictors import brought_worker as worker
worker._cut_off(9.0)
sys.addaudithook(worker._refuse)
assert resource.getrlimit(resource.RLIMIT_AS) == (2**32, 2**32)
assert resource.getrlimit(resource.RLIMIT_CPU) == (10, 10)
for wrong in (
    lambda: socket.socket(),
    lambda: subprocess.run(["true"]),
    lambda: __import__("os").system("true"),
    lambda: __import__("os").fork(),
    lambda: pickle.loads(b"cos\\nsystem\\n."),
):
    try:
        wrong()
    except worker.Problem:
        print("no", end=" ")
"""
    done = subprocess.run(
        [sys.executable, "-P", "-c", code], env=told, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["no"] * 5


def test_a_childs_words_are_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    answer = {"problem": "types", "names": ["a.B", "Anna earns 12 <b>", "x" * 500]}
    assert brought_process.say(answer).startswith(
        "holds types that are not on the list of what is loaded: a.B. Use"
    )
    assert "stopped the process" in brought_process.say({"problem": "Anna"})
    monkeypatch.setattr(brought_process, "_WORKER", "no.such.module")
    with pytest.raises(InputError, match="stopped the process it ran in"):
        read(dumped())


def test_loading_happens_nowhere_else(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: Any, **__: Any) -> Any:
        raise AssertionError("loaded here")

    for name in ("loads", "load", "get_untrusted_types"):
        monkeypatch.setattr(sio, name, never)
    monkeypatch.setattr(pickle, "loads", never)
    assert read(dumped()).facts.reads == COLUMNS
