from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from pages.components.help_texts import READING

ROOT = Path(__file__).resolve().parents[2]
SOURCES = [p for p in sorted((ROOT / "pages").rglob("*.py")) if p.name != "charts.py"]
CHARTS, TOLD = {"show_chart", "plotly_chart"}, {"how_to_read"}

ELSEWHERE = {
    ("frontier.py", "main"): "meaning() of frontier_notes.py stands under it",
    ("frontier_detail.py", "_bars"): "the sentence above says what a bar is",
    ("frontier_detail.py", "_reliability"): "the line under it says so and leads to Calibration",
    ("frontier_methods.py", "all_objectives"): "part of the Frontier page, see frontier_notes.py",
    ("frontier_methods.py", "promises"): "the question is above, the answer in words below",
    ("frontier_people.py", "people"): "sentences above say what is drawn, the line under it how",
    ("help.py", "definitions"): "the text beside it explains it",
}
"""Charts without a box "How to read this", and why."""


def calls(node: ast.AST) -> set[str]:
    """Names of everything that is called below a node."""
    found = {n.func for n in ast.walk(node) if isinstance(n, ast.Call)}
    return {getattr(f, "id", getattr(f, "attr", "")) for f in found}


def drawing(source: str) -> Iterator[tuple[str, int, int]]:
    """Name, charts and boxes of each function with a chart; a private helper's box counts."""
    functions = {n.name: n for n in ast.parse(source).body if isinstance(n, ast.FunctionDef)}
    helpers = {
        name for name, node in functions.items()
        if calls(node) & TOLD and not calls(node) & CHARTS
    }  # fmt: skip
    for name, node in functions.items():
        made = [getattr(c.func, "id", getattr(c.func, "attr", "")) for c in ast.walk(node)
                if isinstance(c, ast.Call)]  # fmt: skip
        charts = sum(call in CHARTS for call in made)
        if charts:
            yield name, charts, sum(call in TOLD | helpers for call in made)


def unexplained(source: str, file: str) -> list[str]:
    return [
        name for name, charts, boxes in drawing(source)
        if boxes < charts and (file, name) not in ELSEWHERE
    ]  # fmt: skip


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: p.name)
def test_how_to_read_it_stands_beside_every_chart(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    assert not unexplained(source, path.name)
    outside = [n for n in ast.parse(source).body if not isinstance(n, ast.FunctionDef)]
    assert not any(calls(node) & CHARTS for node in outside), "draw charts in a function"
    if path.name != "howto.py":
        assert 'expander("How to read this")' not in source, "use how_to_read"


def test_every_listed_reason_is_of_a_chart_without_a_box() -> None:
    found = {
        (path.name, name)
        for path in SOURCES
        for name, charts, boxes in drawing(path.read_text(encoding="utf-8"))
        if boxes < charts
    }
    assert found == set(ELSEWHERE)


def test_the_search_finds_a_chart_that_nobody_explains() -> None:
    bare = "def f():\n    show_chart(x)\n    st.plotly_chart(y)\n    how_to_read('a')\n"
    assert unexplained(bare, "f.py") == ["f"]
    helped = "def f():\n    show_chart(x)\n    _how()\ndef _how():\n    how_to_read('a')\n"
    assert unexplained(helped, "f.py") == []


def test_every_box_leads_to_a_place_on_the_help_page() -> None:
    page = (ROOT / "pages" / "help.py").read_text(encoding="utf-8")
    anchors = set(re.findall(r'anchor="(\w+)"', page)) | set(READING)
    told = [
        ast.literal_eval(keyword.value)
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") in TOLD
        for keyword in node.keywords
        if keyword.arg == "about"
    ]
    assert len(told) >= 7
    assert set(told) <= anchors
