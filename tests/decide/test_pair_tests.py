from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import beta, binomtest, norm

from benchmarks.certify_size import p_values, size, table
from faircore.decide.pair_tests import (
    Method,
    certificate_p_value,
    floor_p_value,
    gap_bound,
    pair_p_values,
)
from faircore.errors import InputError
from faircore.metrics import DISPARITIES, find_disparity
from faircore.metrics.intervals import ratio_statistic, score_statistic

DIFFERENCE, RATIO = "demographic_parity_difference", "demographic_parity_ratio"


def selected(k: list[float], n: list[float]) -> np.ndarray:
    """Counts of groups of whom so many are selected."""
    counts = np.zeros((len(k), 2, 2))
    counts[:, 0] = np.stack([np.subtract(n, k), k], axis=-1)
    return counts


@pytest.mark.parametrize("disparity", DISPARITIES)
@pytest.mark.parametrize("method", ["score", "exact"])
def test_shape_diagonal_and_batches(disparity: str, method: Method) -> None:
    counts = np.random.default_rng(0).integers(1, 60, (5, 3, 2, 2)).astype(float)
    p = pair_p_values(counts, disparity, 0.3, method=method)
    assert p.shape == (5, len(DISPARITIES[disparity].rates), 3, 3)
    assert ((p >= 0) & (p <= 1)).all()
    assert (np.diagonal(p, axis1=-2, axis2=-1) == 0).all()
    one = [pair_p_values(c, disparity, 0.3, method=method) for c in counts]
    np.testing.assert_array_equal(p, np.stack(one))
    largest = certificate_p_value(counts, disparity, 0.3, method=method)
    np.testing.assert_array_equal(largest, p.max(axis=(1, 2, 3)))
    limits = np.linspace(0.1, 0.9, 5)
    each = [certificate_p_value(c, disparity, a) for c, a in zip(counts, limits, strict=True)]
    np.testing.assert_array_equal(certificate_p_value(counts, disparity, limits), each)


def test_large_groups_give_the_plain_score_test() -> None:
    k, n = [40_000.0, 39_200.0], [200_000.0, 190_000.0]
    p = pair_p_values(selected(k, n), DIFFERENCE, 0.01)[0]
    a, b = (np.array(v) for v in ((k[0], n[0]), (k[1], n[1])))
    assert p[0, 1] == pytest.approx(norm.cdf(score_statistic(*a, *b, difference=0.01)), rel=0.02)
    assert p[1, 0] == pytest.approx(norm.cdf(score_statistic(*b, *a, difference=0.01)), rel=0.02)
    p = pair_p_values(selected(k, n), RATIO, 0.95)[0]
    assert p[0, 1] == pytest.approx(norm.sf(ratio_statistic(*a, *b, np.array(0.95))), rel=0.05)


def test_direction_of_both_kinds() -> None:
    counts = selected([300, 100], [1000, 1000])
    p = pair_p_values(counts, DIFFERENCE, 0.1)[0]
    assert p[0, 1] > 0.999  # the first is .2 above the second
    assert p[1, 0] < 1e-9
    p = pair_p_values(counts, RATIO, 0.8)[0]
    assert p[0, 1] < 1e-9  # three times as many
    assert p[1, 0] > 0.999


def test_every_rate_counts() -> None:
    counts = np.array([[[500.0, 100], [20, 180]], [[400.0, 200], [20, 180]]])
    p = pair_p_values(counts, "equalized_odds_difference", 0.1)
    assert p[0].max() < 0.01  # equally many of the good are selected
    assert p[1, 1, 0] > 0.9  # but not of the others
    assert certificate_p_value(counts, "equalized_odds_difference", 0.1) == p.max()
    assert certificate_p_value(counts, "equal_opportunity_difference", 0.1) == p[0].max()


@pytest.mark.parametrize("method", ["score", "exact"])
@pytest.mark.parametrize("disparity", [DIFFERENCE, RATIO])
def test_nothing_is_certified_from_nothing(disparity: str, method: Method) -> None:
    limit = 0.05 if disparity == DIFFERENCE else 0.8
    for n1, n2 in product((1, 2, 3, 10, 20, 50), repeat=2):
        counts = selected([0.0, 0.0], [n1, n2])
        assert certificate_p_value(counts, disparity, limit, method=method) > 0.05
    empty = selected([3.0, 0.0], [9.0, 0.0])
    p = pair_p_values(empty, disparity, limit, method=method)[0]
    assert np.isnan(p[[0, 1], [1, 0]]).all()
    assert certificate_p_value(empty, disparity, limit, method=method) == 1
    assert np.isnan(gap_bound(empty, disparity, 0.05, method=method))
    alone = selected([3.0], [9.0])
    assert certificate_p_value(alone, disparity, limit, method=method) == 1
    assert np.isnan(gap_bound(alone, disparity, 0.05, method=method))


@pytest.mark.parametrize("ratio", [False, True])
@pytest.mark.parametrize("level", [0.05, 0.01])
def test_size_by_enumeration(ratio: bool, level: float) -> None:
    plain = []
    for n1, n2, limit in product((3, 10, 24, 60), (3, 17, 45), (0.8,) if ratio else (0.05, 0.2)):
        for method in ("score", "exact"):
            p = p_values(n1, n2, limit, ratio=ratio, method=method)
            assert size(p, limit, level, ratio=ratio, places=200) <= level + 1e-12
        p = p_values(n1, n2, limit, ratio=ratio, method="plain")
        plain.append(size(p, limit, level, ratio=ratio, places=200))
    # The guards are needed: without them the same test fails.
    assert max(plain) > 1.5 * level


@pytest.mark.parametrize("method", ["score", "exact"])
def test_more_evidence_never_counts_less(method: Method) -> None:
    # So that the worst case of a gap beyond the limit is that of a gap at the limit. Where nothing
    # speaks for a certificate (p above .5) order does not matter.
    for n1, n2, limit in [(12, 9, 0.1), (40, 6, 0.05), (5, 50, 0.2)]:
        p = pair_p_values(table(n1, n2), DIFFERENCE, limit, method=method)[..., 0, 0, 1]
        p = np.minimum(p, 0.5)
        assert (np.diff(p, axis=0) >= -1e-9).all()
        assert (np.diff(p, axis=1) <= 1e-9).all()
        p = pair_p_values(table(n1, n2), RATIO, 1 - limit, method=method)[..., 0, 0, 1]
        p = np.minimum(p, 0.5)
        assert (np.diff(p, axis=0) <= 1e-9).all()
        assert (np.diff(p, axis=1) >= -1e-9).all()


def _clopper_pearson(k: float, n: float, tail: float) -> tuple[float, float]:
    low = beta.ppf(tail, k, n - k + 1) if k > 0 else 0.0
    high = beta.isf(tail, k + 1, n - k) if k < n else 1.0
    return float(low), float(high)


@pytest.mark.parametrize(
    "seen", [(0, 30, 0, 40), (3, 50, 5, 60), (200, 200, 90, 90), (30, 200, 1, 150), (7, 9, 9, 11)]
)
@pytest.mark.parametrize("limit", [0.1, 0.3])
def test_exact_is_where_clopper_and_pearsons_limits_meet(
    seen: tuple[int, int, int, int], limit: float
) -> None:
    k1, n1, k2, n2 = seen
    counts = selected([k1, k2], [n1, n2])
    p = float(pair_p_values(counts, DIFFERENCE, limit, method="exact")[0, 0, 1])
    if p < 0.999:
        apart = _clopper_pearson(k1, n1, p / 2)[1] - _clopper_pearson(k2, n2, p / 2)[0]
        assert apart == pytest.approx(limit, abs=1e-7)
    p = float(pair_p_values(counts, RATIO, 1 - limit, method="exact")[0, 0, 1])
    if p < 0.999:
        low, high = _clopper_pearson(k1, n1, p / 2)[0], _clopper_pearson(k2, n2, p / 2)[1]
        assert low / high == pytest.approx(1 - limit, abs=1e-7)


def test_design_effects_are_fewer_rows() -> None:
    counts = selected([40.0, 90.0], [400.0, 800.0])
    p = certificate_p_value(counts, DIFFERENCE, 0.05, effective=[2.0, 1.0])
    np.testing.assert_allclose(
        p, certificate_p_value(selected([20.0, 90.0], [200.0, 800.0]), DIFFERENCE, 0.05)
    )
    assert p > certificate_p_value(counts, DIFFERENCE, 0.05)


def test_floor_is_the_binomial_test() -> None:
    for k, n in [(0, 5), (5, 5), (86, 100), (900, 1000)]:
        expected = binomtest(k, n, 0.8, alternative="greater").pvalue
        assert floor_p_value(k, n, 0.8) == pytest.approx(expected, rel=1e-9)
    assert floor_p_value(0, 0, 0.8) == 1


@settings(deadline=None, max_examples=25)
@given(
    st.lists(st.tuples(st.integers(0, 400), st.integers(1, 400)), min_size=2, max_size=4),
    st.sampled_from([DIFFERENCE, RATIO]),
    st.sampled_from([0.05, 0.01]),
    st.sampled_from(["score", "exact"]),
)
def test_bound_is_where_a_limit_begins_to_pass(
    groups: list[tuple[int, int]], disparity: str, level: float, method: Method
) -> None:
    counts = selected([float(min(k, n)) for k, n in groups], [float(n) for _, n in groups])
    bound = float(gap_bound(counts, disparity, level, method=method))
    sign = 1.0 if disparity == DIFFERENCE else -1.0
    seen = float(find_disparity(disparity)(counts))
    assert np.isnan(seen) or sign * bound >= sign * seen - 1e-9
    for step in (1e-6, 1e-3, 0.05):
        looser, tighter = bound + sign * step, bound - sign * step
        if 0 < looser < 1:
            assert certificate_p_value(counts, disparity, looser, method=method) <= level
        if 0 < tighter < 1:
            assert certificate_p_value(counts, disparity, tighter, method=method) > level


def test_bound_covers_the_largest_gap() -> None:
    rng = np.random.default_rng(1)
    rates, n = np.array([0.25, 0.2, 0.15]), 300
    k = rng.binomial(n, rates, (4000, 3)).astype(float)
    counts = np.zeros((4000, 3, 2, 2))
    counts[..., 0, :] = np.stack([n - k, k], axis=-1)
    covered = (gap_bound(counts, DIFFERENCE, 0.05) >= 0.1).mean()
    assert 0.94 < covered < 0.975


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"limit": 0.0}, "between 0 and 1"),
        ({"limit": 1.0}, "between 0 and 1"),
        ({"limit": float("nan")}, "between 0 and 1"),
        ({"disparity": "gap"}, "no disparity"),
        ({"method": "wald"}, "Choose one of: score, exact"),
        ({"effective": [1.0, 0.0]}, "design effect"),
    ],
)
def test_what_cannot_be_tested_is_refused(arguments: dict[str, Any], message: str) -> None:
    given_ = {"disparity": DIFFERENCE, "limit": 0.05} | arguments
    with pytest.raises(InputError, match=message):
        pair_p_values(selected([1.0, 2.0], [5.0, 6.0]), **given_)
    with pytest.raises(InputError, match="floor"):
        floor_p_value(1, 2, 1.0)
