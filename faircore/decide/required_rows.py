"""How many rows per group a certificate would need, before or after one was refused.

A certificate needs every ordered pair of groups to pass its test, so its power is the chance that
all of them pass together: less than that of the hardest pair, and pairs that share a group pass or
fail together. Group rates are taken as normal, and their joint law is followed on draws that cover
the space evenly, the same ones every time. The half person that
:func:`~faircore.decide.pair_tests.pair_p_values` holds against a certificate is counted.

References
----------
Miettinen & Nurminen 1985; Farrington & Manning 1990 (the error under the limit); Sobol 1967.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import permutations
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri
from scipy.stats.qmc import Sobol

from faircore.decide.certify_counts import check_level
from faircore.decide.pair_tests import successes_and_trials
from faircore.errors import InputError
from faircore.metrics import find_disparity
from faircore.metrics.intervals import Array, likeliest_apart, likeliest_at_ratio

Kind = Literal["difference", "ratio"]
_DRAWS = 4096
_HALVINGS = 40
_MOST = 1e12  # rows; more is as good as never


def required_rows(
    rate: float,
    limit: float,
    true_gap: float,
    *,
    power: float = 0.8,
    level: float = 0.05,
    n_groups: int = 2,
    shares: ArrayLike | None = None,
    kind: Kind = "difference",
) -> NDArray[np.float64]:
    """Rows of each group for which a certificate is likely, were the truth as supposed.

    Parameters
    ----------
    rate : float
        Between 0 and 1, in the middle between the highest and the lowest group.
    limit : float
        Between 0 and 1: the difference to be below, or the ratio to be above.
    true_gap : float
        The difference, or the ratio, that is supposed to be true: 0 or 1 for equal groups.
    power : float
        Chance of the certificate, between 0 and 1.
    level : float
        Of each test. Opened J times: the level divided by J.
    n_groups : int
        At least 2. Groups are supposed to lie at both ends in turn, which makes the most pairs
        that are hard: with some in between fewer rows do.
    shares : ndarray, shape (g,), optional
        Relative sizes of the groups, above 0. By default all are equal.
    kind : {"difference", "ratio"}

    Returns
    -------
    ndarray, shape (g,)
        Whole numbers, of rows the rate is about: for a true positive rate those with the good
        outcome. Infinite where the supposed truth does not keep the limit: no number certifies it.

    Raises
    ------
    InputError
        When a number is out of its range, or no rates in [0, 1] are so far apart.

    Examples
    --------
    >>> required_rows(0.2, 0.05, 0.02)
    array([2230., 2230.])
    >>> required_rows(0.2, 0.05, 0.06)
    array([inf, inf])
    """
    ratio = kind == "ratio"
    _check(limit, power, level, kind)
    size = np.ones(n_groups) if shares is None else np.asarray(shares, np.float64)
    if n_groups < 2 or size.shape != (n_groups,) or not (np.isfinite(size) & (size > 0)).all():
        raise InputError(
            f"A gap needs two groups or more, and each a share above 0; found {n_groups} groups "
            f"and {size.size} shares."
        )
    low = 2 * rate * true_gap / (1 + true_gap) if ratio else rate - true_gap / 2
    high = 2 * rate - low
    if not 0 <= low <= high <= 1 or not 0 < rate < 1:
        raise InputError(
            f"There are no two rates around {rate} with a {kind} of {true_gap}. Choose a rate "
            "between 0 and 1 and a gap that fits around it."
        )
    rates = np.where(np.arange(n_groups) % 2, low, high)
    tests = _Tests.of(rates[None], size[None] / size.min(), limit, level, ratio=ratio)
    needed: NDArray[np.float64] = np.ceil(tests.times_needed(power) * size / size.min() - 1e-6)
    return needed


def required_from(
    counts: Array,
    disparity: str,
    limit: float,
    *,
    power: float = 0.8,
    level: float = 0.05,
    effective: ArrayLike | None = None,
) -> NDArray[np.float64]:
    """Rows of each group for which a certificate is likely, if the truth is what was seen.

    Parameters
    ----------
    counts : ndarray, shape (g, 2, 2)
        Confusion counts of the groups of one partition. The groups, and in them those a rate is
        about, are taken to stay in proportion.
    disparity : str
        A name in :data:`faircore.metrics.DISPARITIES`.
    limit, power, level : float
        See :func:`required_rows`.
    effective : ndarray, shape (g,), optional
        Design effect of each group; more rows are needed where one says less.

    Returns
    -------
    ndarray, shape (g,)
        Whole numbers, of all rows of the group: where few of them are those a rate is about, they
        are many. Infinite where the gap that was seen does not keep the limit: more rows would
        only show it more surely. NaN where a rate of a group is of nobody.

    Raises
    ------
    InputError
        When a number is out of its range, or the counts are not of two groups or more.
    """
    found = find_disparity(disparity)
    _check(limit, power, level, found.kind)
    counts = np.asarray(counts, np.float64)
    if counts.ndim != 3 or len(counts) < 2:
        raise InputError(
            "A gap needs the counts of two groups or more, of shape (groups, 2, 2); found shape "
            f"{counts.shape}."
        )
    k, n = successes_and_trials(counts, found, effective)
    if not (n > 0).all():
        return np.full(len(counts), np.nan)
    tests = _Tests.of(k / n, n, limit, level, ratio=found.kind == "ratio")
    needed: NDArray[np.float64] = np.ceil(
        tests.times_needed(power) * counts.sum(axis=(-2, -1)) - 1e-6
    )
    return needed


@dataclass(frozen=True, eq=False)
class _Tests:
    """The pair tests of each rate, as inequalities between normal group rates.

    A pair passes when first - times * second + apart < -(z null + half a person), each of which
    shrinks as rows are added.

    Attributes
    ----------
    moves : list of ndarray, shape (p, d)
        By rate: the deviation of each pair in the draws, at the rows that were given.
    margin : list of ndarray, shape (p,)
        By rate: how far inside the limit each pair truly is.
    null, half : list of ndarray, shape (p,)
        By rate: critical value times error under the limit, and half a person.
    """

    moves: list[Array]
    margin: list[Array]
    null: list[Array]
    half: list[Array]

    @classmethod
    def of(cls, rates: Array, n: Array, limit: float, level: float, *, ratio: bool) -> _Tests:
        """Tests of group rates and rows, both of shape (r, g)."""
        tests = cls([], [], [], [])
        first, second = np.array(list(permutations(range(rates.shape[1]), 2))).T
        times, way = (limit, -1.0) if ratio else (1.0, 1.0)
        noise = _even(rates.size).reshape(*rates.shape, _DRAWS)
        for p, rows, z in zip(rates, n, noise, strict=True):
            seen = (p[first] * rows[first], rows[first], p[second] * rows[second], rows[second])
            likeliest = likeliest_at_ratio if ratio else likeliest_apart
            with np.errstate(divide="ignore", invalid="ignore"):
                one, other = likeliest(*seen, np.full(len(first), limit))
            spread = one * (1 - one) / rows[first] + times**2 * other * (1 - other) / rows[second]
            deviation = np.sqrt(p * (1 - p) / rows)[:, None] * z
            excess = way * (p[first] - times * p[second] - (0.0 if ratio else limit))
            tests.moves.append(way * (deviation[first] - times * deviation[second]))
            tests.margin.append(-excess)
            tests.null.append(-ndtri(level) * np.sqrt(spread))
            tests.half.append(np.maximum(1 / rows[first], times / rows[second]) / 2)
        return tests

    def times_needed(self, power: float) -> float:
        """How many times the rows have to be there; infinite where no number does."""
        if min(margin.min() for margin in self.margin) <= 1e-12:
            return float("inf")
        low, high = -20.0, float(np.log(_MOST))
        if self.power(np.exp(high)) < power:
            return float("inf")
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            low, high = (low, middle) if self.power(np.exp(middle)) >= power else (middle, high)
        return float(np.exp(high))

    def power(self, times: float) -> float:
        """Chance that every pair passes in every rate with so many times the rows."""
        passed = np.ones(_DRAWS, bool)
        for moves, margin, null, half in zip(
            self.moves, self.margin, self.null, self.half, strict=True
        ):
            room = margin - null / np.sqrt(times) - half / times
            passed &= (moves / np.sqrt(times) <= room[:, None]).all(axis=0)
        return float(passed.mean())


@lru_cache(maxsize=8)
def _even(columns: int) -> Array:
    """Normal draws that cover the space more evenly than chance does, shape (columns, draws)."""
    points = Sobol(columns, rng=np.random.default_rng(0)).random(_DRAWS)
    normal: Array = ndtri(np.clip(points, 1e-6, 1 - 1e-6)).T
    return normal


def _check(limit: float, power: float, level: float, kind: str) -> None:
    check_level(level)
    if kind not in ("difference", "ratio"):
        raise InputError(f"There is no kind {kind!r}. Choose one of: difference, ratio.")
    for name, value in (("limit", limit), ("power", power)):
        if not 0 < value < 1:
            raise InputError(f"A {name} must lie between 0 and 1; found {value}.")
