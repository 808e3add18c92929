from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, log_loss, roc_auc_score

from faircore.errors import InputError
from faircore.frontier import OBJECTIVES, Candidate, Frontier, SplitRows, find_objective
from faircore.groups import Groups
from faircore.metrics import count_cube, evaluate, passed_thresholds
from faircore.metrics.costs import Costs
from faircore.metrics.score_measures import SCORE_MEASURES, score_measures

RNG = np.random.default_rng(3)
N = 1_500
SEX = RNG.choice(["f", "m"], N)
RACE = RNG.choice(["a", "b", "c"], N)
GROUPS = Groups.of({"sex": SEX, "race": RACE}, partitions=[("sex",), ("race",), ("sex", "race")])
TRUTH = (RNG.random(N) < 0.4).astype(np.int8)
SCORES = np.clip(0.25 + 0.4 * TRUTH + RNG.normal(0, 0.2, (3, N)), 0.0, 1.0)
SCORES[1] += 0.1 * (SEX == "m")
SCORES = np.clip(SCORES, 0, 1)


def candidate(k: int, needs_groups: bool = False) -> Candidate:
    return Candidate(
        f"c{k}", "regularized", "demographic_parity", float(k), 0, needs_groups,
        {"select": count_cube(TRUTH, SCORES[k], GROUPS)}, 1.0,
        measures={"select": score_measures(TRUTH, SCORES[k], GROUPS)},
        passed={"select": passed_thresholds(SCORES[k])},
    )  # fmt: skip


FRONTIER = Frontier(
    tuple(candidate(k) for k in range(3)),
    GROUPS.partitions,
    {"select": GROUPS.sizes},
    rows={"select": SplitRows(TRUTH, GROUPS)},
)
COSTS = Costs(2.0, -5.0, 0.0, 0.5)


def of(key: str, **view: object) -> np.ndarray:
    frontier = FRONTIER.view(costs=COSTS, **view)  # type: ignore[arg-type]
    return frontier.measure(find_objective(key, frontier.partition))


@pytest.mark.parametrize("key", OBJECTIVES)
def test_every_objective_has_a_value_and_words(key: str) -> None:
    objective = find_objective(key, "sex")
    values = of(key)
    assert np.isfinite(values).all()
    told = objective.text(values[0])
    assert any(character.isdigit() for character in told)
    assert objective.text(float("nan")) == objective.change_text(float("nan")) == "–"
    assert objective.change_text(0.5).startswith("+")
    assert objective.change_text(-0.5).startswith("−")
    assert objective.better in (1, -1)
    assert objective.sentence
    assert objective.tickformat


def test_scores_agree_with_scikit_learn() -> None:
    np.testing.assert_allclose(of("auc"), [roc_auc_score(TRUTH, s) for s in SCORES], atol=1e-4)
    expected = [log_loss(TRUTH, s) for s in SCORES]
    np.testing.assert_allclose(of("log_loss"), expected, rtol=1e-6)


def test_score_measures_by_group_are_those_of_its_rows() -> None:
    found = score_measures(TRUTH, SCORES[1], GROUPS)
    assert found.shape == (GROUPS.n_groups + 1, len(SCORE_MEASURES))
    women = SEX == "f"
    assert found[0, 0] == pytest.approx(roc_auc_score(TRUTH[women], SCORES[1][women]), abs=1e-4)
    assert found[-1, 2] < found[:2, 2].max() + 1e-9  # pooled bins can only cancel


def test_weights_of_one_change_no_measure_and_a_weight_of_two_is_a_row_twice() -> None:
    ones = score_measures(TRUTH, SCORES[0], GROUPS, np.ones(N))
    np.testing.assert_allclose(ones, score_measures(TRUTH, SCORES[0], GROUPS))
    twice = np.r_[np.arange(N), np.arange(200)]
    weights = np.where(np.arange(N) < 200, 2.0, 1.0)
    repeated = Groups.of({"sex": SEX[twice], "race": RACE[twice]}, partitions=[("sex",)])
    single = Groups.of({"sex": SEX, "race": RACE}, partitions=[("sex",)])
    np.testing.assert_allclose(
        score_measures(TRUTH, SCORES[0], single, weights)[:, :2],
        score_measures(TRUTH[twice], SCORES[0][twice], repeated)[:, :2],
        rtol=1e-9,
    )


def test_worth_is_that_of_every_decision() -> None:
    selected = SCORES[0] >= 0.5
    worth = np.select(
        [selected & (TRUTH == 1), selected, TRUTH == 1], [2.0, -5.0, 0.0], 0.5
    ).mean()  # fmt: skip
    assert of("profit")[0] == pytest.approx(1_000 * worth)
    with pytest.raises(InputError, match="no costs are given"):
        FRONTIER.view(performance="profit")


def test_a_gap_may_have_a_partition_of_its_own() -> None:
    both = FRONTIER.view(
        performance="demographic_parity_difference@race", disparity="demographic_parity_difference"
    )
    assert [o.partition for o in both.objectives] == ["race", "sex"]
    report = evaluate(
        TRUTH, SCORES[1] >= 0.5, sensitive_features={"sex": SEX, "race": RACE}
    ).disparities["demographic_parity_difference"]
    np.testing.assert_allclose(both.values[1], [report["race"], report["sex"]])
    assert both.columns == [
        "demographic_parity_difference@race", "demographic_parity_difference@sex"
    ]  # fmt: skip
    assert both.gap.partition == "sex"
    assert set(both.columns) < set(both.to_frame().columns)


def test_three_objectives() -> None:
    three = FRONTIER.view(third="auc")
    assert three.values.shape == (3, 3)
    signed = three.values * three.directions
    beaten = [
        any((signed[j] >= signed[k]).all() and (signed[j] > signed[k]).any() for j in range(3))
        for k in range(3)
    ]
    assert three.non_dominated.tolist() == [not b for b in beaten]
    assert three.hypervolume() >= 0
    assert len(three.reference) == 3


def test_the_volume_of_a_box() -> None:
    three = FRONTIER.view(third="auc").only(np.array([True, False, False]))
    corner = three.values[0] - 0.1 * np.array(three.directions)
    assert three.hypervolume(corner) == pytest.approx(0.001)


def test_a_decision_is_made_in_decisions() -> None:
    view = FRONTIER.view(
        performance="auc", disparity="log_loss", third="accuracy_difference@race"
    ).of_decisions()
    assert (view.performance, view.disparity, view.partition, view.third) == (
        "accuracy", "accuracy_difference", "race", "",
    )  # fmt: skip


def test_unknown_objectives_are_refused() -> None:
    for key in ("gini", "accuracy@sex", "demographic_parity_difference@age"):
        with pytest.raises(InputError):
            FRONTIER.view(third=key)


def test_candidates_of_an_older_version_have_no_scores() -> None:
    old = Candidate(
        "old", "regularized", "demographic_parity", 0.0, 0, False, FRONTIER.candidates[0].cubes, 1.0
    )
    view = Frontier((old,), GROUPS.partitions, {"select": GROUPS.sizes}, performance="auc")
    assert np.isnan(view.values[0, 0])
    assert not view.non_dominated[0]


def test_accuracy_is_still_that_of_scikit_learn() -> None:
    assert of("accuracy")[2] == pytest.approx(accuracy_score(TRUTH, SCORES[2] >= 0.5))
