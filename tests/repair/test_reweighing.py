from __future__ import annotations

import logging
import pickle
from typing import Any

import numpy as np
import pandas as pd
import pytest
import sklearn
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, make_scorer
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks
from sklearn.utils.validation import _num_samples

from faircore.errors import InputError
from faircore.groups import Groups
from faircore.repair import ReweighedClassifier, Reweigher, reweighing

# The ten applicants of Kamiran and Calders 2012, table 1: 4 of 5 men and 2 of 5 women accepted.
SEX = np.array(list("mmmmmfffff"))
Y = np.array([1, 1, 1, 1, 0, 1, 1, 0, 0, 0])


def shares(
    y: NDArray[Any], codes: NDArray[Any], w: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Base rate and share of each group, weighted."""
    mass = np.bincount(codes, w)
    return np.bincount(codes, w * y) / mass, mass / mass.sum()


def test_the_authors_table() -> None:
    weights = reweighing(Y, SEX)
    expected = np.where(
        SEX == "m", np.where(Y == 1, 0.5 * 0.6 / 0.4, 0.5 * 0.4 / 0.1),
        np.where(Y == 1, 0.5 * 0.6 / 0.2, 0.5 * 0.4 / 0.3),
    )  # fmt: skip
    np.testing.assert_allclose(weights, expected, rtol=1e-12)
    np.testing.assert_allclose(reweighing(Y, SEX, amount=0.25), 0.75 + 0.25 * expected)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(2, 6), st.booleans())
def test_weighted_group_and_outcome_are_independent(seed: int, groups: int, weighted: bool) -> None:
    rng = np.random.default_rng(seed)
    codes = np.concatenate([np.repeat(np.arange(groups), 2), rng.integers(0, groups, 80)])
    y = np.concatenate([np.tile([0, 1], groups), rng.random(80) < 0.2 + 0.6 * rng.random()])
    y = y.astype(int)
    w = rng.uniform(0.1, 3, len(y)) if weighted else None
    old = np.ones(len(y)) if w is None else w
    new = reweighing(y, codes, w)
    rates, sizes = shares(y, codes, new)
    np.testing.assert_allclose(rates, old @ y / old.sum(), atol=1e-9)
    np.testing.assert_allclose(sizes, shares(y, codes, old)[1], atol=1e-9)
    assert new.sum() == pytest.approx(old.sum())
    np.testing.assert_array_equal(reweighing(y, codes, w, amount=0), old)
    # Half of the repair is half of the way.
    np.testing.assert_allclose(reweighing(y, codes, w, 0.5), (old + new) / 2)


def test_a_weight_is_a_repeated_row() -> None:
    rng = np.random.default_rng(1)
    codes, y, times = rng.integers(0, 3, 60), rng.integers(0, 2, 60), rng.integers(1, 4, 60)
    weighted = reweighing(y, codes, times)
    repeated = reweighing(np.repeat(y, times), np.repeat(codes, times))
    np.testing.assert_allclose(np.repeat(weighted / times, times), repeated)


@pytest.mark.parametrize("weighted", [False, True])
def test_the_weights_are_those_of_aif360(weighted: bool) -> None:
    logging.disable(logging.WARNING)  # it speaks of packages it would like
    try:
        datasets = pytest.importorskip("aif360.datasets")
        preprocessing = pytest.importorskip("aif360.algorithms.preprocessing")
    finally:
        logging.disable(logging.NOTSET)
    rng = np.random.default_rng(3)
    group = rng.integers(0, 2, 400).astype(float)
    y = (rng.random(400) < 0.3 + 0.4 * group).astype(float)
    w = rng.uniform(0.5, 2, 400) if weighted else np.ones(400)
    data = datasets.BinaryLabelDataset(
        df=pd.DataFrame({"g": group, "y": y, "w": w}), label_names=["y"],
        protected_attribute_names=["g"], instance_weights_name="w",
    )  # fmt: skip
    reweigher = preprocessing.Reweighing([{"g": 0}], [{"g": 1}])
    expected = reweigher.fit_transform(data).instance_weights
    np.testing.assert_allclose(reweighing(y, group, w), expected, rtol=1e-12)


def test_empty_cells_missing_labels_and_rows_of_no_weight() -> None:
    y = np.array([1, 1, 0, 1, 0, 0, 1])
    group = pd.Series(["one-class", "one-class", "a", "a", None, None, "nobody"])
    w = np.array([1, 1, 1, 1, 1, 1, 0.0])
    new = reweighing(y, group, w)
    # P(y = 1) is one half, and each group is a third.
    np.testing.assert_allclose(new, [0.5, 0.5, 1, 1, 0.5, 0.5, 0])
    fitted = Reweigher().fit(y, group, w)
    np.testing.assert_array_equal(fitted.weights_, new)
    assert fitted.factors_.loc["(missing)", 1] == 1
    assert fitted.factors_.loc["one-class"].tolist() == [1, 0.5]
    assert np.isfinite(fitted.factors_.to_numpy()).all()
    np.testing.assert_array_equal(reweighing([1, 1, 1], ["a", "b", "b"]), 1)
    # Groups that were taken from more rows may be empty.
    few = Groups.of(["a", "b", "c"] * 4).take(np.arange(0, 12, 3))
    np.testing.assert_array_equal(reweighing([0, 1, 0, 1], few), 1)


def test_attributes_are_crossed() -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"sex": rng.choice(["f", "m"], 90), "race": rng.choice(["a", "b"], 90)})
    y = rng.integers(0, 2, 90)
    crossed = frame["sex"] + frame["race"]
    np.testing.assert_allclose(reweighing(y, frame), reweighing(y, crossed))
    both = Groups.of(frame, partitions=["sex", ("sex", "race")])
    np.testing.assert_allclose(reweighing(y, both), reweighing(y, crossed))
    with pytest.raises(InputError, match="grouped by race, sex crossed"):
        reweighing(y, Groups.of(frame))


def test_labels_of_any_two_classes() -> None:
    words = np.where(Y == 1, "yes", "no")
    np.testing.assert_allclose(reweighing(words, SEX), reweighing(Y, SEX))
    assert list(Reweigher().fit(words, SEX).factors_.columns) == ["no", "yes"]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"y": [0, 1, 2]}, "one of two outcomes"),
        ({"y": [0, 1, np.nan]}, "none missing"),
        ({"groups": ["a", "b"]}, "has 2 rows and the others 3"),
        ({"groups": None}, "who is in which group"),
        ({"weights": [1, 1, -1]}, "zero or more"),
        ({"weights": [0, 0, 0]}, "not all of them zero"),
        ({"weights": ["a", "b", "c"]}, "must hold numbers"),
        ({"amount": 1.5}, "amount must be between 0"),
        ({"amount": np.nan}, "amount must be between 0"),
        ({"amount": "full"}, "amount must be between 0"),
    ],
)
def test_what_cannot_be_used_is_refused(wrong: dict[str, Any], message: str) -> None:
    given: dict[str, Any] = {"y": [0, 1, 1], "groups": ["a", "a", "b"]}
    with pytest.raises(InputError, match=message):
        reweighing(**(given | wrong))


class WithGroups(ReweighedClassifier):
    """The same with groups of its own making: scikit-learn's checks pass none."""

    def fit(
        self, X: Any, y: Any, *, sensitive_features: Any = None, sample_weight: Any = None
    ) -> Any:
        if sensitive_features is None and y is not None:
            sensitive_features = np.zeros(_num_samples(X), int)
        return super().fit(X, y, sensitive_features=sensitive_features, sample_weight=sample_weight)


@parametrize_with_checks([WithGroups(LogisticRegression())])
def test_scikit_learn_contract(estimator: Any, check: Any) -> None:
    check(estimator)


def people(n: int = 800) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[Any]]:
    rng = np.random.default_rng(0)
    group = rng.choice(["f", "m"], n)
    X = np.column_stack([rng.normal(size=n), group == "m", rng.normal(size=n)])
    y = (X[:, 0] + X[:, 1] + rng.normal(size=n) > 0.6).astype(int)
    return X, y, group


def test_the_classifier_learns_with_the_weights_and_needs_no_groups_after() -> None:
    X, y, group = people()
    own = np.random.default_rng(1).uniform(0.5, 2, len(y))
    model = ReweighedClassifier(LogisticRegression(), 0.5)
    model.fit(X, y, sensitive_features=group, sample_weight=own)
    by_hand = LogisticRegression().fit(X, y, reweighing(y, group, own, 0.5))
    np.testing.assert_array_equal(model.predict_proba(X), by_hand.predict_proba(X))
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict(X), by_hand.predict(X))
    assert clone(model).get_params()["amount"] == 0.5
    assert not hasattr(clone(model), "estimator_")
    assert model.n_features_in_ == 3


def test_it_drops_into_a_pipeline_and_a_search_by_routing() -> None:
    X, y, group = people()
    with sklearn.config_context(enable_metadata_routing=True):
        inner = ReweighedClassifier(LogisticRegression())
        inner.set_fit_request(sensitive_features=True, sample_weight=False)
        search = GridSearchCV(
            make_pipeline(StandardScaler(), inner), {"reweighedclassifier__amount": [0, 1]},
            scoring=make_scorer(accuracy_score), cv=3,
        )  # fmt: skip
        search.fit(X, y, sensitive_features=group)
    assert search.best_params_ == {"reweighedclassifier__amount": 0}
    assert len(set(search.cv_results_["mean_test_score"])) == 2


def test_a_pipeline_inside_gets_its_weights_by_name() -> None:
    X, y, group = people()
    inside = make_pipeline(StandardScaler(), LogisticRegression())
    name = "logisticregression__sample_weight"
    model = ReweighedClassifier(inside, sample_weight_name=name)
    model.fit(X, y, sensitive_features=group)
    by_hand = clone(inside).fit(X, y, **{name: reweighing(y, group)})
    np.testing.assert_array_equal(model.predict_proba(X), by_hand.predict_proba(X))


def test_an_estimator_without_weights_or_probabilities() -> None:
    X, y, group = people()
    with pytest.raises(InputError, match="KNeighborsClassifier takes no sample_weight"):
        ReweighedClassifier(KNeighborsClassifier()).fit(X, y, sensitive_features=group)
    with pytest.raises(InputError, match="Pass sensitive_features"):
        ReweighedClassifier(LogisticRegression()).fit(X, y)
    from sklearn.linear_model import RidgeClassifier

    assert not hasattr(ReweighedClassifier(RidgeClassifier()), "predict_proba")
