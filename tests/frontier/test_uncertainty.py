from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from faircore.frontier import Candidate, Frontier, SplitRows, shown_with_rows, uncertainty
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
        pair = Frontier(
            tuple(
                Candidate(f"c{i}", "regularized", "", float(i), 0, False,
                          {"select": count_cube(y, s, groups)}, 1.0,
                          passed={"select": passed_thresholds(s)})
                for i, s in enumerate(scores)
            ),
            groups.partitions, {"select": groups.sizes}, rows={"select": SplitRows(y, groups)},
        )  # fmt: skip
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
