"""What the repairs share: reading what callers pass, and counting groups by outcome."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.utils.validation import validate_data

from faircore.data import as_frame
from faircore.errors import InputError
from faircore.groups import Groups, Partition
from faircore.predictors import GroupKey

Floats = NDArray[np.float64]
Codes = NDArray[np.intp]


def check_amount(amount: float) -> float:
    """An amount of repair: 0 leaves the rows as they are, 1 repairs them fully."""
    try:
        given = float(amount)
    except (TypeError, ValueError):
        given = np.nan
    if not 0 <= given <= 1:
        raise InputError(
            f"amount must be between 0 (leave as is) and 1 (repair fully); it is {amount!r}. "
            "Change it."
        )
    return given


def crossed(sensitive_features: Any, n_rows: int | None = None) -> tuple[Partition, Codes]:
    """Every attribute crossed with the others: the groups, and the group of each row, (n,)."""
    if sensitive_features is None:
        raise InputError(
            "A repair needs to know who is in which group. Pass sensitive_features: a column of "
            "groups, or a table of several columns to cross."
        )
    if isinstance(sensitive_features, Groups):
        found = sensitive_features
        names = {name for p in found.partitions for name in p.attributes}
        whole = [i for i, p in enumerate(found.partitions) if set(p.attributes) == names]
        if not whole:
            raise InputError(
                f"The rows must be grouped by {', '.join(sorted(names))} crossed; they are grouped "
                "by each alone. Pass the table of attributes, or Groups with that partition."
            )
        partition, codes = found.partitions[whole[0]], found.codes[whole[0]]
    else:
        frame = as_frame(sensitive_features, prefix="group")
        found = Groups.of(frame, partitions=[tuple(frame.columns)])
        partition, codes = found.partitions[0], found.codes[0]
    if n_rows is not None and len(codes) != n_rows:
        raise InputError(
            f"sensitive_features must have one row per row learned from; it has {len(codes):,} "
            f"rows and the others {n_rows:,}. Pass columns of the same table."
        )
    return partition, codes.astype(np.intp) - partition.start


def known_codes(key: GroupKey, sensitive_features: Any, n_rows: int) -> Codes:
    """Group of each new row, (n,), -1 for none; columns without names are taken in order."""
    given = sensitive_features
    if given is None:
        raise InputError(
            f"The repair differs by {' × '.join(key.attributes)} and was not told it. Pass "
            "sensitive_features to transform."
        )
    if not isinstance(given, Groups):
        given = as_frame(given, prefix="group")
        unnamed = not hasattr(sensitive_features, "columns") and not hasattr(
            sensitive_features, "keys"
        )
        if unnamed and given.shape[1] == len(key.attributes):
            given.columns = pd.Index(key.attributes)
    codes = key.codes(given)
    if len(codes) != n_rows:
        raise InputError(
            f"sensitive_features must have one row per row of X; it has {len(codes):,} and X has "
            f"{n_rows:,}. Pass columns of the same table."
        )
    return codes


def read_weights(sample_weight: Any, n_rows: int) -> Floats:
    """Weights, (n,): numbers of zero or more, not all zero."""
    if sample_weight is None:
        return np.ones(n_rows)
    try:
        weights = np.asarray(sample_weight, np.float64)
    except (TypeError, ValueError):
        raise InputError("sample_weight must hold numbers; some of it is text.") from None
    usable = weights.shape == (n_rows,) and np.isfinite(weights).all() and (weights >= 0).all()
    if not usable or not weights.sum() > 0:
        raise InputError(
            f"sample_weight must be {n_rows:,} numbers of zero or more, one per row, not all of "
            f"them zero; it has shape {weights.shape}. Check the column."
        )
    return weights


def read_outcome(y: Any) -> tuple[NDArray[Any], NDArray[np.int8]]:
    """Classes in sorted order, and 1 where a row has the second, good one, (n,)."""
    values = np.asarray(y)
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    missing = values.ndim != 1 or not len(values) or bool(np.asarray(pd.isna(values)).any())
    classes = np.empty(0) if missing else np.unique(values)
    if missing or len(classes) > 2:
        raise InputError(
            f"y must hold one of two outcomes per row, none missing; it has shape {values.shape} "
            f"and {len(classes)} classes. Pass a binary outcome."
        )
    # Where everybody has one outcome it is the good one if it reads as 1.
    good = len(classes) == 1 and classes[0] in (1, True)
    return classes, (values == classes[-1]).astype(np.int8) if len(classes) == 2 or good else (
        np.zeros(len(values), np.int8)
    )


def read_numbers(estimator: Any, X: Any, *, reset: bool) -> Floats:
    """Columns of numbers, (n, d); NaN is missing, and text is refused without repeating it."""
    try:
        found: Floats = validate_data(
            estimator, X, dtype=np.float64, ensure_all_finite="allow-nan", reset=reset
        )
    except ValueError as error:
        if "could not convert" in str(error):
            raise InputError(
                "X must hold numbers, and some of its cells are text. Encode categories first, "
                "for instance with scikit-learn's OneHotEncoder."
            ) from None
        raise
    return found


@dataclass(frozen=True, eq=False)
class Cells:
    """Rows counted by group and outcome.

    Attributes
    ----------
    y : ndarray of int8, shape (n,)
        1 is the good outcome.
    codes : ndarray of int, shape (n,)
        Group of each row, 0 to g - 1.
    weights : ndarray of float64, shape (n,)
    partition : Partition
    """

    y: NDArray[np.int8]
    codes: Codes
    weights: Floats
    partition: Partition

    @classmethod
    def of(cls, y: NDArray[np.int8], sensitive_features: Any, sample_weight: Any) -> Cells:
        """Read groups and weights of rows whose outcome is coded."""
        partition, codes = crossed(sensitive_features, len(y))
        return cls(y, codes, read_weights(sample_weight, len(y)), partition)

    @property
    def flat(self) -> Codes:
        """Number of each row's cell, (n,): twice its group, plus its outcome."""
        return 2 * self.codes + self.y

    @property
    def mass(self) -> Floats:
        """Weight of each cell, shape (g, 2)."""
        size = 2 * len(self.partition.labels)
        mass = np.bincount(self.flat, self.weights, minlength=size).astype(np.float64)
        return mass.reshape(-1, 2)

    def factors(self, amount: float) -> Floats:
        """P(g) P(y) / P(g, y) of each cell, drawn towards 1 by the amount, (g, 2).

        A cell without weight has 1: there is nobody to weigh.
        """
        amount, mass = check_amount(amount), self.mass
        expected = mass.sum(axis=1, keepdims=True) * (mass.sum(axis=0) / mass.sum())
        factors: Floats = np.divide(expected, mass, out=np.ones_like(mass), where=mass > 0)
        return 1 - amount + amount * factors


__all__ = ["Cells", "check_amount", "crossed", "known_codes", "read_numbers", "read_outcome"]
