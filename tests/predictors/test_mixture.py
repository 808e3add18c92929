from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import load, save

from faircore.errors import InputError
from faircore.predictors import Inputs, Network, Trees, predictor_from_arrays, row_draws
from faircore.predictors.mixture import MODES, Mixture, drawn_members


def stump(low: float, high: float) -> Trees:
    """Log-odds below and above 0 of the first of two columns."""
    return Trees(
        root=np.array([0], np.int32),
        feature=np.array([0], np.int32),
        threshold=np.array([0.0]),
        left=np.array([-1], np.int32),
        right=np.array([-2], np.int32),
        missing=np.array([2], np.uint8),
        leaf=np.array([low, high]),
        base=0.0,
        n_features=2,
    )


LINEAR = Network((np.array([[1.0, -1.0]], np.float32),), (np.zeros(1, np.float32),))
MEMBERS = (stump(-1.0, 2.0), stump(3.0, -0.5), LINEAR)
WEIGHTS = np.array([0.5, 0.2, 0.3])
X = np.random.default_rng(0).normal(size=(4000, 2)).astype(np.float32)
EACH = np.stack([m.predict_proba(X) for m in MEMBERS])


def test_the_mean_and_the_vote_are_their_closed_forms() -> None:
    mean = Mixture(MEMBERS, WEIGHTS, "mean").predict_proba(X)
    np.testing.assert_allclose(mean, 0.5 * EACH[0] + 0.2 * EACH[1] + 0.3 * EACH[2], atol=1e-12)
    vote = Mixture(MEMBERS, WEIGHTS, "vote").predict_proba(X)
    np.testing.assert_allclose(vote, WEIGHTS @ (EACH >= 0.5), atol=1e-12)
    assert mean.dtype == vote.dtype == np.float64


def test_a_drawn_row_has_the_probability_of_one_member_as_often_as_it_weighs() -> None:
    drawn = Mixture(MEMBERS, WEIGHTS, "drawn", seed=3).predict_proba(X)
    expected = np.where(row_draws(X, seed=3) < 0.5, EACH[0], EACH[2])
    middle = (row_draws(X, seed=3) >= 0.5) & (row_draws(X, seed=3) < 0.7)
    np.testing.assert_array_equal(drawn, np.where(middle, EACH[1], expected))
    counts = np.bincount(drawn_members(WEIGHTS, row_draws(X, seed=3)), minlength=3) / len(X)
    np.testing.assert_allclose(counts, WEIGHTS, atol=0.03)
    assert (Mixture(MEMBERS, WEIGHTS, "drawn", seed=4).predict_proba(X) != drawn).mean() > 0.3


@pytest.mark.parametrize("mode", MODES)
def test_a_row_has_the_same_score_wherever_it_stands(mode: Any) -> None:
    mixture = Mixture(MEMBERS, WEIGHTS, mode)
    order = np.random.default_rng(1).permutation(len(X))
    np.testing.assert_allclose(
        mixture.predict_proba(X[order]), mixture.predict_proba(X)[order], atol=1e-6
    )
    assert mixture.predict_proba(X[:0]).shape == (0,)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=6).filter(lambda w: sum(w) > 0.01))
def test_every_draw_has_a_member_that_weighs_something(weights: list[float]) -> None:
    share = np.array(weights) / sum(weights)
    draws = np.array([0.0, 0.25, 0.5, 1 - 2.0**-53, *np.cumsum(share)])
    found = drawn_members(share, np.minimum(draws, 1 - 2.0**-53))
    assert (share[found] > 0).all()


@pytest.mark.parametrize("mode", MODES)
def test_arrays_survive_safetensors_and_pickle(mode: Any) -> None:
    mixture = Mixture(MEMBERS, WEIGHTS, mode, seed=7)
    arrays = load(save(mixture.to_arrays()))
    assert {"mix.weights", "mix.mode", "mix.seed", "mix.0.tree.feature", "mix.2.weight.0"} <= set(
        arrays
    )
    for back in (
        Mixture.from_arrays(arrays, predictor_from_arrays),
        pickle.loads(pickle.dumps(mixture)),
    ):
        assert (back.mode, back.seed) == (mode, 7)
        np.testing.assert_array_equal(back.predict_proba(X), mixture.predict_proba(X))


def test_a_mixture_of_mixtures_is_read_back() -> None:
    inner = Mixture(MEMBERS, WEIGHTS, "vote")
    outer = Mixture((inner, MEMBERS[0]), np.array([0.5, 0.5]), "mean")

    def read(arrays: Any) -> Any:
        inside = "mix.weights" in arrays
        return Mixture.from_arrays(arrays, read) if inside else predictor_from_arrays(arrays)

    back = Mixture.from_arrays(load(save(outer.to_arrays())), read)
    np.testing.assert_array_equal(back.predict_proba(X), outer.predict_proba(X))


def test_it_is_a_predictor() -> None:
    mixture = Mixture(MEMBERS, WEIGHTS, "mean")
    assert (mixture.n_features, mixture.shape_text) == (2, "a mixture of 3 models")
    assert Mixture(MEMBERS[:1], np.ones(1), "mean").shape_text == "a mixture of 1 model"
    assert mixture.needs_groups == ()
    np.testing.assert_array_equal(mixture.scores(Inputs(X)), mixture.predict_proba(X))


@pytest.mark.parametrize(
    ("members", "weights", "mode"),
    [
        ((), [], "mean"),
        (MEMBERS, [0.5, 0.5], "mean"),
        (MEMBERS, [0.5, 0.6, -0.1], "mean"),
        (MEMBERS, [0.5, 0.5, 0.5], "mean"),
        (MEMBERS, [np.nan, 0.5, 0.5], "mean"),
        ((MEMBERS[0], Trees.constant(0.0, 3)), [0.5, 0.5], "mean"),
        (MEMBERS, [0.5, 0.2, 0.3], "median"),
    ],
)
def test_what_is_no_mixture_is_refused(members: Any, weights: Any, mode: Any) -> None:
    with pytest.raises(InputError, match=r"(A mixture needs|one of mean, vote, drawn)"):
        Mixture(members, np.array(weights, np.float64), mode)


def test_other_columns_are_refused() -> None:
    with pytest.raises(InputError, match="expects 2 encoded columns"):
        Mixture(MEMBERS, WEIGHTS, "mean").predict_proba(np.zeros((2, 3), np.float32))


@pytest.mark.parametrize(
    ("name", "array"),
    [
        ("mix.weights", None),
        ("mix.mode", None),
        ("mix.seed", None),
        ("mix.weights", np.ones((3, 1))),
        ("mix.weights", np.array(0.5)),
        ("mix.mode", np.array([3], np.uint8)),
        ("mix.mode", np.array([0.0])),
        ("mix.weights", np.full(4, 0.25)),
    ],
)
def test_damaged_arrays_are_refused(name: str, array: Any) -> None:
    arrays = {**Mixture(MEMBERS, WEIGHTS, "mean").to_arrays(), name: array}
    given = {k: v for k, v in arrays.items() if v is not None}
    with pytest.raises(InputError, match="not the arrays of a mixture"):
        Mixture.from_arrays(given, predictor_from_arrays)
