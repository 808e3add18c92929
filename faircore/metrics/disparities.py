"""How unequal a rate is between the groups of a partition.

*difference* is the largest minus the smallest group rate, *ratio* the smallest over the largest.
A group whose rate is undefined takes no part; with fewer than two defined rates the disparity is
undefined (NaN).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from faircore.errors import InputError
from faircore.groups import Partition
from faircore.metrics.rates import RATES


def difference(rates: NDArray[np.float64]) -> NDArray[np.float64]:
    """Largest minus smallest rate over the last axis, shape (..., g) to (...)."""
    high, low, enough = _extremes(rates)
    return np.where(enough, high - low, np.nan)


def ratio(rates: NDArray[np.float64]) -> NDArray[np.float64]:
    """Smallest over largest rate over the last axis; NaN where the largest is 0."""
    high, low, enough = _extremes(rates)
    defined = enough & (high > 0)
    return np.divide(low, high, where=defined, out=np.full_like(high, np.nan))


@dataclass(frozen=True)
class Disparity:
    """A named inequality between groups.

    With several rates, the worst counts: the largest difference or the smallest ratio. When one of
    them cannot be compared, neither can the whole: half a test is none.
    """

    name: str
    title: str
    sentence: str
    rates: tuple[str, ...]
    kind: Literal["difference", "ratio"] = "difference"

    def __call__(
        self, counts: NDArray[np.float64], *, min_people: float = 0.0
    ) -> NDArray[np.float64]:
        """Disparity over the groups of one partition.

        Parameters
        ----------
        counts : ndarray, shape (..., g, 2, 2)
            Counts of the groups of one partition.
        min_people : float
            A rate over fewer people (its denominator, not the size of the group) takes no part.

        Returns
        -------
        ndarray, shape (...)
            In [0, 1]; NaN where fewer than two groups have a defined rate.
        """
        worst = np.maximum if self.kind == "difference" else np.minimum
        values = [self._of(name, counts, min_people) for name in self.rates]
        found: NDArray[np.float64] = worst.reduce(np.stack(values))
        return found

    def worst_rate(self, counts: NDArray[np.float64], *, min_people: float = 0.0) -> str:
        """Name of the rate the disparity comes from, for counts of shape (g, 2, 2)."""
        sign = 1 if self.kind == "difference" else -1
        by_rate = {name: sign * float(self._of(name, counts, min_people)) for name in self.rates}
        return max(by_rate, key=lambda name: (by_rate[name] == by_rate[name], by_rate[name]))

    def _of(self, name: str, counts: NDArray[np.float64], min_people: float) -> NDArray[np.float64]:
        rates = RATES[name](counts, min_people=min_people)
        return difference(rates) if self.kind == "difference" else ratio(rates)


DISPARITIES: dict[str, Disparity] = {
    d.name: d
    for d in (
        Disparity("demographic_parity_difference", "Gap in selection",
                  "how far apart the groups' shares of selected people are", ("selection_rate",)),
        Disparity("equal_opportunity_difference", "Gap in selection of the good",
                  "among people with the good outcome, how far apart the shares selected are",
                  ("true_positive_rate",)),
        Disparity("predictive_equality_difference", "Gap in wrong selection",
                  "among people without the good outcome, how far apart the shares selected are",
                  ("false_positive_rate",)),
        Disparity("equalized_odds_difference", "Gap in either error",
                  "the larger of the gaps in selection among people with and without the good "
                  "outcome", ("true_positive_rate", "false_positive_rate")),
        Disparity("predictive_parity_difference", "Gap in reliability of a yes",
                  "among people selected, how far apart the shares with the good outcome are",
                  ("positive_predictive_value",)),
        Disparity("accuracy_difference", "Gap in accuracy",
                  "how far apart the groups' shares of correct judgements are", ("accuracy",)),
        Disparity("demographic_parity_ratio", "Ratio of selection",
                  "the least selected group's share over the most selected group's (the "
                  "four-fifths rule asks for .80)", ("selection_rate",), "ratio"),
    )
}  # fmt: skip


def find_disparity(name: str) -> Disparity:
    """Look a disparity up by name, or say which there are."""
    if name not in DISPARITIES:
        raise InputError(
            f"There is no disparity {name!r}. Choose one of: {', '.join(DISPARITIES)}."
        )
    return DISPARITIES[name]


def overall_counts(counts: NDArray[np.float64], partition: Partition) -> NDArray[np.float64]:
    """Counts of all rows: the sum over a partition's groups, (..., g, 2, 2) to (..., 2, 2)."""
    total: NDArray[np.float64] = counts[..., partition.groups, :, :].sum(axis=-3)
    return total


def _extremes(
    rates: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_]]:
    high = np.fmax.reduce(rates, axis=-1, initial=-np.inf)
    low = np.fmin.reduce(rates, axis=-1, initial=np.inf)
    return high, low, np.isfinite(rates).sum(axis=-1) >= 2
