"""Thresholds by group as they are tried: which groups have a dial, and what each is cut at."""

from __future__ import annotations

from faircore.frontier import Frontier
from faircore.groups import find_partition
from faircore.methods.thresholds_by_hand import may_be_set
from pages.components.session import ReviewSession

TRIED = (
    "The thresholds by group that are tried here do not travel to the Decide page: unless they are "
    "kept as a model, this model is chosen with one threshold for everybody."
)


def dials(frontier: Frontier, by: str) -> tuple[str, ...]:
    """Groups of a partition whose threshold can be turned.

    A dial for a few people would read out their scores and their outcomes, so a group whose size is
    hidden keeps the threshold of everybody.
    """
    partition = find_partition(frontier.partitions, by)
    return may_be_set(frontier.partitions, frontier.sizes[frontier.split], partition)


def tried(frontier: Frontier, current: ReviewSession) -> bool:
    """Whether any group is cut elsewhere than everybody."""
    if not current.cut_by:
        return False
    return {*cuts_now(frontier, current).values()} != {frontier.threshold}


def cuts_now(frontier: Frontier, current: ReviewSession) -> dict[str, float]:
    """Threshold of each group of the partition whose thresholds are tried."""
    names = find_partition(frontier.partitions, current.cut_by).group_names
    # What a session holds may come from a link, so it counts for groups with a dial alone.
    turned = dials(frontier, current.cut_by)
    return {
        name: current.cuts.get(name, frontier.threshold) if name in turned else frontier.threshold
        for name in names
    }
