from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from faircore.errors import InputError
from faircore.metrics.costs import Costs

WORTH = st.floats(-100, 100)


def test_worth_by_hand() -> None:
    costs = Costs(true_positive=3.0, false_positive=-7.0, false_negative=-1.0, true_negative=0.5)
    counts = np.array([[[10.0, 2.0], [3.0, 5.0]], [[0, 0], [0, 0]]])
    found = costs.per_person(counts)
    assert found[0] == pytest.approx((10 * 0.5 - 2 * 7 - 3 * 1 + 5 * 3) / 20)
    assert np.isnan(found[1])


def test_where_the_best_threshold_lies() -> None:
    assert Costs(1.0, -4.0).best_threshold == pytest.approx(0.8)
    assert Costs(2.0, 1.0).best_threshold == 0.0  # every yes pays
    assert np.isnan(Costs(-1.0, -5.0).best_threshold)  # not even a right one does


@given(WORTH, WORTH, WORTH, WORTH)
def test_no_threshold_does_better_than_the_best_one(a: float, b: float, c: float, d: float) -> None:
    try:
        costs = Costs(a, b, c, d)
    except InputError:
        assert a - c <= b - d
        return
    scores = np.linspace(0.0, 1.0, 101)

    def gain(threshold: float) -> float:
        yes = scores >= threshold
        return float((scores * (a - c) + (1 - scores) * (b - d))[yes].sum())

    best = costs.best_threshold
    if np.isnan(best):
        assert all(gain(t) <= 1e-9 for t in scores)
        return
    assert 0 <= best <= 1
    # Up to the score that lies on the threshold, which is worth nothing either way.
    room = 1e-6 + abs(b - d + best * (a - c - b + d))
    assert all(gain(best) >= gain(t) - room - 1e-9 for t in scores)


def test_it_survives_json_and_refuses_contradictions() -> None:
    costs = Costs(2.0, -5.0, 0.0, 1.0, unit="EUR")
    assert Costs.from_dict(json.loads(json.dumps(costs.to_dict()))) == costs
    for wrong in (float("nan"), float("inf"), "1", True, None):
        with pytest.raises(InputError, match="finite"):
            Costs(true_positive=wrong)  # type: ignore[arg-type]
    for raw in ({"true_positive": 1.0}, {**costs.to_dict(), "more": 1}):
        with pytest.raises(InputError, match="Correct the names"):
            Costs.from_dict(raw)
    with pytest.raises(InputError, match="turns out well"):
        Costs(true_positive=-1.0, false_positive=1.0)
