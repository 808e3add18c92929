from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from faircore.decide.pair_tests import certificate_p_value
from faircore.decide.required_rows import required_from, required_rows
from faircore.errors import InputError

PARITY = "demographic_parity_difference"


def simulated_power(rates: np.ndarray, n: np.ndarray, limit: float, disparity: str) -> float:
    """Share of 4,000 samples that are certified at 5 %."""
    rows = n.astype(np.int64)
    k = np.random.default_rng(0).binomial(rows, rates, (4000, len(rows))).astype(float)
    counts = np.zeros((*k.shape, 2, 2))
    counts[..., 0, :] = np.stack([rows - k, k], axis=-1)
    return float((certificate_p_value(counts, disparity, limit) <= 0.05).mean())


# Known figures for a limit of .05 around a rate of .2, 80 % power.
@pytest.mark.parametrize(("gap", "rows"), [(0, 1100), (0.02, 2200), (0.03, 5100), (0.04, 20_000)])
def test_known_figures(gap: float, rows: int) -> None:
    needed = required_rows(0.2, 0.05, gap)
    assert needed.shape == (2,)
    np.testing.assert_allclose(needed, rows, rtol=0.05)


@pytest.mark.parametrize("n_groups", [2, 4])
@pytest.mark.parametrize("gap", [0.0, 0.02, 0.04])
def test_power_is_what_was_asked_for(n_groups: int, gap: float) -> None:
    needed = required_rows(0.2, 0.05, gap, n_groups=n_groups)
    rates = np.where(np.arange(n_groups) % 2, 0.2 - gap / 2, 0.2 + gap / 2)
    assert simulated_power(rates, needed, 0.05, PARITY) == pytest.approx(0.8, abs=0.03)
    # Rows of 80 % power in simulation are then within 15 % of those needed.
    assert simulated_power(rates, needed * 0.85, 0.05, PARITY) < 0.8
    assert simulated_power(rates, needed * 1.15, 0.05, PARITY) > 0.8


@pytest.mark.parametrize("ratio", [1.0, 0.9])
def test_power_of_a_ratio(ratio: float) -> None:
    needed = required_rows(0.3, 0.8, ratio, n_groups=3, kind="ratio")
    low = 0.6 * ratio / (1 + ratio)
    rates = np.array([0.6 - low, low, 0.6 - low])
    found = simulated_power(rates, needed, 0.8, "demographic_parity_ratio")
    assert found == pytest.approx(0.8, abs=0.03)


def test_unequal_groups_need_more_in_all() -> None:
    needed = required_rows(0.2, 0.05, 0.02, n_groups=3, shares=[0.7, 0.2, 0.1])
    np.testing.assert_allclose(needed / needed.sum(), [0.7, 0.2, 0.1], atol=1e-3)
    rates = np.array([0.21, 0.19, 0.21])
    assert simulated_power(rates, needed, 0.05, PARITY) == pytest.approx(0.8, abs=0.03)
    assert needed.sum() > required_rows(0.2, 0.05, 0.02, n_groups=3).sum()


def test_more_power_or_less_level_needs_more() -> None:
    needed = required_rows(0.2, 0.05, 0.02)[0]
    assert required_rows(0.2, 0.05, 0.02, power=0.9)[0] > needed
    assert required_rows(0.2, 0.05, 0.02, level=0.025)[0] > needed
    assert required_rows(0.2, 0.1, 0.02)[0] < needed


@pytest.mark.parametrize(
    ("limit", "gap", "kind"), [(0.05, 0.05, "difference"), (0.05, 0.1, "difference"),
                               (0.8, 0.8, "ratio"), (0.8, 0.5, "ratio")]
)  # fmt: skip
def test_no_number_certifies_what_is_not_so(limit: float, gap: float, kind: Any) -> None:
    assert np.isinf(required_rows(0.2, limit, gap, kind=kind)).all()


def test_from_counts_agrees_with_the_plan() -> None:
    counts = np.zeros((2, 2, 2))
    counts[:, 0] = [[790, 210], [810, 190]]
    np.testing.assert_allclose(
        required_from(counts, PARITY, 0.05), required_rows(0.2, 0.05, 0.02), rtol=0.01
    )
    np.testing.assert_allclose(
        required_from(counts, PARITY, 0.05, effective=[2.0, 2.0]),
        2 * required_rows(0.2, 0.05, 0.02),
        rtol=0.01,
    )
    assert np.isinf(required_from(counts, PARITY, 0.02)).all()
    counts[1] = 0
    assert np.isnan(required_from(counts, PARITY, 0.05)).all()


def test_error_rates_count_only_their_own_rows() -> None:
    # One in five is good, of whom four in five are selected, in both groups.
    counts = np.array([[[800.0, 0], [40, 160]]] * 2)
    good = required_rows(0.8, 0.05, 0.0)
    needed = required_from(counts, "equal_opportunity_difference", 0.05)
    np.testing.assert_allclose(needed, 5 * good, rtol=0.01)
    # Both rates have to pass.
    counts[:, 0] = [640, 160]
    both = required_from(counts, "equalized_odds_difference", 0.05)
    assert (both >= needed).all()
    counts[:, 0] = [400, 400]
    counts[:, 1] = [400, 400]
    alone = required_from(counts, "equal_opportunity_difference", 0.05)
    assert (required_from(counts, "equalized_odds_difference", 0.05) > 1.1 * alone).all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"limit": 0.0}, "limit must lie"),
        ({"power": 1.0}, "power must lie"),
        ({"level": 0.0}, "level must lie"),
        ({"rate": 0.0}, "no two rates around"),
        ({"true_gap": 0.5}, "no two rates around"),
        ({"true_gap": -0.1}, "no two rates around"),
        ({"n_groups": 1}, "two groups or more"),
        ({"shares": [1.0, 0.0]}, "a share above 0"),
        ({"shares": [1.0, 1.0, 1.0]}, "a share above 0"),
        ({"kind": "odds"}, "no kind 'odds'"),
    ],
)
def test_what_makes_no_sense_is_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        required_rows(**({"rate": 0.2, "limit": 0.05, "true_gap": 0.0} | arguments))
    with pytest.raises(InputError, match="two groups or more"):
        required_from(np.ones((1, 2, 2)), PARITY, 0.05)
