from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from faircore.audit import MEASURES, METRICS, GroupReport, find_measure, find_metric, group_report
from faircore.audit.inequality import differential_fairness
from faircore.errors import InputError
from faircore.metrics import DISPARITIES, difference, evaluate, ratio


def selected(shares: dict[str, tuple[int, int]], **options: Any) -> GroupReport:
    """A report of groups in which k of n are selected; half have the good outcome."""
    g = [name for name, (_, n) in shares.items() for _ in range(n)]
    d = [int(i < k) for k, n in shares.values() for i in range(n)]
    return group_report(np.arange(len(g)) % 2, d, sensitive_features={"g": g}, **options)


def found(report: GroupReport, measure: str) -> Any:
    return next(q for q in report.inequalities["g"] if q.measure == measure)


def test_gap_and_ratio_by_hand() -> None:
    report = selected({"a": (30, 100), "b": (60, 100), "c": (40, 100)})
    gap = found(report, "demographic_parity_difference")
    assert gap.value == pytest.approx(0.3)
    assert (gap.lowest, gap.highest, gap.n_groups) == (0, 1, 3)
    assert 0 < gap.low < 0.3 < gap.high < 0.5
    assert gap.p_value <= 0.01
    assert 0.1 < gap.by_chance < 0.25
    share = found(report, "demographic_parity_ratio")
    assert share.value == pytest.approx(0.5)
    assert (share.lowest, share.highest) == (0, 1)
    assert share.low < 0.5 < share.high <= 1
    assert 0.5 < share.by_chance < 0.9


def test_differential_fairness_by_hand() -> None:
    report = selected({"a": (30, 100), "b": (60, 100)})
    smooth = np.array([30.5, 60.5]) / 101
    expected = max(np.log(smooth[1] / smooth[0]), np.log((1 - smooth[0]) / (1 - smooth[1])))
    assert found(report, "differential_fairness").value == pytest.approx(expected)
    rates, n = np.array([[0.0, 1.0], [0.5, 0.5]]), np.array([9.0, 9.0])
    np.testing.assert_allclose(differential_fairness(rates, n), [np.log(0.95 / 0.05), 0])
    assert np.isnan(differential_fairness(np.array([0.5, np.nan]), np.array([9.0, 0.0])))


def test_of_several_figures_the_worst_counts() -> None:
    y = np.r_[np.ones(40), np.zeros(40), np.ones(40), np.zeros(40)]
    d = np.r_[np.ones(30), np.zeros(10), np.ones(20), np.zeros(20),
              np.ones(28), np.zeros(12), np.ones(10), np.zeros(30)]  # fmt: skip
    report = group_report(y, d, sensitive_features={"g": ["a"] * 80 + ["b"] * 80})
    odds = found(report, "equalized_odds_difference")
    assert odds.metric == "false_positive_rate"
    assert odds.value == pytest.approx(0.25)
    assert found(report, "equal_opportunity_difference").value == pytest.approx(0.05)
    assert found(report, "predictive_equality_difference").value == pytest.approx(0.25)
    share = found(report, "equalized_odds_ratio")
    assert (share.metric, share.value) == ("false_positive_rate", 0.5)
    # Two figures go further by chance than one.
    assert odds.by_chance >= found(report, "predictive_equality_difference").by_chance - 0.01


def test_half_a_test_is_none() -> None:
    y = np.r_[np.ones(50), np.tile([0, 1], 25)]
    report = group_report(y, np.tile([0, 1], 50), sensitive_features={"g": ["a"] * 50 + ["b"] * 50})
    odds = found(report, "equalized_odds_difference")
    assert np.isnan([odds.value, odds.low, odds.high, odds.by_chance, odds.p_value]).all()
    assert (odds.lowest, odds.highest) == (-1, -1)
    assert np.isfinite(found(report, "equal_opportunity_difference").value)


def test_values_are_those_of_the_table() -> None:
    rng = np.random.default_rng(0)
    n = 500
    y, g = rng.integers(0, 2, n), rng.choice(list("abc"), n)
    s = np.clip(rng.normal(0.4 + 0.2 * y, 0.2), 0.01, 0.99)
    report = group_report(y, y_score=s, sensitive_features={"g": g})
    table = report.table("g")
    also = evaluate(y, y_score=s, sensitive_features={"g": g}).disparities.loc["g"]
    for q in report.inequalities["g"]:
        measure = MEASURES[q.measure]
        if measure.kind != "log ratio":
            of = difference if measure.kind == "difference" else ratio
            values = [float(of(table[m].to_numpy())) for m in measure.metrics]
            worst = max(values) if measure.kind == "difference" else min(values)
            assert q.value == pytest.approx(worst)
        at = table[q.metric].to_numpy()
        assert (q.lowest, q.highest) == (int(at.argmin()), int(at.argmax()))
        if q.measure in DISPARITIES:
            assert q.value == pytest.approx(also[q.measure])
        assert q.n_groups == 3
        assert 0 < q.p_value <= 1
    assert {q.measure for q in report.inequalities["g"]} == set(MEASURES)


def test_without_scores_there_are_only_measures_of_decisions() -> None:
    report = selected({"a": (30, 100), "b": (60, 100)})
    of_scores = {
        m.name for m in MEASURES.values() if any(METRICS[x].source == "score" for x in m.metrics)
    }
    assert {q.measure for q in report.inequalities["g"]} == set(MEASURES) - of_scores


def test_a_group_that_cannot_be_compared_takes_no_part_in_chance_either() -> None:
    # c has one person with each outcome: an AUC of 0 or 1, whose error nobody knows.
    rng = np.random.default_rng(0)
    y = np.r_[rng.integers(0, 2, 400), 0, 1]
    s = np.r_[np.clip(rng.normal(0.5, 0.15, 400), 0, 1), 0.9, 0.1]
    g = np.r_[np.repeat(["a", "b"], 200), ["c", "c"]]
    report = group_report(y, y_score=s, sensitive_features={"g": g}, min_people=0)
    q = found(report, "auc_difference")
    assert q.n_groups == 2 or not q.p_value <= 0.05


def test_limits_stay_where_a_gap_can_be() -> None:
    report = selected({"a": (0, 40), "b": (40, 40), "c": (1, 40)})
    for q in report.inequalities["g"]:
        if np.isfinite(q.low):
            assert 0 <= q.low <= q.value + 1e-9
            assert q.value - 1e-9 <= q.high <= 1
    assert found(report, "demographic_parity_difference").value == 1


def test_limits_are_wider_for_the_worst_of_many_groups() -> None:
    two = selected({"a": (30, 100), "b": (60, 100)})
    many = selected({"a": (30, 100), "b": (60, 100)} | {f"m{i}": (45, 100) for i in range(10)})
    of = [found(r, "demographic_parity_difference") for r in (two, many)]
    assert of[1].high - of[1].low > 1.2 * (of[0].high - of[0].low)
    assert of[1].by_chance > of[0].by_chance


def test_limits_of_the_worse_of_two_figures_allow_for_the_choice() -> None:
    y = np.r_[np.ones(40), np.zeros(40), np.ones(40), np.zeros(40)]
    d = np.r_[np.ones(30), np.zeros(10), np.ones(20), np.zeros(20),
              np.ones(28), np.zeros(12), np.ones(10), np.zeros(30)]  # fmt: skip
    report = group_report(y, d, sensitive_features={"g": ["a"] * 80 + ["b"] * 80})
    one = found(report, "predictive_equality_difference")
    worse = found(report, "equalized_odds_difference")
    assert worse.high - worse.low > one.high - one.low


def test_the_same_seed_gives_the_same_band() -> None:
    first, again, other = (
        selected({"a": (30, 100), "b": (42, 100)}, seed=seed).disparities for seed in (1, 1, 2)
    )
    assert first.equals(again)
    np.testing.assert_allclose(first["p_value"], other["p_value"], atol=0.05)


def test_unknown_names_are_refused() -> None:
    with pytest.raises(InputError, match="demographic_parity_difference"):
        find_measure("fairness")
    with pytest.raises(InputError, match="selection_rate"):
        find_metric("fairness")
