from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial import ConvexHull

from faircore.thresholds.curves import Curve, lower_hull


def _curve(scores: list[float], y: list[int], weights: list[float] | None = None) -> Curve:
    n = len(scores)
    return Curve.of(
        np.array(scores, float), np.array(y, np.int8), np.array(weights or [1.0] * n),
        np.zeros(n, np.intp), np.zeros(1, np.intp),
    )  # fmt: skip


def test_cuts_lie_half_way_and_ties_stay_together() -> None:
    curve = _curve([0.2, 0.6, 0.6, 1.0, 0.0], [1, 0, 0, 1, 0], [1, 0.5, 0.5, 4, 3])
    np.testing.assert_allclose(curve.cuts, [np.inf, 0.8, 0.4, 0.1, -np.inf])
    assert curve.fp[0].tolist() == [0, 0, 1, 1, 4]
    assert curve.tp[0].tolist() == [0, 4, 4, 5, 5]
    # (1, 4) lies between the lines from (0, 4) to (1, 5) and from (0, 0) to (4, 5).
    assert curve.hull.tolist() == [0, 1, 3, 4]


def test_equal_scores_leave_everybody_or_nobody() -> None:
    curve = _curve([3.0] * 5, [0, 1, 1, 0, 1])
    assert curve.cuts.tolist() == [np.inf, -np.inf]
    assert curve.hull.tolist() == [0, 1]


@pytest.mark.parametrize(
    ("low", "high"),
    [
        (1.0, np.nextafter(1.0, 2.0)), (-1e308, 1.7e308), (1.6e308, 1.7e308), (0.0, 5e-324),
        (-5e-324, 0.0), (-1.0, np.nextafter(-1.0, 0.0)), (1e-323, 2e-323),
    ],
)  # fmt: skip
def test_a_cut_parts_the_nearest_and_the_farthest_numbers(low: float, high: float) -> None:
    cut = _curve([low, high], [0, 1]).cuts[1]
    assert low < cut <= high


def test_a_weight_that_rounding_swallows_has_no_corner() -> None:
    curve = _curve([3.0, 2.0, 1.0], [1, 1, 0], [1.0, 1e-30, 1.0])
    assert curve.hull[0] == 0
    assert curve.hull[-1] == 3
    assert np.isfinite(curve.fp).all()


@given(st.lists(st.tuples(st.integers(0, 12), st.integers(0, 1)), min_size=3, max_size=40))
def test_corners_are_those_of_the_hull(rows: list[tuple[int, int]]) -> None:
    scores, y = zip(*rows, strict=True)
    curve = _curve(list(map(float, scores)), list(y))
    points = np.column_stack([curve.fp[0], curve.tp[0]])
    if len(set(y)) < 2 or len(points) < 3:
        assert {0, len(points) - 1} <= set(curve.hull.tolist())
        return
    # A flat hull has no inside; joggled by nothing it is refused.
    if np.linalg.matrix_rank(points - points[0]) < 2:
        return
    expected = set(ConvexHull(points).vertices.tolist())
    assert expected <= set(curve.hull.tolist())
    # What is kept beyond the corners lies on the hull's edges.
    extra = sorted(set(curve.hull.tolist()) - expected - {0, len(points) - 1})
    for one in extra:
        assert np.abs(_distances(ConvexHull(points), points[one])).min() < 1e-9


def _distances(hull: ConvexHull, point: np.ndarray) -> np.ndarray:
    found: np.ndarray = hull.equations[:, :2] @ point + hull.equations[:, 2]
    return found


@given(st.lists(st.integers(-5, 5), min_size=2, max_size=30))
def test_the_lower_hull_is_below_and_convex(heights: list[int]) -> None:
    x, y = np.cumsum(np.arange(1.0, len(heights) + 1)), np.array(heights, float)
    corners = lower_hull(x, y)
    line = np.interp(x, x[corners], y[corners])
    assert (line <= y + 1e-9).all()
    assert (np.diff(np.diff(line) / np.diff(x)) >= -1e-9).all()
