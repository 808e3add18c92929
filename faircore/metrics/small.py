"""Which groups are not shown because they are small, or because they would give one away."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from faircore.groups import Groups, Partition

MIN_PEOPLE = 10
"""A rate over fewer people is not shown and takes no part in a gap: it is noise, and it may name
somebody."""


def hidden_groups(
    partitions: tuple[Partition, ...], sizes: NDArray[np.int64], *, minimum: int = MIN_PEOPLE
) -> NDArray[np.bool_]:
    """Groups whose size must not be shown.

    A group is hidden when it has fewer than ``minimum`` people. Sizes add up: to the total over a
    partition, and to a containing group over the crossed ones inside it. Where one part of such a
    sum is hidden alone it could be worked out, so the smallest of the others is hidden as well,
    until no sum has exactly one hidden part.

    Parameters
    ----------
    partitions : tuple of Partition
    sizes : ndarray of int, shape (g,)
        Rows per group, over all partitions.
    minimum : int

    Returns
    -------
    ndarray of bool, shape (g,)
    """
    hidden = (sizes < minimum) & (sizes > 0)
    sums = _sums(partitions)
    changed = True
    while changed:
        changed = False
        for members in sums:
            known = members[(sizes[members] > 0) & ~hidden[members]]
            if hidden[members].sum() == 1 and len(known):
                hidden[known[np.argmin(sizes[known])]] = True
                changed = True
    return hidden


def _sums(partitions: tuple[Partition, ...]) -> list[NDArray[np.intp]]:
    """Sets of groups tied by a sum: each partition, and each group with those crossed inside it."""
    found = [np.arange(p.groups.start, p.groups.stop) for p in partitions]
    shape = Groups(partitions, np.empty((len(partitions), 0), np.int32))
    inside: dict[int, dict[str, list[int]]] = {}
    for partition in partitions:
        for group in range(partition.groups.start, partition.groups.stop):
            for parent in shape.parents(group):
                inside.setdefault(parent, {}).setdefault(partition.name, []).append(group)
    found += [
        np.array([parent, *children])
        for parent, by_partition in inside.items()
        for children in by_partition.values()
    ]
    return found
