from __future__ import annotations

import subprocess
import sys
from typing import Any

import lightgbm as lgb
import numpy as np
import pandas as pd
import pytest
import xgboost as xgb
from numpy.typing import NDArray
from safetensors.numpy import load, save
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression

from faircore.errors import InputError
from faircore.predictors import Network, Trees, predictor_from_arrays
from faircore.predictors.converted import predictor_of

Rows = tuple[NDArray[np.float32], NDArray[np.int64]]


def people(n: int = 2000, *, holes: float = 0.0, seed: int = 0) -> Rows:
    """Rows with ties, zeros and, if asked for, holes that say something of the outcome."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 5)).astype(np.float32)
    X[:, 1] = rng.integers(-2, 3, n)
    X[:, 2] = np.where(rng.random(n) < 0.5, 0, X[:, 2])
    y = (X[:, 0] + X[:, 1] * X[:, 2] + 0.5 * rng.normal(size=n) > 0.3).astype(int)
    X[rng.random(X.shape) < holes * (1 + y[:, None]) / 2] = np.nan
    return X, y


def probability(model: Any, X: NDArray[np.float32]) -> NDArray[np.float64]:
    return np.asarray(model.predict_proba(X)[:, 1], np.float64)


TREES: dict[str, Any] = {
    "lightgbm": lgb.LGBMClassifier(n_estimators=40, verbosity=-1, n_jobs=1),
    "lightgbm deep": lgb.LGBMClassifier(
        n_estimators=20, num_leaves=200, min_child_samples=1, verbosity=-1, n_jobs=1
    ),
    "hist": HistGradientBoostingClassifier(max_iter=40),
    "hist deep": HistGradientBoostingClassifier(max_iter=20, max_leaf_nodes=None),
    "xgboost": xgb.XGBClassifier(n_estimators=40, n_jobs=1),
    "xgboost exact": xgb.XGBClassifier(n_estimators=30, tree_method="exact", n_jobs=1, gamma=1.0),
    "xgboost leafwise": xgb.XGBClassifier(
        n_estimators=30, grow_policy="lossguide", max_leaves=40, max_depth=0, n_jobs=1
    ),
    "xgboost forest": xgb.XGBRFClassifier(n_estimators=10, n_jobs=1),
    "xgboost base": xgb.XGBClassifier(n_estimators=5, base_score=0.9, n_jobs=1),
}  # fmt: skip


@pytest.mark.parametrize("name", TREES)
@pytest.mark.parametrize("holes", [0.0, 0.2], ids=["full", "holes"])
def test_trees_say_what_the_original_says(name: str, holes: float) -> None:
    X, y = people(holes=holes)
    model = TREES[name].fit(X, y)
    copy = predictor_of(model)
    assert isinstance(copy, Trees)
    # Other rows, with holes where there were none, and every threshold itself.
    other = people(3000, holes=0.1, seed=1)[0]
    for j in range(5):
        cuts = copy.threshold[(copy.feature == j) & (np.abs(copy.threshold) < 1e30)]
        cuts = cuts.astype(np.float32)
        other[: len(cuts), j] = cuts[:3000]
        above = np.nextafter(cuts[:1000], np.float32(np.inf))
        other[3000 - len(above) :, j] = above
    other[np.abs(other) < 1e-30] = 0  # nearer to zero they are taken for zero
    np.testing.assert_allclose(copy.predict_proba(other), probability(model, other), atol=1e-6)
    back = predictor_from_arrays(load(save(copy.to_arrays())))
    assert isinstance(back, Trees)
    np.testing.assert_array_equal(back.predict_proba(other), copy.predict_proba(other))


@pytest.mark.parametrize("kind", ["xgboost", "lightgbm"])
def test_the_best_round_is_kept(kind: str) -> None:
    X, y = people()
    if kind == "xgboost":
        model: Any = xgb.XGBClassifier(
            n_estimators=200, learning_rate=0.5, early_stopping_rounds=3, n_jobs=1
        ).fit(X[:1000], y[:1000], eval_set=[(X[1000:], y[1000:])], verbose=False)
        kept = model.best_iteration + 1
    else:
        model = lgb.LGBMClassifier(n_estimators=200, learning_rate=0.5, verbosity=-1, n_jobs=1).fit(
            X[:1000], y[:1000], eval_X=X[1000:], eval_y=y[1000:],
            callbacks=[lgb.early_stopping(3, verbose=False)],
        )  # fmt: skip
        kept = model.best_iteration_
    copy = predictor_of(model)
    assert isinstance(copy, Trees)
    assert copy.n_trees == kept < 200
    np.testing.assert_allclose(copy.predict_proba(X), probability(model, X), atol=1e-6)


def test_a_logistic_regression_is_a_network_without_layers() -> None:
    X, y = people()
    model = LogisticRegression(C=10).fit(X, np.where(y, "yes", "no"))
    copy = predictor_of(model)
    assert isinstance(copy, Network)
    assert copy.shape_text == "no hidden layer"
    np.testing.assert_allclose(copy.predict_proba(X), probability(model, X), atol=1e-6)
    flat = LogisticRegression(fit_intercept=False).fit(X, y)
    np.testing.assert_allclose(predictor_of(flat).predict_proba(X), probability(flat, X), atol=1e-6)


@pytest.mark.parametrize("constant", [0, 1])
def test_a_constant_is_a_tree_less_model(constant: int) -> None:
    X, y = people(50)
    model = DummyClassifier(strategy="constant", constant=constant).fit(X, np.full(50, constant))
    copy = predictor_of(model, n_features=5)
    assert copy.predict_proba(X).tolist() == [float(constant)] * 50
    both = DummyClassifier(strategy="constant", constant=constant).fit(X, y)
    assert set(predictor_of(both, n_features=5).predict_proba(X).tolist()) == {float(constant)}
    prior = DummyClassifier(strategy="prior").fit(X, y)
    np.testing.assert_allclose(
        predictor_of(prior, n_features=5).predict_proba(X), y.mean(), atol=1e-12
    )
    for kept in (predictor_of(model, n_features=5), predictor_of(prior, n_features=5)):
        assert isinstance(kept, Trees)
        Trees.from_arrays(kept.to_arrays())


X0, Y0 = people(300)
FRAME = pd.DataFrame({"a": X0[:, 0], "b": pd.Categorical((X0[:, 1] * 7).astype(int))})
BY_CATEGORY = (np.arange(300) % 3 == 0) ^ (FRAME["b"].cat.codes % 2 == 0)


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        (RandomForestClassifier(3).fit(X0, Y0), "A RandomForestClassifier cannot .*LGBMClass"),
        (object(), "An? object cannot be copied"),
        (LogisticRegression(), "must be fitted"),
        (lgb.LGBMClassifier(), "must be fitted"),
        (xgb.XGBClassifier(), "must be fitted"),
        (LogisticRegression().fit(X0, np.arange(300) % 3), "has 3"),
        (DummyClassifier(strategy="stratified").fit(X0, Y0), "'stratified'"),
        (xgb.XGBClassifier(booster="gblinear").fit(X0, Y0), "gbtree"),
        (xgb.XGBClassifier(n_estimators=2, missing=0.0).fit(X0, Y0), "missing"),
        (
            HistGradientBoostingClassifier(max_iter=3, categorical_features=["b"]).fit(
                FRAME, BY_CATEGORY
            ),
            "by category",
        ),
        (
            xgb.XGBClassifier(n_estimators=3, enable_categorical=True).fit(FRAME, BY_CATEGORY),
            "by category",
        ),
    ],
    ids=lambda v: type(v).__name__ if not isinstance(v, str) else "",
)
def test_what_cannot_be_copied_is_refused(model: Any, reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        predictor_of(model)


def test_reading_loads_none_of_the_libraries() -> None:
    code = "import sys, faircore.predictors.converted; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert not {"lightgbm", "xgboost", "sklearn", "torch", "fairlearn"} & set(loaded)
