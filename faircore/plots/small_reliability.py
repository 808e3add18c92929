"""Scores against outcomes per group, small, from a count cube alone."""

from __future__ import annotations

from html import escape

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from faircore.groups import Partition
from faircore.metrics import MIN_PEOPLE, THRESHOLDS
from faircore.plots.colors import CONTEXT
from faircore.plots.layout import calm

BINS = 5
_MARKS = ("circle", "square", "diamond", "triangle-up", "cross", "x", "star", "pentagon")


def small_reliability(
    cube: NDArray[np.float64],
    partition: Partition,
    *,
    rows: NDArray[np.float64] | None = None,
    hidden: NDArray[np.bool_] | None = None,
    height: int = 340,
) -> go.Figure:
    """One line per group: the share with the good outcome against the score, in up to five bins.

    Parameters
    ----------
    cube : ndarray, shape (t, g, 2, 2)
        Counts at each of :data:`faircore.metrics.THRESHOLDS`, over all partitions. Scores are
        read as the middle of their hundredth, so a point may be off by half a point sideways.
    partition : Partition
    rows : ndarray, shape (t, g), optional
        Rows of each group at each threshold and below the next: a bin of fewer than ten of them is
        not drawn, whatever they weigh. By default each row weighs 1 in the cube.
    hidden : ndarray of bool, shape (g,), optional
        Groups that are not drawn; they keep their colour.
    height : int
        Pixels.
    """
    figure = go.Figure()
    for place, name in enumerate(partition.group_names):
        group = partition.start + place
        withheld = hidden is not None and bool(hidden[group])
        score, share, people = (
            ([], [], [])
            if withheld
            else _bins(cube[:, group], None if rows is None else rows[:, group])
        )
        figure.add_trace(
            go.Scatter(
                x=score, y=share, customdata=people, name=escape(name), mode="lines+markers",
                marker={"symbol": _MARKS[place % len(_MARKS)], "size": 8}, line={"width": 1.5},
                hovertemplate=f"{escape(name)}<br>score %{{x:.1%}} · happened %{{y:.1%}}<br>"
                "%{customdata:,.0f} people<extra></extra>",
                showlegend=not withheld,
            )
        )  # fmt: skip
    figure.add_trace(
        go.Scatter(
            x=[0, 1], y=[0, 1], mode="lines", hoverinfo="skip", showlegend=False,
            line={"color": CONTEXT, "dash": "dot", "width": 1},
        )
    )  # fmt: skip
    calm(figure, height=height)
    above = {"orientation": "h", "x": 0, "y": 1.03, "yanchor": "bottom"}
    figure.update_layout(showlegend=True, legend=above, margin={"l": 56, "r": 8, "t": 8, "b": 48})
    figure.update_xaxes(title="Score", tickformat=".0%", range=[-0.02, 1.02])
    figure.update_yaxes(title="Good outcome", tickformat=".0%", range=[-0.02, 1.02])
    return figure


def _bins(
    counts: NDArray[np.float64], rows: NDArray[np.float64] | None
) -> tuple[list[float], list[float], list[float]]:
    """Mean score, share of good outcomes and people of each bin of about equal mass."""
    selected = counts[..., 1]  # (t, true)
    in_bin = np.maximum(-np.diff(selected, axis=0, append=np.zeros((1, 2))), 0.0)
    middle = np.minimum(THRESHOLDS + 0.005, 1.0)
    mass = in_bin.sum(axis=1)
    people = mass if rows is None else rows
    total = float(mass.sum())
    n_bins = int(min(BINS, (float(people.sum()) + 1e-6) // MIN_PEOPLE))
    if n_bins < 1 or not total > 0:
        return [], [], []
    before = np.cumsum(mass) - mass / 2
    place = np.minimum((before / total * n_bins).astype(int), n_bins - 1)

    def gather(values: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.bincount(place, values, minlength=n_bins).astype(np.float64)

    n, weight = gather(people), gather(mass)
    enough = (n >= MIN_PEOPLE * (1 - 1e-9)) & (weight > 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        score, share = gather(mass * middle) / weight, gather(in_bin[:, 1]) / weight
    return score[enough].tolist(), share[enough].tolist(), n[enough].tolist()
