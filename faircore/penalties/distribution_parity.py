"""Distribution parity: the whole distribution of scores is the same, not only its mean."""

from __future__ import annotations

import torch
from torch import Tensor

from faircore.penalties.apart import TINY, apart, huber
from faircore.penalties.options import PenaltyOptions
from faircore.penalties.soft import GroupTensor, group_sums

BANDS = 32
"""Bands of the score that are compared; each is 1/32 wide."""


def score_bands(
    probs: Tensor, y: Tensor, groups: GroupTensor, weights: Tensor | None = None
) -> Tensor:
    """Per group, the rows whose score passes each band, and all rows: (..., g, BANDS + 1).

    A score inside a band passes it by the share of the band that lies below it, so the sum over a
    band is the exact integral of the survival function over it, and has a gradient.
    """
    edges = torch.arange(BANDS, dtype=probs.dtype, device=probs.device) / BANDS
    passed = ((probs[..., None, :] - edges[:, None]) * BANDS).clamp(0, 1)
    return group_sums(passed, groups, weights)


def distribution_parity(sums: Tensor, groups: GroupTensor, options: PenaltyOptions) -> Tensor:
    """Area between the score distributions of the groups, (..., g, BANDS + 1) to (...).

    The area between two distribution functions is their Wasserstein-1 distance (Jiang et al.
    2020; Han et al. 2023 call its use as a measure ABCC): demographic parity at every threshold
    at once. Within each band the signed area is taken, and Huber's distance of it.
    """
    return apart(
        sums,
        groups,
        options,
        profile=_survival,
        divergence=lambda own, other: huber(own, other).mean(-1),
    )


def _survival(sums: Tensor) -> tuple[Tensor, Tensor]:
    n = sums[..., -1]
    return sums[..., :-1] / n.clamp_min(TINY)[..., None], n
