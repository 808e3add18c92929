from __future__ import annotations

import pickle
import subprocess
import sys
from typing import Any

import lightgbm as lgb
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from safetensors.numpy import load, save

from faircore.errors import InputError
from faircore.predictors import Trees, predictor_from_arrays

Floats = NDArray[np.float64]


def people(n: int = 3000, *, holes: float = 0.0, seed: int = 0) -> tuple[Floats, NDArray[np.int8]]:
    """Rows with zeros, ties and, if asked for, holes."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 6))
    X[:, 1] = rng.integers(-2, 3, n)
    X[:, 2] = np.where(rng.random(n) < 0.6, 0, X[:, 2])
    y = (X[:, 0] + X[:, 1] * X[:, 2] + 0.3 * rng.normal(size=n) > 0).astype(np.int8)
    X[rng.random(X.shape) < holes] = np.nan
    return X, y


def boosted(X: Any, y: Any, *, rounds: int = 30, **params: Any) -> lgb.Booster:
    given = {"objective": "binary", "verbosity": -1, "num_threads": 1, **params}
    return lgb.train(given, lgb.Dataset(X, y), rounds)


# A stump on column 1 and a tree of one leaf.
BY_HAND = Trees(
    root=np.array([0, -3], np.int32),
    feature=np.array([1], np.int32),
    threshold=np.array([0.5]),
    left=np.array([-1], np.int32),
    right=np.array([-2], np.int32),
    missing=np.array([2], np.uint8),
    leaf=np.array([-1.0, 2.0, 0.25]),
    base=0.5,
    n_features=2,
)


def test_rows_by_hand() -> None:
    X = np.array([[9, 0.5], [9, 0.6], [9, np.nan]], np.float32)
    raw = np.array([0.5 - 1 + 0.25, 0.5 + 2 + 0.25, 0.5 + 2 + 0.25])
    np.testing.assert_allclose(BY_HAND.raw_scores(X), raw, atol=1e-15)
    np.testing.assert_allclose(BY_HAND.predict_proba(X), 1 / (1 + np.exp(-raw)), atol=1e-15)
    assert (BY_HAND.n_features, BY_HAND.shape_text) == (2, "2 trees")


def test_huge_scores_are_probabilities() -> None:
    for base, expected in ((-1e30, 0.0), (1e30, 1.0), (0.0, 0.5)):
        assert Trees.constant(base, 1).predict_proba(np.zeros((1, 1), np.float32)) == expected


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("holes", [0.0, 0.2], ids=["full", "holes"])
@pytest.mark.parametrize(
    "params",
    [
        {},
        {"zero_as_missing": True},
        {"use_missing": False},
        {"num_leaves": 200, "min_data_in_leaf": 1},
    ],
    ids=["plain", "zero is missing", "no missing", "deep"],
)
def test_scores_are_lightgbms(params: dict[str, Any], holes: float, dtype: Any) -> None:
    X, y = people(holes=holes)
    booster = boosted(X, y, **params)
    trees = Trees.from_booster(booster)
    # Other rows, more than a chunk, with holes, infinities and thresholds themselves.
    other = people(20_000, holes=0.1, seed=1)[0].astype(dtype)
    other[0], other[1] = np.inf, -np.inf
    other[2 : 2 + 500, 0] = np.resize(trees.threshold, 500).astype(dtype)
    expected = booster.predict(other.astype(np.float64), raw_score=True)
    np.testing.assert_allclose(trees.raw_scores(other), expected, rtol=0, atol=1e-12)
    expected = booster.predict(other.astype(np.float64))
    np.testing.assert_allclose(trees.predict_proba(other), expected, rtol=0, atol=1e-12)


def test_single_precision_is_compared_as_the_number_it_is() -> None:
    X = np.repeat([0.1, 0.3], 50)[:, None]
    trees = Trees.from_booster(boosted(X, np.repeat([0, 1], 50), rounds=1))
    threshold = trees.threshold[0]  # 0.2, which no float32 is
    near = np.float32(threshold)
    X32 = np.array([np.nextafter(near, np.float32(0)), near, np.nextafter(near, np.float32(1))])
    expected = trees.raw_scores(X32.astype(np.float64)[:, None])
    assert trees.raw_scores(X32[:, None]).tolist() == expected.tolist()
    assert len(set(expected.tolist())) == 2


def test_kinds_of_models_of_a_binary_outcome() -> None:
    X, y = people()
    forest = {"boosting": "rf", "bagging_fraction": 0.5, "bagging_freq": 1}
    for params in ({"sigmoid": 0.7}, {"objective": "cross_entropy"}, {"boosting": "dart"}, forest):
        booster = boosted(X, y, **params)
        probability = Trees.from_booster(booster).predict_proba(X)
        np.testing.assert_allclose(probability, booster.predict(X), rtol=0, atol=1e-12)


def test_the_best_round_is_kept_as_lightgbm_keeps_it() -> None:
    X, y = people()
    train = lgb.Dataset(X[:1500], y[:1500])
    booster = lgb.train(
        {"objective": "binary", "verbosity": -1, "learning_rate": 0.5}, train, 100,
        valid_sets=[lgb.Dataset(X[1500:], y[1500:], reference=train)],
        callbacks=[lgb.early_stopping(5, verbose=False)], keep_training_booster=True,
    )  # fmt: skip
    assert 1 < booster.best_iteration < booster.num_trees()
    for kept in (None, 3):
        trees = Trees.from_booster(booster, best_iteration=kept)
        assert trees.n_trees == (kept or booster.best_iteration)
        expected = booster.predict(X, raw_score=True, num_iteration=kept)
        np.testing.assert_allclose(trees.raw_scores(X), expected, rtol=0, atol=1e-12)


def test_nothing_to_split_is_one_leaf() -> None:
    X, y = np.zeros((50, 3)), np.arange(50) % 2
    trees = Trees.from_booster(boosted(X, y, rounds=1), base_score=0.1)
    assert trees.shape_text == "1 tree"
    np.testing.assert_allclose(trees.raw_scores(X), 0.1, atol=1e-12)


def test_one_model_after_another_adds_up() -> None:
    X, y = people()
    first = Trees.from_booster(boosted(X, y), base_score=0.5)
    second = Trees.from_booster(boosted(X, y, learning_rate=0.3, rounds=7), base_score=-2.0)
    both = first.followed_by(second)
    assert both.n_trees == 37
    expected = first.raw_scores(X) + second.raw_scores(X)
    np.testing.assert_allclose(both.raw_scores(X), expected, atol=1e-12)
    np.testing.assert_array_equal(
        Trees.from_arrays(both.to_arrays()).raw_scores(X), both.raw_scores(X)
    )


def test_other_kinds_of_models_are_refused() -> None:
    X, y = people(400)
    frame = pd.DataFrame({"a": X[:, 0], "b": pd.Categorical((X[:, 1] * 7).astype(int))})
    label = (frame["b"].cat.codes % 3 == 1).astype(int)
    categories = boosted(frame, label, min_data_per_group=1, cat_smooth=0, min_data_in_leaf=1)
    linear = boosted(X, y, linear_tree=True)
    several = boosted(X, np.arange(400) % 3, objective="multiclass", num_class=3)
    regression = boosted(X, y, objective="regression")
    for booster in (categories, linear):
        with pytest.raises(InputError, match="numeric splits"):
            Trees.from_booster(booster)
    for booster in (several, regression):
        with pytest.raises(InputError, match="binary outcome"):
            Trees.from_booster(booster)


def test_arrays_survive_safetensors_and_pickle() -> None:
    X, y = people(holes=0.1)
    trees = Trees.from_booster(boosted(X, y), base_score=0.3)
    expected = trees.raw_scores(X)
    for back in (
        predictor_from_arrays(load(save(trees.to_arrays()))),
        pickle.loads(pickle.dumps(trees)),
    ):
        assert isinstance(back, Trees)
        np.testing.assert_array_equal(back.raw_scores(X), expected)
    constant = Trees.from_arrays(load(save(Trees.constant(0.2, 4).to_arrays())))
    assert constant.raw_scores(np.zeros((2, 4))).tolist() == [0.2, 0.2]


ARRAYS = Trees.from_booster(boosted(*people(400), rounds=3)).to_arrays()


@pytest.mark.parametrize(
    ("name", "change", "reason"),
    [
        ("feature", lambda a: None, "missing"),
        ("feature", lambda a: a.astype(np.float64), "missing, or of another"),
        ("feature", lambda a: a[None], "missing, or of another"),
        ("feature", lambda a: a[:-1], "differ in length"),
        ("feature", lambda a: a + 6, "a column there is not"),
        ("feature", lambda a: a - 6, "a column there is not"),
        ("n_features", lambda a: a * 0, "a column there is not"),
        ("n_features", lambda a: np.repeat(a, 2), "another shape"),
        ("base", lambda a: a[:0], "another shape"),
        ("base", lambda a: a * np.nan, "not a number"),
        ("threshold", lambda a: a * np.inf, "not a number"),
        ("leaf", lambda a: a + np.nan, "not a number"),
        ("leaf", lambda a: a[:-1], "exactly one place"),
        ("left", lambda a: np.where(np.arange(len(a)) == 3, 10_000, a).astype(a.dtype), "place"),
        ("left", lambda a: a * 0, "exactly one place"),
        ("root", lambda a: a[:-1], "exactly one place"),
        ("root", lambda a: a * 0, "exactly one place"),
        ("missing", lambda a: a + 8, "missing values"),
        ("missing", lambda a: a * 0 + 3, "missing values"),
    ],
)
def test_damaged_arrays_are_refused(name: str, change: Any, reason: str) -> None:
    with np.errstate(invalid="ignore"):
        damaged = {**ARRAYS, f"tree.{name}": change(ARRAYS[f"tree.{name}"])}
    given = {k: v for k, v in damaged.items() if v is not None}
    with pytest.raises(InputError, match=f"not the arrays of boosted trees.*{reason}"):
        Trees.from_arrays(given)


def test_a_cycle_is_refused() -> None:
    cycle = {
        **Trees.constant(0.0, 1).to_arrays(),
        "tree.feature": np.zeros(2, np.int32),
        "tree.threshold": np.zeros(2),
        "tree.left": np.array([1, 0], np.int32),
        "tree.right": np.array([-1, -2], np.int32),
        "tree.missing": np.zeros(2, np.uint8),
        "tree.leaf": np.zeros(2),
    }
    with pytest.raises(InputError, match="hangs below itself"):
        Trees.from_arrays(cycle)


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_one_changed_number_is_refused_or_harmless(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from([n for n in ARRAYS if ARRAYS[n].dtype.kind != "f"]))
    array = ARRAYS[name].copy()
    info = np.iinfo(array.dtype)
    place = data.draw(st.integers(0, len(array) - 1))
    array[place] = data.draw(
        st.one_of(st.integers(-40, 120), st.integers(info.min, info.max)).filter(
            lambda v: info.min <= v <= info.max
        )
    )
    try:
        trees = Trees.from_arrays({**ARRAYS, name: array})
    except InputError:
        return
    X = np.zeros((3, min(trees.n_features, 1000)), np.float32)
    if trees.n_features <= 1000:
        assert np.isfinite(trees.predict_proba(X)).all()


@pytest.mark.parametrize("shape", [(2, 3), (2,), (2, 2, 2)])
def test_another_number_of_columns_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match="expects 2 encoded columns"):
        BY_HAND.predict_proba(np.zeros(shape, np.float32))


def test_no_row_gives_no_score() -> None:
    assert BY_HAND.predict_proba(np.empty((0, 2), np.float32)).shape == (0,)


def test_predicting_loads_neither_lightgbm_nor_torch() -> None:
    code = (
        "import sys, numpy as np; from faircore.predictors import Trees;"
        "Trees.constant(0.0, 2).predict_proba(np.zeros((1, 2))); print(*sys.modules)"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert not {"lightgbm", "torch", "sklearn", "fairlearn"} & set(loaded)


def test_a_split_that_tells_missing_values_from_all_others_survives() -> None:
    """LightGBM writes its threshold as infinity."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(600, 1))
    X[rng.random(600) < 0.5] = np.nan
    y = np.where(np.isnan(X[:, 0]), rng.random(600) < 0.9, rng.random(600) < 0.1)
    booster = lgb.train(
        {"objective": "binary", "verbosity": -1, "num_leaves": 2, "num_threads": 1},
        lgb.Dataset(X, y.astype(float)),
        num_boost_round=3,
    )
    assert "threshold=inf" in booster.model_to_string()
    trees = predictor_from_arrays(Trees.from_booster(booster).to_arrays())
    assert isinstance(trees, Trees)
    np.testing.assert_allclose(trees.predict_proba(X), booster.predict(X), atol=1e-12)
