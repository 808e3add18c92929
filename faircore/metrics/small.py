"""Which groups are not shown because they are small, or because they would give one away."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from faircore.groups import Partition

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
        for members in (ties[ties >= 0] for ties in sums):
            known = members[(sizes[members] > 0) & ~hidden[members]]
            if hidden[members].sum() == 1 and len(known):
                hidden[known[np.argmin(sizes[known])]] = True
                changed = True
    small = (sizes < minimum) & (sizes > 0)
    while len(given := np.intersect1d(_worked_out(sums, hidden), np.flatnonzero(small))):
        tied = np.concatenate([members[members >= 0] for members in sums if given[0] in members])
        for near in (tied, np.arange(len(sizes))):
            known = near[(sizes[near] > 0) & ~hidden[near]]
            if len(known):
                hidden[known[np.argmin(sizes[known])]] = True
                break
        else:
            break  # nothing is shown any more
    # What can be worked out anyway, and is not small, is hidden for nothing.
    hidden[np.setdiff1d(_worked_out(sums, hidden), np.flatnonzero(small))] = False
    return hidden


def _worked_out(sums: list[NDArray[np.intp]], hidden: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Hidden groups whose size all sums taken together give away.

    The sums are linear equations in the hidden sizes. A size is given away when no solution of the
    equations without right-hand sides moves it.
    """
    unknown = np.flatnonzero(hidden)
    if not len(unknown):
        return unknown
    equations = np.array([np.isin(unknown, members) for members in sums], float)
    # The sign of a containing group differs from that of those inside it.
    equations *= np.array([np.where(unknown == members[0], -1.0, 1.0) for members in sums])
    _, singular, directions = np.linalg.svd(equations)
    rank = int((singular > 1e-9).sum())
    free = np.abs(directions[rank:]).max(axis=0, initial=0.0)
    given: NDArray[np.intp] = unknown[free < 1e-9]
    return given


def _sums(partitions: tuple[Partition, ...]) -> list[NDArray[np.intp]]:
    """Sets of groups tied by a sum: each partition, and each group with those crossed inside it.

    A containing group comes first in its set.
    """
    found = []
    for partition in partitions:
        members = np.arange(partition.groups.start, partition.groups.stop)
        found.append(np.array([-1, *members]))  # the total is known: no group of its own
        for inner in partitions:
            if set(partition.attributes) < set(inner.attributes):
                place = [inner.attributes.index(a) for a in partition.attributes]
                for group, label in enumerate(partition.labels, partition.start):
                    inside = [
                        child
                        for child, whole in enumerate(inner.labels, inner.start)
                        if tuple(whole[i] for i in place) == label
                    ]
                    found.append(np.array([group, *inside]))
    return found
