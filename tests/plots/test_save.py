from __future__ import annotations

import re
from pathlib import Path

import plotly.graph_objects as go
import pytest

from faircore.errors import InputError
from faircore.plots import save_figure

FIGURE = go.Figure(go.Scatter(x=[1, 2], y=[3, 4], name="the line"))


def test_html_holds_everything_it_needs(tmp_path: Path) -> None:
    path = save_figure(FIGURE, str(tmp_path / "a.html"))
    page = path.read_text(encoding="utf-8")
    assert "the line" in page
    assert not re.search(r"<(script|link|img|iframe)[^>]*\s(src|href)\s*=", page)


@pytest.mark.parametrize("name", ["a.jpg", "a", "a.svgz", ".html"])
def test_other_endings_are_refused_by_name(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match=r"\.html, \.png, \.svg, \.pdf"):
        save_figure(FIGURE, tmp_path / name)
    assert not list(tmp_path.iterdir())
