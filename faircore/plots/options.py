"""The frontier with a few named options on it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import plotly.graph_objects as go

from faircore.frontier import Frontier
from faircore.plots.cloud import DIGITS
from faircore.plots.frontier import frontier_figure


def options_figure(
    frontier: Frontier,
    letters: Mapping[int, str],
    *,
    names: Mapping[str, str] | None = None,
    height: int = 420,
) -> go.Figure:
    """Every candidate, those that are options circled and lettered.

    Parameters
    ----------
    frontier : Frontier
    letters : mapping of position to str
        Such as ``{4: "A"}``; options at one place share a label.
    names : mapping of candidate id to str, optional
        What a point is called when somebody looks at it.
    height : int
        Pixels.
    """
    figure = frontier_figure(frontier, names=names, height=height)
    at: dict[tuple[float, float], str] = {}
    for position, letter in letters.items():
        y, x = np.round(frontier.values[position, :2], DIGITS).tolist()
        if np.isfinite([x, y]).all():
            at[x, y] = f"{at[x, y]}, {letter}" if (x, y) in at else letter
    if at:
        xs, ys = zip(*at, strict=True)
        figure.add_scatter(
            x=xs, y=ys, text=[f"<b>{told}</b>" for told in at.values()], mode="markers+text",
            name="options", textposition="top right", textfont={"size": 15}, cliponaxis=False,
            marker={"symbol": "circle-open", "size": 20, "color": "rgba(0,0,0,0)",
                    "line": {"width": 2, "color": "#888888"}},
            hoverinfo="skip", showlegend=False, zorder=5,
        )  # fmt: skip
    return figure
