"""One cut per cell and no lot: exact where it says so, and what that loses."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from faircore.thresholds import CONSTRAINTS, ThresholdFrontier, search
from faircore.thresholds.bounds import loss_bound, rounding_loss
from faircore.thresholds.boxes import best_in_boxes
from faircore.thresholds.cells import Rows
from faircore.thresholds.problem import Problem
from tests.thresholds.reference import Table, best_single, table

GRID = (0.0, 0.05, 0.2, 0.5)
ONE_RATE = CONSTRAINTS[:3]


def _points(data: Table, limits: Any, grid: tuple[float, ...] = GRID, **more: Any) -> pd.DataFrame:
    frontier = ThresholdFrontier(limits, grid, randomised=False, **more).fit(**data.fit)
    assert all(rule is None or not rule.randomised for rule in frontier.rules_)
    assert not frontier.points_["randomised"].any()
    return frontier.points_


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("levels", [0, 9])
@pytest.mark.parametrize("constraint", ONE_RATE)
def test_one_rate_is_exact(constraint: str, levels: int, seed: int) -> None:
    data = table(40, seed, levels=levels, weighted=bool(seed))
    for costs in ((1.0, 1.0), (1.0, 5.0)):
        points = _points(data, constraint, costs=costs)
        expected = [
            best_single(data, {constraint: t}, partitions=[["a0"]], costs=costs) for t in GRID
        ]
        np.testing.assert_allclose(points["cost"], expected, atol=1e-9)
        np.testing.assert_array_equal(points["lower_bound"], points["cost"])


rows = st.lists(
    st.tuples(st.integers(0, 4), st.integers(0, 1), st.sampled_from("abc"), st.sampled_from("xy")),
    min_size=2,
    max_size=16,
)


def _small(values: list[tuple[int, int, str, str]]) -> Table:
    score, y, a, b = zip(*values, strict=True)
    return Table(
        np.array(score, float), np.array(y), pd.DataFrame({"a": a, "b": b}), np.ones(len(y))
    )


@settings(max_examples=60, deadline=None)
@given(rows, st.sampled_from(ONE_RATE), st.sampled_from([0.0, 0.2, 1 / 3, 0.5]))
def test_one_rate_is_exact_whatever_the_rows(
    values: list[tuple[int, int, str, str]], constraint: str, tolerance: float
) -> None:
    data = _small(values)
    found = _points(data, constraint, (tolerance,), partitions=["a"])
    expected = best_single(data, {constraint: tolerance}, partitions=[["a"]])
    assert found["cost"][0] == pytest.approx(expected, abs=1e-9)


@settings(max_examples=40, deadline=None)
@given(
    rows, st.sampled_from(CONSTRAINTS), st.sampled_from(["linf", "l1"]),
    st.sampled_from([0.0, 0.2, 0.5]), st.sampled_from([(0.0, 1.0), (0.2, 0.6)]),
)  # fmt: skip
def test_few_cuts_are_all_tried(
    values: list[tuple[int, int, str, str]], constraint: str, norm: str, tolerance: float,
    selection: tuple[float, float],
) -> None:  # fmt: skip
    data = _small(values)
    more = {"norm": norm, "selection": selection}
    partitions = [["a"], ["b"]]
    point = _points(data, constraint, (tolerance,), partitions=partitions, **more).iloc[0]
    expected = best_single(data, {constraint: tolerance}, partitions=partitions, **more)  # type: ignore[arg-type]
    assert point["feasible"] == math.isfinite(expected)
    if point["feasible"]:
        assert point["cost"] == pytest.approx(expected, abs=1e-6)
        assert point["lower_bound"] <= point["cost"] + 1e-9
        assert point["lower_bound"] == pytest.approx(expected, abs=1e-6)
        assert point["smallest_gap"] <= point["gap"] + 1e-9
    else:
        assert np.isnan(point["cost"])
        assert point["smallest_gap"] > tolerance - 1e-6
        # Nothing less than the smallest gap is possible, and that is.
        for gap, there in ((point["smallest_gap"] - 1e-4, False), (point["smallest_gap"], True)):
            if 0 <= gap < math.inf:
                again = best_single(data, {constraint: gap + 1e-7}, partitions=partitions, **more)  # type: ignore[arg-type]
                assert math.isfinite(again) == there


@pytest.mark.parametrize("seed", range(6))
def test_windows_of_both_rates_are_nearly_exact(seed: int) -> None:
    data = table(45, seed, levels=0 if seed % 2 else 9)
    rows = Rows.read(data.scores, data.y, data.labels, data.weights, None)
    problem = Problem.of(rows, min_people=0, norm="linf", costs=(1.0, 1.0))
    for tolerance in (0.0, 0.1, 0.3):
        outcome = problem.outcome(best_in_boxes(problem, tolerance))
        point = problem.yardstick.point(outcome)
        assert point["equalized_odds"] <= tolerance + 1e-9
        best, nearly = (
            best_single(data, {"equalized_odds": t}, partitions=[["a0"]])
            for t in (tolerance, max(tolerance - 1 / 128, 0.0))
        )
        assert best - 1e-9 <= point["cost"] <= nearly + 1e-9


@pytest.mark.parametrize("norm", ["linf", "l1"])
def test_some_of_many_cuts_do_nearly_as_well(norm: str, monkeypatch: pytest.MonkeyPatch) -> None:
    data, grid = table(50, 2), (0.05, 0.2, 0.4)
    exact = _points(data, "equalized_odds", grid, norm=norm)
    monkeypatch.setattr(search, "FEW", 4)
    monkeypatch.setattr(search, "_NEAR", 1)
    monkeypatch.setattr(search, "_AROUND", 3)
    some = _points(data, "equalized_odds", grid, norm=norm)
    assert (some["gap"] <= some["tolerance"] + 1e-9).all()
    assert (some["cost"] >= exact["cost"] - 1e-9).all()
    assert (some["lower_bound"] <= exact["lower_bound"] + 1e-9).all()
    assert (some["cost"] <= exact["cost"] + 0.03).all()


def test_infeasible_is_said_with_the_smallest_gap() -> None:
    # Of four of one group and one of the other, exactly one or two may be selected.
    data = Table(
        np.array([0.9, 0.8, 0.7, 0.6, 0.5]), np.array([1, 1, 0, 0, 1]),
        pd.DataFrame({"g": list("aaaab")}), np.ones(5),
    )  # fmt: skip
    frontier = ThresholdFrontier(
        "demographic_parity", (0.1, 0.5), randomised=False, selection=(0.2, 0.4)
    ).fit(**data.fit)
    points = frontier.points_
    assert points["feasible"].tolist() == [False, True]
    assert points["smallest_gap"].tolist() == pytest.approx([0.25, 0.25])
    assert points["loss_bound"].tolist()[0] == math.inf
    assert frontier.rules_[0] is None
    with pytest.raises(ValueError, match=r"smallest gap found is 0\.25"):
        frontier.rule(0.1)
    with pytest.raises(ValueError, match="smallest gap found"):
        frontier.predict(data.scores, data.labels)
    assert frontier.predict(data.scores, data.labels, tolerance=0.5).tolist() == [1, 1, 0, 0, 0]
    # With lots, one and the same probability for everybody is always left.
    drawn = ThresholdFrontier("demographic_parity", (0.0,), selection=(0.2, 0.4)).fit(**data.fit)
    assert drawn.points_["feasible"].all()
    # No share between is possible at all.
    never = _points(data, "demographic_parity", (0.9,), selection=(0.3, 0.35)).iloc[0]
    assert not never["feasible"]
    assert never["smallest_gap"] == math.inf


@pytest.mark.parametrize("partitions", [[["a0"]], [["a0"], ["a1"]]])
@pytest.mark.parametrize("constraint", CONSTRAINTS)
def test_the_loss_is_within_its_bound(constraint: str, partitions: list[list[str]]) -> None:
    data = table(500, 11, attributes=2, groups=2)
    grid = (0.0, 0.05, 0.25, 0.6)
    more = {"partitions": partitions, "costs": (1.0, 2.0)}
    drawn = ThresholdFrontier(constraint, grid, **more).fit(**data.fit).points_  # type: ignore[arg-type]
    single = _points(data, constraint, grid, **more)
    loss = single["cost"] - drawn["cost"]
    assert (loss >= -1e-8).all()
    assert (loss <= single["loss_bound"] + 1e-8).all()
    np.testing.assert_allclose(single["loss_bound"], drawn["loss_bound"])
    assert (single["gap"] <= single["tolerance"] + 1e-9).all()
    assert (single["lower_bound"] >= drawn["cost"] - 1e-8).all()
    assert (single["loss_bound"][~drawn["randomised"]] == 0).all()
    if constraint in ONE_RATE:  # more than the trivial bound: nobody, or everybody
        trivial = min(data.weights @ (data.y == 0), 2 * data.weights @ (data.y == 1))
        assert drawn["loss_bound"][2] < 0.8 * (trivial / data.weights.sum() - drawn["cost"][2])


def test_the_bound_shrinks_with_the_rows() -> None:
    bounds = [
        ThresholdFrontier("demographic_parity", (0.1,)).fit(**table(n, 0).fit).points_.loss_bound[0]
        for n in (300, 3_000, 30_000)
    ]
    assert bounds[1] < bounds[0] / 2
    assert bounds[2] < bounds[1] / 2
    assert bounds[2] < 0.01


def test_the_bound_by_hand() -> None:
    # Rounding loses 0.05 and a rate jumps by half the tolerance of 0.2, whose price is 0.2 / 0.2.
    assert loss_bound(0.2, 0.3, 0.5, 0.9, (0.05, 0.1)) == pytest.approx(0.05 + 0.5 * 0.2)
    assert loss_bound(0.2, 0.3, 0.5, 0.31, (0.05, 0.1)) == pytest.approx(0.01)
    assert loss_bound(0.2, 0.3, 0.5, 0.9, (0.05, 0.21)) == pytest.approx(0.6)
    assert loss_bound(0.2, 0.3, 0.5, 0.9, None) == pytest.approx(0.6)
    assert loss_bound(0.0, 0.3, 0.3, math.inf, (0.0, 0.0)) == math.inf


@pytest.mark.parametrize("constraint", ONE_RATE)
@pytest.mark.parametrize("seed", range(4))
def test_rounding_loses_no_more_anywhere_and_as_much_somewhere(constraint: str, seed: int) -> None:
    data = table(60, seed, groups=2, levels=12)
    rows = Rows.read(data.scores, data.y, data.labels, data.weights, None)
    problem = Problem.of(rows, min_people=0, norm="linf", costs=(1.0, 2.0))
    expected, jump = 0.0, 0.0
    for curve in problem.curves:
        hits = {"demographic_parity": curve.fp + curve.tp, "equal_opportunity": curve.tp,
                "predictive_equality": curve.fp}[constraint][0]  # fmt: skip
        rates, costs = hits / hits[-1], problem.cut_costs(curve)
        jump = max(jump, np.diff(rates).max())
        # The cheapest mixture of any two cuts, along a fine grid and just above every rate.
        grid = np.unique(np.concatenate([np.linspace(0, 1, 200), rates, rates[:-1] + 1e-9]))
        grid = grid[grid <= 1]
        hull = np.full(len(grid), np.inf)
        for i in range(len(rates)):
            for j in range(len(rates)):
                inside = (grid >= rates[i]) & (grid <= rates[j])
                share = (grid - rates[i]) / max(rates[j] - rates[i], 1e-300)
                line = costs[i] + share * (costs[j] - costs[i])
                hull = np.where(inside & (line < hull), line, hull)
        above = [costs[rates == rates[rates >= r - 1e-12].min()].min() for r in grid]
        expected += (np.array(above) - hull).max()
    loss, found = rounding_loss(problem, constraint)
    assert loss == pytest.approx(expected, abs=1e-6)
    assert found == pytest.approx(jump)


def test_no_time_still_leaves_a_rule_within_the_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "SECONDS", 1e-6)
    data, grid = table(4_000, 3, attributes=2), (0.05, 0.1, 0.2)
    found = _points(data, "demographic_parity", grid)
    drawn = ThresholdFrontier("demographic_parity", grid).fit(**data.fit).points_
    assert (found["loss_bound"] < 0.1).all()
    assert (found["cost"] <= drawn["cost"] + found["loss_bound"] + 1e-9).all()


def test_no_time_still_leaves_a_rule(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "SECONDS", 1e-6)
    data = table(2_000, 3, attributes=2)
    points = _points(data, "equalized_odds", (0.01, 0.3))
    assert points["feasible"].all()
    assert (points["gap"] <= points["tolerance"] + 1e-9).all()
    assert points["cost"].is_monotonic_decreasing
    assert (points["lower_bound"] <= points["cost"] + 1e-9).all()


def test_many_rows_and_groups_are_scanned() -> None:
    data = table(50_000, 1, groups=24)
    points = _points(data, "demographic_parity", (0.0, 0.01, 0.1, 0.3))
    drawn = ThresholdFrontier("demographic_parity", (0.0, 0.01, 0.1, 0.3)).fit(**data.fit).points_
    loss = points["cost"] - drawn["cost"]
    assert (loss >= -1e-8).all()
    assert loss[1:].max() < 0.003
