"""Who is compared with whom: the partitions of the rows into groups.

A *partition* splits the rows by one sensitive attribute or by several crossed. Each row is in
exactly one group of each partition; a missing value is a group of its own, so no row is ever
dropped. The groups of all partitions are numbered in one sequence ``0 … g-1``, so that an array
with a group axis covers every partition at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from faircore.data import Dataset, as_frame
from faircore.errors import InputError

MISSING = "(missing)"


@dataclass(frozen=True)
class Partition:
    """One way of splitting the rows.

    Attributes
    ----------
    attributes : tuple of str
        The attribute, or the attributes crossed.
    labels : tuple of tuple of str
        One label per group: a value of each attribute.
    start : int
        Number of its first group in the sequence over all partitions.
    """

    attributes: tuple[str, ...]
    labels: tuple[tuple[str, ...], ...]
    start: int

    @property
    def name(self) -> str:
        """Name shown to people, such as ``race × sex``."""
        return " × ".join(self.attributes)

    @property
    def groups(self) -> slice:
        """Its groups as a slice of a group axis."""
        return slice(self.start, self.start + len(self.labels))

    @property
    def group_names(self) -> tuple[str, ...]:
        """Names of its groups, such as ``Black · Female``."""
        names = tuple(" · ".join(label) for label in self.labels)
        if len(set(names)) == len(names):
            return names
        # A value that holds the dot itself is told apart by quotation marks.
        return tuple(
            " · ".join(f"“{v}”" if " · " in v else v for v in label) for label in self.labels
        )


@dataclass(frozen=True, eq=False)
class Groups:
    """Every partition under audit, and the group of each row in each.

    Attributes
    ----------
    partitions : tuple of Partition
    codes : ndarray of int32, shape (p, n)
        Number of the row's group, in the sequence over all partitions.

    Examples
    --------
    >>> groups = Groups.of({"sex": ["f", "m", "m"], "race": ["a", None, "a"]})
    >>> [p.group_names for p in groups.partitions]
    [('f', 'm'), ('a', '(missing)')]
    >>> groups.sizes.tolist()
    [1, 2, 2, 1]
    """

    partitions: tuple[Partition, ...]
    codes: NDArray[np.int32]

    @classmethod
    def of(
        cls,
        sensitive_features: Any,
        *,
        partitions: Sequence[str | Sequence[str]] | None = None,
        levels: Mapping[str, Sequence[str]] | None = None,
    ) -> Groups:
        """Group rows by sensitive attributes.

        Parameters
        ----------
        sensitive_features : Groups, array, Series, mapping or DataFrame, n rows
            One attribute, or one column per attribute. Missing values form a group.
        partitions : sequence of sequences of str, optional
            Attributes of each partition; by default each attribute alone.
        levels : mapping of str to sequence of str, optional
            Order of an attribute's values; values not listed follow in sorted order.

        Raises
        ------
        InputError
            When there is no row or no attribute, or a partition names an unknown attribute.
        """
        if isinstance(sensitive_features, Groups):
            if partitions is not None:
                raise InputError(
                    "These rows are grouped already. Pass the attributes to choose partitions."
                )
            return sensitive_features
        frame = as_frame(sensitive_features, prefix="group")
        if partitions is None:
            partitions = [(name,) for name in frame.columns]
        partitions = [(p,) if isinstance(p, str) else tuple(p) for p in partitions]
        unknown = {a for attributes in partitions for a in attributes} - set(frame.columns)
        if unknown or not partitions or not all(partitions) or not len(frame):
            raise InputError(
                f"The partitions must cross attributes among {', '.join(frame.columns) or 'none'}, "
                f"over at least one row; got {len(frame)} rows and unknown attributes "
                f"{', '.join(sorted(unknown)) or 'none'}."
            )
        coded = {a: _code(frame[a], (levels or {}).get(a, ())) for a in frame.columns}
        found: list[Partition] = []
        codes = np.empty((len(partitions), len(frame)), np.int32)
        start = 0
        for row, attributes in enumerate(partitions):
            labels, code = _cross([coded[a] for a in attributes])
            found.append(Partition(tuple(attributes), labels, start))
            codes[row] = code + start
            start += len(labels)
        return cls(tuple(found), codes)

    @classmethod
    def of_dataset(cls, dataset: Dataset) -> Groups:
        """Every attribute and chosen intersection of a dataset."""
        return cls.of(dataset.sensitive, partitions=dataset.spec.partitions, levels=dataset.levels)

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return int(self.codes.shape[1])

    @property
    def n_groups(self) -> int:
        """Number of groups over all partitions."""
        return sum(len(p.labels) for p in self.partitions)

    @cached_property
    def sizes(self) -> NDArray[np.int64]:
        """Rows in each group, shape (g,)."""
        return np.bincount(self.codes.ravel(), minlength=self.n_groups)

    def partition(self, name: str) -> Partition:
        """Find a partition by its name."""
        return find_partition(self.partitions, name)

    def parents(self, group: int) -> tuple[int, ...]:
        """Groups that contain a crossed group: each time one attribute less.

        Only those whose partition is under audit are listed.
        """
        own = next(p for p in self.partitions if p.start <= group < p.groups.stop)
        value = dict(zip(own.attributes, own.labels[group - own.start], strict=True))
        return tuple(
            p.start + p.labels.index(tuple(value[a] for a in p.attributes))
            for p in self.partitions
            if set(p.attributes) < set(own.attributes)
            and len(p.attributes) == len(own.attributes) - 1
        )

    def take(self, rows: NDArray[np.int64]) -> Groups:
        """Keep some rows; the groups keep their numbers, and may become empty."""
        return Groups(self.partitions, np.ascontiguousarray(self.codes[:, rows]))


def find_partition(partitions: Sequence[Partition], name: str) -> Partition:
    """Find a partition by its name, or say which there are."""
    for partition in partitions:
        if partition.name == name:
            return partition
    known = ", ".join(p.name for p in partitions)
    raise InputError(f"There is no partition {name!r}. Choose one of: {known}.")


def _code(column: pd.Series[Any], order: Sequence[str]) -> tuple[list[str], NDArray[np.int64]]:
    """Labels in order, missing last, and the code of each row."""
    if not order and isinstance(column.dtype, pd.CategoricalDtype):
        order = [_label(v) for v in column.cat.categories]
    raw, values = pd.factorize(column, sort=False)
    # Values that read alike are one group: 1 and "1", a missing value and the text for it.
    rank = {_label(v): _rank(v, order) for v in reversed(list(values))}
    if (raw < 0).any():
        rank[MISSING] = (2, 0.0, "")
    labels = sorted(rank, key=lambda name: rank[name])
    number = {name: i for i, name in enumerate(labels)}
    # factorize marks a missing value with -1, which reads the last entry.
    position = np.array([*(number[_label(v)] for v in values), number.get(MISSING, -1)], np.int64)
    return labels, position[raw]


def _label(value: Any) -> str:
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _rank(value: Any, order: Sequence[str]) -> tuple[int, float, str]:
    name = _label(value)
    if name in order:
        return (0, float(list(order).index(name)), "")
    number = float(value) if isinstance(value, int | float | np.number) else 0.0
    return (1, number, name)


def _cross(
    coded: Sequence[tuple[list[str], NDArray[np.int64]]],
) -> tuple[tuple[tuple[str, ...], ...], NDArray[np.int64]]:
    """Number the combinations that occur, in the order of their labels."""
    shape = [len(labels) for labels, _ in coded]
    flat = np.ravel_multi_index([code for _, code in coded], shape)
    present, code = np.unique(flat, return_inverse=True)
    corners = np.unravel_index(present, shape)
    labels = tuple(
        tuple(coded[j][0][corner[j]] for j in range(len(coded)))
        for corner in zip(*(c.tolist() for c in corners), strict=True)
    )
    return labels, code
