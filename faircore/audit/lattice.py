"""The cells of the power set of attributes: which there are, and which are looked at.

A *cell* fixes the value of some attributes and leaves the others free. Its *order* is how many it
fixes: order 0 is everybody, order 1 the groups of each attribute. Attributes with L₁ … L_k values
have (L₁+1)···(L_k+1) cells: ten attributes of two values 59,049, everybody among them. Where that
is too many, all cells of low order are looked at and a random share of the sets of attributes of
the first order that does not fit.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from faircore.data import as_frame
from faircore.errors import InputError
from faircore.groups import Groups, Partition
from faircore.metrics.inputs import same_length

MAX_NUMBERS = 40
"""Distinct values up to which a numeric attribute counts as categories."""
MAX_VALUES = 1_000
EVERYBODY = "everybody"

_LISTED_SETS = 100_000  # up to here all sets of attributes of one order are listed and shuffled

Codes = NDArray[np.int32]


@dataclass(frozen=True)
class Lattice:
    """The cells that are looked at, as sets of attributes.

    Attributes
    ----------
    names : tuple of str, length k
        Attributes with at least two values.
    levels : tuple of tuple of str
        The values of each; a missing one is ``(missing)``.
    subsets : tuple of tuple of int
        Numbers of the attributes fixed, lowest order first. A set brings all its cells.
    n_cells : int
        All cells up to the largest order asked for, those without people included.
    n_sampled_away : int
        Those of sets that are not looked at.
    left_out : tuple of str
        Attributes of one value: they tell nobody apart.
    """

    names: tuple[str, ...]
    levels: tuple[tuple[str, ...], ...]
    subsets: tuple[tuple[int, ...], ...]
    n_cells: int
    n_sampled_away: int
    left_out: tuple[str, ...] = ()

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of values of each attribute."""
        return tuple(len(values) for values in self.levels)

    def name(self, fixed: Sequence[int]) -> str:
        """What a cell is called, such as ``race = Black · sex = Female``.

        Parameters
        ----------
        fixed : sequence of int, length k
            Number of the value of each attribute; -1 where it is free.
        """
        pairs = [(a, self.levels[a][value]) for a, value in enumerate(fixed) if value >= 0]
        return " · ".join(f"{_quoted(self.names[a])} = {_quoted(v)}" for a, v in pairs) or EVERYBODY


def _quoted(text: str) -> str:
    # Text that holds a mark of ours is told apart by quotation marks.
    return f"“{text}”" if " · " in text or " = " in text else text


def read_attributes(attributes: Any, *, n_rows: int) -> tuple[tuple[Partition, ...], Codes]:
    """Read categorical attributes; a missing value is a group.

    Parameters
    ----------
    attributes : DataFrame, mapping, Series, Groups or array, n rows
    n_rows : int

    Returns
    -------
    partitions : tuple of Partition, length k
        One for each attribute.
    codes : ndarray of int32, shape (k, n)
        Number of each row's value, from 0 for each attribute.

    Raises
    ------
    InputError
        When there is no attribute, lengths differ, a name comes twice, or an attribute has too
        many values.
    """
    groups = attributes if isinstance(attributes, Groups) else _grouped(attributes, n_rows)
    same_length("attributes", groups.codes[0], n_rows)
    for partition in groups.partitions:
        if len(partition.labels) > MAX_VALUES:
            raise InputError(
                f"Attribute {partition.name!r} may have {MAX_VALUES:,} values, and it has "
                f"{len(partition.labels):,}. Merge rare ones or choose another column."
            )
    starts = np.array([[p.start] for p in groups.partitions], np.int32)
    return groups.partitions, groups.codes - starts


def _grouped(attributes: Any, n_rows: int) -> Groups:
    if isinstance(attributes, Mapping):
        for name, values in attributes.items():
            same_length(f"Attribute {name!r}", values, n_rows)
    frame = as_frame(attributes, prefix="attribute")
    if not len(frame.columns) or frame.columns.has_duplicates:
        raise InputError(
            "attributes must hold at least one column, each with a name of its own; it has "
            f"{len(frame.columns)} columns and {frame.columns.nunique()} names. Correct it."
        )
    same_length("attributes", frame, n_rows)
    for name in frame.columns:
        column = frame[name]
        if pd.api.types.is_numeric_dtype(column) and column.nunique() > MAX_NUMBERS:
            raise InputError(
                f"Attribute {name!r} must be categories; it holds {column.nunique():,} different "
                f"numbers, more than {MAX_NUMBERS}. Bin it, for example with pandas.cut."
            )
    return Groups.of(frame)


def plan_lattice(
    partitions: Sequence[Partition],
    *,
    max_cells: int,
    max_order: int | None = None,
    seed: int = 0,
) -> Lattice:
    """Decide which cells are looked at.

    Parameters
    ----------
    partitions : sequence of Partition
        As :func:`read_attributes` gives them.
    max_cells : int
    max_order : int, optional
        Attributes that a cell may fix at most; all where left out.
    seed : int
        Of the sample of attribute sets.

    Raises
    ------
    InputError
        When no attribute has two values.
    """
    kept = [p for p in partitions if len(p.labels) > 1]
    if not kept:
        raise InputError(
            "At least one attribute must have two values, and none has: every row is alike. "
            "Choose attributes that differ between people."
        )
    shape = [len(p.labels) for p in kept]
    top = len(shape) if max_order is None else min(max_order, len(shape))
    per_order = _cells_per_order(shape)[: top + 1]
    chosen: list[tuple[int, ...]] = []
    left = max_cells
    rng = np.random.default_rng(seed)
    for order, n_cells in enumerate(per_order):
        if n_cells <= left:
            chosen += combinations(range(len(shape)), order)
            left -= n_cells
            continue
        for subset in _shuffled(len(shape), order, max_cells, rng):
            size = math.prod(shape[a] for a in subset)
            if size <= left:
                chosen.append(subset)
                left -= size
        break
    return Lattice(
        tuple(p.name for p in kept),
        tuple(p.group_names for p in kept),
        tuple(chosen),
        sum(per_order),
        sum(per_order) - (max_cells - left),
        tuple(p.name for p in partitions if len(p.labels) == 1),
    )


def _cells_per_order(shape: Sequence[int]) -> list[int]:
    """Number of cells that fix 0, 1, … k attributes: coefficients of (1+L₁x)···(1+L_k x)."""
    found = [1]
    for size in shape:
        longer = [*found, 0]
        for i, n in enumerate(found):
            longer[i + 1] += n * size
        found = longer
    return found


def _shuffled(
    k: int, order: int, max_cells: int, rng: np.random.Generator
) -> Iterator[tuple[int, ...]]:
    """Sets of attributes of one order in random order, each once."""
    if math.comb(k, order) <= _LISTED_SETS:
        listed = list(combinations(range(k), order))
        for i in rng.permutation(len(listed)):
            yield listed[i]
        return
    seen: set[tuple[int, ...]] = set()
    # Each set has at least two cells, so that more than this never fit.
    for _ in range(min(max_cells, _LISTED_SETS)):
        drawn = tuple(sorted(rng.choice(k, order, replace=False).tolist()))
        if drawn not in seen:
            seen.add(drawn)
            yield drawn
