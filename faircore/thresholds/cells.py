"""Who has cuts of their own, and who is counted where."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from faircore.errors import InputError
from faircore.groups import Groups, Partition
from faircore.metrics.inputs import as_binary, as_numbers, as_weights, same_length
from faircore.predictors import GroupKey
from faircore.predictors.group_key import Unseen

Ints = NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Rows:
    """Rows to set cuts on; those of no weight are left out, their groups are not.

    Attributes
    ----------
    scores : ndarray of float64, shape (n,)
    y : ndarray of 0 and 1, shape (n,)
    weights : ndarray of float64, shape (n,)
        Above zero.
    groups : Groups
        The partitions that are compared.
    cells : Partition
        The crossing of all their attributes: who may have cuts of their own.
    codes : ndarray of int, shape (n,)
        Cell of each row.
    """

    scores: NDArray[np.float64]
    y: NDArray[np.int8]
    weights: NDArray[np.float64]
    groups: Groups
    cells: Partition
    codes: Ints

    @classmethod
    def read(
        cls,
        scores: Any,
        y_true: Any,
        sensitive_features: Any,
        sample_weight: Any,
        partitions: Sequence[str | Sequence[str]] | None,
    ) -> Rows:
        """Check what ``fit`` was given.

        Raises
        ------
        InputError
            When columns differ in length, a score is no finite number, an outcome is neither 0 nor
            1, a weight is negative, or no weight is above zero.
        """
        y = as_binary(y_true, name="y_true")
        score = finite_scores(scores, n_rows=len(y))
        weights = as_weights(sample_weight, n_rows=len(y))
        weights = np.ones(len(y)) if weights is None else weights
        if isinstance(sensitive_features, Groups):
            groups = chosen_partitions(sensitive_features, partitions)
        else:
            groups = Groups.of(sensitive_features, partitions=partitions)
        if groups.n_rows != len(y):
            raise InputError(
                f"sensitive_features must have one row per row of y_true; it has "
                f"{groups.n_rows:,}, y_true {len(y):,}. Pass columns of the same table."
            )
        crossed = crossing(groups)
        counted = np.flatnonzero(weights)
        return cls(
            score[counted], y[counted], weights[counted], groups.take(counted),
            crossed.partitions[0], crossed.codes[0][counted].astype(np.intp),
        )  # fmt: skip

    def key(self, unseen: Unseen) -> GroupKey:
        """How to find the cell of a row later."""
        return GroupKey.of(self.cells, unseen=unseen)

    def homes(self) -> Ints:
        """Group of each cell in each partition, shape (p, c); -1 for a cell nobody can be in."""
        found = np.full((len(self.groups.partitions), len(self.cells.labels)), -1, np.intp)
        for row, partition in enumerate(self.groups.partitions):
            place = {label: i + partition.start for i, label in enumerate(partition.labels)}
            where = [self.cells.attributes.index(a) for a in partition.attributes]
            for cell, label in enumerate(self.cells.labels):
                found[row, cell] = place.get(tuple(label[j] for j in where), -1)
        return found


def finite_scores(values: Any, *, n_rows: int | None = None) -> NDArray[np.float64]:
    """Read scores, shape (n,): any finite numbers.

    Raises
    ------
    InputError
    """
    scores = as_numbers(values, name="scores")
    if n_rows is not None:
        same_length("scores", scores, n_rows)
    bad = int((~np.isfinite(scores)).sum())
    if bad:
        raise InputError(
            f"scores must be finite numbers; {bad:,} of {len(scores):,} are missing or infinite. "
            "Correct these rows or leave them out."
        )
    return scores


def chosen_partitions(groups: Groups, partitions: Sequence[str | Sequence[str]] | None) -> Groups:
    """Groups of some partitions only, by the names of their attributes; all by default."""
    if partitions is None:
        return groups
    kept, codes, start = [], [], 0
    for names in partitions:
        one = groups.partition(" × ".join((names,) if isinstance(names, str) else names))
        codes.append(groups.codes[groups.partitions.index(one)] - one.start + start)
        kept.append(Partition(one.attributes, one.labels, start))
        start += len(one.labels)
    return Groups(tuple(kept), np.stack(codes))


def crossing(groups: Groups, attributes: Sequence[str] | None = None) -> Groups:
    """Rows grouped by all attributes of their partitions at once, or by those named, in order.

    A partition there is already is taken as it is, with its empty groups. Otherwise the groups are
    the combinations that occur.

    Raises
    ------
    InputError
        When an attribute is in no partition.
    """
    homes = {a: row for row, p in reversed([*enumerate(groups.partitions)]) for a in p.attributes}
    ordered = tuple(attributes or dict.fromkeys(a for p in groups.partitions for a in p.attributes))
    absent = [name for name in ordered if name not in homes]
    if absent:
        raise InputError(
            f"The groups given do not tell {' and '.join(absent)} apart, which the cuts go by. "
            "Pass the attributes themselves."
        )
    for row, partition in enumerate(groups.partitions):
        same = partition.attributes == ordered
        if same or (attributes is None and set(partition.attributes) == set(ordered)):
            alone = Partition(partition.attributes, partition.labels, 0)
            return Groups((alone,), groups.codes[row : row + 1] - partition.start)
    columns = {a: _values(groups, homes[a], a) for a in ordered}
    return Groups.of(pd.DataFrame(columns), partitions=[ordered])


def _values(groups: Groups, row: int, attribute: str) -> Any:
    """Each row's value of an attribute, read from a partition it is part of."""
    partition = groups.partitions[row]
    own = [label[partition.attributes.index(attribute)] for label in partition.labels]
    levels = list(dict.fromkeys(own))
    of_group = np.array([levels.index(value) for value in own], np.int64)
    codes = of_group[groups.codes[row] - partition.start]
    return pd.Categorical.from_codes(codes.tolist(), categories=pd.Index(levels))
