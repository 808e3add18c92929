from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.preprocessing import StandardScaler

from faircore.errors import InputError
from faircore.repair import Massager, massaging

SEX = np.array(list("mmmmmfffff"))
Y = np.array([1, 1, 1, 1, 0, 1, 1, 0, 0, 0])
SCORES = np.array([0.9, 0.6, 0.7, 0.8, 0.4, 0.5, 0.9, 0.1, 0.3, 0.2])


def test_the_authors_ten_applicants() -> None:
    # M = (5 * 4 - 5 * 2) / 10 = 1: the woman refused with .3 and the man accepted with .6.
    new = massaging(Y, SEX, SCORES)
    assert np.flatnonzero(new != Y).tolist() == [1, 8]
    assert new[[1, 8]].tolist() == [0, 1]


@settings(max_examples=80, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(20, 200), st.floats(0, 1))
def test_two_groups_change_the_authors_number(seed: int, n: int, amount: float) -> None:
    rng = np.random.default_rng(seed)
    b = rng.random(n) < rng.uniform(0.1, 0.9)
    y = (rng.random(n) < np.where(b, rng.random(), rng.random())).astype(int)
    scores = rng.random(n)
    new = massaging(y, b, scores, amount=amount)
    if b.all() or not b.any():
        np.testing.assert_array_equal(new, y)
        return
    m = amount * ((b.sum() * y[~b].sum() - (~b).sum() * y[b].sum()) / n)
    promoted, demoted = (new > y), (new < y)
    assert promoted.sum() == demoted.sum()
    assert abs(promoted.sum() - abs(m)) < 1 + 1e-9
    behind = b if m > 0 else ~b
    assert not promoted[~behind].any()
    assert not demoted[behind].any()
    # The promoted are the best of the refused, the demoted the worst of the accepted.
    if promoted.any():
        assert scores[promoted].min() >= scores[behind & (y == 0) & ~promoted].max(initial=0)
        assert scores[demoted].max() <= scores[~behind & (y == 1) & ~demoted].min(initial=1)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(2, 7))
def test_any_number_of_groups_meets_the_overall_rate(seed: int, groups: int) -> None:
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, groups, 150)
    y = (rng.random(150) < rng.random(groups)[codes]).astype(int)
    new = massaging(y, codes, rng.random(150))
    assert new.sum() == y.sum()
    for g in np.unique(codes):
        of = codes == g
        assert abs(new[of].sum() - of.sum() * y.mean()) < 1 + 1e-9
        # A group only ever moves one way.
        assert not ((new > y)[of].any() and (new < y)[of].any())
    np.testing.assert_array_equal(massaging(y, codes, rng.random(150), amount=0), y)
    np.testing.assert_array_equal(massaging(new, codes, rng.random(150)), new) if (
        np.ptp([new[codes == g].mean() for g in np.unique(codes)]) == 0
    ) else None


def test_half_of_the_amount_changes_half_of_the_people() -> None:
    group = np.repeat([0, 1], 100)
    y = np.concatenate([np.repeat([0, 1], [80, 20]), np.repeat([0, 1], [40, 60])])
    scores = np.linspace(0, 1, 200)
    for amount, changed in ((0.0, 0), (0.25, 10), (0.5, 20), (1.0, 40)):
        assert (massaging(y, group, scores, amount=amount) != y).sum() == changed


def test_ties_are_taken_in_the_order_of_the_rows() -> None:
    new = massaging(Y, SEX, np.full(10, 0.5))
    assert np.flatnonzero(new != Y).tolist() == [0, 7]


def test_weights_count() -> None:
    rng = np.random.default_rng(0)
    codes, w = np.repeat([0, 1, 2], 200), rng.uniform(0.2, 2, 600)
    y = (rng.random(600) < np.array([0.2, 0.4, 0.7])[codes]).astype(int)
    new = massaging(y, codes, rng.random(600), w)
    for g in range(3):
        of = codes == g
        got, wanted = (w * new)[of].sum(), w[of].sum() * (w @ y / w.sum())
        assert abs(got - wanted) <= w.max() / 2
    # Equal weights are no weights, whatever they are.
    scores = rng.random(600)
    np.testing.assert_array_equal(
        massaging(y, codes, scores, np.full(600, 0.3)), massaging(y, codes, scores)
    )
    # Rows of no weight are not touched and do not count.
    w = np.where(rng.random(600) < 0.3, 0.0, 1.0)
    new = massaging(y, codes, scores, w)
    np.testing.assert_array_equal(new[w == 0], y[w == 0])
    kept = w > 0
    np.testing.assert_array_equal(new[kept], massaging(y[kept], codes[kept], scores[kept]))


def test_one_class_missing_and_tiny_groups() -> None:
    y = np.array([1, 1, 1, 1, 0, 0, 0, 1])
    group = pd.Series(["good", "good", "good", "good", None, None, None, "one"])
    new = massaging(y, group, np.linspace(0, 1, 8))
    # The rate is 5/8: 2.5 of 4, 1.875 of 3, .625 of 1.
    assert new.sum() == 5
    assert 2 <= new[:4].sum() <= 3
    assert 1 <= new[4:7].sum() <= 2
    np.testing.assert_array_equal(massaging([1, 1, 1], ["a", "b", "b"], [0.1, 0.2, 0.3]), 1)
    np.testing.assert_array_equal(massaging([0, 0], ["a", "b"], [0.1, 0.2]), 0)


def table(n: int = 400) -> tuple[pd.DataFrame, pd.Series[Any], Any]:
    rng = np.random.default_rng(0)
    group = rng.choice(["f", "m", "x"], n)
    X = pd.DataFrame({"a": rng.normal(size=n) + (group == "m"), "b": 1e4 * rng.normal(size=n)})
    y = pd.Series(np.where(X["a"] > 0.5, "yes", "no"), X.index, name="outcome")
    return X, y, group


def test_the_class_ranks_and_relabels() -> None:
    X, y, group = table()
    massager = Massager()
    same, new = massager.fit_resample(X, y, sensitive_features=group)
    assert same is X
    assert (y == np.where(X["a"] > 0.5, "yes", "no")).all()  # what was given is left alone
    assert isinstance(new, pd.Series)
    assert new.name == "outcome"
    assert massager.n_changed_ == (new != y).sum() > 20
    assert np.ptp((new == "yes").groupby(group).mean()) < 0.02
    coded = (y == "yes").to_numpy().astype(int)
    scaled = StandardScaler().fit_transform(X)
    scores = LogisticRegression(max_iter=1000).fit(scaled, coded).predict_proba(scaled)[:, 1]
    np.testing.assert_array_equal(new == "yes", massaging(coded, group, scores) == 1)
    assert pickle.loads(pickle.dumps(massager)).n_changed_ == massager.n_changed_
    assert clone(Massager(0.3)).get_params() == {"amount": 0.3, "ranker": None}


def test_the_default_ranker_is_given_the_weights_and_the_callers_is_a_copy() -> None:
    X, y, group = table()
    w = np.random.default_rng(0).uniform(0, 1, 400).round()
    kept = w > 0
    _, with_weights = Massager().fit_resample(X, y, sensitive_features=group, sample_weight=w)
    _, without = Massager().fit_resample(X[kept], y[kept], sensitive_features=group[kept])
    np.testing.assert_array_equal(with_weights[kept], without)
    ranker = HistGradientBoostingClassifier(max_iter=5)
    gaps = X.to_numpy().copy()
    gaps[::7] = np.nan
    _, new = Massager(ranker=ranker).fit_resample(gaps, y.to_numpy(), sensitive_features=group)
    assert new.dtype == y.to_numpy().dtype
    assert not hasattr(ranker, "classes_")
    with pytest.raises(InputError, match="reads no missing values"):
        Massager().fit_resample(gaps, y, sensitive_features=group)


def test_nothing_to_change() -> None:
    X, _, group = table()
    massager = Massager()
    for y in (np.ones(400, int), np.zeros(400, int), np.full(400, "yes")):
        np.testing.assert_array_equal(massager.fit_resample(X, y, sensitive_features=group)[1], y)
        assert massager.n_changed_ == 0


def test_what_cannot_be_used_is_refused() -> None:
    X, y, group = table()
    with pytest.raises(InputError, match="y must be 0 or 1"):
        massaging([1, 2], ["a", "b"], [0.1, 0.2])
    with pytest.raises(InputError, match="scores must be 10 finite"):
        massaging(Y, SEX, np.full(10, np.nan))
    with pytest.raises(InputError, match="RidgeClassifier has none"):
        Massager(ranker=RidgeClassifier()).fit_resample(X, y, sensitive_features=group)
    with pytest.raises(InputError, match="Pass sensitive_features"):
        Massager().fit_resample(X, y)
    with pytest.raises(InputError, match="amount must be"):
        Massager(2).fit_resample(X, y, sensitive_features=group)
