"""What the Frontier page says of made-up models: no claim that the numbers do not bear out."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from faircore.frontier import Candidate, Frontier, SplitRows
from faircore.groups import Groups
from faircore.metrics import count_cube, passed_thresholds
from faircore.metrics.score_measures import score_measures
from pages.components.frontier_compare import figures

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
