"""The trade-off as a picture."""

from __future__ import annotations

import html
from collections.abc import Mapping
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from faircore.frontier import Frontier
from faircore.metrics import find_disparity, find_performance
from faircore.plots.colors import CONTEXT
from faircore.plots.layout import calm

BEATEN, FRONT = "beaten", "front"
"""Names of the two traces: other models beat it in both respects; none does."""

METHOD_NAMES = {
    "regularized": "Penalised networks",
    "boosted": "Penalised trees",
    "lagrangian": "Networks under a limit",
    "adversarial": "Networks against an opponent",
    "reweighed": "Reweighted examples",
    "resampled": "Resampled examples",
    "massaged": "Relabelled examples",
    "repaired": "Repaired columns",
    "decorrelated": "Columns without the group",
    "reductions": "Mixtures",
    "thresholds": "Thresholds by group",
    "reject_option": "Reject option",
    "calibrated": "Calibrated scores",
    "existing": "Model you have",
}
"""What methods are called in a legend."""

SYMBOLS = (
    "circle", "diamond", "square", "triangle-up", "cross", "star", "hexagon", "triangle-down",
    "pentagon", "x", "bowtie", "star-diamond", "star-square", "hourglass",
)  # fmt: skip

_AS_IS = {"marker": {"opacity": 1}}  # a click must not fade the models it is compared with


def frontier_figure(
    frontier: Frontier, *, names: Mapping[str, str] | None = None, height: int = 460
) -> go.Figure:
    """Performance against disparity, the non-dominated candidates joined.

    Parameters
    ----------
    frontier : Frontier
    names : mapping of candidate id to str, optional
        What a point is called when somebody looks at it; method and strength by default.
    height : int
        Pixels.

    Returns
    -------
    plotly.graph_objects.Figure
        Candidate ids travel in ``customdata``. The same frontier gives the same figure to the
        byte, so that a browser keeps zoom and selection. Candidates of several methods have a
        colour and a mark per method, full where no other model beats them.
    """
    performance = find_performance(frontier.performance)
    disparity = find_disparity(frontier.disparity)
    called = {
        c.id: f"{METHOD_NAMES.get(c.method, c.method)}, strength {c.strength:g}, seed {c.seed}"
        for c in frontier.candidates
    } | dict(names or {})
    methods = list(dict.fromkeys(c.method for c in frontier.candidates))
    figure = go.Figure()
    if len(methods) == 1:
        _one_method(figure, frontier, called)
    else:
        _several_methods(figure, frontier, called, methods)
    fewer = "higher is more equal" if frontier.directions[1] > 0 else "lower is more equal"
    calm(figure, height=height, hovermode="closest", dragmode="pan", clickmode="event+select")
    if len(methods) > 1:
        above = {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"}
        figure.update_layout(showlegend=True, legend=above, margin_t=48)
    figure.update_xaxes(
        title=f"{disparity.title} by {html.escape(frontier.partition)} ({fewer})", tickformat=".1%"
    )
    figure.update_yaxes(title=f"{performance.title} (higher is better)", tickformat=".1%")
    shown = frontier.values[np.isfinite(frontier.values).all(axis=1)]
    if len(shown):
        figure.update_yaxes(range=_room(shown[:, 0]))
        figure.update_xaxes(range=_room(shown[:, 1]))
    return figure


def _room(values: NDArray[np.float64]) -> list[float]:
    """A range around values, never so narrow that noise looks like a cliff."""
    low, high = float(values.min()), float(values.max())
    margin = max(0.06 * (high - low), 0.005)
    return [round(low - margin, 5), round(high + margin, 5)]


def _one_method(figure: go.Figure, frontier: Frontier, called: Mapping[str, str]) -> None:
    figure.add_trace(
        go.Scatter(
            **_points(frontier, frontier.front, called),
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
            **_points(frontier, _beaten(frontier), called),
            name=BEATEN,
            mode="markers",
            marker={"color": CONTEXT, "size": 9, "line": {"width": 0}},
            unselected=_AS_IS,
        )
    )


def _several_methods(
    figure: go.Figure, frontier: Frontier, called: Mapping[str, str], methods: list[str]
) -> None:
    of = np.array([methods.index(c.method) for c in frontier.candidates])
    shown = np.concatenate([frontier.front, _beaten(frontier)])
    for number, method in enumerate(methods):
        own = shown[of[shown] == number]
        best = frontier.non_dominated[own]
        figure.add_trace(
            go.Scatter(
                **_points(frontier, own, called),
                name=METHOD_NAMES.get(method, method),
                mode="markers",
                marker={
                    "symbol": SYMBOLS[number % len(SYMBOLS)],
                    "size": np.where(best, 12, 8).tolist(),
                    "opacity": np.where(best, 1.0, 0.45).tolist(),
                },
                unselected={"marker": {"opacity": 0.6}},  # a click must not hide the others
                zorder=2,
            )
        )
    line = _points(frontier, frontier.front, called) | {"hoverinfo": "skip", "hovertemplate": None}
    figure.add_trace(
        go.Scatter(
            **line,
            name=FRONT,
            mode="lines",
            line={"width": 1.5, "color": CONTEXT},
            showlegend=False,
        )
    )


def _beaten(frontier: Frontier) -> NDArray[np.intp]:
    shown = np.isfinite(frontier.values).all(axis=1)
    beaten: NDArray[np.intp] = np.flatnonzero(~frontier.non_dominated & shown)
    return beaten


def _points(
    frontier: Frontier, positions: NDArray[np.intp], called: Mapping[str, str]
) -> dict[str, Any]:
    values = frontier.values[positions]
    chosen = [frontier.candidates[k] for k in positions]
    return {
        "x": np.round(values[:, 1], 5).tolist(),
        "y": np.round(values[:, 0], 5).tolist(),
        "customdata": [[c.id, html.escape(called[c.id])] for c in chosen],
        "hovertemplate": "%{customdata[1]}<br>%{y:.1%} · gap %{x:.1%}<extra></extra>",
    }
