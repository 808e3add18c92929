from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from fairlearn.reductions import (
    DemographicParity,
    EqualizedOdds,
    ErrorRate,
    FalsePositiveRateParity,
    TruePositiveRateParity,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from faircore.errors import InputError
from faircore.groups import Groups
from faircore.reductions import CONSTRAINTS, PartitionParity, WeightedErrorRate

# Fairlearn, when it is called directly, writes to a Series in a way pandas deprecates.
pytestmark = pytest.mark.filterwarnings(r"ignore::DeprecationWarning:fairlearn\.")

THEIRS = {
    "demographic_parity": DemographicParity,
    "equal_opportunity": TruePositiveRateParity,
    "equalized_odds": EqualizedOdds,
    "predictive_equality": FalsePositiveRateParity,
    "false_positive_rate_parity": FalsePositiveRateParity,
}
Said = Callable[[Any], NDArray[np.float64]]


def rows(n: int = 120, seed: int = 0) -> tuple[NDArray[np.float64], NDArray[np.int64], Groups]:
    """Groups "a" to "c" of which "c" has no good outcome."""
    rng = np.random.default_rng(seed)
    race = rng.choice(list("abc"), n)
    y = np.where(race == "c", 0, rng.integers(0, 2, n))
    return rng.normal(size=(n, 1)), y, Groups.of(pd.Series(race, name="race"))


def loaded(name: str, weights: Any = None, **given: Any) -> PartitionParity:
    X, y, groups = rows(**given)
    moment = PartitionParity(name, [0.05])
    moment.load_data(X, y, sensitive_features=groups, sample_weight=weights)
    return moment


@pytest.mark.parametrize("name", CONSTRAINTS)
def test_with_one_partition_and_no_weights_it_is_fairlearns_moment(name: str) -> None:
    X, y, groups = rows()
    mine, theirs = loaded(name), THEIRS[name](difference_bound=0.05)
    theirs.load_data(X, y, sensitive_features=pd.Series(groups.codes[0]))
    assert mine.index.tolist() == theirs.index.tolist()
    assert mine.index.names == theirs.index.names
    assert mine.bound().tolist() == theirs.bound().tolist()
    assert mine.total_samples == theirs.total_samples
    rng = np.random.default_rng(1)
    said = rng.random(len(y))
    np.testing.assert_allclose(mine.gamma(lambda _: said), theirs.gamma(lambda _: said), atol=1e-12)
    multipliers = pd.Series(rng.exponential(size=len(mine.index)), mine.index)
    for method in ("signed_weights", "project_lambda"):
        np.testing.assert_allclose(
            getattr(mine, method)(multipliers), getattr(theirs, method)(multipliers), atol=1e-10
        )


@pytest.mark.parametrize("name", ["demographic_parity", "predictive_equality"])
def test_a_grid_runs_along_the_directions_of_fairlearns(name: str) -> None:
    X, y, groups = rows()
    mine, theirs = loaded(name), THEIRS[name](difference_bound=0.05)
    theirs.load_data(X, y, sensitive_features=pd.Series(groups.codes[0]))
    np.testing.assert_array_equal(mine.pos_basis, theirs.pos_basis)
    np.testing.assert_array_equal(mine.neg_basis, theirs.neg_basis)
    assert mine.neg_basis_present.tolist() == theirs.neg_basis_present.tolist()


@pytest.mark.parametrize("name", CONSTRAINTS)
def test_a_weight_of_two_is_two_rows(name: str) -> None:
    X, y, groups = rows()
    counts = np.random.default_rng(2).integers(1, 4, len(y))
    again = np.repeat(np.arange(len(y)), counts)
    said = np.random.default_rng(3).random(len(y))
    weighted, repeated = loaded(name, counts.astype(float)), PartitionParity(name, [0.05])
    repeated.load_data(X[again], y[again], sensitive_features=groups.take(again))
    assert weighted.total_samples == repeated.total_samples == counts.sum()
    np.testing.assert_allclose(
        weighted.gamma(lambda _: said), repeated.gamma(lambda _: said[again]), atol=1e-12
    )
    multipliers = pd.Series(np.arange(len(weighted.index), dtype=float), weighted.index)
    summed = np.bincount(again, repeated.signed_weights(multipliers))
    np.testing.assert_allclose(weighted.signed_weights(multipliers), summed, atol=1e-9)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), name=st.sampled_from(sorted(CONSTRAINTS)))
def test_what_the_constraints_cost_is_what_the_weights_charge(seed: int, name: str) -> None:
    rng = np.random.default_rng(seed)
    n = 40
    table = {"sex": rng.choice(["f", "m"], n), "race": rng.choice(list("abc"), n)}
    groups = Groups.of(table, partitions=["sex", "race", ("sex", "race")])
    y = np.r_[0, 1, rng.integers(0, 2, n - 2)]
    moment = PartitionParity(name, [0.1, 0.1, 0.2])
    weights = rng.exponential(size=n)
    moment.load_data(np.zeros((n, 1)), y, sensitive_features=groups, sample_weight=weights)
    said = rng.random(n)
    value = moment.gamma(lambda _: said)
    multipliers = pd.Series(rng.exponential(size=len(value)), moment.index)
    assert np.isfinite(value).all()
    # Selecting a row gains its signed weight: the two sides of the same sum.
    charged = -(moment.signed_weights(multipliers) @ said) / moment.total_samples
    assert charged == pytest.approx(multipliers @ value, abs=1e-9)
    projected = moment.project_lambda(multipliers)
    assert projected @ value == pytest.approx(multipliers @ value, abs=1e-9)
    assert (projected >= 0).all()
    assert projected.sum() <= multipliers.sum() + 1e-9
    again = moment.project_lambda(projected)
    np.testing.assert_allclose(again, projected, atol=1e-9)


def test_bounds_follow_the_partition() -> None:
    rng = np.random.default_rng(0)
    table = {"sex": rng.choice(["f", "m"], 60), "race": rng.choice(list("ab"), 60)}
    groups = Groups.of(table, partitions=["sex", "race", ("sex", "race")])
    moment = PartitionParity("demographic_parity", [0.02, 0.03, 0.08])
    moment.load_data(np.zeros((60, 1)), rng.integers(0, 2, 60), sensitive_features=groups)
    expected = [0.02] * 2 + [0.03] * 2 + [0.08] * 4
    assert moment.bound().tolist() == expected * 2


def test_a_group_outside_an_event_has_no_constraint_there() -> None:
    moment = loaded("equalized_odds")
    present = {(e, g) for _, e, g in moment.index}
    assert ("label=1", 2) not in present
    assert ("label=0", 2) in present
    assert np.isfinite(moment.gamma(lambda X: np.ones(len(X)))).all()


def test_the_objective_is_the_weighted_error() -> None:
    X, y, groups = rows()
    weights = np.random.default_rng(1).exponential(size=len(y))
    error = WeightedErrorRate()
    error.load_data(X, y, sensitive_features=groups, sample_weight=weights)
    said = np.random.default_rng(2).integers(0, 2, len(y))
    assert error.gamma(lambda _: said)["all"] == pytest.approx(
        np.average(said != y, weights=weights)
    )
    np.testing.assert_allclose(error.signed_weights(), np.where(y, weights, -weights))
    plain, theirs = WeightedErrorRate(), ErrorRate()
    plain.load_data(X, y, sensitive_features=groups)
    theirs.load_data(X, y, sensitive_features=pd.Series(groups.codes[0]))
    assert plain.gamma(lambda _: said)["all"] == theirs.gamma(lambda _: said)["all"]
    np.testing.assert_array_equal(plain.signed_weights(), theirs.signed_weights())
    assert (error.total_samples, plain.total_samples) == (weights.sum(), len(y))


def test_an_unknown_constraint_is_refused() -> None:
    with pytest.raises(InputError, match="no constraint 'kindness'"):
        PartitionParity("kindness", [0.1])
