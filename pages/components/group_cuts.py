"""Thresholds by group as they are tried: which groups share a dial, and what each is cut at."""

from __future__ import annotations

import numpy as np

from faircore.frontier import Frontier
from faircore.groups import find_partition
from faircore.metrics import MIN_PEOPLE, hidden_groups
from pages.components.session import ReviewSession

Dial = tuple[str, ...]
"""The groups that one dial sets: one, or all whose size is hidden."""

TRIED = (
    "The thresholds by group that are tried here do not travel to the Decide page: unless they are "
    "kept as a model, this model is chosen with one threshold for everybody."
)


def dials(frontier: Frontier, by: str) -> tuple[Dial, ...]:
    """What can be turned for the groups of a partition.

    A dial for one person would read out their score and their outcome. So groups whose size is
    hidden share one, where they are ten people or more together; else they keep the threshold of
    everybody.
    """
    partition, sizes = find_partition(frontier.partitions, by), frontier.sizes[frontier.split]
    hidden = hidden_groups(frontier.partitions, sizes)[partition.groups]
    names = np.array(partition.group_names, object)
    found = [(str(name),) for name in names[~hidden]]
    if int(sizes[partition.groups][hidden].sum()) >= MIN_PEOPLE:
        found.append(tuple(str(name) for name in names[hidden]))
    return tuple(found)


def cuts_now(frontier: Frontier, current: ReviewSession) -> dict[str, float]:
    """Threshold of each group of the partition whose thresholds are tried.

    What a session holds may come from a link, so groups of one dial are cut alike here.
    """
    names = find_partition(frontier.partitions, current.cut_by).group_names
    found = dict.fromkeys(names, frontier.threshold)
    for dial in dials(frontier, current.cut_by):
        found |= dict.fromkeys(dial, current.cuts.get(dial[0], frontier.threshold))
    return found
