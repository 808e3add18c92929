"""Every figure of every group, with its interval."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from faircore.metrics import RATES
from faircore.metrics.calibration import CalibrationError, calibration_error
from faircore.metrics.intervals import Array, wilson, z_of
from faircore.metrics.resampling import trials
from faircore.metrics.scores import Estimated, auc, calibration_gap, mean_loss
from faircore.metrics.tally import Tally


@dataclass(frozen=True, eq=False)
class Estimates:
    """Figures of the groups of a tally; each array has shape (g,).

    Attributes
    ----------
    of : dict of str to Estimated
        By the names of :data:`faircore.audit.METRICS`; those of scores are absent without scores.
        NaN where undefined, or over fewer people than ``min_people``.
    people : dict of str to ndarray
        Rows each figure is about: those in its denominator; for AUC those of the rarer outcome.
    weight : dict of str to ndarray
        Weight of those people.
    trials : dict of str to (k, n)
        Successes and effective trials of each rate; 0 where too few.
    calibration : CalibrationError, optional
    """

    of: dict[str, Estimated]
    people: dict[str, Array]
    weight: dict[str, Array]
    trials: dict[str, tuple[Array, Array]]
    calibration: CalibrationError | None = None

    def one(self, position: int) -> Estimates:
        """Those of one group, in arrays that broadcast against all."""
        return self.take(slice(position, position + 1))

    def take(self, at: slice) -> Estimates:
        """Those of some groups."""
        return Estimates(
            {k: Estimated(*(getattr(e, part)[at] for part in _PARTS)) for k, e in self.of.items()},
            {k: v[at] for k, v in self.people.items()},
            {k: v[at] for k, v in self.weight.items()},
            {k: (a[at], b[at]) for k, (a, b) in self.trials.items()},
        )


_PARTS = ("value", "low", "high", "error")


def estimate(
    tally: Tally,
    *,
    confidence: float = 0.95,
    min_people: float = 0,
    hidden: NDArray[np.bool_] | None = None,
    calibration: bool = True,
) -> Estimates:
    """Measure every group: rates with Wilson's interval, scores with DeLong's and others.

    Parameters
    ----------
    tally : Tally
    confidence : float
    min_people : float
        A figure over fewer rows is not computed.
    hidden : ndarray of bool, shape (g,), optional
        Groups of which nothing is computed.
    calibration : bool
        Whether to compute the calibration error, which takes longest.
    """
    z = z_of(confidence)
    shown = np.ones(len(tally.rows), bool) if hidden is None else ~hidden
    of: dict[str, Estimated] = {}
    people: dict[str, Array] = {}
    weight: dict[str, Array] = {}
    counted: dict[str, tuple[Array, Array]] = {}
    for name, rate in RATES.items():
        people[name], weight[name] = rate.people(tally.rows), rate.people(tally.counts)
        enough = shown & (people[name] >= max(min_people, 1))
        k, n = (np.where(enough, part, 0.0) for part in trials(rate, tally))
        low, high = wilson(k, n, z=z)
        with np.errstate(divide="ignore", invalid="ignore"):
            # Half a person on either side, so that a share of 0 or 1 is not taken for certain.
            smooth = (k + 0.5) / (n + 1)
            error = np.sqrt(smooth * (1 - smooth) / n)
            value = np.where(n > 0, k / n, np.nan)
        counted[name] = (k, n)
        of[name] = Estimated(value, low, high, np.where(n > 0, error, np.nan))
    if tally.scores is None:
        return Estimates(of, people, weight, counted)
    by_outcome = tally.rows.sum(-1)
    found = {
        "auc": auc(tally.scores, confidence=confidence),
        "brier": mean_loss(tally.scores, "brier", confidence=confidence),
        "log_loss": mean_loss(tally.scores, "log_loss", confidence=confidence),
        "calibration_gap": calibration_gap(tally.scores, confidence=confidence),
    }
    missed = calibration_error(tally.scores, confidence=confidence) if calibration else None
    if missed is not None:
        none = np.full(missed.value.shape, np.nan)
        # ECE has no honest interval: its bias changes with the very error it measures.
        found["ece"] = Estimated(missed.value, none, none, none)
        value, low, high = (
            np.sqrt(np.maximum(part, 0.0))
            for part in (missed.squared, missed.squared_low, missed.squared_high)
        )
        found["calibration_error"] = Estimated(value, low, high, none)
    for name, estimated in found.items():
        people[name] = by_outcome.min(-1) if name == "auc" else by_outcome.sum(-1)
        weight[name] = tally.counts.sum((-2, -1))
        too_few = ~shown | (people[name] < min_people)
        of[name] = Estimated(
            *(np.where(too_few, np.nan, getattr(estimated, part)) for part in _PARTS)
        )
    return Estimates(of, people, weight, counted, missed)
