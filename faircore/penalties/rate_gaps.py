"""Distance of the groups' rates from the overall rate: what the parity penalties share."""

from __future__ import annotations

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
    numerator, denominator = RATES[rate].parts(counts)
    spread = groups.spread.to(counts.dtype)
    together = (denominator @ spread.T) @ spread
    overall = ((numerator @ spread.T) @ spread) / together.clamp_min(_TINY)
    # A safe denominator inside, the mask outside: no NaN reaches the gradient.
    present = denominator > 0
    own = numerator / torch.where(present, denominator, torch.ones_like(denominator))
    trust = denominator / (denominator + SMALL_GROUP)
    distance = torch.nn.functional.huber_loss(own, overall, reduction="none", delta=SMOOTH) / SMOOTH
    apart = torch.where(present, distance * trust * groups.importance, torch.zeros_like(own))
    return apart.sum(-1) / groups.n_partitions
