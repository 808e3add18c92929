"""What stands around the points of a cloud: limits, a recommendation, and chance."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from faircore.frontier import Limit, find_objective
from faircore.plots.cloud import DIGITS, Cloud, Intervals, add_scatter, limit_text, numbers
from faircore.plots.places import LINE, NARROW, Box, Places, text_width

STAR = "#B07A00"
"""Of the recommendation: a contrast of 3 to 1 with light and with dark paper."""

_GREY = "#7A7A7A"  # read on a light and on a dark page

_EDGE = "rgba(128, 132, 140, 0.95)"
_FORBIDDEN = "rgba(128, 132, 140, 0.12)"
_RIBBON = "rgba(128, 132, 140, 0.22)"
_SMALL = 12  # pixels: font of labels
_FAR = 50.0  # spans of the axis: how far the shade reaches when somebody zooms out


def limits_on(cloud: Cloud, limits: Sequence[Limit], axis: int) -> list[float]:
    """Where limits of the objective of one axis lie: 0 upwards, 1 across."""
    objective = cloud.frontier.objectives[axis]
    return [
        limit.at
        for limit in limits
        if find_objective(limit.key, cloud.frontier.partition) == objective
    ]


def draw_limits(figure: go.Figure, cloud: Cloud, limits: Sequence[Limit], places: Places) -> None:
    """A line per limit on an axis, its forbidden side shaded, its words at a free end.

    A limit outside the picture is named at the border it lies behind.
    """
    for axis in (1, 0):
        objective = cloud.frontier.objectives[axis]
        low, high = places.x_range if axis else places.y_range
        for at in limits_on(cloud, limits, axis):
            beyond = _FAR * (high - low)
            far = min(at, low) - beyond if objective.better > 0 else max(at, high) + beyond
            _shade(figure, axis, at, far)
            text = limit_text(objective, at)
            inside = low <= at <= high
            if inside:
                _line(figure, axis, at)
            else:
                text = _beyond(text, axis, at > high)
            side = 0.0 if at <= low else 1.0
            spot = at if inside else low + side * (high - low)
            (_name_across if axis else _name_up)(figure, text, spot, places)


def _beyond(text: str, axis: int, more: bool) -> str:
    """A label with an arrow to where its limit lies."""
    if axis:
        return f"{text} →" if more else f"← {text}"
    return f"{'↑' if more else '↓'} {text}"


def _shade(figure: go.Figure, axis: int, at: float, far: float) -> None:
    ends = {"x0": at, "x1": far} if axis else {"y0": at, "y1": far}
    whole = (
        {"yref": "y domain", "y0": 0, "y1": 1} if axis else {"xref": "x domain", "x0": 0, "x1": 1}
    )
    figure.add_shape(
        type="rect", **ends, **whole, fillcolor=_FORBIDDEN, line_width=0, layer="below"
    )


def _line(figure: go.Figure, axis: int, at: float) -> None:
    ends = {"x0": at, "x1": at} if axis else {"y0": at, "y1": at}
    whole = (
        {"yref": "y domain", "y0": 0, "y1": 1} if axis else {"xref": "x domain", "x0": 0, "x1": 1}
    )
    style = {"width": 1.5, "color": _EDGE, "dash": "dash"}
    figure.add_shape(type="line", **ends, **whole, line=style, layer="below")


def _name_across(figure: go.Figure, text: str, at: float, places: Places) -> None:
    """Name a limit of the axis across: beside its line, at the upper or the lower end."""
    x, width = places.across(at), text_width(text)
    ways = [(right, top) for top in (True, False) for right in (True, False)]
    boxes: list[Box] = [
        (x if right else x - width, places.height - LINE if top else 0.0,
         x + width if right else x, places.height if top else LINE)
        for right, top in ways
    ]  # fmt: skip
    right, top = ways[places.take(boxes)]
    figure.add_annotation(
        text=text, showarrow=False, font_size=_SMALL,
        x=at, xanchor="left" if right else "right", xshift=3 if right else -3,
        yref="y domain", y=1 if top else 0, yanchor="top" if top else "bottom",
    )  # fmt: skip


def _name_up(figure: go.Figure, text: str, at: float, places: Places) -> None:
    """Name a limit of the axis upwards: on or under its line, from the right end to the left."""
    y, width = places.above(at), text_width(text)
    starts = np.linspace(max(NARROW - width, 0.0), 0.0, 11)
    ways = [(float(left), over) for left in starts for over in (True, False)]
    boxes: list[Box] = [
        (left, y if over else y - LINE, left + width, y + LINE if over else y)
        for left, over in ways
    ]
    chosen = places.take(boxes)
    left, over = ways[chosen]
    at_end = left == starts[0]
    figure.add_annotation(
        text=text, showarrow=False, font_size=_SMALL,
        xref="x domain", x=1 if at_end else round(left / NARROW, 4),
        xanchor="right" if at_end else "left",
        y=at, yanchor="bottom" if over else "top",
    )  # fmt: skip


def draw_star(figure: go.Figure, cloud: Cloud, position: int, places: Places) -> None:
    """A star around the recommended candidate, named; a click goes through to the candidate."""
    y, x = np.round(cloud.frontier.values[position, :2], DIGITS).tolist()
    left, up, width = places.across(x), places.above(y), text_width("recommended")
    half, off = LINE / 2, 16.0
    ways: dict[str, Box] = {
        "middle right": (left + off, up - half, left + off + width, up + half),
        "top center": (left - width / 2, up + off, left + width / 2, up + off + LINE),
        "bottom center": (left - width / 2, up - off - LINE, left + width / 2, up - off),
        "middle left": (left - off - width, up - half, left - off, up + half),
        "top right": (left + 8, up + 8, left + 8 + width, up + 8 + LINE),
        "bottom right": (left + 8, up - 8 - LINE, left + 8 + width, up - 8),
        "top left": (left - 8 - width, up + 8, left - 8, up + 8 + LINE),
        "bottom left": (left - 8 - width, up - 8 - LINE, left - 8, up - 8),
    }
    chosen = list(ways)[places.take(list(ways.values()))]
    add_scatter(figure, x=[x], y=[y], name="recommended", mode="markers+text", text=["recommended"],
            textposition=chosen, textfont={"size": _SMALL + 1}, cliponaxis=False,
            marker={"symbol": "star-open", "size": 26, "color": STAR, "line": {"width": 2.5}},
            # A click on another mark must not fade the recommendation.
            unselected={"marker": {"opacity": 1}, "textfont": {"color": _GREY}},
            hoverinfo="skip", showlegend=False, zorder=4,)  # fmt: skip


def draw_errors(figure: go.Figure, cloud: Cloud, errors: Intervals) -> None:
    """Thin lines from low to high through the points of the front, in both directions."""
    low, high = (np.round(ends, DIGITS) for ends in errors)
    x: list[float | None] = []
    y: list[float | None] = []
    values = np.round(cloud.frontier.values, DIGITS)
    for k in cloud.frontier.front.tolist():
        up, across = values[k, :2].tolist()
        ends = np.array([low[k, :2], high[k, :2]])
        if np.isfinite(ends[:, 1]).all():
            x += [*ends[:, 1].tolist(), None]
            y += [up, up, None]
        if np.isfinite(ends[:, 0]).all():
            x += [across, across, None]
            y += [*ends[:, 0].tolist(), None]
    line = {"width": 1, "color": _EDGE}
    add_scatter(
        figure, x=x, y=y, name="interval", mode="lines", line=line, hoverinfo="skip", zorder=1
    )


def draw_band(
    figure: go.Figure,
    band: tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]],
) -> None:
    """A ribbon between low and high; where either is undefined, it is cut."""
    at, low, high = (np.asarray(part, float) for part in band)
    good = np.isfinite(at) & np.isfinite(low) & np.isfinite(high)
    x: list[float | None] = []
    y: list[float | None] = []
    runs = np.split(np.arange(len(at)), np.flatnonzero(np.diff(good)) + 1)
    for run in runs:
        if not len(run) or not good[run[0]]:
            continue
        x += [*numbers(at[run]), *numbers(at[run][::-1]), None]
        y += [*numbers(high[run]), *numbers(low[run][::-1]), None]
    add_scatter(figure, x=x, y=y, name="band of the frontier", mode="lines", line={"width": 0},
            fill="toself", fillcolor=_RIBBON, hoverinfo="skip", zorder=-1,)  # fmt: skip
