"""Models that treat groups apart, or that were not trained here, from the decision to scores."""

from __future__ import annotations

import struct
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import skops.io as sio
from numpy.typing import NDArray

from faircore.data import Table, build_dataset, load_sample, make_lending
from faircore.decide import Decision, OperatingPoint, decide
from faircore.errors import BundleError, DataError, InputError
from faircore.export.bundle import export_bundle, load_bundle
from faircore.export.chosen import bundle_of_review
from faircore.export.reader import RowReader
from faircore.export.scoring import score_file
from faircore.frontier import Frontier
from faircore.methods.bases import BaseConfig
from faircore.methods.calibrated import CalibrationConfig
from faircore.methods.cutting import CutConfig
from faircore.methods.existing import ExistingConfig
from faircore.methods.reductions import ReductionsConfig
from faircore.methods.repaired import ColumnsConfig
from faircore.methods.thresholds_by_hand import HandConfig
from faircore.metrics import confusion_counts
from faircore.plans import SweepPlan, SweepSpec
from faircore.predictors import (
    ExistingScore,
    GroupKey,
    GroupRule,
    Inputs,
    Thresholded,
    calibrator_words,
    layers,
)
from faircore.records import ReviewStore, frontier_of_review
from faircore.shelf import bring_model
from faircore.sweep import run_plan
from faircore.training import Prepared, TrainingConfig
from faircore.training.boosting import BoostingConfig
from tests.test_shelf import brought_here, pipeline

TREES = BaseConfig(trees=BoostingConfig(n_rounds=12, n_leaves=5))
LINEAR = BaseConfig(kind="network", network=TrainingConfig(hidden=(8,), epochs=3))

TOLD = {
    "lots": ("age",),
    "network lots": ("race",),
    "cuts": ("gender", "age"),
    "refusing": ("race",),
    "cut score": ("age",),
    "cut brought": ("race", "gender"),
    "doubt": ("gender",),
    "by hand": ("gender", "age"),
    "by hand brought": ("race",),
    "repaired": ("age",),
    "decorrelated": ("race", "gender"),
    "mixture": (),
    "existing": (),
    "brought": (),
    "calibrated": ("gender", "age"),
    "calibrated for all": (),
    "calibrated score": ("age",),
    "calibrated brought": ("race",),
    "corrected": (),
    "corrected score": (),
}
"""What each model must be told."""

CUT = ("lots", "network lots", "cuts", "refusing", "cut score", "cut brought", "doubt", "by hand",
       "by hand brought")  # fmt: skip


def specs(reference: str) -> dict[str, SweepSpec]:
    """One sweep per case, each with one strength beside the plain one."""

    def cut(by: str, method: str = "thresholds", at: float = 0.01, **more: Any) -> SweepSpec:
        config = CutConfig(**({"base": TREES, "by_lot": False} | more))
        return SweepSpec((at,), method=method, partitions=(by,), config=config)

    def calibrated(scope: str, by: tuple[str, ...] = (), **more: Any) -> SweepSpec:
        config = CalibrationConfig(**({"base": TREES, "scope": scope, "attributes": by} | more))
        return SweepSpec((0.0,), method="calibrated", config=config)

    def by_hand(source: str, by: tuple[str, ...], cuts: dict[str, float]) -> SweepSpec:
        config = HandConfig(source, by, cuts)
        return SweepSpec((0.0,), method="thresholds_by_hand", config=config)

    columns = ColumnsConfig(TREES)
    return {
        "lots": cut("age", by_lot=True),
        "network lots": cut("race", base=LINEAR, by_lot=True),
        "cuts": cut("gender × age", at=0.1),
        "refusing": cut("race", unseen="refuse"),
        "cut score": cut("age", source="score"),
        "cut brought": cut("race × gender", source=reference, by_lot=True),
        "doubt": cut("gender", method="reject_option", at=0.1),
        "by hand": by_hand("score", ("gender", "age"), {"man · 25–44": 0.6, "woman · 45–64": 0.4}),
        "by hand brought": by_hand(reference, ("race",), {"White": 0.6, "Black": 0.45}),
        "repaired": SweepSpec((1.0,), method="repaired", partitions=("age",), config=columns),
        "decorrelated": SweepSpec(
            (1.0,), method="decorrelated", partitions=("race × gender",), config=columns
        ),
        "mixture": SweepSpec(
            (0.02,), method="reductions", partitions=("race",), config=ReductionsConfig(TREES, 3)
        ),
        "existing": SweepSpec((0.0,), method="existing", config=ExistingConfig()),
        "brought": SweepSpec((0.0,), method="existing", config=ExistingConfig(reference)),
        "calibrated": calibrated("groups", ("gender", "age"), min_group_size=10),
        "calibrated for all": calibrated("everybody", calibrator="isotonic"),
        "calibrated score": calibrated("groups", ("age",), source="score", calibrator="beta"),
        "calibrated brought": calibrated("groups", ("race",), source=reference),
        "corrected": calibrated("features"),
        "corrected score": calibrated("features", source="score"),
    }


@dataclass(frozen=True)
class Made:
    """A review with a bundle of every case."""

    prepared: Prepared
    table: Table
    bundles: dict[str, Path]
    decisions: dict[str, Decision]

    def sealed(self) -> pd.DataFrame:
        """The sealed rows as they came."""
        return self.table.frame.iloc[self.prepared.rows("certify")].reset_index(drop=True)


def loans(n: int = 1_500) -> pd.DataFrame:
    """Some ages are missing too."""
    frame = make_lending(n, seed=9)
    frame["age"] = frame["age"].astype("Int64")
    frame.loc[frame.index % 23 == 5, "age"] = pd.NA
    return frame


def make(frame: pd.DataFrame, workspace: Path, cases: tuple[str, ...], **roles: Any) -> Made:
    _, spec = load_sample("lending")
    spec = spec.with_(intersections=(("race", "gender"), ("gender", "age")), **roles)
    table = Table.from_frame(frame, "lending.csv")
    dataset, reference = build_dataset(table, spec), ""
    if any("brought" in case for case in cases):
        model = sio.dumps(pipeline(dataset))
        reference = bring_model(model, dataset, workspace=workspace, name="team").reference
    plan = {case: spec for case, spec in specs(reference).items() if case in cases}
    run_plan(dataset, SweepPlan(tuple(plan.values())), workspace=workspace)
    reviews = ReviewStore(workspace)
    review = reviews.create("Loans", table, dataset)
    reviews.add_sweep(review.id, SweepPlan(tuple(plan.values())).to_json())
    frontier = frontier_of_review(workspace, review.id, dataset=dataset)
    prepared = Prepared.of(dataset)
    bundles, decisions = {}, {}
    for case, one in plan.items():
        decisions[case] = choose(workspace, review.id, frontier, one, dataset.fingerprint)
        bundle = bundle_of_review(workspace, review.id, prepared=prepared)
        bundles[case] = export_bundle(bundle, workspace / f"{case}.zip")
    return Made(prepared, table, bundles, decisions)


def choose(
    workspace: Path, review: str, frontier: Frontier, spec: SweepSpec, fingerprint: str
) -> Decision:
    """Its fairest model."""
    (strength,) = {*spec.strengths} - {spec.kind.plain} or {spec.kind.plain}
    point = OperatingPoint(spec.trial_id(fingerprint, strength, 0), 0.5)
    return decide(workspace, review, point, frontier=frontier, who="Ada", reason="Enough.")


@pytest.fixture(scope="module", autouse=True)
def here() -> Iterator[None]:
    with brought_here():
        yield


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return make(loans(), tmp_path_factory.mktemp("groups"), tuple(TOLD))


def scored(made: Made, case: str, frame: pd.DataFrame, folder: Path) -> pd.DataFrame:
    """What ``score_file`` makes of rows in a CSV."""
    frame.to_csv(folder / "new.csv", index=False)
    n = score_file(made.bundles[case], folder / "new.csv", folder / "scored.csv")
    found = pd.read_csv(folder / "scored.csv")
    assert n == len(found) == len(frame)
    return found


every_case = pytest.mark.parametrize("case", TOLD)


@every_case
def test_what_was_signed_can_be_recomputed(case: str, made: Made, tmp_path: Path) -> None:
    found = scored(made, case, made.sealed(), tmp_path)
    prepared, rows = made.prepared, made.prepared.rows("certify")
    assert prepared.dataset.sensitive["age"].iloc[rows].isna().any()  # missing labels are decided
    assert prepared.dataset.sensitive["race"].iloc[rows].isna().any()
    counts = confusion_counts(
        prepared.dataset.y_true[rows],
        found["decision"].to_numpy(),
        prepared.groups.take(rows),
        prepared.weights[rows],
    )
    np.testing.assert_array_equal(counts, made.decisions[case].sealed_counts)
    assert 0 < found["decision"].mean() < 1
    assert found["score"].between(0, 1).all()


@pytest.mark.parametrize("case", ["lots", "mixture"])
def test_a_lot_is_the_same_whoever_else_is_asked_about(
    case: str, made: Made, tmp_path: Path
) -> None:
    sealed = made.sealed()
    bundle = load_bundle(made.bundles[case])
    together = scored(made, case, sealed, tmp_path)["decision"]
    order = np.random.default_rng(0).permutation(len(sealed))
    shuffled = scored(made, case, sealed.iloc[order], tmp_path)["decision"].to_numpy()
    np.testing.assert_array_equal(shuffled, together.to_numpy()[order])
    rows = [sealed.iloc[[i]].reset_index(drop=True) for i in range(len(sealed))]
    alone = [int(bundle.score(Table(row, "one.csv"))["decision"][0]) for row in rows]
    assert alone == together.tolist()


class Wobbly:
    """A model whose sums end otherwise for one row than for many, as matrix products do."""

    needs_groups = ()
    n_features = 3
    shape_text = "a sum"

    def scores(self, inputs: Inputs) -> NDArray[np.float64]:
        scores = np.full(inputs.n_rows, 0.4)
        return np.nextafter(scores, 1.0) if inputs.n_rows == 1 else scores

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        return {}


def test_a_lot_does_not_hang_on_rounding() -> None:
    """Networks and brought models: a person alone is decided as among others."""
    key = GroupKey(("race",), (("a",),), "pooled")
    rule = GroupRule(key, np.array([[0.3, 0.6]] * 2), np.full((2, 2), 0.5))
    encoded = np.random.default_rng(0).normal(size=(60, 3)).astype(np.float32)
    race = pd.DataFrame({"race": ["a"] * 60})
    model = Thresholded(Wobbly(), rule)
    together = model.scores(Inputs(encoded, race)) >= 0.5
    alone = [bool(model.scores(Inputs(encoded[[i]], race.iloc[[i]]))[0] >= 0.5) for i in range(60)]
    assert 10 < together.sum() < 50
    assert alone == together.tolist()


@pytest.mark.parametrize(
    ("case", "column"),
    [(case, column) for case, told in TOLD.items() for column in told],
)
def test_a_column_of_groups_that_is_missing_is_named(
    case: str, column: str, made: Made, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match=f"no column '{column}'.* does not need it"):
        scored(made, case, made.sealed().drop(columns=column), tmp_path)


@pytest.mark.parametrize("case", [case for case, told in TOLD.items() if not told])
def test_who_needs_no_groups_is_told_none(case: str, made: Made, tmp_path: Path) -> None:
    whole = scored(made, case, made.sealed(), tmp_path)
    without = made.sealed().drop(columns=["race", "gender", "age"])
    pd.testing.assert_frame_equal(scored(made, case, without, tmp_path), whole)


@pytest.mark.parametrize("case", ["cut brought", "decorrelated", "network lots"])
def test_a_label_nobody_had_is_treated_as_everybody(case: str, made: Made, tmp_path: Path) -> None:
    known = made.sealed()
    most = known.assign(race=known["race"].where(known.index > 200, "Martian"))
    found = scored(made, case, most, tmp_path)
    assert found["score"].between(0, 1).all()
    one = known.assign(race=known["race"].where(known.index > 0, "Martian"))
    some = scored(made, case, one, tmp_path)
    assert some["decision"][0] == found["decision"][0]
    whole = scored(made, case, known, tmp_path)
    np.testing.assert_array_equal(some["decision"][1:], whole["decision"][1:])


def test_a_file_of_nothing_but_unknown_groups_is_refused(made: Made, tmp_path: Path) -> None:
    """Every label written another way would otherwise be an hour of wrong decisions."""
    with pytest.raises(BundleError, match="No row belongs to a group"):
        scored(made, "cut brought", made.sealed().assign(race="Martian"), tmp_path)


def test_rows_of_unknown_groups_are_counted_aloud(
    made: Made, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    known = made.sealed()
    scored(made, "decorrelated", known.assign(
        race=known["race"].where(known.index > 4, "Martian")
    ), tmp_path)  # fmt: skip
    told = capsys.readouterr().err
    assert "rows belong to a group the model was not told of" in told
    assert "Martian" not in told


def test_a_label_nobody_had_is_refused_where_that_was_asked(made: Made, tmp_path: Path) -> None:
    strange = made.sealed()
    strange.loc[3, "race"] = "canary-race"
    with pytest.raises(InputError, match=r"1 of [\d,]+ rows belong to a group of race") as refused:
        scored(made, "refusing", strange, tmp_path)
    assert "canary" not in str(refused.value)
    assert len(scored(made, "refusing", strange.drop(index=3), tmp_path)) == len(strange) - 1


@pytest.mark.parametrize("case", ["lots", "cuts", "cut score", "repaired"])
def test_ages_in_decimals_find_their_ranges(case: str, made: Made, tmp_path: Path) -> None:
    sealed = made.sealed()
    ages = pd.to_numeric(sealed["age"])
    later = sealed.assign(age=(ages + 0.5).astype("str").where(ages.notna(), None))
    pd.testing.assert_frame_equal(
        scored(made, case, later, tmp_path), scored(made, case, sealed, tmp_path)
    )
    older = scored(made, case, sealed.assign(age="70.25"), tmp_path)
    same = scored(made, case, sealed.assign(age="70"), tmp_path)
    pd.testing.assert_frame_equal(older, same)
    assert not older.equals(scored(made, case, sealed.assign(age="30"), tmp_path))


@every_case
def test_bundle_and_card_say_what_must_be_told(case: str, made: Made) -> None:
    bundle = load_bundle(made.bundles[case])
    assert bundle.facts["needs_groups"] is bool(TOLD[case])
    assert set(TOLD[case]) <= set(bundle.reader.columns)
    assert bundle.predictor.needs_groups == TOLD[case]
    needs = "It **needs** a sensitive attribute at prediction time."
    blind = "It does not see the sensitive attributes at prediction time."
    assert (needs in bundle.card, blind in bundle.card) == (bool(TOLD[case]), not TOLD[case])
    assert made.decisions[case].needs_groups is bool(TOLD[case])


@pytest.mark.parametrize("case", CUT)
def test_the_card_lists_the_threshold_of_each_group(case: str, made: Made) -> None:
    bundle = load_bundle(made.bundles[case])
    assert isinstance(bundle.predictor, Thresholded)
    told = bundle.predictor.rule.in_words()
    section = bundle.card.split("| Group | Score needed |")[1].split("\n\n")[0]
    rows = [line.strip("| ").split(" | ") for line in section.splitlines()[2:]]
    escaped = {row[0].replace("\\", "").replace("&lt;", "<"): row[1] for row in rows}
    assert escaped == told
    assert ("any other group" in told) == (case != "refusing")
    assert "(missing)" in "".join(told) or case == "doubt"


@pytest.mark.parametrize("case", [case for case in TOLD if case.startswith("calibrated")])
def test_the_card_lists_what_calibrates_each_group(case: str, made: Made) -> None:
    bundle = load_bundle(made.bundles[case])
    told = calibrator_words(bundle.predictor)
    section = bundle.card.split("| Group | Calibrator |")[1].split("\n\n")[0]
    assert len(section.splitlines()) - 2 == len(told)
    assert "everybody" in told
    assert ("nothing was asked" in bundle.card) is False


def test_other_cards_list_no_thresholds(made: Made) -> None:
    for case in set(TOLD) - set(CUT):
        assert "Score needed" not in load_bundle(made.bundles[case]).card


def test_no_planted_value_is_in_a_bundle(tmp_path: Path) -> None:
    """Values of one person, as they are and as models read them."""
    frame = loans()
    rare = [f"canary-employer-{i}" for i in range(9)]
    frame.loc[: len(rare) - 1, "employment"] = rare
    frame["application_id"] = [f"canary-id-{i}" for i in range(len(frame))]
    frame.loc[10:12, "income"] = [98765.4321, 87654.3219, 76543.2198]
    frame.loc[10:12, "age"] = 97  # so that its range is a small one
    frame.loc[10:20, "existing_score"] = 0.4321987 + np.arange(11) / 1e5
    cases = ("lots", "cuts", "cut score", "repaired", "decorrelated", "mixture", "existing",
             "calibrated for all", "calibrated score", "corrected score")  # fmt: skip
    made = make(frame, tmp_path, cases)
    encoded = made.prepared.encoder.transform(made.prepared.dataset.features.iloc[10:13])
    own = [*frame["existing_score"][10:21], *frame["income"][10:13]]
    own += [v for v in encoded.ravel().tolist() if abs(v) > 5 and v not in (0.0, 1.0)]
    assert len(own) >= 17
    for case in cases:
        with zipfile.ZipFile(made.bundles[case]) as archive:
            unpacked = b"\n".join(archive.read(name) for name in archive.namelist())
        assert b"employment" in unpacked  # the search would find something
        assert b"canary" not in unpacked
        assert b"98765" not in unpacked
        for number in own:
            assert struct.pack("<d", number) not in unpacked, case
            assert struct.pack("<f", number) not in unpacked, case
            assert repr(float(number)).encode() not in unpacked, case


def test_scoring_by_groups_never_loads_the_training_stack(made: Made, tmp_path: Path) -> None:
    made.sealed().to_csv(tmp_path / "new.csv", index=False)
    program = (
        "import sys\n"
        "from faircore.export.scoring import score_file\n"
        "heavy = {'torch', 'sklearn', 'lightgbm', 'plotly', 'fairlearn', 'skops'}\n"
        "found = heavy & set(sys.modules)\n"
        "*bundles, rows, out = sys.argv[1:]\n"
        "for bundle in bundles:\n"
        "    score_file(bundle, rows, out)\n"
        "sys.exit(f'{found} by importing, {heavy & set(sys.modules)} by scoring'\n"
        "         if found or heavy & set(sys.modules) else 0)\n"
    )
    cases = [str(made.bundles[c]) for c in TOLD if "brought" not in c]
    done = subprocess.run(
        [sys.executable, "-c", program, *cases, str(tmp_path / "new.csv"), str(tmp_path / "o.csv")],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert all(line.endswith("treated as everybody is.") for line in done.stderr.splitlines())


@pytest.mark.parametrize("case", ["brought", "cut brought"])
def test_a_brought_file_leaves_as_it_came(case: str, made: Made) -> None:
    arrays = load_bundle(made.bundles[case]).predictor.to_arrays()
    name = "brought.file" if case == "brought" else "base.brought.file"
    assert arrays[name].tobytes()[:4] == b"PK\x03\x04"


@pytest.mark.parametrize(
    ("case", "reads"),
    [
        ("existing", {"existing_score"}),
        ("cut score", {"existing_score", "age"}),
        ("calibrated score", {"existing_score", "age"}),
        ("brought", {"income", "debt_ratio", "loan_amount", "employment"}),
    ],
)
def test_a_file_needs_the_columns_the_model_reads(
    case: str, reads: set[str], made: Made, tmp_path: Path
) -> None:
    assert set(load_bundle(made.bundles[case]).reader.columns) == reads
    whole = scored(made, case, made.sealed(), tmp_path)
    pd.testing.assert_frame_equal(scored(made, case, made.sealed()[[*reads]], tmp_path), whole)


@pytest.mark.parametrize("case", ["existing", "brought"])
def test_the_card_claims_nothing_of_how_a_model_from_elsewhere_learned(
    case: str, made: Made
) -> None:
    assert "nothing was asked of it but accuracy" not in load_bundle(made.bundles[case]).card


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """A review of a score, without features."""
    return make(loans(), tmp_path_factory.mktemp("bare"), ("cut score",), features=())


def test_a_review_without_features_leaves_as_a_bundle(bare: Made, tmp_path: Path) -> None:
    bundle = load_bundle(bare.bundles["cut score"])
    assert set(bundle.reader.columns) == {"age", "existing_score"}
    sealed, prepared = bare.sealed()[["existing_score", "age"]], bare.prepared
    found, rows = scored(bare, "cut score", sealed, tmp_path), prepared.rows("certify")
    counts = confusion_counts(
        prepared.dataset.y_true[rows],
        found["decision"].to_numpy(),
        prepared.groups.take(rows),
        prepared.weights[rows],
    )
    np.testing.assert_array_equal(counts, bare.decisions["cut score"].sealed_counts)
    with pytest.raises(InputError, match="'existing_score', and the rows have none"):
        scored(bare, "cut score", sealed[["age"]].assign(other=1), tmp_path)
    assert "are not sealed" in bundle.card


def test_the_card_of_such_a_review_does_not_contradict_itself(bare: Made) -> None:
    card = load_bundle(bare.bundles["cut score"]).card
    assert "features: ." not in card
    assert "people whose rows were sealed" not in card


def test_a_model_cut_twice_is_read_by_its_innermost() -> None:
    """A cut model can be selected and cut again; what it reads, and its lots, lie below."""
    _, spec = load_sample("lending")
    table = Table.from_frame(make_lending(200, seed=1), "lending.csv")
    dataset = build_dataset(table, spec.with_(score="existing_score"))
    encoder = Prepared.of(dataset).encoder
    key = GroupKey(("race",), (("White",),), "pooled")
    whole = GroupRule(key, np.full((2, 1), 0.5), np.ones((2, 1)))
    drawn = GroupRule(key, np.array([[0.4, 0.6]] * 2), np.full((2, 2), 0.5))
    score = ExistingScore("existing_score")
    for inner, columns in ((whole, 0), (drawn, len(encoder.columns))):
        model = Thresholded(Thresholded(score, inner), whole)
        reader = RowReader.of(dataset, encoder, model)
        assert layers(model)[-1] is score
        assert reader.score == "existing_score"
        assert len(reader.encoder.columns) == columns
        scores = model.scores(reader.inputs(table))
        assert ((scores >= 0) & (scores <= 1)).all()
