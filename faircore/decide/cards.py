"""An option as a card: what it does to people of each group, in natural frequencies."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from faircore.audit.words import USUAL, Wording
from faircore.decide.thinning import rate_effects
from faircore.groups import Partition
from faircore.metrics import MIN_PEOPLE, RATES, find_disparity, hidden_groups, overall_counts
from faircore.metrics.intervals import wilson

PER = 1_000


@dataclass(frozen=True)
class Row:
    """One group on a card.

    Attributes
    ----------
    group : str
    people : float
        Among whom is counted, such as people who would repay; NaN where it is not shown.
    share : float
        In [0, 1]; NaN with too few people.
    low, high : float
        Its 95% limits, chance and design effect included.
    """

    group: str
    people: float
    share: float
    low: float
    high: float

    @property
    def told(self) -> str:
        """How many of 1,000 with limits, such as ``610 (580 to 639)``."""
        if math.isnan(self.share):
            return "too few people to judge"
        low, value, high = (round(PER * x) for x in (self.low, self.share, self.high))
        return f"{value:,} ({low:,} to {high:,})"


@dataclass(frozen=True)
class Card:
    """One rate of one option, group by group.

    Attributes
    ----------
    rate : str
        Key of :data:`faircore.metrics.RATES`.
    whom, what : str
        "people who would repay", "are approved".
    rows : tuple of Row
    """

    rate: str
    whom: str
    what: str
    rows: tuple[Row, ...]

    @property
    def sentences(self) -> tuple[str, ...]:
        """A sentence for each group: of 1,000 people who would repay, 610 are approved."""
        return tuple(
            f"{row.group}: too few people to judge"
            if math.isnan(row.share)
            else f"Of {PER:,} {self.whom} in group {row.group}, {row.told} {self.what}"
            for row in self.rows
        )


def cards(
    counts: NDArray[np.float64],
    *,
    partitions: tuple[Partition, ...],
    partition: Partition,
    sizes: NDArray[np.int64],
    disparity: str,
    moments: NDArray[np.float64] | None = None,
    wording: Wording = USUAL,
) -> tuple[Card, ...]:
    """What an option does to each group, in the rates that a definition of fairness compares.

    Parameters
    ----------
    counts : ndarray, shape (g, 2, 2)
        Over the groups of all partitions.
    partitions : tuple of Partition
    partition : Partition
        Whose groups are told of.
    sizes : ndarray of int, shape (g,)
        Rows per group: a group whose size is not shown has no share either.
    disparity : str
    moments : ndarray, shape (g, 4, 4), optional
        What weights and repeated entities do; see :mod:`faircore.decide.thinning`.
    wording : Wording
        How people speak of outcomes and decisions in this case.

    Returns
    -------
    tuple of Card, one per rate
    """
    hidden = hidden_groups(partitions, sizes)[partition.groups]
    own = counts[partition.groups]
    rates = find_disparity(disparity).rates
    alone = np.ones((len(rates), len(own)))
    thins = alone if moments is None else rate_effects(rates, own, moments[partition.groups])
    found = []
    for name, thin in zip(rates, thins, strict=True):
        rate = RATES[name]
        share = np.where(hidden, np.nan, rate(own, min_people=MIN_PEOPLE))
        people = np.where(hidden, np.nan, rate.people(own))
        effective = np.where(np.isfinite(share), rate.people(own) / thin, np.nan)
        low, high = wilson(share * effective, effective)
        rows = tuple(
            map(Row, partition.group_names, people.tolist(), share.tolist(), low.tolist(),
                high.tolist())
        )  # fmt: skip
        found.append(Card(name, *wording.parts(name), rows))
    return tuple(found)


def right_of(counts: NDArray[np.float64], partition: Partition) -> float:
    """How many of 1,000 people are judged rightly."""
    return PER * float(RATES["accuracy"](overall_counts(counts, partition)))
