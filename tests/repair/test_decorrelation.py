from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pandas as pd
import pytest
from fairlearn.preprocessing import CorrelationRemover
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.utils.estimator_checks import parametrize_with_checks
from sklearn.utils.validation import _num_samples

from faircore.errors import InputError
from faircore.predictors import GroupKey, Inputs, Network
from faircore.predictors.repaired import Decorrelated, repaired_from_arrays
from faircore.repair import Decorrelator


def people(
    n: int = 300, seed: int = 0, groups: int = 3
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    rng = np.random.default_rng(seed)
    group = rng.integers(0, groups, n)
    X = np.column_stack([rng.normal(size=n) + group, 1e3 * rng.normal(size=n) - 200.0 * group])
    return X, group


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 6), st.floats(0, 1))
def test_it_is_fairlearns_over_indicators(seed: int, groups: int, amount: float) -> None:
    X, group = people(60 + 10 * groups, seed, groups)
    indicators = group[:, None] == np.unique(group)
    remover = CorrelationRemover(
        sensitive_feature_ids=range(2, 2 + indicators.shape[1]), alpha=amount
    )
    expected = remover.fit_transform(np.column_stack([X, indicators]))
    decorrelator = Decorrelator(amount, min_rows=1).fit(X, sensitive_features=group)
    found = decorrelator.transform(X, sensitive_features=group)
    np.testing.assert_allclose(found, expected, atol=1e-8)
    new, labels = X[::-1] * 1.7, group[::-1]
    expected = remover.transform(np.column_stack([new, labels[:, None] == np.unique(group)]))
    found = decorrelator.transform(new, sensitive_features=labels)
    np.testing.assert_allclose(found, expected, atol=1e-8)
    nothing = Decorrelator(0.0).fit_transform(X, sensitive_features=group)
    np.testing.assert_array_equal(nothing, X)


def test_afterwards_groups_have_the_same_means() -> None:
    X, group = people()
    moved = Decorrelator().fit_transform(X, sensitive_features=group)
    for g in range(3):
        np.testing.assert_allclose(moved[group == g].mean(axis=0), X.mean(axis=0), atol=1e-8)
    half = Decorrelator(0.5).fit_transform(X, sensitive_features=group)
    np.testing.assert_allclose(half, (X + moved) / 2, atol=1e-9)


def test_weights_are_repeated_rows() -> None:
    X, group = people(120)
    times = np.random.default_rng(0).integers(0, 4, 120)
    weighted = Decorrelator().fit(X, sensitive_features=group, sample_weight=times)
    repeated = Decorrelator().fit(
        np.repeat(X, times, 0), sensitive_features=np.repeat(group, times)
    )
    np.testing.assert_allclose(weighted.beta_, repeated.beta_, atol=1e-8)
    np.testing.assert_allclose(weighted.mean_, repeated.mean_)
    equal = Decorrelator().fit(X, sensitive_features=group, sample_weight=np.full(120, 2.5))
    np.testing.assert_array_equal(
        equal.beta_, Decorrelator().fit(X, sensitive_features=group).beta_
    )


def test_small_groups_are_neither_learned_from_nor_moved() -> None:
    X, group = people()
    labels = group.astype(object)
    labels[:9], X[:9] = "tiny", 1e6
    decorrelator = Decorrelator().fit(X, sensitive_features=labels)
    moved = decorrelator.transform(X, sensitive_features=labels)
    np.testing.assert_array_equal(moved[:9], X[:9])
    without = Decorrelator().fit_transform(X[9:], sensitive_features=group[9:])
    np.testing.assert_allclose(moved[9:], without, atol=1e-9)
    alone = Decorrelator().fit_transform(X[:5], sensitive_features=group[:5])
    np.testing.assert_array_equal(alone, X[:5])


def test_missing_labels_crossed_attributes_and_constant_columns() -> None:
    X, group = people()
    X[:, 1] = 4.0
    frame = pd.DataFrame({"a": pd.Series(group).where(group > 0), "b": np.arange(300) % 2})
    decorrelator = Decorrelator().fit(X, sensitive_features=frame)
    assert ("(missing)", "0") in decorrelator.key_.labels
    moved = decorrelator.transform(X, sensitive_features=frame)
    for rows in frame.fillna(-1).groupby(["a", "b"]).indices.values():
        np.testing.assert_allclose(moved[rows].mean(axis=0), X.mean(axis=0), atol=1e-8)
    np.testing.assert_allclose(moved[:, 1], 4.0)


def test_unseen_groups_are_refused_or_left_as_they_are() -> None:
    X, group = people()
    with pytest.raises(InputError, match="2 of 2 rows belong to a group"):
        Decorrelator().fit(X, sensitive_features=group).transform(X[:2], sensitive_features=[8, 9])
    pooled = Decorrelator(unseen="pooled").fit(X, sensitive_features=group)
    np.testing.assert_array_equal(pooled.transform(X[:2], sensitive_features=[8, 9]), X[:2])


def test_as_a_predictor_it_is_numpy_alone() -> None:
    X, group = people()
    X = X.astype(np.float32)
    X[:, 1] /= 1e3
    decorrelator = Decorrelator(0.6)
    moved = decorrelator.fit_transform(X, sensitive_features=group)
    base = Network((np.array([[1.0, -2.0]], np.float32),), (np.zeros(1, np.float32),))
    predictor = decorrelator.to_predictor(base)
    inputs = Inputs(X, pd.DataFrame({"group": group}))
    expected = base.predict_proba(moved.astype(np.float32))
    np.testing.assert_array_equal(predictor.scores(inputs), expected)
    assert predictor.needs_groups == ("group",)
    assert predictor.n_features == 2
    assert predictor.shape_text == "no hidden layer over decorrelated columns"
    again = repaired_from_arrays(predictor.to_arrays(), Network.from_arrays)
    assert isinstance(again, Decorrelated)
    np.testing.assert_array_equal(again.scores(inputs), expected)
    with pytest.raises(InputError, match="a mean and a row of beta per group"):
        Decorrelated(base, GroupKey(("a",), (("x",),)), np.zeros(2), np.zeros((2, 2)))


def test_no_persons_value_is_kept() -> None:
    X, group = people()
    labels = group.astype(object)
    X[0], X[1], labels[1] = [98765.4321, 1.2345678], [-4321.98765, 7.654321], "alone"
    decorrelator = Decorrelator().fit(X, sensitive_features=labels)
    base = Network((np.ones((1, 2), np.float32),), (np.zeros(1, np.float32),))
    arrays = decorrelator.to_predictor(base).to_arrays()
    kept = b"".join(a.tobytes() for a in arrays.values()) + pickle.dumps(decorrelator)
    for value in X.ravel():
        assert np.float64(value).tobytes() not in kept
    alone = [label[0] for label in decorrelator.key_.labels].index("alone")
    np.testing.assert_array_equal(decorrelator.beta_[alone], 0)


def test_what_cannot_be_used_is_refused() -> None:
    X, group = people()
    with pytest.raises(InputError, match="Pass sensitive_features"):
        Decorrelator().fit(X)
    with pytest.raises(InputError, match="amount must be"):
        Decorrelator(-0.1).fit(X, sensitive_features=group)
    X[3, 0] = np.nan
    with pytest.raises(InputError, match="reads no missing values"):
        Decorrelator().fit(X, sensitive_features=group)


class WithGroups(Decorrelator):
    """The same with one group: scikit-learn's checks pass none."""

    def fit(self, X: Any, y: Any = None, **given: Any) -> Any:
        return super().fit(X, y, **({"sensitive_features": np.zeros(_num_samples(X))} | given))

    def transform(self, X: Any, **given: Any) -> Any:
        return super().transform(X, **({"sensitive_features": np.zeros(_num_samples(X))} | given))

    def fit_transform(self, X: Any, y: Any = None, **given: Any) -> Any:
        return self.fit(X, y).transform(X)


@parametrize_with_checks([WithGroups()])
def test_scikit_learn_contract(estimator: Any, check: Any) -> None:
    check(estimator)


def test_it_can_be_cloned_and_pickled() -> None:
    X, group = people()
    fitted = Decorrelator(0.7).fit(X, sensitive_features=group)
    again = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(
        again.transform(X, sensitive_features=group), fitted.transform(X, sensitive_features=group)
    )
    assert clone(fitted).get_params() == {"amount": 0.7, "unseen": "refuse", "min_rows": 10}
