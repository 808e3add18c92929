"""What all figures share: quiet axes, room to read, and no background of their own."""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go


def calm(figure: go.Figure, *, title: str = "", height: int = 420, **layout: Any) -> go.Figure:
    """Give a figure the product's look; it works on light and on dark paper."""
    figure.update_layout(
        title={"text": title, "x": 0, "xanchor": "left", "font": {"size": 16}},
        height=height,
        margin={"l": 64, "r": 24, "t": 56 if title else 24, "b": 56},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        hoverlabel={"align": "left"},
        showlegend=False,
        **layout,
    )
    axis = {
        "gridcolor": "rgba(128,128,128,0.18)",
        "zeroline": False,
        "ticks": "",
        "title_standoff": 12,
    }
    figure.update_xaxes(**axis)
    figure.update_yaxes(**axis)
    return figure
