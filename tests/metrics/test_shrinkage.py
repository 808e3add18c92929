from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit, logit

from faircore.groups import Groups
from faircore.metrics.shrinkage import parent_rates, shrink


@settings(max_examples=80, deadline=None)
@given(
    rows=st.lists(
        st.tuples(st.integers(0, 300), st.floats(0, 1), st.floats(0.01, 0.99)),
        min_size=1,
        max_size=8,
    )
)
def test_estimates_lie_between_raw_and_expected(rows: list[tuple[int, float, float]]) -> None:
    n = np.array([r[0] for r in rows], float)
    k = n * np.array([r[1] for r in rows])
    expected = np.array([r[2] for r in rows])
    value, (low, high), strength = shrink(k, n, expected)
    raw = np.where(n > 0, k / np.maximum(n, 1e-9), expected)
    assert (value >= np.minimum(raw, expected) - 1e-9).all()
    assert (value <= np.maximum(raw, expected) + 1e-9).all()
    assert ((low >= 0) & (low <= value + 1e-6) & (value <= high + 1e-6) & (high <= 1)).all()
    assert strength > 0
    np.testing.assert_allclose(value[n == 0], expected[n == 0])


def test_a_large_group_keeps_its_rate_and_a_small_one_moves() -> None:
    rng = np.random.default_rng(0)
    rates = rng.beta(6, 14, 40)
    n = np.full(40, 2e6)
    n[0], n[1] = 8, 0
    k = n * rates
    k[0] = 8
    expected = np.full(40, 0.3)
    value, (low, high), strength = shrink(k, n, expected)
    np.testing.assert_allclose(value[2:], rates[2:], atol=1e-4)
    assert 0.3 < value[0] < 0.8
    assert value[1] == pytest.approx(0.3)
    # The strength is the sum of the prior's parameters, 6 + 14.
    assert 10 < strength < 40
    assert high[1] - low[1] > high[0] - low[0] > high[2] - low[2]


def test_wider_confidence_is_wider() -> None:
    k, n, expected = np.array([3.0, 9, 20]), np.array([10.0, 20, 50]), np.full(3, 0.4)
    _, (low, high), _ = shrink(k, n, expected, confidence=0.8)
    _, (wide_low, wide_high), _ = shrink(k, n, expected, confidence=0.99)
    assert (wide_low < low).all()
    assert (wide_high > high).all()


def _drawn(
    n_groups: int, strength: float, sets: int, *, known: bool = True
) -> tuple[float, float, float]:
    """Coverage, and mean squared errors of shrunk and of raw rates."""
    rng = np.random.default_rng(int(n_groups + strength))
    kept, shrunk, plain = [], [], []
    for _ in range(sets):
        n = rng.integers(5, 80, n_groups).astype(float)
        rates = rng.beta(0.3 * strength, 0.7 * strength, n_groups)
        k = rng.binomial(n.astype(int), rates).astype(float)
        middle = 0.3 if known else (k.sum() + 0.5) / (n.sum() + 1)
        value, (low, high), _ = shrink(k, n, np.full(n_groups, middle))
        kept.append(((low <= rates) & (rates <= high)).mean())
        shrunk.append(((value - rates) ** 2).mean())
        plain.append(((k / n - rates) ** 2).mean())
    return float(np.mean(kept)), float(np.mean(shrunk)), float(np.mean(plain))


@pytest.mark.parametrize("strength", [5.0, 30.0])
def test_many_groups_gain_and_their_intervals_cover(strength: float) -> None:
    coverage, shrunk, plain = _drawn(150, strength, 40)
    assert shrunk < 0.9 * plain
    assert 0.93 <= coverage <= 0.965


@pytest.mark.parametrize("strength", [5.0, 30.0, 200.0])
@pytest.mark.parametrize("n_groups", [2, 4, 8, 20])
def test_few_groups_have_intervals_that_cover(n_groups: int, strength: float) -> None:
    coverage, shrunk, plain = _drawn(n_groups, strength, 600 // n_groups)
    assert coverage >= 0.9
    assert shrunk < 1.05 * plain


def test_two_groups_of_ten_are_not_known_to_a_few_percent() -> None:
    _, (low, high), _ = shrink(np.array([5.0, 5]), np.array([10.0, 10]), np.full(2, 0.5))
    assert (high - low > 0.25).all()


# --- What parents let one expect ----------------------------------------------------------------


def _crossed(n_a: int, n_b: int) -> Groups:
    a, b = np.meshgrid(np.arange(n_a), np.arange(n_b), indexing="ij")
    return Groups.of({"a": a.ravel(), "b": b.ravel()}, partitions=[("a",), ("b",), ("a", "b")])


def _margins(groups: Groups, cells: np.ndarray) -> np.ndarray:
    return np.concatenate(
        [
            np.bincount(codes - p.start, cells)
            for p, codes in zip(groups.partitions, groups.codes, strict=True)
        ]
    )


def test_values_of_one_attribute_are_expected_at_everybodys_rate() -> None:
    groups = _crossed(2, 3)
    k, n = np.full(11, 30.0), np.full(11, 100.0)
    k[0], k[1] = 80, 40
    expected = parent_rates(groups.partitions[0], groups.partitions, k, n)
    np.testing.assert_allclose(expected, 0.6, atol=0.002)


def test_log_odds_of_parents_add_up() -> None:
    groups = _crossed(2, 2)
    # Groups in order: a0, a1, b0, b1 and the four crossed ones.
    n = np.array([2e6, 2e6, 2e6, 2e6, 1e6, 1e6, 1e6, 1e6])
    rate = np.array([0.2, 0.6, 0.3, 0.5, 0.1, 0.3, 0.5, 0.7])
    found = parent_rates(groups.partitions[2], groups.partitions, rate * n, n)
    expected = [expit(logit(rate[a]) + logit(rate[b]) - logit(0.4)) for a in (0, 1) for b in (2, 3)]
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_a_parent_of_nobody_says_nothing() -> None:
    # Everybody is at .9; nobody with a = 0 is in the rate, so a = 0 crossed with b is expected
    # where b is.
    groups = _crossed(2, 2)
    cells = np.array([0.0, 0.0, 1e4, 1e4])
    n = _margins(groups, cells)
    expected = parent_rates(groups.partitions[2], groups.partitions, 0.9 * n, n)
    np.testing.assert_allclose(expected, 0.9, atol=1e-3)


def test_without_all_parents_what_is_known_is_averaged() -> None:
    groups = Groups.of({"a": [0, 0, 1, 1], "b": [0, 1, 0, 1]}, partitions=[("a",), ("a", "b")])
    n = np.full(6, 1e6)
    k = n * np.array([0.2, 0.6, 0.3, 0.1, 0.7, 0.5])
    expected = parent_rates(groups.partitions[1], groups.partitions, k, n)
    np.testing.assert_allclose(expected, [0.2, 0.2, 0.6, 0.6], atol=1e-5)
    alone = Groups.of({"a": [0, 0, 1, 1], "b": [0, 1, 0, 1]}, partitions=[("a", "b")])
    expected = parent_rates(alone.partitions[0], alone.partitions, k[2:], n[2:])
    np.testing.assert_allclose(expected, 0.4, atol=1e-5)
