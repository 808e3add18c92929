"""Corrections of a score by trees: kept where they help on rows kept out, else nothing moves."""

from __future__ import annotations

import lightgbm as lgb
import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from faircore.calibrators.multicalibrated import MulticalibratedCorrection
from faircore.calibrators.multicalibrated_inputs import FOLDS, folds_of, group_balance
from faircore.calibrators.multicalibrated_judge import BY_CHANCE, SPREAD, judge
from faircore.calibrators.multicalibrated_rounds import Growth, Rows, fit_round
from faircore.errors import InputError
from faircore.groups import Groups
from faircore.metrics.calibration import range_survival
from faircore.predictors import ExistingScore, Inputs, Trees, predictor_from_arrays
from faircore.predictors.corrected import Corrected, with_log_odds
from faircore.predictors.score_map import log_odds

Floats = NDArray[np.float64]


def _sigmoid(raw: Floats) -> Floats:
    return 1 / (1 + np.exp(-raw))


def _rows(
    kind: str, n: int, seed: int
) -> tuple[NDArray[np.float32], Floats, NDArray[np.int8], Floats, NDArray[np.int64]]:
    """Columns, scores, outcomes, true log-odds and a group no column shows."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 6)).astype(np.float32)
    X[:, 3], X[:, 4] = X[:, 3] > 0.8, X[:, 4] > 0
    group = (rng.random(n) < 0.2).astype(int)
    raw = -1 + 0.8 * X[:, 0].astype(float) + 0.5 * X[:, 1]
    true = (
        raw
        + {
            "planted": 1.5 * X[:, 3] * X[:, 4] - 0.2,
            "hidden": 0.9 * group - 0.17,
            "calibrated": 0.0 * raw,
            "stretched": -0.4 * raw + 0.5,
        }[kind]
    )
    y = (rng.random(n) < _sigmoid(true)).astype(np.int8)
    return X, _sigmoid(raw), y, true, group


def _excess(scores: Floats, true: Floats) -> float:
    """Log loss above that of the true chances, which needs no luck to measure."""
    p, raw = _sigmoid(true), log_odds(scores)
    return float(((np.logaddexp(0, raw) - p * raw) - (np.logaddexp(0, true) - p * true)).mean())


@pytest.mark.parametrize(("kind", "left"), [("planted", 0.35), ("stretched", 0.1)])
def test_what_the_columns_show_is_repaired_on_unseen_rows(kind: str, left: float) -> None:
    X, scores, y, _, group = _rows(kind, 7000, 0)
    correction = MulticalibratedCorrection().fit(X, scores, y, group)
    assert correction.kept_
    assert correction.reason_.startswith("Kept")
    assert len(correction.rounds_) == len(correction.slopes_) == 1
    X, scores, y, true, _ = _rows(kind, 20_000, 1)
    found = correction.transform(X, scores)
    assert _excess(found, true) < left * _excess(scores, true)


def test_the_cell_that_was_planted_is_calibrated() -> None:
    X, scores, y, _, _ = _rows("planted", 7000, 2)
    correction = MulticalibratedCorrection().fit(X, scores, y)
    X, scores, _, true, _ = _rows("planted", 20_000, 3)
    cell = (X[:, 3] == 1) & (X[:, 4] == 1)
    miss = (scores - _sigmoid(true))[cell].mean()
    found = correction.transform(X, scores)
    assert abs(miss) > 0.2
    assert abs((found - _sigmoid(true))[cell].mean()) < abs(miss) / 3


@pytest.mark.parametrize("n", [1500, 7000])
def test_a_calibrated_score_is_left_alone_or_not_harmed(n: int) -> None:
    kept = []
    for seed in range(20):
        X, scores, y, _, group = _rows("calibrated", n, seed)
        correction = MulticalibratedCorrection(seed=seed).fit(X, scores, y, group)
        kept.append(correction.kept_)
        X, scores, _, true, _ = _rows("calibrated", 5000, 100 + seed)
        found = correction.transform(X, scores)
        if not correction.kept_:
            np.testing.assert_array_equal(found, scores)
            assert correction.rounds_ == ()
            assert correction.n_trees_ == 0
        assert _excess(found, true) < 0.003
    assert sum(kept) <= 5


def test_a_group_that_no_column_shows_is_not_repaired_and_it_is_said() -> None:
    X, scores, y, _, group = _rows("hidden", 7000, 0)
    blind = MulticalibratedCorrection().fit(X, scores, y, group)
    assert "told the group" in blind.reason_
    assert blind.report_["max_group_error_before"] > 5
    told = MulticalibratedCorrection().fit(np.column_stack([X, group]), scores, y, group)
    assert told.kept_
    assert "told the group" not in told.reason_
    X, scores, _, true, group = _rows("hidden", 20_000, 1)
    miss = [
        abs((found - _sigmoid(true))[group == 1].mean())
        for found in (
            blind.transform(X, scores),
            told.transform(np.column_stack([X, group]), scores),
        )
    ]
    assert miss[0] > 0.1
    assert miss[1] < 0.03


def test_the_report_has_what_it_says() -> None:
    X, scores, y, _, group = _rows("planted", 4000, 0)
    correction = MulticalibratedCorrection().fit(X, scores, y, group)
    report = correction.report_
    sizes = [report[f"rows_{part}"] for part in ("learned", "stopping", "held_out")]
    assert sum(sizes) == report["rows"] == 4000
    assert report["log_loss_change"] == pytest.approx(
        report["log_loss_after"] - report["log_loss_before"]
    )
    assert report["log_loss_change"] < -report["log_loss_change_error"] < 0
    raw = log_odds(scores)
    assert report["log_loss_before"] == pytest.approx((np.logaddexp(0, raw) - y * raw).mean())
    assert report["reason"] == correction.reason_
    assert (report["tried"], report["kept"], report["n_groups"]) == (1, 1, 2)


def test_rows_that_judge_a_fit_were_not_seen_by_it() -> None:
    X, scores, y, _, group = _rows("planted", 2000, 0)
    fold = folds_of(y, Groups.of(group), 0)
    growth = Growth(50, 4, 30, 0.1, 0)

    def judged(outcome: NDArray[np.int8]) -> Floats:
        rows = Rows(X, outcome, np.ones(len(y)), fold)
        return fit_round(rows, log_odds(scores), growth)[2]

    first, changed = judged(y), judged(np.where(fold == 2, 1 - y, y).astype(np.int8))
    np.testing.assert_array_equal(first[fold == 2], changed[fold == 2])
    assert (first[fold == 0] != changed[fold == 0]).any()


def test_the_average_loses_no_more_than_the_fits_it_averages(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fits: list[Trees] = []
    copied = Trees.from_booster

    def noted(booster: lgb.Booster, base_score: float, best: int) -> Trees:
        trees = copied(booster, base_score, best)
        raw = booster.predict(columns, num_iteration=best, raw_score=True)
        np.testing.assert_array_equal(trees.raw_scores(columns), raw)
        fits.append(trees)
        return trees

    monkeypatch.setattr(Trees, "from_booster", noted)
    X, scores, y, _, group = _rows("planted", 3000, 5)
    raw = log_odds(scores)
    columns = with_log_odds(X, raw)
    rows = Rows(X, y, np.ones(len(y)), folds_of(y, Groups.of(group), 0))
    mean, _, _ = fit_round(rows, raw, Growth(50, 4, 30, 0.1, 0))
    assert len(fits) == FOLDS
    alone = np.mean([trees.raw_scores(columns) for trees in fits], axis=0)
    np.testing.assert_allclose(mean.raw_scores(columns) - mean.base, alone, atol=1e-12)


def test_the_predictor_says_what_the_fit_says_and_is_saved() -> None:
    X, scores, y, _, group = _rows("planted", 3000, 0)
    X[::5, 2] = np.nan
    correction = MulticalibratedCorrection().fit(X, scores, y, group)
    assert correction.kept_
    model = correction.corrected(ExistingScore("s"))
    assert model.needs_groups == ()
    assert model.n_features == 6
    expected = correction.transform(X, scores)
    inputs = Inputs(X, score=scores)
    np.testing.assert_array_equal(model.scores(inputs), expected)
    again = Corrected.from_arrays(model.to_arrays(), predictor_from_arrays)
    np.testing.assert_array_equal(again.scores(inputs), expected)
    with pytest.raises(InputError, match="model expects 3"):
        correction.corrected(Trees.constant(0.0, 3))


def test_equal_seeds_give_equal_corrections() -> None:
    X, scores, y, _, group = _rows("planted", 3000, 0)
    first = MulticalibratedCorrection(seed=3).fit(X, scores, y, group)
    again = clone(first).fit(X.astype(np.float64), scores.tolist(), y.tolist(), group.tolist())
    other = MulticalibratedCorrection(seed=4).fit(X, scores, y, group)
    found = first.transform(X, scores)
    np.testing.assert_array_equal(again.transform(pd.DataFrame(X), scores), found)
    assert first.report_ == again.report_
    assert (other.transform(X, scores) != found).any()


def test_rows_of_weight_zero_are_absent_and_the_unit_does_not_matter() -> None:
    X, scores, y, _, group = _rows("planted", 3000, 0)
    weight = np.random.default_rng(0).choice([0.0, 1.0, 2.0], 3000)
    first = MulticalibratedCorrection().fit(X, scores, y, group, weight)
    there = weight > 0
    less = MulticalibratedCorrection().fit(
        X[there], scores[there], y[there], group[there], 4 * weight[there]
    )
    found = first.transform(X, scores)
    np.testing.assert_allclose(less.transform(X, scores), found, atol=1e-6)
    assert less.report_["rows"] == int(there.sum())
    plain = MulticalibratedCorrection().fit(X[there], scores[there], y[there], group[there])
    assert (plain.transform(X, scores) != found).any()


def test_weights_say_whom_it_is_fitted_to() -> None:
    X, scores, y, _, _ = _rows("calibrated", 6000, 0)
    rng = np.random.default_rng(1)
    wrong = X[:, 5] > 0
    y = np.where(wrong, rng.random(6000) < 0.6, y).astype(np.int8)
    light = MulticalibratedCorrection().fit(X, scores, y, sample_weight=np.where(wrong, 1e-6, 1))
    even = MulticalibratedCorrection().fit(X, scores, y)
    assert (even.transform(X, scores) - scores)[wrong].mean() > 0.1
    assert abs((light.transform(X, scores) - scores)[~wrong].mean()) < 0.02


def test_small_groups_count_more_when_balanced() -> None:
    groups = Groups.of({"sex": ["f"] * 2 + ["m"] * 8})
    factor = group_balance(groups, np.ones(10))
    assert factor.mean() == pytest.approx(1)
    assert factor[0] / factor[9] == pytest.approx(2)  # the root of 8 / 2
    np.testing.assert_allclose(group_balance(Groups.of(np.zeros(5)), np.ones(5)), 1)


def test_folds_have_their_share_of_each_outcome_and_group() -> None:
    _, _, y, _, group = _rows("hidden", 2000, 0)
    fold = folds_of(y, Groups.of(group), 0)
    cells = pd.crosstab(fold, [y, group])
    assert (cells.max() - cells.min() <= 1).all()


def test_by_chance_is_that_of_a_brownian_motion() -> None:
    width = np.linspace(0, 15, 60_001)
    survival = range_survival(width)
    second = np.trapezoid(2 * width * survival, width)
    fourth = np.trapezoid(4 * width**3 * survival, width)
    assert second == pytest.approx(BY_CHANCE, abs=1e-3)
    assert np.sqrt(fourth - second**2) == pytest.approx(SPREAD, abs=1e-3)


def test_a_gain_at_the_cost_of_a_group_is_no_reason_to_keep() -> None:
    rng = np.random.default_rng(0)
    n, group = 20_000, np.repeat([0, 1], [18_000, 2_000])
    true = np.where(group == 0, -1.0, 0.0)
    y = (rng.random(n) < _sigmoid(true)).astype(np.int8)
    before = np.where(group == 0, -0.8, 0.0)  # a little wrong for most
    after = np.where(group == 0, -1.0, -0.5)  # right for most, wrong for the few
    rows = Rows(np.zeros((n, 1), np.float32), y, np.ones(n), folds_of(y, Groups.of(group), 0))
    verdict = judge(rows, before, after, np.ones(n), Groups.of(group))
    assert verdict.gains
    assert verdict.harms
    assert not verdict.keeps
    both = judge(rows, before, true, np.ones(n), Groups.of(group))
    assert both.keeps


def test_certain_scores_and_gaps_in_columns_are_taken() -> None:
    X, scores, y, _, group = _rows("planted", 3000, 0)
    scores[:40:2], scores[1:40:2] = 0.0, 1.0
    X[::3, 0], X[:, 2] = np.nan, np.nan
    correction = MulticalibratedCorrection().fit(X, scores, y, group)
    found = correction.transform(X, scores)
    assert ((found >= 0) & (found <= 1)).all()


@pytest.mark.parametrize("columns", [0, 1])
def test_columns_that_say_nothing_leave_the_score_alone_to_learn_from(columns: int) -> None:
    _, scores, y, true, _ = _rows("stretched", 3000, 0)
    X = np.ones((3000, columns))
    correction = MulticalibratedCorrection().fit(X, scores, y)
    assert correction.kept_
    assert _excess(correction.transform(X, scores), true) < 0.2 * _excess(scores, true)
    flat = np.full(3000, 0.5)
    moved = MulticalibratedCorrection().fit(X, flat, y).transform(X, flat)
    assert moved.mean() == pytest.approx(y.mean(), abs=0.01)


@pytest.mark.parametrize(
    ("option", "part"), [({"max_rounds": 0}, "rounds is 0"), ({}, "has 6 rows")]
)
def test_nothing_is_tried_without_rows_or_rounds(option: dict[str, int], part: str) -> None:
    X, scores, y, _, _ = _rows("planted", 1000, 0)
    y[np.flatnonzero(y)[6:]] = 0
    correction = MulticalibratedCorrection(**option).fit(X, scores, y)
    assert part in correction.reason_
    assert not correction.kept_
    assert np.isnan(correction.report_["log_loss_change"])
    np.testing.assert_array_equal(correction.transform(X, scores), scores)


def test_later_rounds_are_kept_only_while_they_gain() -> None:
    X, scores, y, _, group = _rows("planted", 4000, 0)
    short = {"max_trees": 3}
    one = MulticalibratedCorrection(max_rounds=1, **short).fit(X, scores, y, group)
    more = MulticalibratedCorrection(max_rounds=6, **short).fit(X, scores, y, group)
    assert len(one.rounds_) == 1 < len(more.rounds_) <= 6
    assert more.report_["log_loss_after"] < one.report_["log_loss_after"]
    assert more.rounds_[0].n_trees == one.n_trees_


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"X": np.zeros((9, 2))}, "one row per score"),
        ({"X": np.zeros(10)}, "two dimensions"),
        ({"X": np.full((10, 2), np.inf)}, "or infinite"),
        ({"X": np.full((10, 2), 1e300)}, "single precision"),
        ({"X": np.full((10, 2), "secret")}, "must hold numbers"),
        ({"scores": np.full(10, 1.5)}, "between 0 and 1"),
        ({"scores": np.full(9, 0.5)}, "scores must have one value per row"),
        ({"y_true": np.arange(10)}, "only 0 and 1"),
        ({"sensitive_features": np.zeros(9)}, "sensitive_features must have one value"),
        ({"sample_weight": np.full(10, -1.0)}, "zero or more"),
    ],
)
def test_bad_input_is_refused_in_words(changes: dict[str, object], message: str) -> None:
    given: dict[str, object] = {
        "X": np.zeros((10, 2)), "scores": np.full(10, 0.5), "y_true": np.arange(10) % 2
    }  # fmt: skip
    with pytest.raises(InputError, match=message) as caught:
        MulticalibratedCorrection().fit(**(given | changes))
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "option",
    [
        {"max_rounds": -1}, {"max_trees": 1.5}, {"num_leaves": 1}, {"min_rows_per_leaf": 0},
        {"learning_rate": 0.0}, {"learning_rate": 1.1}, {"seed": -1}, {"max_trees": np.inf},
    ],
)  # fmt: skip
def test_settings_out_of_range_are_refused(option: dict[str, float]) -> None:
    correction = MulticalibratedCorrection(**option)  # type: ignore[arg-type]
    with pytest.raises(InputError, match=f"{next(iter(option))} must be"):
        correction.fit(np.zeros((10, 2)), np.full(10, 0.5), np.arange(10) % 2)


def test_it_must_be_fitted_and_asked_about_the_same_columns() -> None:
    correction = MulticalibratedCorrection()
    with pytest.raises(NotFittedError):
        correction.transform(np.zeros((3, 2)), np.full(3, 0.5))
    correction.fit(np.zeros((10, 2)), np.full(10, 0.5), np.arange(10) % 2)
    with pytest.raises(InputError, match="fitted on 2 columns; got 3"):
        correction.transform(np.zeros((3, 3)), np.full(3, 0.5))
