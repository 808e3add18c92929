from __future__ import annotations

from pathlib import Path

import pytest

from faircore.data import Dataset, Table
from faircore.plans import SweepPlan, SweepSpec
from faircore.records import ReviewStore, request_of, strengths_around

GRID = SweepSpec((0.1, 0.4, 1.6), seeds=(0, 1))


def test_new_strengths_lie_between_the_neighbours() -> None:
    around = strengths_around(GRID, 0.4)
    assert around == tuple(sorted(around))
    assert len(around) == 6
    assert all(0.1 < s < 1.6 and s != 0.4 for s in around)
    assert around[1] == pytest.approx(0.2, rel=0.01)  # in steps of ratio


def test_the_ends_have_one_side() -> None:
    assert all(0.4 < s < 1.6 for s in strengths_around(GRID, 1.6))
    first = strengths_around(GRID, 0.0)
    assert len(first) == 3
    assert all(0 < s < 0.1 for s in first)
    assert strengths_around(SweepSpec((0.0,)), 0.0) == ()


def test_the_request_of_a_candidate_knows_all_strengths_like_it(
    lending: tuple[Table, Dataset], tmp_path: Path
) -> None:
    reviews = ReviewStore(tmp_path)
    review = reviews.create("r", *lending)
    finer, other = SweepSpec((0.2,), seeds=(3,)), SweepSpec((9.0,), partitions=("race",))
    for plan in (SweepPlan((GRID,)), SweepPlan((finer, other))):
        review = reviews.add_sweep(review.id, plan.to_json())
    candidate = GRID.trial_id(review.fingerprint, 0.4, 1)
    found = request_of(review, candidate)
    assert found is not None
    assert found.strengths == (0.0, 0.1, 0.2, 0.4, 1.6)
    assert found.seeds == GRID.seeds
    assert request_of(review, "unknown") is None
