from __future__ import annotations

import ast
import math
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faircore.numerals import hundredths, number, percent, points

ROOT = Path(__file__).resolve().parents[1]
SOURCES = [
    *sorted((ROOT / "faircore").rglob("*.py")), *sorted((ROOT / "pages").rglob("*.py")),
    ROOT / "app.py",
]  # fmt: skip
PROSE = [ROOT / "README.md", ROOT / "sample_data" / "README.md"]
APART = re.compile(r"[\d}][ \u00a0\u202f]%(?!\{)")
"""A space before the percent sign; ``%{`` begins a place that Plotly fills in."""


@pytest.mark.parametrize(
    ("told", "text"),
    [
        (percent(0.86), "86.0%"),
        (percent(1.0), "100.0%"),
        (percent(0.5, 0), "50%"),
        (percent(0.125, None), "12.5%"),
        (percent(0.3, None), "30%"),
        (percent(0.9995, None), "99.950%"),
        (percent(math.nan), "–"),
        (points(0.032), "3.2 points"),
        (points(-0.032), "−3.2 points"),
        (points(0.05, None), "5 points"),
        (points(math.inf), "–"),
        (hundredths(-0.032, signed=True), "−3.2"),
        (hundredths(0.032, signed=True), "+3.2"),
        (hundredths(-0.0001, signed=True), "0.0"),
        (number(1234567, 0), "1,234,567"),
        (number(-1234.5, 2), "−1,234.50"),
        (number(0, 0, signed=True), "0"),
    ],
)
def test_by_hand(told: str, text: str) -> None:
    assert told == text


@given(st.floats(-1e9, 1e9), st.sampled_from([0, 1, 2, 3]), st.booleans())
def test_what_is_written_is_the_number_rounded(value: float, digits: int, signed: bool) -> None:
    told = number(value, digits, signed=signed)
    read = float(told.replace("−", "-").replace(",", ""))
    assert abs(read - value) <= 0.5 * 10**-digits + 1e-6
    assert told[0] not in "+−" or read != 0
    assert told.startswith("+") == (signed and read > 0)


def texts(source: str) -> Iterator[tuple[int, str]]:
    """Line and text of every string; what an f-string fills in is ``{}``."""
    within = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.JoinedStr):
            within |= {id(part) for part in node.values}
            parts = (p.value if isinstance(p, ast.Constant) else "{}" for p in node.values)
            yield node.lineno, "".join(map(str, parts))
        elif isinstance(node, ast.Constant) and id(node) not in within:
            yield node.lineno, str(node.value)


def formats(source: str) -> Iterator[int]:
    """Lines where a share is written by a format of its own: ``:.1%``, or 100 times it."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FormattedValue) and node.format_spec is not None:
            value, how = ast.unparse(node.value), ast.unparse(node.format_spec)
            if ("%'" in how and "%d" not in how.lower()) or re.match(r"-?\(?100(\.0)? \* ", value):
                yield node.lineno


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(ROOT)))
def test_numbers_are_written_one_way(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    assert not [line for line, text in texts(source) if APART.search(text)], "write 86.0%"
    if path.name != "numerals.py":
        assert not list(formats(source)), "use faircore.numerals"


@pytest.mark.parametrize("path", PROSE, ids=lambda p: str(p.relative_to(ROOT)))
def test_prose_writes_a_percent_sign_without_a_space(path: Path) -> None:
    prose = re.sub(r"```.*?```", "", path.read_text(encoding="utf-8"), flags=re.S)
    assert not APART.findall(prose)


@pytest.mark.parametrize("text", ["f'{x} %'", "'95 % of'", "f'{100 * x:.0f}'", "f'{x:.1%}'"])
def test_the_search_finds_what_it_is_for(text: str) -> None:
    assert any(APART.search(t) for _, t in texts(text)) or list(formats(text))


@pytest.mark.parametrize("text", ["5 % 3", "f'{x % 3}'", "'%{x} %{text}'", "f'{d:%d %B %Y}'"])
def test_the_search_passes_what_is_no_share(text: str) -> None:
    assert not any(APART.search(t) for _, t in texts(text))
    assert not list(formats(text))
