"""The better decision for people near one half whose group is behind, the worse for those ahead."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from faircore.errors import InputError
from faircore.groups import Groups
from faircore.metrics.inputs import check_scores
from faircore.predictors import GroupRule
from faircore.predictors.group_key import Unseen
from faircore.thresholds.base import GroupRules
from faircore.thresholds.cells import Rows, chosen_partitions, crossing
from faircore.thresholds.problem import Yardstick, outcome_of_rows
from faircore.thresholds.windows import ONE_RATE

_HALF = 0.5
_SAME = 1e-12  # rates this near are equal


class RejectOption(GroupRules):
    """Within a width of one half, groups that are behind are selected, those ahead are not.

    Parameters
    ----------
    widths : sequence of float
        Half-widths of the region around one half, in [0, 0.5], all different. The region has both
        its ends.
    constraint : str
        The rate groups are behind on: ``"demographic_parity"`` (share selected),
        ``"equal_opportunity"`` (true positive rate) or ``"predictive_equality"`` (false positive
        rate).
    partition : str or sequence of str, optional
        Attribute, or attributes to cross, whose groups are compared; all of them crossed by
        default.
    unseen : {"refuse", "pooled"}
        What becomes of a row whose group was not there: it is refused, or cut at one half.

    Attributes
    ----------
    rules_ : list of GroupRule
        One per width, in their order; none is drawn by lot.
    points_ : DataFrame
        One row per width, on the rows learned from: ``width``; ``cost`` (share of wrong
        decisions); ``accuracy``; ``gap`` (of the constraint); the gap of each constraint;
        ``selection_rate``; ``randomised`` (never); ``feasible`` (always).

    Notes
    -----
    Kamiran, Karim and Zhang 2012, reject option based classification. A group is behind when its
    rate at the cut of one half is below everybody's, ahead when it is above. One with an undefined
    rate, or with everybody's, is cut at one half. Widths beyond what closes the gap open it the
    other way round.

    Examples
    --------
    >>> scores, group = [0.45, 0.8, 0.3, 0.55, 0.9, 0.6], ["a", "a", "a", "b", "b", "b"]
    >>> option = RejectOption((0.05, 0.1))
    >>> option = option.fit(scores, [1, 1, 0, 0, 1, 1], sensitive_features=group)
    >>> option.points_["gap"].round(3).tolist()
    [0.0, 0.333]
    """

    _strength = "width"

    def __init__(
        self,
        widths: Sequence[float] = (0.05, 0.1, 0.2),
        *,
        constraint: str = "demographic_parity",
        partition: str | Sequence[str] | None = None,
        unseen: Unseen = "refuse",
    ) -> None:
        self.widths = widths
        self.constraint = constraint
        self.partition = partition
        self.unseen = unseen

    def fit(
        self, scores: Any, y_true: Any, *, sensitive_features: Any, sample_weight: Any = None
    ) -> RejectOption:
        """Find who is behind, and set the cuts.

        Parameters
        ----------
        scores : array, shape (n,)
            Probabilities of the good outcome, in [0, 1].
        y_true, sensitive_features, sample_weight
            As in :meth:`faircore.thresholds.ThresholdFrontier.fit`.

        Returns
        -------
        RejectOption
            Itself.

        Raises
        ------
        InputError
            When a parameter is outside its range or the columns cannot be used.
        """
        widths = self._read_widths()
        if self.constraint not in ONE_RATE:
            raise InputError(
                f"A group can be behind on one rate only; constraint is {self.constraint!r}. "
                f"Choose one of: {', '.join(ONE_RATE)}."
            )
        groups = self._read_groups(sensitive_features)
        rows = Rows.read(scores, y_true, groups, sample_weight, None)
        check_scores(rows.scores)
        homes = rows.homes()
        yardstick = Yardstick.of(rows, homes, "linf", (1.0, 1.0))
        ways = self._ways(rows, yardstick, homes)
        key, self.rules_, points = rows.key(self.unseen), [], []
        for width in widths:
            cuts = np.append(_cuts(ways, width), _HALF)[:, None]
            rule = GroupRule(key, cuts, np.ones_like(cuts))
            self.rules_.append(rule)
            chosen = rule.probability(rows.scores, rows.codes)
            point = yardstick.point(outcome_of_rows(rows, homes, chosen))
            points.append({"width": width, "gap": point[self.constraint], **point})
        self.points_ = pd.DataFrame(points).assign(randomised=False, feasible=True)
        return self

    def _read_widths(self) -> list[float]:
        try:
            widths = [float(width) for width in self.widths]
        except (TypeError, ValueError):
            widths = [math.nan]
        if not widths or len(set(widths)) < len(widths) or not all(0 <= w <= _HALF for w in widths):
            raise InputError(
                "widths must be one or more different numbers from 0 to 0.5; some are outside or "
                "repeated, or there is none. Pass a sequence such as (0.05, 0.1)."
            )
        return widths

    def _read_groups(self, sensitive_features: Any) -> Groups:
        """Groups of the one partition."""
        partitions = None if self.partition is None else [self.partition]
        if isinstance(sensitive_features, Groups):
            return crossing(chosen_partitions(sensitive_features, partitions))
        return crossing(Groups.of(sensitive_features, partitions=partitions))

    def _ways(self, rows: Rows, yardstick: Yardstick, homes: NDArray[np.intp]) -> NDArray[np.intp]:
        """1 for a group that is behind, -1 for one that is ahead, 0 for others, (g,)."""
        at_half = outcome_of_rows(rows, homes, (rows.scores >= _HALF).astype(np.float64))
        per_fp, per_tp = {ONE_RATE[0]: (1, 1), ONE_RATE[1]: (0, 1), ONE_RATE[2]: (1, 0)}[
            self.constraint
        ]
        hits = per_fp * at_half.fp + per_tp * at_half.tp
        among = per_fp * yardstick.negatives + per_tp * yardstick.positives
        all_hits = per_fp * at_half.all_fp + per_tp * at_half.all_tp
        all_among = per_fp * yardstick.all_negatives + per_tp * yardstick.all_positives
        overall = all_hits / max(all_among, np.finfo(float).tiny)
        rates = np.divide(hits, among, where=among > 0, out=np.full_like(hits, overall))
        behind, ahead = rates < overall - _SAME, rates > overall + _SAME
        return behind.astype(np.intp) - ahead.astype(np.intp)

    def rule(self, width: float | None = None) -> GroupRule:
        """Rule of a width of the grid; of the smallest by default.

        Raises
        ------
        InputError
            When it is not on the grid.
        """
        return self._rule(width)

    def predict_proba(
        self, scores: Any, sensitive_features: Any, *, width: float | None = None
    ) -> NDArray[np.float64]:
        """Whether each row is refused and whether it is selected, as probabilities 0 and 1.

        Parameters
        ----------
        scores : array, shape (n,)
        sensitive_features : Groups, array, Series, mapping or DataFrame, n rows
        width : float, optional
            One of the grid; the smallest by default.

        Returns
        -------
        ndarray, shape (n, 2)

        Raises
        ------
        InputError
            When a row's group is unknown and such rows are refused.
        """
        return self._probability(scores, sensitive_features, width)

    def predict(
        self,
        scores: Any,
        sensitive_features: Any,
        *,
        width: float | None = None,
        rows: Any = None,
    ) -> NDArray[np.int8]:
        """Decide on each row.

        Parameters
        ----------
        scores, sensitive_features, width
            As in :meth:`predict_proba`.
        rows : optional
            As in :meth:`faircore.thresholds.ThresholdFrontier.predict`; nothing depends on it.

        Returns
        -------
        ndarray of 0 and 1, shape (n,)

        Raises
        ------
        InputError
            When a row's group is unknown and such rows are refused.
        """
        return self._decide(scores, sensitive_features, width, rows)


def _cuts(ways: NDArray[np.intp], width: float) -> NDArray[np.float64]:
    """Cut of each group, (g,)."""
    # A row at the upper end is within the region and not selected: the cut lies just above it.
    above = np.nextafter(_HALF + width, np.inf)
    cuts: NDArray[np.float64] = np.choose(ways + 1, [above, _HALF, _HALF - width])
    return cuts
