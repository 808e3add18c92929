from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import pytest

from faircore.frontier import (
    Candidate,
    Frontier,
    SplitRows,
    Uncertainty,
    shown_with_rows,
    uncertainty,
)
from faircore.groups import Groups
from faircore.metrics import count_cube, passed_thresholds
from faircore.metrics.costs import Costs
from faircore.metrics.score_measures import score_measures

METHODS = ("regularized", "boosted")


def made(n: int = 1_200, k: int = 12, *, seed: int = 0, weighted: bool = False) -> Frontier:
    """Candidates that trade accuracy for a smaller gap, on the same people."""
    rng = np.random.default_rng(seed)
    groups = Groups.of({"sex": rng.choice(["f", "m"], n), "race": rng.choice(["a", "b"], n)})
    y = (rng.random(n) < 0.5).astype(np.int8)
    weights = rng.exponential(1, n) if weighted else None
    shared = rng.normal(0, 1, n)
    men = groups.codes[0] == 1
    candidates = []
    for i in range(k):
        fair = i / (k - 1)
        odds = (1.5 - 0.8 * fair) * (2 * y - 1) + shared + (1 - fair) * (men - 0.5)
        scores = 1 / (1 + np.exp(-odds - rng.normal(0, 0.3, n)))
        candidates.append(
            Candidate(
                f"c{i}", METHODS[i % 2], "demographic_parity", fair, 0, False,
                {"select": count_cube(y, scores, groups, weights=weights)}, 1.0,
                measures={"select": score_measures(y, scores, groups, weights)},
                passed={"select": passed_thresholds(scores)},
            )
        )  # fmt: skip
    return Frontier(
        tuple(candidates), groups.partitions, {"select": groups.sizes},
        rows={"select": SplitRows(y, groups, weights)},
    )  # fmt: skip


FRONTIER = made()
VIEWS = [
    {},
    {"performance": "balanced_accuracy", "disparity": "equalized_odds_difference"},
    {"performance": "auc", "disparity": "demographic_parity_ratio", "partition": "race"},
    {"performance": "log_loss", "third": "accuracy_difference@race"},
    {"performance": "profit", "costs": Costs(1.0, -2.0)},
    {"performance": "demographic_parity_difference@race", "threshold": 0.3},
]


@pytest.mark.parametrize("view", VIEWS, ids=str)
@pytest.mark.parametrize("weighted", [False, True])
def test_every_view_is_judged(view: dict[str, object], weighted: bool) -> None:
    seen = (made(weighted=True) if weighted else FRONTIER).view(**view)  # type: ignore[arg-type]
    sure = uncertainty(seen)
    assert sure is not None
    assert (sure.low <= seen.values + 1e-9).all()
    assert (sure.high >= seen.values - 1e-9).all()
    assert (sure.high > sure.low).any(axis=0).all()
    assert ((sure.chance >= 0) & (sure.chance <= 1)).all()
    assert sure.chance.sum() >= 1 - 1e-9  # somebody is unbeaten in every draw
    assert set(sure.hypervolumes.index) == {*METHODS, "all"}
    assert sure.hypervolumes.loc["all", "value"] == pytest.approx(seen.hypervolume())
    assert sure.hypervolumes["models"].tolist() == [6, 6, 12]
    assert (sure.band is None) == (len(seen.objectives) == 3)
    difference = sure.difference(0, 5)
    gap = seen.values[5] - seen.values[0]
    assert ((difference[:, 0] <= gap) & (gap <= difference[:, 1])).all()
    np.testing.assert_allclose(sure.difference(5, 0), -difference[:, ::-1], atol=1e-6)


def test_the_order_of_candidates_does_not_matter() -> None:
    order = np.random.default_rng(1).permutation(12)
    mixed = replace(FRONTIER, candidates=tuple(FRONTIER.candidates[k] for k in order), _shared={})
    one, other = uncertainty(FRONTIER), uncertainty(mixed)
    assert one is not None
    assert other is not None
    np.testing.assert_allclose(other.low, one.low[order], atol=1e-6)
    np.testing.assert_allclose(other.chance, one.chance[order], atol=0.06)


def test_paired_limits_of_a_difference_cover_and_are_narrower() -> None:
    # Two rules that agree on nine of ten people: true accuracies .8 and .75.
    rng = np.random.default_rng(0)
    n, held, inside, narrower = 600, 300, 0, 0
    groups = Groups.of({"g": np.tile(["a", "b"], n // 2)})
    for _ in range(held):
        y = (rng.random(n) < 0.5).astype(np.int8)
        right = np.stack([rng.random(n) < 0.8] * 2)
        turned = rng.random(n) < 0.0625  # of the .8 that are right
        right[1] &= ~turned
        scores = np.where(right, y, 1 - y) * 0.8 + 0.1
        pair = of_scores(y, scores, groups)
        sure = uncertainty(pair)
        assert sure is not None
        low, high = sure.difference(0, 1)[0]
        inside += low <= -0.05 <= high
        narrower += (high - low) < (sure.high - sure.low)[:, 0].sum() / 2
    assert 0.92 <= inside / held <= 0.98
    assert narrower == held


def test_candidates_of_an_older_version_are_not_judged() -> None:
    old = replace(FRONTIER.candidates[3], passed={})
    mixed = replace(FRONTIER, candidates=(*FRONTIER.candidates, old), _shared={})
    assert uncertainty(mixed) is None
    assert not len(shown_with_rows(mixed))
    assert uncertainty(replace(FRONTIER, rows={}, _shared={})) is None


def test_a_failed_candidate_has_no_limits_and_changes_nothing() -> None:
    failed = replace(FRONTIER.candidates[3], id="x", cubes={}, passed={}, measures={}, failure="no")
    mixed = replace(FRONTIER, candidates=(failed, *FRONTIER.candidates), _shared={})
    one, other = uncertainty(FRONTIER), uncertainty(mixed)
    assert one is not None
    assert other is not None
    assert np.isnan(other.low[0]).all()
    assert np.isnan(other.chance[0])
    np.testing.assert_array_equal(other.chance[1:], one.chance)


def test_the_calibration_error_has_no_interval() -> None:
    sure = uncertainty(FRONTIER.view(performance="calibration_error"))
    assert sure is not None
    assert np.isnan(sure.low[:, 0]).all()
    assert np.isfinite(sure.chance).all()


def of_scores(y: np.ndarray, scores: Iterable[np.ndarray], groups: Groups) -> Frontier:
    """Candidates that score these people so."""
    made = [
        Candidate(
            f"c{i}", "regularized", "", float(i), 0, False,
            {"select": count_cube(y, own, groups)}, 1.0,
            measures={"select": score_measures(y, own, groups)},
            passed={"select": passed_thresholds(own)},
        )
        for i, own in enumerate(scores)
    ]  # fmt: skip
    return Frontier(
        tuple(made), groups.partitions, {"select": groups.sizes},
        rows={"select": SplitRows(y, groups)},
    )  # fmt: skip


def two_rules(
    groups: Groups, rates: tuple[np.ndarray, np.ndarray], *, seed: int, paired: bool
) -> Frontier:
    """Two rules that select each person with the probabilities given, by like luck or not."""
    rng = np.random.default_rng(seed)
    n = groups.codes.shape[1]
    y = (rng.random(n) < 0.5).astype(np.int8)
    luck = rng.random(n)
    other = np.where(rng.random(n) < 0.9, luck, rng.random(n)) if paired else rng.random(n)
    pairs = zip((luck, other), rates, strict=True)
    return of_scores(y, [np.where(drawn < rate, 0.9, 0.1) for drawn, rate in pairs], groups)


@pytest.mark.parametrize("paired", [False, True])
@pytest.mark.parametrize(("one", "other"), [(0.02, 0.02), (0.1, 0.1), (0.02, 0.1)])
def test_limits_of_a_change_of_the_gap_of_two_groups_cover(
    one: float, other: float, paired: bool
) -> None:
    n, held, inside = 1_000, 150, 0
    groups = Groups.of({"g": np.tile(["a", "b"], n // 2)})
    second = groups.codes[0] == 1
    rates = (0.4 + one * second, 0.4 + other * second)
    for seed in range(held):
        pair = two_rules(groups, rates, seed=seed, paired=paired)
        low, high = Uncertainty(*[None] * 6, pair).difference(0, 1)[1]  # type: ignore[arg-type]
        inside += low <= other - one <= high
    # Near equality the redraws of a gap are biased upwards, which only widens them.
    assert inside / held >= 0.92
    assert inside / held <= (1.0 if min(one, other) < 0.1 else 0.985)


def test_the_band_does_not_depend_on_who_of_equals_comes_first() -> None:
    # All are right about everybody they select: the best performance is shared, the gap is not.
    rng = np.random.default_rng(0)
    n = 900
    groups = Groups.of({"g": rng.choice(["a", "b"], n)})
    y = (rng.random(n) < 0.6).astype(np.int8)
    made = []
    for i in range(5):
        chosen = (y == 1) & (rng.random(n) < np.where(groups.codes[0] == 1, 0.5, 0.5 - 0.08 * i))
        scores = np.where(chosen, 0.9, 0.1)
        made.append(scores)
    told = []
    for order in (made, made[::-1]):
        view = of_scores(y, order, groups).view(performance="positive_predictive_value")
        sure = uncertainty(view)
        assert sure is not None
        assert sure.band is not None
        told.append([len(view.front), *sure.band])
    for one, other in zip(*told, strict=True):
        np.testing.assert_allclose(one, other)
    assert told[0][0] == 1


def test_three_of_three_rightly_selected_is_not_certain() -> None:
    # Two rules select three people each, all rightly: a precision that three people cannot prove.
    n = 400
    groups = Groups.of({"g": np.tile(["a", "b"], n // 2)})
    y = np.tile([1, 1, 0, 0], n // 4).astype(np.int8)
    good = np.flatnonzero(y)
    who = [good[:3], good[3:6], good[:3]]
    made = [np.where(np.isin(np.arange(n), own), 0.9, 0.1) for own in who]
    view = of_scores(y, made, groups).view(performance="positive_predictive_value")
    sure = uncertainty(view)
    assert sure is not None
    assert sure.high[:, 0] == pytest.approx(1)
    np.testing.assert_allclose(sure.low[:, 0], 3 / (3 + 1.959964**2), rtol=1e-5)  # Wilson's
    low, high = sure.difference(0, 1)[0]
    assert low < 0 < high
    # Two rules that select the same people are one rule.
    assert sure.difference(0, 2)[0].tolist() == [0, 0]


@pytest.mark.parametrize("g", [3, 6, 8])
def test_a_change_of_a_gap_of_more_than_two_groups_has_no_limits(g: int) -> None:
    groups = Groups.of({"g": np.tile([f"g{i}" for i in range(g)], 60)})
    rates = 0.4 + 0.1 * groups.codes[0] / (g - 1)
    pair = two_rules(groups, (rates, rates), seed=0, paired=True)
    limits = Uncertainty(*[None] * 6, pair).difference(0, 1)  # type: ignore[arg-type]
    assert np.isfinite(limits[0]).all()
    assert np.isnan(limits[1]).all()


def test_a_group_too_small_for_a_gap_does_not_set_the_limits_of_its_change() -> None:
    some = np.r_[np.tile(["a", "b"], 300), ["few"] * 8]
    groups = Groups.of({"g": some})
    rates = np.where(some == "few", 0.9, 0.4)
    whole = two_rules(groups, (rates, rates), seed=0, paired=False)
    bare = two_rules(groups.take(np.arange(600)), (rates[:600], rates[:600]), seed=0, paired=False)
    found = [Uncertainty(*[None] * 6, f).difference(0, 1)[1] for f in (whole, bare)]  # type: ignore[arg-type]
    width, without = (high - low for low, high in found)
    assert width == pytest.approx(without, rel=0.25)


def test_a_change_of_the_calibration_error_has_no_limits() -> None:
    sure = uncertainty(FRONTIER.view(performance="calibration_error"))
    assert sure is not None
    limits = sure.difference(0, 5)
    assert np.isnan(limits[0]).all()
    assert np.isfinite(limits[1]).all()
