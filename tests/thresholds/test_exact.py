"""The best rule with lots, against a programme that knows nothing of hulls or ranges."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from faircore.groups import Groups
from faircore.metrics import confusion_counts, find_disparity
from faircore.thresholds import CONSTRAINTS, ThresholdFrontier
from tests.thresholds.reference import Table, best_cost, table

GRID = (0.0, 0.03, 0.1, 0.4)


def _costs(data: Table, limits: Any, **more: Any) -> np.ndarray[Any, Any]:
    points = ThresholdFrontier(limits, GRID, **more).fit(**data.fit).points_
    assert points["feasible"].all()
    assert (points["gap"] <= points["tolerance"] + 1e-8).all()
    assert (points["smallest_gap"] == 0).all()
    found: np.ndarray[Any, Any] = points["cost"].to_numpy()
    return found


@pytest.mark.parametrize("costs", [(1.0, 1.0), (1.0, 4.0), (0.0, 1.0)])
@pytest.mark.parametrize("levels", [0, 7])
@pytest.mark.parametrize(
    ("constraint", "norm"), [*((name, "linf") for name in CONSTRAINTS), ("equalized_odds", "l1")]
)
def test_every_constraint(
    constraint: str, norm: str, levels: int, costs: tuple[float, float]
) -> None:
    data = table(90, 3, levels=levels)
    found = _costs(data, constraint, norm=norm, costs=costs)
    expected = [
        best_cost(data, {constraint: t}, partitions=[["a0"]], norm=norm, costs=costs) for t in GRID
    ]
    np.testing.assert_allclose(found, expected, atol=1e-6)


@pytest.mark.parametrize("constraint", CONSTRAINTS)
def test_two_partitions_and_their_crossing(constraint: str) -> None:
    data = table(120, 5, attributes=2, groups=2, levels=11)
    for partitions in ([["a0"], ["a1"]], [["a0"], ["a0", "a1"]]):
        found = _costs(data, constraint, partitions=partitions)
        expected = [best_cost(data, {constraint: t}, partitions=partitions) for t in GRID]
        np.testing.assert_allclose(found, expected, atol=1e-6)


def test_partitions_are_each_attribute_alone_by_default() -> None:
    data = table(120, 5, attributes=2, groups=2, levels=11)
    alone = _costs(data, "demographic_parity")
    named = _costs(data, "demographic_parity", partitions=["a0", ("a1",)])
    crossed = _costs(data, "demographic_parity", partitions=[("a0", "a1")])
    np.testing.assert_array_equal(alone, named)
    assert (crossed[:2] > alone[:2] + 1e-4).all()


def test_several_constraints_at_once() -> None:
    data = table(100, 7)
    found = _costs(data, {"equalized_odds": None, "demographic_parity": 0.1}, norm="l1")
    expected = [
        best_cost(
            data,
            {"equalized_odds": t, "demographic_parity": 0.1},
            partitions=[["a0"]],
            norm="l1",
        )
        for t in GRID
    ]
    np.testing.assert_allclose(found, expected, atol=1e-6)
    both = _costs(data, {"equal_opportunity": None, "demographic_parity": None})
    expected = [
        best_cost(data, {"equal_opportunity": t, "demographic_parity": t}, partitions=[["a0"]])
        for t in GRID
    ]
    np.testing.assert_allclose(both, expected, atol=1e-6)


@pytest.mark.parametrize("selection", [(0.0, 0.2), (0.8, 1.0), (0.37, 0.37)])
def test_capacity(selection: tuple[float, float]) -> None:
    data = table(80, 2, levels=9)
    frontier = ThresholdFrontier("equalized_odds", GRID, selection=selection).fit(**data.fit)
    share = frontier.points_["selection_rate"].to_numpy()
    assert ((share >= selection[0] - 1e-8) & (share <= selection[1] + 1e-8)).all()
    expected = [
        best_cost(data, {"equalized_odds": t}, partitions=[["a0"]], selection=selection)
        for t in GRID
    ]
    np.testing.assert_allclose(frontier.points_["cost"], expected, atol=1e-6)


def test_scores_worse_than_none_need_the_lower_half_of_the_hull() -> None:
    # Every score points the wrong way, and the capacity forbids the ways out.
    data = table(60, 1, groups=2)
    data = Table(-data.scores, data.y, data.labels, data.weights)
    limits, selection = {"equalized_odds": 0.3, "demographic_parity": 0.9}, (0.45, 0.55)
    found = ThresholdFrontier(
        {"equalized_odds": None, "demographic_parity": 0.9}, (0.3,), selection=selection
    ).fit(**data.fit)
    expected = best_cost(data, limits, partitions=[["a0"]], selection=selection)
    assert found.points_["cost"][0] == pytest.approx(expected, abs=1e-6)


rows = st.lists(
    st.tuples(
        st.integers(0, 4), st.integers(0, 1), st.sampled_from("abc"), st.sampled_from(["x", "y"]),
        st.sampled_from([0.5, 1.0, 2.0]),
    ),
    min_size=2, max_size=24,
)  # fmt: skip


def _small(values: list[tuple[int, int, str, str, float]]) -> Table:
    score, y, a, b, weight = zip(*values, strict=True)
    return Table(
        np.array(score, float), np.array(y), pd.DataFrame({"a": a, "b": b}), np.array(weight)
    )


@settings(max_examples=60, deadline=None)
@given(
    rows, st.sampled_from(CONSTRAINTS), st.sampled_from(["linf", "l1"]),
    st.sampled_from([0.0, 0.05, 0.3]), st.sampled_from([[["a"]], [["a"], ["b"]]]),
)  # fmt: skip
def test_whatever_the_rows(
    values: list[tuple[int, int, str, str, float]], constraint: str, norm: str, tolerance: float,
    partitions: list[list[str]],
) -> None:  # fmt: skip
    # Groups of one class, of one row and of one score are all among them.
    data = _small(values)
    frontier = ThresholdFrontier(constraint, (tolerance,), norm=norm, partitions=partitions)
    point = frontier.fit(**data.fit).points_.iloc[0]
    expected = best_cost(data, {constraint: tolerance}, partitions=partitions, norm=norm)
    assert point["cost"] == pytest.approx(expected, abs=1e-6)
    assert np.isfinite(point.drop(["randomised", "feasible"]).to_numpy(float)).all()


@settings(max_examples=30, deadline=None)
@given(rows, st.booleans())
def test_points_are_what_the_rules_do(
    values: list[tuple[int, int, str, str, float]], randomised: bool
) -> None:
    data = _small(values)
    frontier = ThresholdFrontier(
        {"demographic_parity": None, "equalized_odds": 0.5}, (0.1,), randomised=randomised
    ).fit(**data.fit)
    point = frontier.points_.iloc[0]
    chosen = frontier.predict_proba(data.scores, data.labels)[:, 1]
    total = data.weights.sum()
    wrong = data.weights @ np.where(data.y == 1, 1 - chosen, chosen) / total
    assert point["cost"] == pytest.approx(wrong)
    assert point["accuracy"] == pytest.approx(1 - wrong)
    assert point["selection_rate"] == pytest.approx(data.weights @ chosen / total)
    for name, kept in (("demographic_parity", data.y >= 0), ("equal_opportunity", data.y == 1),
                       ("predictive_equality", data.y == 0)):  # fmt: skip
        gaps = [0.0]
        for attribute in ("a", "b"):
            rates = [
                np.average(chosen[own], weights=data.weights[own])
                for group in set(data.labels[attribute])
                if (own := kept & (data.labels[attribute] == group).to_numpy()).any()
            ]
            gaps.append(max(rates, default=0.0) - min(rates, default=0.0))
        assert point[name] == pytest.approx(max(gaps), abs=1e-9)


def test_gaps_are_those_of_the_metrics() -> None:
    data = table(400, 0, weighted=False)
    frontier = ThresholdFrontier("equalized_odds", (0.15,), randomised=False).fit(**data.fit)
    chosen = frontier.predict(data.scores, data.labels)
    counts = confusion_counts(data.y.astype(np.int8), chosen, Groups.of(data.labels))
    value = float(find_disparity("equalized_odds_difference")(counts))
    assert 0 < value <= 0.15
    assert frontier.points_["equalized_odds"][0] == pytest.approx(value)


def test_weights_are_repeated_rows() -> None:
    data = table(60, 4, levels=8, weighted=False)
    times = np.random.default_rng(0).integers(0, 4, 60)
    weighted = ThresholdFrontier(tolerances=GRID, partitions=["a0"]).fit(
        data.scores, data.y, sensitive_features=data.labels, sample_weight=times
    )
    repeated = ThresholdFrontier(tolerances=GRID, partitions=["a0"]).fit(
        np.repeat(data.scores, times), np.repeat(data.y, times),
        sensitive_features=data.labels.loc[np.repeat(np.arange(60), times)],
    )  # fmt: skip
    names = ["cost", "accuracy", "gap", "loss_bound"]
    np.testing.assert_allclose(weighted.points_[names], repeated.points_[names], atol=1e-8)


def test_costs_never_rise_with_the_tolerance_in_whatever_order() -> None:
    data = table(300, 9)
    grid = (0.3, 0.0, 0.01, 0.15, 0.05, 0.9)
    for randomised in (True, False):
        points = ThresholdFrontier("demographic_parity", grid, randomised=randomised).fit(
            **data.fit
        ).points_  # fmt: skip
        assert points["tolerance"].tolist() == list(grid)
        ordered = points.sort_values("tolerance")
        assert (np.diff(ordered["cost"]) <= 1e-9).all()
        assert ordered["cost"].iloc[-1] < ordered["cost"].iloc[0] - 0.01


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [("demographic_parity", "demographic_parity"),
     ("equal_opportunity", "true_positive_rate_parity")],
)  # fmt: skip
def test_fairlearn_finds_the_same_at_tolerance_zero(ours: str, theirs: str) -> None:
    from fairlearn.postprocessing import ThresholdOptimizer
    from sklearn.base import BaseEstimator, ClassifierMixin

    class Given(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
        """Its one column is the score."""

        def fit(self, X: Any, y: Any) -> Given:
            self.classes_ = np.unique(y)
            return self

        def predict_proba(self, X: Any) -> np.ndarray[Any, Any]:
            return np.column_stack([1 - np.ravel(X), np.ravel(X)])

    data = table(500, 6, weighted=False)
    group, X = data.labels["a0"], data.scores[:, None]
    optimizer = ThresholdOptimizer(
        estimator=Given().fit(X, data.y), constraints=theirs, objective="accuracy_score",
        prefit=True, predict_method="predict_proba", grid_size=20_000,
    ).fit(X, data.y, sensitive_features=group)  # fmt: skip
    chosen = optimizer._pmf_predict(X, sensitive_features=group)[:, 1]
    accuracy = np.where(data.y == 1, chosen, 1 - chosen).mean()
    point = ThresholdFrontier(ours, (0.0,)).fit(**data.fit).points_.iloc[0]
    # Theirs is the best of a grid of rates, ours the best of all.
    assert accuracy - 1e-9 <= point["accuracy"] <= accuracy + 2e-4


def test_many_groups() -> None:
    data = table(8_000, 8, groups=256)
    assert data.labels["a0"].nunique() == 256
    points = ThresholdFrontier(tolerances=(0.05, 0.3)).fit(**data.fit).points_
    assert (points["gap"] <= points["tolerance"] + 1e-8).all()
    assert points["cost"].is_monotonic_decreasing
    groups = Groups.of(data.labels)
    assert len(groups.partitions[0].labels) == 256
