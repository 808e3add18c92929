"""How good decisions are for the organisation, from confusion counts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from faircore.errors import InputError
from faircore.metrics.rates import RATES


@dataclass(frozen=True)
class Performance:
    """A measure in [0, 1], higher is better, of counts (..., 2, 2) over all rows."""

    name: str
    title: str
    sentence: str
    function: Callable[[NDArray[np.float64]], NDArray[np.float64]]

    def __call__(self, counts: NDArray[np.float64]) -> NDArray[np.float64]:
        """Shape (..., 2, 2) to (...); NaN where undefined."""
        return self.function(counts)


def balanced_accuracy(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean of the true positive and the true negative rate."""
    return (RATES["true_positive_rate"](counts) + RATES["true_negative_rate"](counts)) / 2


PERFORMANCES: dict[str, Performance] = {
    p.name: p
    for p in (
        Performance("accuracy", "Accuracy", "the share of people judged correctly",
                    RATES["accuracy"]),
        Performance("balanced_accuracy", "Balanced accuracy",
                    "the share judged correctly when both outcomes are equally frequent",
                    balanced_accuracy),
        Performance("true_positive_rate", "Good outcomes found",
                    "of people with the good outcome, the share selected",
                    RATES["true_positive_rate"]),
        Performance("positive_predictive_value", "Reliability of a yes",
                    "of people selected, the share with the good outcome",
                    RATES["positive_predictive_value"]),
    )
}  # fmt: skip


def find_performance(name: str) -> Performance:
    """Look a performance measure up by name, or say which there are."""
    if name not in PERFORMANCES:
        known = ", ".join(PERFORMANCES)
        raise InputError(f"There is no performance measure {name!r}. Choose one of: {known}.")
    return PERFORMANCES[name]
