"""Scores against outcomes in a few bins per group, and which of the bins may be shown.

References
----------
DeGroot & Fienberg 1983; Wilson 1927 (intervals of the shares).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from faircore.errors import InputError
from faircore.metrics.histograms import ScoreHistogram
from faircore.metrics.intervals import Array
from faircore.metrics.scores import missed
from faircore.metrics.small import MIN_PEOPLE

BINS = 10
FEWEST_BINS, MOST_BINS = 2, 50
_ROUNDED = 100  # the outer edges are whole hundredths: they would tell one person's score


@dataclass(frozen=True, eq=False)
class Reliability:
    """Scores against outcomes in a few bins, group by group; every array has shape (g, bins).

    Attributes
    ----------
    weight, score, rate : ndarray
        Weight of a bin, its mean score and its share of good outcomes; NaN in an empty bin.
    people : ndarray
        Effective number of people, (Σw)²/Σw², never more than there are; 0 in an empty bin.
    expected, seen : ndarray
        Variance of ``rate - score``: if every score were exactly right, and as it was.
    lowest, highest : ndarray
        Least and largest score; NaN in an empty bin.
    """

    weight: Array
    score: Array
    rate: Array
    people: Array
    expected: Array
    seen: Array
    lowest: Array
    highest: Array

    @property
    def share(self) -> Array:
        """Share of its group's weight in each bin; 0 in an empty group."""
        with np.errstate(divide="ignore", invalid="ignore"):
            share: Array = np.nan_to_num(self.weight / self.weight.sum(-1, keepdims=True))
        return share

    @classmethod
    def join(cls, parts: Sequence[Reliability]) -> Reliability:
        """The groups of several, one after the other."""
        return cls(*(np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(cls)))


def check_bins(bins: int) -> None:
    """Refuse a number of bins too small to show a curve, or too large to show anything else."""
    if not FEWEST_BINS <= bins <= MOST_BINS:
        raise InputError(
            f"A reliability diagram has {FEWEST_BINS} to {MOST_BINS} bins; {bins} were asked for. "
            "Choose a number between."
        )


def reliability(
    scores: ScoreHistogram, *, bins: int = BINS, equal_width: bool = False
) -> Reliability:
    """Gather fine bins into a few, each holding as many people of its group (or equally wide).

    Bins of equal mass hold :data:`faircore.metrics.MIN_PEOPLE` people or more: a group with fewer
    than ``bins`` times as many has fewer bins, and where ties or weights leave a bin with less, it
    joins the next. Bins of equal width hold whoever falls into them; :func:`shown_bins` says which
    of them may be shown.

    Parameters
    ----------
    scores : ScoreHistogram
    bins : int
        1 or more.
    equal_width : bool
        Whether bin ``i`` holds the scores from ``i / bins`` up to, not including, the next.
    """
    n_groups = len(scores.weight)
    flat = coarse_bins(scores, bins=bins, equal_width=equal_width)
    flat += np.arange(n_groups)[:, None] * bins

    def gather(values: Array) -> Array:
        sums = np.bincount(flat.ravel(), values.ravel(), minlength=n_groups * bins)
        return sums.astype(np.float64).reshape(n_groups, bins)

    weight, squares = gather(scores.weight), gather(scores.squares)
    with np.errstate(divide="ignore", invalid="ignore"):
        score, rate = gather(scores.score) / weight, gather(scores.positive) / weight
        people, gap = weight**2 / squares, score - rate
        spread = gather(scores.residual) - 2 * gap * gather(missed(scores)) + gap**2 * squares
        expected = gather(scores.variance) / weight**2
        unbiased = people / np.maximum(people - 1, 1e-9)
        # One person alone shows no spread: what the score expects takes its place.
        seen = np.where(people > 1 + 1e-9, np.maximum(spread, 0.0) / weight**2 * unbiased, expected)
    lowest, highest = np.full((2, n_groups * bins), np.nan)
    held = scores.weight > 0
    mean = scores.score[held] / scores.weight[held]
    np.fmin.at(lowest, flat[held], mean)
    np.fmax.at(highest, flat[held], mean)
    return Reliability(
        weight, score, rate, np.nan_to_num(people), expected, seen,
        lowest.reshape(weight.shape), highest.reshape(weight.shape),
    )  # fmt: skip


def coarse_bins(
    scores: ScoreHistogram, *, bins: int = BINS, equal_width: bool = False
) -> NDArray[np.int64]:
    """Bin that each fine bin belongs to, shape (g, fine), in [0, bins)."""
    if not equal_width:
        return _equal_mass(scores, bins)
    with np.errstate(divide="ignore", invalid="ignore"):
        place = np.nan_to_num(scores.score / scores.weight) * bins + 1e-9
    found: NDArray[np.int64] = np.clip(place, 0, bins - 1).astype(np.int64)
    return found


def _equal_mass(scores: ScoreHistogram, bins: int) -> NDArray[np.int64]:
    """Bin of each fine bin, (g, fine): equally many people in each, and enough."""
    total, squares = (v.sum(-1, keepdims=True) for v in (scores.weight, scores.squares))
    with np.errstate(divide="ignore", invalid="ignore"):
        people = np.nan_to_num(total**2 / squares)
        share = np.nan_to_num(scores.weight / total)
    n_bins = np.clip(people // MIN_PEOPLE, 1, bins).astype(np.int64)
    place = (np.cumsum(share, -1) - share / 2) * n_bins
    coarse = np.clip(place + 1e-9, 0, n_bins - 1).astype(np.int64)
    return np.take_along_axis(_merged(coarse, scores, bins), coarse, axis=-1)


def _merged(coarse: NDArray[np.int64], scores: ScoreHistogram, bins: int) -> NDArray[np.int64]:
    """New number of each bin, (g, bins), so that none is left with too few people."""
    n_groups = len(coarse)
    flat = (np.arange(n_groups)[:, None] * bins + coarse).ravel()
    weight, squares = (
        np.bincount(flat, values.ravel(), minlength=n_groups * bins).reshape(n_groups, bins)
        for values in (scores.weight, scores.squares)
    )
    target = np.zeros((n_groups, bins), np.int64)
    closed = np.zeros(n_groups, np.int64)
    held_weight, held_squares = np.zeros((2, n_groups))
    for b in range(bins):
        target[:, b] = closed
        held_weight, held_squares = held_weight + weight[:, b], held_squares + squares[:, b]
        enough = held_weight**2 >= MIN_PEOPLE * held_squares * (1 - 1e-9)
        enough &= held_weight > 0
        closed = closed + enough
        held_weight, held_squares = (np.where(enough, 0.0, v) for v in (held_weight, held_squares))
    # What is left over at the end joins the last bin that is full.
    return np.minimum(target, np.maximum(closed - 1, 0)[:, None])


def shown_bins(table: Reliability, *, min_people: float = MIN_PEOPLE) -> NDArray[np.bool_]:
    """Bins that may be shown, shape (g, bins); an empty one is not.

    A bin of fewer than ``min_people`` people is not shown. Bins add up to their group, whose
    figures are known, so the smallest of the others is hidden too until all hidden ones together
    hold that many people.
    """
    people = table.people + 1e-9
    shown = people >= min_people
    for own, held in zip(shown, people, strict=True):
        while 0 < held[~own & (held > 0.5e-8)].sum() < min_people and own.any():
            own[np.argmin(np.where(own, held, np.inf))] = False
    return shown


def bin_edges(table: Reliability, group: int, *, equal_width: bool = False) -> tuple[Array, Array]:
    """Where the bins of one group begin and end, each of shape (bins,); NaN where empty.

    Bins of equal mass meet halfway between the scores on both sides. The outermost edges are
    whole hundredths, as they would be some person's own score.
    """
    held = table.people[group] > 0
    n_bins = table.people.shape[1]
    if equal_width:
        low = np.arange(n_bins) / n_bins
        high = (np.arange(n_bins) + 1) / n_bins
        return np.where(held, low, np.nan), np.where(held, high, np.nan)
    starts, ends = np.full((2, n_bins), np.nan)
    if held.any():
        lowest, highest = table.lowest[group, held], table.highest[group, held]
        between = (highest[:-1] + lowest[1:]) / 2
        first = np.floor(lowest[0] * _ROUNDED + 1e-9) / _ROUNDED
        last = max(np.ceil(highest[-1] * _ROUNDED - 1e-9) / _ROUNDED, first + 1 / _ROUNDED)
        starts[held] = [min(first, 1 - 1 / _ROUNDED), *between]
        ends[held] = [*between, min(last, 1.0)]
    return starts, ends
