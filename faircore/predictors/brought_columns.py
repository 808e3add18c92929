"""What a brought model is given, and what it gives back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from faircore.errors import InputError

_NEAR = 1e-6  # single precision ends a little beyond 0 and 1
_MANY = 5  # columns named in a message


def find_reads(
    found: Mapping[str, Any],
    columns: Sequence[str],
    numeric: Sequence[str],
    attributes: Sequence[str],
    name: str,
) -> tuple[str, ...]:
    """Raw columns a model reads, in its order: by their names, or all numbers among the features.

    ``found`` has ``names``, a list or None, ``n_columns``, an int or None, and ``text``, which of
    the named must be text (True) or numbers (False) where the model says so.

    Raises
    ------
    InputError
    """
    if found["named"]:
        reads = tuple(str(c) for c in found["names"])
        absent = [c for c in reads if c not in set(columns)]
        if absent:
            raise InputError(
                f"The model {name!r} reads {len(reads):,} columns by name, and {len(absent):,} of "
                f"them are not in the review: {_listed(absent)}. Add these columns to the review, "
                "or bring a model of the columns it has."
            )
        wrong = [
            c for c, text in zip(reads, found["text"], strict=True)
            if text is False and c not in set(numeric)
        ]  # fmt: skip
        if wrong:
            raise InputError(
                f"The model {name!r} reads numbers, and these columns hold text: {_listed(wrong)}. "
                "Choose their type in the review, or bring a model that reads text."
            )
        return reads
    reads = tuple(c for c in columns if c in set(numeric) and c not in set(attributes))
    n_columns = found["n_columns"]
    if not reads or n_columns not in (None, len(reads)):
        raise InputError(
            f"The model {name!r} was saved without names of columns and reads "
            f"{'some' if n_columns is None else n_columns} numbers per row; the review has "
            f"{len(reads):,} features of numbers. Fit it on a table with column names, so that it "
            "can be told which is which."
        )
    return reads


def find_good(found: Mapping[str, Any], positive: Any, name: str) -> int:
    """Which of the two classes is the good outcome, 0 or 1."""
    classes = [str(c) for c in found["classes"]]
    if positive is None:
        return int(found["second"])
    wanted = class_text(positive)
    if wanted not in classes:
        known = "its two classes" if classes else "none, as the file does not name its classes"
        raise InputError(
            f"The good outcome of the model {name!r} must be one of {known}; what was given is "
            "not. Give one of the classes, or none for the second in order."
        )
    return classes.index(wanted)


def class_text(label: Any) -> str:
    """A class in words: 1.0 and 1 are one."""
    if isinstance(label, float | np.floating) and float(label).is_integer():
        return str(int(label))
    return str(label)


def numbers(column: pd.Series[Any], name: str) -> NDArray[np.float64]:
    """A column as float64, (n,); missing is NaN."""
    try:
        return pd.to_numeric(column).to_numpy(np.float64, na_value=np.nan)
    except (TypeError, ValueError):
        raise InputError(
            f"The model reads the column {name!r} as numbers, and some of its cells are text. "
            "Correct the column, or choose text as its type."
        ) from None


def texts(column: pd.Series[Any]) -> tuple[NDArray[np.int32], list[str]]:
    """A column as codes, (n,), -1 for missing, and the texts they stand for."""
    codes, values = pd.factorize(column)
    return codes.astype(np.int32), [class_text(v) for v in values]


def checked_scores(found: Any, n_rows: int, name: str) -> NDArray[np.float64]:
    """What a model gave, if it is a probability per row."""
    if not isinstance(found, np.ndarray) or found.shape != (n_rows,) or found.dtype.kind != "f":
        raise InputError(
            f"The model {name!r} must give one probability per row for {n_rows:,} rows, and gave "
            "something else. Bring a classifier of two classes."
        )
    scores = found.astype(np.float64)
    wrong = int((~((scores >= -_NEAR) & (scores <= 1 + _NEAR))).sum())
    if wrong:
        raise InputError(
            f"The model {name!r} must give probabilities, from 0 to 1; for {wrong:,} of "
            f"{n_rows:,} rows it gave none or another number. Bring a classifier that gives "
            "probabilities."
        )
    return scores.clip(0.0, 1.0)


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _MANY:,} more" if len(names) > _MANY else ""
    return ", ".join(repr(n) for n in names[:_MANY]) + more
