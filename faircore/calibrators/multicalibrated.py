"""Multicalibration without groups: scores corrected by trees over what a model sees anyway."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from faircore.calibrators.multicalibrated_inputs import (
    FOLDS,
    Floats,
    as_columns,
    folds_of,
    group_balance,
    whole,
)
from faircore.calibrators.multicalibrated_judge import Verdict, explain, judge
from faircore.calibrators.multicalibrated_rounds import Growth, Rows, fit_round
from faircore.errors import InputError
from faircore.groups import Groups
from faircore.metrics.inputs import as_binary, as_scores, as_weights, same_length
from faircore.predictors import Predictor
from faircore.predictors.corrected import Corrected, corrected_scores
from faircore.predictors.score_map import log_odds
from faircore.predictors.trees import Trees

FEWEST_OF_AN_OUTCOME = 25
"""Rows of the rarer outcome below which nothing is corrected."""


class MulticalibratedCorrection(BaseEstimator):  # type: ignore[misc]
    """Correct a score wherever the columns show that it misses.

    Boosting on what the score gets wrong, over the columns and the score itself: groups that the
    columns describe become calibrated though no group is told when the correction is used. What
    the columns do not show stays. To be told a group as well, append it to the columns, when
    fitting and when transforming.

    The rows are cut into five folds, by outcome and group. In turn one judges, one stops the
    boosting and three are learned from; the five corrections are averaged. A round is kept only
    when on rows that its fits did not see the log loss falls by more than its standard error, and
    the groups are not worse calibrated. Otherwise the scores stay as they are, bit for bit. A
    later round learns from what the folds of the one before left over, and so has seen a little
    of all rows.

    Parameters
    ----------
    max_rounds : int
        Rounds at most, 0 or more. Each sees the log-odds of the one before. On planted errors,
        from 1,500 to 50,000 rows, a second one never passed.
    max_trees : int
        Trees at most, of each fold and round, 0 or more.
    num_leaves, min_rows_per_leaf : int, int
        Leaves of a tree, 2 or more; rows of a leaf, 1 or more.
    learning_rate : float
        Above 0 and at most 1.
    balance_groups : bool
        Whether groups count more when learning and stopping the smaller they are: each row by the
        root of (mean size of a group / size of its group), averaged over the partitions.
    seed : int
        Of the folds, 0 or more.

    Attributes
    ----------
    rounds_ : tuple of Trees
        Averaged over the folds. Empty when nothing is corrected.
    slopes_ : tuple of float
        What each round multiplies the log-odds by.
    n_trees_ : int
    n_features_in_ : int
        Columns of X.
    kept_ : bool
        Whether anything is corrected.
    reason_ : str
        Why, or why not, and whether groups are left that only a calibrator told the group repairs.
    report_ : dict
        ``rows``, ``rows_learned``, ``rows_stopping`` and ``rows_held_out`` (per fold; all rows are
        held out once); ``log_loss_before``, ``log_loss_after``, ``log_loss_change`` and
        ``log_loss_change_error`` (paired standard error), ``group_error_before`` and ``_after``
        (mean over the groups of the debiased squared calibration error), ``max_group_error_before``
        and ``_after`` (largest standardised ECCE, above about 2.5 more than chance in one group),
        ``groups_off_before`` and ``_after``, ``n_groups``: on held-out rows, of the correction as
        kept or, when none was, as tried; NaN when none was tried. ``tried``, ``kept`` (rounds),
        ``reason``.

    References
    ----------
    Hébert-Johnson et al. 2018; Tax et al. 2025 (boosting on columns and the current prediction);
    Hansen et al. 2024 (keep a patch only if a held-out part improves); Bühlmann & Hothorn 2007.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(4000, 2)).astype(np.float32)
    >>> true = 1 / (1 + np.exp(-X[:, 0] - 1.5 * (X[:, 1] > 1)))
    >>> y, scores = (rng.random(4000) < true).astype(int), 1 / (1 + np.exp(-X[:, 0]))
    >>> correction = MulticalibratedCorrection().fit(X, scores, y)
    >>> correction.kept_
    True
    >>> missed = np.abs(correction.transform(X, scores) - true)
    >>> bool(missed.mean() < np.abs(scores - true).mean() / 1.5)
    True
    """

    def __init__(
        self,
        *,
        max_rounds: int = 1,
        max_trees: int = 200,
        num_leaves: int = 4,
        min_rows_per_leaf: int = 30,
        learning_rate: float = 0.1,
        balance_groups: bool = True,
        seed: int = 0,
    ) -> None:
        self.max_rounds = max_rounds
        self.max_trees = max_trees
        self.num_leaves = num_leaves
        self.min_rows_per_leaf = min_rows_per_leaf
        self.learning_rate = learning_rate
        self.balance_groups = balance_groups
        self.seed = seed

    def fit(
        self,
        X: Any,
        scores: Any,
        y_true: Any,
        sensitive_features: Any = None,
        sample_weight: Any = None,
        entity: Any = None,
    ) -> Self:
        """Learn a correction, and whether to use it.

        Parameters
        ----------
        X : array or DataFrame of numbers, shape (n, d)
            Encoded columns, as the model reads them. NaN is missing. Read in single precision.
        scores : array, shape (n,)
            What the model says of these rows, in [0, 1]. It must not have learned from them.
        y_true : array of 0 and 1, shape (n,)
        sensitive_features : array, Series, DataFrame or Groups, n rows, optional
            Who must be calibrated. Used for folds, weights and the decision, never as columns.
        sample_weight : array, shape (n,), optional
            Zero or more; a row of weight 0 is left out.
        entity : array, shape (n,), optional
            Who each row is about: rows of one person are in one fold, so that none judges what
            another taught.

        Raises
        ------
        InputError
            When lengths differ, values are out of range, or a setting is.
        """
        growth = Growth(
            self.max_trees,
            self.num_leaves,
            self.min_rows_per_leaf,
            self.learning_rate,
            self.seed,
        )
        whole("max_rounds", self.max_rounds, 0)
        y = as_binary(y_true, name="y_true")
        scores = as_scores(scores, name="scores")
        same_length("scores", scores, len(y))
        X = as_columns(X, len(y))
        weight = as_weights(sample_weight, n_rows=len(y))
        groups = Groups.of(np.zeros(len(y)) if sensitive_features is None else sensitive_features)
        same_length("sensitive_features", groups.codes[0], len(y))
        self.n_features_in_ = X.shape[1]
        self.rounds_: tuple[Trees, ...] = ()
        self.slopes_: tuple[float, ...] = ()
        used = np.flatnonzero(np.ones(len(y)) if weight is None else weight)
        counted = np.ones(len(y)) if weight is None else weight / weight[used].mean()
        groups = groups.take(used)
        people = None if entity is None else np.asarray(entity)[used]
        balance = group_balance(groups, counted[used]) if self.balance_groups else 1.0
        rows = Rows(
            X[used], y[used], counted[used] * balance, folds_of(y[used], groups, self.seed, people)
        )
        self._fit(rows, log_odds(scores[used]), counted[used], groups, growth)
        return self

    def _fit(
        self, rows: Rows, start: Floats, weight: Floats, groups: Groups, growth: Growth
    ) -> None:
        raw, kept, last, tried = start, None, None, 0
        rarer = min(int(rows.y.sum()), int(len(rows.y) - rows.y.sum()))
        while tried < self.max_rounds and rarer >= FEWEST_OF_AN_OUTCOME:
            trees, slope, after = fit_round(rows, raw, growth)
            tried += 1
            last = judge(rows, raw, after, weight, groups)
            if not last.keeps:
                break
            self.rounds_, self.slopes_ = (*self.rounds_, trees), (*self.slopes_, slope)
            raw, kept = after, judge(rows, start, after, weight, groups)
        self.n_trees_ = sum(trees.n_trees for trees in self.rounds_)
        self.kept_ = kept is not None
        if kept is not None:
            self.reason_ = explain(kept, kept=True)
        elif last is not None:
            self.reason_ = explain(last, kept=False)
        elif not self.max_rounds:
            self.reason_ = "Nothing was tried: the number of rounds is 0."
        else:
            self.reason_ = (
                f"Nothing was tried: the rarer outcome has {rarer} rows, and a correction needs "
                f"{FEWEST_OF_AN_OUTCOME} at least."
            )
        self.report_ = {
            "rows": len(rows.y),
            **_fold_sizes(rows.fold),
            **_figures(kept or last),
            "tried": tried,
            "kept": len(self.rounds_),
            "reason": self.reason_,
        }

    def transform(self, X: Any, scores: Any) -> NDArray[np.float64]:
        """Correct scores, (n,) in [0, 1].

        Parameters
        ----------
        X : array or DataFrame of numbers, shape (n, d)
            The columns it was fitted on. NaN is missing.
        scores : array, shape (n,)
            What the model says of these rows, in [0, 1].

        Raises
        ------
        sklearn.exceptions.NotFittedError
        InputError
            When the columns or scores are not as described.
        """
        check_is_fitted(self, "rounds_")
        scores = as_scores(scores, name="scores")
        X = as_columns(X, len(scores))
        if X.shape[1] != self.n_features_in_:
            raise InputError(
                f"This correction was fitted on {self.n_features_in_} columns; got {X.shape[1]}. "
                "Pass the columns it was fitted on."
            )
        return corrected_scores(self.rounds_, self.slopes_, X, scores)

    def corrected(self, base: Predictor) -> Corrected:
        """A model and its correction, as a predictor that is saved as plain arrays.

        Parameters
        ----------
        base : Predictor
            The model whose scores it was fitted on.

        Raises
        ------
        sklearn.exceptions.NotFittedError
        InputError
            When ``base`` reads another number of columns.
        """
        check_is_fitted(self, "rounds_")
        if base.n_features not in (None, self.n_features_in_):
            raise InputError(
                f"This correction was fitted on {self.n_features_in_} columns, and the model "
                f"expects {base.n_features}. Pass the model whose scores it was fitted on."
            )
        return Corrected(base, self.rounds_, self.slopes_)


def _fold_sizes(fold: NDArray[np.intp]) -> dict[str, int]:
    """Rows of one fold's fit, about the same for all."""
    sizes = np.bincount(fold, minlength=FOLDS)
    held, stopping = int(sizes[0]), int(sizes[1])
    return {
        "rows_learned": len(fold) - held - stopping,
        "rows_stopping": stopping,
        "rows_held_out": held,
    }


def _figures(verdict: Verdict | None) -> dict[str, float]:
    names = {
        "log_loss_before": "loss_before", "log_loss_after": "loss_after",
        "log_loss_change": "change", "log_loss_change_error": "change_error",
        "group_error_before": "error_before", "group_error_after": "error_after",
        "max_group_error_before": "largest_before", "max_group_error_after": "largest_after",
        "groups_off_before": "off_before", "groups_off_after": "off_after", "n_groups": "n_groups",
    }  # fmt: skip
    return {
        name: float("nan") if verdict is None else getattr(verdict, attribute)
        for name, attribute in names.items()
    }
