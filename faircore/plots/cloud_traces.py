"""The points of a cloud as traces: of one method or of several, kept or greyed."""

from __future__ import annotations

from html import escape
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from faircore.frontier import Families
from faircore.plots.cloud import DIGITS, Cloud, add_scatter
from faircore.plots.cloud_means import drawn_as_means, means
from faircore.plots.colors import CONTEXT
from faircore.plots.method_names import METHOD_NAMES, SYMBOLS

BEATEN, FRONT = "beaten", "front"
"""Names of the two traces: other models beat it in every respect; none does."""

_AS_IS = {"marker": {"opacity": 1}}  # a click must not fade the models it is compared with
_GREY = "rgba(128, 132, 140, 0.75)"
_PLAIN = "#6B7078"  # means over seeds of one method: 3 to 1 with light and with dark paper


def draw_one_method(figure: go.Figure, cloud: Cloud, families: Families | None) -> None:
    """The front and the others as a trace each; the front's greyed points have no mark here."""
    frontier = cloud.frontier
    front = frontier.front
    joined = len(frontier.objectives) == 2
    pale = cloud.one_of_several[front]
    size = np.where(cloud.kept[front], np.where(pale, 7, 11), 0)
    mixed = bool((size != 11).any())
    marker = {"size": size.tolist() if mixed else 11, **_third(cloud, frontier.values[front])}
    if mixed:  # Plotly makes marks of several sizes see-through by itself
        marker["opacity"] = np.where(pale, 0.5, 1.0).tolist() if pale.any() else 1
    add_scatter(
        figure,
        **cloud.points(front),
        name=FRONT,
        mode="lines+markers" if joined else "markers",
        line={"width": 1.5},
        marker=marker,
        unselected={} if pale.any() else _AS_IS,
        zorder=2,
    )
    others = cloud.beaten[cloud.kept[cloud.beaten]]
    single = cloud.one_of_several[others]
    small = np.where(single, 6, 9).tolist() if single.any() else 9
    marker = {"color": CONTEXT, "size": small, "opacity": 1, "line": {"width": 0}}
    add_scatter(
        figure,
        **cloud.points(others),
        name=BEATEN,
        mode="markers",
        marker=marker | _third(cloud, frontier.values[others]),
        unselected=_AS_IS,
        zorder=0 if joined else 1,
    )
    drawn = drawn_as_means(cloud, families)
    if families is not None and len(drawn):
        marker = {"size": 11, "symbol": "diamond", "color": _PLAIN, "opacity": 1}
        add_scatter(
            figure,
            **means(cloud, families, drawn),
            name="mean of seeds",
            mode="markers",
            marker=marker | _third(cloud, families.mean[drawn]),
            unselected=_AS_IS,
            zorder=3,
        )


def draw_several_methods(
    figure: go.Figure, cloud: Cloud, families: Families | None, methods: list[str]
) -> None:
    """A trace per method, kept points and means over seeds; then the line that joins the front."""
    frontier = cloud.frontier
    of = np.array([methods.index(c.method) for c in frontier.candidates])
    drawn = drawn_as_means(cloud, families)
    firsts = [] if families is None else [families.members[f][0] for f in drawn]
    mean_of = of[np.array(firsts, np.intp)]
    shown = np.concatenate([frontier.front, cloud.beaten])
    absent = set(of[shown].tolist()) - set(of[shown[cloud.kept[shown]]].tolist())
    shown = shown[cloud.kept[shown]]
    for number, method in enumerate(methods):
        own = shown[of[shown] == number]
        points = _with_means(cloud, families, own, drawn[mean_of == number])
        if number in absent:  # a point that is none: its hollow marks are named in the legend
            points |= {"x": [None], "y": [None], "marker": {"size": 10}}
        add_scatter(
            figure,
            **points,
            name=METHOD_NAMES.get(method, escape(method)),
            mode="markers",
            marker_symbol=SYMBOLS[number % len(SYMBOLS)],
            unselected={"marker": {"opacity": 0.6}},  # a click must not hide the others
            zorder=2,
        )
    if len(frontier.objectives) == 2:
        line = cloud.points(frontier.front)
        add_scatter(
            figure,
            x=line["x"],
            y=line["y"],
            customdata=line["customdata"],
            hoverinfo="skip",
            name=FRONT,
            mode="lines",
            line={"width": 1.5, "color": CONTEXT},
            showlegend=False,
        )


def _with_means(
    cloud: Cloud, families: Families | None, own: NDArray[np.intp], drawn: NDArray[np.intp]
) -> dict[str, Any]:
    """Points of one method and, behind them, the means of its families, with their marks."""
    best, single = cloud.frontier.non_dominated[own], cloud.one_of_several[own]
    size = np.where(single, 6, np.where(best, 12, 8)).tolist()
    # A colour that is read off a scale must not fade.
    dim = (0.6, 0.3, 0.45) if len(cloud.frontier.objectives) == 2 else (0.9, 0.7, 0.8)
    opacity = np.where(single, np.where(best, *dim[:2]), np.where(best, 1.0, dim[2])).tolist()
    points, values = cloud.points(own), cloud.frontier.values[own]
    if families is not None and len(drawn):
        middle = means(cloud, families, drawn)
        for axis in ("error_x", "error_y"):
            middle[axis]["array"] = [None] * len(own) + middle[axis]["array"]
            points[axis] = middle[axis]
        for key in ("x", "y", "hovertext"):
            points[key] = points[key] + middle[key]
        points["customdata"] = np.concatenate([points["customdata"], middle["customdata"]])
        size += [13] * len(drawn)
        opacity += [1.0] * len(drawn)
        values = np.concatenate([values, families.mean[drawn]])
    points["marker"] = {"size": size, "opacity": opacity, **_third(cloud, values)}
    return points


def draw_greyed(figure: go.Figure, cloud: Cloud, methods: list[str], name: str) -> None:
    """What is not kept: hollow and grey, the mark of its method as it was."""
    chosen = np.flatnonzero(~cloud.kept & cloud.drawn)
    if not len(chosen):
        return
    of = [methods.index(cloud.frontier.candidates[k].method) for k in chosen.tolist()]
    symbols = [f"{SYMBOLS[number % len(SYMBOLS)]}-open" for number in of]
    best, single = cloud.frontier.non_dominated[chosen], cloud.one_of_several[chosen]
    add_scatter(
        figure,
        **cloud.points(chosen),
        name=name,
        mode="markers",
        marker={
            "symbol": symbols if len(methods) > 1 else "circle-open",
            "size": np.where(single, 6, np.where(best, 11, 8)).tolist(),
            "color": _GREY,
            "line": {"width": 1.5},
        },
        unselected=_AS_IS,
        zorder=1,
    )


def _third(cloud: Cloud, values: NDArray[np.float64]) -> dict[str, Any]:
    """Colour by the third objective; nothing where there is none."""
    if len(cloud.frontier.objectives) < 3:
        return {}
    # The outline keeps both ends of the scale visible on any paper.
    outline = {"width": 1, "color": _GREY}
    return {
        "color": np.round(values[:, 2], DIGITS).tolist(),
        "coloraxis": "coloraxis",
        "line": outline,
    }


def name_marks(figure: go.Figure) -> None:
    """Give marks coloured by a scale a legend entry in grey: Plotly's own is black on any paper."""
    coloured = [trace for trace in figure.data if trace.marker.coloraxis]
    for rank, trace in enumerate(coloured):
        symbol = trace.marker.symbol
        trace.update(showlegend=False, legendgroup=trace.name)
        add_scatter(
            figure,
            x=[None],
            y=[None],
            name=trace.name,
            legendgroup=trace.name,
            legendrank=rank + 1,
            mode="markers",
            marker={
                "symbol": symbol if isinstance(symbol, str) else "circle",
                "size": 11 if trace.name == FRONT else 8,
                "color": _GREY,
            },
            hoverinfo="skip",
        )
