"""A policy as a checklist: of every rule whether it is kept, broken, or cannot be told."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from faircore.decide.exact_tests import floor_bound
from faircore.decide.pair_tests import (
    broken_p_value,
    certificate_p_value,
    floor_p_value,
    gap_bound,
)
from faircore.decide.policy import Policy
from faircore.decide.required_rows import required_from
from faircore.decide.thinning import moments_of_effects, rate_effects
from faircore.frontier import Limit, find_objective
from faircore.frontier.objectives import BETWEEN
from faircore.groups import Partition, find_partition
from faircore.metrics import (
    MIN_PEOPLE,
    RATES,
    Disparity,
    find_disparity,
    hidden_groups,
    overall_counts,
)

Array = NDArray[np.float64]
Verdict = Literal["pass", "fail", "cannot tell"]


@dataclass(frozen=True)
class Line:
    """One rule, asked of one way to decide.

    Attributes
    ----------
    rule : Limit
    value : float
        As measured; NaN where undefined.
    bound : float
        Worst value that is not ruled out at the level: the smallest gap (largest ratio or share)
        that could have been promised. NaN where undefined, and where a group is too small or
        hidden: it would tell how many its people are, and how many of them were selected.
    p_value : float
        Of "the rule is broken", in [0, 1]; at most the level where the rule is shown to be kept,
        and 1 where a group is too small to be judged.
    verdict : {"pass", "fail", "cannot tell"}
        ``pass`` where breaking it is ruled out, ``fail`` where keeping it is.
    rows_needed : float
        Rows of the smallest group, the others in proportion (of everybody, for a share), at which
        a test like this one would succeed in 4 of 5 cases if the truth were what was measured;
        infinite where that breaks the rule, NaN where it is kept, nothing is defined or a group is
        too small or hidden.
    rows_at_best : float
        The same if there were no gap at all; NaN of shares.
    left_out : tuple of str
        Groups the rule says nothing of: smaller than the policy speaks of.
    too_few : tuple of str
        Groups the rule speaks of with fewer than :data:`faircore.metrics.MIN_PEOPLE` people, or
        so few of those it is about: nothing can be promised with them.
    """

    rule: Limit
    value: float
    bound: float
    p_value: float
    verdict: Verdict
    rows_needed: float
    rows_at_best: float = math.nan
    left_out: tuple[str, ...] = ()
    too_few: tuple[str, ...] = ()


def check(
    counts: Array,
    policy: Policy,
    *,
    partitions: tuple[Partition, ...],
    sizes: NDArray[np.int64],
    level: float | None = None,
    moments: Array | None = None,
) -> tuple[Line, ...]:
    """Ask every limit of a policy of one way to decide.

    Parameters
    ----------
    counts : ndarray, shape (g, 2, 2)
        Confusion counts over the groups of all partitions.
    policy : Policy
    partitions : tuple of Partition
    sizes : ndarray of int, shape (g,)
        Rows per group.
    level : float, optional
        Risk of a wrong ``pass``, and of a wrong ``fail``, for each rule; the policy's by default.
    moments : ndarray, shape (g, 4, 4), optional
        What weights and repeated entities do; see :mod:`faircore.decide.thinning`. By default each
        row weighs 1 and stands for itself.

    Returns
    -------
    tuple of Line, one per limit
        Between all groups a gap is shown to be small only where each pair is (an
        intersection-union test, so no correction is needed); shown to be large where one pair is,
        after correction for their number. Small groups take no part in the latter, and where there
        is one the former is not tested. Nor is a limit of 0 or 1, which older policies have.

    References
    ----------
    Berger 1982; Miettinen & Nurminen 1985.
    """
    level = policy.level if level is None else level
    moments = moments_of_effects(np.ones(len(counts)), counts) if moments is None else moments
    return tuple(
        _gap(limit, counts, policy, partitions, sizes, level, moments)
        if find_objective(limit.key).source == "gap"
        else _floor(limit, counts, partitions, level, moments)
        for limit in policy.limits
    )


def largest_p(lines: Sequence[Line]) -> float:
    """The p-value of "some rule is broken": that of the rule that is least sure."""
    return max((line.p_value for line in lines), default=0.0)


def _gap(
    limit: Limit,
    counts: Array,
    policy: Policy,
    partitions: tuple[Partition, ...],
    sizes: NDArray[np.int64],
    level: float,
    moments: Array,
) -> Line:
    name, _, of = limit.key.partition(BETWEEN)
    partition, disparity = find_partition(partitions, of), find_disparity(name)
    groups = np.arange(len(sizes))[partition.groups]
    spoken = groups[sizes[groups] >= max(policy.smallest_group, 1)]
    few = spoken[_too_few(counts[spoken], disparity, sizes[spoken])]
    left, small = (
        tuple(partition.group_names[g - partition.start] for g in found)
        for found in (np.setdiff1d(groups, spoken), few)
    )
    if len(spoken) < 2:
        return _untold(limit, math.nan, left, small)
    own = counts[spoken]
    thinned = rate_effects(disparity.rates, own, moments[spoken])
    judged = np.isin(spoken, few, invert=True)
    value = float(disparity(own[judged], min_people=MIN_PEOPLE)) if judged.any() else math.nan
    if not 0 < limit.at < 1:
        return _untold(limit, value, left, small)
    broken = float(broken_p_value(own[judged], name, limit.at, effective=thinned[:, judged]))
    if len(few):
        # A bound over a group of three would tell how many of the three were selected.
        return _untold(limit, value, left, small, "fail" if broken <= level else "cannot tell")
    p = float(certificate_p_value(own, name, limit.at, effective=thinned))
    verdict: Verdict = "pass" if p <= level else "fail" if broken <= level else "cannot tell"
    if _hidden(partitions, sizes, spoken):
        return Line(limit, value, math.nan, p, verdict, math.nan, left_out=left)
    needed, best = (
        math.nan
        if verdict == "pass"
        else float(required_from(supposed, name, limit.at, level=level, effective=thinned).min())
        for supposed in (own, _alike(own))
    )
    bound = float(gap_bound(own, name, level, effective=thinned))
    return Line(limit, value, bound, p, verdict, needed, best, left)


def _hidden(
    partitions: tuple[Partition, ...], sizes: NDArray[np.int64], spoken: NDArray[np.intp]
) -> bool:
    """Whether the size of a group that a rule speaks of must not be told.

    It may be large: where it gives a small one away that the rule leaves out.
    """
    small = (sizes > 0) & (sizes < MIN_PEOPLE)
    return bool(small.any() and hidden_groups(partitions, sizes)[spoken].any())


def _untold(
    limit: Limit,
    value: float,
    left: tuple[str, ...] = (),
    small: tuple[str, ...] = (),
    verdict: Verdict = "cannot tell",
) -> Line:
    """A rule that is not certified, with nothing told but what was measured."""
    return Line(limit, value, math.nan, 1.0, verdict, math.nan, left_out=left, too_few=small)


def _too_few(counts: Array, disparity: Disparity, sizes: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Groups whose rate is not shown either: few people, or few of those a rate is about."""
    people = [RATES[name].people(counts) for name in disparity.rates]
    few: NDArray[np.bool_] = np.min([sizes, *people], axis=0) < MIN_PEOPLE
    return few


def _alike(counts: Array) -> Array:
    """The same groups, were decisions and outcomes in each as in all of them together."""
    people = counts.sum(axis=(-2, -1), keepdims=True)
    alike: Array = people * counts.sum(axis=0) / people.sum()
    return alike


def _floor(
    limit: Limit,
    counts: Array,
    partitions: tuple[Partition, ...],
    level: float,
    moments: Array,
) -> Line:
    first = partitions[0]
    rate, everybody = RATES[limit.key], overall_counts(counts, first)
    whole = moments[first.groups].sum(axis=0)
    thinned = float(rate_effects((limit.key,), everybody[None], whole[None])[0, 0])
    hits, people = (everybody.ravel() @ rate.coefficients / thinned).tolist()
    value = hits / people if people > 0 else math.nan
    if people <= 0 or not 0 < limit.at < 1:
        return _untold(limit, value)
    p, opposite = (
        float(floor_p_value(k, people, at))
        for k, at in ((hits, limit.at), (people - hits, 1 - limit.at))
    )
    verdict: Verdict = "pass" if p <= level else "fail" if opposite <= level else "cannot tell"
    needed = math.nan if verdict == "pass" else _rows_for(value, limit.at, level, thinned)
    return Line(limit, value, floor_bound(hits, people, level), p, verdict, needed)


def _rows_for(value: float, floor: float, level: float, thinned: float) -> float:
    """People needed to show a share above a floor in 4 of 5 cases, by the normal approximation."""
    if value <= floor:
        return math.inf
    spread = -ndtri(level) * math.sqrt(floor * (1 - floor)) + ndtri(0.8) * math.sqrt(
        value * (1 - value)
    )
    return float(math.ceil(thinned * (spread / (value - floor)) ** 2))
