"""The rows that candidates are compared on, as far as a comparison needs them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from faircore.data import Dataset
from faircore.groups import Groups


@dataclass(frozen=True, eq=False)
class SplitRows:
    """Outcomes, groups and weights of the rows of one split: no feature, no score.

    Two candidates are judged on the same people, so most of the luck of the draw is common to both.
    Which people each of them selects is what tells how much.

    Attributes
    ----------
    y_true : ndarray of 0 and 1, shape (n,)
    groups : Groups, n rows
    weights : ndarray, shape (n,), optional
        Of mean 1 over the data set; None where every row counts alike.
    """

    y_true: NDArray[np.int8]
    groups: Groups
    weights: NDArray[np.float64] | None = None

    @classmethod
    def of(cls, dataset: Dataset, groups: Groups, rows: NDArray[np.int64]) -> SplitRows:
        """Some rows of a data set that is grouped already."""
        weights = dataset.weights
        alike = bool((weights == weights[0]).all())
        own = None if alike else weights[rows] / weights.mean()
        return cls(dataset.y_true[rows], groups.take(rows), own)

    def __len__(self) -> int:
        """Number of rows."""
        return len(self.y_true)
