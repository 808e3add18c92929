from __future__ import annotations

import numpy as np
import pytest

from benchmarks.frontier_noise import PARITY, binomial_groups, gap_coverage, limits_coverage
from faircore.errors import InputError
from faircore.frontier.noise import Replicates
from faircore.frontier.noise_gaps import disparity_limits
from faircore.frontier.noise_limits import limits, share_limits
from faircore.metrics import DISPARITIES
from faircore.metrics.intervals import miettinen_nurminen, wilson

RATIO = "demographic_parity_ratio"


@pytest.mark.parametrize("n", [200, 1_000, 3_000])
@pytest.mark.parametrize("g", [2, 4, 8])
@pytest.mark.parametrize("gap", [0.0, 0.02, 0.1])
@pytest.mark.parametrize("name", [PARITY, RATIO])
def test_limits_of_a_gap_hold_the_truth(n: int, g: int, gap: float, name: str) -> None:
    rates = 0.3 + gap * (np.arange(g) == 0)
    # The standard error of a coverage of 95% in 1,500 runs is .006.
    assert 0.925 <= gap_coverage(rates, np.full(g, n), 1_500, name) <= 0.99


def test_a_ladder_of_sizes_and_ties_at_both_ends() -> None:
    ladder = np.linspace(200, 3_000, 8).astype(np.int64)
    assert gap_coverage(0.3 + 0.1 * np.linspace(0, 1, 8), ladder, 1_500) > 0.93
    assert gap_coverage(0.3 + 0.1 * (np.arange(8) % 2), np.full(8, 1_000), 1_500) > 0.92


def test_limits_of_equal_groups_reach_zero() -> None:
    drawn = binomial_groups(np.full(8, 0.2), np.full(8, 200), 500, 0)
    low, high = disparity_limits(drawn, PARITY)
    assert (low == 0).mean() > 0.95
    assert (high > 0.02).all()


def test_two_far_groups_are_as_two_shares() -> None:
    n = np.array([800, 1_200])
    drawn = binomial_groups(np.array([0.5, 0.3]), n, 20, 0)
    low, high = disparity_limits(drawn, PARITY)
    k = drawn.chosen[:, 0, 0]
    exact = miettinen_nurminen(k[0], np.float64(n[0]), k[1], np.float64(n[1]))
    np.testing.assert_allclose(low, exact[0], atol=0.005)
    np.testing.assert_allclose(high, exact[1], atol=0.005)


def test_limits_hold_what_was_seen_and_stay_in_range() -> None:
    rng = np.random.default_rng(0)
    totals = rng.integers(1, 60, (5, 2, 1)).astype(np.float32)
    chosen = np.floor(totals[..., None] * rng.random((5, 2, 1, 300)) ** 2).astype(np.float32)
    squares = np.stack([totals[:, :, 0, None] - chosen[:, :, 0], chosen[:, :, 0]], axis=-1)
    drawn = Replicates(totals, chosen, squares.astype(np.float64))
    for name, disparity in DISPARITIES.items():
        seen = disparity(drawn.observed, min_people=10)
        low, high = disparity_limits(drawn, name, min_people=10)
        np.testing.assert_array_equal(np.isnan(low), np.isnan(seen))
        known = np.isfinite(seen)
        assert known.any()
        assert (low[known] >= 0).all()
        assert (high[known] <= 1).all()
        assert (low[known] <= seen[known] + 1e-6).all()
        assert (high[known] >= seen[known] - 1e-6).all()


def test_heavier_rows_say_less() -> None:
    drawn = binomial_groups(np.array([0.5, 0.3]), np.array([800, 1_200]), 5, 0)
    heavy = Replicates(drawn.totals, drawn.chosen, 4 * drawn.squares)
    fewer = binomial_groups(np.array([0.5, 0.3]), np.array([200, 300]), 5, 0)
    widths = [np.subtract(*disparity_limits(d, PARITY)[::-1]).mean() for d in (drawn, heavy, fewer)]
    assert widths[1] == pytest.approx(2 * widths[0], rel=0.1)
    assert widths[1] == pytest.approx(widths[2], rel=0.1)


def test_higher_confidence_is_wider() -> None:
    drawn = binomial_groups(np.full(4, 0.3), np.full(4, 500), 50, 0)
    narrow, wide = (disparity_limits(drawn, PARITY, confidence=c)[1] for c in (0.8, 0.99))
    assert (narrow <= wide + 1e-6).all()
    assert narrow.mean() < 0.9 * wide.mean()


def test_limits_of_performances_hold_the_truth() -> None:
    held = limits_coverage(150, n=1_000, k=3)
    # Three candidates and the same people: a standard error of about .016.
    for name in ("accuracy", "balanced_accuracy", "auc", "log_loss"):
        assert 0.9 <= held[name] <= 0.99, name


@pytest.mark.parametrize("share", [0.97, 0.99, 0.997])
def test_limits_near_an_end_hold_the_truth(share: float) -> None:
    # Whom binomial_groups selects is wrongly selected.
    drawn = binomial_groups(np.array([1 - share]), np.array([300]), 4_000, 3)
    low, high = share_limits(drawn, "accuracy")
    assert 0.93 <= ((low <= share) & (share <= high)).mean() <= 0.99


def test_three_of_three_are_not_a_hundred_percent() -> None:
    drawn = binomial_groups(np.array([0.0]), np.array([3]), 2, 0)
    low, high = share_limits(drawn, "accuracy")
    assert high.tolist() == [1, 1]
    np.testing.assert_allclose(low, wilson(np.array([3.0]), np.array([3.0]))[0][0])
    # Those of no rate at all: nobody has the good outcome.
    assert np.isnan(share_limits(drawn, "true_positive_rate")).all()
    assert np.isnan(share_limits(drawn, "balanced_accuracy")).all()


def test_limits_of_balanced_accuracy_join_those_of_its_halves() -> None:
    totals = np.array([[40.0], [40.0]], np.float32)[None]
    chosen = np.array([[[0.0, 10.0]], [[40.0, 30.0]]], np.float32)[None]
    squares = np.stack([totals - chosen[:, :, 0], chosen[:, :, 0]], axis=-1).astype(np.float64)
    low, high = share_limits(Replicates(totals, chosen, squares), "balanced_accuracy")
    at, _ = wilson(np.array([40.0]), np.array([40.0]))
    assert high[0] == 1
    # Both halves are 1, so that the shortfalls add up as the sides of a square do.
    np.testing.assert_allclose(low[0], 1 - np.sqrt(2) * (1 - at[0]) / 2)
    # Two halves alike, far from the ends: the error of the mean of two shares.
    half = 1.96 * np.sqrt(0.75 * 0.25 / 40 / 2)
    np.testing.assert_allclose([low[1], high[1]], [0.75 - half, 0.75 + half], atol=0.025)


def test_scales() -> None:
    draws = np.random.default_rng(0).normal(0, 0.05, (500, 3)) * [1, 1, 0]
    low, high = limits(np.array([0.99, np.nan, 0.5]), draws)
    assert low[0] > 0
    assert 0.99 < high[0] < 1
    assert np.isnan([low[1], high[1]]).all()
    assert low[2] == high[2] == 0.5
    low, high = limits(np.array([0.01, 1.0, 0.0]), draws, scale="positive")
    assert low[0] > 0
    assert low[1] < 1 < high[1]
    assert np.isnan([low[2], high[2]]).all()
    low, high = limits(np.array([-3.0, 0.0, 9.0]), draws, scale="plain")
    np.testing.assert_allclose((low + high) / 2, [-3, 0, 9], atol=1e-12)
    with pytest.raises(InputError, match="no scale"):
        limits(np.zeros(3), draws, scale="wide")  # type: ignore[arg-type]
