"""What chance does to a view of candidates: intervals, chances, bands."""

from __future__ import annotations

from dataclasses import dataclass, field
from threading import Lock

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from faircore.frontier.frontier import Frontier
from faircore.frontier.noise import Replicates, draw_counts
from faircore.frontier.noise_beliefs import (
    believe_disparity,
    believe_performance,
    compared_rates,
    performance_draws,
    unlike,
)
from faircore.frontier.noise_front import (
    front_band,
    hopeful,
    hypervolume_limits,
    probability_non_dominated,
)
from faircore.frontier.noise_gaps import disparity_limits
from faircore.frontier.noise_limits import Scale, limits, share_limits
from faircore.frontier.noise_scores import draw_scores
from faircore.frontier.noise_shrinkage import believe
from faircore.frontier.objectives import Objective
from faircore.frontier.rows import SplitRows
from faircore.frontier.views import WORTH_OF
from faircore.groups import find_partition
from faircore.metrics import find_disparity, threshold_index
from faircore.metrics.intervals import z_of

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

BAND_POINTS = 60
"""Places along the second objective at which the band of the front is told."""

_CALIBRATION = "calibration_error"
_Z = z_of(0.95)
_ONE_AT_A_TIME = (
    Lock()
)  # large products: two at once would take twice the memory, not half the time


@dataclass(frozen=True, eq=False)
class Uncertainty:
    """How sure a view of a frontier is; every interval is one of 95%.

    Attributes
    ----------
    low, high : ndarray, shape (k, m)
        Limits of each objective of each candidate; NaN where there is no value, and of the
        calibration error, which chance alone makes larger than it is.
    chance : ndarray, shape (k,)
        Chance that no other candidate truly beats it; NaN where there is no value.
    band : tuple of ndarray, each of shape (p,), or None
        Values of the second objective, and between what the best attainable first objective lies
        there; None with three objectives.
    hypervolumes : DataFrame
        By method, and ``all``: ``value``, ``expected``, ``low``, ``high`` and ``models``.
    larger : DataFrame
        Chance that the row's method has the larger hypervolume than the column's.
    """

    low: Floats
    high: Floats
    chance: Floats
    band: tuple[Floats, Floats, Floats] | None
    hypervolumes: pd.DataFrame
    larger: pd.DataFrame
    _frontier: Frontier = field(repr=False)

    def difference(self, a: int, b: int) -> Floats:
        """Limits of what candidate b has more than a, shape (m, 2).

        Both are judged on the same people, so most of the luck is common to both, and the limits
        are narrower than their intervals suggest.

        NaN for the calibration error, and for a gap of more than two groups: chance makes such
        values larger than they are, and more so for one candidate than for the other. In
        simulation limits of plus and minus 1.96 errors held the true change of a gap of 6 or 8
        groups in .36 to .80; those of two groups hold it in .91 to .98, near equality in up to
        all.
        """
        values = self._frontier.values
        drawn = _Draws(self._frontier, np.array([a, b]))
        with _ONE_AT_A_TIME:
            moves = np.stack([_apart(drawn.moves(one)) for one in self._frontier.objectives])
        half = _Z * moves.std(axis=1, ddof=1)
        half[[o.name == _CALIBRATION for o in self._frontier.objectives]] = np.nan
        gap = values[b] - values[a]
        return np.stack([gap - half, gap + half], axis=1)


def uncertainty(frontier: Frontier) -> Uncertainty | None:
    """Judge a view by redrawing its people; None where nobody kept whom each candidate selects.

    Candidates are compared on the same people; see :mod:`faircore.frontier.noise` for how that is
    taken into account, and :mod:`faircore.frontier.noise_shrinkage` for why the best of many does
    not look better than it is.
    """
    shown = shown_with_rows(frontier)
    if not len(shown):
        return None
    with _ONE_AT_A_TIME:
        return _judge(frontier, shown)


def _judge(frontier: Frontier, shown: NDArray[np.intp]) -> Uncertainty:
    values, directions = frontier.values[shown], frontier.directions
    drawn = _Draws(frontier, shown)
    low, high = np.full((2, *frontier.values.shape), np.nan)
    errors = np.empty(values.shape)
    for m, objective in enumerate(frontier.objectives):
        low[shown, m], high[shown, m] = drawn.limits(objective, values[:, m])
        errors[:, m] = drawn.errors(objective, low[shown, m], high[shown, m])
    methods = np.array([frontier.candidates[k].method for k in shown])
    members = {str(name): methods == name for name in dict.fromkeys(methods.tolist())}
    keep = hopeful(values, errors, directions, sets=[*members.values(), np.ones(len(shown), bool)])
    # A gap is far larger than its noise, and its noise is not that of a performance.
    gaps = [m for m, o in enumerate(frontier.objectives) if o.source == "gap"]
    beside = values[keep][:, gaps].T
    beliefs = np.stack(
        [drawn.beliefs(o, values[:, m], keep, beside) for m, o in enumerate(frontier.objectives)],
        axis=2,
    )
    chance = np.full(len(frontier.values), np.nan)
    chance[shown] = 0.0
    chance[shown[keep]] = probability_non_dominated(beliefs, directions)
    table, larger = hypervolume_limits(
        values[keep], beliefs, directions, frontier.reference,
        {name: mask[keep] for name, mask in members.items()},
    )  # fmt: skip
    front = frontier.values[frontier.front]
    band = _band(front, beliefs, directions) if len(directions) == 2 else None
    table["models"] = [*(int(mask.sum()) for mask in members.values()), len(shown)]
    return Uncertainty(low, high, chance, band, table, larger, frontier)


def shown_with_rows(frontier: Frontier) -> NDArray[np.intp]:
    """Positions of candidates that have values, and of which is known whom they select.

    None of them where one that has values is not known: a chance of being beaten by all others
    needs all others.
    """
    shown: NDArray[np.intp] = np.flatnonzero(np.isfinite(frontier.values).all(axis=1))
    known = all(frontier.split in frontier.candidates[k].passed for k in shown)
    return shown if known and frontier.split in frontier.rows else shown[:0]


def _apart(moves: NDArray[np.float32]) -> Floats:
    """Moves of the second candidate less those of the first, (b,)."""
    return np.asarray(moves[:, 1] - moves[:, 0], np.float64)


def _band(
    front: Floats, beliefs: Floats, directions: tuple[int, ...]
) -> tuple[Floats, Floats, Floats]:
    """Band over the range that the unbeaten candidates' values cover."""
    best = front[np.argmax(front[:, 0] * directions[0]), 1]
    end = (front[:, 1] * directions[1]).max() * directions[1]
    at = np.linspace(end, best, BAND_POINTS)
    low, high = front_band(beliefs, directions, at)
    told = np.isfinite(low) & np.isfinite(high)
    return at[told], low[told], high[told]


class _Draws:
    """Redraws of a view's objectives, each partition's counts drawn once."""

    def __init__(self, frontier: Frontier, positions: NDArray[np.intp]) -> None:
        self.frontier = frontier
        self.rows: SplitRows = frontier.rows[frontier.split]
        self.passed = np.stack([frontier.candidates[k].passed[frontier.split] for k in positions])
        self._counts: dict[str, Replicates] = {}
        self._moves: dict[str, NDArray[np.float32]] = {}
        self._kept: dict[str, Replicates] = {}

    def counts(self, objective: Objective) -> Replicates:
        """Counts by the objective's groups; everybody is the sum over any partition's."""
        name = objective.partition or self.frontier.gap.partition
        if name not in self._counts:
            partition = find_partition(self.frontier.partitions, name)
            index = threshold_index(self.frontier.threshold)
            self._counts[name] = draw_counts(self.rows, self.passed, index, partition)
        return self._counts[name]

    def moves(self, objective: Objective) -> NDArray[np.float32]:
        """How much each redraw moves the objective, (b, k)."""
        if objective.key not in self._moves:
            self._moves[objective.key] = self._moved(objective)
        return self._moves[objective.key]

    def _moved(self, objective: Objective) -> NDArray[np.float32]:
        if objective.source == "scores":
            return draw_scores(self.rows, self.passed, objective.name)
        if objective.source == "gap":
            return self._gap_moves(objective)
        if objective.source == "costs":
            told = self._worth(objective)
        else:
            told = performance_draws(self.counts(objective), objective.name)
        return np.asarray(told[:-1] - told[-1])

    def _gap_moves(self, objective: Objective) -> NDArray[np.float32]:
        """NaN where more than two groups are compared: the largest of many moves otherwise."""
        found, parts = find_disparity(objective.name), []
        for name in found.rates:
            rates = compared_rates(self.counts(objective), name, self.frontier.min_people)
            many = np.isfinite(rates[:, -1]).sum(axis=0) > 2
            apart = unlike(rates[:, :-1], ratio=found.kind == "ratio")
            parts.append(np.where(many, np.nan, apart))
        worst = np.maximum if found.kind == "difference" else np.minimum
        drawn = worst.reduce(parts)
        return np.asarray(drawn - drawn.mean(axis=0), np.float32)

    def limits(self, objective: Objective, values: Floats) -> tuple[Floats, Floats]:
        """95% limits of each candidate, each (k,)."""
        if objective.source == "gap":
            return disparity_limits(
                self.counts(objective), objective.name, min_people=self.frontier.min_people
            )
        if objective.source == "counts":
            return share_limits(self.counts(objective), objective.name)
        if objective.name == _CALIBRATION:
            # Above 0 by chance alone: an interval around it holds the truth far too seldom.
            return np.full(values.shape, np.nan), np.full(values.shape, np.nan)
        return limits(values, self.moves(objective), scale=_scale(objective))

    def errors(self, objective: Objective, low: Floats, high: Floats) -> Floats:
        """Standard errors, (k,)."""
        if objective.source == "gap":
            return (high - low) / (2 * _Z)
        return np.asarray(self.moves(objective).std(axis=0, ddof=1, dtype=np.float64))

    def beliefs(self, objective: Objective, values: Floats, keep: Mask, beside: Floats) -> Floats:
        """Draws of the true values of some candidates, whose gaps are ``beside``, (b, kept)."""
        if objective.source == "gap":
            return believe_disparity(
                self._only(objective, keep), objective.name,
                min_people=self.frontier.min_people,
            )  # fmt: skip
        if objective.source == "counts":
            return believe_performance(self._only(objective, keep), objective.name, beside=beside)
        return believe(values[keep], self.moves(objective)[:, keep], beside=beside)

    def _only(self, objective: Objective, keep: Mask) -> Replicates:
        """Counts of the candidates that are kept, the same in every call."""
        name = objective.partition or self.frontier.gap.partition
        if name not in self._kept:
            self._kept[name] = self.counts(objective).only(keep)
        return self._kept[name]

    def _worth(self, objective: Objective) -> NDArray[np.float32]:
        """Worth in every redraw, as it was observed last, (b + 1, k)."""
        costs = self.frontier.costs
        assert costs is not None  # a view of worth without costs is refused when it is made
        counts = self.counts(objective)
        chosen, totals = counts.chosen.sum(axis=0), counts.totals.sum(axis=0)
        yes = (costs.false_positive, costs.true_positive)
        no = (costs.true_negative, costs.false_negative)
        worth = sum(yes[y] * chosen[y] + no[y] * (totals[y, :, None] - chosen[y]) for y in (0, 1))
        told: NDArray[np.float32] = np.asarray(
            WORTH_OF * worth / totals.sum(axis=0)[:, None], np.float32
        )
        return told


def _scale(objective: Objective) -> Scale:
    """Where errors of an objective are about normal."""
    if objective.source == "costs":
        return "plain"
    return "positive" if objective.name in ("log_loss", _CALIBRATION) else "share"
