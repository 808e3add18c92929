"""Fitted classifiers of other libraries as plain arrays: predicting then needs NumPy alone."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from faircore.errors import InputError
from faircore.predictors.network import Network
from faircore.predictors.trees import Trees

_SURE = 80.0  # log-odds whose probability is exactly 0 or 1 in double precision
_ALONE, _LEFT = 2, 4  # Trees: a missing value alone goes its own way; that way is left
_HUGE = np.finfo(np.float64).max  # for infinity, which tells missing values from all others


def predictor_of(estimator: Any, *, n_features: int | None = None) -> Network | Trees:
    """Copy a fitted classifier of two classes into plain arrays.

    Parameters
    ----------
    estimator : classifier
        LGBMClassifier, XGBClassifier (booster ``gbtree``), HistGradientBoostingClassifier,
        LogisticRegression, or DummyClassifier with a strategy that draws nothing. Splits must be
        numeric.
    n_features : int, optional
        Columns it expects, for a classifier that does not know (DummyClassifier).

    Returns
    -------
    Trees or Network
        Its ``predict_proba(X)`` is the estimator's probability of its second class. For X of
        float32 the two agree to 1e-6: of trees always, but for infinite values (where a split tells
        missing values from all others) and for those other than zero that are nearer to it than
        1e-35, which are taken for zero; of a LogisticRegression while each coefficient times its
        feature is of the order of 10 or below, for a network counts in single precision. An exact
        tie at one half is a selection here and none in those libraries.

    Raises
    ------
    InputError
        When the classifier is of another type, not fitted, or not of two classes.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> model = LogisticRegression().fit([[0.0], [1.0], [2.0], [3.0]], [0, 0, 1, 1])
    >>> predictor_of(model).predict_proba(np.array([[1.5]], np.float32)).round(3).tolist()
    [0.5]
    """
    reader = _reader(estimator)
    if reader is None:
        raise InputError(
            f"A {type(estimator).__name__} cannot be copied into plain arrays; "
            f"{', '.join(_READERS)} can. Use one of these, fitted on encoded columns."
        )
    # Some libraries raise another error of their own, of which each is an AttributeError too.
    classes = getattr(estimator, "classes_", None)
    if classes is None:
        raise InputError(f"The {type(estimator).__name__} must be fitted before. Call its fit.")
    if len(classes) != 2 and reader is not _constant:
        raise InputError(
            f"Only a classifier of two classes can be copied; this {type(estimator).__name__} has "
            f"{len(classes)}. Fit it on an outcome with two values."
        )
    if reader is _constant:
        return _constant(estimator, n_features)
    return reader(estimator)


def _reader(estimator: Any) -> Callable[..., Network | Trees] | None:
    """How to read an estimator, by the name of its type: none of their libraries is loaded here."""
    for kind in type(estimator).__mro__:
        package = kind.__module__.partition(".")[0]
        if kind.__name__ in _READERS and package in ("sklearn", "lightgbm", "xgboost"):
            return _READERS[kind.__name__]
    return None


def _lightgbm(estimator: Any) -> Trees:
    return Trees.from_booster(estimator.booster_)


def _logistic(estimator: Any) -> Network:
    coefficients = np.asarray(estimator.coef_, np.float64)
    intercept = np.broadcast_to(np.asarray(estimator.intercept_, np.float64), (1,))
    return Network((coefficients.astype(np.float32),), (intercept.astype(np.float32),))


def _constant(estimator: Any, n_features: int | None = None) -> Trees:
    """A classifier that says the same of everybody."""
    n_features = getattr(estimator, "n_features_in_", n_features)
    strategy, classes = estimator.strategy, list(estimator.classes_)
    if strategy not in ("constant", "most_frequent", "prior") or len(classes) > 2:
        raise InputError(
            f"A DummyClassifier must say the same of everybody, of two classes; its strategy is "
            f"{strategy!r} and its classes are {len(classes)}. Use the strategy 'constant'."
        )
    if n_features is None:
        raise InputError("A DummyClassifier knows no columns. Pass n_features.")
    one = np.zeros((1, n_features))
    # A class of its own says nothing of whether it is the good one, unless it is called so.
    share = estimator.predict_proba(one)[0, -1] if len(classes) == 2 else float(classes[0] == 1)
    share = float(np.clip(share, 0.0, 1.0))
    with np.errstate(divide="ignore"):
        base = float(np.log(share) - np.log1p(-share))
    return Trees.constant(float(np.clip(base, -_SURE, _SURE)), int(n_features))


def _histogram(estimator: Any) -> Trees:
    """Trees of scikit-learn, which adds in double precision and compares with <=."""
    trees = []
    for (predictor,) in estimator._predictors:
        nodes = predictor.nodes
        if nodes["is_categorical"].any():
            raise _categorical(estimator)
        trees.append(
            _one_tree(
                leaf=nodes["is_leaf"].astype(bool),
                feature=nodes["feature_idx"],
                threshold=np.clip(nodes["num_threshold"], -_HUGE, _HUGE),
                below=(nodes["left"], nodes["right"]),
                missing_left=nodes["missing_go_to_left"].astype(bool),
                value=nodes["value"],
                n_features=estimator.n_features_in_,
            )
        )
    base = float(np.ravel(estimator._baseline_prediction)[0])
    return _sum(trees, base, estimator.n_features_in_)


def _xgboost(estimator: Any) -> Trees:
    """Trees of XGBoost, whose numbers are single and which compares with <."""
    booster = estimator.get_booster()
    learner = json.loads(booster.save_raw(raw_format="json"))["learner"]
    model, objective = learner["gradient_booster"], learner["objective"]["name"]
    absent = estimator.get_params().get("missing", np.nan)
    if model["name"] != "gbtree" or objective not in ("binary:logistic", "reg:logistic"):
        raise InputError(
            "Only an XGBClassifier with the booster gbtree and the objective binary:logistic can "
            f"be copied; this one has {model['name']} and {objective}. Train it with these."
        )
    if absent is not None and not np.isnan(absent):
        raise InputError(
            "Only an XGBClassifier whose missing values are NaN can be copied; this one has "
            "another number for them. Train it with missing=nan."
        )
    model = model["model"]
    raw = model["trees"][: _kept(learner, model)]
    n_features = int(learner["learner_model_param"]["num_feature"])
    trees = [_xgboost_tree(tree, n_features, estimator) for tree in raw]
    share = float(learner["learner_model_param"]["base_score"].strip("[]"))
    return _sum(trees, float(np.log(share) - np.log1p(-share)), n_features)


def _kept(learner: Mapping[str, Any], model: Mapping[str, Any]) -> int:
    """Trees it predicts with: up to the best round, where it was stopped early."""
    best = (learner.get("attributes") or {}).get("best_iteration")
    ends = model.get("iteration_indptr", list(range(len(model["trees"]) + 1)))
    return int(ends[-1] if best is None else ends[int(best) + 1])


def _xgboost_tree(tree: Mapping[str, Any], n_features: int, estimator: Any) -> Trees:
    left = np.array(tree["left_children"], np.int64)
    conditions = np.array(tree["split_conditions"], np.float32)
    if any(tree["split_type"]):
        raise _categorical(estimator)
    return _one_tree(
        leaf=left < 0,
        feature=np.array(tree["split_indices"], np.int64),
        # x < c of single numbers is x <= the number before c.
        threshold=np.nextafter(conditions, np.float32(-np.inf)).astype(np.float64),
        below=(left, np.array(tree["right_children"], np.int64)),
        missing_left=np.array(tree["default_left"], bool),
        value=conditions.astype(np.float64),
        n_features=n_features,
    )


def _one_tree(
    *,
    leaf: NDArray[np.bool_],
    feature: NDArray[Any],
    threshold: NDArray[np.float64],
    below: tuple[NDArray[Any], NDArray[Any]],
    missing_left: NDArray[np.bool_],
    value: NDArray[np.float64],
    n_features: int,
) -> Trees:
    """Renumber one tree whose node 0 is its root; nodes cut off from it are left out."""
    order, todo = [], [0]
    while todo:
        node = todo.pop()
        order.append(node)
        if not leaf[node]:
            todo += [int(below[1][node]), int(below[0][node])]
    found = np.array(order)
    inner, ends = found[~leaf[found]], found[leaf[found]]
    number = np.zeros(len(leaf), np.int32)
    number[inner], number[ends] = np.arange(len(inner)), -1 - np.arange(len(ends))
    return Trees(
        root=number[:1],
        feature=feature[inner].astype(np.int32),
        threshold=threshold[inner],
        left=number[below[0][inner].astype(np.intp)],
        right=number[below[1][inner].astype(np.intp)],
        missing=(_ALONE + _LEFT * missing_left[inner]).astype(np.uint8),
        leaf=value[ends].astype(np.float64),
        base=0.0,
        n_features=n_features,
    )


def _sum(trees: list[Trees], base: float, n_features: int) -> Trees:
    """One model of all trees, joined two by two so that no array is copied often."""
    while len(trees) > 1:
        pairs = [a.followed_by(b) for a, b in zip(trees[::2], trees[1::2], strict=False)]
        trees = pairs + trees[2 * len(pairs) :]
    constant = Trees.constant(base, n_features)
    return constant.followed_by(trees[0]) if trees else constant


def _categorical(estimator: Any) -> InputError:
    return InputError(
        f"Only numeric splits can be copied; this {type(estimator).__name__} splits by category. "
        "Encode the categories as numbers and train it again."
    )


_READERS: dict[str, Callable[..., Network | Trees]] = {
    "LGBMClassifier": _lightgbm,
    "XGBClassifier": _xgboost,
    "HistGradientBoostingClassifier": _histogram,
    "LogisticRegression": _logistic,
    "DummyClassifier": _constant,
}
