"""Demographic parity: every group is selected at the same rate."""

from __future__ import annotations

from torch import Tensor

from faircore.penalties.apart import rate_gaps
from faircore.penalties.options import PenaltyOptions
from faircore.penalties.soft import GroupTensor


def demographic_parity(counts: Tensor, groups: GroupTensor, options: PenaltyOptions) -> Tensor:
    """Distance of the groups' mean scores from the overall mean, counts (..., g, 2, 2) to (...)."""
    return rate_gaps(counts, groups, options, "selection_rate")
