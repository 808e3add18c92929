"""Corrections as plain arrays: exact where there is nothing to correct, and saved as they are."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from faircore.errors import InputError
from faircore.predictors import (
    ExistingScore,
    GroupKey,
    GroupRule,
    Inputs,
    Predictor,
    Thresholded,
    Trees,
    predictor_from_arrays,
)
from faircore.predictors.corrected import Corrected, corrected_scores, with_log_odds
from faircore.predictors.score_map import NEAREST, log_odds

RNG = np.random.default_rng(0)
X = RNG.normal(size=(300, 2)).astype(np.float32)
X[::7, 1] = np.nan
SCORES = RNG.random(300)
INPUTS = Inputs(X, pd.DataFrame({"sex": RNG.choice(["f", "m"], 300)}), score=SCORES)
BASE = ExistingScore("s")


def _stump(column: int, cut: float, low: float, high: float, columns: int, base: float) -> Trees:
    """One tree that adds ``low`` up to a cut and ``high`` above it."""
    return Trees(
        root=np.array([0], np.int32),
        feature=np.array([column], np.int32),
        threshold=np.array([cut]),
        left=np.array([-1], np.int32),
        right=np.array([-2], np.int32),
        missing=np.array([2], np.uint8),
        leaf=np.array([low, high]),
        base=base,
        n_features=columns,
    )


FIRST = _stump(1, 0.0, -1.0, 2.0, 3, 0.25)
SECOND = _stump(2, 0.5, 0.125, -0.5, 3, 0.0)  # looks at the log-odds after the first round


def test_without_a_round_the_scores_are_the_base_s_bit_for_bit() -> None:
    model = Corrected(BASE, ())
    np.testing.assert_array_equal(model.scores(INPUTS), SCORES)
    assert model.n_features is None
    assert model.shape_text == "the existing score, uncorrected"
    edges = np.array([0.0, 1.0, 1e-300, 1 - 1e-16])
    np.testing.assert_array_equal(model.correct(edges, Inputs(X[:4])), edges)


def test_rounds_that_change_nothing_are_exact_too() -> None:
    model = Corrected(BASE, (Trees.constant(0.0, 3),))
    np.testing.assert_array_equal(model.scores(INPUTS), SCORES)
    moved = Corrected(BASE, (Trees.constant(0.0, 3),), (2.0,)).scores(INPUTS)
    assert (moved != SCORES).any()


def test_each_round_sees_the_log_odds_of_the_one_before() -> None:
    found = Corrected(BASE, (FIRST, SECOND), (0.5, 1.0)).scores(INPUTS)
    raw = 0.5 * np.log(SCORES / (1 - SCORES)) + 0.25
    raw += np.where(X[:, 1] <= 0, -1.0, 2.0)  # a missing value goes right
    raw += np.where(raw.astype(np.float32) <= 0.5, 0.125, -0.5)
    np.testing.assert_allclose(found, 1 / (1 + np.exp(-raw)), rtol=1e-12)


def test_scores_known_already_are_corrected_alike() -> None:
    model = Corrected(BASE, (FIRST, SECOND))
    bare = Inputs(X)
    np.testing.assert_array_equal(model.correct(SCORES, bare), model.scores(INPUTS))
    np.testing.assert_array_equal(
        corrected_scores((FIRST, SECOND), (1.0, 1.0), X, SCORES), model.scores(INPUTS)
    )


def test_certain_scores_stay_probabilities() -> None:
    edges = np.array([0.0, 1.0, NEAREST / 10, 0.5])
    found = Corrected(BASE, (FIRST,)).correct(edges, Inputs(X[:4]))
    assert ((found > 0) & (found < 1)).all()
    assert found[0] == found[2] or X[0, 1] != X[2, 1]


def test_columns_are_read_in_single_precision() -> None:
    columns = with_log_odds(X.astype(np.float64) + 1e-12, log_odds(SCORES))
    assert columns.dtype == np.float32
    np.testing.assert_array_equal(columns[:, :2], X)


@pytest.mark.parametrize("rounds", [(), (FIRST,), (FIRST, SECOND)])
def test_arrays_hold_all_of_it(rounds: tuple[Trees, ...]) -> None:
    model = Corrected(BASE, rounds, tuple(1.5 for _ in rounds))
    arrays = model.to_arrays()
    assert all(isinstance(a, np.ndarray) for a in arrays.values())
    again = Corrected.from_arrays(arrays, predictor_from_arrays)
    np.testing.assert_array_equal(again.scores(INPUTS), model.scores(INPUTS))
    assert again.slopes == model.slopes
    assert again.shape_text == model.shape_text


def test_a_correction_of_a_correction_is_saved_too() -> None:
    inner = Corrected(BASE, (FIRST,))
    model = Corrected(inner, (SECOND,), (0.5,))

    def read(arrays: dict[str, np.ndarray]) -> Predictor:
        if "correct.slopes" in arrays:
            return Corrected.from_arrays(arrays, read)
        return predictor_from_arrays(arrays)

    again = read(model.to_arrays())
    np.testing.assert_array_equal(again.scores(INPUTS), model.scores(INPUTS))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("correct.slopes", np.array(["a"])),
        ("correct.slopes", np.array([[1.0]])),
        ("correct.slopes", np.array([1.0, 1.0])),
        ("correct.0.tree.leaf", np.array([np.nan, 0.0])),
    ],
)
def test_damaged_arrays_are_refused(name: str, value: np.ndarray) -> None:
    arrays = Corrected(BASE, (FIRST,)).to_arrays() | {name: value}
    with pytest.raises(InputError, match="Save the model again"):
        Corrected.from_arrays(arrays, predictor_from_arrays)


@pytest.mark.parametrize("slopes", [(1.0, 2.0), (0.0,), (-1.0,), (np.inf,), (np.nan,)])
def test_slopes_are_above_zero_one_per_round(slopes: tuple[float, ...]) -> None:
    with pytest.raises(InputError, match="one slope above 0 per round"):
        Corrected(BASE, (FIRST,), slopes)


def test_base_and_rounds_read_the_same_columns() -> None:
    fits = Trees.constant(0.3, 2)
    model = Corrected(fits, (FIRST,))
    assert model.n_features == 2
    assert model.n_trees == 1
    with pytest.raises(InputError, match="read 2 and 5"):
        Corrected(Trees.constant(0.3, 5), (FIRST,))
    with pytest.raises(InputError, match="read 2 and 3"):
        Corrected(BASE, (FIRST, replace(SECOND, n_features=4)))


def test_its_shape_in_words() -> None:
    trees = _stump(0, 0.0, 0.1, 0.2, 2, 0.0).followed_by(_stump(0, 1.0, 0.1, 0.2, 2, 0.0))
    assert Corrected(trees, (FIRST, SECOND)).shape_text == "2 trees, corrected by 2 more"
    assert Corrected(BASE, (FIRST,)).shape_text == "the existing score, corrected by 1 tree"
    rescaled = Corrected(BASE, (Trees.constant(0.1, 3),))
    assert rescaled.shape_text == "the existing score, rescaled"


def test_a_base_told_groups_still_is() -> None:
    rule = GroupRule(GroupKey(("sex",), (("f",), ("m",))), np.full((3, 1), 0.4), np.ones((3, 1)))
    base = Thresholded(BASE, rule)
    model = Corrected(base, (FIRST,))
    assert model.needs_groups == ("sex",)
    assert Corrected(BASE, (FIRST,)).needs_groups == ()
    np.testing.assert_array_equal(
        model.scores(INPUTS), model.correct(base.scores(INPUTS), Inputs(X))
    )
    with pytest.raises(InputError, match="was not told sex"):
        model.scores(Inputs(X, score=SCORES))
