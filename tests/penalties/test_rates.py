"""Penalties on rates in closed form: parity of selection, opportunity, odds, precision."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from faircore.groups import Groups
from faircore.metrics import RATES, confusion_counts
from faircore.penalties import PENALTIES, GroupTensor, PenaltyOptions
from faircore.penalties.apart import SMALL_GROUP, SMOOTH
from tests.penalties.batches import charge

TRUSTED = PenaltyOptions(small_group=0)
PAIRS = PenaltyOptions("pairs", small_group=0)


def _huber(distance: float) -> float:
    """Quadratic up to SMOOTH, then a straight line of slope 1."""
    return distance**2 / (2 * SMOOTH) if distance < SMOOTH else distance - SMOOTH / 2


@pytest.mark.parametrize(("low", "high"), [(0.2, 0.8), (0.47, 0.53), (0.5, 0.5), (0.0, 1.0)])
@pytest.mark.parametrize(("n_low", "n_high"), [(40, 40), (10, 30), (3, 500)])
def test_demographic_parity_of_two_groups_in_closed_form(
    low: float, high: float, n_low: int, n_high: int
) -> None:
    scores, codes = [low] * n_low + [high] * n_high, [0] * n_low + [1] * n_high
    y = np.arange(n_low + n_high) % 2
    overall = (n_low * low + n_high * high) / (n_low + n_high)
    expected = sum(
        _huber(abs(rate - overall)) * n / (n + 20) for rate, n in ((low, n_low), (high, n_high))
    )
    assert charge("demographic_parity", scores, y, codes) == pytest.approx(expected, abs=1e-12)
    assert SMALL_GROUP == 20


def test_equalized_odds_by_hand() -> None:
    # Per group 30 good and 30 others; good scored .2 and .8, others .5 and .5.
    scores = [0.2] * 30 + [0.5] * 30 + [0.8] * 30 + [0.5] * 30
    y, codes = ([1] * 30 + [0] * 30) * 2, [0] * 60 + [1] * 60
    good = 2 * _huber(0.3) * 30 / 50
    assert charge("equal_opportunity", scores, y, codes) == pytest.approx(good, rel=1e-12)
    assert charge("equalized_odds", scores, y, codes) == pytest.approx(good / 2, rel=1e-12)


def test_far_apart_large_groups_are_charged_nearly_their_difference() -> None:
    codes = np.repeat([0, 1], 50_000)
    scores = np.where(codes == 1, 0.7, 0.2)
    for options in (PenaltyOptions(), PenaltyOptions("pairs")):
        value = charge("demographic_parity", scores, codes * 0, codes, None, options)
        assert value == pytest.approx(0.5, abs=0.051)


RATE_OF = {
    "demographic_parity": ("selection_rate",),
    "equal_opportunity": ("true_positive_rate",),
    "equalized_odds": ("true_positive_rate", "false_positive_rate"),
    "predictive_parity": ("positive_predictive_value",),
}


@pytest.mark.parametrize("name", RATE_OF)
@pytest.mark.parametrize("options", [TRUSTED, PAIRS], ids=["overall", "pairs"])
def test_hard_decisions_are_charged_by_the_rates_of_metrics(
    name: str, options: PenaltyOptions
) -> None:
    rng = np.random.default_rng(4)
    codes, y = rng.integers(0, 3, 300), (rng.random(300) < 0.5).astype(np.int8)
    hard = (rng.random(300) < 0.3 + 0.2 * codes + 0.1 * y).astype(np.int8)
    weights = rng.random(300)
    expected = 0.0
    for rate in RATE_OF[name]:
        own = RATES[rate](confusion_counts(y, hard, Groups.of(codes), weights))
        (overall,) = RATES[rate](confusion_counts(y, hard, Groups.of(codes * 0), weights))
        if options.versus == "overall":
            expected += sum(_huber(abs(one - overall)) for one in own)
        else:
            expected += sum(_huber(abs(own[i] - own[j])) for i, j in ((0, 1), (0, 2), (1, 2))) / 2
    value = charge(name, hard, y, codes, weights, options)
    assert value == pytest.approx(expected / len(RATE_OF[name]), rel=1e-10)
    assert value > 0.005


def test_pairs_of_three_groups_by_hand() -> None:
    rates, sizes = (0.2, 0.5, 0.52), (20, 30, 40)
    trust = [n / (n + 20) for n in sizes]
    codes = np.repeat([0, 1, 2], sizes)
    scores = np.array(rates)[codes]
    expected = (
        trust[0] * trust[1] * _huber(0.3)
        + trust[0] * trust[2] * _huber(0.32)
        + trust[1] * trust[2] * _huber(0.02)
    ) / 2
    value = charge("demographic_parity", scores, codes * 0, codes, None, PenaltyOptions("pairs"))
    assert value == pytest.approx(expected, rel=1e-12)


def test_pairs_count_by_the_geometric_mean_of_their_importance() -> None:
    codes = torch.tensor([0, 1, 2] * 30)
    scores = torch.tensor([0.2, 0.5, 0.9] * 30, dtype=torch.float64)
    groups = GroupTensor.from_codes(codes, importance=[[4.0, 9.0, 0.0]])
    value = PENALTIES["demographic_parity"].function(scores, codes * 0, groups, None, PAIRS)
    assert float(value) == pytest.approx(6 * _huber(0.3) / 2, rel=1e-12)


@pytest.mark.parametrize("versus", ["overall", "pairs"])
def test_imagined_rows_draw_a_rate_to_that_of_everybody(versus: str) -> None:
    # 5 rows at .9 and 45 at .4: everybody .45. With 10 imagined rows each: .6 and .45 - .45/55.
    scores, codes = [0.9] * 5 + [0.4] * 45, [0] * 5 + [1] * 45
    first, second = (5 * 0.9 + 10 * 0.45) / 15, (45 * 0.4 + 10 * 0.45) / 55
    trust = (5 / 25, 45 / 65)
    options = PenaltyOptions(versus, shrinkage=10)
    if versus == "overall":
        expected = trust[0] * _huber(first - 0.45) + trust[1] * _huber(0.45 - second)
    else:
        expected = trust[0] * trust[1] * _huber(first - second)
    value = charge("demographic_parity", scores, [0] * 50, codes, None, options)
    assert value == pytest.approx(expected, rel=1e-12)


def test_the_rows_a_rate_is_about_say_how_far_it_is_trusted() -> None:
    # 100 rows of each group, of which 5 and 80 are good: equal opportunity is about those.
    y = np.r_[np.arange(100) < 5, np.arange(100) < 80].astype(int)
    codes = np.repeat([0, 1], 100)
    scores = np.where(codes == 1, 0.6, 0.1)
    overall = (5 * 0.1 + 80 * 0.6) / 85
    for small_group in (0, 20, 50):
        expected = _huber(overall - 0.1) * 5 / (5 + small_group)
        expected += _huber(0.6 - overall) * 80 / (80 + small_group)
        options = PenaltyOptions(small_group=small_group)
        value = charge("equal_opportunity", scores, y, codes, None, options)
        assert value == pytest.approx(expected, rel=1e-12)
