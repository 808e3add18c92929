"""What cannot be had at once: base rates, and what equalising one rate does to all else.

When groups differ in how often the good outcome happens, calibrated scores and equal error rates
exclude each other. Here that theorem is computed for the scores at hand: every group gets the
threshold that makes one rate equal, and all other rates are read off.

References
----------
Chouldechova 2017; Kleinberg, Mullainathan & Raghavan 2016; Pleiss et al. 2017.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from faircore.groups import find_partition
from faircore.metrics import MIN_PEOPLE, RATES, difference, hidden_groups
from faircore.metrics.histograms import ScoreHistogram
from faircore.metrics.intervals import Array
from faircore.metrics.tally import Tally

SHOWN = ("selection_rate", "true_positive_rate", "false_positive_rate", "positive_predictive_value")
"""Rates whose gaps are told."""

EQUALISED = {
    "": "As it is",
    "selection_rate": "Equal selection",
    "true_positive_rate": "Equal selection of the good",
    "false_positive_rate": "Equal wrong selection",
}
"""What is made equal, by the rate's name; an empty name leaves the system as it is."""


@dataclass(frozen=True, eq=False)
class Scenario:
    """The groups of a partition once one rate is made equal.

    Attributes
    ----------
    equalised : str
        A key of :data:`EQUALISED`.
    rates : dict of str to ndarray, shape (g,)
        By the names of :data:`SHOWN`.
    gaps : dict of str to float
        Largest minus smallest of each.
    accuracy : float
        Over everybody.
    thresholds : ndarray, shape (g,)
        Score from which a group's people are selected; NaN for decisions that follow no one
        threshold.
    bent : ndarray, shape (g,)
        How far the group's scores would have to move, on average, for one threshold to do the
        same: the calibration that is given up.
    """

    equalised: str
    rates: dict[str, Array]
    gaps: dict[str, float]
    accuracy: float
    thresholds: Array
    bent: Array


@dataclass(frozen=True, eq=False)
class Impossibility:
    """What one partition cannot have at once.

    Attributes
    ----------
    partition : str
    groups : tuple of str
        The groups that are large enough to take part.
    people : ndarray, shape (g,)
    base_rates : ndarray, shape (g,)
    implied : ndarray, shape (g,)
        Share wrongly selected that arithmetic forces on each group if a yes is equally reliable
        and the good are found equally often in all: Chouldechova's identity. May exceed 1, which
        means that it cannot be done.
    scenarios : tuple of Scenario
        The first is the system as it is. Only this one without scores.
    """

    partition: str
    groups: tuple[str, ...]
    people: Array
    base_rates: Array
    implied: Array
    scenarios: tuple[Scenario, ...]


def impossibility(
    tally: Tally, partition: str, *, min_people: float = MIN_PEOPLE
) -> Impossibility | None:
    """Compute what equalising one rate does to the others.

    Parameters
    ----------
    tally : Tally
    partition : str
        Name of the partition.
    min_people : float
        Groups with fewer people of either outcome take no part.

    Returns
    -------
    Impossibility or None
        ``None`` when fewer than two groups are large enough.
    """
    chosen = find_partition(tally.partitions, partition)
    own = tally.of(chosen)
    # Nobody is shown here who is not shown elsewhere.
    hidden = hidden_groups(tally.partitions, tally.sizes, minimum=int(min_people))
    enough = (own.rows.sum(-1).min(-1) >= max(min_people, 1)) & (own.counts.sum(-1).min(-1) > 0)
    kept = np.flatnonzero(enough & ~hidden[chosen.groups])
    if len(kept) < 2:
        return None
    own = own.pick(kept)
    counts = own.counts
    base = RATES["base_rate"](counts)
    whole = counts.sum(0)
    reliable, found = (
        float(RATES[name](whole)) for name in ("positive_predictive_value", "true_positive_rate")
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        implied = base / (1 - base) * (1 - reliable) / reliable * found
    scenarios = [_scenario("", counts, np.full(len(kept), np.nan), np.full(len(kept), np.nan))]
    if own.scores is not None:
        scenarios += [
            _equalise(own.scores, name, whole)
            for name in EQUALISED
            if name and np.isfinite(RATES[name](whole))
        ]
    return Impossibility(
        partition,
        tuple(chosen.group_names[i] for i in kept),
        own.sizes.astype(np.float64),
        base,
        implied,
        tuple(scenarios),
    )


def _equalise(scores: ScoreHistogram, name: str, whole: Array) -> Scenario:
    """Give every group the threshold at which a rate is that of everybody now."""
    target, rate = float(RATES[name](whole)), RATES[name]
    counts, thresholds = [], []
    for group in range(len(scores.weight)):
        positive, negative = scores.positive[group], scores.negative[group]
        # Selected when the lowest j bins are left out, for j from all to none.
        selected = [np.concatenate([[0.0], np.cumsum(part[::-1])]) for part in (positive, negative)]
        table = np.empty((len(selected[0]), 2, 2))
        for part, outcome in zip(selected, (1, 0), strict=True):
            table[:, outcome, 1] = part
            table[:, outcome, 0] = part[-1] - part
        reached = rate(table)
        # Between two thresholds, people at the border are selected by lot.
        # Where several do, the one that errs least: few for the good, many for the others.
        at = _position(np.maximum.accumulate(reached), target, last=name == "false_positive_rate")
        low, share = int(at), at - int(at)
        high = min(low + 1, len(reached) - 1)
        counts.append((1 - share) * table[low] + share * table[high])
        thresholds.append(_score_at(scores, group, at))
    cut = np.array(thresholds)
    everywhere = float(np.nanmedian(cut))
    bent = [_bent(scores, group, cut[group], everywhere) for group in range(len(cut))]
    return _scenario(name, np.stack(counts), cut, np.array(bent))


def _position(reached: Array, target: float, *, last: bool) -> float:
    """Where a rising rate reaches a target first, or last; between two bins where need be."""
    if last:
        before = min(int(np.searchsorted(reached, target + 1e-12, "right")) - 1, len(reached) - 1)
        after = min(before + 1, len(reached) - 1)
    else:
        after = min(int(np.searchsorted(reached, target - 1e-12)), len(reached) - 1)
        before = max(after - 1, 0)
    step = float(reached[after] - reached[before])
    if step <= 0:
        return float(before)
    return before + min(max((target - float(reached[before])) / step, 0.0), 1.0)


def _score_at(scores: ScoreHistogram, group: int, position: float) -> float:
    """Score of the last person selected, counted in bins from the highest."""
    weight = scores.weight[group][::-1]
    last = min(int(np.ceil(position)) - 1, len(weight) - 1)
    taken = np.flatnonzero(weight[: max(last, 0) + 1] > 0)
    if not len(taken):
        taken = np.flatnonzero(weight > 0)[:1]
    at = len(weight) - 1 - int(taken[-1])
    return float(scores.score[group, at] / scores.weight[group, at])


def _bent(scores: ScoreHistogram, group: int, cut: float, everywhere: float) -> float:
    """Mean movement of a group's scores, on the logit scale, that brings its threshold to another.

    A score of exactly 0 or 1 stays where it is.
    """
    weight = scores.weight[group]
    known = weight > 0
    score = scores.score[group, known] / weight[known]
    tiny = 1e-6

    def logit(p: Array) -> Array:
        p = np.clip(p, tiny, 1 - tiny)
        found: Array = np.log(p / (1 - p))
        return found

    shift = logit(np.array(everywhere)) - logit(np.array(cut))
    moved = 1 / (1 + np.exp(-logit(score) - shift))
    return float(weight[known] @ np.abs(moved - score) / weight[known].sum())


def _scenario(name: str, counts: Array, thresholds: Array, bent: Array) -> Scenario:
    rates = {shown: RATES[shown](counts) for shown in SHOWN}
    return Scenario(
        name,
        rates,
        {shown: float(difference(values)) for shown, values in rates.items()},
        float(RATES["accuracy"](counts.sum(0))),
        thresholds,
        bent,
    )
