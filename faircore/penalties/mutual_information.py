"""Mutual information between the decision and the group: the prejudice remover."""

from __future__ import annotations

import torch
from torch import Tensor

from faircore.penalties.apart import apart, selected_share
from faircore.penalties.options import PenaltyOptions
from faircore.penalties.soft import GroupTensor


def mutual_information(counts: Tensor, groups: GroupTensor, options: PenaltyOptions) -> Tensor:
    """Mutual information in nats, each row selected with its probability, to (...).

    The plug-in value of the joint distribution of group and decision, a mean over rows: the
    prejudice index of Kamishima et al. 2012, which their prejudice remover charges for. Compared
    pair by pair, the two divergences of a pair are averaged.
    """
    return apart(
        counts.sum(-2),
        groups,
        options,
        profile=selected_share,
        divergence=_symmetric if options.versus == "pairs" else _divergence,
        by_share=1,
    )


def _divergence(own: Tensor, other: Tensor) -> Tensor:
    """Kullback-Leibler divergence of two Bernoulli variables, nats."""
    # A share of 0 or 1 has a finite divergence but an infinite slope: kept a hair inside.
    p, q = own.clamp(_EDGE, 1 - _EDGE), other.clamp(_EDGE, 1 - _EDGE)
    nats = p * torch.log(p / q) + (1 - p) * torch.log((1 - p) / (1 - q))
    return nats.clamp_min(0)  # rounding takes it below


def _symmetric(own: Tensor, other: Tensor) -> Tensor:
    return (_divergence(own, other) + _divergence(other, own)) / 2


_EDGE = 1e-6
