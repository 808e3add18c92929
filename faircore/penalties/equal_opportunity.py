"""Equal opportunity: people with the good outcome are selected at the same rate."""

from __future__ import annotations

from torch import Tensor

from faircore.penalties.rate_gaps import rate_gaps
from faircore.penalties.soft import GroupTensor, soft_counts


def equal_opportunity(
    probs: Tensor, y: Tensor, groups: GroupTensor, weights: Tensor | None = None
) -> Tensor:
    """Distance of the groups' true positive rates from the overall one, (..., n) to (...).

    Hardt, Price & Srebro 2016.
    """
    return rate_gaps(soft_counts(probs, y, groups, weights), "true_positive_rate", groups)
