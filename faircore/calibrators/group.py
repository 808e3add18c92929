"""Calibration per group that borrows from larger groups where rows are few."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from faircore.calibrators.group_hierarchy import crossings, fit_groups
from faircore.calibrators.rules import Rules
from faircore.calibrators.tally import Sample
from faircore.data import as_frame
from faircore.errors import InputError
from faircore.groups import Groups
from faircore.metrics.inputs import as_scores
from faircore.predictors.group_maps import GroupMaps

MOST_ATTRIBUTES = 6
"""Attributes that are crossed at most: with more there are hundreds of crossings."""

_COLUMNS = ("n", "n_effective", "n_positive", "method", "own", "parent", "reason", "statistic",
    "p_value", "raw_slope", "raw_offset", "slope_error", "offset_error", "slope", "offset",
    "weight", "slope_weight")  # fmt: skip
_PARAMETERS = ("min_group_size", "shrinkage", "fallback", "alpha", "isotonic_rows",
    "isotonic_positives", "unseen", "seed")  # fmt: skip


class GroupFairnessCalibrator(BaseEstimator):  # type: ignore[misc]
    """Calibrate scores for every group, each as far as its rows can carry it.

    Everybody's map comes first. A group's map is the one of the group above it, moved by a slope
    and an offset of its own on the log-odds; where its rows do not show that these are needed, it
    uses the one above. With several attributes the groups are the cells of their crossing, and
    above a cell are the cells with one attribute less.

    Parameters
    ----------
    method : str or mapping of str or tuple of str to str
        ``"none"``, ``"platt"``, ``"temperature"``, ``"beta"``, ``"isotonic"`` or ``"automatic"``:
        Platt, beta or isotonic for groups large enough for all three, by five-fold
        cross-validation (the simplest within one standard error of the smallest log loss), else
        Platt. In a mapping, by group name, such as ``"a · b"``, or labels, such as ``("a", "b")``;
        ``"*"`` stands for all others and everybody, automatic by default. A temperature cannot
        repair scores that are all too high or all too low.
    min_group_size : int
        Rows a group needs for a map of its own.
    shrinkage : bool
        Draw each group's own slope and offset towards its parent's map, the more the fewer its
        rows and the more alike its siblings. Isotonic and beta maps of large groups are not drawn.
    fallback : {"parent", "everybody", "refuse"}
        The group above: the one with one attribute less, of several the one with the smaller log
        loss on the group's rows;
        everybody; or an error where a group cannot have a map of its own for want of rows or of an
        outcome.
    alpha : float
        Level of the likelihood-ratio test of a group's slope and offset against its parent's map,
        0 to 1. With 1 nothing is tested and shrinkage alone decides how far a group goes its own
        way: see the notes.
    isotonic_rows, isotonic_positives : int
        A group may have an isotonic or beta map with so many rows, or with so many of either
        outcome; else it has Platt's, and ``reason`` is ``few_for_flexible``.
    unseen : {"parent", "pooled", "refuse"}
        What becomes of a row whose crossed group was not there: it is held to the closest known
        group above it, to everybody's map, or refused.
    seed : int
        Of the folds of the cross-validation.

    Attributes
    ----------
    maps_ : GroupMaps
        What transforms; plain numbers.
    report_ : DataFrame
        One row per group, everybody first: ``group``, ``attributes``, ``n``, ``n_effective``,
        ``n_positive``, ``method`` in use, ``own``, ``parent``, ``reason``, ``statistic`` and
        ``p_value`` of the test, ``raw_slope`` and ``raw_offset`` on top of the parent's map with
        ``slope_error`` and ``offset_error``, ``slope`` and ``offset`` in use, ``weight`` and
        ``slope_weight`` (shares of the own offset and slope that are kept) and ``words``. NaN
        where there is none.

    Notes
    -----
    The rows must not be those that judge the result, nor those that trained the scores.

    Shares kept are τ² / (τ² + se²), averaged over what the siblings' marginal likelihood says of
    τ; the offset is drawn where the group's scores are, where it and the slope are uncorrelated.
    Weights count as evidence of (Σw)² / Σw² rows, in tests, standard errors and sizes alike, so
    that only their proportions matter. Rows of weight 0 count as absent.

    Testing before fitting is a choice for simplicity, not for accuracy: a group whose difference
    is real but not significant keeps its parent's bias, and one that is just significant looks
    more different than it is. ``benchmarks/calibrators_small_groups.py`` measures both.

    References
    ----------
    Platt 1999; Guo et al. 2017; Kull, Silva Filho & Flach 2017; Zadrozny & Elkan 2002; Morris 1983.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> group = rng.choice(["a", "b"], 2000, p=[0.9, 0.1])
    >>> scores = rng.uniform(size=2000)
    >>> y_true = rng.random(2000) < np.where(group == "b", scores / 2, scores)
    >>> calibrator = GroupFairnessCalibrator("platt").fit(scores, y_true, group)
    >>> calibrator.transform([0.5, 0.5], ["a", "b"]).round(1).tolist()
    [0.5, 0.2]
    """

    def __init__(
        self,
        method: str | Mapping[Any, str] = "automatic",
        *,
        min_group_size: int = 30,
        shrinkage: bool = True,
        fallback: str = "parent",
        alpha: float = 0.05,
        isotonic_rows: int = 1000,
        isotonic_positives: int = 200,
        unseen: str = "parent",
        seed: int = 0,
    ) -> None:
        self.method = method
        self.min_group_size = min_group_size
        self.shrinkage = shrinkage
        self.fallback = fallback
        self.alpha = alpha
        self.isotonic_rows = isotonic_rows
        self.isotonic_positives = isotonic_positives
        self.unseen = unseen
        self.seed = seed

    def fit(
        self, scores: Any, y_true: Any, sensitive_features: Any = None, sample_weight: Any = None
    ) -> Self:
        """Fit everybody's map and those of the groups.

        Parameters
        ----------
        scores : array, shape (n,)
            Probabilities of the good outcome, in [0, 1].
        y_true : array of 0 and 1, shape (n,)
        sensitive_features : array, Series, mapping or DataFrame, n rows, optional
            One attribute, or one column per attribute, six at most. Missing values form a group.
            Without it one map serves everybody.
        sample_weight : array, shape (n,), optional
            Zero or more.

        Raises
        ------
        InputError
            When a parameter is outside its range, the columns cannot be used, all rows have one
            outcome, or groups are too small and ``fallback`` is ``"refuse"``.
        """
        rules = Rules(self.method, **{name: getattr(self, name) for name in _PARAMETERS})
        sample, order = Sample.read_ordered(scores, y_true, sample_weight)
        # The unit of weights means nothing here, and their squares could overflow.
        sample = Sample(sample.scores, sample.y, sample.weights / sample.weights.max())
        if sample.one_outcome:
            raise InputError(
                "A calibrator learns from rows of both outcomes, and y_true holds one (among rows "
                "of a weight above zero). Pass more held-out rows."
            )
        groups = None
        if sensitive_features is not None:
            frame = as_frame(sensitive_features, prefix="group")
            _check_frame(frame, np.size(y_true))
            groups = Groups.of(frame, partitions=crossings(list(frame.columns)))
            rules.check_names(groups.partitions)
            groups = groups.take(order.astype(np.int64))
        elif isinstance(self.method, Mapping):
            rules.check_names(())
        self.maps_ = fit_groups(sample, groups, rules)
        return self

    def transform(self, scores: Any, sensitive_features: Any = None) -> NDArray[np.float64]:
        """Calibrated scores, (n,) in [0, 1].

        Parameters
        ----------
        scores : array, shape (n,)
        sensitive_features : array, Series, mapping or DataFrame, n rows, optional
            As in ``fit``; not read where one map serves everybody.

        Raises
        ------
        sklearn.exceptions.NotFittedError
        InputError
            When the groups are missing, numbers of rows differ, a score is no probability, or a
            row's group is unknown and such rows are refused.
        """
        check_is_fitted(self, "maps_")
        if not np.size(scores):
            return np.empty(0)
        found = as_scores(scores, name="scores")
        if not self.needs_groups:
            return self.maps_.apply(found)
        if sensitive_features is None:
            raise InputError(
                f"This calibrator goes by {' and '.join(self.needs_groups)} and was not told "
                "these. Pass sensitive_features, or fit without them to calibrate all alike."
            )
        prefix = self.needs_groups[0] if len(self.needs_groups) == 1 else "group"
        return self.maps_.apply(found, as_frame(sensitive_features, prefix=prefix))

    def fit_transform(
        self, scores: Any, y_true: Any, sensitive_features: Any = None, sample_weight: Any = None
    ) -> NDArray[np.float64]:
        """Fit, and calibrate the same rows: to look at, not to judge by."""
        self.fit(scores, y_true, sensitive_features, sample_weight)
        return self.transform(scores, sensitive_features)

    @property
    def needs_groups(self) -> tuple[str, ...]:
        """Attributes that ``transform`` must be told; empty where one map serves everybody."""
        check_is_fitted(self, "maps_")
        return self.maps_.attributes

    @property
    def report_(self) -> pd.DataFrame:
        """One row per group: what it uses and why."""
        check_is_fitted(self, "maps_")
        rows = [
            {"group": fit.name, "attributes": " × ".join(fit.attributes)}
            | {name: getattr(fit, name) for name in _COLUMNS}
            | {"words": fit.in_words()}
            for fit in self.maps_.report
        ]
        numbers = dict.fromkeys(_COLUMNS[7:], np.float64)
        return pd.DataFrame(rows).astype(numbers)

    def to_dict(self) -> dict[str, Any]:
        """Parameters and maps as plain data, fit for JSON, that :meth:`from_dict` reads."""
        check_is_fitted(self, "maps_")
        method: Any = self.method
        if isinstance(method, Mapping):
            method = [[k if isinstance(k, str) else list(k), v] for k, v in method.items()]
        parameters = {name: getattr(self, name) for name in _PARAMETERS}
        return {"method": method, **parameters, "maps": self.maps_.to_dict()}

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> Self:
        """Read a fitted calibrator that :meth:`to_dict` wrote."""
        method = raw["method"]
        if not isinstance(method, str):
            method = {k if isinstance(k, str) else tuple(k): v for k, v in method}
        found = cls(method, **{name: raw[name] for name in _PARAMETERS})
        found.maps_ = GroupMaps.from_dict(raw["maps"])
        return found


def _check_frame(frame: pd.DataFrame, n_rows: int) -> None:
    if len(frame) != n_rows:
        raise InputError(
            f"sensitive_features must have one row per row of y_true; it has {len(frame):,}, "
            f"y_true {n_rows:,}. Pass columns of the same table."
        )
    if not 1 <= len(frame.columns) <= MOST_ATTRIBUTES:
        raise InputError(
            f"Calibration crosses 1 to {MOST_ATTRIBUTES} attributes; sensitive_features has "
            f"{len(frame.columns)}. Choose those that matter, or leave it out to calibrate "
            "everybody alike."
        )
