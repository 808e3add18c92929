"""What the rules do with rows: ties, odd groups, unknown groups, lots, and being an estimator."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from faircore.errors import InputError
from faircore.groups import Groups
from faircore.thresholds import ThresholdFrontier, unprocess
from tests.thresholds.reference import Table, best_cost, table


def _fit(scores: Any, y: Any, group: Any, *args: Any, **more: Any) -> ThresholdFrontier:
    weights = more.pop("sample_weight", None)
    return ThresholdFrontier(*args, **more).fit(
        scores, y, sensitive_features=group, sample_weight=weights
    )


def test_two_perfect_groups_by_hand() -> None:
    # a: one of two is good, b: three of four. Everybody is told apart.
    scores, y, group = [0.1, 0.9, 0.2, 0.6, 0.7, 0.8], [0, 1, 0, 1, 1, 1], list("aabbbb")
    points = _fit(scores, y, group, "demographic_parity", (0.0, 0.1, 0.25, 1.0)).points_
    # At tolerance t, b's rate falls by 1/4 - t from 3/4, four rows for one of a's two otherwise
    # raised: raising a costs 2 (1/4 - t) rows of six.
    np.testing.assert_allclose(points["cost"], [0.5 / 6, 0.3 / 6, 0, 0], atol=1e-9)
    np.testing.assert_allclose(points["gap"], [0, 0.1, 0.25, 0.25], atol=1e-9)
    odds = _fit(scores, y, group, "equalized_odds", (0.0,))
    assert odds.points_["cost"][0] == pytest.approx(0)
    assert odds.predict(scores, group).tolist() == y


def test_a_useless_group_pulls_others_down_under_equalized_odds() -> None:
    # a is perfect, b's scores are all equal: its points are those of a fair coin's, t = f.
    scores, y, group = [0, 0, 1, 1, 5, 5, 5, 5], [0, 0, 1, 1, 0, 0, 1, 1], list("aaaabbbb")
    points = _fit(scores, y, group, "equalized_odds", (0.0, 0.2, 1.0)).points_
    # At t, a reaches (f, f + t): it is wrong about half of 1 - t, b about a half.
    np.testing.assert_allclose(points["accuracy"], [0.5, 0.6, 0.75], atol=1e-9)
    l1 = _fit(scores, y, group, "equalized_odds", (0.0, 0.2, 1.0), norm="l1").points_
    np.testing.assert_allclose(l1["accuracy"], [0.5, 0.55, 0.75], atol=1e-9)


def test_tied_scores_are_told_apart_by_lot_alone() -> None:
    scores, y, group = [1.0, 1.0, 1.0, 0.0, 1.0, 0.0], [1, 1, 0, 0, 1, 0], list("aaabbb")
    for randomised in (True, False):
        frontier = _fit(scores, y, group, "demographic_parity", (0.0, 0.3), randomised=randomised)
        for t in (0.0, 0.3):
            chosen = frontier.predict_proba(scores, group, tolerance=t)[:, 1]
            for own in ("a", "b"):
                for value in (0.0, 1.0):
                    same = [i for i in range(6) if (group[i], scores[i]) == (own, value)]
                    assert np.ptp(chosen[same]) == 0 if same else True


def test_all_scores_equal() -> None:
    frontier = _fit([7.0] * 6, [1, 1, 0, 0, 0, 0], list("aaabbb"), tolerances=(0.0, 1.0))
    # Alike, nobody is best; free, a's two of three are worth it.
    np.testing.assert_allclose(frontier.points_["cost"], [2 / 6, 1 / 6], atol=1e-9)


def test_groups_of_one_class_take_no_part_where_they_have_no_rate() -> None:
    scores, y = [0.1, 0.9, 0.3, 0.8, 0.2, 0.7], [0, 1, 0, 1, 0, 0]
    group = list("aabbcc")
    frontier = _fit(scores, y, group, "equal_opportunity", (0.0,))
    # c, without positives, is free to be refused; a and b are perfect.
    assert frontier.predict(scores, group).tolist() == [0, 1, 0, 1, 0, 0]
    odds = _fit(scores, y, group, "equalized_odds", (0.0,), norm="l1")
    assert odds.points_["cost"][0] == pytest.approx(0)
    nobody = _fit(scores, [0] * 6, group, "equal_opportunity", (0.0,))
    assert nobody.points_["gap"][0] == 0
    assert nobody.predict(scores, group).tolist() == [0] * 6


def test_missing_labels_are_a_group() -> None:
    scores, y = [0.1, 0.9, 0.3, 0.8, 0.4, 0.6], [0, 1, 0, 1, 0, 1]
    group = pd.Series(["a", "a", "b", "b", None, None], name="g")
    frontier = _fit(scores, y, group, "demographic_parity", (0.0,))
    assert frontier.rule().key.labels == (("a",), ("b",), ("(missing)",))
    assert frontier.predict(scores, group).tolist() == y
    known = _fit(scores[:4], y[:4], group[:4], "demographic_parity", (0.0,))
    with pytest.raises(InputError, match="2 of 6 rows belong to a group"):
        known.predict(scores, group)


def test_empty_groups_get_the_pooled_cut() -> None:
    data = table(300, 0)
    groups = Groups.of(data.labels)
    kept = np.flatnonzero(groups.codes[0] != 1)
    frontier = _fit(data.scores[kept], data.y[kept], groups.take(kept), tolerances=(0.0, 0.2))
    for t in (0.0, 0.2):
        rule = frontier.rule(t)
        assert rule.key.n_groups == 3
        assert rule.cuts[1, 0] == rule.cuts[3, 0]
        assert rule.shares[1, 0] == rule.shares[3, 0] == 1
        assert np.isfinite(rule.cuts[1, 0])
    # Rows of no weight are as if they were not there.
    absent = np.where(groups.codes[0] == 1, 0.0, 1.0)
    same = _fit(data.scores, data.y, groups, tolerances=(0.0, 0.2), sample_weight=absent)
    np.testing.assert_array_equal(same.rule(0.2).cuts, frontier.rule(0.2).cuts)
    pd.testing.assert_frame_equal(same.points_, frontier.points_)


def test_unseen_groups_are_refused_or_held_to_one_cut_of_all() -> None:
    data = table(2_000, 1)
    more = pd.DataFrame({"a0": ["new"] * 2_000})
    with pytest.raises(InputError, match="2,000 of 2,000 rows belong to a group"):
        _fit(data.scores, data.y, data.labels).predict(data.scores, more)
    frontier = _fit(data.scores, data.y, data.labels, tolerances=(0.02,), unseen="pooled")
    chosen = frontier.predict(data.scores, more)
    assert chosen.mean() == pytest.approx(frontier.points_["selection_rate"][0], abs=1e-3)
    assert data.scores[chosen == 1].min() > data.scores[chosen == 0].max()
    with pytest.raises(InputError, match="unseen must be"):
        _fit(data.scores, data.y, data.labels, unseen="zero")


def test_decisions_match_their_probabilities_and_can_be_repeated() -> None:
    data = table(20_000, 2, groups=2, levels=20)
    frontier = _fit(data.scores, data.y, data.labels, tolerances=(0.01,))
    assert frontier.rule().randomised
    chance = frontier.predict_proba(data.scores, data.labels)
    np.testing.assert_allclose(chance.sum(axis=1), 1)
    chosen = frontier.predict(data.scores, data.labels)
    assert set(chosen.tolist()) == {0, 1}
    np.testing.assert_array_equal(chosen, frontier.predict(data.scores, data.labels))
    drawn = (chance[:, 1] > 0) & (chance[:, 1] < 1)
    assert drawn.sum() > 500
    for p in np.unique(chance[:, 1]):
        own = chance[:, 1] == p
        assert abs(chosen[own].mean() - p) <= 4 * np.sqrt(p * (1 - p) / own.sum()) + 1e-12
    other = ThresholdFrontier(tolerances=(0.01,), seed=1).fit(
        data.scores, data.y, sensitive_features=data.labels
    )
    differs = other.predict(data.scores, data.labels) != chosen
    assert differs[drawn].any()
    assert not differs[~drawn].any()


def test_with_rows_of_their_own_the_order_does_not_matter() -> None:
    data = table(3_000, 2, groups=2, levels=20)
    frontier = _fit(data.scores, data.y, data.labels, tolerances=(0.01,))
    ids, order = np.arange(3_000) * 7, np.random.default_rng(0).permutation(3_000)
    chosen = frontier.predict(data.scores, data.labels, rows=ids)
    turned = frontier.predict(data.scores[order], data.labels.iloc[order], rows=ids[order])
    np.testing.assert_array_equal(turned, chosen[order])
    with pytest.raises(InputError, match="rows must have one entry per score"):
        frontier.predict(data.scores, data.labels, rows=ids[:5])


def test_few_people_share_cuts_and_count_as_one_group() -> None:
    rng = np.random.default_rng(0)
    group = np.array(["big"] * 300 + ["c"] * 8 + ["d"] * 6 + ["e"] * 5)
    y = rng.integers(0, 2, len(group))
    scores = y + rng.normal(size=len(group))
    frontier = _fit(scores, y, group, "demographic_parity", (0.0, 0.05), min_people=20)
    merged = np.where(group == "big", group, "few")
    same = _fit(scores, y, merged, "demographic_parity", (0.0, 0.05))
    pd.testing.assert_frame_equal(frontier.points_, same.points_)
    for t in (0.0, 0.05):
        cuts = frontier.rule(t).cuts
        np.testing.assert_array_equal(cuts[1], cuts[2])
        np.testing.assert_array_equal(cuts[1], cuts[3])
        np.testing.assert_array_equal(
            frontier.predict_proba(scores, group, tolerance=t),
            same.predict_proba(scores, merged, tolerance=t),
        )


@pytest.mark.parametrize("constraint", ["equal_opportunity", "equalized_odds"])
@pytest.mark.parametrize("seed", range(4))
def test_shared_cuts_are_exact_where_the_few_are_in_several_groups(
    constraint: str, seed: int
) -> None:
    # Both cells of "z" are small. So is x of "b", but "b", "x" and "y" have others too.
    rng = np.random.default_rng(seed)
    sizes = {("a", "x"): 40, ("a", "y"): 40, ("b", "x"): 16, ("b", "y"): 40, ("z", "x"): 15,
             ("z", "y"): 17}  # fmt: skip
    labels = pd.DataFrame([k for k, n in sizes.items() for _ in range(n)], columns=["s", "t"])
    y = rng.integers(0, 2, len(labels))
    scores = y + rng.normal(size=len(labels)) * np.where(labels["s"] == "z", 4.0, 0.5)
    data = Table(scores, y, labels, rng.exponential(1.0, len(y)))
    frontier = ThresholdFrontier(constraint, (0.02,), min_people=20).fit(**data.fit)
    few = [label for label, n in sizes.items() if n < 20]
    expected = best_cost(data, {constraint: 0.02}, partitions=[["s"], ["t"]], few=few)
    assert frontier.points_["cost"][0] == pytest.approx(expected, abs=1e-6)
    cuts = frontier.rule().cuts
    shared = [i for i, label in enumerate(frontier.rule().key.labels) if label in few]
    assert len(shared) == 3
    assert (cuts[shared] == cuts[shared[0]]).all()


def test_of_rules_that_cost_the_same_the_most_equal_is_kept() -> None:
    scores, y = [0.1, 0.4, 0.6, 0.9, 0.2, 0.3, 0.5, 0.8], [0, 0, 1, 1, 0, 1, 0, 1]
    frontier = _fit(scores, y, list("aaaabbbb"), "equal_opportunity", (0.5, 0.0))
    assert frontier.points_["gap"].tolist() == [0, 0]
    assert frontier.points_["cost"].tolist() == [0.125, 0.125]


def test_groups_of_several_partitions_are_crossed() -> None:
    data = table(400, 5, attributes=2)
    wanted = ThresholdFrontier(tolerances=(0.1,)).fit(**data.fit)
    groups = Groups.of(data.labels)
    found = ThresholdFrontier(tolerances=(0.1,)).fit(**{**data.fit, "sensitive_features": groups})
    pd.testing.assert_frame_equal(found.points_, wanted.points_)
    assert found.rule().key == wanted.rule().key
    for given in (groups, data.labels):
        np.testing.assert_array_equal(
            found.predict(data.scores, given), wanted.predict(data.scores, data.labels)
        )
    both = Groups.of(data.labels, partitions=[("a0",), ("a1", "a0")])
    crossed = ThresholdFrontier(tolerances=(0.1,), partitions=[("a0",)]).fit(
        **{**data.fit, "sensitive_features": both}
    )
    alone = ThresholdFrontier(tolerances=(0.1,), partitions=[("a0",)]).fit(**data.fit)
    pd.testing.assert_frame_equal(crossed.points_, alone.points_)
    with pytest.raises(InputError, match="do not tell a1 apart"):
        found.predict(data.scores, Groups.of(data.labels[["a0"]]))


def test_without_a_limit_every_group_has_its_cheapest_cut() -> None:
    data = table(500, 4, attributes=2, groups=2)
    free = unprocess(
        data.scores, data.y, sensitive_features=data.labels, sample_weight=data.weights,
        costs=(1.0, 3.0),
    )  # fmt: skip
    total, expected = data.weights.sum(), 0.0
    for _, own in data.labels.groupby(["a0", "a1"]):
        at = own.index.to_numpy()
        chosen = data.scores[at][:, None] >= np.append(data.scores[at], np.inf)
        good = (data.y[at] == 1)[:, None]
        weights = data.weights[at][:, None]
        expected += (weights * (chosen & ~good) + 3 * weights * (~chosen & good)).sum(axis=0).min()
    assert free.points_["cost"][0] == pytest.approx(expected / total)
    assert not free.rule().randomised


def test_it_is_an_estimator() -> None:
    frontier = ThresholdFrontier({"equalized_odds": None, "demographic_parity": 0.2}, (0.1, 0.0),
                                 norm="l1", costs=(1, 2), seed=3)  # fmt: skip
    assert clone(frontier).get_params() == frontier.get_params()
    data = table(200, 0)
    with pytest.raises(NotFittedError):
        frontier.predict(data.scores, data.labels)
    with pytest.raises(NotFittedError):
        frontier.rule()
    assert frontier.fit(**data.fit) is frontier
    again = pickle.loads(pickle.dumps(frontier))
    np.testing.assert_array_equal(
        again.predict(data.scores, data.labels), frontier.predict(data.scores, data.labels)
    )
    assert frontier.rule() is frontier.rules_[1]
    assert frontier.rule(0.1) is frontier.rules_[0]
    assert frontier.rule().seed == 3
    with pytest.raises(InputError, match=r"no rule of tolerance 0\.05. Choose one of 0, 0\.1"):
        frontier.rule(0.05)
