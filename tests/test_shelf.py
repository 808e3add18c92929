"""Models on the shelf: brought as files, found again, compared and cut by sweeps."""

from __future__ import annotations

import shutil
import subprocess
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import skops.io as sio
from numpy.typing import NDArray
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from faircore.data import Dataset, Table, build_dataset
from faircore.errors import InputError, StoreError
from faircore.frontier import Frontier
from faircore.methods.cutting import CutConfig
from faircore.methods.existing import ExistingConfig
from faircore.methods.sources import NOTE
from faircore.plans import SweepPlan, SweepSpec
from faircore.predictors import Thresholded, brought, brought_process, brought_worker
from faircore.shelf import Brought, bring_model, brought_models, read_predictor
from faircore.store import TrialStore
from faircore.sweep import MEASURED, run_plan, run_sweep
from faircore.training import Prepared
from faircore.training.boosting import BoostingConfig
from faircore.training.prepared import inputs_of

skl2onnx = pytest.importorskip("skl2onnx")

NUMBERS, WORDS = ["income", "debt_ratio", "loan_amount"], ["employment"]
SOME = np.arange(200)


@contextmanager
def brought_here() -> Iterator[None]:
    """Run brought files in this process: one of their own takes seconds, and has its own tests."""

    def run(command: list[str], **_: Any) -> Any:
        with warnings.catch_warnings():
            brought_worker.main(Path(command[-1]))
        return subprocess.CompletedProcess(command, 0)

    brought._RECENT.clear()
    with pytest.MonkeyPatch.context() as patch:
        within = SimpleNamespace(meta_path=[], addaudithook=lambda _: None)
        patch.setattr(brought_worker, "sys", within)
        patch.setattr(brought_worker, "_cut_off", lambda _: None)
        outside = SimpleNamespace(run=run, DEVNULL=None, TimeoutExpired=TimeoutError)
        patch.setattr(brought_process, "subprocess", outside)
        yield


@pytest.fixture(scope="module", autouse=True)
def here() -> Iterator[None]:
    with brought_here():
        yield


def pipeline(dataset: Dataset, *, words: list[str] = WORDS, fill: bool = True) -> Pipeline:
    """Fitted on the loans, by the names of their columns and of the outcome."""
    numbers = make_pipeline(*([SimpleImputer()] if fill else []), StandardScaler())
    steps = ColumnTransformer(
        [
            ("numbers", numbers, NUMBERS),
            ("words", OneHotEncoder(handle_unknown="ignore"), words),
        ]
    )
    whole = dataset.features.join(dataset.sensitive)[[*NUMBERS, *words]]
    kept = np.ones(len(whole), bool) if fill else whole.notna().all(axis=1).to_numpy()
    y = np.where(dataset.y_true == 1, "yes", "no")
    return make_pipeline(steps, LogisticRegression()).fit(whole[kept], y[kept])


def expected(model: Pipeline, dataset: Dataset, rows: NDArray[np.int64]) -> NDArray[np.float64]:
    """Its own probability of the good outcome."""
    whole = dataset.features.join(dataset.sensitive).iloc[rows]
    scores: NDArray[np.float64] = model.predict_proba(whole)[:, 1]
    return scores


def to_onnx(model: Pipeline) -> bytes:
    types = skl2onnx.common.data_types
    kinds = [(c, types.FloatTensorType([None, 1])) for c in NUMBERS]
    kinds += [(c, types.StringTensorType([None, 1])) for c in WORDS]
    found = skl2onnx.convert_sklearn(
        model, initial_types=kinds, options={id(model): {"zipmap": False}}
    )
    made: bytes = found.SerializeToString()
    return made


@dataclass(frozen=True)
class Shelf:
    """A workspace with a model in two formats."""

    workspace: Path
    dataset: Dataset
    model: Pipeline
    data: bytes
    skops: Brought
    onnx: Brought


@pytest.fixture(scope="module")
def shelf(lending: tuple[Table, Dataset], tmp_path_factory: pytest.TempPathFactory) -> Shelf:
    workspace, dataset = tmp_path_factory.mktemp("shelf"), lending[1]
    model = pipeline(dataset)
    data = sio.dumps(model)
    first = bring_model(data, dataset, workspace=workspace, name="team.skops")
    second = bring_model(to_onnx(model), dataset, workspace=workspace, name="graph.onnx")
    return Shelf(workspace, dataset, model, data, first, second)


def trial_files(workspace: Path) -> list[Path]:
    return list((workspace / "trials").glob("??/*/record.json"))


def test_what_was_brought_is_listed_for_its_data(shelf: Shelf) -> None:
    assert shelf.skops.shape == "a scikit-learn Pipeline from a skops file"
    assert shelf.onnx.shape == "an ONNX model"
    listed = brought_models(shelf.workspace, shelf.dataset.fingerprint)
    assert listed == (shelf.onnx, shelf.skops)  # by name
    assert brought_models(shelf.workspace, "0" * 64) == ()
    assert brought_models(shelf.workspace / "nowhere", shelf.dataset.fingerprint) == ()


@pytest.mark.parametrize("kind", ["skops", "onnx"])
def test_it_is_read_back_with_its_own_scores(kind: str, shelf: Shelf) -> None:
    brought: Brought = getattr(shelf, kind)
    model = read_predictor(brought.reference, workspace=shelf.workspace)
    found = model.scores(inputs_of(shelf.dataset, SOME))
    np.testing.assert_allclose(found, expected(shelf.model, shelf.dataset, SOME), atol=1e-5)
    assert (model.needs_groups, model.n_features) == ((), None)


def test_an_equal_file_is_one_model(shelf: Shelf) -> None:
    again = bring_model(shelf.data, shelf.dataset, workspace=shelf.workspace, name="team.skops")
    assert again == shelf.skops
    assert len(brought_models(shelf.workspace, shelf.dataset.fingerprint)) == 2


def test_an_equal_file_of_another_name_is_one_model(shelf: Shelf, tmp_path: Path) -> None:
    again = bring_model(shelf.data, shelf.dataset, workspace=tmp_path, name="copy of team.skops")
    assert again.reference == shelf.skops.reference


def test_the_good_outcome_of_the_review_is_that_of_the_model(
    shelf: Shelf, lending: tuple[Table, Dataset], tmp_path: Path
) -> None:
    """Classes that are named as the outcome is: which one is good is known."""
    table, dataset = lending
    turned = build_dataset(table, dataset.spec.with_(positive="no"))
    brought = bring_model(shelf.data, turned, workspace=tmp_path)
    model = read_predictor(brought.reference, workspace=tmp_path)
    found = model.scores(inputs_of(turned, SOME))
    np.testing.assert_allclose(found, 1 - expected(shelf.model, dataset, SOME), atol=1e-9)


def test_another_good_outcome_is_another_model(shelf: Shelf, tmp_path: Path) -> None:
    turned = bring_model(
        shelf.data, shelf.dataset, workspace=tmp_path, name="team.skops", positive="no"
    )
    assert turned.reference != shelf.skops.reference
    model = read_predictor(turned.reference, workspace=tmp_path)
    found = model.scores(inputs_of(shelf.dataset, SOME))
    np.testing.assert_allclose(found, 1 - expected(shelf.model, shelf.dataset, SOME), atol=1e-9)


def test_what_does_not_fit_the_columns_is_refused_and_not_kept(
    shelf: Shelf, lending: tuple[Table, Dataset], tmp_path: Path
) -> None:
    table, dataset = lending
    fewer = build_dataset(table, dataset.spec.with_(features=("income", "employment")))
    with pytest.raises(InputError, match="'debt_ratio', 'loan_amount'") as refused:
        bring_model(shelf.data, fewer, workspace=tmp_path)
    assert str(refused.value).count("\n") == 0
    with pytest.raises(InputError, match="damaged or incomplete"):
        bring_model(b"PK\x03\x04 no model", dataset, workspace=tmp_path)
    assert brought_models(tmp_path, fewer.fingerprint) == ()
    assert list(tmp_path.rglob("record.json")) == []


def damaged(shelf: Shelf, workspace: Path) -> Path:
    """A copy of the workspace in which one byte of the first model is another."""
    shutil.copytree(shelf.workspace, workspace)
    folder = TrialStore(workspace / "models").folder(shelf.skops.reference)
    data = bytearray((folder / "model.safetensors").read_bytes())
    data[len(data) // 2] ^= 1
    (folder / "model.safetensors").write_bytes(data)
    return workspace


def test_a_damaged_file_is_refused_and_can_be_brought_again(shelf: Shelf, tmp_path: Path) -> None:
    workspace = damaged(shelf, tmp_path / "copy")
    with pytest.raises(StoreError, match="must be brought again"):
        read_predictor(shelf.skops.reference, workspace=workspace)
    assert brought_models(workspace, shelf.dataset.fingerprint) == (shelf.onnx,)
    bring_model(shelf.data, shelf.dataset, workspace=workspace, name="team.skops")
    assert read_predictor(shelf.skops.reference, workspace=workspace).n_features is None


@pytest.mark.parametrize("reference", ["0" * 32, "", "..", "../../etc"])
def test_a_reference_of_nothing_is_refused(reference: str, shelf: Shelf) -> None:
    with pytest.raises(StoreError, match="missing or damaged"):
        read_predictor(reference, workspace=shelf.workspace)


def existing(source: str) -> SweepSpec:
    return SweepSpec((0.0,), method="existing", config=ExistingConfig(source))


def thresholds(source: str, **more: object) -> SweepSpec:
    config = CutConfig(source=source, by_lot=False, **more)  # type: ignore[arg-type]
    return SweepSpec((0.02,), method="thresholds", partitions=("race",), config=config)


@pytest.fixture(scope="module")
def swept(shelf: Shelf) -> Frontier:
    """Both brought models, as they are and cut."""
    sources = (shelf.skops.reference, shelf.onnx.reference)
    plan = SweepPlan(tuple(make(source) for source in sources for make in (existing, thresholds)))
    return run_plan(shelf.dataset, plan, workspace=shelf.workspace)


def test_sweeps_compare_and_cut_the_model_itself(shelf: Shelf, swept: Frontier) -> None:
    prepared = Prepared.of(shelf.dataset)
    assert [c.method for c in swept.candidates] == 2 * ["existing", "thresholds", "thresholds"]
    for candidate in swept.candidates:
        assert candidate.failure is None
        found = read_predictor(candidate.id, workspace=shelf.workspace)
        base = found.base if isinstance(found, Thresholded) else found
        assert isinstance(found, Thresholded) == (candidate.target is not None)
        for split in ("select", "certify"):
            scores = base.scores(prepared.inputs(split))
            own = expected(shelf.model, shelf.dataset, prepared.rows(split))
            np.testing.assert_allclose(scores, own, atol=1e-5)
    first = swept.candidates[0]
    for split in MEASURED:
        own = expected(shelf.model, shelf.dataset, prepared.rows(split))
        np.testing.assert_array_equal(first.cubes[split], prepared.cube(split, own))
    assert first.note == NOTE
    assert [c.needs_groups for c in swept.candidates] == 2 * [False, True, False]
    assert swept.candidates[1].shape.endswith(
        "a scikit-learn Pipeline from a skops file with thresholds by group"
    )


def test_ids_tell_sources_apart_and_stay(shelf: Shelf) -> None:
    mark = shelf.dataset.fingerprint
    for make in (existing, thresholds):
        specs = [make(s) for s in ("score", shelf.skops.reference, shelf.onnx.reference)]
        ids = [i for spec in specs for i in spec.trial_ids(mark)]
        assert len(set(ids)) == len(ids)
        for spec in specs:
            assert SweepSpec.from_json(spec.to_json()).trial_ids(mark) == spec.trial_ids(mark)
    # How it is cut is nothing to the score itself.
    one, other = (thresholds("score", min_people=m).trial_ids(mark) for m in (0, 50))
    assert one[1] == other[1]
    assert one[0] != other[0]


def test_a_trained_candidate_can_be_cut(shelf: Shelf, tmp_path: Path) -> None:
    spec = SweepSpec((1.0,), method="boosted", partitions=("race",), config=BoostingConfig(10))
    trees = run_sweep(shelf.dataset, spec, workspace=tmp_path).candidates[1]
    cut = run_sweep(shelf.dataset, thresholds(trees.id), workspace=tmp_path)
    plain = next(c for c in cut.candidates if c.target is None)
    for split in MEASURED:
        np.testing.assert_array_equal(plain.cubes[split], trees.cubes[split])


@pytest.mark.parametrize("make", [existing, thresholds])
def test_a_missing_model_stops_the_sweep_with_one_sentence(
    make: type[SweepSpec], shelf: Shelf, tmp_path: Path
) -> None:
    with pytest.raises(StoreError, match="A model that was brought must be brought again"):
        run_sweep(shelf.dataset, make("0" * 32), workspace=tmp_path)  # type: ignore[arg-type]
    assert trial_files(tmp_path) == []


def test_a_missing_model_is_said_before_the_rest_is_trained(shelf: Shelf, tmp_path: Path) -> None:
    first = SweepSpec((1.0,), method="boosted", partitions=("race",), config=BoostingConfig(5))
    plan = SweepPlan((first, existing("0" * 32)))
    with pytest.raises(StoreError, match="missing or damaged"):
        run_plan(shelf.dataset, plan, workspace=tmp_path)
    assert trial_files(tmp_path) == []


def test_a_model_that_fails_on_later_rows_leaves_candidates_that_say_why(
    lending: tuple[Table, Dataset], tmp_path: Path
) -> None:
    """It is asked about a few rows when it is brought; here a cell is missing after those."""
    table, dataset = lending
    order = np.argsort(table.frame["income"].isna().to_numpy(), kind="stable")
    late = Table(table.frame.iloc[order].reset_index(drop=True), table.source)
    dataset = build_dataset(late, dataset.spec)
    data = sio.dumps(pipeline(dataset, fill=False))
    brought = bring_model(data, dataset, workspace=tmp_path)
    plan = SweepPlan((existing(brought.reference), thresholds(brought.reference)))
    found = run_plan(dataset, plan, workspace=tmp_path).candidates
    assert len(found) == 3
    for candidate in found:
        assert candidate.cubes == {}
        assert candidate.failure is not None
        assert "reads no missing values" in candidate.failure


def test_a_model_of_an_attribute_must_be_told_it(shelf: Shelf, tmp_path: Path) -> None:
    model = pipeline(shelf.dataset, words=["gender"])
    brought = bring_model(sio.dumps(model), shelf.dataset, workspace=tmp_path)
    (candidate,) = run_sweep(
        shelf.dataset, existing(brought.reference), workspace=tmp_path
    ).candidates
    assert candidate.needs_groups
    found = read_predictor(candidate.id, workspace=tmp_path)
    assert found.needs_groups == ("gender",)
    scores = found.scores(inputs_of(shelf.dataset, SOME))
    np.testing.assert_allclose(scores, expected(model, shelf.dataset, SOME), atol=1e-9)
