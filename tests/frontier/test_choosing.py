from __future__ import annotations

import numpy as np
import pytest

from faircore.errors import InputError
from faircore.frontier import (
    Candidate,
    Frontier,
    Limit,
    SplitRows,
    cheapest,
    counts_of,
    decisions_at,
    families,
    keeps,
    knee,
    recommend,
)
from faircore.groups import Groups
from faircore.metrics import confusion_counts, count_cube, passed_thresholds

N = 400
SEX = np.tile(["f", "m"], N // 2)
RACE = np.repeat(["a", "b"], N // 2)
GROUPS = Groups.of({"sex": SEX, "race": RACE})
TRUTH = np.tile([1, 1, 0, 0], N // 4).astype(np.int8)


def scored(errors: int, gap: int) -> np.ndarray:
    """Scores that are wrong for some men and women alike, and select more men."""
    scores = np.where(TRUTH == 1, 0.9, 0.1)
    men = np.flatnonzero((SEX == "m") & (TRUTH == 0))[:gap]
    scores[men] = 0.9
    for sex in ("f", "m"):
        wrong = np.flatnonzero((sex == SEX) & (TRUTH == 1))[:errors]
        scores[wrong] = 0.1
    return scores


def frontier(*points: tuple[int, int], **changes: object) -> Frontier:
    made = []
    for k, (errors, gap) in enumerate(points):
        scores = scored(errors, gap)
        made.append(
            Candidate(
                f"c{k}", "regularized", "demographic_parity", float(k), 0, k == 1,
                {"select": count_cube(TRUTH, scores, GROUPS)}, 1.0,
                passed={"select": passed_thresholds(scores)},
            )
        )  # fmt: skip
    rows = {"select": SplitRows(TRUTH, GROUPS)}
    return Frontier(tuple(made), GROUPS.partitions, {"select": GROUPS.sizes}, rows=rows)


def test_the_knee_is_where_the_front_bends() -> None:
    # accuracy .95, .9325, .85 at gaps .10, .025, .00
    bent = frontier((0, 20), (11, 5), (30, 0))
    pick = knee(bent)
    assert pick is not None
    assert pick.rule.startswith("the knee: the unbeaten model farthest above the straight line")
    assert bent.front.tolist() == [0, 1, 2]
    assert pick.position == 1


def test_a_straight_front_or_a_short_one_has_no_knee() -> None:
    assert knee(frontier((0, 20), (30, 0))) is None
    straight = frontier((0, 20), (15, 10), (30, 0))
    assert straight.non_dominated.all()
    assert knee(straight) is None
    assert knee(straight.view(third="balanced_accuracy")) is None


def test_the_cheapest_keeps_every_limit() -> None:
    bent = frontier((0, 20), (11, 5), (30, 0))
    limit = Limit("demographic_parity_difference", 0.05)
    pick = cheapest(bent, [limit])
    assert pick is not None
    assert pick.position == 1
    assert "gap in selection by sex at most 5.0 points" in pick.rule
    blind = cheapest(bent, [limit], may_need_groups=False)
    assert blind is not None
    assert blind.position == 2
    assert keeps(bent, [limit]).tolist() == [False, True, True]
    assert cheapest(bent, [limit, Limit("accuracy", 0.99)]) is None
    assert keeps(bent, [Limit("accuracy", 0.94)]).tolist() == [True, False, False]


def test_a_limit_may_name_another_partition() -> None:
    bent = frontier((0, 20), (11, 5), (30, 0))
    assert (
        keeps(bent, [Limit("demographic_parity_difference@race", 0.0)]).any()
        == (bent.view(partition="race").values[:, 1] == 0).any()
    )
    with pytest.raises(InputError):
        Limit("gini", 0.1)
    with pytest.raises(InputError):
        Limit("accuracy", float("nan"))


def test_what_is_recommended_has_its_rule_in_words() -> None:
    bent = frontier((0, 20), (11, 5), (30, 0))
    by_knee = recommend(bent)
    assert by_knee is not None
    assert "knee" in by_knee.rule
    by_limit = recommend(bent, [Limit("demographic_parity_difference", 0.01)])
    assert by_limit is not None
    assert by_limit.position == 2
    alone = recommend(frontier((3, 3)))
    assert alone is not None
    assert alone.rule == "the best accuracy"


def test_a_lower_loss_is_the_better_first_objective() -> None:
    bent = frontier((0, 20), (11, 5), (30, 0)).view(
        performance="demographic_parity_difference", disparity="accuracy"
    )
    pick = cheapest(bent, ())
    assert pick is not None
    assert pick.position == 2


def test_seeds_of_a_request_are_one_family() -> None:
    base = frontier((0, 20), (11, 5), (30, 0), (30, 4))
    from dataclasses import replace

    a, b, c, d = base.candidates
    twin = replace(b, strength=a.strength, seed=1)
    failed = replace(d, cubes={}, failure="no")
    found = families(replace(base, candidates=(twin, a, c, failed), _shared={}))
    assert [own.tolist() for own in found.members] == [[1, 0], [2]]
    values = base.values[[0, 1]]
    np.testing.assert_allclose(found.mean[0], values.mean(axis=0))
    np.testing.assert_allclose(found.spread[0], np.abs(np.diff(values, axis=0))[0] / np.sqrt(2))
    assert np.isnan(found.spread[1]).all()


def test_thresholds_by_group_select_as_told() -> None:
    rows = SplitRows(TRUTH, GROUPS)
    scores = np.linspace(0, 1, N)
    passed = passed_thresholds(scores)
    cuts = {"f": 0.3, "m": 0.6}
    found = decisions_at(rows, passed, cuts, partition="sex")
    expected = (scores >= np.where(SEX == "f", 0.3, 0.6)).astype(np.int8)
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(decisions_at(rows, passed, 0.5), scores >= 0.5)
    np.testing.assert_allclose(counts_of(rows, found), confusion_counts(TRUTH, expected, GROUPS))
    with pytest.raises(InputError, match="1 of 2 groups"):
        decisions_at(rows, passed, {"f": 0.3}, partition="sex")
    with pytest.raises(InputError, match="between 0 and 1"):
        decisions_at(rows, passed, 1.2)
