"""How surely the scores of a cell are wrong: ECCE with a p-value that holds in small cells too.

The range of the sum of (outcome - score), taken in the order of the scores, sees a shift and a
curve that wanders about the scores alike. Its law under calibration is about that of the range of
a Brownian motion. With few people or scores near 0 or 1 that law is far too narrow in its tail:
of 100 people with a score of .02, ten with the good outcome are 50 times likelier than it says. A
thousand cells are judged by just that tail. So a width is first turned into the number of standard
deviations that is as unlikely for a normal variable as the width is for the sum over the whole
cell, by a saddlepoint approximation of the sum of independent outcomes; the law of the Brownian
range is read there. In a large cell nothing changes.

Binning only hides part of the range, never adds to it: a shift is seen in full, a curve that
crosses within a bin is not. Where weights differ, each bin counts as its effective number of
people of one weight; where weights range over orders of magnitude the far tail is approximate
(simulated with log-normal ones of spread 1 and scores near 0: 1.6 times the nominal .001).

References
----------
Arrieta-Ibarra et al. 2022 (ECCE); Feller 1951 (the range of a Brownian motion); Daniels 1987
(saddlepoint tails, second continuity correction); Barndorff-Nielsen 1986 (r*).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.special import expit, log_ndtr, logit

from faircore.metrics.calibration import range_survival
from faircore.metrics.intervals import Array

LEAST = 1e-6
"""Scores nearer to 0 or 1 count as this far away: a certain score that fails is not impossible."""

_CHUNK = 2_048
_STEPS, _FARTHEST = 40, 60.0
_FAR = 6.0  # from here on the law of the range is its first term


class Wander(NamedTuple):
    """ECCE of cells.

    Attributes
    ----------
    statistic : ndarray, shape (c,)
        Range in standard deviations: about 1.5 under calibration.
    log_p : ndarray, shape (c,)
        Natural logarithm of the p-value, at most 0.
    """

    statistic: Array
    log_p: Array


def wander(
    weight: Array,
    score: Array,
    positive: Array,
    squares: Array,
    variance: Array,
    *,
    at_least: float = 0.0,
) -> Wander:
    """Test cells against calibration.

    Parameters
    ----------
    weight, score, positive, squares : ndarray, shape (c, bins)
        Sums of w, ws, wy and w² over rows; bins from the lowest to the highest score.
    variance : ndarray, shape (c,)
        Sum of w²s(1-s).
    at_least : float
        Cells with a smaller statistic get a p-value of 1: quicker, where only small ones matter.
    """
    statistic, log_p = np.empty(len(weight)), np.zeros(len(weight))
    for start in range(0, len(weight), _CHUNK):
        at = slice(start, start + _CHUNK)
        path = np.cumsum(positive[at] - score[at], -1)
        span = np.maximum(path.max(-1), 0.0) - np.minimum(path.min(-1), 0.0)
        with np.errstate(divide="ignore", invalid="ignore"):
            statistic[at] = np.where(span > 1e-9, span / np.sqrt(variance[at]), 0.0)
        rows = np.flatnonzero(statistic[at] >= at_least)
        log_p[start + rows] = _log_p(
            weight[at][rows], score[at][rows], squares[at][rows], span[rows]
        )
    return Wander(statistic, log_p)


def _log_p(weight: Array, score: Array, squares: Array, span: Array) -> Array:
    with np.errstate(divide="ignore", invalid="ignore"):
        unit = squares.sum(-1) / weight.sum(-1)
        # In units of the cell's effective weight, so that a step of the sum is about 1.
        step = np.where(weight > 0, squares / weight, unit[:, None]) / unit[:, None]
        people = weight / (step * unit[:, None])
        mean = np.where(weight > 0, score / weight, 0.5)
    centre = logit(np.clip(mean, LEAST, 1 - LEAST))
    wide = span / unit - 0.5  # the continuity correction
    up = _log_range(_deviate(people, step, centre, wide))
    down = _log_range(_deviate(people, step, -centre, wide))
    log_p: Array = np.minimum(np.logaddexp(up, down) - np.log(2), 0.0)
    return log_p


def _log_range(width: Array) -> Array:
    """Logarithm of the chance that a Brownian motion covers more than a width."""
    with np.errstate(divide="ignore"):
        near = np.log(np.maximum(range_survival(np.clip(width, 0.0, _FAR)), 1e-300))
    return np.where(width < _FAR, near, np.log(8) + log_ndtr(-np.minimum(width, 1e8)))


def _deviate(people: Array, step: Array, centre: Array, wide: Array) -> Array:
    """Normal deviate with the tail of P(sum of (outcome - score) >= wide + ½), shape (c,)."""
    mean = expit(centre)
    most = (people * step * (1 - mean)).sum(-1)
    possible = (wide > 0) & (wide < most * (1 - 1e-9))
    wanted = np.where(possible, wide, most / 2)
    tilt = _tilt(people, step, centre, wanted)
    tilted = expit(centre + tilt[:, None] * step)
    # log(1 - s + s exp(tilt·step)), written so that nothing overflows.
    cumulant = np.log1p(-mean) - np.log1p(-np.minimum(tilted, 1 - 1e-16))
    exponent = tilt * wanted - ((people * cumulant).sum(-1) - tilt * (people * step * mean).sum(-1))
    spread = np.sqrt((people * step**2 * tilted * (1 - tilted)).sum(-1))
    root = np.sqrt(2 * np.maximum(exponent, 0.0))
    plain = wanted / np.sqrt((people * step**2 * mean * (1 - mean)).sum(-1))
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        sides = np.log(2 * np.sinh(np.minimum(tilt / 2, 300.0)) * spread / root)
        found = np.where(root > 0.05, root + sides / root, plain)
    found = np.where(np.isfinite(found), found, root)
    return np.where(possible, found, np.where(wide <= 0, 0.0, 1e9))


def _tilt(people: Array, step: Array, centre: Array, wanted: Array) -> Array:
    """Shift of the logits, per unit of step, that moves the expected sum by ``wanted``."""
    start = (people * step * expit(centre)).sum(-1)
    low, high = np.zeros(len(wanted)), np.full(len(wanted), _FARTHEST)
    tilt = np.zeros(len(wanted))
    for _ in range(_STEPS):
        tilted = expit(centre + tilt[:, None] * step)
        off = (people * step * tilted).sum(-1) - start - wanted
        slope = (people * step**2 * tilted * (1 - tilted)).sum(-1)
        low, high = np.where(off < 0, tilt, low), np.where(off >= 0, tilt, high)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            moved = tilt - off / slope
        inside = (moved > low) & (moved < high)
        if (np.abs(off) <= 1e-7 * np.maximum(wanted, 1e-9)).all():
            break
        tilt = np.where(inside, moved, (low + high) / 2)
    return tilt
