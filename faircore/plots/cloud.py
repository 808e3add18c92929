"""What a picture of candidates is made of: positions, names, words, and the range of an axis."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from faircore.errors import InputError
from faircore.frontier import Candidate, Families, Frontier, Limit, Objective, find_objective
from faircore.plots.crowding import uncrowded
from faircore.plots.method_names import called

Intervals = tuple[NDArray[np.float64], NDArray[np.float64]]
"""Low and high ends, each of shape (k, m)."""

DIGITS = 5
"""Of a coordinate: more would only make the figure larger."""

LESS_THAN = {1: "at least", -1: "at most"}
_NEAR = 0.6  # of the spread of values: how far out a limit may lie to be in the picture
HOVER = "%{customdata[1]}<br>%{hovertext}<extra></extra>"


@dataclass(frozen=True, eq=False)
class Cloud:
    """Candidates as a figure shows them.

    Attributes
    ----------
    frontier : Frontier
    names, told : tuple of str
        Name of each candidate, and the lines below it when somebody points at it; escaped. One
        without a mark has none.
    kept : ndarray of bool, shape (k,)
        False is greyed.
    one_of_several : ndarray of bool, shape (k,)
        Whether it is one seed of a family that is drawn as its mean.
    drawn : ndarray of bool, shape (k,)
        Those that have a mark: all that have values, unless they are thousands.
    """

    frontier: Frontier
    names: tuple[str, ...]
    told: tuple[str, ...]
    kept: NDArray[np.bool_]
    one_of_several: NDArray[np.bool_]
    drawn: NDArray[np.bool_]

    @property
    def shown(self) -> NDArray[np.bool_]:
        """Candidates whose objectives are all defined, shape (k,)."""
        return np.asarray(np.isfinite(self.frontier.values).all(axis=1))

    @property
    def beaten(self) -> NDArray[np.intp]:
        """Positions of those that have a mark and that another beats."""
        return np.flatnonzero(~self.frontier.non_dominated & self.drawn)

    def points(self, positions: NDArray[np.intp]) -> dict[str, Any]:
        """Coordinates, ids and words of some candidates, for a trace."""
        values = np.round(self.frontier.values[positions], DIGITS)
        chosen = positions.tolist()
        ids = [self.frontier.candidates[k].id for k in chosen]
        return {
            "x": values[:, 1].tolist(),
            "y": values[:, 0].tolist(),
            "customdata": as_customdata(
                [[i, self.names[k]] for i, k in zip(ids, chosen, strict=True)]
            ),
            "hovertext": [self.told[k] for k in chosen],
            "hovertemplate": HOVER,
        }


def build_cloud(
    frontier: Frontier,
    *,
    names: Mapping[str, str] | None,
    limits: Sequence[Limit],
    kept: NDArray[np.bool_] | None,
    errors: Intervals | None,
    families: Families | None,
) -> Cloud:
    """Gather what is drawn, and refuse what does not fit the frontier."""
    k, shape = len(frontier.candidates), frontier.values.shape
    if kept is not None and np.shape(kept) != (k,):
        raise InputError(
            f"kept must have one entry for each of the {k} candidates; its shape is "
            f"{np.shape(kept)}. Pass what faircore.frontier.keeps returns for this frontier."
        )
    if errors is not None and not np.shape(errors[0]) == np.shape(errors[1]) == shape:
        raise InputError(
            f"errors must be the low and the high ends of every objective of every candidate, each "
            f"of shape {shape}; the shapes are {np.shape(errors[0])} and {np.shape(errors[1])}. "
            "Pass intervals of this frontier in this view."
        )
    whole = called(frontier.candidates, names)
    single = np.zeros(k, bool)
    for own in () if families is None else families.members:
        single[own] = len(own) > 1
    stays = np.ones(k, bool) if kept is None else np.asarray(kept, bool)
    drawn = _drawn(frontier, stays, single)
    return Cloud(
        frontier,
        tuple(escape(whole[c.id]) for c in frontier.candidates),
        _told(frontier, whole, stays, limits, errors, np.flatnonzero(drawn)),
        stays,
        single,
        drawn,
    )


def _drawn(
    frontier: Frontier, kept: NDArray[np.bool_], single: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Who has a mark: the unbeaten always, of the others those that do not cover each other."""
    methods = list(dict.fromkeys(c.method for c in frontier.candidates))
    kind = np.array([methods.index(c.method) for c in frontier.candidates], np.intp)
    missing = ~np.isfinite(frontier.values).all(axis=1)
    y, x = (np.where(missing, np.nan, frontier.values[:, m]) for m in (0, 1))
    return uncrowded(x, y, 4 * kind + 2 * kept + single, always=frontier.non_dominated)


def _told(
    frontier: Frontier,
    whole: Mapping[str, str],
    kept: NDArray[np.bool_],
    limits: Sequence[Limit],
    errors: Intervals | None,
    drawn: NDArray[np.intp],
) -> tuple[str, ...]:
    """Lines below a drawn candidate's name: objectives, what it needs, its seed, what it breaks."""
    columns = []
    for m, objective in enumerate(frontier.objectives):
        title = escape(objective.full_title)
        told = [f"{title}: {objective.text(v)}" for v in frontier.values[drawn, m].tolist()]
        if errors is not None:
            ends = zip(errors[0][drawn, m].tolist(), errors[1][drawn, m].tolist(), strict=True)
            told = [
                f"{text} ({objective.text(low)} to {objective.text(high)})" if low == low else text
                for text, (low, high) in zip(told, ends, strict=True)
            ]
        columns.append(told)
    broken = _broken(frontier, limits)
    needs: dict[tuple[str, ...], str] = {}
    lines = [""] * len(frontier.candidates)
    for position, *told in zip(drawn.tolist(), *columns, strict=True):
        c = frontier.candidates[position]
        if c.needs_groups:
            if c.partitions not in needs:
                needs[c.partitions] = needed(frontier, c)
            told.append(needs[c.partitions])
        if f"seed {c.seed}" not in whole[c.id]:
            told.append(f"seed {c.seed}")
        if not kept[position]:
            words = [words for words, breaks in broken if breaks[position]]
            told.append(f"breaks: {'; '.join(words)}" if words else "set aside by a filter")
        lines[position] = "<br>".join(told)
    return tuple(lines)


def needed(frontier: Frontier, candidate: Candidate) -> str:
    """Such as ``needs race and sex when it predicts``, escaped."""
    own = set(candidate.partitions) or {p.name for p in frontier.partitions}
    attributes = list(
        dict.fromkeys(a for p in frontier.partitions if p.name in own for a in p.attributes)
    )
    *most, last = attributes or ["a sensitive attribute"]
    listed = f"{', '.join(most)} and {last}" if most else last
    return f"needs {escape(listed)} when it predicts"


def _broken(frontier: Frontier, limits: Sequence[Limit]) -> list[tuple[str, NDArray[np.bool_]]]:
    """Each limit in words, escaped, and which candidates break it, shape (k,)."""
    found = []
    for limit in limits:
        values = frontier.measure(find_objective(limit.key, frontier.partition))
        found.append((escape(limit.in_words(frontier.partition)), ~limit.holds(values)))
    return found


def limit_text(objective: Objective, at: float) -> str:
    """Such as ``at most 5.0 points``."""
    return f"{LESS_THAN[objective.better]} {objective.text(at)}"


def axis_title(objective: Objective, *, width: int = 60) -> str:
    """Full title and which way is better, escaped, broken into lines of about ``width``."""
    return with_direction(objective.full_title, objective.better, width)


def with_direction(text: str, better: int, width: int) -> str:
    """Text and which way is better, escaped; the second in a line of its own where it must."""
    way = f"({'higher' if better > 0 else 'lower'} is better)"
    between = " " if len(text) + len(way) < width else "<br>"
    return f"{wrapped(text, width)}{between}{way}"


def wrapped(text: str, width: int) -> str:
    """Text in lines of at most ``width`` characters, escaped line by line."""
    return "<br>".join(escape(line) for line in textwrap.wrap(text, width)) or escape(text)


def floor_of(objective: Objective, values: NDArray[np.float64]) -> float:
    """The least margin around values, so that noise never looks like a cliff."""
    if objective.is_share or not len(values):
        return 0.005
    return 0.005 * max(1.0, float(np.abs(values).max()))


def axis_range(
    objective: Objective,
    values: NDArray[np.float64],
    *,
    limits: Sequence[float] = (),
    margin: float = 0.06,
) -> tuple[float, float] | None:
    """A range around values and limits that lie near them; None without values.

    A limit is near when the picture need not be much wider to hold it.
    """
    values = values[np.isfinite(values)]
    if not len(values):
        return None
    low, high = float(values.min()), float(values.max())
    least = floor_of(objective, values)
    reach = max(_NEAR * (high - low), 4 * least)
    near = [at for at in limits if low - reach <= at <= high + reach]
    low, high = min([low, *near]), max([high, *near])
    room = max(margin * (high - low), least)
    return round(low - room, DIGITS), round(high + room, DIGITS)


def numbers(values: NDArray[np.float64]) -> list[float | None]:
    """Rounded values for a trace; None where undefined."""
    return [v if v == v else None for v in np.round(values, DIGITS).tolist()]


def as_customdata(pairs: list[list[str]]) -> NDArray[np.object_]:
    """Id and name of each point, shape (n, 2), in the form that Plotly checks fastest."""
    return np.array(pairs, object).reshape(len(pairs), 2)


def add_scatter(figure: go.Figure, **trace: Any) -> None:
    """Add points or lines; a mapping is checked once, an object of Plotly's twice."""
    figure.add_trace({"type": "scatter", **trace})
