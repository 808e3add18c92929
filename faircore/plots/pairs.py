"""Two values of each candidate against each other, and the line on which they are one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from faircore.frontier import Frontier, Objective
from faircore.plots.cloud import HOVER, axis_range, numbers
from faircore.plots.method_names import METHOD_NAMES, SYMBOLS, called, methods_of
from faircore.plots.places import text_width

SLACK = 1e-9
"""A difference that is no more than rounding."""

_AS_IS = {"marker": {"opacity": 1}}
_LINE = {"width": 1.5, "color": "rgba(128, 132, 140, 0.95)", "dash": "dash"}
_WORSE = "rgba(128, 132, 140, 0.12)"

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Pairs:
    """What is drawn: two values per candidate, and in words what stands below its name.

    ``worse`` marks candidates on the wrong side of the diagonal.
    """

    positions: NDArray[np.intp]
    x: Array
    y: Array
    worse: NDArray[np.bool_]
    told: tuple[str, ...]


def draw_pairs(
    figure: go.Figure,
    frontier: Frontier,
    pairs: Pairs,
    names: Mapping[str, str] | None,
    *,
    ends: list[Array] | None = None,
) -> None:
    """A trace per method; the mark is hollow where the candidate is on the wrong side."""
    methods = methods_of(frontier.candidates)
    of = np.array([methods.index(frontier.candidates[k].method) for k in pairs.positions])
    whole = called(frontier.candidates, names)
    for number in np.unique(of).tolist():
        own = np.flatnonzero(of == number)
        symbol = SYMBOLS[number % len(SYMBOLS)]
        chosen = [frontier.candidates[k] for k in pairs.positions[own]]
        bars: dict[str, Any] = {}
        if ends:
            low, high = (end[own] for end in ends)
            bars["error_y"] = {
                "type": "data", "array": numbers(high - pairs.y[own]),
                "arrayminus": numbers(pairs.y[own] - low), "thickness": 1, "width": 0,
            }  # fmt: skip
        figure.add_trace(
            go.Scatter(
                x=numbers(pairs.x[own]),
                y=numbers(pairs.y[own]),
                customdata=[[c.id, escape(whole[c.id])] for c in chosen],
                hovertext=[pairs.told[i] for i in own.tolist()],
                hovertemplate=HOVER,
                name=METHOD_NAMES.get(methods[number], escape(methods[number])),
                mode="markers",
                marker={
                    "symbol": [f"{symbol}-open" if w else symbol for w in pairs.worse[own]],
                    "size": 10,
                    "line": {"width": [1.8 if w else 0 for w in pairs.worse[own]]},
                },
                unselected=_AS_IS,
                **bars,
            )
        )
    if len(figure.data) > 1:
        above = {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"}
        figure.update_layout(showlegend=True, legend=above, margin_t=48)


def draw_diagonal(
    figure: go.Figure,
    objective: Objective,
    inside: Array,
    *,
    below: bool,
    name: str,
    least: float | None = None,
) -> None:
    """The same range on both axes, the line between them named, its worse side shaded."""
    room = axis_range(objective, inside)
    if room is None:
        return
    low, high = room if least is None else (max(room[0], least - 0.01), room[1])
    corner = (high, low) if below else (low, high)
    figure.add_trace(
        go.Scatter(
            x=[low, corner[0], high, low], y=[low, corner[1], high, low], mode="lines",
            line={"width": 0}, fill="toself", fillcolor=_WORSE, hoverinfo="skip",
            showlegend=False, name="worse", zorder=-2,
        )
    )  # fmt: skip
    figure.add_trace(
        go.Scatter(
            x=[low, high], y=[low, high], mode="lines", line=_LINE, hoverinfo="skip",
            showlegend=False, name=name, zorder=-1,
        )
    )  # fmt: skip
    # Below the line by as much as the line falls over the width of its name.
    figure.add_annotation(
        text=name, x=high, y=high, xanchor="right", yanchor="top", showarrow=False, font_size=12,
        xshift=-4, yshift=-round(0.75 * text_width(name)) - 4,
    )  # fmt: skip
    axis = {"range": [low, high], "tickformat": objective.tickformat, "automargin": True}
    figure.update_xaxes(**axis, nticks=7)
    figure.update_yaxes(**axis, nticks=7)
