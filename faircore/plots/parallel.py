"""Candidates across many objectives at once: one line each, better upwards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from faircore.errors import InputError
from faircore.frontier import Frontier, Objective, find_objective
from faircore.plots.cloud import HOVER, add_scatter, as_customdata, numbers, wrapped
from faircore.plots.empty import say_why
from faircore.plots.layout import calm
from faircore.plots.method_names import called

_AS_IS = {"marker": {"opacity": 1}}
_AXIS = "rgba(128, 132, 140, 0.55)"
_ASKED = "rgba(128, 132, 140, 0.35)"  # the part of an axis within a range that was asked for
_SMALL = 12  # pixels: font of labels

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class _Axis:
    """One axis: heights from 0 (worst) to 1 (best) of each candidate, and what stands at its ends.

    ``range`` is the part that was asked for, as heights.
    """

    title: str
    height: Array
    told: tuple[str, ...]
    ends: tuple[str, str]
    range: tuple[float, float] | None = None


def parallel_figure(
    frontier: Frontier,
    *,
    names: Mapping[str, str] | None = None,
    kept: NDArray[np.bool_] | None = None,
    ranges: Mapping[str, tuple[float, float]] | None = None,
    objectives: Sequence[Objective] | None = None,
    height: int = 420,
) -> go.Figure:
    """One line per candidate across every objective and the strength.

    Parameters
    ----------
    frontier : Frontier
    names : mapping of candidate id to str, optional
        What a line is called when somebody looks at it; method and strength by default.
    kept : ndarray of bool, shape (k,), optional
        False is drawn thin, dotted and grey.
    ranges : mapping of objective key to (low, high), optional
        In the objective's unit, both ends within. Marked on its axis; a candidate outside any of
        them is drawn as one that is not kept.
    objectives : sequence of Objective, optional
        Any number, in the order of the axes; those of the frontier by default.
    height : int
        Pixels.

    Returns
    -------
    plotly.graph_objects.Figure
        Three traces of lines, cut between candidates: ``"front"``, ``"beaten"`` and ``"left
        out"``. Every corner of a line carries the id of its candidate in ``customdata[0]``, its
        name in ``customdata[1]``. Candidates without a value of the frontier's objectives are left
        out; one without a value of another objective has a gap in its line.

    Raises
    ------
    InputError
        When ``kept`` does not fit the frontier, or a range names an objective that is not drawn.

    Notes
    -----
    Each axis reaches from the worst value (below) to the best (above) among the candidates drawn,
    so slopes cannot be compared between axes. Strengths stand in order, evenly spaced: they are
    often powers of ten. With several methods each has an order of its own, for a weight and a gap
    that was asked for have no common unit.
    """
    objectives = frontier.objectives if objectives is None else tuple(objectives)
    k = len(frontier.candidates)
    ranges = {find_objective(key, frontier.partition).key: r for key, r in (ranges or {}).items()}
    _check(k, kept, ranges, objectives)
    figure = calm(go.Figure(), height=height, hovermode="closest", clickmode="event+select")
    shown = np.flatnonzero(np.isfinite(frontier.values).all(axis=1))
    if not len(shown):
        return say_why(figure, "No model has a value in every objective of this view.")
    stays = np.ones(k, bool) if kept is None else np.array(kept, bool)
    axes = []
    for objective in objectives:
        asked = ranges.get(objective.key)
        values = frontier.measure(objective)
        if asked is not None:
            stays &= (values >= min(asked)) & (values <= max(asked))
        axes.append(_axis(objective, values, shown, asked))
    axes.append(_strengths(frontier, shown))
    styles = {
        "left out": (~stays, {"color": "rgba(128, 132, 140, 0.35)", "width": 1, "dash": "dot"}),
        "beaten": (stays & ~frontier.non_dominated, {"color": _AXIS, "width": 1.2}),
        "front": (stays & frontier.non_dominated, {"width": 2.2}),
    }
    names = called(frontier.candidates, names)
    # The first trace has the theme's first colour: the front, as in the picture of two objectives.
    for order, (name, (members, line)) in enumerate(reversed(styles.items())):
        add_scatter(
            figure,
            **_lines(frontier, axes, shown[members[shown]], names),
            name=name,
            mode="lines+markers",
            line=line,
            marker={"size": 6, "symbol": "circle-open" if name == "left out" else "circle"},
            unselected=_AS_IS,
            zorder=3 - order,
        )
    _draw_axes(figure, axes)
    if sum(bool(trace.x) for trace in figure.data) > 1:
        above = {"orientation": "h", "x": 0, "y": 1.04, "yanchor": "bottom"}
        figure.update_layout(showlegend=True, legend=above, margin_t=40)
    return figure


def _check(
    k: int,
    kept: NDArray[np.bool_] | None,
    ranges: Mapping[str, tuple[float, float]],
    objectives: Sequence[Objective],
) -> None:
    if kept is not None and np.shape(kept) != (k,):
        raise InputError(
            f"kept must have one entry for each of the {k} candidates; its shape is "
            f"{np.shape(kept)}. Pass what faircore.frontier.keeps returns for this frontier."
        )
    known = [objective.key for objective in objectives]
    unknown = [key for key in ranges if key not in known]
    if unknown:
        raise InputError(
            f"A range was given for {unknown[0]!r}, which is not drawn. Choose among: "
            f"{', '.join(known)}."
        )


def _axis(
    objective: Objective, values: Array, shown: NDArray[np.intp], asked: tuple[float, float] | None
) -> _Axis:
    own = values[shown][np.isfinite(values[shown])]
    if not len(own):
        none = np.full(len(values), np.nan)
        return _Axis(objective.full_title, none, ("–",) * len(values), ("no value", ""))
    worst, best = (own.min(), own.max())[:: objective.better]
    height = _between(values, worst, best)
    ends = (objective.text(float(worst)), objective.text(float(best)))
    part = None
    if asked is not None and worst != best:
        low, high = np.clip(np.sort(_between(np.array(asked, float), worst, best)), 0, 1).tolist()
        part = (low, high)
    told = tuple(map(objective.text, values.tolist()))
    return _Axis(objective.full_title, height, told, ends if worst != best else ("", ends[1]), part)


def _between(values: Array, worst: float, best: float) -> Array:
    """From 0 at the worst to 1 at the best; a half where they are one."""
    if worst == best:
        return np.where(np.isfinite(values), 0.5, np.nan)
    found: Array = (values - worst) / (best - worst)
    return found


def _strengths(frontier: Frontier, shown: NDArray[np.intp]) -> _Axis:
    """Strengths in order; of several methods, each by itself."""
    strength = np.array([c.strength for c in frontier.candidates])
    methods = np.array([c.method for c in frontier.candidates])
    height = np.full(len(strength), np.nan)
    for method in np.unique(methods[shown]):
        own = shown[methods[shown] == method]
        levels, rank = np.unique(strength[own], return_inverse=True)
        height[own] = rank / (len(levels) - 1) if len(levels) > 1 else 0.5
    told = tuple(f"{s:g}" for s in strength.tolist())
    several = len(np.unique(methods[shown])) > 1
    least, most = f"{strength[shown].min():g}", f"{strength[shown].max():g}"
    ends = ("lowest", "highest") if several else ("" if least == most else least, most)
    title = "Strength, of its method (up is more)" if several else "Strength (up is more)"
    return _Axis(title, height, told, ends)


def _lines(
    frontier: Frontier, axes: Sequence[_Axis], chosen: NDArray[np.intp], names: Mapping[str, str]
) -> dict[str, object]:
    """Corners of each candidate's line, cut after it."""
    heights = np.stack([axis.height for axis in axes], axis=1)[chosen]
    cut = np.full((len(chosen), 1), np.nan)
    titles = [escape(axis.title.partition(" (")[0]) for axis in axes]
    told: list[str] = []
    own = [frontier.candidates[k].id for k in chosen.tolist()]
    ids = as_customdata([[i, escape(names[i])] for i in own])
    for k in chosen.tolist():
        told += [f"{t}: {axis.told[k]}" for t, axis in zip(titles, axes, strict=True)] + [""]
    return {
        "x": [*range(len(axes)), None] * len(chosen),
        "y": numbers(np.concatenate([heights, cut], axis=1).ravel()),
        "customdata": np.repeat(ids, len(axes) + 1, axis=0),
        "hovertext": told,
        "hovertemplate": HOVER,
    }


def _draw_axes(figure: go.Figure, axes: Sequence[_Axis]) -> None:
    """A line upwards per axis, its best value above it, its worst and its title below."""
    width = 20 if len(axes) < 6 else 14
    for position, axis in enumerate(axes):
        style = {"color": _AXIS, "width": 1}
        ends = {"x0": position, "x1": position, "layer": "below"}
        figure.add_shape(type="line", **ends, y0=0, y1=1, line=style)
        if axis.range is not None:
            low, high = axis.range
            thick = {"color": _ASKED, "width": 9}
            figure.add_shape(type="line", **ends, y0=low, y1=high, line=thick)
        for text, y, anchor in zip(axis.ends, (0, 1), ("top", "bottom"), strict=True):
            if text:
                figure.add_annotation(
                    text=escape(text), x=position, y=y, yanchor=anchor, showarrow=False,
                    yshift=8 if y else -8, font_size=_SMALL,
                )  # fmt: skip
    figure.update_xaxes(
        tickvals=list(range(len(axes))),
        ticktext=[wrapped(axis.title, width) for axis in axes],
        tickangle=0,
        range=[-0.45, len(axes) - 0.55],
        showgrid=False,
        automargin=True,
        fixedrange=True,
    )
    figure.update_yaxes(
        title="Up is better", showticklabels=False, showgrid=False, range=[-0.12, 1.12],
        fixedrange=True,
    )  # fmt: skip
    figure.update_layout(margin={"l": 40, "r": 16, "t": 16, "b": 40})
