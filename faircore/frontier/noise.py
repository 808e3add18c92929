"""What a frontier would count if the people were drawn again, the same draw for every candidate.

Candidates are judged on the same rows, so most of the luck of the draw is common to all. What may
be said of several at once follows from redrawing the rows, not from each candidate's own error.

A redraw gives every row a weight from the standard exponential distribution (the Bayesian
bootstrap). Mean and variance of the weights are those of drawing with replacement, but no group
ever runs empty, so that no redrawn rate is undefined; and the weights of a row depend on the seed
and its position alone, so that partitions, thresholds and subsets of candidates share them.

References
----------
Rubin 1981 (the Bayesian bootstrap); Kish 1965 (effective number of weighted people).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from faircore.errors import InputError
from faircore.frontier.noise_cells import Decisions, Redraw, strata_of
from faircore.frontier.noise_rates import share_of, unsettle
from faircore.frontier.rows import SplitRows
from faircore.frontier.threads import in_threads
from faircore.groups import Partition
from faircore.metrics import find_rate
from faircore.metrics.design_effects import design_effect

REPLICATES = 200

MAX_PRODUCT = 1.5e8
"""Rows times candidates beyond which errors are taken from a sample of the rows."""


@dataclass(frozen=True, eq=False)
class Replicates:
    """Counts of each candidate over the groups of one partition, and redraws of them.

    The group axis comes first inside, so that each step is a pass over whole arrays.

    Attributes
    ----------
    totals : ndarray of float32, shape (g, 2, b + 1)
        Weight of the people of each group and outcome. The last entry is what was observed.
    chosen : ndarray of float32, shape (g, 2, b + 1, k)
        Weight of those selected.
    squares : ndarray of float64, shape (g, 2, k, 2)
        Sum of the squared weights of those refused and those selected.
    fingerprints : ndarray of uint32, shape (k,), or None
        Equal where candidates select the same people. None where what the redraws leave open of a
        rate of 0 or 1 is to be the same for all candidates.
    """

    totals: NDArray[np.float32]
    chosen: NDArray[np.float32]
    squares: NDArray[np.float64]
    fingerprints: NDArray[np.uint32] | None = None

    @property
    def n_candidates(self) -> int:
        """Number of candidates, k."""
        return int(self.chosen.shape[-1])

    @cached_property
    def counts(self) -> NDArray[np.float32]:
        """Redrawn confusion counts, shape (b, k, g, 2, 2)."""
        return self._confusion(slice(0, -1))

    @cached_property
    def observed(self) -> NDArray[np.float64]:
        """Confusion counts as they were observed, shape (k, g, 2, 2)."""
        found: NDArray[np.float64] = self._confusion(slice(-1, None))[0].astype(np.float64)
        return found

    def only(self, keep: NDArray[np.bool_] | NDArray[np.intp]) -> Replicates:
        """Some of the candidates, by a mask or positions; the redraws stay as they are."""
        at = np.flatnonzero(keep) if keep.dtype == bool else keep
        prints = None if self.fingerprints is None else self.fingerprints[at]
        return Replicates(
            self.totals, self.chosen.take(at, axis=-1), self.squares[:, :, at], prints
        )

    def alike(self) -> Replicates:
        """The same, for what is said of many candidates at once.

        That nobody of eighteen was selected leaves the same open for all candidates of which it is
        true; told of each by its own luck, it would look like so many times eighteen people.
        """
        return replace(self, fingerprints=None)

    @property
    def _prints(self) -> NDArray[np.uint32]:
        if self.fingerprints is None:
            return np.zeros(self.n_candidates, np.uint32)
        return self.fingerprints

    def rate(self, name: str) -> NDArray[np.float32]:
        """A rate of :data:`faircore.metrics.RATES` by group, shape (g, b + 1, k).

        NaN where nobody is in the denominator. The last redraw is what was observed. Where that is
        0 or 1 all redraws of the rows say the same, though a few people are no proof of never: they
        are joined by one more person who is not like them, whose weight is drawn. It is another
        one for each candidate that decides otherwise: two models that were right on the same three
        people need not be right on the same others.
        """
        share = share_of(name, self.totals, self.chosen)
        return unsettle(share, self.worth(name), self._prints, name)

    def overall(self, name: str) -> NDArray[np.float32]:
        """A rate over everybody, shape (b + 1, k)."""
        totals, chosen = self.totals.sum(axis=0), self.chosen.sum(axis=0)
        share = share_of(name, totals[None], chosen[None])
        people = self.worth_overall(name)[None]
        found: NDArray[np.float32] = unsettle(share, people, self._prints, name)[0]
        return found

    def worth(self, name: str) -> NDArray[np.float64]:
        """Independent people that those a rate is about are worth, shape (g, k)."""
        observed = np.moveaxis(self.observed, 1, 0)
        return self._worth(name, observed, np.moveaxis(self.squares, 1, 2))

    def worth_overall(self, name: str) -> NDArray[np.float64]:
        """The same over everybody, shape (k,)."""
        squares = np.moveaxis(self.squares.sum(axis=0), 0, 1)
        return self._worth(name, self.observed.sum(axis=1), squares)

    def _worth(
        self, name: str, counts: NDArray[np.float64], squares: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        flat = squares.reshape(*squares.shape[:-2], 4)
        people: NDArray[np.float64] = find_rate(name).people(counts)
        return people / design_effect(name, counts, flat)

    def _confusion(self, draws: slice) -> NDArray[np.float32]:
        chosen = self.chosen[:, :, draws]
        refused = np.maximum(self.totals[:, :, draws, None] - chosen, np.float32(0))
        both: NDArray[np.float32] = np.moveaxis(np.stack([refused, chosen], -1), (0, 1), (2, 3))
        return both.copy()


def draw_counts(
    rows: SplitRows,
    passed: NDArray[np.uint8],
    threshold_index: int,
    partition: Partition,
    *,
    replicates: int = REPLICATES,
    seed: int = 0,
    max_product: float = MAX_PRODUCT,
) -> Replicates:
    """Count every candidate's decisions at one threshold, as seen and in redraws of the rows.

    Parameters
    ----------
    rows : SplitRows
    passed : ndarray of uint8, shape (k, n)
        As :attr:`Candidate.passed` holds it.
    threshold_index : int
        Position in :data:`faircore.metrics.THRESHOLDS`; a row is selected when it passed more.
    partition : Partition
        One of ``rows.groups``.
    replicates : int
        Redraws, 2 or more.
    seed : int
    max_product : float
        When candidates times rows exceed it, redraws deviate by what a sample of the rows (of
        each group and outcome alike) says, scaled to the number of rows there are. What was
        observed is always counted in full.

    Raises
    ------
    InputError
        When ``passed`` does not fit the rows, or fewer than two redraws are asked for.
    """
    check_passed(rows, passed, replicates)
    passed = np.ascontiguousarray(passed)
    first, twin, prints = _twins(passed, threshold_index)
    few = len(first) < len(passed)
    codes = rows.groups.codes[rows.groups.partitions.index(partition)] - partition.start
    own = np.ones(len(rows)) if rows.weights is None else rows.weights
    share = max_product / len(first) / len(rows)
    redraw = Redraw(
        Decisions(passed[first] if few else passed, threshold_index), own.astype(np.float32),
        row_weights(len(rows), replicates, seed), strata_of(rows) if share < 1 else None, share,
    )  # fmt: skip
    shape = (len(partition.labels), 2)
    totals = np.zeros((*shape, replicates + 1), np.float32)
    chosen = np.zeros((*shape, replicates + 1, len(first)), np.float32)
    squares = np.zeros((*shape, len(first), 2))
    cells = {
        at: np.flatnonzero((codes == at[0]) & (rows.y_true == at[1])) for at in np.ndindex(shape)
    }

    def fill(at: tuple[int, ...]) -> None:
        totals[at], chosen[at], squares[at] = redraw(cells[at])

    # The largest first, so that no thread is left with much when the others are done.
    in_threads(fill, sorted(cells, key=lambda at: -len(cells[at])))
    found = Replicates(totals, chosen, squares, prints)
    return found.only(twin) if few else found


def check_passed(rows: SplitRows, passed: NDArray[np.uint8], replicates: int) -> None:
    """Refuse decisions of other rows, and too few redraws."""
    if passed.ndim != 2 or passed.shape[1] != len(rows):
        raise InputError(
            f"passed must have one row per candidate and one column for each of the {len(rows):,} "
            f"rows; its shape is {passed.shape}. Pass candidates of this split."
        )
    if replicates < 2:
        raise InputError(
            f"Noise needs two redraws or more; {replicates} were asked for. The default is "
            f"{REPLICATES}."
        )


@lru_cache(maxsize=2)
def row_weights(n: int, replicates: int, seed: int) -> NDArray[np.float32]:
    """Weight of each row in each redraw, of mean and variance 1, shape (b, n); read-only."""
    rng = np.random.default_rng(seed)
    weights = rng.standard_exponential((replicates, n), dtype=np.float32)
    weights.flags.writeable = False
    return weights


def _twins(
    passed: NDArray[np.uint8], threshold_index: int
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.uint32]]:
    """First candidate of each set of like decisions, the set of each, the sets' fingerprints.

    Rounding depends on a column's place in a matrix product. Candidates that decide alike must
    stay equal to the last bit, or one would beat the other.
    """
    seen: dict[bytes, int] = {}
    first: list[int] = []
    twin = np.empty(len(passed), np.intp)
    for k, row in enumerate(passed):
        key = np.packbits(row > threshold_index).tobytes()
        twin[k] = seen.setdefault(key, len(first))
        if twin[k] == len(first):
            first.append(k)
    prints = np.array([crc32(key) for key in seen], np.uint32)
    return np.array(first, np.intp), twin, prints
