"""Log loss per group: what the penalties on who is served worst share."""

from __future__ import annotations

import torch
from torch import Tensor

from faircore.penalties.apart import TINY
from faircore.penalties.soft import GroupTensor, group_sums

_EDGE = 1e-6


def loss_sums(
    probs: Tensor, y: Tensor, groups: GroupTensor, weights: Tensor | None = None
) -> Tensor:
    """Per group, the sum of log losses in nats and the rows: (..., g, 2)."""
    inside = probs.clamp(_EDGE, 1 - _EDGE)
    good = y.to(probs.dtype)
    loss = -(good * torch.log(inside) + (1 - good) * torch.log1p(-inside))
    return group_sums(loss[..., None, :], groups, weights)


def mean_loss(sums: Tensor) -> tuple[Tensor, Tensor]:
    """Mean loss of each group and its rows, (..., g) each."""
    total, n = sums.unbind(-1)
    return total / n.clamp_min(TINY), n
