from __future__ import annotations

import numpy as np
import pytest
from fairlearn import metrics as fairlearn
from hypothesis import given, settings
from hypothesis import strategies as st

from faircore.errors import InputError
from faircore.groups import Groups
from faircore.metrics import (
    DISPARITIES,
    confusion_counts,
    difference,
    find_disparity,
    overall_counts,
    ratio,
)

NAN = float("nan")


def _counts(*groups: tuple[float, float, float, float]) -> np.ndarray:
    """Counts of groups given as (tn, fp, fn, tp)."""
    return np.array(groups, float).reshape(-1, 2, 2)


@pytest.mark.parametrize(
    ("rates", "gap", "quotient"),
    [
        ([0.2, 0.5, 0.4], 0.3, 0.4),
        ([0.5, 0.5], 0.0, 1.0),
        ([NAN, 0.2, 0.8], 0.6, 0.25),
        ([0.2, NAN], NAN, NAN),
        ([NAN, NAN], NAN, NAN),
        ([0.3], NAN, NAN),
        ([0.0, 0.0], 0.0, NAN),
        ([0.0, 0.5], 0.5, 0.0),
    ],
)
def test_difference_and_ratio_by_hand(rates: list[float], gap: float, quotient: float) -> None:
    np.testing.assert_allclose(difference(np.array(rates)), gap)
    np.testing.assert_allclose(ratio(np.array(rates)), quotient)


def test_disparities_of_a_table_by_hand() -> None:
    # Selected .3 and .6; good selected .5 and .8; others selected .1 and .4; accuracy .7, .7.
    counts = _counts((9, 1, 5, 5), (6, 4, 2, 8))
    expected = {
        "demographic_parity_difference": 0.3,
        "equal_opportunity_difference": 0.3,
        "equalized_odds_difference": 0.3,
        "predictive_equality_difference": 0.3,
        "predictive_parity_difference": 5 / 6 - 8 / 12,
        "accuracy_difference": 0.0,
        "demographic_parity_ratio": 0.5,
    }
    assert set(expected) == set(DISPARITIES)
    for name, value in expected.items():
        assert DISPARITIES[name](counts) == pytest.approx(value, abs=1e-12)


def test_equalized_odds_takes_the_larger_of_two_gaps() -> None:
    # Good selected .5 and .6, others selected .1 and .9.
    counts = _counts((9, 1, 5, 5), (1, 9, 4, 6))
    assert DISPARITIES["equalized_odds_difference"](counts) == pytest.approx(0.8)


def test_rates_over_few_people_take_no_part() -> None:
    counts = _counts((9, 1, 5, 5), (6, 4, 2, 8), (0, 1, 0, 0))
    parity = DISPARITIES["demographic_parity_difference"]
    assert parity(counts) == pytest.approx(0.7)
    assert parity(counts, min_people=2) == pytest.approx(0.3)
    assert np.isnan(parity(counts, min_people=21))


def test_what_counts_is_whom_the_rate_is_about() -> None:
    # Twelve people, but only one with the good outcome: its true positive rate is one person.
    counts = _counts((50, 50, 30, 70), (6, 5, 1, 0))
    chances = DISPARITIES["equal_opportunity_difference"]
    assert chances(counts) == pytest.approx(0.7)
    assert np.isnan(chances(counts, min_people=10))
    assert DISPARITIES["demographic_parity_difference"](counts, min_people=10) < 0.2


def test_the_rate_a_disparity_comes_from() -> None:
    counts = _counts((9, 1, 5, 5), (1, 9, 4, 6))
    odds = DISPARITIES["equalized_odds_difference"]
    assert odds.worst_rate(counts) == "false_positive_rate"
    assert odds.worst_rate(counts[..., ::-1, :]) == "true_positive_rate"


REFERENCES = {
    "demographic_parity_difference": fairlearn.demographic_parity_difference,
    "demographic_parity_ratio": fairlearn.demographic_parity_ratio,
    "equalized_odds_difference": fairlearn.equalized_odds_difference,
    "equal_opportunity_difference": fairlearn.equal_opportunity_difference,
}


@pytest.mark.parametrize("name", REFERENCES)
@pytest.mark.parametrize("seed", range(4))
def test_disparities_agree_with_fairlearn(name: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = 300
    y_true, group = rng.integers(0, 2, n), rng.integers(0, 4, n)
    y_pred = (rng.random(n) < 0.2 + 0.15 * group).astype(np.int8)
    weights = rng.exponential(1, n)
    counts = confusion_counts(y_true, y_pred, Groups.of(group), weights)
    expected = REFERENCES[name](y_true, y_pred, sensitive_features=group, sample_weight=weights)
    assert DISPARITIES[name](counts) == pytest.approx(expected, rel=1e-12)


def test_leading_axes_are_candidates() -> None:
    counts = np.random.default_rng(0).integers(0, 9, (5, 2, 3, 2, 2)).astype(float)
    for disparity in DISPARITIES.values():
        together = disparity(counts)
        assert together.shape == (5, 2)
        np.testing.assert_array_equal(together[4, 1], disparity(counts[4, 1]))


@settings(max_examples=60, deadline=None)
@given(
    table=st.lists(st.tuples(*[st.integers(0, 6).map(float)] * 4), min_size=2, max_size=5),
    scale=st.sampled_from([0.5, 4.0]),
)
def test_a_disparity_ignores_the_order_of_groups_and_the_scale_of_weights(
    table: list[tuple[float, float, float, float]], scale: float
) -> None:
    counts = _counts(*table)
    for disparity in DISPARITIES.values():
        value = disparity(counts)
        assert np.isnan(value) or 0 <= value <= 1
        np.testing.assert_array_equal(value, disparity(counts[::-1]))
        np.testing.assert_allclose(value, disparity(counts * scale), rtol=1e-12)


def test_overall_counts_are_the_same_from_any_partition() -> None:
    rng = np.random.default_rng(0)
    groups = Groups.of({"a": rng.integers(0, 2, 40), "b": rng.integers(0, 5, 40)})
    counts = confusion_counts(rng.integers(0, 2, 40), rng.integers(0, 2, 40), groups)
    one, other = (overall_counts(counts, p) for p in groups.partitions)
    np.testing.assert_array_equal(one, other)
    assert one.sum() == 40


def test_an_unknown_disparity_is_answered_with_the_known_ones() -> None:
    assert find_disparity("accuracy_difference").kind == "difference"
    with pytest.raises(InputError, match=r"'gini'.*demographic_parity_ratio"):
        find_disparity("gini")
