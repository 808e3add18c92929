"""Demographic parity: every group is selected at the same rate."""

from __future__ import annotations

from torch import Tensor

from faircore.penalties.rate_gaps import rate_gaps
from faircore.penalties.soft import GroupTensor, soft_counts


def demographic_parity(
    probs: Tensor, y: Tensor, groups: GroupTensor, weights: Tensor | None = None
) -> Tensor:
    """Distance of the groups' mean scores from the overall mean, shape (..., n) to (...)."""
    return rate_gaps(soft_counts(probs, y, groups, weights), "selection_rate", groups)
