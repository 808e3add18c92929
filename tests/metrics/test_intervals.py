from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq, minimize_scalar
from scipy.special import xlogy
from scipy.stats import binom, norm

from faircore.metrics.intervals import (
    edge,
    miettinen_nurminen,
    newcombe,
    ratio_limits,
    score_p_value,
    score_statistic,
    wilson,
    z_of,
)

NAN = float("nan")
Z = norm.ppf(0.975)


def _floats(*values: Any) -> list[np.ndarray]:
    return [np.asarray(v, float) for v in values]


def _tables(n1: int, n2: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Every pair of counts for two sizes."""
    k1, k2 = np.meshgrid(np.arange(n1 + 1.0), np.arange(n2 + 1.0), indexing="ij")
    return k1, np.full(k1.shape, float(n1)), k2, np.full(k1.shape, float(n2))


def test_quantiles() -> None:
    assert z_of(0.95) == pytest.approx(1.959964, abs=1e-6)
    assert z_of(0.9) == pytest.approx(1.644854, abs=1e-6)


# Newcombe 1998, "Two-sided confidence intervals for the single proportion", table I, method 3.
@pytest.mark.parametrize(
    ("k", "n", "low", "high"),
    [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_against_newcombes_table(k: int, n: int, low: float, high: float) -> None:
    np.testing.assert_allclose(wilson(*_floats(k, n)), (low, high), atol=5e-5)


def test_wilson_limits_solve_the_score_equation() -> None:
    k, n = _floats([3, 9, 20.5], [10, 9, 47.3])
    for limit in wilson(k, n, z=1.5):
        open_ends = (limit > 1e-12) & (limit < 1 - 1e-12)
        distance = np.abs(k / n - limit) / np.sqrt(limit * (1 - limit) / n + ~open_ends)
        np.testing.assert_allclose(distance[open_ends], 1.5, rtol=1e-10)
    z = 1.5
    assert wilson(*_floats(0, 9), z=z)[1] == pytest.approx(z**2 / (9 + z**2))
    assert wilson(*_floats(9, 9), z=z)[0] == pytest.approx(9 / (9 + z**2))
    assert wilson(*_floats(0, 9))[0] == pytest.approx(0.0, abs=1e-15)
    assert wilson(*_floats(9, 9))[1] == pytest.approx(1.0)
    assert np.isnan(wilson(*_floats(0, 0))).all()


# Newcombe 1998, "Interval estimation for the difference between independent proportions",
# table II: methods 10 (hybrid score) and 6 (Miettinen and Nurminen).
DIFFERENCES = {
    (56, 70, 48, 80): ((0.0524, 0.3339), (0.0528, 0.3382)),
    (9, 10, 3, 10): ((0.1705, 0.8090), (0.1700, 0.8406)),
    (6, 7, 2, 7): ((0.0582, 0.8062), (0.0342, 0.8534)),
    (5, 56, 0, 29): ((-0.0381, 0.1926), (-0.0326, 0.1933)),
    (0, 10, 0, 20): ((-0.1611, 0.2775), (-0.1658, 0.2844)),
    (0, 10, 0, 10): ((-0.2775, 0.2775), (-0.2879, 0.2879)),
    (10, 10, 0, 20): ((0.6791, 1.0), (0.7156, 1.0)),
}


@pytest.mark.parametrize("table", DIFFERENCES)
def test_differences_against_newcombes_table(table: tuple[int, int, int, int]) -> None:
    hybrid, score = DIFFERENCES[table]
    np.testing.assert_allclose(newcombe(*_floats(*table)), hybrid, atol=5e-5)
    np.testing.assert_allclose(miettinen_nurminen(*_floats(*table)), score, atol=5e-5)


@pytest.mark.parametrize("n", [1, 3, 10, 50])
def test_everybody_against_nobody_in_closed_form(n: int) -> None:
    # The likeliest shares d apart are (1 ± d)/2, so that the limit solves a linear equation.
    low, high = miettinen_nurminen(*_floats(n, n, 0, n), z=Z)
    m = 2 * n - 1
    assert low == pytest.approx((m - Z**2) / (m + Z**2), abs=1e-6)
    assert high == pytest.approx(1.0)
    assert newcombe(*_floats(10, 10, 0, 10))[0] == pytest.approx(0.6075, abs=5e-5)


def test_p_value_is_pearsons_with_n_minus_1() -> None:
    k1, n1, k2, n2 = _floats([56, 9, 2, 14], [70, 10, 8, 30], [48, 3, 7, 22], [80, 10, 9, 30])
    total = n1 + n2
    pooled = (k1 + k2) / total
    variance = pooled * (1 - pooled) * (1 / n1 + 1 / n2) * total / (total - 1)
    z = (k1 / n1 - k2 / n2) / np.sqrt(variance)
    np.testing.assert_allclose(score_statistic(k1, n1, k2, n2), z, rtol=1e-9)
    np.testing.assert_allclose(score_p_value(k1, n1, k2, n2), 2 * norm.sf(np.abs(z)), rtol=1e-9)


@pytest.mark.parametrize("table", [(3, 10, 7, 10), (0, 5, 5, 5), (9, 20, 6, 10), (4, 8, 7, 14)])
def test_p_value_where_exactly_half_of_all_succeed(table: tuple[int, int, int, int]) -> None:
    k1, n1, k2, n2 = table
    total = n1 + n2
    z = (k1 / n1 - k2 / n2) / np.sqrt(0.25 * (1 / n1 + 1 / n2) * total / (total - 1))
    assert score_p_value(*_floats(*table)) == pytest.approx(2 * norm.sf(abs(z)), rel=1e-6)


def test_equal_shares_have_p_value_one() -> None:
    k1, n1, k2, n2 = _floats([0, 5, 8, 2], [9, 5, 16, 6], [0, 4, 5, 3], [3, 4, 10, 9])
    np.testing.assert_allclose(score_p_value(k1, n1, k2, n2), 1.0)


def _likeliest(k1: float, n1: float, k2: float, n2: float, gap: float) -> float:
    def cost(q: float) -> float:
        p = min(max(q + gap, 0.0), 1.0)
        return -float(xlogy(k1, p) + xlogy(n1 - k1, 1 - p) + xlogy(k2, q) + xlogy(n2 - k2, 1 - q))

    found = minimize_scalar(
        cost,
        bounds=(max(0.0, -gap), min(1.0, 1.0 - gap)),
        method="bounded",
        options={"xatol": 1e-11},
    )
    return float(found.x)


@pytest.mark.parametrize("seed", range(40))
def test_statistic_uses_the_likeliest_shares(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n1, n2 = rng.integers(2, 90, 2).astype(float)
    k1, k2 = rng.uniform(0.5, n1 - 0.5), rng.uniform(0.5, n2 - 0.5)
    gap = rng.uniform(-0.9, 0.9)
    q = _likeliest(k1, n1, k2, n2, gap)
    p = q + gap
    variance = (p * (1 - p) / n1 + q * (1 - q) / n2) * (n1 + n2) / (n1 + n2 - 1)
    expected = (k1 / n1 - k2 / n2 - gap) / np.sqrt(variance)
    assert score_statistic(*_floats(k1, n1, k2, n2), difference=gap) == pytest.approx(
        expected, rel=1e-5
    )


@pytest.mark.parametrize("n1", [1, 2, 5, 8, 14])
@pytest.mark.parametrize("n2", [1, 3, 8, 14])
def test_score_limits_keep_exactly_what_the_test_keeps(n1: int, n2: int) -> None:
    k1, m1, k2, m2 = _tables(n1, n2)
    low, high = miettinen_nurminen(k1, m1, k2, m2, z=Z)
    p = score_p_value(k1, m1, k2, m2)
    np.testing.assert_array_equal((low > 1e-9) | (high < -1e-9), p < 0.05)
    gap = k1 / m1 - k2 / m2
    assert ((low <= gap + 1e-12) & (gap <= high + 1e-12)).all()
    assert (high - low > 0.05).all()
    # Antisymmetry: the second minus the first.
    other_low, other_high = miettinen_nurminen(k2, m2, k1, m1, z=Z)
    np.testing.assert_allclose(other_low, -high, atol=1e-9)
    np.testing.assert_allclose(other_high, -low, atol=1e-9)
    # At a limit inside (-1, 1) the statistic is the quantile.
    for limit in (low, high):
        inside = np.abs(limit) < 1 - 1e-6
        at = np.abs(score_statistic(k1, m1, k2, m2, difference=limit))
        np.testing.assert_allclose(at[inside], Z, rtol=1e-4)


def _ratio_at(k1: float, n1: float, k2: float, n2: float, ratio: float) -> float:
    """The score statistic of a supposed ratio, from a numerical maximum of the likelihood."""

    def cost(q: float) -> float:
        p = min(q * ratio, 1.0)
        return -float(xlogy(k1, p) + xlogy(n1 - k1, 1 - p) + xlogy(k2, q) + xlogy(n2 - k2, 1 - q))

    found = minimize_scalar(
        cost, bounds=(0.0, min(1.0, 1 / ratio)), method="bounded", options={"xatol": 1e-12}
    )
    q = float(found.x)
    p = q * ratio
    variance = p * (1 - p) / n1 + ratio**2 * q * (1 - q) / n2
    factor = (n1 + n2) / (n1 + n2 - 1)
    return float((k1 / n1 - ratio * k2 / n2) / np.sqrt(variance * factor))


@pytest.mark.parametrize(
    "table", [(56, 70, 48, 80), (3, 10, 7, 11), (20, 90, 2, 60), (9.5, 12.3, 4.1, 20)]
)
def test_ratio_limits_invert_the_score_test(table: tuple[float, ...]) -> None:
    k1, n1, k2, n2 = table
    low, high = ratio_limits(*_floats(*table), z=Z)
    ratio = (k1 / n1) / (k2 / n2)
    expected_low = brentq(lambda r: _ratio_at(*table, r) - Z, ratio / 50, ratio * 0.999)
    expected_high = brentq(lambda r: _ratio_at(*table, r) + Z, ratio * 1.001, ratio * 50)
    assert low == pytest.approx(expected_low, rel=1e-4)
    assert high == pytest.approx(expected_high, rel=1e-4)


def test_ratio_limits_at_the_ends() -> None:
    k1, n1, k2, n2 = _floats([0, 5, 0, 0, 3], [10, 10, 9, 0, 9], [5, 0, 0, 3, 0], [10, 10, 9, 9, 0])
    low, high = ratio_limits(k1, n1, k2, n2)
    assert low[0] == pytest.approx(0.0, abs=1e-9)
    assert 0 < high[0] < 1
    assert low[1] > 1
    assert high[1] == np.inf
    assert low[1] == pytest.approx(1 / high[0], rel=1e-6)
    assert np.isnan(low[2:]).all()
    assert np.isnan(high[2:]).all()


@settings(max_examples=60, deadline=None)
@given(
    n1=st.floats(0.5, 500),
    n2=st.floats(0.5, 500),
    share1=st.one_of(st.sampled_from([0.0, 0.5, 1.0]), st.floats(0.01, 0.99)),
    share2=st.one_of(st.sampled_from([0.0, 0.5, 1.0]), st.floats(0.01, 0.99)),
)
def test_every_interval_holds_its_estimate_and_grows_with_confidence(
    n1: float, n2: float, share1: float, share2: float
) -> None:
    k1, k2 = share1 * n1, share2 * n2
    table = _floats(k1, n1, k2, n2)
    swapped = _floats(k2, n2, k1, n1)
    methods: list[tuple[Any, float, float, float]] = [
        (lambda z: wilson(*table[:2], z=z), share1, 0, 1),
        (lambda z: newcombe(*table, z=z), share1 - share2, -1, 1),
        (lambda z: miettinen_nurminen(*table, z=z), share1 - share2, -1, 1),
    ]
    if share1 > 0 and share2 > 0:
        methods.append((lambda z: ratio_limits(*table, z=z), share1 / share2, 0, np.inf))
    for limits, value, bottom, top in methods:
        low, high = limits(1.2)
        hair = 1e-7 * max(1.0, value)
        assert bottom - 1e-9 <= low <= value + hair
        assert value - hair <= high <= top + 1e-9
        wide_low, wide_high = limits(2.4)
        assert wide_low <= low + hair
        assert wide_high >= high - hair
        assert wide_high - wide_low > 1e-4 * value
    for method in (newcombe, miettinen_nurminen):
        (low, high), (other_low, other_high) = method(*table), method(*swapped)
        np.testing.assert_allclose([low, high], [-other_high, -other_low], atol=1e-8)
    (low, high), (other_low, other_high) = ratio_limits(*table), ratio_limits(*swapped)
    if share1 > 0 and share2 > 0:
        with np.errstate(divide="ignore"):
            inverse = np.array([1 / other_high, np.divide(1, other_low)])
        # With half a person in a group no ratio is too large; where the search ends is rounding.
        far = 1e9
        np.testing.assert_allclose(
            np.minimum([low, high], far), np.minimum(inverse, far), rtol=1e-5, atol=1e-8
        )


def test_empty_groups_have_no_limits_and_spoil_no_others() -> None:
    table = _floats([0, 5, 5], [0, 10, 10], [5, 0, 3], [10, 0, 10])
    for method in (newcombe, miettinen_nurminen, ratio_limits):
        low, high = method(*table)
        assert np.isnan(low).tolist() == [True, True, False]
        assert np.isnan(high).tolist() == [True, True, False]
    assert np.isnan(score_p_value(*table)).tolist() == [True, True, False]


def test_arrays_broadcast() -> None:
    k1, n1 = _floats([[2], [5], [9]], [[10], [10], [10]])
    k2, n2 = _floats([1, 4], [7, 8])
    for method in (newcombe, miettinen_nurminen, ratio_limits):
        low, high = method(k1, n1, k2, n2, z=np.full((3, 2), 1.7))
        assert low.shape == high.shape == (3, 2)
        alone = method(*_floats(9, 10, 1, 7), z=1.7)
        np.testing.assert_allclose([low[2, 0], high[2, 0]], alone, atol=1e-9)
    assert score_p_value(k1, n1, k2, n2).shape == (3, 2)
    low, _ = wilson(k2, n2, z=np.array([[1.0], [2.0], [3.0]]))
    assert low.shape == (3, 2)


def test_large_groups_meet_the_normal_interval() -> None:
    n = 4e6
    table = _floats(0.3 * n, n, 0.2 * n, n)
    half = Z * np.sqrt((0.21 + 0.16) / n)
    for method in (newcombe, miettinen_nurminen):
        np.testing.assert_allclose(method(*table), (0.1 - half, 0.1 + half), atol=1e-6)
    half = Z * np.sqrt(0.7 / 0.3 / n + 0.8 / 0.2 / n)
    np.testing.assert_allclose(
        ratio_limits(*table), (1.5 * np.exp(-half), 1.5 * np.exp(half)), rtol=1e-5
    )


def test_an_edge_is_found_or_is_the_outside() -> None:
    inside, outside = _floats([0.2, 0.2, NAN], [1, 1, 1])
    found = edge(lambda x: x <= np.array([0.7, 2.0, 0.7]), inside, outside)
    np.testing.assert_allclose(found, [0.7, 1.0, NAN], atol=1e-11)


# --- Coverage -----------------------------------------------------------------------------------
# Exact, not drawn: every table is weighed with its binomial chance. The coverage of a binomial
# interval jumps about with the shares and sizes, so it is averaged over many shares.

Method = Callable[..., tuple[np.ndarray, np.ndarray]]


def _wald(k1: np.ndarray, n1: np.ndarray, k2: np.ndarray, n2: np.ndarray) -> Any:
    first, second = k1 / n1, k2 / n2
    half = Z * np.sqrt(first * (1 - first) / n1 + second * (1 - second) / n2)
    return first - second - half, first - second + half


def _coverage(method: Method, n1: int, n2: int, *, ratio: bool = False) -> float:
    tables = _tables(n1, n2)
    low, high = method(*tables)
    kept = []
    for p1, p2 in np.random.default_rng(0).uniform(0.05, 0.95, (250, 2)):
        chance = np.outer(
            binom.pmf(np.arange(n1 + 1), n1, p1), binom.pmf(np.arange(n2 + 1), n2, p2)
        )
        truth = p1 / p2 if ratio else p1 - p2
        known = ~np.isnan(low)
        held = known & (low <= truth) & (truth <= high)
        kept.append(chance[held].sum() / chance[known].sum())
    return float(np.mean(kept))


SIZES = [(15, 15), (10, 30), (20, 60), (60, 40), (90, 90)]


@pytest.mark.parametrize("sizes", SIZES)
@pytest.mark.parametrize("method", [newcombe, miettinen_nurminen])
def test_intervals_of_a_difference_cover(method: Method, sizes: tuple[int, int]) -> None:
    assert 0.935 <= _coverage(method, *sizes) <= 0.965


@pytest.mark.parametrize("sizes", SIZES)
def test_intervals_of_a_ratio_cover(sizes: tuple[int, int]) -> None:
    assert 0.935 <= _coverage(ratio_limits, *sizes, ratio=True) <= 0.965


def test_walds_interval_would_not_pass() -> None:
    assert _coverage(_wald, 15, 15) < 0.93
    assert _coverage(_wald, 10, 30) < 0.93


def test_wilson_covers_and_wald_would_not() -> None:
    shares = np.random.default_rng(1).uniform(0.02, 0.98, 400)
    kept: dict[str, list[float]] = {"wilson": [], "wald": []}
    for n in (8, 15, 30, 100):
        k = np.arange(n + 1.0)
        half = Z * np.sqrt(k / n * (1 - k / n) / n)
        for name, (low, high) in {
            "wilson": wilson(k, np.full(n + 1, float(n))),
            "wald": (k / n - half, k / n + half),
        }.items():
            held = (low[:, None] <= shares) & (shares <= high[:, None])
            kept[name].append(float((held * binom.pmf(k[:, None], n, shares)).sum(0).mean()))
    assert all(0.935 <= c <= 0.965 for c in kept["wilson"])
    assert all(c < 0.935 for c in kept["wald"][:3])
