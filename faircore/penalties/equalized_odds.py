"""Equalized odds: neither kind of error falls on one group more than on another."""

from __future__ import annotations

from torch import Tensor

from faircore.penalties.rate_gaps import rate_gaps
from faircore.penalties.soft import GroupTensor, soft_counts


def equalized_odds(
    probs: Tensor, y: Tensor, groups: GroupTensor, weights: Tensor | None = None
) -> Tensor:
    """Mean of the distances in true and in false positive rates, (..., n) to (...).

    Hardt, Price & Srebro 2016.
    """
    counts = soft_counts(probs, y, groups, weights)
    selected_good = rate_gaps(counts, "true_positive_rate", groups)
    return (selected_good + rate_gaps(counts, "false_positive_rate", groups)) / 2
