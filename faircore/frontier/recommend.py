"""Which candidate to look at first, by a rule that can be said in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from faircore.errors import InputError
from faircore.frontier.frontier import Frontier
from faircore.frontier.objectives import find_objective


@dataclass(frozen=True)
class Limit:
    """What a candidate must keep: a gap of at most so much, a performance of at least so much.

    Attributes
    ----------
    key : str
        Key of the objective; see :func:`faircore.frontier.find_objective`.
    at : float
        The worst value allowed, in the objective's unit.
    """

    key: str
    at: float

    def __post_init__(self) -> None:
        find_objective(self.key)
        if not np.isfinite(self.at):
            raise InputError(f"A limit must be a finite number; that of {self.key!r} is {self.at}.")

    def holds(self, values: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Which values of its objective keep it; an undefined one does not."""
        sign = find_objective(self.key).better
        kept: NDArray[np.bool_] = sign * values >= sign * self.at - 1e-12
        return kept

    def in_words(self, partition: str = "") -> str:
        """Such as ``gap in selection by sex at most 5.0 points``."""
        objective = find_objective(self.key, partition)
        way = "at least" if objective.better > 0 else "at most"
        title = objective.full_title
        return f"{title[:1].lower()}{title[1:]} {way} {objective.text(self.at)}"


@dataclass(frozen=True)
class Pick:
    """A candidate, and the rule that picked it.

    Attributes
    ----------
    position : int
    rule : str
        A sentence without a full stop.
    """

    position: int
    rule: str


def keeps(
    frontier: Frontier, limits: Sequence[Limit] = (), *, may_need_groups: bool = True
) -> NDArray[np.bool_]:
    """Which candidates keep every limit as measured, shape (k,).

    Parameters
    ----------
    limits : sequence of Limit
    may_need_groups : bool
        Whether a candidate may ask for a sensitive attribute when it predicts.
    """
    kept: NDArray[np.bool_] = np.asarray(np.isfinite(frontier.values).all(axis=1))
    for limit in limits:
        kept &= limit.holds(frontier.measure(find_objective(limit.key, frontier.partition)))
    if not may_need_groups:
        kept &= ~np.array([c.needs_groups for c in frontier.candidates])
    return kept


def knee(frontier: Frontier) -> Pick | None:
    """The unbeaten candidate that lies farthest above the line between the ends of the front.

    Both objectives are measured from 0 at the worse end to 1 at the better one, so that their
    units do not matter. None with fewer than three unbeaten candidates, with three objectives, or
    where the front does not bulge.
    """
    front = frontier.front
    if len(front) < 3 or len(frontier.directions) != 2:
        return None
    points = frontier.values[front] * frontier.directions
    span = np.ptp(points, axis=0)
    if not (span > 0).all():
        return None
    above = ((points - points.min(axis=0)) / span).sum(axis=1) - 1
    best = int(above.argmax())
    if above[best] <= 1e-9:
        return None
    return Pick(
        int(front[best]),
        "the knee: the unbeaten model farthest above the straight line between the two ends of "
        "the frontier",
    )


def cheapest(
    frontier: Frontier, limits: Sequence[Limit], *, may_need_groups: bool = True
) -> Pick | None:
    """The candidate with the best first objective among those that keep every limit."""
    kept = np.flatnonzero(keeps(frontier, limits, may_need_groups=may_need_groups))
    if not len(kept):
        return None
    signed = frontier.values[kept] * frontier.directions
    best = kept[np.lexsort((*(-signed[:, 1:]).T[::-1], -signed[:, 0]))[0]]
    first = frontier.objectives[0]
    words = [limit.in_words(frontier.partition) for limit in limits]
    if not may_need_groups:
        words.append("no attribute asked for when it predicts")
    of = f" among those with {'; '.join(words)}" if words else ""
    return Pick(int(best), f"the best {first.title[:1].lower()}{first.title[1:]}{of}")


def recommend(
    frontier: Frontier, limits: Sequence[Limit] = (), *, may_need_groups: bool = True
) -> Pick | None:
    """The candidate to look at first; None when none qualifies.

    With limits, the cheapest one that keeps them; without, the knee; where there is no knee, the
    one with the best first objective.
    """
    if limits or not may_need_groups:
        return cheapest(frontier, limits, may_need_groups=may_need_groups)
    return knee(frontier) or cheapest(frontier, ())
