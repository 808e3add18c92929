from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from faircore.errors import InputError
from faircore.groups import MISSING, Groups
from faircore.metrics import DISPARITIES, RATES, evaluate

# Eight people worked by hand:      f f f f  m m m  (missing)
Y_TRUE = [1, 1, 0, 0, 1, 0, 0, 1]
Y_PRED = [1, 0, 0, 0, 1, 1, 0, 0]
SEX = ["f", "f", "f", "f", "m", "m", "m", None]


def test_a_table_by_hand() -> None:
    report = evaluate(Y_TRUE, Y_PRED, sensitive_features={"sex": SEX})
    assert report.overall.shape == (1, 1 + len(RATES))
    assert report.overall.loc[0, "n"] == 8
    assert report.overall.loc[0, "selection_rate"] == 3 / 8
    assert report.overall.loc[0, "accuracy"] == 5 / 8
    by_group = report.by_group.loc["sex"]
    assert by_group.index.tolist() == ["f", "m", MISSING]
    assert by_group["n"].tolist() == [4, 3, 1]
    assert by_group["weight"].tolist() == [4.0, 3.0, 1.0]
    assert by_group["selection_rate"].tolist() == [1 / 4, 2 / 3, 0.0]
    assert by_group["true_positive_rate"].tolist() == [1 / 2, 1.0, 0.0]
    np.testing.assert_array_equal(by_group["false_positive_rate"], [0.0, 1 / 2, np.nan])
    np.testing.assert_array_equal(by_group["positive_predictive_value"], [1.0, 1 / 2, np.nan])
    assert report.disparities.index.tolist() == ["sex"]
    assert set(report.disparities.columns) == set(DISPARITIES)
    assert report.disparities.loc["sex", "demographic_parity_difference"] == 2 / 3
    assert report.disparities.loc["sex", "equalized_odds_difference"] == 1.0


def test_weights_count_rows_several_times() -> None:
    times = [1, 2, 3, 1, 2, 1, 4, 2]
    weighted = evaluate(Y_TRUE, Y_PRED, sensitive_features=SEX, sample_weight=times)
    repeated = evaluate(
        np.repeat(Y_TRUE, times),
        np.repeat(Y_PRED, times),
        sensitive_features=np.repeat(np.array(SEX, object), times),
    )
    np.testing.assert_allclose(weighted.counts, repeated.counts)
    pd.testing.assert_frame_equal(weighted.disparities, repeated.disparities)
    assert weighted.by_group["n"].tolist() == [4, 3, 1]
    np.testing.assert_allclose(weighted.by_group["weight"], repeated.by_group["n"])


def test_scores_are_cut_at_the_threshold() -> None:
    score = [0.9, 0.49, 0.5, 0.1]
    by_score = evaluate([1, 0, 1, 0], y_score=score, sensitive_features=list("aabb"))
    by_hand = evaluate([1, 0, 1, 0], [1, 0, 1, 0], sensitive_features=list("aabb"))
    np.testing.assert_array_equal(by_score.counts, by_hand.counts)
    lower = evaluate([1, 0, 1, 0], y_score=score, sensitive_features=list("aabb"), threshold=0.1)
    assert lower.overall.loc[0, "selection_rate"] == 1.0


def test_scores_in_one_column_are_scores() -> None:
    score = np.array([[0.9], [0.2], [0.8], [0.1]])
    flat = evaluate([1, 0, 1, 0], y_score=score[:, 0], sensitive_features=list("aabb"))
    try:
        column = evaluate([1, 0, 1, 0], y_score=score, sensitive_features=list("aabb"))
    except InputError:
        return
    np.testing.assert_array_equal(column.counts, flat.counts)


def test_forms_of_input_do_not_matter() -> None:
    index = [5, 4, 3, 2, 1, 0, 6, 7]
    plain = evaluate(Y_TRUE, Y_PRED, sensitive_features=SEX)
    for truth, pred, sensitive in (
        (np.array(Y_TRUE, bool), np.array(Y_PRED, float)[:, None], np.array(SEX, object)),
        (pd.Series(Y_TRUE, index=index), pd.Series(Y_PRED), pd.Series(SEX, index=index)),
        (pd.DataFrame({"y": Y_TRUE}), Y_PRED, Groups.of(SEX)),
    ):
        np.testing.assert_array_equal(
            evaluate(truth, pred, sensitive_features=sensitive).counts, plain.counts
        )


def test_several_attributes_and_no_row_lost() -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"a": rng.choice(["x", None], 60), "b": rng.integers(0, 3, 60)})
    report = evaluate(
        rng.integers(0, 2, 60),
        rng.integers(0, 2, 60),
        sensitive_features=Groups.of(frame, partitions=[("a",), ("b",), ("a", "b")]),
    )
    assert report.by_group.groupby("partition", sort=False)["n"].sum().tolist() == [60] * 3
    assert report.disparities.index.tolist() == ["a", "b", "a × b"]


def test_one_group_has_no_disparity() -> None:
    report = evaluate([0, 1], [1, 1], sensitive_features=["a", "a"])
    assert report.disparities.isna().all(axis=None)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"y_pred": None}, "y_pred"),
        ({"y_pred": [0, 1]}, "y_pred"),
        ({"y_pred": None, "y_score": [0.1, 0.2]}, "y_score"),
        ({"y_pred": None, "y_score": [0.1, 0.2, float("nan")]}, "1 of 3"),
        ({"y_pred": None, "y_score": [0.1, 0.2, 1.5]}, "probability"),
        ({"y_pred": None, "y_score": np.full((3, 2), 0.5)}, "y_score"),
        ({"y_pred": None, "y_score": ["high", "low", "low"]}, "y_score|score"),
        ({"y_true": [0, 1, 2]}, "y_true"),
        ({"y_true": [0, 1, None]}, "y_true"),
        ({"y_true": ["yes", "no", "no"]}, "y_true"),
        ({"y_true": []}, "y_true"),
        ({"y_true": np.zeros((3, 2))}, "y_true"),
        ({"y_pred": [0, 1, float("nan")]}, "y_pred"),
        ({"sensitive_features": ["a", "b"]}, "sensitive_features"),
        ({"sample_weight": [1.0, 1.0]}, "sample_weight"),
        ({"sample_weight": [1.0, -1.0, 1.0]}, "sample_weight"),
        ({"sample_weight": [1.0, float("nan"), 1.0]}, "sample_weight"),
        ({"sample_weight": [0.0, 0.0, 0.0]}, "sample_weight"),
        ({"sample_weight": np.ones((3, 1)) * [[1, 2]]}, "sample_weight"),
        ({"sample_weight": ["a", "b", "c"]}, "sample_weight"),
    ],
)
def test_what_cannot_be_measured_is_refused(changes: dict[str, Any], words: str) -> None:
    arguments: dict[str, Any] = {
        "y_true": [0, 1, 1],
        "y_pred": [0, 1, 0],
        "sensitive_features": ["a", "b", "b"],
        **changes,
    }
    with pytest.raises(InputError, match=words):
        evaluate(**arguments)


def test_a_message_never_repeats_a_cell() -> None:
    with pytest.raises(InputError) as caught:
        evaluate(["secretvalue", 0], [0, 1], sensitive_features=["othersecret", "b"])
    assert "secret" not in str(caught.value)
