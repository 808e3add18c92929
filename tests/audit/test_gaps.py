from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from faircore.audit import GroupReport, group_report
from faircore.audit.estimates import estimate
from faircore.audit.gaps import Gaps, gaps_to_group, gaps_to_overall
from faircore.audit.measures import GAP_METRICS
from faircore.groups import Groups
from faircore.metrics import RATES
from faircore.metrics.tally import tally_rows
from faircore.plots import group_intervals

# Their figure of everybody is the mean of the groups' figures, by weight.
LINEAR = (*RATES, "brier", "log_loss", "calibration_gap")


def drawn(seed: int = 0, n: int = 500, *, weighted: bool = False, **options: Any) -> GroupReport:
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 2, n)
    g = rng.choice(list("abcd"), n, p=[0.4, 0.3, 0.2, 0.1])
    s = np.clip(rng.normal(0.4 + 0.2 * y + 0.1 * (g == "b"), 0.2), 0.01, 0.99)
    return group_report(
        y,
        y_score=s,
        sensitive_features={"g": g},
        sample_weight=rng.exponential(size=n) if weighted else None,
        **options,
    )


@pytest.mark.parametrize("weighted", [False, True])
def test_the_gap_is_to_the_figure_of_everybody(weighted: bool) -> None:
    report = drawn(weighted=weighted)
    value, gap = report.table("g"), report.table("g", "gap")
    for metric in LINEAR:
        overall = report.overall.loc[metric, "value"]
        np.testing.assert_allclose(gap[metric], value[metric] - overall, atol=1e-9, err_msg=metric)


@pytest.mark.parametrize("weighted", [False, True])
def test_the_gap_is_what_those_outside_leave_of_the_difference(weighted: bool) -> None:
    report = drawn(1, weighted=weighted)
    rest = estimate(report.tally.rest(), min_people=10, calibration=False)
    for metric in LINEAR:
        share = report.estimates.weight[metric] / report.everybody.weight[metric]
        apart = report.estimates.of[metric].value - rest.of[metric].value
        gaps = report.gaps["g"][metric]
        np.testing.assert_allclose(gaps.gap, (1 - share) * apart, atol=1e-9)
        assert ((gaps.low <= gaps.gap) & (gaps.gap <= gaps.high)).all()


def test_a_ranking_is_compared_with_those_outside_the_group() -> None:
    # Scores of one group are higher throughout: both are ranked equally well, all together badly.
    rng = np.random.default_rng(0)
    y, g = rng.integers(0, 2, 2_000), rng.choice(["a", "b"], 2_000)
    s = 1 / (1 + np.exp(-(rng.normal(size=2_000) + y + 3 * (g == "a"))))
    report = group_report(y, y_score=s, sensitive_features={"g": g})
    value, gap = report.table("g")["auc"], report.table("g", "gap")["auc"]
    assert (value - report.overall.loc["auc", "value"]).min() > 0.1
    share = report.table("g", "people")["selection_rate"] / 2_000
    np.testing.assert_allclose(gap, (1 - share) * (value - value[::-1].to_numpy()), atol=1e-9)
    assert not report.table("g", "stands_out")["auc"].any()
    assert not group_intervals(report, "g", "auc").layout.shapes  # no line that none stands by
    assert group_intervals(report, "g", "accuracy").layout.shapes


@pytest.mark.parametrize("reference", [None, {"g": "b"}])
def test_standing_out_is_leaving_zero_outside_the_limits(reference: dict[str, str] | None) -> None:
    seen = set()
    for seed in range(6):
        report = drawn(seed, reference=reference)
        for metric in GAP_METRICS:
            gaps = report.gaps["g"][metric]
            expected = (gaps.low > 0) | (gaps.high < 0)
            np.testing.assert_array_equal(gaps.stands_out, expected)
            table = report.table("g", "stands_out")[metric]
            np.testing.assert_array_equal(table, expected)
            seen |= set(expected.tolist())
        both = report.by_group["stands_out"] & (report.by_group["q_value"] <= 0.05)
        assert set(report.standouts.index) == set(report.by_group.index[both])
        known = report.by_group["q_value"].dropna()
        assert (known >= report.by_group["p_value"].dropna() - 1e-12).all()
        size = report.standouts["gap"].abs().to_numpy()
        assert (np.diff(size) <= 0).all()
    assert seen == {True, False}


def test_adjusted_p_values_are_larger_and_in_order() -> None:
    for seed in range(4):
        report = drawn(seed, reference={"g": "a"} if seed % 2 else None)
        for gaps in report.gaps["g"].values():
            known = np.isfinite(gaps.p_value)
            p, holm, bh = (v[known] for v in (gaps.p_value, gaps.p_holm, gaps.p_bh))
            assert known.sum() == (3 if seed % 2 else 4)
            assert (holm >= p - 1e-12).all()
            assert (bh >= p - 1e-12).all()
            assert (bh <= holm + 1e-12).all()
            assert ((p >= 0) & (holm <= 1)).all()
            order = np.argsort(p)
            assert (np.diff(holm[order]) >= -1e-12).all()
            assert holm[order[0]] == pytest.approx(min(len(p) * p[order[0]], 1))
            assert np.isnan(gaps.p_holm[~known]).all()


def test_a_small_p_value_stands_out_and_a_large_one_does_not() -> None:
    for seed in range(6):
        report = drawn(seed)
        for gaps in report.gaps["g"].values():
            assert gaps.stands_out[gaps.p_holm < 0.03].all()
            assert not gaps.stands_out[gaps.p_value > 0.07].any()


def test_a_gap_by_hand() -> None:
    # 30 of 40 against 20 of 60: a has .75, everybody .50, those outside a .333.
    d = np.r_[np.ones(30), np.zeros(10), np.ones(20), np.zeros(40)]
    report = group_report(np.tile([0, 1], 50), d, sensitive_features={"g": ["a"] * 40 + ["b"] * 60})
    gaps = report.gaps["g"]["selection_rate"]
    assert gaps.gap == pytest.approx([0.25, -1 / 6])
    # The score test of two shares, pooled .5: z² = 99 · (.75 - 1/3)² / (.25 · (1/40 + 1/60) · 100).
    z = (0.75 - 1 / 3) / np.sqrt(0.25 * (1 / 40 + 1 / 60) * 100 / 99)
    from scipy.stats import norm

    assert gaps.p_value == pytest.approx([2 * norm.sf(z)] * 2)
    # With two groups there is one comparison: the limits are those of 1.96, scaled.
    assert gaps.low[0] / 0.6 == pytest.approx(-gaps.high[1] / 0.4, abs=0.01)
    assert gaps.stands_out.all()


def test_what_one_side_lacks_is_not_compared() -> None:
    y = np.r_[np.ones(30), np.tile([0, 1], 30)]
    d = np.tile([0, 1, 1], 30)
    groups = Groups.of({"g": ["a"] * 30 + ["b"] * 60})
    tally = tally_rows(y, d, groups=groups)
    own, rest = (estimate(t, min_people=10) for t in (tally, tally.rest()))
    everybody = estimate(tally.everybody())
    overall = gaps_to_overall(own, rest, everybody, confidence=0.95)
    named = gaps_to_group(own, 1, confidence=0.95)
    for found in (overall["false_positive_rate"], named["false_positive_rate"]):
        for part in ("gap", "low", "high", "p_value", "p_holm", "p_bh"):
            assert np.isnan(getattr(found, part)).all()
        assert not found.stands_out.any()
    assert np.isfinite(overall["selection_rate"].gap).all()
    np.testing.assert_array_equal(np.isnan(named["selection_rate"].gap), [False, True])


def test_groups_that_share_an_uncertain_reference_are_nearly_one_comparison() -> None:
    # The reference's error is in all ten gaps, and theirs are small beside it.
    rng = np.random.default_rng(0)
    g = np.r_[np.zeros(40), 1 + np.arange(20_000) % 10].astype(int)
    y, d = rng.integers(0, 2, len(g)), rng.integers(0, 2, len(g))
    gaps = group_report(y, d, sensitive_features={"g": g}, reference={"g": "0"}).gaps["g"]
    alone = np.sqrt(0.25 * (1 / 40 + 1 / 2_000))
    half = (gaps["selection_rate"].high - gaps["selection_rate"].low)[1:] / 2
    assert (half > 1.75 * alone).all()
    assert (half < 2.3 * alone).all()


def test_many_groups_need_wider_limits_than_one_comparison() -> None:
    rng = np.random.default_rng(0)
    y, d = rng.integers(0, 2, 3_000), rng.integers(0, 2, 3_000)
    sizes = []
    for n_groups in (2, 5, 20):
        # The first 150 people are a group of their own each time.
        g = np.r_[np.zeros(150), 1 + np.arange(2_850) % (n_groups - 1)].astype(int)
        gaps: Gaps = group_report(y, d, sensitive_features={"g": g}).gaps["g"]["selection_rate"]
        sizes.append(gaps.high[0] - gaps.low[0])
    assert sizes[0] < sizes[1] < sizes[2]
