"""One definition per rate: a numerator and a denominator over confusion counts.

The parts are sums of cells, so the same definition serves hard counts in NumPy (metrics), soft
counts in torch (penalties) and resampled counts (intervals).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from faircore.errors import InputError

TN, FP, FN, TP = (0, 0), (0, 1), (1, 0), (1, 1)


@dataclass(frozen=True)
class Rate:
    """A share of some cells of the confusion matrix among others.

    Attributes
    ----------
    name : str
        The field's name, as in scikit-learn and Fairlearn.
    title : str
        Short name for people.
    sentence : str
        What it says, in words for people who are not statisticians.
    numerator, denominator : tuple of (true, predicted)
        Cells that are added up.
    """

    name: str
    title: str
    sentence: str
    numerator: tuple[tuple[int, int], ...]
    denominator: tuple[tuple[int, int], ...]

    @cached_property
    def coefficients(self) -> NDArray[np.float64]:
        """Which cells, flattened as (tn, fp, fn, tp), make numerator and denominator, (4, 2)."""
        matrix = np.zeros((4, 2))
        for column, cells in enumerate((self.numerator, self.denominator)):
            matrix[[2 * i + j for i, j in cells], column] = 1.0
        return matrix

    def __call__(
        self, counts: NDArray[np.float64], *, min_people: float = 0.0
    ) -> NDArray[np.float64]:
        """Rate of counts (..., 2, 2); NaN where the denominator is 0 or below ``min_people``."""
        numerator, denominator = np.moveaxis(
            counts.reshape(*counts.shape[:-2], 4) @ self.coefficients, -1, 0
        )
        # A hair below, so that weights that sum to ten up to rounding are ten.
        defined = (denominator > 0) & (denominator >= min_people * (1 - 1e-9))
        rate: NDArray[np.float64] = np.full(np.shape(denominator), np.nan)
        np.divide(numerator, denominator, where=defined, out=rate)
        return rate

    def people(self, counts: NDArray[np.float64]) -> NDArray[np.float64]:
        """Weight of those the rate is about: its denominator, (..., 2, 2) to (...)."""
        flat = counts.reshape(*counts.shape[:-2], 4)
        total: NDArray[np.float64] = flat @ self.coefficients[:, 1]
        return total


_ALL = (TN, FP, FN, TP)

RATES: dict[str, Rate] = {
    rate.name: rate
    for rate in (
        Rate("selection_rate", "Selected", "of all people, the share selected", (FP, TP), _ALL),
        Rate("base_rate", "Good outcome", "of all people, the share with the good outcome",
             (FN, TP), _ALL),
        Rate("accuracy", "Accuracy", "of all people, the share judged correctly", (TN, TP), _ALL),
        Rate("true_positive_rate", "Selected if good",
             "of people with the good outcome, the share selected", (TP,), (FN, TP)),
        Rate("false_negative_rate", "Wrongly refused",
             "of people with the good outcome, the share refused", (FN,), (FN, TP)),
        Rate("false_positive_rate", "Wrongly selected",
             "of people without the good outcome, the share selected", (FP,), (TN, FP)),
        Rate("true_negative_rate", "Refused if not good",
             "of people without the good outcome, the share refused", (TN,), (TN, FP)),
        Rate("positive_predictive_value", "Good if selected",
             "of people selected, the share with the good outcome", (TP,), (FP, TP)),
        Rate("negative_predictive_value", "Not good if refused",
             "of people refused, the share without the good outcome", (TN,), (TN, FN)),
    )
}  # fmt: skip


def find_rate(name: str) -> Rate:
    """Look a rate up by name, or say which there are."""
    if name not in RATES:
        raise InputError(f"There is no rate {name!r}. Choose one of: {', '.join(RATES)}.")
    return RATES[name]
