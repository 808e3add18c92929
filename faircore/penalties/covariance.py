"""Covariance between the score and membership of a group."""

from __future__ import annotations

from torch import Tensor

from faircore.penalties.soft import GroupTensor, soft_counts


def covariance(
    probs: Tensor, y: Tensor, groups: GroupTensor, weights: Tensor | None = None
) -> Tensor:
    """Half the sum of |cov(score, membership)| over groups, (..., n) to (...), partitions averaged.

    With one attribute of two values, the absolute covariance of the score with the attribute: the
    penalty of many tutorials, after Zafar et al. 2017. A group's share enters twice, as its size
    and as its distance, so that small groups weigh little.
    """
    counts = soft_counts(probs, y, groups, weights)
    size = counts.sum((-2, -1))
    same = groups.same_partition.to(counts.dtype)
    total = (size @ same).clamp_min(1e-12)
    selected = counts[..., 1].sum(-1)
    apart = (selected / total - size / total * (selected @ same) / total).abs()
    return (apart * groups.importance).sum(-1) / (2 * groups.n_partitions)
