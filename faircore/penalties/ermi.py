"""Exponential Rényi mutual information between the decision and the group."""

from __future__ import annotations

from torch import Tensor

from faircore.penalties.apart import apart, selected_share
from faircore.penalties.options import PenaltyOptions
from faircore.penalties.soft import GroupTensor


def ermi(counts: Tensor, groups: GroupTensor, options: PenaltyOptions) -> Tensor:
    """Chi-square divergence of group and decision from independence, (..., g, 2, 2) to (...).

    The sum over groups of share × (rate - rate of everybody)² / (p (1 - p)) with p the rate of
    everybody: Lowry et al. 2022. It bounds mutual information from above, and is 1 when one
    attribute of two values decides alone.
    """
    return apart(
        counts.sum(-2),
        groups,
        options,
        profile=selected_share,
        divergence=_pairwise if options.versus == "pairs" else _chi_square,
        by_share=1,
    )


def _chi_square(own: Tensor, other: Tensor) -> Tensor:
    return (own - other) ** 2 / (other * (1 - other)).clamp_min(_SPREAD)


def _pairwise(own: Tensor, other: Tensor) -> Tensor:
    middle = (own + other) / 2
    return (own - other) ** 2 / (middle * (1 - middle)).clamp_min(_SPREAD)


_SPREAD = 1e-4
"""Least variance of a decision: where next to nobody is selected the ratio would be noise."""
