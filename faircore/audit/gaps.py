"""Each group against everybody, or against a named group: how far off, and is it chance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import ndtr

from faircore.audit.estimates import Estimates
from faircore.audit.measures import GAP_METRICS
from faircore.metrics.intervals import Array, miettinen_nurminen, score_p_value
from faircore.metrics.multiple import benjamini_hochberg, holm
from faircore.metrics.resampling import max_t


@dataclass(frozen=True, eq=False)
class Gaps:
    """One figure's gaps of the groups of one partition, each of shape (g,).

    Attributes
    ----------
    gap, low, high : ndarray
        Group minus reference, and simultaneous limits: with the report's confidence they hold for
        all groups of the partition at once. NaN for the reference itself.
    p_value, p_holm, p_bh : ndarray
        Two-sided; as it is, and adjusted over the groups of the partition.
    """

    gap: Array
    low: Array
    high: Array
    p_value: Array
    p_holm: Array
    p_bh: Array

    @property
    def stands_out(self) -> Array:
        """Whether the simultaneous limits leave 0 out, as booleans."""
        found: Array = outside(self.low, self.high)
        return found


def outside(low: Any, high: Any) -> Any:
    """Whether limits, arrays or frames, leave 0 out, entry by entry; NaN leaves nothing out."""
    return (low > 0) | (high < 0)


def gaps_to_overall(
    own: Estimates, rest: Estimates, everybody: Estimates, *, confidence: float
) -> dict[str, Gaps]:
    """Compare each group with everybody.

    A group is part of everybody. So it is tested against those outside it, and the limits of that
    difference, times the share of those outside, are the limits of the gap to everybody. For AUC
    that product is the gap itself: everybody's AUC is no mean of the groups', since it also ranks
    people of different groups, and may lie above all of them.

    Parameters
    ----------
    own, rest : Estimates
        Of the groups of a partition, and of those outside each.
    everybody : Estimates
        Of all rows as one group.
    """
    critical, scale = {}, {}
    for name in _compared(own):
        with np.errstate(divide="ignore", invalid="ignore"):
            share = own.weight[name] / everybody.weight[name]
        errors = own.of[name].error
        known = np.isfinite(errors)
        contrasts = (np.eye(len(share)) - np.where(known, share, 0.0))[known]
        critical[name] = max_t(contrasts, errors, confidence=confidence)
        scale[name] = 1 - share
    return _all_gaps(own, rest, scale, critical)


def gaps_to_group(own: Estimates, reference: int, *, confidence: float) -> dict[str, Gaps]:
    """Compare each group of a partition with one of them, given by its position."""
    critical, scale = {}, {}
    for name in _compared(own):
        errors = own.of[name].error
        others = np.arange(len(errors)) != reference
        contrasts = np.eye(len(errors))
        contrasts[:, reference] -= 1
        contrasts = contrasts[np.isfinite(errors) & others & np.isfinite(errors[reference])]
        critical[name] = max_t(contrasts, errors, confidence=confidence)
        scale[name] = np.where(others, 1.0, np.nan)
    return _all_gaps(own, own.one(reference), scale, critical)


def _compared(own: Estimates) -> list[str]:
    return [name for name in GAP_METRICS if name in own.of]


def _all_gaps(
    own: Estimates, other: Estimates, scale: dict[str, Array], critical: dict[str, float]
) -> dict[str, Gaps]:
    """Gaps of all figures; the limits of all rates are searched for at once."""
    rates = [name for name in _compared(own) if name in own.trials]
    k1, n1, k2, n2 = (
        np.stack([np.broadcast_to(side.trials[r][i], scale[r].shape) for r in rates])
        for side in (own, other)
        for i in (0, 1)
    )
    z = np.array([critical[r] for r in rates])[:, None]
    lows, highs = miettinen_nurminen(k1, n1, k2, n2, z=z)
    p_values = score_p_value(k1, n1, k2, n2)
    found = {}
    for name in _compared(own):
        first, second = own.of[name], other.of[name]
        apart = first.value - second.value
        if name in rates:
            at = rates.index(name)
            low, high, p_value = lows[at], highs[at], p_values[at]
        else:
            error = np.hypot(first.error, second.error)
            with np.errstate(divide="ignore", invalid="ignore"):
                p_value = 2 * ndtr(-np.abs(apart / error))
            low, high = apart - critical[name] * error, apart + critical[name] * error
        # Where one side is too small to be judged, there is no gap.
        known = np.where(np.isfinite(apart), scale[name], np.nan)
        p_value = np.where(np.isfinite(known), p_value, np.nan)
        found[name] = Gaps(
            known * apart, known * low, known * high,
            p_value, holm(p_value), benjamini_hochberg(p_value),
        )  # fmt: skip
    return found
