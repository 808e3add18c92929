"""People impact: whose decisions change between two ways to decide, and in which direction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from faircore.decide.people_counts import Changes
from faircore.errors import InputError
from faircore.frontier import SplitRows
from faircore.groups import find_partition
from faircore.metrics import MIN_PEOPLE, hidden_groups
from faircore.metrics.costs import Costs
from faircore.metrics.inputs import as_binary, as_weights, same_length
from faircore.metrics.multiple import holm

PER = 1_000
_WAYS = {"gained": (0, 1), "lost": (1, 0)}


@dataclass(frozen=True, eq=False)
class PeopleImpact:
    """Whose decisions change.

    Attributes
    ----------
    groups : DataFrame
        A row per (partition, group), with ``people``; ``gained`` (a yes instead of a no) and
        ``lost`` per 1,000 (``per``) people of the group, with ``_low`` and ``_high``; ``net``, the
        first less the second, likewise; ``gained_good`` and ``lost_good``, the share of them with
        the good outcome; ``worth`` per 1,000, with limits, where costs are given; ``p_value`` that
        as many gain as lose, adjusted by Holm within the partition. NaN is what is undefined,
        everything of a group whose size is not shown, and shares of good outcomes and worth where
        fewer than ten people gain or lose; as well as those of another group, from which they
        could be worked out.
    everybody : Series
        The same of all rows; its p-value stands alone. Its shares and worth are withheld where all
        groups that are withheld are fewer than ten people together.
    unit : str
        Of ``worth``.
    per : int
        How many people ``gained`` to ``worth`` are counted on.
    """

    groups: pd.DataFrame
    everybody: pd.Series[Any]
    unit: str
    per: int
    _before: NDArray[np.int8] = field(repr=False)
    _after: NDArray[np.int8] = field(repr=False)
    _rows: SplitRows = field(repr=False)

    @property
    def changed(self) -> int:
        """Rows whose decision changes."""
        return int((self._before != self._after).sum())

    def partition(self, name: str) -> pd.DataFrame:
        """Rows of one partition, by group."""
        find_partition(self._rows.groups.partitions, name)
        chosen = self.groups.index.get_level_values("partition") == name
        return self.groups[chosen].droplevel("partition")

    def in_words(self, partition: str) -> list[str]:
        """Sentences for people who are no statisticians: everybody, then each group."""
        from faircore.decide.people_words import group_sentences, whole_sentence

        if self.changed == 0:
            find_partition(self._rows.groups.partitions, partition)
            return ["No decision changes."]
        table = self.partition(partition)
        return [
            whole_sentence(self.everybody, self.unit, self.per),
            *group_sentences(table, self.per),
        ]

    def changed_rows(
        self,
        ids: Sequence[Any] | NDArray[Any] | None = None,
        *,
        entity: pd.Series[Any] | None = None,
    ) -> pd.DataFrame:
        """Which rows change, for the analyst alone: never for a page that others see.

        Parameters
        ----------
        ids : sequence, n entries, optional
            What rows are called; their position by default.
        entity : Series, n entries, optional
            Whose each row is; NaN where that is not known. Its name heads the column.

        Returns
        -------
        DataFrame
            ``row``, the entity where given, ``change`` and a column per sensitive attribute.
            Nothing is withheld. A column of the data that is called as one before it has
            `` (in the data)`` after its name.

        Raises
        ------
        InputError
            When there is not one id, or one entity, per row.
        """
        for name, given in (("ids", ids), ("entity", entity)):
            if given is not None:
                same_length(name, given, len(self._rows))
        rows = np.flatnonzero(self._before != self._after)
        named = rows if ids is None else np.asarray(ids)[rows]
        found = {"row": named}

        def add(name: str, values: NDArray[Any]) -> None:
            while name in ("row", "change", *found):
                name += " (in the data)"
            found[name] = values

        if entity is not None:
            add("entity" if entity.name is None else str(entity.name), entity.to_numpy()[rows])
        found["change"] = np.where(self._after[rows] == 1, "no → yes", "yes → no")
        for partition, codes in zip(
            self._rows.groups.partitions, self._rows.groups.codes, strict=True
        ):
            if len(partition.attributes) == 1:
                names = np.array(partition.group_names, object)
                add(partition.name, names[codes[rows] - partition.start])
        return pd.DataFrame(found)


def people_impact(
    before: Any,
    after: Any,
    *,
    rows: SplitRows,
    costs: Costs | None = None,
    confidence: float = 0.95,
    per: int = PER,
) -> PeopleImpact:
    """Compare two ways to decide about the same people.

    Two models' counts do not tell who changes: both may select half of a group, the same half or
    the other one. So decisions row by row are asked for; only sums of them are kept in tables.

    Parameters
    ----------
    before, after : array of 0 and 1, shape (n,)
        Decisions; 1 is a yes. See :func:`faircore.frontier.decisions_at`.
    rows : SplitRows
        Outcomes, groups and weights of these people.
    costs : Costs, optional
        What decisions are worth.
    confidence : float
        Of every interval, each on its own.
    per : int
        How many people figures are counted on: 100 or 1,000.

    Returns
    -------
    PeopleImpact

    Raises
    ------
    InputError
        When lengths differ, decisions are not 0 and 1, weights are all 0, or ``confidence`` or
        ``per`` is out of range.

    References
    ----------
    Wilson 1927 (shares); Bonett & Price 2012 (their difference, paired); Fagerland, Lydersen &
    Laake 2013 (the mid-p of McNemar's test); Holm 1979.
    """
    first, second = as_binary(before, name="before"), as_binary(after, name="after")
    same_length("before", first, len(rows))
    same_length("after", second, len(rows))
    if not 0 < confidence < 1:
        raise InputError(
            f"The confidence must lie between 0 and 1; it is {confidence}. 0.95 is usual."
        )
    if per < 1:
        raise InputError(f"Figures are counted per 1 person or more; per is {per}. Pass 1,000.")
    as_weights(rows.weights, n_rows=len(rows))
    changes = Changes.of(first, second, rows)
    partitions = rows.groups.partitions
    frame = _table(changes, costs, confidence, per)
    hidden = hidden_groups(partitions, rows.groups.sizes)
    # A hidden group counts as one more test, whatever its p-value: none of it shows in others.
    p_values = np.where(hidden & (changes.total > 0), 1.0, frame["p_value"].to_numpy())
    frame["p_value"] = np.concatenate([holm(p_values[p.groups]) for p in partitions])
    few = {way: hidden_groups(partitions, changes.people(*_WAYS[way]).astype(int)) for way in _WAYS}
    _withhold(frame, few)
    frame.loc[hidden] = np.nan
    frame.index = pd.MultiIndex.from_tuples(
        [(p.name, group) for p in partitions for group in p.group_names],
        names=["partition", "group"],
    )
    whole = changes.everybody(partitions[0])
    everybody = _table(whole, costs, confidence, per)
    _withhold(everybody, {
        way: np.array([any(_tells_of_few(changes.people(*_WAYS[way])[p.groups], few[way][p.groups])
                           for p in partitions)])
        for way in _WAYS
    })  # fmt: skip
    unit = "" if costs is None else costs.unit
    return PeopleImpact(frame, everybody.iloc[0], unit, per, first, second, rows)


def _withhold(frame: pd.DataFrame, few: Mapping[str, NDArray[np.bool_]]) -> None:
    """How it turned out for fewer than ten people could point at one of them."""
    worth = [name for name in ("worth", "worth_low", "worth_high") if name in frame]
    for way, mask in few.items():
        frame.loc[mask, [f"{way}_good", *worth]] = np.nan


def _tells_of_few(people: NDArray[np.float64], hidden: NDArray[np.bool_]) -> bool:
    """Whether the sum over all groups, less those that are shown, is one of one to nine people."""
    return bool(0 < people[hidden].sum() < MIN_PEOPLE)


def _table(changes: Changes, costs: Costs | None, confidence: float, per: int) -> pd.DataFrame:
    """Every figure of every group, nothing withheld."""
    found = {"people": changes.rows.sum((1, 2, 3))}
    for name, way in _WAYS.items():
        low, high = changes.share_limits(*way, confidence)
        found |= {name: per * changes.share(*way), f"{name}_low": per * low,
                  f"{name}_high": per * high}  # fmt: skip
    low, high = changes.net_limits(confidence)
    found |= {"net": found["gained"] - found["lost"], "net_low": per * low, "net_high": per * high}
    for name, way in _WAYS.items():
        found[f"{name}_good"] = changes.good(*way)
    if costs is not None:
        told = changes.worth(costs, confidence)
        found |= dict(zip(("worth", "worth_low", "worth_high"), (per * x for x in told),
                          strict=True))  # fmt: skip
    found["p_value"] = changes.p_value()
    return pd.DataFrame(found)
