"""Maximum likelihood of a logistic model with few coefficients, by Newton's method."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_STEPS = 100
_HALVINGS = 30
_GAIN = 1e-10
"""Log likelihood still to be gained at which the search stops."""
_SURE_GAIN = 1e-3
"""Gain of a step that is so near the top that it need not be checked."""
_BLOCKS = 2000
"""Averages of neighbouring rows that a search among many rows begins with."""


def maximise(
    design: Floats,
    positives: Floats,
    totals: Floats,
    start: Floats,
    *,
    precision: Floats | None = None,
    fixed: Floats | float = 0.0,
) -> tuple[Floats, Floats]:
    """Coefficients of logit p = fixed + design · coefficients that make the outcomes likeliest.

    Parameters
    ----------
    design : ndarray, shape (m, d)
        Neighbouring rows should be alike: then many rows are fitted in a few steps.
    positives, totals : ndarray, shape (m,)
        Weight of the good outcome and of all, for each row of the design.
    start : ndarray, shape (d,)
    precision : ndarray, shape (d,), optional
        Of a normal prior around ``start``; none by default.
    fixed : ndarray, shape (m,), or float
        Part of the log-odds that is given.

    Returns
    -------
    coefficients : ndarray, shape (d,)
    information : ndarray, shape (d, d)
        Of the rows alone, at the coefficients.
    """
    prior = np.zeros(len(start)) if precision is None else precision
    given = np.broadcast_to(np.asarray(fixed, np.float64), totals.shape)
    rows = (design, positives, totals, given)
    begin = start
    # A step that goes too far is not finite, not higher, and halved.
    with np.errstate(over="ignore", invalid="ignore"):
        if len(design) > 10 * _BLOCKS:
            begin, _ = _climb(*_averaged(*rows), start, start, prior)
        return _climb(*rows, begin, start, prior)


def log_likelihood(odds: Floats, positives: Floats, totals: Floats) -> float:
    """Log likelihood of outcomes at some log-odds."""
    return float(positives @ odds - totals @ np.logaddexp(0.0, odds))


def _climb(
    design: Floats,
    positives: Floats,
    totals: Floats,
    given: Floats,
    begin: Floats,
    mean: Floats,
    prior: Floats,
) -> tuple[Floats, Floats]:
    """Newton's method from a beginning; steps that do not lead up are halved."""

    def height(at: Floats) -> float:
        drawn = float(prior @ (at - mean) ** 2) / 2
        return log_likelihood(given + design @ at, positives, totals) - drawn

    found, reached = begin.copy(), -np.inf
    information = np.zeros((len(begin), len(begin)))
    for _ in range(_STEPS):
        p = 1 / (1 + np.exp(-np.clip(given + design @ found, -700.0, 700.0)))
        slope = design.T @ (positives - totals * p) - prior * (found - mean)
        information = (design * (totals * p * (1 - p))[:, None]).T @ design
        # Where columns say the same, the smallest step is as good as any.
        step = np.linalg.pinv(information + np.diag(prior), hermitian=True) @ slope
        gain = float(slope @ step)
        if gain <= _GAIN:
            break
        if gain > _SURE_GAIN:
            reached = reached if np.isfinite(reached) else height(found)
            for _ in range(_HALVINGS):
                if (higher := height(found + step)) >= reached:
                    break
                step = step / 2
            else:
                break  # rounding hides what is left
            reached = higher
        found = found + step
    return found, information


def _averaged(
    design: Floats, positives: Floats, totals: Floats, given: Floats
) -> tuple[Floats, Floats, Floats, Floats]:
    """Blocks of neighbours as one row each, weights added up."""
    starts = np.linspace(0, len(design), _BLOCKS, endpoint=False).astype(np.intp)
    weight = np.add.reduceat(totals, starts)
    means = np.add.reduceat(design * totals[:, None], starts) / weight[:, None]
    fixed = np.add.reduceat(given * totals, starts) / weight
    return means, np.add.reduceat(positives, starts), weight, fixed
