"""The estimator as Fairlearn trains it, and what it is afterwards."""

from __future__ import annotations

import contextlib
import copy
import inspect
import re
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone

from faircore.errors import InputError


class Oracle:
    """An estimator that counts its fits and remembers what it said of the rows it was fitted on.

    Fairlearn asks each fitted estimator for the same predictions two or three times.
    """

    def __init__(self, model: Any, counter: Counter) -> None:
        self.model, self.counter = model, counter
        self._rows: Any = None
        self._said: Any = None

    def __sklearn_clone__(self) -> Oracle:
        return Oracle(clone(self.model, safe=False), self.counter)

    def __deepcopy__(self, memo: dict[int, Any]) -> Oracle:
        return Oracle(copy.deepcopy(self.model, memo), self.counter)

    def fit(self, X: Any, y: Any, **given: Any) -> Oracle:
        """Fit the estimator and report it."""
        self.model.fit(X, y, **given)
        self._rows, self._said = X, None
        self.counter.add()
        return self

    def predict(self, X: Any) -> Any:
        """Predict with the estimator, or recall."""
        if X is not self._rows:
            return self.model.predict(X)
        if self._said is None:
            self._said = self.model.predict(X)
        return self._said


class Counter:
    """Fits so far, over all copies of an estimator."""

    def __init__(self, on_fit: Callable[[int], None] | None) -> None:
        self.fits, self._on_fit = 0, on_fit

    def add(self) -> None:
        """Count one, and report it."""
        self.fits += 1
        if self._on_fit is not None:
            self._on_fit(self.fits)


def check_takes_weights(estimator: Any, name: str) -> None:
    """Refuse an estimator whose ``fit`` takes no weight of rows under that name."""
    if not all(callable(getattr(estimator, method, None)) for method in ("fit", "predict")):
        raise InputError(
            "estimator must be a classifier with fit and predict; it is a "
            f"{type(estimator).__name__}. Pass one, not fitted, such as LogisticRegression()."
        )
    taken = inspect.signature(estimator.fit).parameters.values()
    if not any(p.name == name or p.kind is p.VAR_KEYWORD for p in taken):
        raise InputError(
            f"The fit of {type(estimator).__name__} takes no {name!r}, and a reduction works by "
            "weighing rows. Choose an estimator that takes weights, or name the argument in "
            "sample_weight_name."
        )


def positive_share(member: Any, X: Any, *, hard: bool = False) -> NDArray[np.float64]:
    """Probability that a fitted member selects each row, (n,); 0 or 1 if it has none or ``hard``.

    Members were fitted on the classes 0 and 1, or on one of them.
    """
    if hard or not hasattr(member, "predict_proba"):
        return np.asarray(member.predict(X), np.float64).ravel()
    classes = list(member.classes_)
    if len(classes) == 1:
        return np.full(len(X), float(classes[0]))
    found: NDArray[np.float64] = np.asarray(member.predict_proba(X), np.float64)[:, 1]
    return found


def forget_rows(estimator: Any) -> None:
    """Take out of a fitted estimator the cells of its rows it does not need to predict.

    LightGBM notes the smallest and largest value of each column, and scikit-learn's histogram
    boosting all limits of its bins, which may be values themselves. Thresholds of trees remain.
    """
    for part in _parts(estimator):
        text = getattr(getattr(part, "booster_", None), "model_to_string", None)
        if text is not None:
            part.booster_.model_from_string(_without_ranges(text(num_iteration=-1)))
        bins: Any = getattr(part, "_bin_mapper", None)
        if hasattr(bins, "bin_thresholds_") and hasattr(bins, "is_categorical_"):
            bins.bin_thresholds_ = [
                limits if category else limits[:0]
                for limits, category in zip(bins.bin_thresholds_, bins.is_categorical_, strict=True)
            ]


def _without_ranges(text: str) -> str:
    """LightGBM's text with the ranges of its columns blank; it reads them and uses them nowhere."""
    return re.sub(
        r"(?m)^feature_infos=.*$",
        lambda line: re.sub(r"\[[^\] ]*:[^\] ]*\]", "[-inf:inf]", line.group()),
        text,
        count=1,
    )


def _parts(estimator: Any) -> Iterator[Any]:
    """An estimator and, of a pipeline, its steps."""
    yield estimator
    with contextlib.suppress(AttributeError, TypeError, ValueError):
        for _, step in estimator.steps:
            yield from _parts(step)
