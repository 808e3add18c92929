from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from faircore.errors import InputError
from faircore.predictors import GroupKey, GroupRule, Inputs, Thresholded, Trees
from faircore.predictors.calibrated import MAPS, Calibrated
from faircore.predictors.group_maps import GroupMaps
from faircore.predictors.score_map import ScoreMap

BASE = Trees.constant(0.0, 2)  # a score of one half for everybody
UP, DOWN = ScoreMap.platt(1.0, 1.0), ScoreMap.platt(1.0, -1.0)
PER_GROUP = GroupMaps(
    (GroupKey(("sex",), (("f",), ("m",)), "pooled"),), ((UP, DOWN),), ScoreMap.identity(), "pooled"
)
ROWS = Inputs(
    np.zeros((3, 2), np.float32),
    sensitive=pd.DataFrame({"sex": ["m", "f", "x"], "race": ["a"] * 3}),
)
HIGH, LOW = 1 / (1 + np.exp(-1)), 1 / (1 + np.exp(1))


def test_each_row_is_moved_by_its_groups_map() -> None:
    model = Calibrated(BASE, PER_GROUP)
    np.testing.assert_allclose(model.scores(ROWS), [LOW, HIGH, 0.5])
    np.testing.assert_array_equal(model.map_scores(np.full(3, 0.5), ROWS), model.scores(ROWS))
    assert model.needs_groups == ("sex",)
    assert model.n_features == 2
    assert model.shape_text == f"{BASE.shape_text}, calibrated per group of sex"


def test_one_map_for_all_needs_no_groups() -> None:
    model = Calibrated(BASE, GroupMaps((), (), UP))
    assert model.needs_groups == ()
    assert model.shape_text == f"{BASE.shape_text}, calibrated for everybody"
    np.testing.assert_allclose(model.scores(replace(ROWS, sensitive=None)), [HIGH] * 3)


def test_it_needs_what_its_base_needs() -> None:
    cuts = GroupRule(GroupKey(("race",), (("a",),), "pooled"), np.zeros((2, 1)), np.ones((2, 1)))
    model = Calibrated(Thresholded(BASE, cuts), PER_GROUP)
    assert model.needs_groups == ("sex", "race")
    with pytest.raises(InputError, match="was not told sex"):
        model.scores(replace(ROWS, sensitive=ROWS.attributes(["race"])))


def test_arrays_hold_all_of_it() -> None:
    model = Calibrated(BASE, PER_GROUP)
    arrays = model.to_arrays()
    assert MAPS in arrays
    again = Calibrated.from_arrays(arrays, Trees.from_arrays)
    assert again.maps == PER_GROUP
    np.testing.assert_array_equal(again.scores(ROWS), model.scores(ROWS))
