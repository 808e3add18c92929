"""What an audit of groups found, as tables."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from faircore.audit.estimates import Estimates
from faircore.audit.gaps import Gaps, outside
from faircore.audit.inequality import Inequality
from faircore.errors import InputError
from faircore.groups import Partition, find_partition
from faircore.metrics.calibration import cumulative_error
from faircore.metrics.intervals import Array
from faircore.metrics.multiple import benjamini_hochberg
from faircore.metrics.tally import Tally

# Columns of GroupReport.by_group and where each comes from.
_COLUMNS = {
    "people": ("people", ""),
    **{part: ("estimate", part) for part in ("value", "low", "high")},
    "shrunken": ("shrunken", "value"),
    "shrunken_low": ("shrunken", "low"),
    "shrunken_high": ("shrunken", "high"),
    "gap": ("gap", "gap"),
    "gap_low": ("gap", "low"),
    "gap_high": ("gap", "high"),
    **{part: ("gap", part) for part in ("p_value", "p_holm", "p_bh")},
}


@dataclass(frozen=True, eq=False)
class GroupReport:
    """What was measured in every group, how sure it is, and who stands out.

    Attributes
    ----------
    tally : Tally
        The counts everything was computed from; they hold no row.
    estimates, everybody : Estimates
        Figures of all groups, and of all rows as one group.
    gaps : dict of str to dict of str to Gaps
        By partition and figure: each group against everybody, or against the named group.
    inequalities : dict of str to tuple of Inequality
        By partition.
    shrunken : dict of str to (value, low, high)
        Empirical-Bayes rates of all groups, each array of shape (g,).
    hidden : ndarray of bool, shape (g,)
        Groups that are not shown: too small, or they would give a small one away.
    confidence, min_people : float
    reference : dict of str to str
        Named reference group by partition; empty when compared with everybody.
    """

    tally: Tally
    estimates: Estimates
    everybody: Estimates
    gaps: dict[str, dict[str, Gaps]]
    inequalities: dict[str, tuple[Inequality, ...]]
    shrunken: dict[str, tuple[Array, Array, Array]]
    hidden: NDArray[np.bool_]
    confidence: float
    min_people: float
    reference: dict[str, str]

    @property
    def partitions(self) -> tuple[Partition, ...]:
        """Who is compared with whom."""
        return self.tally.partitions

    def partition(self, name: str) -> Partition:
        """Find a partition by its name, or say which there are."""
        return find_partition(self.partitions, name)

    @cached_property
    def overall(self) -> pd.DataFrame:
        """Figures of all rows, indexed by ``metric``: ``value``, ``low``, ``high``, ``people``."""
        rows = {
            name: (e.value[0], e.low[0], e.high[0], self.everybody.people[name][0])
            for name, e in self.everybody.of.items()
        }
        index = pd.Index(list(rows), name="metric")
        return pd.DataFrame(list(rows.values()), index, ["value", "low", "high", "people"])

    @cached_property
    def by_group(self) -> pd.DataFrame:
        """Figures of every group, indexed by ``partition``, ``group`` and ``metric``.

        Columns: ``people`` (rows the figure is about), ``value``, ``low``, ``high``;
        ``shrunken``, ``shrunken_low``, ``shrunken_high`` (rates only); ``gap``, ``gap_low``,
        ``gap_high`` (to everybody or to the named group, limits that hold for all groups of the
        partition at once), ``p_value``, ``p_holm`` and ``p_bh`` (adjusted over the groups of the
        partition), ``q_value`` (over all groups, partitions and figures of the report),
        ``stands_out`` (whether those limits leave 0 out). NaN where undefined,
        too few or hidden.
        """
        metrics = list(self.estimates.of)
        index = self._index(metrics)
        frame = pd.DataFrame({k: v.ravel() for k, v in self._columns.items()}, index)
        frame["stands_out"] = outside(frame["gap_low"], frame["gap_high"])
        return frame

    def _index(self, metrics: list[str]) -> pd.MultiIndex:
        """Partition, group and figure in the order of the report, which look-ups know as sorted."""
        groups = [name for p in self.partitions for name in p.group_names]
        names = list(dict.fromkeys(groups))
        across, down = range(len(metrics)), [names.index(name) for name in groups]
        splits = [i for i, p in enumerate(self.partitions) for _ in p.labels]
        return pd.MultiIndex(
            levels=[[p.name for p in self.partitions], names, metrics],
            codes=[
                [i for i in splits for _ in across],
                [i for i in down for _ in across],
                [i for _ in groups for i in across],
            ],
            names=["partition", "group", "metric"],
        )

    def table(self, partition: str, column: str = "value") -> pd.DataFrame:
        """One column of :attr:`by_group` for one partition: groups down, figures across."""
        split, metrics = self.partition(partition), list(self.estimates.of)
        if column == "stands_out":
            low, high = (self.table(partition, end) for end in ("gap_low", "gap_high"))
            diamonds: pd.DataFrame = outside(low, high)
            return diamonds
        if column not in self._columns:
            raise InputError(
                f"There is no column {column!r}. Choose one of: value, "
                f"{', '.join(c for c in self._columns if c != 'value')}, stands_out."
            )
        values = self._columns[column][split.groups]
        return pd.DataFrame(values, list(split.group_names), metrics)

    @cached_property
    def _columns(self) -> dict[str, Array]:
        """Every column for all groups and figures, (g, figures); NaN where a group is hidden."""
        metrics = list(self.estimates.of)
        found = {
            name: np.where(self.hidden[:, None], np.nan, self._stack(name, metrics))
            for name in _COLUMNS
        }
        p_values = found["p_value"]
        found["q_value"] = benjamini_hochberg(p_values.ravel()).reshape(p_values.shape)
        return found

    def _stack(self, column: str, metrics: list[str]) -> Array:
        """One column for all groups and figures, shape (g, figures)."""
        nothing = np.full(len(self.hidden), np.nan)
        source, part = _COLUMNS[column]
        if source == "people":
            return np.stack([self.estimates.people[m] for m in metrics], axis=1)
        if source == "estimate":
            return np.stack([getattr(self.estimates.of[m], part) for m in metrics], axis=1)
        if source == "shrunken":
            at = ("value", "low", "high").index(part)
            return np.stack(
                [self.shrunken[m][at] if m in self.shrunken else nothing for m in metrics], axis=1
            )
        return np.concatenate(
            [
                np.stack(
                    [
                        getattr(own[m], part) if m in own else nothing[: len(p.labels)]
                        for m in metrics
                    ],
                    axis=1,
                )
                for p, own in ((p, self.gaps[p.name]) for p in self.partitions)
            ]
        )

    @cached_property
    def disparities(self) -> pd.DataFrame:
        """Every inequality, indexed by ``partition`` and ``measure``.

        Columns: ``value``, ``low``, ``high``, ``by_chance`` (end of the no-difference band),
        ``p_value``, ``more_than_chance``, ``metric``, ``lowest``, ``highest`` (the two groups),
        ``n_groups``.
        """
        rows = []
        for partition in self.partitions:
            names = [*partition.group_names, ""]
            for found in self.inequalities[partition.name]:
                row = asdict(found)
                row |= {"lowest": names[found.lowest], "highest": names[found.highest]}
                rows.append({"partition": partition.name, **row})
        return pd.DataFrame(rows).set_index(["partition", "measure"])

    @cached_property
    def calibration(self) -> pd.DataFrame:
        """Calibration of every group, indexed by ``partition`` and ``group``; empty without scores.

        Columns: ``ece``, ``by_chance`` (its mean under perfect calibration), ``p_value``,
        ``squared`` (debiased squared error), ``squared_low``, ``squared_high``, ``ecce`` (the
        standardised cumulative error, by which groups are ranked) and ``ecce_p_value``.
        """
        if self.tally.scores is None or self.estimates.calibration is None:
            return pd.DataFrame()
        found = self.estimates.calibration
        ecce, ecce_p = cumulative_error(self.tally.scores)
        frame = pd.DataFrame(
            {
                "ece": found.value,
                "by_chance": found.by_chance,
                "p_value": found.p_value,
                "squared": found.squared,
                "squared_low": found.squared_low,
                "squared_high": found.squared_high,
                "ecce": ecce,
                "ecce_p_value": ecce_p,
            },
            pd.MultiIndex.from_tuples(
                [(p.name, name) for p in self.partitions for name in p.group_names],
                names=["partition", "group"],
            ),
        )
        too_few = self.tally.sizes < self.min_people
        frame[too_few | self.hidden] = np.nan
        return frame

    @property
    def standouts(self) -> pd.DataFrame:
        """Groups whose gap is more than chance with everything in the report considered at once.

        The rows of :attr:`by_group` that stand out among the groups of their partition, and of
        which one in twenty is expected to be a false alarm (``q_value`` up to 1 - confidence; when
        all groups are treated alike, there is any in one report of twenty). Widest gap first.
        """
        certain = self.by_group["q_value"] <= 1 - self.confidence
        frame = self.by_group[self.by_group["stands_out"] & certain]
        return frame.reindex(frame["gap"].abs().sort_values(ascending=False, kind="stable").index)
