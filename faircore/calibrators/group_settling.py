"""Which map each of a partition's groups is given, once all were tested."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from faircore.calibrators.choosing import choose
from faircore.calibrators.deviation import (
    SHIFT_SCALE,
    SLOPE_SCALE,
    Deviation,
    fit_deviation,
    kept_shares,
)
from faircore.calibrators.fitting import fit_tally
from faircore.calibrators.rules import Method, Rules
from faircore.calibrators.tally import Sample, Tally
from faircore.groups import Partition
from faircore.predictors.group_fit import GroupFit, Reason
from faircore.predictors.score_map import ScoreMap

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Node:
    """A group whose map is settled."""

    fit: GroupFit
    map: ScoreMap


@dataclass(frozen=True, eq=False)
class Pending:
    """A group between the test against its parent and the decision on its map.

    ``kept`` says why it has no map of its own; None when it is to have one.
    """

    name: str
    labels: tuple[str, ...]
    sample: Sample
    parent: Node
    asked: Method
    deviation: Deviation | None
    kept: Reason | None


def settle(partition: Partition, pending: list[Pending], rules: Rules) -> list[Node]:
    """Give every group of a partition its map; how much of a deviation is kept, siblings say."""
    shares = _shares([one.deviation for one in pending], rules)
    return [
        _settled(partition, one, share, rules) for one, share in zip(pending, shares, strict=True)
    ]


def _shares(deviations: list[Deviation | None], rules: Rules) -> Floats:
    """Share of each group's shift and slope that is kept, (groups, 2)."""
    shares = np.ones((len(deviations), 2))
    if not rules.shrinkage:
        return shares
    there = [(i, one) for i, one in enumerate(deviations) if one]
    moved = [(i, one) for i, one in there if not one.slope_only]
    shift = np.array([one.shift for _, one in moved])
    shift_error = np.array([one.shift_error for _, one in moved])
    slope = np.array([one.slope - 1 for _, one in there])
    slope_error = np.array([one.slope_error for _, one in there])
    shares[[i for i, _ in moved], 0] = kept_shares(shift, shift_error, scale=SHIFT_SCALE)
    shares[[i for i, _ in there], 1] = kept_shares(slope, slope_error, scale=SLOPE_SCALE)
    return shares


def _settled(partition: Partition, one: Pending, share: Floats, rules: Rules) -> Node:
    """Map of one group and how it came by it."""
    above, sample, deviation = one.parent, one.sample, one.deviation
    fit = GroupFit(
        partition.attributes, one.labels, len(sample.y), sample.n_effective, sample.n_positive,
        above.fit.method, False, above.fit.name, one.kept or "own", rules.min_group_size,
    )  # fmt: skip
    if one.kept == "as_asked":
        return Node(replace(fit, method="identity"), ScoreMap.identity())
    if deviation is None:
        return Node(fit, above.map)
    fit = replace(
        fit,
        statistic=deviation.statistic,
        p_value=deviation.p_value,
        raw_slope=deviation.slope,
        raw_offset=deviation.offset,
        slope_error=_finite(deviation.slope_error),
        offset_error=_finite(deviation.offset_error),
    )
    if one.kept:
        return Node(replace(fit, weight=0.0, slope_weight=0.0, slope=1.0, offset=0.0), above.map)
    method, reason = _kind(one, rules)
    fit = replace(fit, own=True, method=method, reason=reason)
    if method in ("isotonic", "beta"):
        return Node(fit, fit_tally(method, sample.scaled.tally))
    weight, slope_weight = share.tolist()
    moved = deviation.drawn(weight, slope_weight)
    slope, offset = moved.line or (1.0, 0.0)
    shift_weight = None if deviation.slope_only else weight
    fit = replace(fit, weight=shift_weight, slope_weight=slope_weight, slope=slope, offset=offset)
    return Node(fit, ScoreMap.chain(above.map, moved))


def _kind(one: Pending, rules: Rules) -> tuple[str, Reason]:
    """Kind of a group's own map, and whether it is what was asked for."""
    if one.asked in ("platt", "temperature"):
        return one.asked, "own"
    if not rules.allows_flexible(one.sample):
        return "platt", "own" if one.asked == "automatic" else "few_for_flexible"
    if one.asked != "automatic":
        return one.asked, "own"
    fits: dict[str, Callable[[Tally], ScoreMap]] = {
        "platt": partial(_moved, parent=one.parent.map),
        "beta": partial(fit_tally, "beta"),
        "isotonic": partial(fit_tally, "isotonic"),
    }
    return choose(one.sample.scaled, fits, seed=rules.seed), "own"


def _moved(tally: Tally, parent: ScoreMap) -> ScoreMap:
    return ScoreMap.chain(parent, fit_deviation(tally, parent).drawn(1.0, 1.0))


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
