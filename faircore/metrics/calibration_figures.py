"""Every calibration figure of a set of groups, before it is put into tables and words."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from faircore.errors import InputError
from faircore.metrics.calibration import (
    REPLICATES,
    CalibrationError,
    calibration_error,
    null_errors,
)
from faircore.metrics.cumulative import cumulative_error
from faircore.metrics.histograms import ScoreHistogram
from faircore.metrics.intervals import CONFIDENCE, Array
from faircore.metrics.multiple import holm
from faircore.metrics.reliability import BINS, Reliability, check_bins, reliability
from faircore.metrics.resampling import no_difference
from faircore.metrics.scores import Estimated, calibration_gap
from faircore.metrics.small import MIN_PEOPLE

Verdict = Literal["pass", "fail", "unclear", "too few"]
CHANCE = 0.05
"""A p-value below this is more than chance."""

NUMBERS = (
    "people", "score", "outcome", "gap", "gap_low", "gap_high", "ece", "by_chance", "p_value",
    "error", "error_low", "error_high", "ecce", "ecce_p", "ecce_holm", "limit_p",
)  # fmt: skip


ECE_LIMIT, DISPARITY_LIMIT = 0.05, 0.02
"""What users of the field ask for: of every group, and of the gap between any two."""


@dataclass(frozen=True)
class Settings:
    """How calibration is measured and judged: see :func:`faircore.metrics.calibration_report`."""

    bins: int
    equal_width: bool
    confidence: float
    min_people: float
    ece_limit: float
    disparity_limit: float
    replicates: int
    seed: int


def checked_settings(
    bins: int = BINS,
    equal_width: bool = False,
    confidence: float = CONFIDENCE,
    min_people: float = MIN_PEOPLE,
    ece_limit: float = ECE_LIMIT,
    disparity_limit: float = DISPARITY_LIMIT,
    replicates: int = REPLICATES,
    seed: int = 0,
) -> Settings:
    """Settings, or what is wrong with them."""
    settings = Settings(
        bins, equal_width, confidence, min_people, ece_limit, disparity_limit, replicates, seed
    )
    check_bins(bins)
    if not 0 < settings.confidence < 1 or settings.replicates < 1:
        raise InputError(
            "A confidence lies between 0 and 1, and at least one draw is needed; got "
            f"{settings.confidence:g} and {settings.replicates}. Correct them."
        )
    return settings


@dataclass(frozen=True, eq=False)
class Measured:
    """Figures of g groups.

    Attributes
    ----------
    table : Reliability
    error : CalibrationError
    gap : Estimated
    score, ecce, ecce_p : ndarray, shape (g,)
        Mean score; the cumulative error and its p-value.
    """

    table: Reliability
    error: CalibrationError
    gap: Estimated
    score: Array
    ecce: Array
    ecce_p: Array

    @property
    def figures(self) -> dict[str, Array]:
        """The columns of a report that need nothing but the group itself."""
        error = self.error
        return {
            "score": self.score,
            "outcome": self.score - self.gap.value,
            "gap": self.gap.value,
            "gap_low": self.gap.low,
            "gap_high": self.gap.high,
            "ece": error.value,
            "by_chance": error.by_chance,
            "p_value": error.p_value,
            "error": np.sign(error.squared) * np.sqrt(np.abs(error.squared)),
            "error_low": np.sqrt(error.squared_low),
            "error_high": np.sqrt(error.squared_high),
            "ecce": self.ecce,
            "ecce_p": self.ecce_p,
        }

    def take(self, at: slice) -> Measured:
        """Those of some groups."""

        def cut(part: Any) -> Any:
            return type(part)(*(v[at] for v in vars(part).values()))

        arrays = (self.score, self.ecce, self.ecce_p)
        return Measured(
            cut(self.table), cut(self.error), cut(self.gap), *(values[at] for values in arrays)
        )


def measure(histograms: Iterable[ScoreHistogram], settings: Settings) -> Measured:
    """Measure the groups of several histograms, one histogram in memory at a time."""
    parts = [_measure(scores, settings) for scores in histograms]
    if len(parts) == 1:
        return parts[0]
    gaps = [p.gap for p in parts]
    return Measured(
        Reliability.join([p.table for p in parts]),
        CalibrationError.join([p.error for p in parts]),
        Estimated(
            *(
                np.concatenate([getattr(g, name) for g in gaps])
                for name in ("value", "low", "high", "error")
            )
        ),
        *(
            np.concatenate([getattr(p, name) for p in parts])
            for name in ("score", "ecce", "ecce_p")
        ),
    )


def _measure(scores: ScoreHistogram, settings: Settings) -> Measured:
    bins, equal_width = settings.bins, settings.equal_width
    error = calibration_error(
        scores,
        bins=bins,
        equal_width=equal_width,
        confidence=settings.confidence,
        replicates=settings.replicates,
        seed=settings.seed,
    )
    ecce, ecce_p = cumulative_error(scores, replicates=settings.replicates, seed=settings.seed)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = scores.score.sum(-1) / scores.weight.sum(-1)
    return Measured(
        reliability(scores, bins=bins, equal_width=equal_width),
        error,
        calibration_gap(scores, confidence=settings.confidence),
        mean,
        ecce,
        ecce_p,
    )


def above_limit(table: Reliability, value: Array, settings: Settings) -> Array:
    """Chance of an ECE this large in a group whose true one is just at the limit, (g,).

    The group's own misses are taken, shrunk so that they make up the limit.
    """
    miss = np.nan_to_num(table.rate - table.score)
    scale = np.minimum(settings.ece_limit / np.maximum(np.nan_to_num(value), 1e-300), 1.0)
    error = np.sqrt(np.maximum(np.nan_to_num(table.expected), np.nan_to_num(table.seen)))
    noise = np.random.default_rng(settings.seed).standard_normal((settings.replicates, *miss.shape))
    drawn = (table.share * np.abs(scale[:, None] * miss + error * noise)).sum(-1)
    p: Array = (1 + (drawn >= value - 1e-12).sum(0)) / (1 + settings.replicates)
    return np.where(np.isfinite(value), p, np.nan)


def verdicts(value: Array, p_value: Array, limit: float) -> list[Verdict]:
    """Pass at most the limit; fail above it by more than chance; else unclear."""
    found: list[Verdict] = []
    for v, p in zip(value.tolist(), p_value.tolist(), strict=True):
        if not np.isfinite(v):
            found.append("too few")
        elif v <= limit:
            found.append("pass")
        else:
            found.append("fail" if p < CHANCE else "unclear")
    return found


def group_frame(
    measured: Measured, sizes: NDArray[np.int64], silent: NDArray[np.bool_], settings: Settings
) -> pd.DataFrame:
    """Figures of the groups of one partition, nothing said of the silent ones."""
    frame = pd.DataFrame({"people": sizes.astype(np.float64), **measured.figures})
    frame[silent] = np.nan
    frame["ecce_holm"] = holm(frame["ecce_p"].to_numpy())
    ece = frame["ece"].to_numpy()
    frame["limit_p"] = holm(above_limit(measured.table, ece, settings))
    frame = frame[list(NUMBERS)]
    return frame.assign(verdict=verdicts(ece, frame["limit_p"].to_numpy(), settings.ece_limit))


def disparity(
    table: Reliability, pooled: Reliability, ece: pd.Series[float], settings: Settings
) -> dict[str, object]:
    """How far the calibration errors of a partition's groups lie apart.

    Parameters
    ----------
    table, pooled : Reliability
        Of the groups, and of everybody.
    ece : Series, indexed by group
        NaN where there is none to compare.
    """
    known = ece.dropna()
    row: dict[str, object] = {
        "ece": known.max() if len(known) else np.nan,
        "worst": known.idxmax() if len(known) else "",
        "best": known.idxmin() if len(known) else "",
        "difference": np.nan,
        "by_chance": np.nan,
        "p_value": np.nan,
        "n_groups": len(known),
    }
    if len(known) > 1:
        difference = float(known.max() - known.min())
        shape = (settings.replicates, *table.weight.shape)
        noise = np.random.default_rng(settings.seed).standard_normal(shape)
        drawn = null_errors(table, pooled, noise=noise)[:, ece.notna().to_numpy()]
        band, p = no_difference(difference, np.ptp(drawn, axis=1), confidence=settings.confidence)
        row |= {"difference": difference, "by_chance": band, "p_value": p}
    (verdict,) = verdicts(
        np.array([row["difference"]], float),
        np.array([row["p_value"]], float),
        settings.disparity_limit,
    )
    return row | {"verdict": verdict}
