from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks.frontier_noise import (
    BETTER,
    PARITY,
    Population,
    fronts,
    look,
    plain_draws,
    reliability,
)
from faircore.errors import InputError
from faircore.frontier import SplitRows, non_dominated
from faircore.frontier.noise import draw_counts
from faircore.frontier.noise_beliefs import (
    believe_disparity,
    believe_performance,
    performance_draws,
)
from faircore.frontier.noise_front import (
    hopeful,
    hypervolume_limits,
    probability_non_dominated,
)
from faircore.frontier.noise_shrinkage import believe
from faircore.groups import Groups
from faircore.metrics import DISPARITIES, PERFORMANCES

WHOLE = Population(0, 60, n=10_000)
ROWS, WHO = WHOLE.sample(np.random.default_rng(0), 2_000)
PASSED = np.ascontiguousarray(WHOLE.passed[:, WHO])
PARTITION = ROWS.groups.partitions[0]


def _beliefs(passed: NDArray[np.uint8], rows: SplitRows = ROWS) -> NDArray[np.float64]:
    drawn = draw_counts(rows, passed, 0, PARTITION)
    return np.stack(
        [believe_performance(drawn, "accuracy"), believe_disparity(drawn, PARITY)], axis=-1
    )


def _chances(passed: NDArray[np.uint8]) -> NDArray[np.float64]:
    return probability_non_dominated(_beliefs(passed), BETTER)


def test_the_order_of_candidates_is_no_matter() -> None:
    order = np.random.default_rng(1).permutation(60)
    np.testing.assert_allclose(_chances(PASSED[order]), _chances(PASSED)[order], atol=0.03)


def test_twins_have_the_same_chance() -> None:
    best = int(_chances(PASSED).argmax())
    chance = _chances(np.concatenate([PASSED, PASSED[[best, best]]]))
    assert chance[best] > 0.3
    assert chance[best] == chance[60] == chance[61]


def test_hopeless_alone_and_undefined() -> None:
    worse = PASSED.copy()
    codes = WHOLE.codes[WHO]
    worse[0] = np.where(codes == 0, 1, 1 - ROWS.y_true)  # wrong, and unequal
    assert _chances(worse)[0] == 0
    assert _chances(PASSED[:1]).tolist() == [1.0]
    beliefs = _beliefs(PASSED)
    beliefs[:, 3, 1] = np.nan
    chance = probability_non_dominated(beliefs, BETTER)
    assert np.isnan(chance[3])
    assert np.isfinite(np.delete(chance, 3)).all()


def test_weights_of_one_believe_the_same() -> None:
    ones = SplitRows(ROWS.y_true, ROWS.groups, np.ones(len(ROWS)))
    np.testing.assert_array_equal(_beliefs(PASSED), _beliefs(PASSED, ones))


def test_noise_alone_is_believed_to_be_nothing() -> None:
    rng = np.random.default_rng(0)
    moves = rng.normal(size=(400, 300))
    error = rng.normal(size=300)
    drawn = believe(0.8 + 0.01 * error, 0.01 * moves)
    assert np.abs(drawn.mean(0) - 0.8).std() < 0.003
    assert drawn.std(axis=1).mean() < 0.005
    # What is far larger than noise stays.
    drawn = believe(0.8 + 0.3 * error, 0.01 * moves)
    assert np.corrcoef(drawn.mean(0), error)[0, 1] > 0.999
    np.testing.assert_allclose(drawn.std(axis=0).mean(), 0.01, rtol=0.1)


def test_what_goes_with_a_gap_is_not_taken_for_luck() -> None:
    # Accuracy is paid for a small gap, by the same curve by all: what is left is luck.
    rng = np.random.default_rng(2)
    k, wrong = 240, {"alone": [], "beside": []}
    for _ in range(6):
        gap = rng.uniform(0.02, 0.2, k)
        true = 0.8 + 0.3 * gap - 0.8 * gap**2
        values = true + 0.004 * rng.normal(size=k)
        moves = 0.004 * rng.normal(size=(200, k))
        lucky = np.argsort(true - values)[:10]
        for name, beside in {"alone": None, "beside": gap[None]}.items():
            drawn = believe(values, moves, beside=beside)
            wrong[name].append((drawn.mean(axis=0) - true)[lucky].mean())
    # Of about .008 that the luckiest are above the truth.
    assert np.mean(wrong["beside"]) < 0.6 * np.mean(wrong["alone"])
    assert 0 < np.mean(wrong["beside"]) < 0.0025


def test_what_is_beside_may_be_unknown_and_must_fit() -> None:
    rng = np.random.default_rng(0)
    values, moves = rng.random(30), 0.1 * rng.normal(size=(50, 30))
    plain = believe(values, moves)
    for nothing in (np.full((1, 30), np.nan), np.full((1, 30), 0.3), np.empty((0, 30))):
        np.testing.assert_array_equal(believe(values, moves, beside=nothing), plain)
    some = rng.random((1, 30))
    some[0, 3] = np.nan
    assert np.isfinite(believe(values, moves, beside=some)).all()
    with pytest.raises(InputError, match=r"30 candidates"):
        believe(values, moves, beside=np.zeros((1, 29)))


@pytest.mark.parametrize("k", [3, 4, 10, 40])
def test_many_candidates_do_not_make_few_people_more(k: int) -> None:
    # None of them selects anybody of a group of 18: what that leaves open is the same for all.
    rng = np.random.default_rng(0)
    few = np.arange(1_800) < 18
    rows = SplitRows((rng.random(1_800) < 0.3).astype(np.int8), Groups.of({"g": few}))
    passed = (rng.random((k, 1_800)) < 0.1).astype(np.uint8)
    passed[:, few] = 0
    drawn = draw_counts(rows, passed, 0, rows.groups.partitions[0])
    gaps = believe_disparity(drawn, PARITY)
    # The gap is .1 less a draw from Beta(1, 18), or what that exceeds .1 by.
    exact = np.abs(0.1 - rng.beta(1, 18, 100_000))
    np.testing.assert_allclose(gaps.std(axis=0), exact.std(), rtol=0.3)
    seen = np.ptp(drawn.rate("selection_rate")[:, -1], axis=0)
    assert (np.quantile(gaps, 0.99, axis=0) > seen - 0.01).all()


def test_candidates_near_the_middle_one_are_shrunk_by_what_they_show(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Most candidates decide nearly alike and differ by noise alone; some are strange, and differ.
    rng = np.random.default_rng(4)
    strange = np.arange(300) >= 200
    size = np.where(strange, 0.02, 0.004)
    true = np.where(strange, 0.06 * rng.normal(size=300), 0.0)
    noise, moves = size * rng.normal(size=300), size * rng.normal(size=(200, 300))

    def left(sorts: int) -> tuple[float, float]:
        monkeypatch.setattr("faircore.frontier.noise_shrinkage._SORTS", sorts)
        told = believe(0.8 + true + noise, moves).mean(axis=0)
        off = told - 0.8 - true
        return off[~strange].std() / noise[~strange].std(), np.corrcoef(told, true)[0, 1]

    (quiet, known), (quiet_together, _) = left(4), left(1)
    assert quiet < 0.6 < quiet_together
    assert known > np.corrcoef(true + noise, true)[0, 1]


def test_beliefs_are_closer_to_the_truth_and_as_wide_as_they_are_wrong() -> None:
    raw, better, width = [], [], []
    for seed in range(6):
        rows, who = WHOLE.sample(np.random.default_rng(seed), 2_000)
        drawn = draw_counts(rows, np.ascontiguousarray(WHOLE.passed[:, who]), 0, PARTITION)
        true = WHOLE.values[:, 0] - WHOLE.values[:, 0].mean()
        seen = performance_draws(drawn, "accuracy")[-1]
        beliefs = believe_performance(drawn, "accuracy")
        beliefs = beliefs - beliefs.mean(axis=1, keepdims=True)
        raw.append(((seen - seen.mean() - true) ** 2).mean())
        better.append(((beliefs.mean(axis=0) - true) ** 2).mean())
        width.append(beliefs.var(axis=0).mean())
    assert np.mean(better) < 0.85 * np.mean(raw)
    assert np.mean(width) == pytest.approx(np.mean(better), rel=0.35)


@pytest.mark.parametrize("name", sorted(DISPARITIES))
def test_every_disparity_lies_in_its_range(name: str) -> None:
    passed = PASSED.copy()
    passed[0] = 0  # selects nobody
    beliefs = believe_disparity(draw_counts(ROWS, passed, 0, PARTITION), name)
    assert beliefs.shape == (200, 60)
    assert np.isnan(beliefs[:, 0]).all() == (name in ("predictive_parity_difference",
                                                      "demographic_parity_ratio"))  # fmt: skip
    assert ((beliefs[:, 1:] >= 0) & (beliefs[:, 1:] <= 1)).all()


@pytest.mark.parametrize("name", sorted(PERFORMANCES))
def test_every_performance_is_that_of_the_counts(name: str) -> None:
    drawn = draw_counts(ROWS, PASSED, 0, PARTITION, replicates=20)
    values = performance_draws(drawn, name)
    exact = PERFORMANCES[name](drawn.counts.sum(axis=2).astype(np.float64))
    np.testing.assert_allclose(values[:-1], exact, rtol=1e-4)
    assert np.isfinite(believe_performance(drawn, name)).all()


def test_small_groups_take_no_part() -> None:
    drawn = draw_counts(ROWS, PASSED, 0, PARTITION)
    assert np.isnan(believe_disparity(drawn, PARITY, min_people=1_500)).all()
    largest = np.sort(np.bincount(WHOLE.codes[WHO]))[-2]
    two = believe_disparity(drawn, PARITY, min_people=float(largest))
    assert (two.mean(axis=0) < believe_disparity(drawn, PARITY).mean(axis=0) + 1e-9).all()


def test_told_chances_come_true() -> None:
    found = fronts(60, 40, 1)  # of samples of one population luck is common
    told, brier, rows = reliability(found["told"], found["true"])
    _, counted, _ = reliability(found["counted"], found["true"])
    assert told < 0.02
    assert brier < counted
    assert len(rows) == 10
    assert np.nanmean(found["band"]) > 0.93
    assert found["volume"].mean() > 0.93


def test_hopeful_keeps_whoever_may_be_on_the_front() -> None:
    drawn = draw_counts(ROWS, PASSED, 0, PARTITION)
    plain = plain_draws(drawn)
    near = hopeful(plain[-1], plain[:-1].std(axis=0), BETTER)
    assert near[non_dominated(plain[-1] * BETTER)].all()
    counted = probability_non_dominated(plain[:-1], BETTER)
    assert 0 < near.sum() < 60
    assert counted[~near].max() < 0.1
    by_half = [np.arange(60) < 30, np.arange(60) >= 30]
    both = hopeful(plain[-1], plain[:-1].std(axis=0), BETTER, sets=by_half)
    assert (both | ~near).all()
    alone = hopeful(plain[-1, :1], plain[:-1, :1].std(axis=0), BETTER)
    assert alone.tolist() == [True]
    values = plain[-1].copy()
    values[4] = np.nan
    assert not hopeful(values, plain[:-1].std(axis=0), BETTER)[4]


def test_methods_are_compared() -> None:
    _, values, beliefs, near = look(ROWS, PASSED, 0)
    front = non_dominated(values[near] * BETTER)
    members = {"front": front, "rest": ~front, "none": np.zeros(len(front), bool)}
    limits, larger = hypervolume_limits(values[near], beliefs, BETTER, (0.6, 0.5), members)
    assert list(limits.index) == ["front", "rest", "none", "all"]
    assert (limits["low"] <= limits["expected"]).all()
    assert (limits["expected"] <= limits["high"]).all()
    assert limits.loc["none"].tolist() == [0, 0, 0, 0]
    assert limits.loc["all", "value"] == pytest.approx(limits.loc["front", "value"])
    assert limits.loc["all", "expected"] >= limits.loc["front", "expected"]
    np.testing.assert_allclose(larger + larger.T, 1)
    assert larger.loc["front", "none"] == 1


def test_three_objectives() -> None:
    drawn = draw_counts(ROWS, PASSED, 0, PARTITION, replicates=40)
    odds = believe_disparity(drawn, "equalized_odds_difference")
    two = np.stack([believe_performance(drawn, "accuracy"), believe_disparity(drawn, PARITY)], -1)
    three = np.concatenate([two, odds[..., None]], axis=-1)
    chance = probability_non_dominated(three, (1, -1, -1))
    # One more way to be good: nobody's chance falls.
    assert (chance >= probability_non_dominated(two, BETTER) - 1e-12).all()


def test_wrong_shapes_are_refused() -> None:
    with pytest.raises(InputError, match="same candidates"):
        believe(np.zeros(3), np.zeros((5, 4)))
    with pytest.raises(InputError, match="3 objectives"):
        probability_non_dominated(np.zeros((5, 4, 2)), (1, -1, 1))
