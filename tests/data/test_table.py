from __future__ import annotations

import csv
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from faircore.data import Table, load_table, read_table, write_table
from faircore.errors import DataError

TRICKY = [
    *(
        "None",
        "NA",
        "NaN",
        "null",
        "007",
        "-0",
        "1e5",
        "9223372036854775807",
        "18446744073709551615",
    ),
    *(" x ", "\ttab", 'a "quoted" word', "two\nlines", "two\r\nlines", "a,b;c|d", "é…漢字😀", "'"),
    *(
        "=1+1",
        "#N/A",
        "true",
        "1_000",
        "0x1A",
        "inf",
        " ",
        '"',
        '""',
        "\\",
        "\\n",
        "\ufeff",
        "\u2028",
    ),
]
CELLS = st.one_of(
    st.none(),
    st.sampled_from(TRICKY),
    st.text(
        st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=8
    ),
)


def text_frame(columns: dict[str, list[str | None]]) -> pd.DataFrame:
    return pd.DataFrame({name: pd.array(cells, dtype="str") for name, cells in columns.items()})


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(rows=st.lists(st.tuples(CELLS, CELLS, CELLS), min_size=1, max_size=12))
def test_csv_to_store_and_back_is_exact(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str | None, ...]]
) -> None:
    folder = tmp_path_factory.mktemp("round")
    with (folder / "t.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, quoting=csv.QUOTE_ALL, lineterminator="\n")
        writer.writerows([("a", "b", "c"), *rows])
    read = read_table(folder / "t.csv")
    assert read.frame.equals(text_frame({n: [r[i] for r in rows] for i, n in enumerate("abc")}))
    write_table(read, folder / "t.parquet")
    stored = load_table(folder / "t.parquet")
    assert stored.frame.equals(read.frame)
    assert stored.source == read.source == "t.csv"


def test_store_keeps_empty_text_apart_from_missing(tmp_path: Path) -> None:
    table = Table(text_frame({"a": ["", None, "x"], "b b": ["1", "2", None]}), "mine")
    write_table(table, tmp_path / "t")
    loaded = load_table(tmp_path / "t")
    assert loaded.frame.equals(table.frame)
    assert loaded.frame.dtypes.eq("str").all()
    assert [p.name for p in tmp_path.iterdir()] == ["t"]


def test_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    write_table(Table(text_frame({"a": ["old"]})), tmp_path / "t")
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError, match="folder"):
        write_table(Table(text_frame({"a": ["new"]})), tmp_path / "folder")
    assert load_table(tmp_path / "t").frame["a"].tolist() == ["old"]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["folder", "t"]


def test_damaged_or_foreign_store_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="does not exist"):
        load_table(tmp_path / "none")
    write_table(Table(text_frame({"a": ["x"] * 100})), tmp_path / "t")
    (tmp_path / "cut").write_bytes((tmp_path / "t").read_bytes()[:-20])
    with pytest.raises(DataError, match="damaged"):
        load_table(tmp_path / "cut")
    pd.DataFrame({"a": [1]}).to_parquet(tmp_path / "foreign")
    with pytest.raises(DataError, match="read_table"):
        load_table(tmp_path / "foreign")


@pytest.mark.parametrize(
    ("cells", "kind"),
    [
        (["1", "2.5", None], "number"),
        ([" 39", "+4", "-.5", "5.", "1e5"], "number"),
        (["0", "0.5", "-0"], "number"),
        (["1", "007"], "text"),
        (["1", "-01"], "text"),
        (["1", "inf"], "text"),
        (["1", "nan"], "text"),
        (["1", "1e999"], "text"),
        (["1_000"], "text"),
        (["0x1A"], "text"),
        (["٣"], "text"),
        ([None, None], "text"),
        (["3,5"], "text"),
        (["9223372036854775807"], "number"),
    ],
)
def test_kinds(cells: list[str | None], kind: str) -> None:
    assert Table(text_frame({"a": cells})).kinds == {"a": kind}


def test_numbers_keeps_missing_and_refuses_text_without_showing_it() -> None:
    table = Table(text_frame({"a": ["1", None, "2e1"], "b": ["1", "CANARY", "2"]}), "mine")
    np.testing.assert_array_equal(table.numbers("a"), [1, math.nan, 20])
    with pytest.raises(DataError, match=r"'b' of mine .* 1 row .*rows 2") as caught:
        table.numbers("b")
    assert "CANARY" not in str(caught.value)
    with pytest.raises(DataError, match="no column 'z'"):
        table.numbers("z")


def test_from_frame_writes_numbers_in_shortest_form() -> None:
    frame = pd.DataFrame(
        {"i": [1, 2**62], "f": [0.1, math.nan], "b": [True, False], "s": ["None", None]},
        index=[5, 6],
    )
    table = Table.from_frame(frame)
    expected = {
        "i": ["1", str(2**62)],
        "f": ["0.1", None],
        "b": ["true", "false"],
        "s": ["None", None],
    }
    assert table.frame.equals(text_frame(expected))
    with pytest.raises(DataError, match="'x' of the table mixes types"):
        Table.from_frame(pd.DataFrame({"x": pd.Series([1, "a"], dtype=object)}))


def test_table_refuses_what_is_not_text() -> None:
    with pytest.raises(DataError, match="text in every column, and 'a'"):
        Table(pd.DataFrame({"a": [1]}))
