"""Cuts by group: who is selected, by lot or not, and scores that say it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from faircore.errors import InputError
from faircore.groups import Groups
from faircore.predictors import (
    ExistingScore,
    GroupKey,
    GroupRule,
    Inputs,
    Network,
    Thresholded,
    predictor_from_arrays,
    row_draws,
)

INF = np.inf
KEY = GroupKey(("sex",), (("f",), ("m",)), "pooled")
RULE = GroupRule(
    KEY,
    cuts=np.array([[0.3, 0.6], [0.5, 0.5], [0.4, 0.4]]),
    shares=np.array([[0.25, 0.75], [1.0, 0.0], [1.0, 0.0]]),
)


def test_a_probability_adds_up_the_cuts_that_are_passed() -> None:
    scores = np.array([0.2, 0.3, 0.59, 0.6, 0.5, 0.49, 0.4])
    codes = np.array([0, 0, 0, 0, 1, 1, -1])
    expected = [0, 0.25, 0.25, 1, 1, 0, 1]
    np.testing.assert_allclose(RULE.probability(scores, codes), expected)


def test_a_draw_picks_the_cut() -> None:
    codes = np.array([0, 0, 0, 1, -1])
    cuts = RULE.drawn_cuts(codes, np.array([0.0, 0.2499, 0.25, 0.99, 0.5]))
    assert cuts.tolist() == [0.3, 0.3, 0.6, 0.5, 0.4]


@given(
    st.lists(st.sampled_from([0.0, 1e-300, 0.1, 0.3, 0.5, 0.6, 1 - 1e-16, 1.0]), min_size=1),
    st.sampled_from([-INF, 0.0, 1e-12, 0.3, 0.5, 0.999, 1.0, 1.2, INF]),
)
def test_moved_scores_decide_as_the_cut_does(scores: list[float], cut: float) -> None:
    rule = GroupRule(GroupKey(("a",), (("x",),)), np.full((2, 1), cut), np.ones((2, 1)))
    s, codes = np.array(scores), np.zeros(len(scores), np.intp)
    moved = rule.shifted(s, codes, np.zeros(len(s)))
    assert ((moved >= 0) & (moved <= 1)).all()
    assert ((moved >= 0.5) == (s >= cut)).all()
    order = np.argsort(s)
    assert (np.diff(moved[order]) >= 0).all()


def test_moving_by_a_cut_of_one_half_changes_nothing() -> None:
    scores = np.linspace(0.001, 0.999, 50)
    moved = RULE.shifted(scores, np.ones(50, np.intp), np.zeros(50))
    np.testing.assert_allclose(moved, scores, atol=1e-12)


def test_log_odds_move_equally_far() -> None:
    scores = np.array([0.2, 0.5, 0.9])
    moved = RULE.shifted(scores, np.full(3, -1), np.zeros(3))
    odds = np.log(scores / (1 - scores)) - np.log(0.4 / 0.6)
    np.testing.assert_allclose(np.log(moved / (1 - moved)), odds, atol=1e-12)


@pytest.mark.parametrize(
    ("cuts", "shares"),
    [
        (np.zeros((2, 1)), np.ones((2, 1))),
        (np.full((3, 1), np.nan), np.ones((3, 1))),
        (np.zeros((3, 2)), np.full((3, 2), 0.4)),
        (np.zeros((3, 2)), np.tile([1.5, -0.5], (3, 1))),
    ],
)
def test_a_rule_that_is_none_is_refused(cuts: np.ndarray, shares: np.ndarray) -> None:
    with pytest.raises(InputError, match="2 groups needs cuts"):
        GroupRule(KEY, cuts, shares)


def test_a_key_finds_groups_by_their_labels() -> None:
    frame = pd.DataFrame({"sex": ["m", "f", None, "x"]})
    assert KEY.codes(frame).tolist() == [1, 0, -1, -1]
    assert KEY.codes(Groups.of(frame)).tolist() == [1, 0, -1, -1]
    missing = GroupKey(("sex",), (("(missing)",),), "pooled")
    assert missing.codes(frame).tolist() == [-1, -1, 0, -1]


def test_a_key_crosses_attributes() -> None:
    key = GroupKey(("sex", "age"), (("f", "1"), ("m", "2")), "pooled")
    frame = pd.DataFrame({"age": [1, 2, 2], "sex": ["f", "m", "f"]})
    assert key.codes(frame).tolist() == [0, 1, -1]
    assert GroupKey.from_array(key.to_array()) == key


def test_unknown_groups_are_refused_without_their_labels() -> None:
    key = GroupKey(("sex",), (("f",),), "refuse")
    with pytest.raises(InputError, match="2 of 3 rows belong to a group of sex") as caught:
        key.codes(pd.DataFrame({"sex": ["f", "secret", None]}))
    assert "secret" not in str(caught.value)


def test_draws_are_uniform_repeatable_and_independent_of_order() -> None:
    rows = np.random.default_rng(0).normal(size=(20_000, 3))
    draws = row_draws(rows, seed=4)
    order = np.random.default_rng(1).permutation(len(rows))
    np.testing.assert_array_equal(row_draws(rows[order], seed=4), draws[order])
    assert ((draws >= 0) & (draws < 1)).all()
    # Kolmogorov's distance at the 0.1% level.
    away = np.abs(np.sort(draws) - (np.arange(20_000) + 0.5) / 20_000).max()
    assert away < 1.95 / np.sqrt(20_000)
    assert abs(np.corrcoef(draws, row_draws(rows, seed=5))[0, 1]) < 0.03
    assert abs(np.corrcoef(draws, rows[:, 0])[0, 1]) < 0.03


def test_minus_zero_is_zero_and_single_precision_is_the_same_row() -> None:
    rows = np.array([[0.0, 0.5]])
    assert row_draws(rows) == row_draws(-rows + [[0.0, 1.0]]) == row_draws(rows.astype(np.float32))


def test_a_thresholded_model_decides_as_its_rule() -> None:
    n = 4_000
    rng = np.random.default_rng(0)
    inputs = Inputs(
        rng.normal(size=(n, 2)).astype(np.float32),
        pd.DataFrame({"sex": rng.choice(["f", "m", "other"], n)}),
        score=rng.uniform(size=n),
    )
    model = Thresholded(ExistingScore("s"), RULE)
    assert model.needs_groups == ("sex",)
    assert model.n_features is None
    assert inputs.score is not None
    chosen = model.scores(inputs) >= 0.5
    codes = KEY.codes(inputs.sensitive)
    chance = RULE.probability(inputs.score, codes)
    sure = chance % 1 == 0
    assert (chosen[sure] == chance[sure]).all()
    drawn = chosen[~sure]
    assert abs(drawn.mean() - 0.25) < 4 * np.sqrt(0.25 * 0.75 / len(drawn))
    again = predictor_from_arrays(model.to_arrays())
    np.testing.assert_array_equal(again.scores(inputs), model.scores(inputs))
    assert again.shape_text == model.shape_text


def test_a_lot_does_not_depend_on_who_else_is_asked() -> None:
    """Products of matrices round differently in batches of other sizes."""
    n = 3_000
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, 30)).astype(np.float32)
    sex = pd.DataFrame({"sex": rng.choice(["f", "m"], n)})
    layers = [(50, 30), (1, 50)]
    network = Network(
        tuple(rng.normal(0, 0.3, shape).astype(np.float32) for shape in layers),
        tuple(np.zeros(shape[0], np.float32) for shape in layers),
    )
    model = Thresholded(network, RULE)
    together = model.scores(Inputs(X, sex)) >= 0.5
    for size in (1, 7, 100):
        some = rng.choice(n, size, replace=False)
        alone = model.scores(Inputs(X[some], sex.iloc[some])) >= 0.5
        np.testing.assert_array_equal(alone, together[some])


def test_it_refuses_to_decide_without_the_attribute() -> None:
    inputs = Inputs(np.zeros((1, 0), np.float32), score=np.array([0.5]))
    with pytest.raises(InputError, match="decides by sex and was not told sex"):
        Thresholded(ExistingScore("s"), RULE).scores(inputs)


@pytest.mark.parametrize("bad", [np.nan, -0.1, 1.1])
def test_an_existing_score_must_be_a_probability(bad: float) -> None:
    inputs = Inputs(np.zeros((2, 0), np.float32), score=np.array([0.5, bad]))
    with pytest.raises(InputError, match="1 of 2 rows"):
        ExistingScore("s").scores(inputs)


def test_an_existing_score_that_is_absent_is_missed() -> None:
    with pytest.raises(InputError, match="column 'risk'"):
        ExistingScore("risk").scores(Inputs(np.zeros((2, 0), np.float32)))
