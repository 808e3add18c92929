"""Whole-number codes for cells and for combinations of cells."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray


def column_codes(column: pd.Series[Any]) -> NDArray[np.int64]:
    """Code of each cell (n,), from 0; missing has one of its own."""
    return pd.factorize(column, use_na_sentinel=False)[0].astype(np.int64)


def cross_codes(columns: list[NDArray[np.int64]]) -> NDArray[np.int64]:
    """Code, from 0 without gaps, of each combination of codes that occurs (n,)."""
    crossed = columns[0]
    for codes in columns[1:]:
        # Compressed at each step, so that many attributes do not overflow.
        crossed = np.unique(crossed * (codes.max() + 1) + codes, return_inverse=True)[1]
    return np.unique(crossed, return_inverse=True)[1]
