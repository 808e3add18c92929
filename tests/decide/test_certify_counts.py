from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.certify_sim import Case, false_certificates, power, repeated_looks
from faircore.decide.certify_counts import (
    fixed_sequence,
    holm_passed,
    limit_p_values,
)
from faircore.decide.pair_tests import certificate_p_value, floor_p_value
from faircore.errors import InputError
from faircore.frontier import Limit

PARITY, RATIO = "demographic_parity_difference", "demographic_parity_ratio"


def counts_of(rates: list[list[float]], n: int = 1000) -> np.ndarray:
    """Candidates whose groups of ``n`` are selected at these rates; half of all are good."""
    counts = np.zeros((len(rates), len(rates[0]), 2, 2))
    counts[..., 1] = np.array(rates)[..., None] * n / 2
    counts[..., 0] = n / 2 - counts[..., 1]
    return counts


def test_a_column_per_limit_and_the_worst_decides() -> None:
    counts = counts_of([[0.2, 0.21], [0.2, 0.3]])
    rows = [Limit(PARITY, 0.1), Limit(RATIO, 0.8), Limit("accuracy", 0.4)]
    p = limit_p_values(counts, rows)
    assert p.shape == (2, 3)
    for j, row in enumerate(rows[:2]):
        np.testing.assert_array_equal(p[:, j], certificate_p_value(counts, row.key, row.at))
    np.testing.assert_array_equal(p[:, 2], floor_p_value(1000, 2000, 0.4))
    exact = limit_p_values(counts, rows, method="exact")
    assert (exact[:, :2] >= p[:, :2]).all()


def test_a_floor_is_over_all_groups_as_large_as_they_are() -> None:
    counts = np.array([[[[90.0, 10], [0, 0]], [[120.0, 180], [0, 0]]]])
    p = limit_p_values(counts, [Limit("accuracy", 0.5)])
    assert p[0, 0] == pytest.approx(float(floor_p_value(210, 400, 0.5)))
    nobody = np.zeros((1, 2, 2, 2))
    assert limit_p_values(nobody, [Limit("accuracy", 0.5)])[0, 0] == 1


def test_only_what_has_a_test_can_be_certified() -> None:
    counts = counts_of([[0.2, 0.21]])
    with pytest.raises(InputError, match="'balanced_accuracy' cannot be certified"):
        limit_p_values(counts, [Limit("balanced_accuracy", 0.5)])
    with pytest.raises(InputError, match="no limit to certify"):
        limit_p_values(counts, [])


@given(st.lists(st.floats(0, 1), min_size=1, max_size=6), st.floats(0.01, 0.5))
def test_sequence_stops_at_the_first_failure(p: list[float], level: float) -> None:
    order = np.random.default_rng(len(p)).permutation(len(p))
    passed = fixed_sequence(np.array(p), order, level)
    expected = set()
    for position in order:
        if p[position] > level:
            break
        expected.add(int(position))
    assert set(np.flatnonzero(passed)) == expected


def test_sequence_over_many_reviews_and_what_has_no_p_value() -> None:
    p = np.array([[0.01, np.nan, 0.01], [0.01, 0.01, 0.9]])
    order = np.array([[0, 1, 2], [1, 0, 2]])
    assert fixed_sequence(p, order, 0.05).tolist() == [[True, False, False], [True, True, False]]


def test_holm_steps_down_in_any_order() -> None:
    p = np.array([0.012, 0.02, 0.03, np.nan])
    expected = {0.012: True, 0.02: False, 0.03: False}
    for order in permutations(range(4)):
        passed = holm_passed(p[list(order)], 0.05)
        for i, position in enumerate(order):
            assert passed[i] == expected.get(float(p[position]), False)
    assert holm_passed(np.array([0.012, 0.016, 0.024, 0.05]), 0.05).tolist() == [True] * 4


@pytest.mark.parametrize("order", [[0, 0, 1], [0, 1], [0, 1, 3]])
def test_a_wrong_order_is_refused(order: list[int]) -> None:
    with pytest.raises(InputError, match="each of the 3 candidates once"):
        fixed_sequence(np.ones(3), order, 0.05)


@pytest.mark.parametrize("level", [0.0, 1.0, float("nan")])
def test_a_level_is_a_chance(level: float) -> None:
    with pytest.raises(InputError, match="level must lie"):
        fixed_sequence(np.ones(1), [0], level)
    with pytest.raises(InputError, match="level must lie"):
        holm_passed(np.ones(1), level)


# Errors of a share over so many reviews; every true gap is just beyond its limit.
REVIEWS = 400
ROOM = 3.5 * float(np.sqrt(0.05 * 0.95 / REVIEWS))


@pytest.mark.parametrize(
    "case",
    [
        Case(Limit(PARITY, 0.05), 0.0, rows=1000),
        Case(Limit(PARITY, 0.05), 0.9, rows=1000),
        Case(Limit(RATIO, 0.8), 0.5, rows=500),
        Case(Limit("equalized_odds_difference", 0.05), 0.5, rows=1500),
        Case(Limit("accuracy", 0.8), 0.5, rows=500),
        Case(Limit(PARITY, 0.2), 0.5, rows=40, n_groups=4),
    ],
    ids=["gap apart", "gap alike", "ratio", "odds", "floor", "small groups"],
)
def test_false_certificates_over_many_reviews(case: Case) -> None:
    found = false_certificates(case, REVIEWS)
    assert found["fixed sequence"] <= 0.05 + ROOM
    assert found["Holm"] <= 0.05 + ROOM
    # The two temptations: taking counts for the truth, and many tests for one.
    assert found["point estimate"] > 0.85
    assert found["uncorrected"] >= max(found["fixed sequence"], found["Holm"])
    if case.limit == Limit(PARITY, 0.05):
        assert found["uncorrected"] > 0.05 + ROOM
        assert found["fixed sequence"] > 0.005  # not kept by never certifying


def test_looks_that_share_the_level_keep_it() -> None:
    found = repeated_looks(Case(Limit(PARITY, 0.05), 0.0, rows=1000), REVIEWS)
    shared, steered = found["each of 5 at level / 5"], found["the same at level / (5 · 30)"]
    assert max(shared, steered, found["look j at level / (j (j + 1))"]) <= 0.05 + ROOM
    assert found["every look at the full level"] > 0.05 + ROOM
    # Sharing among looks does not cover whoever saw the figures of all at the first.
    assert found["the same, figures of all 30 shown at the first look"] > 0.05 + ROOM


@pytest.mark.parametrize("n_groups", [2, 4])
def test_rows_that_are_said_to_be_needed_are(n_groups: int) -> None:
    for gap in (0.0, 0.03):
        assert power(gap, 2_000, n_groups)[1] == pytest.approx(0.8, abs=0.05)
