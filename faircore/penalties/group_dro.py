"""Distributionally robust optimisation over groups: care for those who are served worst."""

from __future__ import annotations

import torch
from torch import Tensor

from faircore.penalties.apart import TINY, trust
from faircore.penalties.group_loss import mean_loss
from faircore.penalties.options import PenaltyOptions
from faircore.penalties.soft import GroupTensor


def group_dro(sums: Tensor, groups: GroupTensor, options: PenaltyOptions) -> Tensor:
    """Mean loss of the worst-served ``options.tail`` of the people above everybody's, to (...).

    Groups are taken whole from the highest mean log loss down until they make up the tail: the
    conditional value at risk over groups (Rockafellar & Uryasev 2000; Williamson & Menon 2019).
    As the tail shrinks below the smallest group it becomes the worst group of group DRO (Sagawa
    et al. 2020), which noise in a small group would rule. A small group's loss is drawn towards
    everybody's by how far it is trusted. Compared pair by pair, the worst-served are set against
    the best-served tail instead of everybody.
    """
    everybody, rows = mean_loss(groups.same_partition.to(sums.dtype) @ sums)
    loss, n = mean_loss(sums)
    weight = trust(n, options) * groups.importance.to(sums.dtype)
    if options.shrinkage:  # imagined rows with the loss of everybody
        weight = weight * (n / (n + options.shrinkage))
    loss = everybody + (loss - everybody) * weight
    share = n / rows.clamp_min(TINY)
    if options.versus == "pairs":
        other = _tail(-loss, share, groups.partition, options.tail)
    else:
        other = share
    worst = _tail(loss, share, groups.partition, options.tail)
    return (loss * (worst - other)).sum(-1).clamp_min(0) / groups.n_partitions


@torch.no_grad()
def _tail(loss: Tensor, share: Tensor, partition: Tensor, tail: float) -> Tensor:
    """How the highest losses of each partition make up this share of the people, (..., g)."""
    order = loss.argsort(dim=-1, descending=True)
    order = order.gather(-1, partition[order].argsort(dim=-1, stable=True))
    share = share.expand_as(loss).gather(-1, order)
    # By partition, then by loss: the shares of each partition before add up to 1.
    before = share.cumsum(-1) - share - partition
    taken = torch.minimum(share, (tail - before).clamp_min(0)) / tail
    return torch.zeros_like(share).scatter(-1, order, taken)
