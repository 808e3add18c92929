"""Whether scores keep their promise in every group: one call, tables and sentences."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from faircore.groups import Groups, Partition, find_partition
from faircore.metrics.calibration import REPLICATES
from faircore.metrics.calibration_figures import (
    DISPARITY_LIMIT,
    ECE_LIMIT,
    Settings,
    checked_settings,
    disparity,
    group_frame,
    measure,
)
from faircore.metrics.calibration_words import apart, error, promise
from faircore.metrics.histograms import (
    ScoreHistogram,
    exact_histogram,
    exact_histograms,
    score_histogram,
)
from faircore.metrics.inputs import as_binary, as_scores, as_weights, same_length
from faircore.metrics.intervals import CONFIDENCE, wilson, z_of
from faircore.metrics.reliability import (
    BINS,
    Reliability,
    bin_edges,
    shown_bins,
)
from faircore.metrics.small import MIN_PEOPLE, hidden_groups


@dataclass(frozen=True, eq=False)
class CalibrationReport:
    """Calibration of every group, how sure it is, and how far groups lie apart.

    Attributes
    ----------
    partitions : tuple of Partition
    groups : DataFrame
        Indexed by ``partition`` and ``group``. ``people`` (rows); ``score`` (mean) and
        ``outcome`` (share with the good outcome); ``gap`` (score minus outcome) with ``gap_low``
        and ``gap_high``; ``ece``, ``by_chance`` (its mean under perfect calibration) and
        ``p_value``; ``error`` (square root of the debiased squared error, with its sign: below 0
        the scores fit better than chance allows) with ``error_low`` and ``error_high`` (of the
        true one, 0 or more); ``ecce``, ``ecce_p`` and ``ecce_holm`` (adjusted over the groups of
        the partition); ``limit_p`` (chance of such an ECE in a group whose true one is just at the
        limit, adjusted the same); ``verdict``; ``hidden``. NaN where undefined, too few or hidden.
    everybody : Series
        The same figures of all rows, without adjusted p-values and ``hidden``.
    disparities : DataFrame
        Indexed by ``partition``. ``ece`` of the ``worst`` group; ``best``, the one with the
        least; ``difference`` of the two; ``by_chance`` (end of the no-difference band: what it
        would be if every group's scores missed as everybody's do); ``p_value``; ``n_groups``
        compared; ``verdict``. NaN with fewer than two groups.
    table : Reliability
        Bins of all groups, shown or not: :meth:`reliability` leaves out what is not.
    settings : Settings

    Notes
    -----
    A verdict is ``pass`` at most at the limit; ``fail`` where a group whose true error keeps the
    limit would look as bad in fewer than 5 of 100 cases, all groups of the partition considered
    together (for the difference: groups of equal error); ``unclear`` above it otherwise; ``too
    few`` where undefined.
    """

    partitions: tuple[Partition, ...]
    groups: pd.DataFrame
    everybody: pd.Series[Any]
    disparities: pd.DataFrame
    table: Reliability
    settings: Settings

    def partition(self, name: str) -> pd.DataFrame:
        """Figures of one partition's groups, worst first by ``ecce``; without figures last."""
        split = find_partition(self.partitions, name)
        own = self.groups.iloc[split.groups].droplevel("partition")
        # Scores that are certain leave no room to wander, and are as wrong as can be when wrong.
        worst = own["ecce"].where(own["ecce"].notna(), np.where(own["ece"] > 0, np.inf, -np.inf))
        return own.loc[worst.sort_values(ascending=False, kind="stable").index]

    def reliability(self, partition: str) -> pd.DataFrame:
        """The bins of one partition's groups that may be shown, indexed by ``group`` and ``bin``.

        Columns: ``low`` and ``high`` (edges), ``people`` (effective number where rows are
        weighted), ``score`` (mean), ``outcome`` (share with the good outcome), ``outcome_low``,
        ``outcome_high`` (Wilson's interval). A bin with fewer than ``min_people`` people is left
        out, and another where the two could be told apart by subtraction.
        """
        split, settings = find_partition(self.partitions, partition), self.settings
        shown, z = self._shown, z_of(settings.confidence)
        parts = []
        for at, name in enumerate(split.group_names, split.start):
            if self.groups["hidden"].iloc[at]:
                continue
            kept = np.flatnonzero(shown[at])
            low, high = bin_edges(self.table, at, equal_width=settings.equal_width)
            people, rate = self.table.people[at, kept], self.table.rate[at, kept]
            limits = wilson(rate * people, people, z=z)
            columns = (low[kept], high[kept], people, self.table.score[at, kept], rate, *limits)
            index = pd.MultiIndex.from_product([[name], kept], names=["group", "bin"])
            parts.append(pd.DataFrame(dict(zip(_BIN_COLUMNS, columns, strict=True)), index))
        if not parts:
            empty = pd.MultiIndex.from_arrays([[], []], names=["group", "bin"])
            return pd.DataFrame(columns=list(_BIN_COLUMNS), index=empty, dtype=float)
        return pd.concat(parts)

    @cached_property
    def _shown(self) -> NDArray[np.bool_]:
        """Bins that may be shown, (g, bins)."""
        least = self.settings.min_people
        shown = shown_bins(self.table, min_people=least)
        if self.settings.equal_width:
            # Bins of equal width are those of every group: groups within groups could be told
            # apart bin by bin, as they could by their sizes.
            people = np.nan_to_num(self.table.people).round().astype(np.int64)
            for b in range(people.shape[1]):
                shown[:, b] &= ~hidden_groups(
                    self.partitions, people[:, b], minimum=int(np.ceil(least))
                )
        return shown

    def in_words(self, partition: str) -> list[str]:
        """One sentence or two per group, worst first, and one on the gap between groups."""
        told = [
            f"{name}: {promise(row)} {error(row, self.settings)}"
            if np.isfinite(row["ece"])
            else f"{name}: too few people to judge."
            for name, row in self.partition(partition).iterrows()
        ]
        gap: Any = self.disparities.loc[partition]
        return [*told, apart(gap, self.settings)]


_BIN_COLUMNS = ("low", "high", "people", "score", "outcome", "outcome_low", "outcome_high")


def calibration_report(
    y_true: Any,
    y_score: Any,
    *,
    sensitive_features: Any,
    partitions: Sequence[str | Sequence[str]] | None = None,
    sample_weight: Any = None,
    bins: int = BINS,
    equal_width: bool = False,
    confidence: float = CONFIDENCE,
    min_people: float = MIN_PEOPLE,
    ece_limit: float = ECE_LIMIT,
    disparity_limit: float = DISPARITY_LIMIT,
    replicates: int = REPLICATES,
    seed: int = 0,
    exact: bool = False,
) -> CalibrationReport:
    """Measure the calibration of scores in every group.

    Parameters
    ----------
    y_true : array of 0 and 1, shape (n,)
        1 is the good outcome.
    y_score : array, shape (n,)
        Probabilities.
    sensitive_features : array, Series, DataFrame or Groups, n rows
        One attribute, or one column per attribute. A missing value is a group.
    partitions : sequence, optional
        As in :meth:`faircore.groups.Groups.of`: an attribute, or several to cross, per entry.
    sample_weight : array, shape (n,), optional
    bins : int
        2 to 50.
    equal_width : bool
        Whether bins are equally wide rather than of equal mass.
    confidence : float
    min_people : float
        A group or a bin with fewer people is not shown.
    ece_limit, disparity_limit : float
        What a group's error, and the difference of two, may be.
    replicates : int
        Draws under calibration.
    seed : int
    exact : bool
        Whether every distinct score counts apart, however many there are, rather than as one of
        8,192 fine bins. With 100,000 distinct scores those move the ECE by less than 2e-4 and ECCE
        by less than 0.08; where all scores crowd into a hundredth, by some 1e-3 and 0.5.

    Raises
    ------
    InputError
        When lengths differ, values are not 0 and 1, scores are not probabilities, or there are
        too few or too many bins.

    Examples
    --------
    >>> y, s = [0, 0, 0, 1] * 10 + [1, 1, 1, 0] * 10, [0.25] * 80
    >>> report = calibration_report(y, s, sensitive_features={"sex": ["f"] * 40 + ["m"] * 40})
    >>> report.partition("sex")["gap"].to_dict()
    {'m': -0.5, 'f': 0.0}
    >>> report.disparities.loc["sex", "verdict"]
    'fail'
    """
    settings = checked_settings(
        bins, equal_width, confidence, min_people, ece_limit, disparity_limit, replicates, seed
    )
    truth, score = as_binary(y_true, name="y_true"), as_scores(y_score)
    same_length("y_score", score, len(truth))
    weights = as_weights(sample_weight, n_rows=len(truth))
    groups = Groups.of(sensitive_features, partitions=partitions)
    same_length("sensitive_features", groups.codes[0], len(truth))
    if weights is not None:  # who does not count is nobody: neither a size nor a cover for others
        counted = np.flatnonzero(weights > 0)
        truth, score, groups = truth[counted], score[counted], groups.take(counted)
        weights = weights[counted] / weights[counted].mean()
    if exact:
        return _report(
            exact_histograms(truth, score, groups, weights),
            exact_histogram(truth, score, weights),
            groups.partitions, groups.sizes, len(truth), settings,
        )  # fmt: skip
    scores = score_histogram(truth, score, groups, weights)
    return _report(
        [scores], _together(scores, groups.partitions), groups.partitions, groups.sizes,
        len(truth), settings,
    )  # fmt: skip


def calibration_of(
    scores: ScoreHistogram,
    partitions: tuple[Partition, ...],
    sizes: NDArray[np.int64],
    **options: Any,
) -> CalibrationReport:
    """:func:`calibration_report` from scores that are counted already.

    Parameters
    ----------
    scores : ScoreHistogram, g groups
    partitions : tuple of Partition
    sizes : ndarray of int, shape (g,)
        Rows per group.
    **options
        Those of :func:`calibration_report`, but ``exact``.
    """
    settings = checked_settings(**options)
    n_rows = int(sizes[partitions[0].groups].sum())
    return _report([scores], _together(scores, partitions), partitions, sizes, n_rows, settings)


def _together(scores: ScoreHistogram, partitions: tuple[Partition, ...]) -> ScoreHistogram:
    groups = partitions[0].groups
    return scores.each(lambda sums: sums[groups].sum(axis=0, keepdims=True))


def _report(
    histograms: Iterable[ScoreHistogram],
    whole: ScoreHistogram,
    partitions: tuple[Partition, ...],
    sizes: NDArray[np.int64],
    n_rows: int,
    settings: Settings,
) -> CalibrationReport:
    measured, pooled = measure(histograms, settings), measure([whole], settings)
    hidden = hidden_groups(partitions, sizes, minimum=int(np.ceil(settings.min_people)))
    silent = hidden | (sizes < max(settings.min_people, 1))
    frames, rows = [], []
    for split in partitions:
        at = split.groups
        own = measured.take(at)
        frame = group_frame(own, sizes[at], silent[at], settings).assign(hidden=hidden[at])
        frame.index = pd.MultiIndex.from_tuples(
            [(split.name, name) for name in split.group_names], names=["partition", "group"]
        )
        ece = frame["ece"].droplevel(0)
        frames.append(frame)
        rows.append({"partition": split.name, **disparity(own.table, pooled.table, ece, settings)})
    few = np.array([n_rows < settings.min_people])
    everybody = group_frame(pooled, np.array([n_rows]), few, settings).iloc[0]
    return CalibrationReport(
        partitions,
        pd.concat(frames),
        everybody.drop(["ecce_holm", "limit_p"]).rename("everybody"),
        pd.DataFrame(rows).set_index("partition"),
        measured.table,
        settings,
    )
