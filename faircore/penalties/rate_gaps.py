"""Distance of the groups' rates from the overall rate: what the parity penalties share."""

from __future__ import annotations

from functools import cache

import torch
from torch import Tensor

from faircore.metrics.rates import RATES
from faircore.penalties.soft import GroupTensor

SMALL_GROUP = 20.0
"""A group with this many rows in the batch counts half: below it, its rate is mostly noise."""

SMOOTH = 0.05
"""Distance up to which the charge grows quadratically: the scale of gaps that laws tolerate."""

_TINY = 1e-12


def rate_gaps(counts: Tensor, rate: str, groups: GroupTensor) -> Tensor:
    """Sum over groups of the distance to the overall rate of their partition.

    Parameters
    ----------
    counts : Tensor, shape (..., g, 2, 2)
        Soft counts of a batch.
    rate : str
        A name in :data:`faircore.metrics.RATES`.
    groups : GroupTensor

    Returns
    -------
    Tensor, shape (...)
        Zero at parity. With two large groups of one attribute far apart, nearly the absolute
        difference of their rates. A group whose rate is undefined in the batch contributes
        nothing.

    Notes
    -----
    The distance is Huber's: quadratic up to :data:`SMOOTH`, linear beyond. A plain absolute value
    pushes with full force on the noise of a minibatch however small the gap has become; on Adult
    its sweep jumps over the gaps between 5 and 1 points and then grows again.
    """
    # (..., g, 2): numerator and denominator of each group, then those of its whole partition.
    # Written with few operations: on arrays this small each costs more than its arithmetic.
    parts = counts.flatten(-2) @ _coefficients(rate, counts.dtype, counts.device)
    whole = groups.same_partition.to(counts.dtype) @ parts
    own_n, own_d = parts.unbind(-1)
    all_n, all_d = whole.unbind(-1)
    # A group without a rate has numerator 0 and no trust: nothing, and never NaN in a gradient.
    own, overall = own_n / own_d.clamp_min(_TINY), all_n / all_d.clamp_min(_TINY)
    trust = (
        own_d
        / (own_d + SMALL_GROUP)
        * (groups.importance.to(counts.dtype) / (SMOOTH * groups.n_partitions))
    )
    distance = torch.nn.functional.huber_loss(own, overall, reduction="none", delta=SMOOTH)
    return (distance * trust).sum(-1)


@cache
def _coefficients(rate: str, dtype: torch.dtype, device: torch.device) -> Tensor:
    return torch.as_tensor(RATES[rate].coefficients, dtype=dtype, device=device)
