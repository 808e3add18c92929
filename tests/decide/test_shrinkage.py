from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from faircore.decide import shrinkage
from faircore.decide.shrinkage import selection_shrinkage
from faircore.errors import InputError
from faircore.metrics import DISPARITIES, RATES

PARITY = "demographic_parity_difference"


def drawn(rng: np.random.Generator, rates: np.ndarray, n: int) -> np.ndarray:
    """Counts of groups of ``n`` with these selection rates; nobody is good."""
    counts = np.zeros((*rates.shape, 2, 2))
    counts[..., 0, 1] = rng.binomial(n, rates)
    counts[..., 0, 0] = n - counts[..., 0, 1]
    return counts


def test_values_sign_and_interval() -> None:
    select = np.array([[[[80.0, 20], [0, 0]], [[75, 25], [0, 0]]]] * 3)
    certify = np.array([[[800.0, 200], [0, 0]], [[700, 300], [0, 0]]])
    gap = selection_shrinkage(select, certify, 1, PARITY)
    assert (gap.select, gap.certify) == (pytest.approx(0.05), pytest.approx(0.1))
    assert gap.shrink == pytest.approx(0.05)
    assert 0.05 < gap.low < 0.1 < gap.high < 0.15
    share = selection_shrinkage(select, certify, 1, "demographic_parity_ratio")
    assert share.shrink == pytest.approx(0.8 - 2 / 3)
    right = selection_shrinkage(select, certify, 1, "accuracy")
    assert right.select == pytest.approx(0.775)
    assert right.shrink == pytest.approx(0.025)
    assert right.low < right.certify < right.high
    clustered = selection_shrinkage(select, certify, 1, "accuracy", effective=[4.0, 4.0])
    assert clustered.certify == pytest.approx(right.certify)
    assert clustered.high - clustered.low == pytest.approx(2 * (right.high - right.low), rel=0.02)
    wider = selection_shrinkage(select, certify, 1, PARITY, effective=[4.0, 4.0])
    assert wider.high - wider.low > 1.5 * (gap.high - gap.low)


@pytest.mark.parametrize("measure", [*DISPARITIES, "accuracy"])
def test_every_measure_has_a_shrink(measure: str) -> None:
    rng = np.random.default_rng(0)
    select = rng.integers(20, 90, (6, 3, 2, 2)).astype(float)
    found = selection_shrinkage(select, select[0] * 2, 0, measure)
    assert found.shrink == pytest.approx(0.0)
    assert found.low <= found.certify <= found.high
    least, most = found.by_chance
    assert least <= most
    assert most > 0


def test_chance_brackets_what_happens() -> None:
    # 30 equally good candidates, 500 rows a group: the picked one looks better by chance alone.
    rng = np.random.default_rng(3)
    true = np.tile([0.26, 0.2], (30, 1))
    shrinks, told = [], []
    for seed in range(60):
        select, certify = drawn(rng, true, 500), drawn(rng, true, 500)
        picked = int(DISPARITIES[PARITY](select).argmin())
        found = selection_shrinkage(select, certify[picked], picked, PARITY, seed=seed)
        shrinks.append(found.shrink)
        told.append(found.by_chance)
    low, high = np.mean(told, axis=0)
    assert low - 0.003 < np.mean(shrinks) < high + 0.003
    assert np.mean(shrinks) == pytest.approx(high, abs=0.006)


def test_candidates_that_decide_alike_shrink_less() -> None:
    rng = np.random.default_rng(1)
    select = drawn(rng, np.tile([0.26, 0.2], (20, 1)), 500)
    chance = [
        selection_shrinkage(select, select[0], 0, PARITY, correlation=c).by_chance[1]
        for c in (0.0, 0.5, 0.9, 1.0)
    ]
    assert chance == sorted(chance, reverse=True)
    assert chance[0] > 0.03
    assert chance[-1] < 0.3 * chance[0]


def test_undefined_stays_undefined() -> None:
    nobody = np.zeros((2, 2, 2, 2))
    for measure in (PARITY, "accuracy"):
        found = selection_shrinkage(nobody, nobody[0], 0, measure)
        assert np.isnan([found.select, found.certify, found.shrink, *found.by_chance]).all()
    assert np.isnan(RATES["accuracy"](nobody)).all()


def test_what_does_not_fit_is_refused() -> None:
    counts = np.ones((3, 2, 2, 2))
    with pytest.raises(InputError, match="no candidate 3 among 3"):
        selection_shrinkage(counts, counts[0], 3, PARITY)
    with pytest.raises(InputError, match="same groups"):
        selection_shrinkage(counts, counts, 0, PARITY)
    with pytest.raises(InputError, match="correlation"):
        selection_shrinkage(counts, counts[0], 0, PARITY, correlation=2.0)
    with pytest.raises(InputError, match="no disparity"):
        selection_shrinkage(counts, counts[0], 0, "auc")


def test_thousands_of_candidates_fit_into_memory() -> None:
    rng = np.random.default_rng(2)
    select = drawn(rng, rng.uniform(0.2, 0.3, (2_000, 8)), 500)
    tracemalloc.start()
    try:
        found = selection_shrinkage(select, select[0], 0, PARITY)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 200e6
    assert 0 < found.by_chance[0] < found.by_chance[1] < 0.1


def test_fewer_draws_of_many_candidates_say_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(4)
    select = drawn(rng, rng.uniform(0.2, 0.3, (300, 4)), 500)
    all_draws = selection_shrinkage(select, select[0], 0, PARITY, correlation=0.5).by_chance
    monkeypatch.setattr(shrinkage, "_NUMBERS", 0)
    monkeypatch.setattr(shrinkage, "_BLOCK", 0)  # one draw at a time
    few = selection_shrinkage(select, select[0], 0, PARITY, correlation=0.5).by_chance
    assert few == pytest.approx(all_draws, abs=0.003)
    assert few != all_draws
