"""Whether a correction is worth keeping, from rows that it did not see."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from faircore.calibrators.multicalibrated_inputs import FOLDS, Floats
from faircore.calibrators.multicalibrated_rounds import Rows, row_losses
from faircore.groups import Groups
from faircore.metrics.calibration import calibration_error, cumulative_error
from faircore.metrics.histograms import score_histogram
from faircore.predictors.score_map import NEAREST, probability

BY_CHANCE = 4 * float(np.log(2.0))
"""Mean squared ECCE of calibrated scores: that of the range of a Brownian motion (Feller 1951)."""

SPREAD = 1.7695
"""Standard deviation of the same."""

ERRORS = 1.0
"""Standard errors of the log loss that a correction must gain."""

_LEVEL = 0.05
_Z = 1.645  # one-sided, of the same level
_FEWEST = 30  # rows of a group whose ECCE has the distribution it should


@dataclass(frozen=True)
class Verdict:
    """What rows kept out say of a correction.

    Attributes
    ----------
    loss_before, loss_after : float
        Mean log loss.
    change, change_error : float
        After minus before, and its standard error (paired).
    error_before, error_after : float
        Mean over the groups of the debiased squared calibration error. NaN when no group has 30
        rows.
    error_change, error_change_error : float
        Its change, averaged over the folds, and the standard error over them.
    wander_after : float
        Mean over the groups of the squared standardised ECCE; about 2.8 under calibration.
    largest_before, largest_after : float
        Largest standardised ECCE of a group.
    off_before, off_after : int
        Groups whose ECCE chance does not explain (5%, Bonferroni over the groups).
    n_groups : int
        Groups that were looked at.
    n_apart : float
        Groups per partition: those of several partitions share rows and are not told apart.
    """

    loss_before: float
    loss_after: float
    change: float
    change_error: float
    error_before: float
    error_after: float
    error_change: float
    error_change_error: float
    wander_after: float
    largest_before: float
    largest_after: float
    off_before: int
    off_after: int
    n_groups: int
    n_apart: float

    @property
    def gains(self) -> bool:
        """Whether the log loss falls by more than its standard error."""
        return self.change < -ERRORS * self.change_error

    @property
    def harms(self) -> bool:
        """Whether groups are worse calibrated than before.

        That is so when their mean squared error rises by more than its standard error, and the
        scores wander further from the outcomes than chance explains (5%).
        """
        chance = BY_CHANCE + _Z * SPREAD / max(self.n_apart, 1.0) ** 0.5
        rises = self.error_change > ERRORS * self.error_change_error
        return rises and (self.wander_after > chance or self.off_after > self.off_before)

    @property
    def keeps(self) -> bool:
        """Whether the correction is kept."""
        return self.gains and not self.harms


def judge(rows: Rows, before: Floats, after: Floats, weight: Floats, groups: Groups) -> Verdict:
    """Compare log-odds before and after a correction on rows it did not see, all (n,).

    ``weight`` is the sample weight alone: what balances groups has no part in the verdict.
    """
    y = rows.y
    total = float(weight.sum())
    mean = [float((row_losses(y, raw) * weight).sum()) / total for raw in (before, after)]
    change = row_losses(y, after) - row_losses(y, before)
    spread = weight * (change - (mean[1] - mean[0]))
    old, new = (_looked_at(y, raw, weight, groups) for raw in (before, after))
    changes = []
    for k in range(FOLDS):
        part = np.flatnonzero(rows.fold == k)
        own = groups.take(part)
        one = [_looked_at(y[part], raw[part], weight[part], own).error for raw in (before, after)]
        changes.append(one[1] - one[0])
    return Verdict(
        mean[0], mean[1], mean[1] - mean[0], float(np.sqrt((spread**2).sum())) / total,
        old.error, new.error, float(np.mean(changes)),
        float(np.std(changes, ddof=1)) / FOLDS**0.5, new.wander, old.largest, new.largest,
        old.off, new.off, old.n_groups, old.n_groups / len(groups.partitions),
    )  # fmt: skip


class _Groups(NamedTuple):
    """Figures over the groups of some rows."""

    error: float
    wander: float
    largest: float
    off: int
    n_groups: int


def _looked_at(y: NDArray[np.int8], raw: Floats, weight: Floats, groups: Groups) -> _Groups:
    """Look at the groups that are large enough."""
    score = np.clip(probability(raw), NEAREST, 1 - NEAREST)
    histogram = score_histogram(y, score, groups, weight)
    statistic, p_value = cumulative_error(histogram)
    squared = calibration_error(histogram, replicates=1).squared  # no interval is asked for
    looked = (groups.sizes >= _FEWEST) & np.isfinite(statistic) & np.isfinite(squared)
    if not looked.any():
        return _Groups(float("nan"), float("nan"), float("nan"), 0, 0)
    statistic, p_value = statistic[looked], p_value[looked]
    return _Groups(
        float(squared[looked].mean()), float((statistic**2).mean()), float(statistic.max()),
        int((p_value * len(p_value) < _LEVEL).sum()), len(statistic),
    )  # fmt: skip


def explain(verdict: Verdict, *, kept: bool) -> str:
    """Why the last correction tried was kept or not, and what is left, in words."""
    v = verdict
    change = f"by {abs(v.change):.5f} ± {v.change_error:.5f}"
    moved = f"{'falls' if v.change < 0 else 'rises'} {change}"
    if v.change == 0:
        text = "Discarded: no correction lowered the log loss of the rows that stop it."
    elif v.keeps:
        text = f"Kept: on rows it did not see, the log loss {moved}."
    elif not v.gains:
        text = (
            f"Discarded: on rows it did not see, the log loss {moved}, which is no more than "
            "chance."
        )
    else:
        text = (
            f"Discarded: on rows it did not see, the log loss {moved}, but the groups are worse "
            f"calibrated (mean squared error {v.error_before:.5f} before, {v.error_after:.5f} "
            f"after; off by more than chance {v.off_before} before, {v.off_after} after)."
        )
    off = v.off_after if kept else v.off_before
    if off and (kept or not v.gains):
        text += (
            f" In {off} of {v.n_groups} groups the scores still miss by more than chance: what "
            "these columns do not show, only a calibrator that is told the group can repair."
        )
    return text
