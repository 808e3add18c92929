"""Candidates that differ in nothing but the seed: what chance in training alone does."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from faircore.frontier.candidate import Candidate
from faircore.frontier.frontier import Frontier


@dataclass(frozen=True, eq=False)
class Families:
    """Candidates of one request, trained from several seeds.

    Attributes
    ----------
    members : tuple of ndarray of int
        Positions of each family's candidates that have values, by seed.
    mean, spread : ndarray, shape (f, m)
        Mean of each objective over the seeds, and its standard deviation (of a sample); the
        spread of one seed is NaN.
    """

    members: tuple[NDArray[np.intp], ...]
    mean: NDArray[np.float64]
    spread: NDArray[np.float64]


def families(frontier: Frontier) -> Families:
    """Gather the candidates that have values and differ in the seed alone."""
    shown = np.isfinite(frontier.values).all(axis=1)
    found: dict[tuple[object, ...], list[int]] = {}
    seen: Counter[tuple[object, ...]] = Counter()
    for k in np.flatnonzero(shown).tolist():
        candidate = frontier.candidates[k]
        request = _request(candidate)
        # The same seed once more was another request, whatever is known of it.
        seen[*request, candidate.seed] += 1
        found.setdefault((*request, seen[*request, candidate.seed]), []).append(k)
    members = tuple(
        np.array(sorted(own, key=lambda k: frontier.candidates[k].seed), np.intp)
        for own in found.values()
    )
    n_objectives = frontier.values.shape[1]
    mean, spread = np.full((2, len(members), n_objectives), np.nan)
    for f, own in enumerate(members):
        mean[f] = frontier.values[own].mean(axis=0)
        if len(own) > 1:
            spread[f] = frontier.values[own].std(axis=0, ddof=1)
    return Families(members, mean, spread)


def _request(c: Candidate) -> tuple[object, ...]:
    """What was asked for, the seed aside."""
    known = (c.method, c.penalty, c.strength, c.partitions, c.shape, c.source, c.target)
    return (c.family,) if c.family else known
