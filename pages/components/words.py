"""Numbers and models in words, the same on every page."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from faircore.frontier import Candidate, Frontier
from faircore.groups import Partition
from faircore.metrics import RATES, find_disparity, find_performance


def percent(value: float) -> str:
    """A share as ``84.1%``; a dash where it is undefined."""
    return f"{value:.1%}" if math.isfinite(value) else "–"


def disparity_value(name: str, value: float) -> str:
    """A difference as ``3.2 points``, a ratio as ``0.84``; a dash where it is undefined."""
    if not math.isfinite(value):
        return "–"
    if find_disparity(name).kind == "ratio":
        return f"{value:.2f}"
    return f"{100 * value:.1f} points"


def strength_label(candidate: Candidate, *, with_seed: bool) -> str:
    """What tells a candidate from its neighbours."""
    seed = f", seed {candidate.seed}" if with_seed else ""
    return f"λ = {candidate.strength:.3g}{seed}"


def readout(frontier: Frontier, position: int) -> str:
    """Both objectives of a candidate in one line."""
    performance, gap = frontier.values[position].tolist()
    title = find_performance(frontier.performance).title.lower()
    kind = "ratio" if find_disparity(frontier.disparity).kind == "ratio" else "gap"
    return f"{title} {percent(performance)} · {kind} {disparity_value(frontier.disparity, gap)}"


def of_hundred(value: float) -> str:
    """A rate in natural frequency: ``61 of 100``."""
    return f"{100 * value:.0f} of 100" if math.isfinite(value) else "nobody to count"


def finding(
    counts: NDArray[np.float64], partition: Partition, *, rate: str, counted: NDArray[np.bool_]
) -> str:
    """The widest difference between two groups, in natural frequencies.

    Parameters
    ----------
    counts : ndarray, shape (g, 2, 2)
        Counts over all partitions.
    partition : Partition
    rate : str
        A name in :data:`faircore.metrics.RATES`.
    counted : ndarray of bool
        Which groups of the partition are large enough to be compared.
    """
    values = np.where(counted, RATES[rate](counts[partition.groups]), np.nan)
    if np.isfinite(values).sum() < 2:
        return "Too few people to compare the groups."
    low, high = int(np.nanargmin(values)), int(np.nanargmax(values))
    names = partition.group_names
    among, _, share = RATES[rate].sentence.partition(", the share ")
    return (
        f"{among.capitalize()} in group **{names[low]}**, "
        f"{of_hundred(values[low])} are {share}; in group **{names[high]}**, "
        f"{of_hundred(values[high])}."
    )


def price(frontier: Frontier) -> str:
    """What the front says in one sentence: how far the gap can fall, and what that costs.

    Looks for the cheapest model that halves the gap of the best-performing one.
    """
    front = frontier.front
    measure, title = (
        find_disparity(frontier.disparity),
        find_performance(frontier.performance).title,
    )
    best = front[int(np.argmax(frontier.values[front, 0]))]
    top, gap = frontier.values[best].tolist()
    ratio = measure.kind == "ratio"
    reached = [
        k for k in front
        if (frontier.values[k, 1] >= 0.8 if ratio else frontier.values[k, 1] <= gap / 2)
    ]  # fmt: skip
    change = "Raising the ratio to four fifths" if ratio else "Halving the gap"
    start = disparity_value(frontier.disparity, gap)
    if best in reached:
        return f"The best model for {title.lower()} is already there: {start}."
    if not reached:
        return f"{change} is out of reach of these models: the best one has {start}."
    cheapest = max(reached, key=lambda k: frontier.values[k, 0])
    end = disparity_value(frontier.disparity, float(frontier.values[cheapest, 1]))
    cost = 100 * (top - float(frontier.values[cheapest, 0]))
    return f"{change}, from {start} to {end}, costs {cost:.1f} points of {title.lower()}."
