from __future__ import annotations

import pickle
import struct
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
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import parametrize_with_checks
from sklearn.utils.validation import _num_samples

from faircore.errors import InputError
from faircore.predictors import Inputs, Network
from faircore.predictors.repaired import Repaired, quantile_repair, repaired_from_arrays
from faircore.repair import DisparateImpactRepairer

STEP = 0.02  # of a run of rows, twice: a quantile is known to that


def largest_gap(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """Kolmogorov and Smirnov's distance of two samples."""
    at = np.concatenate([a, b])
    steps = [np.searchsorted(np.sort(x), at, side="right") / len(x) for x in (a, b)]
    return float(np.abs(steps[0] - steps[1]).max())


def spread(n: int = 3000, seed: int = 0) -> tuple[NDArray[np.float64], NDArray[np.str_]]:
    """A column per shape of difference: moved, stretched, of another form."""
    rng = np.random.default_rng(seed)
    group = rng.choice(["a", "b", "c"], n, p=[0.5, 0.3, 0.2])
    which = np.searchsorted(["a", "b", "c"], group)
    z = rng.normal(size=(n, 3))
    other = np.where(which == 1, rng.exponential(size=n), z[:, 2])
    return np.column_stack([z[:, 0] + which, z[:, 1] * (1 + which), other]), group


def test_a_table_by_hand() -> None:
    # Ten rows make two runs of five, at ranks 1/4 and 3/4: means 3 and 8, 13 and 18.
    X = np.arange(1.0, 21)[:, None]
    group = np.repeat(["low", "high"], 10)
    repairer = DisparateImpactRepairer()
    moved = repairer.fit_transform(X, sensitive_features=group)[:, 0]
    # The target goes from 8 to 13, straight. Beyond the runs' means it is flat.
    expected = [8, 8, 8, *(8 + np.array([1, 2, 3, 4])), 13, 13, 13]
    np.testing.assert_allclose(moved, np.tile(expected, 2), atol=1e-9)
    assert repairer.knots_.shape == (3, 1, 101)
    np.testing.assert_allclose(repairer.knots_[1, 0, [0, 25, 50, 75, 100]], [3, 3, 5.5, 8, 8])
    half = DisparateImpactRepairer(0.5).fit_transform(X, sensitive_features=group)[:, 0]
    np.testing.assert_allclose(half, (X[:, 0] + np.tile(expected, 2)) / 2, atol=1e-9)


def test_groups_cannot_be_told_apart_after_the_full_repair() -> None:
    X, group = spread()
    moved = DisparateImpactRepairer().fit_transform(X, sensitive_features=group)
    for j in range(3):
        before, after = (
            [largest_gap(x[group == "a", j], x[group == other, j]) for other in ("b", "c")]
            for x in (X, moved)
        )
        assert max(before) > 0.1
        assert max(after) < STEP
    # New rows of the same groups, too, up to what two samples differ by.
    new, labels = spread(seed=1)
    repairer = DisparateImpactRepairer().fit(X, sensitive_features=group)
    moved = repairer.transform(new, sensitive_features=labels)
    for j in range(3):
        assert largest_gap(moved[labels == "a", j], moved[labels == "c", j]) < 0.08


def test_the_target_is_the_median_of_the_groups() -> None:
    X, group = spread(6000)
    repairer = DisparateImpactRepairer().fit(X, sensitive_features=group)
    ranks = np.linspace(0, 1, 101)[5:-5]
    true = [np.quantile(X[group == g], ranks, axis=0) for g in ("a", "b", "c")]
    np.testing.assert_allclose(repairer.target_[:, 5:-5].T, np.median(true, axis=0), atol=0.06)


@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, 2**32 - 1), st.integers(1, 4), st.integers(12, 300), st.floats(0, 1),
    st.sampled_from([0, 1, 3]),
)  # fmt: skip
def test_ranks_within_a_group_are_kept(
    seed: int, groups: int, n: int, amount: float, decimals: int
) -> None:
    rng = np.random.default_rng(seed)
    group = rng.integers(0, groups, n)
    x = np.round(rng.standard_t(2, n) * (1 + group) + group, decimals)
    moved = DisparateImpactRepairer(amount, columns=[0]).fit_transform(
        x[:, None], sensitive_features=group
    )[:, 0]
    assert np.isfinite(moved).all()
    for g in range(groups):
        order = np.argsort(x[group == g], kind="stable")
        rows = np.flatnonzero(group == g)[order]
        assert (np.diff(moved[rows]) >= -1e-9 * (1 + np.abs(x).max())).all()
        # Equal values stay equal.
        equal = np.diff(x[rows]) == 0
        assert (np.diff(moved[rows])[equal] == 0).all()
    nothing = DisparateImpactRepairer(0.0, columns=[0])
    np.testing.assert_array_equal(
        nothing.fit_transform(x[:, None], sensitive_features=group)[:, 0], x
    )


def test_the_amount_is_a_share_of_the_way() -> None:
    X, group = spread(500)
    part, full = (
        DisparateImpactRepairer(a).fit_transform(X, sensitive_features=group) for a in (0.3, 1.0)
    )
    np.testing.assert_allclose(part, 0.7 * X + 0.3 * full, atol=1e-12)


def test_indicators_and_constants_are_left_alone() -> None:
    rng = np.random.default_rng(0)
    group = rng.integers(0, 2, 200)
    X = np.column_stack([rng.integers(0, 2, 200) | group, np.full(200, 7.0), rng.normal(size=200)])
    moved = DisparateImpactRepairer().fit_transform(X, sensitive_features=group)
    np.testing.assert_array_equal(moved[:, :2], X[:, :2])
    assert (moved[:, 2] != X[:, 2]).any()
    chosen = DisparateImpactRepairer(columns=[0, 1]).fit_transform(X, sensitive_features=group)
    np.testing.assert_array_equal(chosen[:, 1:], X[:, 1:])
    assert (chosen[:, 0] != X[:, 0]).any()
    frame = pd.DataFrame(X, columns=["x", "y", "z"])
    named = DisparateImpactRepairer(columns=["z"]).fit_transform(frame, sensitive_features=group)
    np.testing.assert_array_equal(named, moved)
    for wrong in (["w"], [3]):
        with pytest.raises(InputError, match="names or positions of the 3 columns"):
            DisparateImpactRepairer(columns=wrong).fit(frame, sensitive_features=group)


def test_ties_go_to_one_value_at_their_middle_rank() -> None:
    # Half of either group has 0; the rest is far apart in both.
    group = np.repeat([0, 1], 400)
    x = np.concatenate([np.zeros(200), np.linspace(1, 2, 200)] * 2) * np.where(group, 3.0, 1.0)
    moved = DisparateImpactRepairer().fit_transform(x[:, None], sensitive_features=group)[:, 0]
    np.testing.assert_array_equal(moved[x == 0], 0)
    assert largest_gap(moved[:400], moved[400:]) < STEP


def test_small_groups_take_everybodys_and_have_no_say() -> None:
    X, group = spread(600)
    group = group.astype(object)
    group[:9], X[:9] = "tiny", 50.0
    repairer = DisparateImpactRepairer().fit(X, sensitive_features=group)
    tiny = [label[0] for label in repairer.key_.labels].index("tiny")
    np.testing.assert_array_equal(repairer.knots_[tiny], repairer.knots_[-1])
    without = DisparateImpactRepairer().fit(X[9:], sensitive_features=group[9:])
    np.testing.assert_array_equal(repairer.target_, without.target_)
    # Nobody is described alone: everybody's is both.
    lone = DisparateImpactRepairer().fit(X[:12], sensitive_features=np.arange(12))
    np.testing.assert_array_equal(lone.target_, lone.knots_[-1])
    few = DisparateImpactRepairer().fit_transform(X[:8], sensitive_features=np.arange(8))
    np.testing.assert_array_equal(few, X[:8])


def test_missing_values_missing_labels_and_no_weight() -> None:
    X, group = spread(900)
    X[::5, 0] = np.nan
    X[:, 2] = np.nan
    X[:6, 2] = np.arange(6)
    labels = pd.Series(group).where(group != "c")
    repairer = DisparateImpactRepairer().fit(X, sensitive_features=labels)
    assert repairer.key_.labels == (("a",), ("b",), ("(missing)",))
    moved = repairer.transform(X, sensitive_features=labels)
    np.testing.assert_array_equal(np.isnan(moved), np.isnan(X))
    np.testing.assert_array_equal(moved[:, 2], X[:, 2])  # six people have it
    there = ~np.isnan(X[:, 0])
    assert largest_gap(moved[there & (group == "a"), 0], moved[there & (group == "c"), 0]) < 0.04
    w = np.where(np.arange(900) < 100, 0.0, 1.0)
    X[:100, :2] = 1e6
    weighted = DisparateImpactRepairer().fit(X, sensitive_features=labels, sample_weight=w)
    only = DisparateImpactRepairer().fit(X[100:], sensitive_features=labels[100:])
    np.testing.assert_array_equal(weighted.knots_, only.knots_)


def test_weights_move_ranks() -> None:
    rng = np.random.default_rng(0)
    x = rng.random(20_000)
    # Rows weigh as much as they are large, so that the weighted quantile function is sqrt.
    repairer = DisparateImpactRepairer().fit(
        x[:, None], sensitive_features=np.zeros(20_000), sample_weight=x
    )
    ranks = np.linspace(0, 1, 101)
    np.testing.assert_allclose(repairer.target_[0, 2:-1], np.sqrt(ranks)[2:-1], atol=0.015)


def test_unseen_groups_are_refused_or_pooled() -> None:
    X, group = spread(600)
    new = np.array(["zebra"] * 5)
    with pytest.raises(InputError, match="5 of 5 rows belong to a group"):
        DisparateImpactRepairer().fit(X, sensitive_features=group).transform(
            X[:5], sensitive_features=new
        )
    pooled = DisparateImpactRepairer(unseen="pooled").fit(X, sensitive_features=group)
    moved = pooled.transform(X[:5], sensitive_features=new)
    by_hand = quantile_repair(X[:5], np.full(5, -1), pooled.knots_, pooled.target_, 1.0)
    np.testing.assert_array_equal(moved, by_hand)
    assert (moved != X[:5]).all()
    with pytest.raises(InputError, match="unseen must be"):
        DisparateImpactRepairer(unseen="drop").fit(X, sensitive_features=group)  # type: ignore[arg-type]


def test_no_persons_value_is_kept() -> None:
    X, group = spread(1000)
    group = group.astype(object)
    planted = [98765.4321, -12345.6789, 0.123456789]
    X[0], X[1], X[2] = planted[0], planted[1], planted[2]
    group[0] = "alone"
    for amount in (0.4, 1.0):
        repairer = DisparateImpactRepairer(amount).fit(X, sensitive_features=group)
        base = Network((np.ones((1, 3), np.float32),), (np.zeros(1, np.float32),))
        arrays = repairer.to_predictor(base).to_arrays()
        kept = b"".join(a.tobytes() for a in arrays.values()) + pickle.dumps(repairer)
        for value in (*planted, *X[3:, 0], *X[3:, 1]):
            for form in ("<d", ">d", "<f"):
                assert struct.pack(form, value) not in kept


def test_as_a_predictor_it_is_numpy_alone() -> None:
    X, group = spread(2000)
    X = X.astype(np.float32)
    repairer = DisparateImpactRepairer(0.8, unseen="pooled")
    table = pd.DataFrame({"sex": group})
    moved = repairer.fit_transform(X, sensitive_features=table)
    weights = np.array([[0.5, -1.0, 2.0]], np.float32)
    base = Network((weights,), (np.array([0.3], np.float32),))
    predictor = repairer.to_predictor(base)
    inputs = Inputs(X, pd.DataFrame({"sex": group, "race": "x"}))
    expected = base.predict_proba(moved.astype(np.float32))
    np.testing.assert_array_equal(predictor.scores(inputs), expected)
    np.testing.assert_array_equal(inputs.encoded, X)
    assert predictor.needs_groups == ("sex",)
    assert predictor.n_features == 3
    assert predictor.shape_text == "no hidden layer over repaired columns"
    arrays = predictor.to_arrays()
    assert {a.dtype for a in arrays.values()} <= {np.dtype(t) for t in ("u1", "f4", "f8")}
    again = repaired_from_arrays(arrays, Network.from_arrays)
    assert isinstance(again, Repaired)
    np.testing.assert_array_equal(again.scores(inputs), expected)
    with pytest.raises(InputError, match="expects 3 encoded columns"):
        predictor.scores(Inputs(X[:, :2], table))
    with pytest.raises(InputError, match="was not told sex"):
        predictor.scores(Inputs(X))
    with pytest.raises(InputError, match="needs knots of shape"):
        Repaired(base, repairer.key_, repairer.knots_[1:], repairer.target_)


def test_rows_as_float32_are_moved_as_those_of_float64() -> None:
    rng = np.random.default_rng(0)
    group = rng.integers(0, 2, 1000)
    X = np.round(rng.normal(size=(1000, 1)) + group[:, None], 1)  # ties that float32 cannot hold
    repairer = DisparateImpactRepairer().fit(X, sensitive_features=group)
    double = repairer.transform(X, sensitive_features=group)
    single = repairer.transform(X.astype(np.float32), sensitive_features=group)
    np.testing.assert_allclose(single, double, atol=1e-6)


def test_columns_without_names_are_taken_in_order() -> None:
    X, group = spread(300)
    two = pd.DataFrame({"sex": group, "race": np.repeat(["x", "y"], 150)})
    repairer = DisparateImpactRepairer().fit(X, sensitive_features=two)
    assert repairer.key_.attributes == ("sex", "race")
    expected = repairer.transform(X, sensitive_features=two)
    for given_as in (two.to_numpy(), two[["race", "sex"]], two.to_dict("series")):
        np.testing.assert_array_equal(repairer.transform(X, sensitive_features=given_as), expected)
    named = DisparateImpactRepairer().fit(X, sensitive_features=two["sex"])
    expected = named.transform(X, sensitive_features=two)
    np.testing.assert_array_equal(named.transform(X, sensitive_features=group), expected)
    with pytest.raises(InputError, match="one row per row of X"):
        named.transform(X, sensitive_features=group[:-1])
    with pytest.raises(InputError, match="was not told it"):
        named.transform(X)


class WithGroups(DisparateImpactRepairer):
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


def test_it_drops_into_a_pipeline_by_routing_and_can_be_cloned() -> None:
    X, group = spread(600)
    y = (X[:, 0] > 1).astype(int)
    with sklearn.config_context(enable_metadata_routing=True):
        repairer = DisparateImpactRepairer(0.7)
        repairer.set_fit_request(sensitive_features=True, sample_weight=False)
        repairer.set_transform_request(sensitive_features=True)
        pipeline = make_pipeline(repairer, LogisticRegression())
        pipeline.fit(X, y, sensitive_features=group)
        found = pipeline.predict_proba(X, sensitive_features=group)
    moved = DisparateImpactRepairer(0.7).fit_transform(X, sensitive_features=group)
    expected = LogisticRegression().fit(moved, y).predict_proba(moved)
    np.testing.assert_allclose(found, expected)
    fitted = DisparateImpactRepairer(0.7).fit(X, sensitive_features=group)
    again = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(again.transform(X, sensitive_features=group), moved)
    assert clone(fitted).get_params() == {"amount": 0.7, "columns": None, "unseen": "refuse"}
    assert list(fitted.get_feature_names_out()) == ["x0", "x1", "x2"]
