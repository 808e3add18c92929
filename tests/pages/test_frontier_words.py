"""What the Frontier page says of made-up models: no claim that the numbers do not bear out."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from faircore.frontier import Candidate, Frontier, SplitRows
from faircore.groups import Groups
from faircore.metrics import count_cube, passed_thresholds
from faircore.metrics.score_measures import score_measures
from pages.components.candidate_facts import promise
from pages.components.frontier_compare import figures
from pages.components.words import labels

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
