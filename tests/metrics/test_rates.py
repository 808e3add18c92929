from __future__ import annotations

import warnings

import numpy as np
import pytest
from fairlearn import metrics as fairlearn
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.metrics import accuracy_score, balanced_accuracy_score, precision_score

from faircore.errors import InputError
from faircore.groups import Groups
from faircore.metrics import (
    PERFORMANCES,
    RATES,
    confusion_counts,
    find_performance,
    overall_counts,
)

# tn 8, fp 2, fn 3, tp 7
TABLE = np.array([[8.0, 2.0], [3.0, 7.0]])

BY_HAND = {
    "selection_rate": 9 / 20,
    "base_rate": 10 / 20,
    "accuracy": 15 / 20,
    "true_positive_rate": 7 / 10,
    "false_negative_rate": 3 / 10,
    "false_positive_rate": 2 / 10,
    "true_negative_rate": 8 / 10,
    "positive_predictive_value": 7 / 9,
    "negative_predictive_value": 8 / 11,
}


def _negative_predictive_value(y_true, y_pred, *, sample_weight):  # type: ignore[no-untyped-def]
    return precision_score(1 - y_true, 1 - y_pred, sample_weight=sample_weight)


def _base_rate(y_true, y_pred, *, sample_weight):  # type: ignore[no-untyped-def]
    return fairlearn.selection_rate(y_true, y_true, sample_weight=sample_weight)


REFERENCES = {
    "selection_rate": fairlearn.selection_rate,
    "base_rate": _base_rate,
    "accuracy": accuracy_score,
    "true_positive_rate": fairlearn.true_positive_rate,
    "false_negative_rate": fairlearn.false_negative_rate,
    "false_positive_rate": fairlearn.false_positive_rate,
    "true_negative_rate": fairlearn.true_negative_rate,
    "positive_predictive_value": precision_score,
    "negative_predictive_value": _negative_predictive_value,
}


def test_every_rate_has_an_oracle() -> None:
    assert set(RATES) == set(BY_HAND) == set(REFERENCES)
    assert all(rate.name == name for name, rate in RATES.items())


@pytest.mark.parametrize("name", RATES)
def test_rates_of_a_table_by_hand(name: str) -> None:
    assert RATES[name](TABLE) == pytest.approx(BY_HAND[name], abs=1e-15)


@pytest.mark.parametrize("name", RATES)
def test_rates_agree_with_fairlearn_on_weighted_groups(name: str) -> None:
    rng = np.random.default_rng(3)
    n = 400
    y_true, y_pred = rng.integers(0, 2, n), rng.integers(0, 2, n)
    sex, weights = rng.choice(["f", "m", "x"], n), rng.exponential(2, n)
    frame = fairlearn.MetricFrame(
        metrics=REFERENCES[name],
        y_true=y_true,
        y_pred=y_pred,
        sensitive_features=sex,
        sample_params={"sample_weight": weights},
    )
    groups = Groups.of(sex)
    counts = confusion_counts(y_true, y_pred, groups, weights)
    np.testing.assert_allclose(RATES[name](counts), frame.by_group.to_numpy(), rtol=1e-12)
    whole = overall_counts(counts, groups.partitions[0])
    np.testing.assert_allclose(RATES[name](whole), frame.overall, rtol=1e-12)


@pytest.mark.parametrize("name", RATES)
def test_nothing_over_nothing_is_undefined_and_warns_nobody(name: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.isnan(RATES[name](np.zeros((2, 2))))


def test_a_group_without_positives_has_no_true_positive_rate() -> None:
    counts = np.array([[[5.0, 1.0], [0.0, 0.0]], [[1.0, 1.0], [1.0, 3.0]]])
    assert np.isnan(RATES["true_positive_rate"](counts)[0])
    assert RATES["true_positive_rate"](counts)[1] == 0.75
    assert np.isnan(RATES["false_negative_rate"](counts)[0])
    assert RATES["false_positive_rate"](counts)[0] == pytest.approx(1 / 6)


@settings(max_examples=60, deadline=None)
@given(counts=hnp.arrays(np.float64, (3, 4, 2, 2), elements=st.integers(0, 5).map(float)))
def test_rates_lie_in_the_unit_interval_and_complements_add_to_one(counts: np.ndarray) -> None:
    rates = {name: rate(counts) for name, rate in RATES.items()}
    for rate in rates.values():
        assert rate.shape == (3, 4)
        assert (np.isnan(rate) | ((rate >= 0) & (rate <= 1))).all()
    for one, other in (
        ("true_positive_rate", "false_negative_rate"),
        ("true_negative_rate", "false_positive_rate"),
    ):
        total = rates[one] + rates[other]
        np.testing.assert_allclose(total[~np.isnan(total)], 1)
        assert (np.isnan(rates[one]) == np.isnan(rates[other])).all()


def test_performances_agree_with_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    y_true, y_pred, weights = rng.integers(0, 2, 90), rng.integers(0, 2, 90), rng.random(90)
    counts = confusion_counts(y_true, y_pred, Groups.of(np.zeros(90)), weights)[0]
    assert PERFORMANCES["balanced_accuracy"](counts) == pytest.approx(
        balanced_accuracy_score(y_true, y_pred, sample_weight=weights)
    )
    assert PERFORMANCES["accuracy"](counts) == pytest.approx(
        accuracy_score(y_true, y_pred, sample_weight=weights)
    )
    assert PERFORMANCES["positive_predictive_value"](counts) == pytest.approx(
        precision_score(y_true, y_pred, sample_weight=weights)
    )
    assert find_performance("accuracy") is PERFORMANCES["accuracy"]
    with pytest.raises(InputError, match=r"'profit'.*balanced_accuracy"):
        find_performance("profit")
