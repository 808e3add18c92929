"""The tables of a multicalibration audit: all cells tested, and those that are news."""

from __future__ import annotations

import numpy as np
import pandas as pd

from faircore.audit.lattice import Codes, Lattice
from faircore.audit.lattice_search import Listed
from faircore.audit.lattice_sums import Cells, Places, Pool
from faircore.audit.lattice_tails import Wander
from faircore.metrics.calibration import calibration_error
from faircore.metrics.histograms import ScoreHistogram
from faircore.metrics.intervals import Array
from faircore.metrics.scores import calibration_gap

ENOUGH_FOR_ERROR = 200
"""People from which on a calibration error is estimated."""


def cell_table(
    cells: Cells, lattice: Lattice, tested: Wander, listed: Listed, alpha: float
) -> pd.DataFrame:
    """One row for each cell, with pointwise intervals of level ``1 - alpha``."""
    weight, squares = cells.weight.sum(-1), cells.squares.sum(-1)
    names = [lattice.name(fixed) for fixed in cells.fixed.tolist()]
    low, high = _gap_limits(cells, np.arange(len(names)), 1 - alpha)
    score, outcome = cells.score.sum(-1) / weight, cells.positive.sum(-1) / weight
    return pd.DataFrame({
        "cell": pd.Series(names, dtype="str"),
        "order": cells.order,
        "people": np.round(cells.people).astype(np.int64),
        "effective_people": weight**2 / squares,
        "score": score, "outcome": outcome, "gap": score - outcome,
        "gap_low": low, "gap_high": high,
        "ecce": tested.statistic, "p_value": np.exp(tested.log_p), "q_value": listed.q_value,
        "explained_by": pd.Series(
            [names[i] if i >= 0 else "" for i in listed.explained_by.tolist()], dtype="str"
        ),
    })  # fmt: skip


def finding_table(
    pool: Pool, cells: Cells, frame: pd.DataFrame, listed: Listed, alpha: float, seed: int
) -> pd.DataFrame:
    """One row for each cell listed, the surest first; ``frame`` is the table of all cells."""
    at = np.array(listed.cells, np.int64)
    findings = frame.iloc[at].drop(columns="explained_by").reset_index(drop=True)
    # Benjamini and Yekutieli 2005: the selected ones' intervals, wider by how few they are.
    level = 1 - alpha * max(len(at), 1) / max(len(frame), 1)
    findings["gap_low"], findings["gap_high"] = _gap_limits(cells, at, level)
    findings["own_p_value"] = np.exp(np.array(listed.own_log_p))
    weight = cells.weight[at].sum(-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        reach = np.abs(findings["gap"]) * weight / np.sqrt(cells.variance[at])
        findings["shift_share"] = np.minimum(reach / findings["ecce"], 1.0)
    findings["calibration_error"] = _error(pool, cells.fixed[at], seed)
    explained = np.bincount(listed.explained_by[listed.explained_by >= 0], minlength=len(frame))
    findings["explains"] = explained[at]
    return findings


def _gap_limits(cells: Cells, at: Places, confidence: float) -> tuple[Array, Array]:
    """Interval of the gap of some cells."""

    def total(values: Array) -> Array:
        found: Array = values[at].sum(-1, keepdims=True)
        return found

    weight, score, squares = total(cells.weight), total(cells.score), total(cells.squares)
    miss = cells.miss[at][:, None]
    one_bin = ScoreHistogram(
        weight, total(cells.positive), score, cells.variance[at][:, None],
        cells.residual[at][:, None], squares,
        # Such that the sum of w²(s-y), which the interval takes from the bins, is the exact one.
        squares * score / weight - miss, {},
    )  # fmt: skip
    found = calibration_gap(one_bin, confidence=confidence)
    return found.low, found.high


def _error(pool: Pool, fixed: Codes, seed: int) -> Array:
    """Root of the debiased squared calibration error of a few cells."""
    if not len(fixed):
        return np.zeros(0)
    inside = [pool.members(row) for row in fixed]

    def binned(values: Array) -> Array:
        return np.stack(
            [np.bincount(pool.bins[at], values[at], minlength=pool.n_bins) for at in inside]
        )

    names = ("weight", "positive", "score", "variance", "residual", "squares", "positive_squares")
    histogram = ScoreHistogram(**{n: binned(getattr(pool, n)) for n in names}, losses={})
    squared = calibration_error(histogram, seed=seed).squared
    people = np.array([pool.people[at].sum() for at in inside])
    return np.where(people >= ENOUGH_FOR_ERROR, np.sqrt(np.maximum(squared, 0.0)), np.nan)
