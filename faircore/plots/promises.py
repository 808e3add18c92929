"""What was asked against what was measured, and what was learned against what holds."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from faircore.errors import InputError
from faircore.frontier import Candidate, Frontier, Objective, find_objective
from faircore.groups import find_partition
from faircore.metrics import DISPARITIES
from faircore.numerals import points
from faircore.plots.cloud import with_direction, wrapped
from faircore.plots.empty import say_why
from faircore.plots.layout import calm
from faircore.plots.pairs import SLACK, Array, Pairs, draw_diagonal, draw_pairs

_OWN_THRESHOLD = 0.5  # what a method that takes a target cuts its scores at

SPLIT_WORDS = {
    "train": "on the rows models learned from",
    "calibrate": "on the rows that set thresholds",
    "select": "on the rows used to compare",
    "held-out": "on rows held out",
}


def promises_figure(
    frontier: Frontier,
    *,
    names: Mapping[str, str] | None = None,
    errors: tuple[Array, Array] | None = None,
    height: int = 420,
) -> go.Figure:
    """The gap that was asked for against the gap measured where nobody learned.

    Parameters
    ----------
    frontier : Frontier
        Measured are the decisions at its threshold, on its split.
    names : mapping of candidate id to str, optional
    errors : (low, high), each an ndarray of shape (k,), optional
        Interval of the measured gap, drawn as a thin line upwards.
    height : int
        Pixels.

    Returns
    -------
    plotly.graph_objects.Figure
        A trace per method. Candidates with a ``target`` only; ids travel in ``customdata[0]``. A
        full mark on or below the line ``kept`` keeps its promise, a hollow one above it does not.
        Without such a candidate, a sentence that says so.

    Raises
    ------
    InputError
        When ``errors`` do not fit the frontier.

    Notes
    -----
    Each candidate is judged by the gap it was asked for: the disparity of its own constraint, the
    largest over the partitions the constraint acted on (all of them, where it names none). That
    can be another gap than the frontier shows.
    """
    k = len(frontier.candidates)
    if errors is not None and not np.shape(errors[0]) == np.shape(errors[1]) == (k,):
        raise InputError(
            f"errors must be the low and the high end of the gap of each of the {k} candidates; "
            f"the shapes are {np.shape(errors[0])} and {np.shape(errors[1])}. Pass two arrays of "
            f"shape ({k},)."
        )
    figure = calm(go.Figure(), height=height, hovermode="closest", clickmode="event+select")
    asked = np.array([np.nan if c.target is None else c.target for c in frontier.candidates])
    if not np.isfinite(asked).any():
        return say_why(
            figure,
            "No model here was asked for a gap of a certain size. Train thresholds by group, "
            "mixtures or networks under a limit: those take one.",
        )
    measured, whose = _measured(frontier, asked)
    positions = np.flatnonzero(np.isfinite(asked) & np.isfinite(measured))
    if not len(positions):
        return say_why(
            figure,
            "The gaps that were asked for cannot be measured here: a group has fewer than "
            f"{frontier.min_people} people the rates are about. Use more rows.",
        )
    pairs = _promised(positions, asked, measured, whose)
    ends = [] if errors is None else [np.asarray(end, float)[positions] for end in errors]
    draw_pairs(figure, frontier, pairs, names, ends=ends)
    inside = np.concatenate([pairs.x, pairs.y, *ends])
    draw_diagonal(figure, find_objective("demographic_parity_difference", frontier.partition),
              inside, below=False, name="kept", least=0.0)  # fmt: skip
    at = frontier.threshold
    where = SPLIT_WORDS.get(frontier.split, f"on {frontier.split}")
    cut = "" if at == _OWN_THRESHOLD else f", at threshold {at:.2f}"
    figure.update_xaxes(title="Gap that was asked for, at most")
    figure.update_yaxes(title=with_direction(f"Gap measured {where}{cut}", -1, 44))
    return figure


def _promised(
    positions: NDArray[np.intp], asked: Array, measured: Array, whose: list[str]
) -> Pairs:
    x, y = asked[positions], measured[positions]
    worse = y > x + SLACK
    told = tuple(
        f"{whose[k]}<br>asked: at most {points(asked[k])}<br>"
        f"measured: {points(measured[k])}, {'missed' if broken else 'kept'}"
        for k, broken in zip(positions.tolist(), worse.tolist(), strict=True)
    )
    return Pairs(positions, x, y, worse, told)


def _measured(frontier: Frontier, asked: Array) -> tuple[Array, list[str]]:
    """Gap of each candidate's own constraint, shape (k,), and what it is called, escaped."""
    found = np.full(len(asked), np.nan)
    whose = [""] * len(asked)
    for k in np.flatnonzero(np.isfinite(asked)).tolist():
        own, names, gaps = asked_gaps(frontier, k)
        found[k] = max(gaps) if np.isfinite(gaps).all() else np.nan
        whose[k] = f"{escape(own.title)} by {escape(', '.join(names))}"
    return found, whose


def asked_gaps(frontier: Frontier, position: int) -> tuple[Objective, tuple[str, ...], list[float]]:
    """The gap a candidate was asked for, at the frontier's threshold and on its split.

    Parameters
    ----------
    frontier : Frontier
    position : int

    Returns
    -------
    objective : Objective
        The disparity of the candidate's own constraint, of no partition.
    names : tuple of str
        Partitions the constraint acted on: all of them, where it names none.
    gaps : list of float
        One per name, in [0, 1]; NaN where it cannot be measured. One that cannot be leaves the
        promise open, like half a test.
    """
    from faircore.penalties import PENALTIES  # torch, which other figures need not load

    candidate: Candidate = frontier.candidates[position]
    known = PENALTIES.get(candidate.penalty)
    own = find_objective(known.disparity if known else _difference(frontier.gap))
    names = candidate.partitions or tuple(p.name for p in frontier.partitions)
    counts = frontier.counts[position]
    gaps = [
        float(DISPARITIES[own.name](counts[find_partition(frontier.partitions, name).groups],
                                    min_people=frontier.min_people))
        for name in names
    ]  # fmt: skip
    return own, names, gaps


def _difference(gap: Objective) -> str:
    """A target is a difference, whatever the frontier shows."""
    return gap.name if gap.better < 0 else "demographic_parity_difference"


def generalisation_figure(
    frontier: Frontier,
    splits: tuple[str, str] = ("train", "select"),
    *,
    objective: Objective | None = None,
    names: Mapping[str, str] | None = None,
    height: int = 420,
) -> go.Figure:
    """One objective on two splits against each other: whether the picture will hold.

    Parameters
    ----------
    frontier : Frontier
    splits : (str, str)
        Across and upwards: by default the rows models learned from, and those used to compare.
    objective : Objective, optional
        The second of the frontier by default.
    names : mapping of candidate id to str, optional
    height : int
        Pixels.

    Returns
    -------
    plotly.graph_objects.Figure
        A trace per method; ids travel in ``customdata[0]``. A hollow mark is worse on the second
        split than on the first; the line ``no difference`` parts them. Where a split was not
        counted, a sentence that says so.
    """
    figure = calm(go.Figure(), height=height, hovermode="closest", clickmode="event+select")
    objective = frontier.objectives[1] if objective is None else objective
    both = [_on_split(frontier, objective, split) for split in splits]
    positions = np.flatnonzero(np.isfinite(both[0]) & np.isfinite(both[1]))
    if not len(positions):
        return say_why(
            figure,
            f"No model was measured {_where(splits[0])} and {_where(splits[1])}. Train models on "
            "the Train page: they are measured on both.",
        )
    x, y = both[0][positions], both[1][positions]
    worse = objective.better * (y - x) < -SLACK
    title = escape(objective.full_title)
    told = tuple(
        f"{title}<br>{objective.text(a)} {_where(splits[0])}<br>"
        f"{objective.text(b)} {_where(splits[1])}<br>"
        f"difference {objective.change_text(b - a)}"
        for a, b in zip(x.tolist(), y.tolist(), strict=True)
    )
    draw_pairs(figure, frontier, Pairs(positions, x, y, worse, told), names)
    draw_diagonal(figure, objective, np.concatenate([x, y]), below=objective.better > 0,
              name="no difference")  # fmt: skip
    figure.update_xaxes(title=wrapped(f"{objective.full_title}, {_where(splits[0])}", 40))
    upwards = _where(splits[1])
    figure.update_yaxes(
        title=with_direction(f"{upwards[:1].upper()}{upwards[1:]}", objective.better, 44)
    )
    return figure


def _on_split(frontier: Frontier, objective: Objective, split: str) -> Array:
    """The objective of each candidate on a split, shape (k,); NaN where it was not counted."""
    if split not in frontier.sizes:
        return np.full(len(frontier.candidates), np.nan)
    return frontier.view(split=split).measure(objective)


def _where(split: str) -> str:
    return SPLIT_WORDS.get(split, f"on the {split} rows")
