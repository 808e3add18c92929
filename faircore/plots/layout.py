"""What all figures share: quiet axes, room to read, and no background of their own."""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go

_AXIS = {
    "gridcolor": "rgba(128,128,128,0.18)",
    "zeroline": False,
    "ticks": "",
    "title_standoff": 12,
}


def calm(figure: go.Figure, *, height: int = 420, **layout: Any) -> go.Figure:
    """Give a figure the product's look; it works on light and on dark paper."""
    look = {
        "height": height,
        "margin": {"l": 64, "r": 24, "t": 24, "b": 56},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "hoverlabel": {"align": "left"},
        "showlegend": False,
    }
    put(figure.layout, **look | layout)
    for axis in (*figure.select_xaxes(), *figure.select_yaxes()):
        put(axis, **_AXIS)
    return figure


def put(part: Any, **values: Any) -> None:
    """Set properties of a figure's layout or of an axis, each as a whole.

    For figures that are drawn anew with each move of a dial: ``update_layout`` and its kind look up
    the path of every value many times over and take several times as long.
    """
    for name, value in values.items():
        part[name] = value
