"""Charts on a page: the theme's colours, and text that is dark enough to read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import plotly.graph_objects as go
import streamlit as st


def show_chart(
    figure: go.Figure, *, key: str, alt: str, on_select: Callable[[], None] | None = None
) -> None:
    """Draw a figure; ``alt`` says in words what it shows."""
    # The theme's own axis text is too pale on paper for small print.
    ink = "#ECEBE6" if st.context.theme.type == "dark" else "#3A3A37"
    choices: dict[str, Any] = (
        {} if on_select is None else {"on_select": on_select, "selection_mode": "points"}
    )
    st.plotly_chart(
        _Checked(_inked(figure.to_dict(), ink)), key=key, alt=alt, width="stretch",
        config={"displayModeBar": False}, **choices,
    )  # fmt: skip


def _inked(spec: dict[str, Any], ink: str) -> dict[str, Any]:
    """Give text a colour, in a figure as the browser reads it."""
    layout = spec["layout"]
    layout.setdefault("font", {})["color"] = ink
    for name, axis in layout.items():
        if name.startswith(("xaxis", "yaxis")):
            _ink_of_title(axis, ink)
    bar = layout.get("coloraxis", {}).get("colorbar", {})
    if bar.get("title", {}).get("text"):
        _ink_of_title(bar, ink)
    for trace in spec["data"]:
        if trace["type"] == "heatmap":
            trace.setdefault("textfont", {})["color"] = ink
    return spec


def _ink_of_title(axis: dict[str, Any], ink: str) -> None:
    axis.setdefault("tickfont", {})["color"] = ink
    axis.setdefault("title", {}).setdefault("font", {})["color"] = ink


class _Checked(go.Figure):  # type: ignore[misc]
    """A figure that was checked when it was made: to check each of thousands of points costs."""

    def __init__(self, spec: dict[str, Any]) -> None:
        self._spec = spec

    def to_dict(self) -> dict[str, Any]:
        return self._spec
