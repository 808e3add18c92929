"""The trade-off as a picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from faircore.errors import InputError
from faircore.frontier import Families, Frontier, Limit, keeps
from faircore.numerals import number
from faircore.plots.cloud import (
    Cloud,
    Intervals,
    axis_range,
    axis_title,
    build_cloud,
    wrapped,
)
from faircore.plots.cloud_marks import (
    draw_band,
    draw_errors,
    draw_limits,
    draw_star,
    limits_on,
)
from faircore.plots.cloud_traces import (
    draw_greyed,
    draw_one_method,
    draw_several_methods,
    name_marks,
)
from faircore.plots.layout import calm, put
from faircore.plots.method_names import methods_of
from faircore.plots.places import NARROW, Places, text_width

Band = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]

# Blue to sand: told apart with any kind of colour vision, and on light and on dark paper.
_SCALE = [[0.0, "#2A63A8"], [0.5, "#87808A"], [1.0, "#E3A83B"]]

_UNBEATEN_WEIGH = 4
"""So many marks more an unbeaten one is worth to a word that looks for a place."""


def frontier_figure(
    frontier: Frontier,
    *,
    names: Mapping[str, str] | None = None,
    height: int = 460,
    limits: Sequence[Limit] = (),
    kept: NDArray[np.bool_] | None = None,
    starred: int | None = None,
    errors: Intervals | None = None,
    band: Band | None = None,
    families: Families | None = None,
    title: str = "",
) -> go.Figure:
    """Two objectives against each other, the non-dominated candidates joined.

    Parameters
    ----------
    frontier : Frontier
        The first objective is drawn upwards, the second across, a third as a colour.
    names : mapping of candidate id to str, optional
        What a point is called when somebody looks at it; method and strength by default.
    height : int
        Pixels.
    limits : sequence of Limit
        One on either axis is drawn as a line, named, its forbidden side shaded.
    kept : ndarray of bool, shape (k,), optional
        False is drawn hollow and grey, and can still be clicked.
    starred : int, optional
        Position of the recommended candidate.
    errors : (low, high), each an ndarray of shape (k, m), optional
        Intervals of each objective, drawn on the non-dominated candidates.
    band : (at, low, high), each an ndarray of shape (b,), optional
        Ribbon around the front: along the second objective, from low to high of the first.
    families : Families, optional
        Where a family has several seeds, their mean is drawn with whiskers of one standard
        deviation, and the seeds themselves small and pale.
    title : str

    Returns
    -------
    plotly.graph_objects.Figure
        Candidate ids travel in ``customdata[0]``, names in ``customdata[1]``. The same call gives
        the same figure to the byte, so that a browser keeps zoom and selection. Candidates of
        several methods have a colour and a mark per method, full where no other model beats them.
        Of more than :data:`~faircore.plots.crowding.MOST_MARKS` candidates those that would cover
        one another are drawn once, the unbeaten all, and the axis across says so.

    Raises
    ------
    InputError
        When ``kept``, ``errors`` or ``starred`` do not fit the frontier.

    Notes
    -----
    The line is straight from one non-dominated candidate to the next. A lottery between the two
    reaches each point of it in accuracy and in other rates over people whose number no decision
    changes; its difference between groups is at most what the line says, for a largest difference
    is a convex function of such rates. For scores, precision and ratios the line only guides the
    eye. Three objectives are not joined.
    """
    cloud = build_cloud(
        frontier, names=names, limits=limits, kept=kept, errors=errors, families=families
    )
    if starred is not None and not 0 <= starred < len(frontier.candidates):
        raise InputError(
            f"starred must be a position among the {len(frontier.candidates)} candidates; it is "
            f"{starred}. Pass the position of a Pick of this frontier."
        )
    methods = methods_of(frontier.candidates)
    figure = go.Figure()
    if len(methods) == 1:
        draw_one_method(figure, cloud, families)
    else:
        draw_several_methods(figure, cloud, families, methods)
    draw_greyed(figure, cloud, methods, _why_grey(cloud, limits))
    if errors is not None:
        draw_errors(figure, cloud, errors)
    if band is not None:
        draw_band(figure, band)
    _lay_out(figure, cloud, title=title, height=height, several=len(methods) > 1)
    places = _axes(figure, cloud, limits, errors, band)
    if places is not None:
        draw_limits(figure, cloud, limits, places)
        if starred is not None and cloud.shown[starred]:
            draw_star(figure, cloud, starred, places)
    return figure


def _why_grey(cloud: Cloud, limits: Sequence[Limit]) -> str:
    """What hollow marks are called: those a filter set aside may keep every limit."""
    others = ~cloud.kept & cloud.shown & keeps(cloud.frontier, limits)
    return "set aside" if not limits or others.any() else "breaks a limit"


def _lay_out(figure: go.Figure, cloud: Cloud, *, title: str, height: int, several: bool) -> None:
    calm(figure, height=height, hovermode="closest", dragmode="pan", clickmode="event+select")
    if several or len(figure.data) > 2:
        above = {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"}
        put(figure.layout, showlegend=True, legend=above, margin_t=48)
    if title:
        _head(figure, title, height)
    for axis, objective in zip("yx", cloud.frontier.objectives, strict=False):
        across = axis == "x"
        put(
            figure.layout.xaxis if across else figure.layout.yaxis,
            title_text=axis_title(objective, width=72 if across else 44)
            + (_left_out(cloud) if across else ""),
            tickformat=objective.tickformat,
            automargin=True,
            ticklabelstandoff=4,
        )
    if len(cloud.frontier.objectives) == 3:
        third = cloud.frontier.objectives[2]
        bar = {
            "title": {"text": axis_title(third, width=44), "side": "right"},
            "tickformat": third.tickformat, "thickness": 12, "outlinewidth": 0, "ticks": "",
        }  # fmt: skip
        figure.update_layout(coloraxis={"colorscale": _SCALE, "colorbar": bar})
        name_marks(figure)


def _left_out(cloud: Cloud) -> str:
    """What is said below the axis where some candidates have no mark of their own."""
    drawn, whole = int(cloud.drawn.sum()), int(cloud.shown.sum())
    if drawn == whole:
        return ""
    return (
        f"<br><span style='font-size:11px'>{number(drawn, 0)} marks for {number(whole, 0)} models: "
        "those that would cover one another are drawn once.</span>"
    )


def _head(figure: go.Figure, title: str, height: int) -> None:
    """A title, in a margin that holds the rows of a legend below it on narrow paper as well."""
    lines = wrapped(title, 68)
    more = lines.count("<br>")
    # Plotly lifts a title by each line after its first.
    at = {"text": lines, "yref": "container", "yanchor": "top", "y": 1 - (8 + 20 * more) / height}
    figure.update_layout(title=at, margin_t=44 + 20 * more + _legend_height(figure))


def _legend_height(figure: go.Figure) -> int:
    """Pixels that a legend across takes on narrow paper, where it has the most rows."""
    if not figure.layout.showlegend:
        return 0
    named = [len(trace.name) for trace in figure.data if trace.showlegend is not False]
    across = max(int(NARROW / (text_width("") + 7 * max(named) + 44)), 1)
    return 20 * -(-len(named) // across)


def _axes(
    figure: go.Figure,
    cloud: Cloud,
    limits: Sequence[Limit],
    errors: Intervals | None,
    band: Band | None,
) -> Places | None:
    """Give the axes a range around all that is drawn; what is needed to place labels in it."""
    first, second = cloud.frontier.objectives[:2]
    shown = cloud.frontier.values[cloud.shown]
    front = cloud.frontier.front
    up, across = [shown[:, 0]], [shown[:, 1]]
    for ends in errors or ():
        up.append(ends[front, 0])
        across.append(ends[front, 1])
    if band is not None:
        across.append(np.asarray(band[0], float))
        up += [np.asarray(part, float) for part in band[1:]]
    on_x, on_y = limits_on(cloud, limits, 1), limits_on(cloud, limits, 0)
    # Words stand at the ends of a line across: a strip is kept free for them.
    y_range = axis_range(first, np.concatenate(up), limits=on_y, margin=0.09 if on_x else 0.06)
    x_range = axis_range(second, np.concatenate(across), limits=on_x)
    if not len(shown) or x_range is None or y_range is None:
        return None
    figure.update_yaxes(range=list(y_range))
    figure.update_xaxes(range=list(x_range))
    margin, legend = figure.layout.margin, _legend_height(figure)
    # Plotly makes room for a legend of many rows at the cost of the plot.
    top, below = max(margin.t, legend + 28 if legend else 0), margin.b + 8
    height = max(float(figure.layout.height - top - below), 100.0)
    # On an unbeaten one the ring of the selected may stand: a word across it is hard to read.
    marks = np.concatenate([shown, *[cloud.frontier.values[front]] * _UNBEATEN_WEIGH])
    return Places(marks[:, 1], marks[:, 0], x_range, y_range, height)
