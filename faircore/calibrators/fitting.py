"""Maps of scores fitted to outcomes: identity, Platt, temperature, beta and isotonic."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray
from sklearn.isotonic import isotonic_regression

from faircore.calibrators.logistic import maximise
from faircore.calibrators.tally import Tally
from faircore.errors import InputError
from faircore.metrics import MIN_PEOPLE
from faircore.predictors.score_map import NEAREST, ScoreMap, log_odds

Floats = NDArray[np.float64]
_CERTAIN = 1e-9
"""A mean nearer to 0 or 1 is cut to this where nothing is smoothed: its log-odds are infinite."""
MapMethod = Literal["identity", "platt", "temperature", "beta", "isotonic"]


def fit_map(
    method: MapMethod, scores: Any, y_true: Any, weights: Any = None, *, smoothing: bool = True
) -> ScoreMap:
    """Fit one map of scores by maximum likelihood.

    Parameters
    ----------
    method : {"identity", "platt", "temperature", "beta", "isotonic"}
        See :class:`faircore.predictors.score_map.ScoreMap`. A temperature has no offset, so that
        it cannot repair scores that are all too high or all too low.
    scores : array, shape (n,)
        In [0, 1].
    y_true : array of 0 and 1, shape (n,)
    weights : array, shape (n,), optional
        Counts: a row of weight 2 is a row twice.
    smoothing : bool
        Read outcomes as Platt 1999 does, 1 as (N₊ + 1) / (N₊ + 2) and 0 as 1 / (N₋ + 2), so that
        separable rows, or rows of one outcome, do not lead to infinite numbers or to values of 0
        and 1. Without it, plain maximum likelihood, which is cut short where there is no maximum.

    Returns
    -------
    ScoreMap
        With slopes of zero or more.

    Raises
    ------
    InputError
        When the method is not known or the columns cannot be used.

    Examples
    --------
    >>> scores = [0.2] * 10 + [0.8] * 10
    >>> outcomes = [1] * 4 + [0] * 6 + [1] * 6 + [0] * 4
    >>> fit_map("platt", scores, outcomes, smoothing=False).in_words()
    'log-odds × 0.29'
    """
    if method not in get_args(MapMethod):
        raise InputError(
            f"A map is fitted by one of {', '.join(get_args(MapMethod))}; method is {method!r}. "
            "Choose one of these."
        )
    return fit_tally(method, Tally.of(scores, y_true, weights), smoothing=smoothing)


def fit_tally(method: str, tally: Tally, *, smoothing: bool = True) -> ScoreMap:
    """Fit one map to outcomes added up by score."""
    return _FITS[method](tally.smoothed if smoothing else tally)


def _platt(tally: Tally) -> ScoreMap:
    odds = log_odds(tally.scores)
    if len(odds) > 1:
        design = np.column_stack([odds, np.ones(len(odds))])
        (slope, offset), _ = maximise(design, tally.positives, tally.totals, np.array([1.0, 0.0]))
        if slope >= 0:
            return ScoreMap.platt(slope, offset)
    # One score, or scores that point the wrong way: the slope is held and the mean is right.
    mean = np.clip(tally.positives.sum() / tally.totals.sum(), _CERTAIN, 1 - _CERTAIN)
    offset = math.log(mean) - math.log1p(-mean)
    return ScoreMap.platt(0.0, offset) if len(odds) > 1 else ScoreMap.platt(1.0, offset - odds[0])


def _temperature(tally: Tally) -> ScoreMap:
    odds = log_odds(tally.scores)
    (slope,), _ = maximise(odds[:, None], tally.positives, tally.totals, np.ones(1))
    return ScoreMap.temperature(max(float(slope), 0.0))


def _beta(tally: Tally) -> ScoreMap:
    near = np.clip(tally.scores, NEAREST, 1 - NEAREST)
    design = np.column_stack([np.log(near), -np.log1p(-near), np.ones(len(near))])
    used = [0, 1, 2]
    while True:
        start = np.array([1.0, 1.0, 0.0])[used]
        found, _ = maximise(design[:, used], tally.positives, tally.totals, start)
        wrong = [place for place, j in enumerate(used) if j < 2 and found[place] < 0]
        if not wrong:
            break
        # The likelihood has one top: the coefficient that is most wrong is zero there.
        del used[min(wrong, key=lambda place: found[place])]
    numbers = np.zeros(3)
    numbers[used] = found
    return ScoreMap.beta(*numbers)


def _isotonic(tally: Tally) -> ScoreMap:
    """Steps that only rise, each of ten rows at least, between scores and not on them.

    A step next to a score would give that score away, and a step of one row its outcome.
    """
    shares = tally.positives / tally.totals
    values = isotonic_regression(shares, sample_weight=tally.totals, y_min=0.0, y_max=1.0)
    starts = np.flatnonzero(np.r_[True, np.diff(np.maximum.accumulate(values)) > 0])
    cuts = {i: _between(tally.scores[i - 1], tally.scores[i]) for i in starts[1:].tolist()}
    kept = _populous([0, *(i for i, cut in cuts.items() if cut is not None)], tally.people)
    levels = np.add.reduceat(tally.positives, kept) / np.add.reduceat(tally.totals, kept)
    levels = np.clip(levels, shares.min(), shares.max())  # a mean, rounded, can be beyond them
    if len(kept) == 1:
        return ScoreMap.isotonic([0.5], levels)
    at = np.array([cuts[i] for i in kept[1:]], np.float64)
    knots = np.stack([at, np.nextafter(at, 2.0)], axis=1).ravel()
    steps = np.maximum.accumulate(np.repeat(levels, 2)[1:-1])
    return ScoreMap.isotonic(knots, steps)


def _between(below: float, above: float) -> float | None:
    """The shortest decimal between two scores; none where they are next to each other."""
    for digits in range(1, 13):
        found = (math.floor(below * 10**digits) + 1) / 10**digits
        if below < found < above:
            return float(found)
    return None


def _populous(starts: list[int], people: Floats) -> list[int]:
    """Where blocks start once each holds enough rows."""
    ends = [*starts[1:], len(people)]
    kept, held = [starts[0]], 0.0
    for start, end in zip(starts, ends, strict=True):
        if held >= MIN_PEOPLE:
            kept.append(start)
            held = 0.0
        held += float(people[start:end].sum())
    if held < MIN_PEOPLE and len(kept) > 1:
        kept.pop()
    return kept


_FITS: dict[str, Callable[[Tally], ScoreMap]] = {
    "identity": lambda _: ScoreMap.identity(),
    "platt": _platt,
    "temperature": _temperature,
    "beta": _beta,
    "isotonic": _isotonic,
}
