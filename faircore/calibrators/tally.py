"""Rows to calibrate on: by row in a fixed order, and added up by score."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from faircore.errors import InputError
from faircore.metrics.inputs import as_binary, as_scores, as_weights, same_length

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Tally:
    """Outcomes added up by score: all that a fit by maximum likelihood needs to know.

    Attributes
    ----------
    scores : ndarray, shape (m,)
        Distinct, rising.
    positives, totals : ndarray, shape (m,)
        Weight of the rows of the good outcome, and of all.
    rows : ndarray, shape (m,), optional
        Rows, where the weights are not their numbers.
    """

    scores: Floats
    positives: Floats
    totals: Floats
    rows: Floats | None = None

    @classmethod
    def of(cls, scores: Any, y_true: Any, weights: Any = None) -> Tally:
        """Add up rows in any order; see :meth:`Sample.read` for what is refused."""
        return replace(Sample.read(scores, y_true, weights).tally, rows=None)

    @property
    def people(self) -> Floats:
        """Rows of each score: what a small number of people is told by."""
        return self.totals if self.rows is None else self.rows

    @property
    def smoothed(self) -> Tally:
        """Outcomes drawn in a little, so that no fit to them is infinite.

        With N₊ and N₋ rows of each outcome, 1 is read as (N₊ + 1) / (N₊ + 2) and 0 as
        1 / (N₋ + 2), as in Platt 1999.
        """
        n_positive = float(self.positives.sum())
        n_negative = float(self.totals.sum()) - n_positive
        high, low = (n_positive + 1) / (n_positive + 2), 1 / (n_negative + 2)
        return replace(self, positives=low * self.totals + (high - low) * self.positives)


@dataclass(frozen=True, eq=False)
class Sample:
    """Rows in the order of score and outcome, so that the order they came in is forgotten.

    Attributes
    ----------
    scores, y, weights : ndarray of float64, shape (n,)
    """

    scores: Floats
    y: Floats
    weights: Floats

    @classmethod
    def read(cls, scores: Any, y_true: Any, weights: Any = None) -> Sample:
        """Check and sort rows.

        Raises
        ------
        InputError
            When lengths differ, there is no row, a score is no probability, an outcome is neither
            0 nor 1, or a weight is negative.
        """
        sample, _ = cls.read_ordered(scores, y_true, weights)
        return sample

    @classmethod
    def read_ordered(
        cls, scores: Any, y_true: Any, weights: Any = None
    ) -> tuple[Sample, NDArray[np.intp]]:
        """Check and sort rows, and say where each came from; rows of no weight are left out."""
        if not np.size(scores) or not np.size(y_true):
            raise InputError(
                f"A calibrator learns from at least one row; there are {np.size(scores):,} scores "
                f"and {np.size(y_true):,} outcomes. Pass held-out rows with their outcomes."
            )
        score, y = as_scores(scores, name="scores"), as_binary(y_true, name="y_true")
        same_length("scores", score, len(y))
        given = as_weights(weights, n_rows=len(y))
        if given is None:
            order = np.lexsort((y, score))
            return cls(score[order], y[order].astype(np.float64), np.ones(len(y))), order
        order = np.lexsort((given, y, score))
        order = order[given[order] > 0]
        return cls(score[order], y[order].astype(np.float64), given[order]), order

    def take(self, rows: NDArray[Any]) -> Sample:
        """Keep some rows, given as rising positions or as a mask."""
        return Sample(self.scores[rows], self.y[rows], self.weights[rows])

    @cached_property
    def n_effective(self) -> float:
        """Rows that the weights are worth, (Σw)² / Σw²; 0 without rows."""
        total = float(self.weights.sum())
        return total**2 / float((self.weights**2).sum()) if total else 0.0

    @property
    def scaled(self) -> Sample:
        """The same rows, their weights adding up to what they are worth."""
        if not len(self.y) or (self.weights == 1).all():
            return self
        return Sample(self.scores, self.y, self.weights * (self.n_effective / self.weights.sum()))

    @property
    def n_positive(self) -> int:
        """Rows of the good outcome."""
        return int(self.y.sum())

    @property
    def one_outcome(self) -> bool:
        """Whether all rows have the same outcome."""
        return self.n_positive in (0, len(self.y))

    @cached_property
    def tally(self) -> Tally:
        """Weights added up by score."""
        starts = np.flatnonzero(np.r_[True, np.diff(self.scores) > 0][: len(self.scores)])
        if len(starts) == len(self.scores):
            return Tally(self.scores, self.weights * self.y, self.weights, np.ones(len(starts)))
        return Tally(
            self.scores[starts],
            np.add.reduceat(self.weights * self.y, starts),
            np.add.reduceat(self.weights, starts),
            np.diff(np.r_[starts, len(self.scores)]).astype(np.float64),
        )
