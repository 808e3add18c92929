"""What the Frontier page says of made-up models: no claim that the numbers do not bear out."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from faircore.frontier import Candidate, Frontier, SplitRows, find_objective
from faircore.groups import Groups
from faircore.metrics import count_cube, passed_thresholds
from faircore.metrics.score_measures import score_measures
from pages.components.candidate_facts import promise
from pages.components.frontier_compare import figures
from pages.components.frontier_notes import line_words
from pages.components.group_cuts import cuts_now, dials
from pages.components.session import ReviewSession
from pages.components.words import labels, price

N = 400
SEX = np.tile(["f", "m"], N // 2)
TRUTH = np.tile([1, 1, 0, 0], N // 4).astype(np.int8)


def scored(
    *scores: NDArray[np.float64],
    groups: Groups | None = None,
    truth: NDArray[np.int8] = TRUTH,
    weights: NDArray[np.float64] | None = None,
    **view: Any,
) -> Frontier:
    """A frontier of models with these scores."""
    own = Groups.of({"sex": SEX}) if groups is None else groups
    made = tuple(
        Candidate(
            f"c{k}", "regularized", "demographic_parity", float(k), 0, False,
            {"select": count_cube(truth, s, own, weights=weights)}, 1.0,
            measures={"select": score_measures(truth, s, own, weights)},
            passed={"select": passed_thresholds(s)},
        )
        for k, s in enumerate(scores)
    )  # fmt: skip
    rows = {"select": SplitRows(truth, own, weights)}
    return Frontier(made, own.partitions, {"select": own.sizes}, rows=rows, **view)


GOOD = np.where(TRUTH == 1, 0.9, 0.1)


def test_an_undefined_change_is_neither_better_nor_worse() -> None:
    nobody = np.full(N, 0.1)
    told = figures(scored(GOOD, nobody), 0, 1).set_index("")
    assert told.loc["Reliability of a yes", "Selected"] == "–"
    assert told.loc["Reliability of a yes", "Selected is"] == ""
    assert told.loc["Accuracy", "Selected is"] == "worse"


def test_a_promise_is_told_of_the_partition_where_it_is_worst() -> None:
    race = np.repeat(["a", "b"], N // 2)
    both = Groups.of({"sex": SEX, "race": race})
    frontier = scored(np.where(race == "a", 0.9, 0.1), groups=both)
    asked = replace(
        frontier.candidates[0], method="thresholds", partitions=("sex", "race"), target=0.05
    )
    kept = replace(frontier, candidates=(asked,), _shared={})
    told = promise(kept, 0)  # equal between the sexes, as far apart as can be between the races
    assert "100.0 points (by race)" in told
    assert "by sex and race" in told
    alone = replace(asked, partitions=("sex",))
    assert "0.0 points on" in promise(replace(frontier, candidates=(alone,), _shared={}), 0)
    anything = replace(asked, partitions=())
    told = promise(replace(frontier, candidates=(anything,), _shared={}), 0)
    assert "100.0 points (by race)" in told


def test_a_split_that_was_not_counted_is_left_out_of_a_promise() -> None:
    frontier = scored(GOOD)
    sizes = dict.fromkeys(("train", "calibrate", "select"), frontier.sizes["select"])
    told = promise(replace(frontier, sizes=sizes), 0)
    assert told.endswith("0.0 points on rows that chose when it stopped.")
    assert np.isnan(replace(frontier, sizes=sizes).view(split="train").values).all()


def test_a_model_is_called_the_same_whatever_is_shown() -> None:
    frontier = scored(GOOD, 1 - GOOD, GOOD)
    mixed = replace(
        frontier,
        candidates=tuple(
            replace(c, method=method, seed=seed)
            for c, method, seed in zip(
                frontier.candidates, ("regularized", "boosted", "boosted"), (0, 0, 1), strict=True
            )
        ),
        _shared={},
    )
    for keep in ([True, False, False], [False, True, True], [True, True, False]):
        few = mixed.only(np.array(keep))
        assert labels(few) == labels(mixed)
        assert labels(few.only(np.array([True] * len(few.candidates)))) == labels(mixed)


def test_everybody_is_selected_only_where_every_model_does() -> None:
    everybody, truth = np.full(N, 0.9), np.tile([1, 1, 1, 0], N // 4).astype(np.int8)
    told = price(scored(everybody, 1 - np.where(truth == 1, 0.9, 0.1), truth=truth))
    assert told == "The model with the best accuracy selects everybody."
    assert price(scored(everybody, everybody)) == "At this threshold everybody is selected."
    assert price(scored(1 - everybody)) == "At this threshold nobody is selected."


def test_groups_too_small_to_show_share_a_dial() -> None:
    names = np.array(["a"] * 300 + ["b"] * 80 + ["c"] * 6 + ["by"] * 14)
    frontier = scored(GOOD, groups=Groups.of({"race": names}))
    assert dials(frontier, "race") == (("a",), ("b",), ("by", "c"))
    # A link may carry what no dial can set.
    current = ReviewSession(cut_by="race", cuts={"c": 0.9, "by": 0.2, "a": 0.3})
    assert cuts_now(frontier, current) == {"a": 0.3, "b": 0.5, "by": 0.2, "c": 0.2}


def test_groups_too_few_together_have_no_dial() -> None:
    names = np.array(["a"] * 4 + ["b"] * 5)
    frontier = scored(GOOD[:9], groups=Groups.of({"race": names}), truth=TRUTH[:9])
    assert dials(frontier, "race") == ()
    current = ReviewSession(cut_by="race", cuts={"a": 0.9, "b": 0.2})
    assert set(cuts_now(frontier, current).values()) == {0.5}


@pytest.mark.parametrize(
    ("key", "kind"),
    [
        ("accuracy", "linear"), ("balanced_accuracy", "linear"), ("profit", "linear"),
        ("positive_predictive_value", ""), ("auc", ""), ("calibration_error", ""),
        ("demographic_parity_difference", "at most"), ("equalized_odds_difference", "at most"),
        ("accuracy_difference", "at most"), ("predictive_parity_difference", ""),
        ("demographic_parity_ratio", ""),
    ],
)  # fmt: skip
def test_what_a_lottery_between_two_models_has(key: str, kind: str) -> None:
    assert find_objective(key).of_lots == kind


def test_nothing_is_said_of_a_line_that_is_not_drawn() -> None:
    seen = scored(GOOD)
    assert "lottery" in line_words(seen)
    assert "at most what the line says" in line_words(seen)
    assert "lies what a lottery" not in line_words(seen)
    assert "lottery" not in line_words(seen.view(performance="auc"))
    flat = seen.view(disparity="true_positive_rate")
    assert "lies what a lottery" in line_words(flat)
    assert line_words(seen.view(third="log_loss")).startswith("Colour: how far the scores are")
    assert "line joins" not in line_words(seen.view(third="log_loss"))
