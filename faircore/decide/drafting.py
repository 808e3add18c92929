"""A policy drafted from an interview: what its form starts with, and what is made of it."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from scipy.special import ndtri

from faircore.groups import Groups
from faircore.metrics import MIN_PEOPLE, RATES, confusion_counts
from faircore.training import Prepared


def base_rate_gap(prepared: Prepared) -> float | None:
    """How far apart the shares of good outcomes of any two groups of a partition are, at most.

    On the rows models learn from, so that nothing of the sealed ones is told. None with fewer than
    two groups of ten people.
    """
    rows = prepared.rows("train")
    groups = prepared.groups.take(rows)
    truth = prepared.dataset.y_true[rows]
    counts = confusion_counts(truth, truth, groups, prepared.weights[rows])
    rates = RATES["base_rate"](counts, min_people=MIN_PEOPLE)
    gaps = [
        float(np.nanmax(own) - np.nanmin(own))
        for own in (rates[p.groups] for p in groups.partitions)
        if np.isfinite(own).sum() > 1
    ]
    return max(gaps, default=None)


def smallest_promise(rows: int, *, level: float = 0.05) -> float:
    """The gap between two groups of so many rows that could just be certified if there were none.

    In 4 of 5 cases, for a rate of one in four, by the normal approximation; in (0, 1].
    """
    error = math.sqrt(2 * 0.25 * 0.75 / max(rows, 1))
    return float(min(error * (ndtri(1 - level) + ndtri(0.9)), 1.0))


def fewest_rows(prepared: Prepared, partitions: Sequence[str], split: str = "certify") -> int:
    """Rows of the smallest group of some partitions on a split; sizes tell no outcome."""
    groups: Groups = prepared.groups.take(prepared.rows(split))
    return min(int(groups.sizes[groups.partition(name).groups].min()) for name in partitions)
