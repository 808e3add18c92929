"""What has no value: means of nobody, and how JSON writes them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray


def mean(values: NDArray[Any], weights: NDArray[np.float64]) -> float:
    """Weighted mean of values (n,); NaN when the weights (n,) have no sum.

    >>> mean(np.array([0.0, 1.0]), np.array([1.0, 3.0]))
    0.75
    """
    total = weights.sum()
    return float(values @ weights / total) if total > 0 else math.nan


def plain(value: Any) -> Any:
    """The value, with None in place of NaN and the infinite, also inside dicts and sequences.

    >>> plain({"a": (1, math.nan), "b": math.inf})
    {'a': [1, None], 'b': None}
    """
    if isinstance(value, dict):
        return {key: plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
