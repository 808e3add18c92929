"""Bounded group loss: no group is predicted much worse than is tolerable."""

from __future__ import annotations

import torch
from torch import Tensor

from faircore.penalties.apart import apart
from faircore.penalties.group_loss import mean_loss
from faircore.penalties.options import PenaltyOptions
from faircore.penalties.soft import GroupTensor


def bounded_group_loss(sums: Tensor, groups: GroupTensor, options: PenaltyOptions) -> Tensor:
    """Sum over groups of the log loss above the bound, nats, (..., g, 2) to (...).

    Agarwal, Dudík & Wu 2019. The bound is ``options.bound``; without one it is the loss of
    everybody, so that only groups served worse than the whole are charged for. Compared pair by
    pair without a bound, the loss of the worse-served of a pair above the other's is charged.
    """
    bound = options.bound

    def above(own: Tensor, other: Tensor) -> Tensor:
        if bound is not None:
            excess = torch.relu(own - bound)
            if options.versus == "pairs":
                excess = (excess + torch.relu(other - bound)) / 2
            return excess
        return (own - other).abs() if options.versus == "pairs" else torch.relu(own - other)

    return apart(sums, groups, options, profile=mean_loss, divergence=above)
