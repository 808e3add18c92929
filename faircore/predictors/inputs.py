"""What a model is told about the rows it predicts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from faircore.errors import InputError


@dataclass(frozen=True, eq=False)
class Inputs:
    """Rows in every form a model may ask for.

    Attributes
    ----------
    encoded : ndarray of float32, shape (n, d)
        What faircore's own models read.
    sensitive : DataFrame, shape (n, attributes), optional
        Labels of the sensitive attributes; missing ones are NaN.
    features : DataFrame, shape (n, columns), optional
        The columns as they were before encoding.
    score : ndarray of float64, shape (n,), optional
        What an existing system says of each row.
    """

    encoded: NDArray[np.float32]
    sensitive: pd.DataFrame | None = None
    features: pd.DataFrame | None = None
    score: NDArray[np.float64] | None = None

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return len(self.encoded)

    def attributes(self, names: Sequence[str]) -> pd.DataFrame:
        """Some sensitive attributes, (n, attributes); refuses when one was not given.

        Raises
        ------
        InputError
        """
        absent = [
            name for name in names if self.sensitive is None or name not in self.sensitive.columns
        ]
        if self.sensitive is None or absent:
            raise InputError(
                f"This model decides by {' and '.join(names)} and was not told "
                f"{' or '.join(absent)}. Add the column, or use a model that does not need it."
            )
        return self.sensitive[list(names)]
