"""Equal opportunity: people with the good outcome are selected at the same rate."""

from __future__ import annotations

from torch import Tensor

from faircore.penalties.apart import rate_gaps
from faircore.penalties.options import PenaltyOptions
from faircore.penalties.soft import GroupTensor


def equal_opportunity(counts: Tensor, groups: GroupTensor, options: PenaltyOptions) -> Tensor:
    """Distance of the groups' true positive rates from the overall one, (..., g, 2, 2) to (...).

    Hardt, Price & Srebro 2016.
    """
    return rate_gaps(counts, groups, options, "true_positive_rate")
