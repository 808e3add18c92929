"""How a group differs from the group above it: slope, offset, test, and how much is believed."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from faircore.calibrators.logistic import log_likelihood, maximise
from faircore.calibrators.tally import Tally
from faircore.predictors.score_map import ScoreMap, log_odds, probability

Floats = NDArray[np.float64]

_WIDE = 5.0
"""Standard deviation of the prior that keeps separable rows from infinite deviations."""
_SPREADS = np.r_[0.0, np.geomspace(0.01, 5.0, 120)]
"""Standard deviations among siblings that are compared."""
SHIFT_SCALE, SLOPE_SCALE = 0.5, 0.25
"""Scales of the half-Cauchy priors of these standard deviations, in log-odds and in slopes."""


@dataclass(frozen=True)
class Deviation:
    """Slope and offset of a group on the log-odds z its parent's map gives.

    logit p = z + shift + (slope − 1)(z − centre). At the centre, the mean of z over its rows by
    their information, shift and slope are all but uncorrelated, so each can be drawn in alone.

    Attributes
    ----------
    centre, shift, slope, shift_error, slope_error : float
        Standard errors from the information; infinite where the rows say nothing of it.
    statistic, p_value : float
        Likelihood-ratio test that shift is 0 and slope 1.
    slope_only : bool
        A temperature: there is no shift, and the centre is 0.
    """

    centre: float
    shift: float
    slope: float
    shift_error: float
    slope_error: float
    statistic: float
    p_value: float
    slope_only: bool = False

    @property
    def offset(self) -> float:
        """Offset where the log-odds are 0."""
        return self.shift - (self.slope - 1) * self.centre

    @property
    def offset_error(self) -> float:
        """Standard error of the offset."""
        if self.slope_only:
            return 0.0
        return math.hypot(self.shift_error, self.centre * self.slope_error)

    def drawn(self, weight: float, slope_weight: float) -> ScoreMap:
        """The part of it that is kept, as a map on top of the parent's."""
        slope = max(1 + slope_weight * (self.slope - 1), 0.0)
        if self.slope_only:
            return ScoreMap.temperature(slope)
        return ScoreMap.platt(slope, weight * self.shift - (slope - 1) * self.centre)


def fit_deviation(tally: Tally, parent: ScoreMap, *, slope_only: bool = False) -> Deviation:
    """Fit slope and offset on top of a parent's map, and test whether they are needed.

    Parameters
    ----------
    tally : Tally
        Of the group, its weights adding up to the rows they are worth.
    parent : ScoreMap
    slope_only : bool
        Fit a temperature.

    Returns
    -------
    Deviation
        By maximum likelihood, with a normal prior of standard deviation 5 around no deviation.
        The slope may be negative, which means that the scores point the wrong way.
    """
    z = log_odds(parent(tally.scores))
    p = probability(z)
    information = tally.totals * p * (1 - p)
    centre = 0.0 if slope_only else float(information @ z / information.sum())
    # The offset is left out of a temperature by holding it at 0.
    columns = [z - centre] if slope_only else [z - centre, np.ones_like(z)]
    design, start = np.column_stack(columns), np.array([1.0, centre][: len(columns)])
    found, curved = maximise(
        design, tally.positives, tally.totals, start, precision=np.full(len(start), _WIDE**-2)
    )
    gained = log_likelihood(design @ found, tally.positives, tally.totals) - log_likelihood(
        z, tally.positives, tally.totals
    )
    errors = _errors(curved)
    statistic = max(2 * gained, 0.0)
    p_value = math.erfc(math.sqrt(statistic / 2)) if slope_only else math.exp(-statistic / 2)
    return Deviation(
        centre, 0.0 if slope_only else float(found[1]) - centre, float(found[0]),
        0.0 if slope_only else errors[1], errors[0], statistic, p_value, slope_only,
    )  # fmt: skip


def kept_shares(deviations: Floats, errors: Floats, *, scale: float) -> Floats:
    """Share of each sibling's deviation to keep, w = τ² / (τ² + se²), averaged over τ.

    Parameters
    ----------
    deviations, errors : ndarray, shape (k,)
        Of the siblings, and standard errors.
    scale : float
        Of the half-Cauchy prior of τ, the siblings' standard deviation around their parents.

    Returns
    -------
    ndarray, shape (k,)
        In [0, 1). The average is over what the siblings make likely of τ (marginal likelihood
        times prior), not at the likeliest τ, which is 0 for many a handful of groups.

    Notes
    -----
    Morris 1983 for w; Gelman 2006 for the prior.
    """
    if not len(deviations):
        return np.empty(0)
    spread = _SPREADS[:, None] ** 2
    variance = spread + errors**2
    with np.errstate(invalid="ignore"):
        terms = np.where(np.isfinite(errors), np.log(variance) + deviations**2 / variance, 0.0)
    belief = -0.5 * terms.sum(axis=1) - np.log1p((_SPREADS / scale) ** 2)
    belief = np.exp(belief - belief.max()) * np.gradient(_SPREADS)
    shares: Floats = (belief / belief.sum()) @ (spread / variance)
    return shares


def _errors(information: Floats) -> list[float]:
    """Standard errors; infinite for what the rows say nothing of."""
    d = len(information)
    if np.linalg.matrix_rank(information, hermitian=True) < d:
        return [math.inf if information[j, j] <= 0 else information[j, j] ** -0.5 for j in range(d)]
    return [float(error) for error in np.sqrt(np.diag(np.linalg.inv(information)))]
