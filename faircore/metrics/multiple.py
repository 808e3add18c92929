"""p-values of many groups at once.

References
----------
Holm 1979; Benjamini & Hochberg 1995.
"""

from __future__ import annotations

import numpy as np
from scipy.stats import false_discovery_control

from faircore.metrics.intervals import Array


def holm(p_values: Array) -> Array:
    """Adjust p-values for "is anyone harmed": below 5%, the chance of one false alarm is 5%.

    Parameters
    ----------
    p_values : ndarray
        NaN where there was no test; it takes no part and stays.

    Examples
    --------
    >>> holm(np.array([0.01, np.nan, 0.04, 0.03])).tolist()
    [0.03, nan, 0.06, 0.06]
    """
    adjusted = np.full(p_values.shape, np.nan)
    tested = np.flatnonzero(~np.isnan(p_values))
    order = tested[np.argsort(p_values[tested], kind="stable")]
    remaining = len(order) - np.arange(len(order))
    adjusted[order] = np.minimum(np.maximum.accumulate(p_values[order] * remaining), 1.0)
    return adjusted


def benjamini_hochberg(p_values: Array) -> Array:
    """Adjust p-values for screening: of those below 5%, one in twenty is expected to be false.

    Parameters
    ----------
    p_values : ndarray
        NaN where there was no test; it takes no part and stays.
    """
    adjusted = np.full(p_values.shape, np.nan)
    tested = ~np.isnan(p_values)
    if tested.any():
        adjusted[tested] = false_discovery_control(p_values[tested])
    return adjusted
