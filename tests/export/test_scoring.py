from __future__ import annotations

import csv
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from faircore.data import Dataset, Table, make_lending
from faircore.data.encoding import NumericColumn
from faircore.errors import BundleError, DataError, FaircoreError
from faircore.export.bundle import Bundle, export_bundle, load_bundle
from faircore.export.reader import RowReader
from faircore.export.scoring import score_file
from faircore.predictors.network import Network
from faircore.training import Prepared

FEATURES = (
    "region",
    "employment",
    "income",
    "debt_ratio",
    "credit_history_years",
    "loan_amount",
    "purpose",
)


@pytest.fixture(scope="module")
def bundle_path(lending: tuple[Table, Dataset], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A linear model with weights drawn at random: scoring needs no trained one."""
    encoder = Prepared.of(lending[1]).encoder
    rng = np.random.default_rng(0)
    network = Network(
        (rng.normal(0, 0.5, (1, len(encoder.names))).astype(np.float32),),
        (np.zeros(1, np.float32),),
    )
    path = tmp_path_factory.mktemp("bundle") / "bundle.zip"
    return export_bundle(Bundle(network, RowReader(encoder), 0.5, {}, "# Card"), path)


@pytest.fixture
def rows() -> pd.DataFrame:
    return make_lending(200, seed=11)


def write(frame: pd.DataFrame, folder: Path, name: str = "new.csv") -> Path:
    path = folder / name
    frame.to_csv(path, index=False)
    return path


def read(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_every_row_is_scored_in_its_place(
    bundle_path: Path, rows: pd.DataFrame, tmp_path: Path
) -> None:
    out = tmp_path / "out.csv"
    shuffled = rows.sample(frac=1, random_state=1)
    n = score_file(bundle_path, write(shuffled, tmp_path), out, keep=["application_id"])
    scored = pd.read_csv(out)
    assert n == len(scored) == 200
    assert list(scored) == ["application_id", "score", "decision"]
    assert scored["application_id"].tolist() == shuffled["application_id"].tolist()
    # Each row alone gets the score it got among the others.
    bundle = load_bundle(bundle_path)
    for i in (0, 57, 199):
        alone = write(shuffled.iloc[[i]], tmp_path, "alone.csv")
        score_file(bundle_path, alone, out)
        assert pd.read_csv(out)["score"][0] == pytest.approx(scored["score"][i], abs=1e-6)
    np.testing.assert_array_equal(scored["decision"], scored["score"] >= bundle.threshold)
    assert scored["decision"].nunique() == 2


def test_columns_may_come_in_any_order_and_others_are_ignored(
    bundle_path: Path, rows: pd.DataFrame, tmp_path: Path
) -> None:
    first, second = tmp_path / "a.csv", tmp_path / "b.csv"
    score_file(bundle_path, write(rows, tmp_path), first)
    score_file(bundle_path, write(rows[list(FEATURES[::-1])], tmp_path), second)
    assert first.read_bytes() == second.read_bytes()


def test_parquet_scores_like_csv(bundle_path: Path, rows: pd.DataFrame, tmp_path: Path) -> None:
    first, second = tmp_path / "a.csv", tmp_path / "b.csv"
    rows.to_parquet(tmp_path / "new.parquet")
    score_file(bundle_path, write(rows, tmp_path), first)
    score_file(bundle_path, tmp_path / "new.parquet", second)
    assert first.read_bytes() == second.read_bytes()


@pytest.mark.parametrize("column", FEATURES)
def test_a_missing_column_is_named(
    bundle_path: Path, rows: pd.DataFrame, tmp_path: Path, column: str
) -> None:
    with pytest.raises(DataError, match=column):
        score_file(bundle_path, write(rows.drop(columns=column), tmp_path), tmp_path / "out.csv")
    assert not (tmp_path / "out.csv").exists()


def test_text_for_a_number_is_refused_without_repeating_it(
    bundle_path: Path, rows: pd.DataFrame, tmp_path: Path
) -> None:
    rows["income"] = rows["income"].astype(str).where(rows.index != 4, "canary-secret")
    with pytest.raises(DataError, match="'income'") as caught:
        score_file(bundle_path, write(rows, tmp_path), tmp_path / "out.csv")
    assert "canary" not in str(caught.value)


def test_unseen_and_missing_categories_are_scored(
    bundle_path: Path, rows: pd.DataFrame, tmp_path: Path
) -> None:
    unseen = rows.assign(region="atlantis")
    missing = rows.assign(region=None)
    scores = {}
    for name, frame in (("seen", rows), ("unseen", unseen), ("missing", missing)):
        score_file(bundle_path, write(frame, tmp_path), tmp_path / "out.csv")
        scores[name] = pd.read_csv(tmp_path / "out.csv")["score"]
        assert scores[name].between(0, 1).all()
    # The fixture's region was never missing, so both mean "another level".
    np.testing.assert_array_equal(scores["unseen"], scores["missing"])
    assert not np.allclose(scores["seen"], scores["unseen"])


def test_a_missing_number_scores_as_the_median(
    bundle_path: Path, rows: pd.DataFrame, tmp_path: Path
) -> None:
    encoder = load_bundle(bundle_path).reader.encoder
    ratio = next(c for c in encoder.columns if c.name == "debt_ratio")
    assert isinstance(ratio, NumericColumn)
    assert not ratio.has_missing
    score_file(bundle_path, write(rows.assign(debt_ratio=None), tmp_path), tmp_path / "a.csv")
    at_median = write(rows.assign(debt_ratio=ratio.median), tmp_path)
    score_file(bundle_path, at_median, tmp_path / "b.csv")
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()


RISKY = ["=1+1", "+SUM(A1)", "-2+3", "@cmd", "\tx", "=HYPERLINK(1)", "-5", "+5", "1e3", "plain", ""]
SAFE = ["'=1+1", "'+SUM(A1)", "'-2+3", "'@cmd", "'\tx", "'=HYPERLINK(1)", "-5", "+5", "1e3",
        "plain", ""]  # fmt: skip


def test_formulas_leave_as_text_and_numbers_as_numbers(
    bundle_path: Path, rows: pd.DataFrame, tmp_path: Path
) -> None:
    rows = rows.head(len(RISKY)).assign(note=RISKY)
    score_file(bundle_path, write(rows, tmp_path), tmp_path / "out.csv", keep=["note"])
    assert [row["note"] for row in read(tmp_path / "out.csv")] == SAFE


def test_a_header_that_is_a_formula_leaves_as_text(
    bundle_path: Path, rows: pd.DataFrame, tmp_path: Path
) -> None:
    name = "=cmd|' /C calc'!A0"
    path = write(rows.assign(**{name: "x"}), tmp_path)
    score_file(bundle_path, path, tmp_path / "out.csv", keep=[name])
    assert next(iter(read(tmp_path / "out.csv")[0])).startswith("'=")


def test_several_columns_are_carried_in_the_order_asked(
    bundle_path: Path, rows: pd.DataFrame, tmp_path: Path
) -> None:
    keep = ["purpose", "application_id", "race"]
    score_file(bundle_path, write(rows, tmp_path), tmp_path / "out.csv", keep=keep)
    scored = read(tmp_path / "out.csv")
    assert list(scored[0]) == [*keep, "score", "decision"]
    assert [row["race"] for row in scored] == rows["race"].fillna("").tolist()


def test_an_unknown_column_to_carry_is_refused(
    bundle_path: Path, rows: pd.DataFrame, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match="no column 'customer'"):
        score_file(bundle_path, write(rows, tmp_path), tmp_path / "out.csv", keep=["customer"])
    assert not (tmp_path / "out.csv").exists()


@pytest.mark.parametrize("keep", [["score"], ["decision"], ["race", "race"]])
def test_a_carried_column_that_takes_the_name_of_another_is_no_fault(
    bundle_path: Path, rows: pd.DataFrame, tmp_path: Path, keep: list[str]
) -> None:
    """Scoring a file that was scored before is common."""
    path = write(rows.assign(score=1, decision=0), tmp_path)
    said = ""
    try:
        score_file(bundle_path, path, tmp_path / "out.csv", keep=keep)
    except FaircoreError as error:
        said = str(error)
    assert keep[0] in said or len(read(tmp_path / "out.csv")) == 200


def test_a_folder_that_is_missing_is_said(
    bundle_path: Path, rows: pd.DataFrame, tmp_path: Path
) -> None:
    with pytest.raises(BundleError, match="could not be written") as caught:
        score_file(bundle_path, write(rows, tmp_path), tmp_path / "none" / "out.csv")
    assert "None" not in str(caught.value)


def test_scoring_from_the_command_line_never_loads_the_training_stack(
    bundle_path: Path, rows: pd.DataFrame, tmp_path: Path
) -> None:
    out = tmp_path / "out.csv"
    program = (
        "import sys\n"
        "from faircore.cli import main\n"
        "code = main(sys.argv[1:])\n"
        "heavy = {'torch', 'sklearn', 'plotly', 'streamlit', 'fairlearn'} & set(sys.modules)\n"
        "sys.exit(f'loaded {heavy}' if heavy else code)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, "score", str(bundle_path), str(write(rows, tmp_path)),
         "--out", str(out), "--id", "application_id"],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"200 rows scored into {out}\n"
    assert len(read(out)) == 200
