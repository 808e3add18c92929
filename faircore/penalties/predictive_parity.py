"""Predictive parity: to be selected means the same for every group."""

from __future__ import annotations

from torch import Tensor

from faircore.penalties.apart import rate_gaps
from faircore.penalties.options import PenaltyOptions
from faircore.penalties.soft import GroupTensor


def predictive_parity(counts: Tensor, groups: GroupTensor, options: PenaltyOptions) -> Tensor:
    """Distance of the groups' positive predictive values from the overall one, to (...).

    Chouldechova 2017. Its denominator moves with the scores, so it is not linear in them; a group
    of which nobody is selected contributes nothing.
    """
    return rate_gaps(counts, groups, options, "positive_predictive_value")
