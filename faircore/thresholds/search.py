"""The best cuts for every tolerance, by whichever way is exact or nearest to it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from faircore.thresholds.bounds import (
    can_round,
    constants,
    is_drawn,
    loss_bound,
    rounded_up,
    rounding_loss,
)
from faircore.thresholds.boxes import BOTH_RATES, best_in_boxes
from faircore.thresholds.cells import Ints
from faircore.thresholds.curves import Array, Curve, Mixture
from faircore.thresholds.limits import Limit, gap_of
from faircore.thresholds.problem import Problem
from faircore.thresholds.programme import Programme
from faircore.thresholds.windows import best_in_windows

SECONDS = 20.0
"""Time for all mixed integer programmes of one search together."""
FEW = 64
"""A curve with at most so many cuts offers all of them to the mixed integer programme."""
_NEAR = 10  # neighbours on either side of where the rule with a lot is
_AROUND = 32  # and of where the best rule so far is
_ROUNDS = 2  # times that the cuts around the best rule are searched
_FLAT = 1e-7  # cost per tolerance that is nothing
_SLACK = 1e-9  # a gap beyond its limit by less is rounding


@dataclass(frozen=True, eq=False)
class Found:
    """What became of one tolerance.

    Attributes
    ----------
    mixtures : list of Mixture, optional
        Per curve; None where no rule was found.
    smallest_gap : float
        Smallest running gap that the other limits leave possible; infinite where they leave none.
    loss_bound : float
        See :func:`faircore.thresholds.bounds.loss_bound`.
    lower_bound : float
        Cost that no rule of the kind asked for can be below.
    """

    mixtures: list[Mixture] | None
    smallest_gap: float
    loss_bound: float
    lower_bound: float


@dataclass(frozen=True, eq=False)
class Search:
    """What to look for.

    Attributes
    ----------
    problem : Problem
    limits : tuple of Limit
    selection : tuple of float
    tolerances : tuple of float
    randomised : bool
    """

    problem: Problem
    limits: tuple[Limit, ...]
    selection: tuple[float, float]
    tolerances: tuple[float, ...]
    randomised: bool

    def run(self) -> list[Found]:
        """Search for every tolerance, in the order given."""
        problem, order = self.problem, sorted(self.tolerances)
        drawn = self._drawn(order)
        least = {t: self._cost(m) for t, m in drawn.items()}
        fallback = constants(problem, self.selection)
        constant = min(map(self._cost, fallback), default=math.inf)
        rounding = None
        if can_round(problem, self.limits, self.selection):
            rounding = rounding_loss(problem, self.limits[0].constraint)
        at_zero = least.get(0.0, math.inf)
        if rounding is not None and 0.0 not in least:
            at_zero = self._cost(self._drawn([0.0])[0.0])
        bounds = {
            t: loss_bound(t, least[t], at_zero, constant, rounding) if is_drawn(m) else 0.0
            for t, m in drawn.items()
        }
        if self.randomised:
            # To select everybody with the same probability has no gap, at any capacity.
            found = {t: Found(m, 0.0, bounds[t], least[t]) for t, m in drawn.items()}
        elif rounding is not None and len(problem.part_groups) == 1:
            rules = best_in_windows(problem, self.limits[0].constraint, order)
            found = {
                t: Found(m, 0.0, bounds[t], self._cost(m))
                for t, m in zip(order, rules, strict=True)
            }
        else:
            found = self._without_lot(order, drawn, least, bounds, fallback)
        return [found[t] for t in self.tolerances]

    def _cost(self, mixtures: Sequence[Mixture]) -> float:
        outcome = self.problem.outcome(mixtures)
        return self.problem.yardstick.cost(outcome.all_fp, outcome.all_tp)

    def running_gap(self, mixtures: Sequence[Mixture]) -> float:
        """Widest gap of the constraints that run over the tolerances."""
        outcome, ranges = self.problem.outcome(mixtures), self.problem.yardstick.ranges
        return max(
            gap_of(ranges[limit.constraint], outcome.fp, outcome.tp)
            for limit in self.limits
            if limit.fixed is None
        )

    def _allowed(self, mixtures: Sequence[Mixture], tolerance: float) -> bool:
        """Whether single cuts keep every limit."""
        outcome, yardstick = self.problem.outcome(mixtures), self.problem.yardstick
        share = (outcome.all_fp + outcome.all_tp) / yardstick.total
        return self.selection[0] - _SLACK <= share <= self.selection[1] + _SLACK and all(
            gap_of(yardstick.ranges[limit.constraint], outcome.fp, outcome.tp)
            <= (tolerance if limit.fixed is None else limit.fixed) + _SLACK
            for limit in self.limits
        )

    def _drawn(self, order: list[float]) -> dict[float, list[Mixture]]:
        """Best rules with a lot, for tolerances in rising order."""
        curves = self.problem.curves
        programme = Programme(
            self.problem, [curve.vertices for curve in curves], self.limits, self.selection
        )
        found: dict[float, list[Mixture]] = {}
        before: list[Mixture] | None = None
        for tolerance in order:
            # What does not use up its tolerance is the best for every larger one as well.
            if before is None:
                before = programme.solve(tolerance)
            elif self.running_gap(before) > max(found) - _SLACK:
                after = programme.solve(tolerance)
                # Of rules that cost the same the one with the smaller gap is kept.
                saved = self._cost(before) - self._cost(after)
                before = before if saved <= _FLAT * (tolerance - max(found)) else after
            found[tolerance] = before
        return found

    def _without_lot(
        self,
        order: list[float],
        drawn: dict[float, list[Mixture]],
        least: dict[float, float],
        bounds: dict[float, float],
        fallback: list[list[Mixture]],
    ) -> dict[float, Found]:
        """Best single cuts among some, by mixed integer programmes with a limit of time."""
        seconds, known = SECONDS / (len(order) + 1) / (1 + _ROUNDS), list(fallback)
        if not fallback:
            nearest = self._programme(drawn[order[0]]).least_gap(seconds)
            known += [] if nearest is None else [nearest]
        found: dict[float, tuple[list[Mixture] | None, float]] = {}
        for tolerance in order:
            known += self._guesses(tolerance, drawn[tolerance])
            best, bound = self._cheapest(known, tolerance), least[tolerance]
            if best is None or self._cost(best) > bound + _SLACK:
                tried = self._programme(drawn[tolerance])
                more, proven = tried.solve_whole(tolerance, seconds)
                known += [] if more is None else [more]
                best = self._cheapest(known, tolerance)
                if tried.complete:
                    bound = max(bound, proven)
                elif best is not None:
                    best = self._refined(best, tolerance, seconds)
                    known.append(best)
            found[tolerance] = best, bound
        smallest = 0.0 if fallback else min(
            (self.running_gap(m) for m in known if self._allowed(m, math.inf)), default=math.inf
        )  # fmt: skip
        return {t: Found(m, smallest, bounds[t], bound) for t, (m, bound) in found.items()}

    def _refined(self, best: list[Mixture], tolerance: float, seconds: float) -> list[Mixture]:
        """Cheaper single cuts, if any, in the neighbourhood of some."""
        for _ in range(_ROUNDS):
            positions = [
                np.unique(np.clip(mixture.positions + np.arange(-_AROUND, _AROUND + 1), 0,
                                  len(curve.cuts) - 1))
                for curve, mixture in zip(self.problem.curves, best, strict=True)
            ]  # fmt: skip
            near = Programme(self.problem, positions, self.limits, self.selection)
            more = near.solve_whole(tolerance, seconds)[0]
            if more is None or not self._allowed(more, tolerance):
                break
            if self._cost(more) > self._cost(best) - _SLACK:
                break
            best = more
        return best

    def _guesses(self, tolerance: float, drawn: list[Mixture]) -> Iterator[list[Mixture]]:
        """Single cuts to be no worse than, such as those the loss bound speaks of."""
        if not is_drawn(drawn):
            yield drawn
        elif any(one.constraint == BOTH_RATES and one.fixed is None for one in self.limits):
            if len(self.problem.part_groups) == 1:
                l1 = self.problem.yardstick.norm == "l1"  # of two gaps half as wide at most
                yield best_in_boxes(self.problem, tolerance / 2 if l1 else tolerance)
        elif can_round(self.problem, self.limits, self.selection):
            constraint = self.limits[0].constraint
            jump = rounding_loss(self.problem, constraint)[1]
            if jump <= tolerance:
                tighter = self._drawn([tolerance - jump])[tolerance - jump]
                yield rounded_up(self.problem, constraint, tighter)

    def _cheapest(self, known: list[list[Mixture]], tolerance: float) -> list[Mixture] | None:
        allowed = [mixtures for mixtures in known if self._allowed(mixtures, tolerance)]
        return min(allowed, key=self._cost, default=None)

    def _programme(self, drawn: list[Mixture]) -> Programme:
        positions = [
            _candidates(curve, mixture)
            for curve, mixture in zip(self.problem.curves, drawn, strict=True)
        ]
        return Programme(self.problem, positions, self.limits, self.selection)


def _candidates(curve: Curve, mixture: Mixture) -> Ints:
    """Cuts of a curve for the mixed integer programme, rising.

    All of them where they are few. Else the corners of the hull, cuts at even distances in the
    weight selected, and those next to the cuts and to the rates of the rule with a lot.
    """
    size = len(curve.cuts)
    if size <= FEW:
        return np.arange(size)
    fp, tp = curve.fp.sum(axis=0), curve.tp.sum(axis=0)
    selected = fp + tp
    even = np.searchsorted(selected, np.linspace(0.0, selected[-1], FEW // 2))
    at = [_place(counts, mixture) for counts in (fp, tp, selected)]
    near = np.concatenate([mixture.positions, at])[:, None] + np.arange(-_NEAR, _NEAR + 1)
    chosen = np.concatenate([curve.hull, even, near.ravel()])
    return np.unique(np.clip(chosen, 0, size - 1))


def _place(counts: Array, mixture: Mixture) -> int:
    """Cut whose count is nearest to the mixture's."""
    return int(np.abs(counts - counts[mixture.positions] @ mixture.shares).argmin())
