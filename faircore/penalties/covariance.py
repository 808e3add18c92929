"""Covariance between the score and membership of a group."""

from __future__ import annotations

from torch import Tensor

from faircore.penalties.apart import apart, selected_share
from faircore.penalties.options import PenaltyOptions
from faircore.penalties.soft import GroupTensor


def covariance(counts: Tensor, groups: GroupTensor, options: PenaltyOptions) -> Tensor:
    """Half the sum of |cov(score, membership)| over groups, (..., g, 2, 2) to (...).

    With one attribute of two values, the absolute covariance of the score with the attribute: the
    penalty of many tutorials, after Zafar et al. 2017. A group counts by its share, so that small
    groups weigh little. Compared pair by pair, a pair of shares p and q adds p q times its
    difference: with two groups that is the same.
    """
    return apart(
        counts.sum(-2),
        groups,
        options,
        profile=selected_share,
        divergence=_distance if options.versus == "pairs" else _half,
        by_share=1,
    )


def _distance(own: Tensor, other: Tensor) -> Tensor:
    return (own - other).abs()


def _half(own: Tensor, other: Tensor) -> Tensor:
    return (own - other).abs() / 2
