from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from faircore.errors import InputError
from faircore.frontier import Candidate, Frontier, non_dominated
from faircore.groups import Groups
from faircore.metrics import DISPARITIES, PERFORMANCES, count_cube, evaluate

NAN = float("nan")


def _candidate(name: str, cubes: dict[str, Any], **changes: Any) -> Candidate:
    whole = {
        "id": name,
        "method": "regularized",
        "penalty": "demographic_parity",
        "strength": 1.0,
        "seed": 0,
        "needs_groups": False,
        "cubes": cubes,
        "fit_seconds": 2.0,
        "best_epoch": 3,
        **changes,
    }
    return Candidate(**whole)


FAILED = _candidate("lost", {}, failure="it never reached a finite loss")


class _Case:
    """Scores of three models on two splits, with the frontier made of their cubes."""

    def __init__(self, n: int = 400) -> None:
        rng = np.random.default_rng(0)
        frame = {"sex": rng.choice(["f", "m"], n), "race": rng.choice(["a", "b", "c"], n)}
        self.groups = Groups.of(frame, partitions=[("sex",), ("race",), ("sex", "race")])
        self.y_true = rng.integers(0, 2, n).astype(np.int8)
        self.weights = rng.exponential(1, n)
        self.scores = [rng.random(n) * (0.5 + 0.1 * k) + 0.2 * self.y_true for k in range(3)]
        self.splits = {"train": np.arange(0, n, 2), "select": np.arange(1, n, 2)}
        candidates = [
            _candidate(
                f"c{k}",
                {
                    split: count_cube(
                        self.y_true[rows],
                        score[rows],
                        self.groups.take(rows),
                        weights=self.weights[rows],
                    )
                    for split, rows in self.splits.items()
                },
                strength=float(k),
            )
            for k, score in enumerate(self.scores)
        ]
        sizes = {split: self.groups.take(rows).sizes for split, rows in self.splits.items()}
        self.frontier = Frontier((*candidates, FAILED), self.groups.partitions, sizes)


CASE = _Case()


def _of_points(points: list[tuple[float, float]]) -> Frontier:
    """Candidates with given accuracy and gap, in steps of .01: group one selected 0 of 100.

    Group two (100 rows, all good) is selected 100·gap times; group one (100 rows) is judged
    right as often as the accuracy still needs.
    """
    groups = Groups.of(["one", "two"])
    candidates = []
    for k, (accuracy, gap) in enumerate(points):
        selected = round(100 * gap)
        right = round(200 * accuracy) - selected
        counts = np.array([[[right, 0], [100 - right, 0]], [[0, 0], [100 - selected, selected]]])
        assert 0 <= right <= 100
        cube = np.broadcast_to(counts.astype(float), (101, 2, 2, 2))
        candidates.append(_candidate(f"c{k}", {"select": cube}))
    return Frontier(tuple(candidates), groups.partitions, {"select": np.array([100, 100])})


def _brute_force(values: np.ndarray) -> list[bool]:
    finite = np.isfinite(values).all(axis=1)
    return [
        bool(finite[i])
        and not any(
            finite[j] and (values[j] >= values[i]).all() and (values[j] > values[i]).any()
            for j in range(len(values))
        )
        for i in range(len(values))
    ]


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.tuples(*[st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0, -1.0, NAN])] * 2), max_size=12)
)
def test_nobody_beats_the_non_dominated(points: list[tuple[float, float]]) -> None:
    values = np.array(points, float).reshape(-1, 2)
    assert non_dominated(values).tolist() == _brute_force(values)


def test_equal_points_do_not_beat_each_other() -> None:
    assert non_dominated(np.array([[1.0, 0.0]] * 3)).all()
    assert non_dominated(np.array([[1.0, 0.0], [1.0, 0.5]])).tolist() == [False, True]
    assert non_dominated(np.empty((0, 2))).tolist() == []


def test_points_are_what_they_were_made_to_be() -> None:
    frontier = _of_points([(0.5, 0.4), (0.45, 0.1), (0.4, 0.4), (0.5, 0.4)])
    np.testing.assert_allclose(frontier.values, [[0.5, 0.4], [0.45, 0.1], [0.4, 0.4], [0.5, 0.4]])
    assert frontier.directions == (1, -1)
    assert frontier.non_dominated.tolist() == [True, True, False, True]
    assert frontier.front.tolist() == [0, 3, 1]
    np.testing.assert_allclose(frontier.reference, (0.4, 0.4))


@pytest.mark.parametrize(
    ("points", "reference", "area"),
    [
        ([(0.5, 0.1)], (0.4, 0.3), 0.1 * 0.2),
        # Two rectangles that overlap: .1 × .1 + .05 × .2.
        ([(0.5, 0.4), (0.45, 0.2)], (0.4, 0.5), 0.1 * 0.1 + 0.05 * 0.2),
        ([(0.5, 0.4), (0.45, 0.2), (0.42, 0.45)], (0.4, 0.5), 0.1 * 0.1 + 0.05 * 0.2),
        ([(0.5, 0.4)], (0.6, 0.5), 0.0),
        ([(0.5, 0.4)], None, 0.0),
        ([(0.5, 0.4), (0.4, 0.2)], None, 0.0),
        ([(0.5, 0.4), (0.48, 0.3), (0.4, 0.2)], None, 0.08 * 0.1),
    ],
)
def test_hypervolume_is_an_area(
    points: list[tuple[float, float]], reference: tuple[float, float] | None, area: float
) -> None:
    assert _of_points(points).hypervolume(reference) == pytest.approx(area, abs=1e-12)


def test_a_ratio_is_better_when_higher() -> None:
    frontier = CASE.frontier.view(disparity="demographic_parity_ratio", threshold=0.4)
    assert frontier.directions == (1, 1)
    ratios = frontier.values[frontier.front, 1]
    assert (np.diff(ratios) >= 0).all()
    assert frontier.non_dominated.tolist() == _brute_force(frontier.values)
    corner = np.array(frontier.reference)
    np.testing.assert_allclose(corner, np.nanmin(frontier.values, axis=0))
    best = frontier.values[:3].max(axis=0)
    assert 0 <= frontier.hypervolume() <= np.prod(best - corner)


@pytest.mark.parametrize("threshold", [0.0, 0.3, 0.5, 0.77])
@pytest.mark.parametrize("split", ["train", "select"])
def test_every_view_is_what_evaluating_the_scores_gives(threshold: float, split: str) -> None:
    rows = CASE.splits[split]
    reports = [
        evaluate(
            CASE.y_true[rows],
            y_score=score[rows],
            sensitive_features=CASE.groups.take(rows),
            sample_weight=CASE.weights[rows],
            threshold=threshold,
        )
        for score in CASE.scores
    ]
    for disparity in DISPARITIES:
        for partition in ("sex", "race", "sex × race"):
            seen = replace(CASE.frontier, min_people=0).view(
                disparity=disparity, partition=partition, threshold=threshold, split=split
            )
            for k, report in enumerate(reports):
                np.testing.assert_allclose(
                    seen.values[k],
                    [report.overall["accuracy"][0], report.disparities.loc[partition, disparity]],
                    rtol=1e-9,
                )


def test_a_view_keeps_what_it_is_not_told_and_leaves_the_first_alone() -> None:
    first = CASE.frontier
    second = first.view(partition="race").view(threshold=0.3)
    assert (second.partition, second.threshold, second.split) == ("race", 0.3, "select")
    assert second.candidates is first.candidates
    assert (first.partition, first.threshold) == ("sex", 0.5)
    assert not np.array_equal(first.values[:3], second.values[:3])
    back = second.view(partition="sex", threshold=0.5)
    np.testing.assert_array_equal(back.values, first.values)
    assert first.view(threshold=0.0).threshold == 0.0


def test_a_view_never_names_a_threshold_that_was_not_counted() -> None:
    # .123 lies between two thresholds of the grid: refuse it, or say which one was taken.
    try:
        seen = CASE.frontier.view(threshold=0.123)
    except InputError:
        return
    assert seen.threshold == 0.12


@pytest.mark.parametrize("threshold", [NAN, -0.1, 5.0])
def test_a_threshold_outside_the_grid_is_refused(threshold: float) -> None:
    with pytest.raises(InputError, match="threshold"):
        CASE.frontier.view(threshold=threshold)


def test_small_groups_take_no_part() -> None:
    groups = Groups.of(["big"] * 40 + ["also"] * 40 + ["tiny"] * 9)
    y_true = np.zeros(89, np.int8)
    score = np.array([0.9] * 10 + [0.1] * 30 + [0.9] * 20 + [0.1] * 20 + [0.9] * 9)
    candidate = _candidate("c", {"select": count_cube(y_true, score, groups)})
    sizes = {"select": groups.sizes}
    gap = Frontier((candidate,), groups.partitions, sizes).values[0, 1]
    assert gap == pytest.approx(0.25)
    all_count = Frontier((candidate,), groups.partitions, sizes, min_people=9)
    assert all_count.values[0, 1] == pytest.approx(0.75)
    assert all_count.values[0, 0] == pytest.approx(50 / 89)
    # Accuracy is everybody's, whatever the size of the group.
    none_count = Frontier((candidate,), groups.partitions, sizes, min_people=41)
    assert none_count.values[0, 0] == pytest.approx(50 / 89)
    assert np.isnan(none_count.values[0, 1])


def test_failed_candidates_stay_visible_and_win_nothing() -> None:
    frontier = CASE.frontier
    assert np.isnan(frontier.values[3]).all()
    assert not frontier.non_dominated[3]
    assert 3 not in frontier.front
    frame = frontier.to_frame()
    assert frame["failure"].notna().tolist() == [False, False, False, True]
    assert np.isfinite(frontier.hypervolume())


@pytest.mark.parametrize("which", ["all failed", "one group", "no candidate"])
def test_where_nothing_can_be_compared_there_is_no_area(which: str) -> None:
    partitions, sizes = CASE.groups.partitions, CASE.frontier.sizes
    if which == "all failed":
        frontier = Frontier((FAILED, FAILED), partitions, sizes)
    elif which == "one group":
        frontier = Frontier(CASE.frontier.candidates, partitions, sizes, min_people=10**6)
    else:
        frontier = Frontier((), partitions, sizes)
    assert frontier.front.tolist() == []
    assert frontier.hypervolume() == 0.0
    assert len(frontier.to_frame()) == len(frontier.candidates)


def test_a_row_per_candidate() -> None:
    frontier = CASE.frontier.view(performance="balanced_accuracy")
    frame = frontier.to_frame()
    assert frame.columns.tolist() == [
        *("id", "method", "penalty", "strength", "seed"),
        *("balanced_accuracy", "demographic_parity_difference", "non_dominated"),
        *("target", "needs_groups", "fit_seconds", "best_epoch", "note", "failure"),
    ]
    assert frame["id"].tolist() == ["c0", "c1", "c2", "lost"]
    np.testing.assert_array_equal(frame.iloc[:, 5:7].to_numpy(), frontier.values)
    assert frame["non_dominated"].tolist() == frontier.non_dominated.tolist()


def test_every_pair_of_objectives_can_be_shown() -> None:
    for performance in PERFORMANCES:
        for disparity in DISPARITIES:
            frame = CASE.frontier.view(performance=performance, disparity=disparity).to_frame()
            assert np.isfinite(frame.loc[:2, [performance, disparity]]).all(axis=None)


def test_positions_by_id() -> None:
    assert CASE.frontier.position("c2") == 2
    with pytest.raises(InputError, match="'c9'"):
        CASE.frontier.position("c9")


@pytest.mark.parametrize(
    "changes",
    [{"performance": "gini"}, {"disparity": "gini"}, {"partition": "age"}, {"split": "certify"}],
    ids=str,
)
def test_unknown_views_are_refused(changes: dict[str, str]) -> None:
    with pytest.raises(InputError, match="Choose one of"):
        CASE.frontier.view(**changes)  # type: ignore[arg-type]
