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
    value = sums.new_zeros(sums.shape[:-2])
    for number in range(groups.n_partitions):
        chosen = groups.partition == number
        own = sums[..., chosen, :]
        whole, rows = mean_loss(own.sum(-2, keepdim=True))
        loss, n = mean_loss(own)
        weight = groups.importance[chosen].to(sums.dtype)
        believed = n / (n + options.shrinkage).clamp_min(TINY)  # imagined rows have everybody's
        loss = whole + (loss - whole) * (believed * trust(n, options) * weight)
        share = n / rows.clamp_min(TINY)
        worst = _tail(loss, share, options.tail)
        if options.versus == "pairs":
            other = -_tail(-loss, share, options.tail)
        else:
            other = (loss * share).sum(-1)
        value = value + (worst - other).clamp_min(0)
    return value / groups.n_partitions


def _tail(loss: Tensor, share: Tensor, tail: float) -> Tensor:
    """Mean of the highest losses that make up this share of the people."""
    order = loss.detach().argsort(dim=-1, descending=True)
    loss = loss.gather(-1, order)
    share = share.expand_as(loss).gather(-1, order)
    before = share.cumsum(-1) - share
    taken = torch.minimum(share, (tail - before).clamp_min(0)) / tail
    return (loss * taken).sum(-1)
