"""The marks of reliability diagrams."""

from __future__ import annotations

from html import escape
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from faircore.plots.colors import CONTEXT

_HOVER = (
    "%{customdata[0]}<br>promised %{x:.1%}, happened %{y:.1%}<br>"
    "%{customdata[1]:.1%} to %{customdata[2]:.1%}, %{customdata[3]:,.0f} people<extra></extra>"
)


def marks(table: pd.DataFrame, name: str) -> go.Scatter:
    """One group's bins, their intervals, and their size where people differ."""
    own = table.loc[[name]]
    people = own["people"].to_numpy()
    size = 6 + 6 * np.sqrt(people / max(float(people.max()), 1.0))
    return go.Scatter(
        x=rounded(own["score"]),
        y=rounded(own["outcome"]),
        mode="markers",
        marker={"size": np.round(size, 2).tolist(), "opacity": 1, "line": {"width": 0}},
        error_y={
            "type": "data",
            "symmetric": False,
            "array": rounded(own["outcome_high"] - own["outcome"]),
            "arrayminus": rounded(own["outcome"] - own["outcome_low"]),
            "thickness": 1.5,
            "width": 0,
        },
        customdata=_told(own, name),
        hovertemplate=_HOVER,
        showlegend=False,
        zorder=3,
    )


def earlier(table: pd.DataFrame, name: str) -> go.Scatter:
    """The bins as they were: hollow and grey."""
    own = table.loc[[name]]
    return go.Scatter(
        x=rounded(own["score"]),
        y=rounded(own["outcome"]),
        mode="markers",
        marker={"symbol": "circle-open", "size": 9, "color": CONTEXT, "line": {"width": 2}},
        customdata=_told(own, name),
        hovertemplate=_HOVER.replace("<extra></extra>", "<extra>before</extra>"),
        name="before",
        showlegend=False,
        zorder=2,
    )


def _told(own: pd.DataFrame, name: str) -> list[list[Any]]:
    limits = zip(
        rounded(own["outcome_low"]), rounded(own["outcome_high"]), rounded(own["people"]),
        strict=True,
    )  # fmt: skip
    return [[escape(name), *values] for values in limits]


_THIN = 0.02
"""Least width of score that people are spread over."""


def density(own: pd.DataFrame) -> pd.DataFrame:
    """People per width of score between all edges of some groups' bins."""
    low, high, people = (own[c].to_numpy() for c in ("low", "high", "people"))
    # Many people of one score, as a calibrator of steps makes them, would be a needle that leaves
    # nothing to be seen of the others.
    thin = np.maximum(_THIN - (high - low), 0) / 2
    low, high = low - thin, high + thin
    edges = np.unique(np.concatenate([low, high]))
    middle = (edges[1:] + edges[:-1]) / 2
    inside = (low <= middle[:, None]) & (middle[:, None] < high)
    dense = inside @ (people / np.maximum(high - low, 1e-9))
    return pd.DataFrame({"middle": middle, "width": np.diff(edges), "dense": dense})


def strip(held: pd.DataFrame) -> go.Bar:
    """How people spread over the scores, the densest place full."""
    highest = max(float(held["dense"].max()), 1e-12)
    return go.Bar(
        x=rounded(held["middle"]),
        y=rounded(held["dense"] / highest),
        width=rounded(held["width"]),
        marker={"color": CONTEXT, "line": {"width": 0}},
        hoverinfo="skip",
        name="people",
        showlegend=False,
    )


def rounded(values: Any) -> list[float]:
    """Plain numbers of five decimals, so that equal figures are equal to the byte."""
    return [round(float(v), 5) for v in np.asarray(values, float)]
