from __future__ import annotations

import datetime as dt
import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import openpyxl
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from faircore.data import Limits, read_table
from faircore.data.duck import locked_connection
from faircore.errors import DataError

CANARY = "canary7731"
GOOD = f"a,b\n1,{CANARY}\n2,x\n".encode()


def _workbook(path: Path, sheets: dict[str, list[list[object]]]) -> None:
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    book.save(path)


def _stray_cell(path: Path) -> None:
    book = openpyxl.Workbook()
    book.active["A1"], book.active["XFD1048576"] = "a", CANARY
    book.save(path)


def _zip_bomb(path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.xml", b"0" * 40_000_000)


def _cut_parquet(path: Path) -> None:
    pq.write_table(pa.table({"a": [CANARY] * 1000, "b": [1] * 1000}), path)
    path.write_bytes(path.read_bytes()[:-30])


def _flipped_parquet(path: Path) -> None:
    pq.write_table(pa.table({"a": [f"{CANARY}{i}" for i in range(9999)], "b": range(9999)}), path)
    raw = bytearray(path.read_bytes())
    raw[50:400] = bytes(350)
    path.write_bytes(bytes(raw))


def _parquet(**columns: object) -> Callable[[Path], None]:
    return lambda path: pq.write_table(pa.table(columns), path)


def _dictionary_bomb(path: Path) -> None:
    pq.write_table(pa.table({"a": ["x" * 100_000] * 1000, "b": [1] * 1000}), path)


def _write(raw: bytes) -> Callable[[Path], int]:
    return lambda path: path.write_bytes(raw)


SMALL = Limits(max_rows=50, max_columns=20, max_bytes=20_000_000)
BROKEN: list[tuple[str, Callable[[Path], object], str]] = [
    ("a.csv", _write(b""), "is empty"),
    ("a.csv", _write(b"\n\n\n"), "is empty"),
    ("a.csv", _write(b"\xef\xbb\xbf"), "is empty"),
    ("a.csv", _write(b"a,b\n"), "a header and no rows"),
    ("a.json", _write(b"{}"), r"ends in \.json, and only"),
    ("noending", _write(GOOD), "ends in nothing"),
    ("a.csv", lambda p: _workbook(p, {"s": [["a", "b"], [1, CANARY]]}), "is an Excel workbook"),
    ("a.csv", _parquet(a=[1], b=[CANARY]), "content is a Parquet file"),
    ("a.csv", _write(b"\x1f\x8b\x08" + GOOD), "content is a gzip archive"),
    ("a.xlsx", _write(GOOD), "content is something else"),
    ("a.xlsx", _write(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + GOOD), "password-protected"),
    ("a.xls", _write(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + GOOD), "damaged or protected workbook"),
    ("a.parquet", _write(GOOD), "content is something else"),
    ("a.csv", _write(b"a,b,c\n1,2,3\n" + f"4,{CANARY}\n".encode()), r"3 cells .* line 3 "),
    ("a.csv", _write(b"a,b\n" + f"1,2,{CANARY}\n".encode() * 9), "line 2, 3, 4, 5, 6 and others"),
    ("a.csv", _write(b'a,b\n1,2\n"open,' + CANARY.encode() + b"\n3,4\n"), "quotation mark"),
    ("a.csv", _write(b'a,b\n1,"ab"' + CANARY.encode() + b"\n2,3\n"), "quotation mark"),
    ("a.csv", _write(b"a,b\n1," + CANARY.encode() + b"\r\n3,4\n5,6\r\n"), "mixes line endings"),
    ("a.csv", _write(b"a,b,a\n1,2,3\n"), "'a' stands more than once"),
    ("a.csv", _write(b"a,,c,\n1,2,3,4\n"), "column 2, 4 has none"),
    ("a.csv", _write(b"a, \n1,2\n"), "column 2 has none"),
    ("a.csv", _write(b"a,b\n1,2\n3," + CANARY.encode() + b"\0\n"), "line 3 holds a NUL byte"),
    ("a.csv", _write("a,b\n1,é\n".encode("latin-1")), "must be UTF-8 text, and line 2"),
    ("a.csv", _write("a,b\n1,2\n".encode("utf-16-le")), "NUL byte"),
    ("a.csv", _write(b"a\n1\n2\n"), "single column"),
    ("a.csv", _write(b"a b\n1 2\n"), "single column"),
    ("a.csv", _write((",".join(f"c{i}" for i in range(10**5)) + "\n").encode()), "the 20 columns"),
    ("a.csv", _write(b"a,b\n" + b"1,2\n" * 51), "more than the 50 rows"),
    ("a.csv", _write(b"a,b\n" + b"1,2222\n" * 3_000_000), "at most 19 MiB"),
    ("a.csv", _write(b"a,b\n1," + b"z" * 3_000_000 + b"\n"), "line too long"),
    ("a.parquet", _cut_parquet, "not a complete Parquet file"),
    ("a.parquet", _flipped_parquet, "damaged|more than the 50 rows"),
    ("a.parquet", _parquet(a=[[1], [2]], b=[{"x": 1}, None], c=["u", "v"]), "'a', 'b' holds lists"),
    ("a.parquet", _parquet(a=list(range(51)), b=list(range(51))), "more than the 50 rows"),
    ("a.parquet", _parquet(a=[], b=[]), "no rows"),
    ("a.parquet", _parquet(a=[1]), "single column"),
    ("a.parquet", _parquet(**{f"c{i}": [1] for i in range(21)}), "the 20 columns"),
    ("a.parquet", _parquet(**{" ": [1], "b": [2]}), "column 1 has none"),
    ("a.xlsx", _zip_bomb, "decompresses to 38 MiB"),
    ("a.xlsx", _stray_cell, "more than the 20 columns"),
    ("a.xlsx", _write(b"PK\x03\x04" + b"junk" * 50), "damaged workbook"),
    ("a.xlsx", lambda p: zipfile.ZipFile(p, "w").writestr("x", CANARY), "another kind of ZIP"),
    ("a.xlsx", lambda p: _workbook(p, {"s": []}), "is empty"),
    ("a.xlsx", lambda p: _workbook(p, {"s": [["a", "b"]]}), "a header and no rows"),
    ("a.xlsx", lambda p: _workbook(p, {"s": [["a", "a"], [1, CANARY]]}), "more than once"),
    ("a.xlsx", lambda p: _workbook(p, {"s": [["a", None], [1, CANARY]]}), "column 2 has none"),
    ("a.xlsx", lambda p: _workbook(p, {"s": [["a", "b"], [10**17, CANARY]]}), "about 15 digits"),
]


@pytest.mark.parametrize(("name", "make", "essence"), BROKEN)
def test_broken_file_gets_one_clear_sentence(
    tmp_path: Path, name: str, make: Callable[[Path], object], essence: str
) -> None:
    make(tmp_path / name)
    with pytest.raises(DataError, match=essence) as caught:
        read_table(tmp_path / name, limits=SMALL)
    chain: BaseException | None = caught.value
    while chain is not None:
        assert CANARY not in str(chain)
        chain = None if chain.__suppress_context__ else chain.__context__
    assert str(caught.value).endswith(".")
    assert str(tmp_path) not in str(caught.value)


def test_flipped_bytes_in_a_parquet_page_are_refused(tmp_path: Path) -> None:
    _flipped_parquet(tmp_path / "a.parquet")
    with pytest.raises(DataError, match="damaged") as caught:
        read_table(tmp_path / "a.parquet")
    assert CANARY not in str(caught.value)


def test_repeated_huge_text_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    _dictionary_bomb(tmp_path / "a.parquet")
    assert (tmp_path / "a.parquet").stat().st_size < 1_000_000
    with pytest.raises(DataError, match="holds text of 95 MiB"):
        read_table(tmp_path / "a.parquet", limits=Limits(max_bytes=50_000_000))


def test_missing_file_and_sheet_of_a_csv(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"gone\.csv does not exist"):
        read_table(tmp_path / "gone.csv")
    (tmp_path / "a.csv").write_bytes(GOOD)
    with pytest.raises(DataError, match="no sheets"):
        read_table(tmp_path / "a.csv", sheet="s")


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_delimiters_newlines_and_encodings(
    tmp_path: Path, delimiter: str, newline: str, encoding: str
) -> None:
    rows = [["náme", "b", "c"], ["007", '"x, y; z"', ""], ["", '""', " None "], ["NA", "|1", "2,5"]]
    if delimiter in ",|":
        rows[3] = ["NA", "1", "2.5"]
    text = newline.join(delimiter.join(row) for row in rows) + newline
    with (tmp_path / "t [1]'s.csv").open("w", encoding=encoding, newline="") as file:
        file.write(text)
    if delimiter == ";":
        rows[3] = ["NA", "|1", "2,5"]
    frame = read_table(tmp_path / "t [1]'s.csv").frame
    assert frame.columns.tolist() == rows[0]
    assert frame.iloc[0].tolist()[:2] == ["007", "x, y; z"]
    assert frame.isna().to_numpy().tolist() == [[0, 0, 1], [1, 1, 0], [0, 0, 0]]
    assert frame.iloc[1, 2] == " None "
    assert frame.iloc[2].tolist() == rows[3]


def test_blank_line_is_not_a_row_but_empty_cells_are(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("a,b\n\n1,2\n,\n\n", encoding="utf-8")
    assert read_table(tmp_path / "t.csv").frame.isna().sum().tolist() == [1, 1]


def test_parquet_is_exact(tmp_path: Path) -> None:
    columns = {
        "id": pa.array([2**63 - 1, -(2**63), None]),
        "ID": pa.array([2**64 - 1, 0, 7], pa.uint64()),
        "real": pa.array([0.1, 1e300, float("nan")]),
        "text": ["None", "", "007"],
        "day": [dt.date(2020, 1, 2), None, dt.date(1999, 12, 31)],
        "flag": [True, False, None],
        "kind": pa.array(["x", "y", "x"]).dictionary_encode(),
    }
    pq.write_table(pa.table(columns), tmp_path / "t.parquet")
    frame = read_table(tmp_path / "t.parquet").frame
    assert frame.columns.tolist() == list(columns)
    assert frame["id"].tolist()[:2] == ["9223372036854775807", "-9223372036854775808"]
    assert frame["ID"].tolist() == ["18446744073709551615", "0", "7"]
    assert frame["text"].dropna().tolist() == ["None", "007"]
    assert frame["day"].dropna().tolist() == ["2020-01-02", "1999-12-31"]
    assert frame["flag"].dropna().tolist() == ["true", "false"]
    assert frame["kind"].tolist() == ["x", "y", "x"]
    assert [float(x) for x in frame["real"].dropna()] == [0.1, 1e300]


def test_parquet_doubles_round_trip(tmp_path: Path) -> None:
    values = np.random.default_rng(0).normal(size=2000) * 10.0 ** np.arange(-100, 100).repeat(10)
    pq.write_table(pa.table({"x": values, "y": values}), tmp_path / "t.parquet")
    np.testing.assert_array_equal(read_table(tmp_path / "t.parquet").numbers("x"), values)


def test_workbook_cells(tmp_path: Path) -> None:
    rows: list[list[object]] = [
        ["n", "text", "day", "flag", "real"],
        [3, "007", dt.date(2020, 1, 2), True, 2.5],
        [None] * 5,
        [-4, " None ", dt.datetime(2020, 1, 2, 3, 4), False, None],
    ]
    _workbook(tmp_path / "t.xlsx", {"empty": [], "data": rows, "more": [["x", "y"], [1, 2]]})
    frame = read_table(tmp_path / "t.xlsx").frame
    assert frame.iloc[0].tolist() == ["3", "007", "2020-01-02", "true", "2.5"]
    assert frame.iloc[1, :4].tolist() == ["-4", " None ", "2020-01-02 03:04:00", "false"]
    assert pd.isna(frame.iloc[1, 4])
    assert len(frame) == 2
    assert read_table(tmp_path / "t.xlsx", sheet="more").columns == ("x", "y")
    with pytest.raises(DataError, match=re.escape("no sheet 'z'. It has: 'empty', 'data', 'more'")):
        read_table(tmp_path / "t.xlsx", sheet="z")


def test_connection_opens_nothing_else(tmp_path: Path) -> None:
    for name in ("a.csv", "b.csv"):
        (tmp_path / name).write_bytes(GOOD)
    with locked_connection(tmp_path / "a.csv", Limits()) as (connection, literal):
        assert len(connection.execute(f"SELECT * FROM read_csv({literal})").fetchall()) == 2
        for query in (
            f"SELECT * FROM read_csv('{tmp_path / 'b.csv'}')",
            f"COPY (SELECT 1) TO '{tmp_path / 'c.csv'}'",
            "SET enable_external_access=true",
            "INSTALL httpfs",
        ):
            with pytest.raises(Exception, match=r"(?i)permission|configuration|disabled|locked"):
                connection.execute(query)


@pytest.mark.parametrize("name", ["t.csv", "t.parquet", "t.xlsx"])
def test_random_damage_is_read_or_refused(tmp_path: Path, name: str) -> None:
    rows: list[list[object]] = [["a", "b", "c"], *([i, f"{CANARY}{i}", i / 7] for i in range(60))]
    path = tmp_path / name
    if name.endswith("xlsx"):
        _workbook(path, {"s": rows})
    else:
        frame = pd.DataFrame(rows[1:], columns=["a", "b", "c"])
        frame.to_csv(path, index=False) if name.endswith("csv") else frame.to_parquet(path)
    raw, rng = path.read_bytes(), np.random.default_rng(0)
    messages: list[str] = []
    for turn in range(60):
        damaged = bytearray(raw[: rng.integers(1, len(raw))] if turn % 3 == 0 else raw)
        for at in rng.integers(0, len(damaged), turn % 20):
            damaged[at] = rng.integers(256)
        path.write_bytes(bytes(damaged))
        try:
            read_table(path)
        except DataError as error:
            messages.append(str(error))
    # A damaged header may hold cells, so column names are not looked at here.
    assert messages
    assert CANARY not in re.sub(r"column '.*", "", "\n".join(messages))
