"""What is kept alike between groups: measures that are linear in the rates, and how far apart.

Every limit here is the largest minus the smallest value of a measure over some groups. All measures
are linear in a group's false positives and true positives, so a limit is linear in the rule.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from faircore.errors import InputError

Array = NDArray[np.float64]

CONSTRAINTS = (
    "demographic_parity",
    "equal_opportunity",
    "predictive_equality",
    "equalized_odds",
)
"""Names of what can be limited."""

NORMS = ("linf", "l1")


@dataclass(frozen=True, eq=False)
class Range:
    """Groups whose values of one measure are compared.

    Attributes
    ----------
    groups : ndarray of int, shape (q,)
        Numbers of the groups that take part: those whose value is defined.
    per_fp, per_tp : ndarray, shape (q,)
        What one false and one true positive add to a group's value.
    """

    groups: NDArray[np.intp]
    per_fp: Array
    per_tp: Array

    def width(self, fp: Array, tp: Array) -> float:
        """Largest minus smallest value, given the false and true positives of all groups, (g,)."""
        values = self.per_fp * fp[self.groups] + self.per_tp * tp[self.groups]
        return float(values.max() - values.min())


@dataclass(frozen=True)
class Limit:
    """One constraint, and where it stands.

    Attributes
    ----------
    constraint : str
        One of :data:`CONSTRAINTS`.
    fixed : float, optional
        Largest gap allowed; None where it runs over the tolerances.
    """

    constraint: str
    fixed: float | None = None


def read_limits(constraint: str | Mapping[str, float | None]) -> tuple[Limit, ...]:
    """Read one name, or several with a fixed number or None each.

    Raises
    ------
    InputError
        When a name is unknown, a number is negative or none of them runs.
    """
    given = {constraint: None} if isinstance(constraint, str) else dict(constraint)
    unknown = [str(name) for name in given if name not in CONSTRAINTS]
    if unknown:
        raise InputError(
            f"There is no constraint {', '.join(unknown)}. Choose among: {', '.join(CONSTRAINTS)}."
        )
    limits = tuple(
        Limit(name, None if value is None else _gap(f"the limit of {name}", value))
        for name, value in given.items()
    )
    if all(limit.fixed is not None for limit in limits):
        raise InputError(
            f"Of {len(limits)} constraints none runs over the tolerances. Give one of them None in "
            "place of a number."
        )
    return limits


def read_tolerances(tolerances: Any) -> tuple[float, ...]:
    """Read the largest gaps to try, in the order given."""
    try:
        found = tuple(_gap("a tolerance", value) for value in tolerances)
    except TypeError:
        found = ()
    if not found or len(set(found)) < len(found):
        raise InputError(
            "tolerances must be one or more different numbers, zero or more; some are repeated or "
            "there is none. Pass a sequence such as (0.0, 0.05, 0.1)."
        )
    return found


def _gap(name: str, value: Any) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not 0 <= number < math.inf:
        raise InputError(f"{name} must be a number, zero or more; it is {value!r}. Change it.")
    return number


def ranges_of(
    constraint: str,
    norm: str,
    negatives: Array,
    positives: Array,
    partitions: Sequence[slice],
) -> tuple[Range, ...]:
    """All comparisons of a constraint; its gap is the widest of them.

    Parameters
    ----------
    constraint, norm : str
        The norm is about equalized odds alone. The sum of both gaps of a pair of groups,
        ``|a| + |b|``, is the larger of ``|a + b|`` and ``|a - b|``; hence the ranges of the sum
        and of the difference of both rates.
    negatives, positives : ndarray, shape (g,)
        Weight of each group's rows with the bad and the good outcome.
    partitions : sequence of slice
        Where each partition's groups are.

    Returns
    -------
    tuple of Range
        Without those that compare fewer than two groups.
    """
    with np.errstate(divide="ignore"):
        fpr, tpr, selected = 1 / negatives, 1 / positives, 1 / (negatives + positives)
    none = np.zeros_like(negatives)
    measures: dict[str, list[tuple[Array, Array]]] = {
        "demographic_parity": [(selected, selected)],
        "equal_opportunity": [(none, tpr)],
        "predictive_equality": [(fpr, none)],
        "equalized_odds": [(fpr, none), (none, tpr)],
    }
    chosen = measures[constraint]
    if constraint == "equalized_odds" and norm == "l1":
        # A pair with one rate undefined is held to the other alone; for other pairs both ranges
        # of one rate follow from those of the sum and the difference.
        chosen = [(fpr, tpr), (fpr, -tpr), *chosen]
    return tuple(_ranges(chosen, partitions))


def _ranges(measures: list[tuple[Array, Array]], partitions: Sequence[slice]) -> Iterator[Range]:
    for per_fp, per_tp in measures:
        defined = np.isfinite(per_fp) & np.isfinite(per_tp)
        for part in partitions:
            groups = np.flatnonzero(defined[part]) + part.start
            if len(groups) > 1:
                yield Range(groups, per_fp[groups], per_tp[groups])


def gap_of(ranges: Sequence[Range], fp: Array, tp: Array) -> float:
    """Widest range; 0 where fewer than two groups can be compared."""
    return max((one.width(fp, tp) for one in ranges), default=0.0)
