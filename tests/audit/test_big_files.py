from __future__ import annotations

import datetime as dt
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from faircore.audit import big_files
from faircore.audit.big_file_sql import _score_bin
from faircore.audit.big_files import tally_file
from faircore.data import Limits, Sensitive, build_dataset, read_table
from faircore.data.duck import locked_connection
from faircore.data.spec import DataSpec
from faircore.errors import DataError, InputError, SpecError
from faircore.groups import Groups
from faircore.metrics.histograms import score_bins
from faircore.metrics.scores import auc
from faircore.metrics.tally import Tally, tally_rows

CANARY = "canary7731"
SENSITIVE = (Sensitive("race"), Sensitive("sex"), Sensitive("age", (25, 45)))
CROSSED = (("race", "sex"), ("race", "sex", "age"))
ROLES: list[dict[str, str]] = [
    {"decision": "decision"},
    {"score": "score"},
    {"score": "score", "decision": "decision"},
    {"decision": "decision", "weight": "weight"},
    {"score": "score", "weight": "weight"},
    {"score": "score", "decision": "decision", "weight": "weight"},
]


def people(n: int = 1500, *, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "race": rng.choice(["b", "a", "10", "9", "ü, x", None], n),
            "sex": rng.choice(["Male", "Female"], n),
            "age": rng.choice([*map(float, range(18, 70)), np.nan], n),
            "x": rng.normal(size=n),
            "outcome": rng.choice(["good", "bad"], n),
            "decision": rng.choice(["Yes", "no", "1", "0"], n),
            "score": rng.random(n),
            "weight": rng.gamma(2.0, size=n) * (rng.random(n) > 0.1),
        }
    )


def many_scores(n: int = 9000, *, seed: int = 0) -> pd.DataFrame:
    """More distinct scores than bins, so that both ways of counting use the same ones."""
    frame = people(n, seed=seed)
    frame["score"] = np.random.default_rng(seed + 1).beta(0.6, 0.9, n)
    return frame


def save(frame: pd.DataFrame, path: Path) -> Path:
    if path.suffix == ".parquet":
        frame.to_parquet(path, row_group_size=700)
    else:
        frame.to_csv(path, index=False, sep="\t" if path.suffix == ".tsv" else ",")
    return path


def roles_of(
    target: str,
    positive: str,
    sensitive: tuple[Sensitive, ...],
    intersections: tuple[tuple[str, ...], ...] = (),
    **roles: str,
) -> DataSpec:
    return DataSpec(target, positive, (), sensitive, intersections=intersections, **roles)


def in_memory(path: Path, columns: DataSpec, *, threshold: float = 0.5) -> Tally:
    dataset = build_dataset(read_table(path), columns)
    return tally_rows(
        dataset.y_true,
        dataset.decision,
        y_score=dataset.score,
        groups=Groups.of_dataset(dataset),
        sample_weight=None if columns.weight is None else dataset.weights,
        threshold=threshold,
    )


def assert_equal(found: Tally, expected: Tally) -> None:
    assert found.partitions == expected.partitions
    np.testing.assert_array_equal(found.rows, expected.rows)
    np.testing.assert_allclose(found.counts, expected.counts, rtol=1e-10)
    np.testing.assert_allclose(found.squares, expected.squares, rtol=1e-10)
    assert found.weighted == expected.weighted
    assert (found.scores is None) == (expected.scores is None)
    if found.scores is None or expected.scores is None:
        return
    for name in expected.scores.losses:
        mine, theirs = found.scores.losses[name], expected.scores.losses[name]
        np.testing.assert_allclose(mine, theirs, rtol=1e-9, atol=1e-9)
    for name in vars(expected.scores).keys() - {"losses"}:
        mine, theirs = getattr(found.scores, name), getattr(expected.scores, name)
        np.testing.assert_allclose(mine, theirs, rtol=1e-9, atol=1e-9, err_msg=name)


@pytest.mark.parametrize("suffix", ["parquet", "csv"])
@pytest.mark.parametrize("roles", ROLES, ids=lambda r: "+".join(r))
def test_counts_what_memory_counts(tmp_path: Path, suffix: str, roles: dict[str, str]) -> None:
    path = save(many_scores(), tmp_path / f"t.{suffix}")
    columns = roles_of("outcome", "good", SENSITIVE, CROSSED, **roles)
    found = tally_file(path, columns, threshold=0.3)
    assert_equal(found, in_memory(path, columns, threshold=0.3))


@pytest.mark.parametrize("seed", range(6))
def test_random_tables(tmp_path: Path, seed: int) -> None:
    rng = np.random.default_rng(seed)
    frame = people(int(rng.integers(200, 2000)), seed=seed)
    frame["score"] = frame["score"].round(int(rng.integers(1, 7)))
    edges = tuple(np.unique(rng.choice(np.arange(20, 65, 2.5), 3)).tolist())
    sensitive = (Sensitive("race"), Sensitive("age", edges), Sensitive("sex"))
    path = save(frame, tmp_path / ("t.parquet" if seed % 2 else "t.tsv"))
    columns = roles_of("outcome", "bad", sensitive, (("sex", "age"),), **ROLES[seed])
    assert_equal(tally_file(path, columns), in_memory(path, columns))


@pytest.mark.parametrize("decimals", [1, 2, 3])
def test_bins_rank_scores_of_few_decimals_exactly(
    tmp_path: Path, decimals: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(big_files, "N_BINS", 0)  # no scores are few
    frame = people(3000)
    frame["score"] = frame["score"].round(decimals)
    path = save(frame, tmp_path / "t.csv")
    columns = roles_of("outcome", "good", SENSITIVE, score="score")
    found, expected = tally_file(path, columns).scores, in_memory(path, columns).scores
    assert found is not None
    assert expected is not None
    for part in ("value", "low", "high"):
        np.testing.assert_allclose(
            getattr(auc(found), part), getattr(auc(expected), part), rtol=1e-12
        )


STORED: dict[str, tuple[Any, str]] = {
    "int": ([1, 0], "1"),
    "double": ([1.0, 0.0], "1.0"),
    "bool": ([True, False], "true"),
    "category": (pd.Categorical(["u", "v"]), "v"),
    "date": ([dt.date(2020, 1, 1), dt.date(2021, 1, 1)], "2021-01-01"),
}


@pytest.mark.parametrize("kind", STORED)
@pytest.mark.parametrize("role", ["score", "decision"])
def test_values_as_stored_match_their_text(tmp_path: Path, kind: str, role: str) -> None:
    values, positive = STORED[kind]
    rng = np.random.default_rng(1)
    frame = people(400)
    frame["outcome"] = pd.Series(values).take(rng.integers(0, 2, 400)).reset_index(drop=True)
    frame["decision"] = pd.Series(values).take(rng.integers(0, 2, 400)).reset_index(drop=True)
    frame["race"] = rng.choice([2.0, 10.5, np.nan], 400)
    frame["sex"] = rng.choice([10, 9], 400)
    frame["score"] = rng.choice(np.arange(0, 1.05, 0.1), 400).astype(np.float32)
    path = save(frame, tmp_path / "t.parquet")
    columns = roles_of("outcome", positive, SENSITIVE, CROSSED, **{role: role})
    assert_equal(tally_file(path, columns, threshold=0.7), in_memory(path, columns, threshold=0.7))
    with pytest.raises(DataError, match="positive value chosen"):
        tally_file(path, roles_of("outcome", "other", SENSITIVE, **{role: role}))


def test_columns_that_differ_by_case_and_strange_names(tmp_path: Path) -> None:
    frame = people(500).rename(columns={"race": "r\"a'ce", "sex": "R"})
    frame["r"] = frame["R"].map({"Male": "m", "Female": None})
    path = save(frame, tmp_path / "t [1]'s.parquet")
    columns = roles_of(
        "outcome", "good", (Sensitive("r\"a'ce"), Sensitive("R")), decision="decision"
    )
    assert_equal(tally_file(path, columns), in_memory(path, columns))


@pytest.mark.parametrize("start", ["", "\ufeff", "\n\n", "\r\n"])
def test_text_cells(tmp_path: Path, start: str) -> None:
    """Blank lines, quotes, spaces around numbers, and empty cells however they are written."""
    newline = "\r\n" if start == "\r\n" else "\n"
    ages = [" 30 ", "+5", "1e1", "45.0", ".5", '""', ""]
    races = ['"a; ""b"""', "None", '""', " a", "NaN"]
    lines = ["race;age;x;outcome;score"]
    for i in range(210):
        score = f" {i / 210:.4f}" if i % 3 else f"{i / 210:.3e}"
        lines += [f"{races[i % 5]};{ages[i % 7]};{i};{'yn'[i % 2]};{score}"]
    path = tmp_path / "t.csv"
    path.write_text(start + (newline * 2).join(lines) + newline, encoding="utf-8", newline="")
    columns = roles_of(
        "outcome", "y", (Sensitive("race"), Sensitive("age", (10, 45))), score="score"
    )
    assert_equal(tally_file(path, columns), in_memory(path, columns))


def test_bins_are_those_of_numpy() -> None:
    rng = np.random.default_rng(0)
    score = np.concatenate([
        np.arange(10_001) / 10_000, [1e-300, 5e-324, 1 - 1e-16], rng.random(50_000),
        rng.beta(0.1, 0.1, 50_000), rng.random(50_000).astype(np.float32).astype(np.float64),
    ])  # fmt: skip
    scores = pa.table({"s": score})  # noqa: F841
    found = duckdb.sql(f"SELECT {_score_bin('s')} AS bin FROM scores").fetchnumpy()["bin"]
    np.testing.assert_array_equal(found, score_bins(score))
    assert len(np.unique(score_bins(np.arange(1001) / 1000))) == 1001


def spoilt(**columns: object) -> pd.DataFrame:
    """People of whom row 7 has another cell, or all rows have other ones."""
    frame = people(300)
    for name, cell in columns.items():
        if isinstance(cell, list | np.ndarray | pd.Series):
            frame[name] = cell
        else:
            frame[name] = frame[name].astype("str") if isinstance(cell, str) else frame[name]
            frame.loc[7, name] = cell
    return frame


BOTH = roles_of("outcome", "good", SENSITIVE, CROSSED, score="score", decision="decision",
               weight="weight")  # fmt: skip
HUGE = [f"{CANARY}{i}" for i in range(300)]
WRONG: list[tuple[pd.DataFrame, str]] = [
    (spoilt(outcome=None), "known in every row, and 1 row have none"),
    (spoilt(outcome=CANARY), "must have two values, and it has 3"),
    (spoilt(outcome=HUGE), "two values, and its first 100,000 rows have 300"),
    (spoilt(outcome=["bad"] * 300), "must have two values, and it has 1"),
    (spoilt(outcome=["u", "v"] * 150), "positive value chosen"),
    (spoilt(score=np.nan), "from 0 to 1 in every row, and 1 row"),
    (spoilt(score=1.5), "from 0 to 1 in every row"),
    (spoilt(score=-0.1), "from 0 to 1 in every row"),
    (spoilt(score=np.inf), "from 0 to 1 in every row"),
    (spoilt(score=HUGE), "from 0 to 1 in every row, and 300 rows"),
    (spoilt(decision=CANARY), "must hold 0 or 1 .* and 1 rows do not"),
    (spoilt(decision=None), "must hold 0 or 1 .* and 1 rows do not"),
    (spoilt(decision=HUGE), "must hold 0 or 1 .* rows have 300 values"),
    (spoilt(weight=-1.0), "zero or more in every row, .* in 1 row"),
    (spoilt(weight=np.nan), "zero or more in every row, .* in 1 row"),
    (spoilt(weight=np.inf), "zero or more in every row, .* in 1 row"),
    (spoilt(weight=HUGE), "zero or more in every row, .* in 300 rows"),
    (spoilt(weight=[0.0] * 300), "above zero in some row"),
    (spoilt(race=HUGE), "may have 50 groups, and its first 100,000 rows have 300"),
    (spoilt(race=[f"g{i % 51}" for i in range(300)]), "may have 50 groups, and it has 51"),
    (spoilt(race=["a"] * 300), "at least two groups, and it has 1"),
    (spoilt(race=[None] * 300), "at least two groups, and it has 0"),
    (spoilt(age=[30] * 300), "at least two groups, and it has 1"),
    (spoilt(age=CANARY), "must hold numbers to be cut into ranges"),
    (spoilt(age=np.inf), "must hold numbers to be cut into ranges"),
    (spoilt(age=["030"] * 300), "must hold numbers to be cut into ranges"),
    (spoilt().drop(columns=["sex", "score"]), "has no column 'score', 'sex'"),
    (spoilt().head(0), "a header and no rows"),
]


def one_sentence(error: BaseException, path: Path) -> None:
    chain: BaseException | None = error
    while chain is not None:
        assert CANARY not in str(chain)
        chain = None if chain.__suppress_context__ else chain.__context__
    assert str(error).endswith(".")
    assert str(path.parent) not in str(error)


@pytest.mark.parametrize("suffix", ["parquet", "csv"])
@pytest.mark.parametrize(("frame", "essence"), WRONG, ids=[essence for _, essence in WRONG])
def test_wrong_columns_get_one_sentence(
    tmp_path: Path, frame: pd.DataFrame, essence: str, suffix: str
) -> None:
    path = save(frame, tmp_path / f"t.{suffix}")
    with pytest.raises(DataError, match=essence) as caught:
        tally_file(path, BOTH)
    one_sentence(caught.value, path)


HEAD = b"race,sex,age,outcome,decision,score,weight\n"
ROW = f"{CANARY},m,30,good,yes,0.5,1\n".encode()
BROKEN: list[tuple[str, bytes, str]] = [
    ("a.csv", b"", "is empty"),
    ("a.csv", b"\n\n", "is empty"),
    ("a.json", b"{}", r"ends in \.json, and only"),
    ("a.xlsx", b"PK\x03\x04", r"ends in \.xlsx, and only"),
    ("noending", HEAD, "ends in nothing"),
    ("a.csv", HEAD, "a header and no rows"),
    ("a.csv", b"race\na\n", "single column"),
    ("a.csv", b"race,race\na,b\n", "more than once"),
    ("a.csv", (HEAD + ROW).decode().encode("utf-16"), "must be UTF-8 text"),
    ("a.csv", HEAD + ROW + b"\xff\xfe\n", "must be UTF-8 text"),
    ("a.csv", HEAD + ROW + b"\0\n", "must be UTF-8 text"),
    ("a.csv", HEAD + ROW + ROW[:20] + b"\n", "7 cells in every row .* line 3 "),
    ("a.csv", HEAD + ROW * 9 + b"x," + ROW, "7 cells in every row .* line 11 "),
    ("a.csv", HEAD + ROW + b'"open' + ROW * 3, "quotation mark"),
    ("a.csv", HEAD + ROW * 3 + ROW.replace(b"\n", b"\r\n") + ROW, "mix line endings"),
    ("a.csv", HEAD + ROW * 40_000 + b"\xff" + ROW, "cannot be read in line 40002"),
    ("a.parquet", HEAD + ROW, "not a complete Parquet file"),
]


@pytest.mark.parametrize(("name", "raw", "essence"), BROKEN)
def test_broken_file_gets_one_sentence(tmp_path: Path, name: str, raw: bytes, essence: str) -> None:
    (tmp_path / name).write_bytes(raw)
    with pytest.raises(DataError, match=essence) as caught:
        tally_file(tmp_path / name, BOTH)
    one_sentence(caught.value, tmp_path / name)


def test_damaged_page_absent_file_and_lists(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"gone\.csv does not exist"):
        tally_file(tmp_path / "gone.csv", BOTH)
    path = tmp_path / "t.parquet"
    pq.write_table(pa.Table.from_pandas(people(300).assign(race=[[1]] * 300, x=[[1]] * 300)), path)
    with pytest.raises(DataError, match="column 'race' holds lists"):
        tally_file(path, BOTH)
    save(people(3000), path)
    raw = bytearray(path.read_bytes())
    raw[50:900] = bytes(850)
    path.write_bytes(bytes(raw))
    with pytest.raises(DataError, match="damaged"):
        tally_file(path, BOTH)


def test_what_the_caller_must_give(tmp_path: Path) -> None:
    path = save(people(300), tmp_path / "t.csv")
    with pytest.raises(InputError, match="score or a decision column"):
        tally_file(path, roles_of("outcome", "good", SENSITIVE))
    with pytest.raises(InputError, match="must be a size with its unit"):
        tally_file(path, BOTH, memory="lots")
    with pytest.raises(SpecError, match="two roles"):
        roles_of("outcome", "good", SENSITIVE, score="s", decision="s")
    with pytest.raises(SpecError, match="intersection"):
        roles_of("outcome", "good", SENSITIVE, (("race", "income"),), score="s")


@pytest.mark.parametrize("suffix", ["parquet", "csv"])
def test_rows_are_read_once(tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    plans: list[str] = []

    class Recorder:
        def __init__(self, connection: Any) -> None:
            self.connection = connection

        def sql(self, query: str) -> Any:
            if "read_" in query and "DESCRIBE" not in query:
                asked.append(query)
                plans.extend(row[1] for row in self.connection.sql(f"EXPLAIN {query}").fetchall())
            return self.connection.sql(query)

    @contextmanager
    def recorded(*args: Any, **options: Any) -> Iterator[tuple[Any, str]]:
        with locked_connection(*args, **options) as (connection, literal):
            yield Recorder(connection), literal

    monkeypatch.setattr(big_files, "locked_connection", recorded)
    tally_file(save(people(), tmp_path / f"t.{suffix}"), BOTH)
    first, whole = asked
    assert "LIMIT 100000" in first
    assert "LIMIT" not in whole
    assert plans[-1].count(f"READ_{suffix.upper()}") == 1


MEMORY = """
import resource, sys
from faircore.audit.big_files import tally_file
from faircore.data import DataSpec, Sensitive
columns = DataSpec("outcome", "1", (), (Sensitive("race"),), score="score", decision="decision")
for path in sys.argv[1:]:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    tally = tally_file(path, columns, memory="32MB")
    print(tally.n_rows, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


def test_memory_holds_for_larger_files(tmp_path: Path) -> None:
    """Rows of 75 MB; grouping them as they are fails under the same limit."""
    n, files = 600_000, [str(tmp_path / "t.parquet"), str(tmp_path / "t.csv")]
    rows = duckdb.sql(
        "SELECT repeat(hash(i)::VARCHAR, 6) AS filler, ['a', 'b'][1 + i % 2] AS race, "
        "(hash(i) % 3 = 0)::INT AS outcome, i % 2 AS decision, (i % 1000) / 1000 AS score "
        f"FROM range({n}) t(i)"
    )
    rows.write_parquet(files[0])
    rows.write_csv(files[1])
    out = subprocess.run(
        [sys.executable, "-c", MEMORY, *files], capture_output=True, text=True, check=True
    ).stdout.split()
    assert out[::2] == [str(n), str(n)]
    assert max(map(int, out[1::2])) < 100
    with (
        locked_connection(Path(files[0]), Limits(memory="32MB")) as (connection, literal),
        pytest.raises(duckdb.OutOfMemoryException),
    ):
        connection.sql(f"SELECT filler, count(*) FROM {literal} GROUP BY ALL").fetchall()


@pytest.mark.parametrize("memory", ["512MB", "24MB"])
def test_scores_that_are_few_at_first(
    tmp_path: Path, memory: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Counted one by one, or where that takes too much memory, in bins."""
    monkeypatch.setattr(big_files, "_FIRST_ROWS", 100)
    frame = pd.concat([people(100).assign(score=0.5), many_scores(120_000)])
    path = save(frame, tmp_path / "t.parquet")
    columns = roles_of("outcome", "good", (Sensitive("sex"),), score="score")
    assert_equal(tally_file(path, columns, memory=memory), in_memory(path, columns))


def test_too_many_cells_get_one_sentence(tmp_path: Path) -> None:
    path = save(many_scores(60_000), tmp_path / "t.parquet")
    columns = roles_of("outcome", "good", SENSITIVE, score="score")
    with pytest.raises(DataError, match="cannot be counted within 6MB of memory"):
        tally_file(path, columns, memory="6MB")
