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
    figure = go.Figure(figure)
    figure.update_layout(font_color=ink)
    figure.update_xaxes(title_font_color=ink, tickfont_color=ink)
    figure.update_yaxes(title_font_color=ink, tickfont_color=ink)
    if figure.layout.coloraxis.colorbar.title.text:
        figure.update_layout(coloraxis_colorbar={"tickfont_color": ink, "title_font_color": ink})
    figure.update_traces(textfont_color=ink, selector={"type": "heatmap"})
    choices: dict[str, Any] = (
        {} if on_select is None else {"on_select": on_select, "selection_mode": "points"}
    )
    st.plotly_chart(
        figure, key=key, alt=alt, width="stretch", config={"displayModeBar": False}, **choices
    )
