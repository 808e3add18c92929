"""The trade-off as a picture."""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go

from faircore.frontier import Frontier
from faircore.metrics import find_disparity, find_performance
from faircore.plots.colors import CONTEXT
from faircore.plots.layout import calm

BEATEN, FRONT = "beaten", "front"
"""Names of the two traces: other models beat it in both respects; none does."""

_AS_IS = {"marker": {"opacity": 1}}  # a click must not fade the models it is compared with


def frontier_figure(frontier: Frontier, *, height: int = 460) -> go.Figure:
    """Performance against disparity, the non-dominated candidates joined.

    Candidate ids travel in ``customdata``. The same frontier gives the same figure to the byte,
    so that a browser keeps zoom and selection.
    """
    performance = find_performance(frontier.performance)
    disparity = find_disparity(frontier.disparity)
    front = frontier.front
    beaten = np.flatnonzero(~frontier.non_dominated & np.isfinite(frontier.values).all(axis=1))
    figure = go.Figure()
    figure.add_trace(
        go.Scatter(
            **_points(frontier, front),
            name=FRONT,
            mode="lines+markers",
            line={"width": 1.5},
            marker={"size": 11},
            unselected=_AS_IS,
            zorder=2,
        )
    )
    figure.add_trace(
        go.Scatter(
            **_points(frontier, beaten),
            name=BEATEN,
            mode="markers",
            marker={"color": CONTEXT, "size": 9, "line": {"width": 0}},
            unselected=_AS_IS,
        )
    )
    fewer = "higher is more equal" if frontier.directions[1] > 0 else "lower is more equal"
    calm(figure, height=height, hovermode="closest", dragmode="pan", clickmode="event+select")
    figure.update_xaxes(
        title=f"{disparity.title} by {frontier.partition} ({fewer})", tickformat=".1%"
    )
    figure.update_yaxes(title=f"{performance.title} (higher is better)", tickformat=".1%")
    shown = frontier.values[np.isfinite(frontier.values).all(axis=1)]
    if len(shown):
        figure.update_yaxes(range=_room(shown[:, 0]))
        figure.update_xaxes(range=_room(shown[:, 1]))
    return figure


def _room(values: np.ndarray[Any, np.dtype[np.float64]]) -> list[float]:
    """A range around values, never so narrow that noise looks like a cliff."""
    low, high = float(values.min()), float(values.max())
    margin = max(0.06 * (high - low), 0.005)
    return [round(low - margin, 5), round(high + margin, 5)]


def _points(frontier: Frontier, positions: np.ndarray[Any, np.dtype[np.intp]]) -> dict[str, Any]:
    values = frontier.values[positions]
    chosen = [frontier.candidates[k] for k in positions]
    return {
        "x": np.round(values[:, 1], 5).tolist(),
        "y": np.round(values[:, 0], 5).tolist(),
        "customdata": [[c.id, c.strength, c.seed] for c in chosen],
        "hovertemplate": (
            "λ = %{customdata[1]:.3g}, seed %{customdata[2]}<br>%{y:.1%} · gap %{x:.1%}"
            "<extra></extra>"
        ),
    }
