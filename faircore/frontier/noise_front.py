"""What may be said of a front from draws of the true values: who is on it, where it lies.

All functions take *beliefs*, shape (b, k, m): draws of every objective of every candidate, as
:mod:`faircore.frontier.noise_beliefs` gives them. Redraws of the people around the observed values
would do for none of them: the best of many would look better than it is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from faircore.errors import InputError
from faircore.frontier.dominance import non_dominated

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]
EVERYTHING = "all"

_WEIGHINGS = (0.2, 0.5, 0.8)
_WORTH_A_SEARCH = 50  # candidates


def hopeful(
    values: Floats,
    errors: Floats,
    directions: Sequence[int],
    *,
    sets: Sequence[Mask] = (),
    margin: float = 2.0,
) -> Mask:
    """Candidates that are not clearly beaten: what is worth drawing beliefs of.

    Parameters
    ----------
    values, errors : ndarray, shape (k, m)
        Objectives as observed, and their standard errors.
    directions : sequence of {1, -1}
        1 where higher is better.
    sets : sequence of ndarray of bool, shape (k,)
        Candidates that are looked at by themselves, such as those of one method; by default all.
    margin : float
        A candidate is clearly beaten when another is better by so many typical errors (their
        median) in every objective. Leaving these out also keeps what is learnt local to the front.

    Returns
    -------
    ndarray of bool, shape (k,)
        The union over the sets.
    """
    better = values * np.asarray(directions)
    known = np.isfinite(better).all(axis=1)
    step = (
        margin * np.nanmedian(errors[known], axis=0) if known.any() else np.zeros(values.shape[1])
    )
    keep = np.zeros(len(values), bool)
    for one in sets or [np.ones(len(values), bool)]:
        own = known & one
        front = better[own][non_dominated(better[own])]
        beaten = np.zeros(len(better), bool)
        for point in front:
            beaten |= (better < point - step).all(axis=1)
        keep |= own & ~beaten
    return keep


def probability_non_dominated(beliefs: Floats, directions: Sequence[int]) -> Floats:
    """Chance that each candidate is truly non-dominated among all that are given.

    Parameters
    ----------
    beliefs : ndarray, shape (b, k, m)
        Draws of m = 2 or 3 objectives; NaN where a candidate has none.
    directions : sequence of {1, -1}, one per objective
        1 where higher is better.

    Returns
    -------
    ndarray, shape (k,)
        In [0, 1], to 1 / b; NaN for a candidate without a value.

    Raises
    ------
    InputError
        When beliefs are not of as many objectives as there are directions.

    Examples
    --------
    >>> draws = np.array([[[0.9, 0.2], [0.8, 0.1], [0.7, 0.3]]] * 2)
    >>> probability_non_dominated(draws, (1, -1)).tolist()
    [1.0, 1.0, 0.0]
    """
    better = _better(beliefs, directions)
    keep = _contenders(better)
    times = np.zeros(better.shape[1])
    for one, few in zip(better, keep, strict=True):
        at = np.flatnonzero(few)
        times[at] += non_dominated(one[at])
    known = np.isfinite(better).all(axis=(0, 2))
    return np.where(known, times / len(better), np.nan)


def front_band(
    beliefs: Floats, directions: Sequence[int], at: Floats, *, confidence: float = 0.95
) -> tuple[Floats, Floats]:
    """Where the best attainable first objective lies, for each demand on the second.

    Parameters
    ----------
    beliefs : ndarray, shape (b, k, m)
    directions : sequence of {1, -1}, one per objective
    at : ndarray, shape (p,)
        Demands: the second objective is at least as good as this.
    confidence : float
        Of each point by itself.

    Returns
    -------
    low, high : ndarray, shape (p,)
        NaN where the demand can too seldom be met to say.
    """
    better = _better(beliefs[..., :2], directions[:2])
    better = np.where(np.isfinite(better).all(axis=2, keepdims=True), better, -np.inf)
    better = _packed(better, _contenders(better), -np.inf)
    order = np.argsort(-better[..., 1], axis=1)
    best = np.maximum.accumulate(np.take_along_axis(better[..., 0], order, 1), axis=1)
    best = np.concatenate([np.full((len(best), 1), -np.inf), best], axis=1)
    reached = -np.take_along_axis(better[..., 1], order, 1)
    demand = -np.asarray(at, np.float64) * directions[1]
    met = np.stack([np.searchsorted(one, demand, side="right") for one in reached])
    found = np.sort(np.take_along_axis(best, met, axis=1), axis=0)
    low, high = _tails(found, confidence)
    low, high = (np.where(np.isfinite(one), one, np.nan) for one in (low, high))
    return (low, high) if directions[0] > 0 else (-high, -low)


def hypervolumes(beliefs: Floats, directions: Sequence[int], reference: Sequence[float]) -> Floats:
    """Hypervolume of the candidates in each draw, shape (b,): 0 where none beats the reference."""
    better = _better(beliefs, directions) - np.asarray(reference) * np.asarray(directions)
    better = np.maximum(np.nan_to_num(better, nan=0.0), 0.0)
    if better.shape[2] == 2:
        better = _packed(better, _contenders(better), 0.0)
        order = np.argsort(-better[..., 0], axis=1)
        x = np.take_along_axis(better[..., 0], order, 1)
        y = np.maximum.accumulate(np.take_along_axis(better[..., 1], order, 1), axis=1)
        width = x - np.concatenate([x[:, 1:], np.zeros((len(x), 1))], axis=1)
        area: Floats = (width * y).sum(axis=1)
        return area
    from moocore import hypervolume  # a quarter of a second that others need not pay

    corner = np.zeros(better.shape[2])
    return np.array([hypervolume(-one, ref=corner) for one in better], np.float64)


def hypervolume_limits(
    values: Floats,
    beliefs: Floats,
    directions: Sequence[int],
    reference: Sequence[float],
    members: Mapping[str, Mask],
    *,
    confidence: float = 0.95,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Hypervolume of each method's candidates, and which method's is truly larger.

    Parameters
    ----------
    values : ndarray, shape (k, m)
        As observed.
    beliefs : ndarray, shape (b, k, m)
    directions : sequence of {1, -1}, one per objective
    reference : sequence of float
        Worst values that still count.
    members : mapping of str to ndarray of bool, shape (k,)
        Candidates of each method.
    confidence : float

    Returns
    -------
    limits : DataFrame
        One row per name and one called ``all``: ``value`` (as observed, so too large when many
        compete), ``expected`` (mean of the draws), ``low`` and ``high``.
    larger : DataFrame
        Chance that the row's hypervolume is larger than the column's; equal ones count half.
    """
    everybody = np.ones(values.shape[0], bool)
    masks = {**members, EVERYTHING: everybody}
    few = {
        name: _fewer(beliefs[:, np.flatnonzero(mask)], directions) for name, mask in members.items()
    }
    # Whoever is unbeaten among all is unbeaten among those of its own method.
    whole = bool(few) and np.logical_or.reduce(list(members.values())).all()
    few[EVERYTHING] = np.concatenate(list(few.values()), axis=1) if whole else beliefs
    drawn = {name: hypervolumes(one, directions, reference) for name, one in few.items()}
    rows = {}
    for name, mask in masks.items():
        low, high = _tails(np.sort(drawn[name])[:, None], confidence)
        value = hypervolumes(values[None, mask], directions, reference)[0]
        rows[name] = (float(value), float(drawn[name].mean()), float(low[0]), float(high[0]))
    limits = pd.DataFrame.from_dict(
        rows, orient="index", columns=["value", "expected", "low", "high"]
    )
    names = list(members)
    wins = [[_larger(drawn[a], drawn[b]) for b in names] for a in names]
    return limits, pd.DataFrame(wins, index=names, columns=names)


def _larger(one: Floats, other: Floats) -> float:
    """How often one is larger; the same front may be summed in different pieces."""
    alike = np.isclose(one, other, rtol=1e-12, atol=0.0)
    return float(np.where(alike, 0.5, one > other).mean())


def _contenders(better: Floats) -> Mask:
    """Leave out most of those that are beaten, none that is not: what remains is quick to sort.

    In every draw whoever is best by some weighing of two objectives beats a large part of the
    others in both. More objectives have too few such to be worth the search.
    """
    keep = np.ones(better.shape[:2], bool)
    if better.shape[2] != 2 or better.shape[1] < _WORTH_A_SEARCH:
        return keep
    first, second = (np.ascontiguousarray(better[..., m]) for m in (0, 1))
    for one in (first, second):  # without a value: neither the best nor kept
        np.copyto(one, -np.inf, where=~np.isfinite(one))
    if not (first[0] + second[0] > -np.inf).any():
        return keep
    spans = [float(np.ptp(x[0][x[0] > -np.inf])) or 1.0 for x in (first, second)]  # any will do
    draw = np.arange(len(better))[:, None]
    for weight in _WEIGHINGS:
        sums = first * (weight / spans[0])
        sums += second * ((1 - weight) / spans[1])
        best = sums.argmax(axis=1)[:, None]
        keep &= (first >= first[draw, best]) | (second >= second[draw, best])
    return keep


def _fewer(beliefs: Floats, directions: Sequence[int]) -> Floats:
    """Beliefs of those that may be unbeaten in each draw; NaN fills up."""
    return _packed(beliefs, _contenders(_better(beliefs, directions)), np.nan)


def _packed(better: Floats, keep: Mask, filling: float) -> Floats:
    """Those that are kept in each draw, as many for all, (b, k, m) to (b, most, m)."""
    draw, at = np.nonzero(keep)
    count = keep.sum(axis=1)
    place = np.arange(len(draw)) - np.repeat(np.cumsum(count) - count, count)
    few = np.full((len(better), int(count.max(initial=0)), better.shape[2]), filling)
    few[draw, place] = better[draw, at]
    return few


def _better(beliefs: Floats, directions: Sequence[int]) -> Floats:
    if beliefs.ndim != 3 or beliefs.shape[2] != len(directions):
        raise InputError(
            f"Beliefs must have the shape (draws, candidates, {len(directions)} objectives); "
            f"theirs is {beliefs.shape}. Stack the draws of each objective on the last axis."
        )
    found: Floats = beliefs * np.asarray(directions, np.float64)
    return found


def _tails(ordered: Floats, confidence: float) -> tuple[Floats, Floats]:
    """Limits from sorted draws, (b, p) to two of (p,).

    The truth is taken as one draw more: it is as likely to fall into any of the b + 1 places
    between the draws, so that it lies below the r-th of them with chance r / (b + 1). Counting
    places among the b draws alone would leave out a place on either side: 94% at b = 200. With
    too few draws for the confidence, their whole range.
    """
    out = (len(ordered) + 1) * (1 - confidence) / 2
    r = max(int(out + 1e-9), 1)  # a hair, since 1 - 0.9 is a little less than 0.1
    return ordered[r - 1], ordered[-r]
