"""Hilbert-Schmidt independence criterion of score and group."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from faircore.penalties.apart import TINY, apart
from faircore.penalties.options import PenaltyOptions
from faircore.penalties.soft import GroupTensor, group_sums

BANDWIDTH = 0.2
"""Standard deviation of the Gaussian kernel on scores, which lie in [0, 1]."""

_PERIOD = 2.0
_WAVES = 8


def score_waves(
    probs: Tensor, y: Tensor, groups: GroupTensor, weights: Tensor | None = None
) -> Tensor:
    """Per group, the sums of the kernel's features and the rows: (..., g, 2 WAVES + 1).

    On an interval a Gaussian kernel is a short Fourier series: eight cosines and sines give it
    within 1e-5, so the criterion needs a pass over the rows and no table of pairs of rows.
    """
    wave = torch.arange(1, _WAVES + 1, dtype=probs.dtype, device=probs.device)
    angle = probs[..., None, :] * (wave * (2 * math.pi / _PERIOD))[:, None]
    height = torch.sqrt(
        2 * BANDWIDTH * math.sqrt(2 * math.pi) / _PERIOD
        * torch.exp(-((2 * math.pi * BANDWIDTH / _PERIOD * wave) ** 2) / 2)
    )[:, None]  # fmt: skip
    features = [torch.cos(angle) * height, torch.sin(angle) * height]
    return group_sums(torch.cat(features, dim=-2), groups, weights)


def hsic(sums: Tensor, groups: GroupTensor, options: PenaltyOptions) -> Tensor:
    """Biased HSIC with a Gaussian kernel on scores and "same group" on groups, to (...).

    Gretton et al. 2005; as a penalty Pérez-Suay et al. 2017, Li et al. 2022. With that kernel on
    groups it is the sum of share² × squared distance of a group's mean embedding from that of
    everybody. It is zero only when the score distributions are the same.
    """
    return apart(
        sums,
        groups,
        options,
        profile=_embedding,
        divergence=lambda own, other: ((own - other) ** 2).sum(-1),
        by_share=2,
    )


def _embedding(sums: Tensor) -> tuple[Tensor, Tensor]:
    n = sums[..., -1]
    return sums[..., :-1] / n.clamp_min(TINY)[..., None], n
