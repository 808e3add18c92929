"""Equalized odds: neither kind of error falls on one group more than on another."""

from __future__ import annotations

from torch import Tensor

from faircore.penalties.apart import rate_gaps
from faircore.penalties.options import PenaltyOptions
from faircore.penalties.soft import GroupTensor


def equalized_odds(counts: Tensor, groups: GroupTensor, options: PenaltyOptions) -> Tensor:
    """Mean of the distances in true and in false positive rates, (..., g, 2, 2) to (...).

    Hardt, Price & Srebro 2016.
    """
    return rate_gaps(counts, groups, options, "true_positive_rate", "false_positive_rate")
