"""How far the groups are apart: what the penalties share.

A penalty sums something over the rows of each group (its *sums*), turns the sums into what is
compared (its *profile*: a rate, an embedding, a loss) and says how far two profiles are apart (its
*divergence*). Everything else, whom a group is compared with and how far a small one is trusted,
is the same for all of them and is here.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import torch
from torch import Tensor

from faircore.metrics.rates import RATES
from faircore.penalties.options import PenaltyOptions
from faircore.penalties.soft import GroupTensor

SMOOTH = 0.05
"""Distance up to which a gap is charged quadratically: the scale of gaps that laws tolerate."""

SMALL_GROUP = 20.0
"""A group with this many rows counts half, unless the options say otherwise."""

TINY = 1e-12

Profile = Callable[[Tensor], tuple[Tensor, Tensor]]
"""Sums (..., g, s) to what is compared, (..., g, f) or (..., g), and rows it is about, (..., g)."""

Divergence = Callable[[Tensor, Tensor], Tensor]
"""How far two profiles are apart, (..., g)."""


def huber(own: Tensor, other: Tensor) -> Tensor:
    """Distance of two rates, quadratic up to :data:`SMOOTH` and linear beyond.

    A plain absolute value pushes with full force on the noise of a minibatch however small the gap
    has become; on Adult its sweep jumps over the gaps between 5 and 1 points and then grows again.
    """
    loss = torch.nn.functional.huber_loss(own, other, reduction="none", delta=SMOOTH)
    return loss * (1 / SMOOTH)


def apart(
    sums: Tensor,
    groups: GroupTensor,
    options: PenaltyOptions,
    *,
    profile: Profile,
    divergence: Divergence = huber,
    by_share: int = 0,
) -> Tensor:
    """Sum over groups of how far each is from everybody in its partition, or from each other.

    Parameters
    ----------
    sums : Tensor, shape (..., g, s)
    groups : GroupTensor
    options : PenaltyOptions
    profile, divergence : callables
    by_share : int
        Power of a group's share of its partition that it counts by.

    Returns
    -------
    Tensor, shape (...)
        The mean over partitions. A group the sums know nothing of contributes nothing, and never
        NaN in a gradient. Pairs count by the product of what their two groups count, by the
        geometric mean of their importance, and by 1 / (number of groups - 1), so that two groups
        are charged once for their difference.
    """
    # Written with few operations: on arrays this small each costs more than its arithmetic.
    same = groups.same_partition.to(sums.dtype)
    whole = same @ sums
    own, n = profile(sums)
    everybody, rows = profile(whole)
    n = n.detach()  # a group must not be made smaller to be charged less
    if options.shrinkage:  # the imagined rows are no evidence: n stays as it is
        typical = options.shrinkage * whole / rows.clamp_min(TINY)[..., None]
        own = profile(sums + typical)[0]
    counts = trust(n, options, by_share=bool(by_share))
    weight = groups.importance.to(sums.dtype) / groups.n_partitions
    if by_share:
        counts = counts * (n / rows.detach().clamp_min(TINY)) ** by_share
    if options.versus == "overall":
        return (divergence(own, everybody) * (counts * weight)).sum(-1)
    first, second, size = groups.pairs
    axis = sums.dim() - 2  # profiles may have an axis of their own behind that of the groups
    between = divergence(own.index_select(axis, first), own.index_select(axis, second))
    both = counts[..., first] * counts[..., second] * (weight[first] * weight[second]).sqrt()
    return (between * (both if by_share else both / (size - 1).to(sums.dtype))).sum(-1)


def trust(n: Tensor, options: PenaltyOptions, *, by_share: bool = False) -> Tensor:
    """How far groups of n rows are believed, in [0, 1]; 0 for an empty one."""
    half = options.small_group
    if half is None:
        half = 0.0 if by_share else SMALL_GROUP
    return n / (n + half) if half else (n > TINY).to(n.dtype)


def rate_gaps(counts: Tensor, groups: GroupTensor, options: PenaltyOptions, *rates: str) -> Tensor:
    """Sum over groups of the distance of a rate to that of everybody, or between pairs.

    Parameters
    ----------
    counts : Tensor, shape (..., g, 2, 2)
        Soft counts of a batch.
    groups : GroupTensor
    options : PenaltyOptions
    *rates : str
        Names in :data:`faircore.metrics.RATES`; of several, the mean.

    Returns
    -------
    Tensor, shape (...)
        Zero at parity. With two large groups of one attribute far apart, nearly the absolute
        difference of their rates.
    """
    parts = counts.flatten(-2) @ _coefficients(rates, counts.dtype, counts.device)
    if len(rates) == 1:
        return apart(parts, groups, options, profile=_ratio)
    each = parts.view(*parts.shape[:-1], len(rates), 2).movedim(-2, 0)  # (rates, ..., g, 2)
    return apart(each, groups, options, profile=_ratio).mean(0)


def selected_share(sums: Tensor) -> tuple[Tensor, Tensor]:
    """Share selected and rows, (..., g) each, of sums (refused, selected), (..., g, 2)."""
    n = sums.sum(-1)
    return sums[..., 1] / n.clamp_min(TINY), n


def _ratio(parts: Tensor) -> tuple[Tensor, Tensor]:
    numerator, denominator = parts.unbind(-1)
    # A group without a rate has numerator 0 and no trust.
    return numerator / denominator.clamp_min(TINY), denominator


@cache
def _coefficients(rates: tuple[str, ...], dtype: torch.dtype, device: torch.device) -> Tensor:
    columns = [torch.as_tensor(RATES[rate].coefficients) for rate in rates]
    return torch.cat(columns, dim=1).to(device, dtype)  # (4, 2 rates)
