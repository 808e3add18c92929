from __future__ import annotations

import gc
import weakref
from typing import Any

import numpy as np
import pandas as pd
import pytest
from fairlearn.reductions import (
    DemographicParity,
    EqualizedOdds,
    ExponentiatedGradient,
    FalsePositiveRateParity,
    GridSearch,
    TruePositiveRateParity,
)
from lightgbm import LGBMClassifier
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.tree import DecisionTreeClassifier

from faircore.errors import InputError
from faircore.groups import Groups
from faircore.reductions import reduce

# Fairlearn, when it is called directly, writes to a Series in a way pandas deprecates.
pytestmark = pytest.mark.filterwarnings(r"ignore::DeprecationWarning:fairlearn\.")

THEIRS = {
    "demographic_parity": DemographicParity,
    "equal_opportunity": TruePositiveRateParity,
    "equalized_odds": EqualizedOdds,
    "predictive_equality": FalsePositiveRateParity,
    "false_positive_rate_parity": FalsePositiveRateParity,
}
Rows = tuple[NDArray[np.float64], NDArray[np.int64], pd.DataFrame]


def people(n: int = 700, seed: int = 0) -> Rows:
    """Rows whose features differ by sex, by race, and where both meet."""
    rng = np.random.default_rng(seed)
    sex, race = rng.choice(["f", "m"], n), rng.choice(["a", "b", "c"], n)
    both = (sex == "f") & (race == "c")
    X = rng.normal(size=(n, 3)) + np.outer(sex == "m", [1, 0, 0.3])
    X += np.outer(race == "c", [0, 1.8, 0]) - np.outer(both, [0, 0.9, 1.0])
    y = (X.sum(axis=1) + rng.normal(size=n) > 0.8).astype(int)
    return X, y, pd.DataFrame({"sex": sex, "race": race})


def expected(found: Any, X: Any) -> NDArray[np.float64]:
    """Chance of each row to be selected."""
    said = [w * m.predict(X) for w, m in zip(found.weights, found.predictors, strict=True)]
    return np.asarray(sum(said), np.float64)


def apart(share: NDArray[np.float64], labels: Any) -> float:
    """Largest distance of a group's rate from everybody's."""
    rates = pd.Series(share).groupby(np.asarray(labels)).mean()
    return float((rates - share.mean()).abs().max())


ESTIMATORS = {
    "logistic": LogisticRegression(),
    "lightgbm": LGBMClassifier(n_estimators=6, num_leaves=8, verbosity=-1, n_jobs=1),
}


@pytest.mark.parametrize("kind", ESTIMATORS)
@pytest.mark.parametrize("constraint", THEIRS)
def test_it_is_fairlearns_exponentiated_gradient(kind: str, constraint: str) -> None:
    X, y, table = people()
    race = table["race"]
    given: dict[str, Any] = {"max_iter": 7, "eta0": 1.0}
    own = ExponentiatedGradient(
        ESTIMATORS[kind], THEIRS[constraint](difference_bound=0.03), **given
    ).fit(X, y, sensitive_features=race)
    found = reduce(
        X, y, Groups.of(race), estimator=ESTIMATORS[kind], constraint=constraint,
        tolerance=0.03, **given,
    )  # fmt: skip
    used = own.weights_[own.weights_ > 0].sort_index()
    np.testing.assert_array_equal(found.weights, used)
    for i, member in zip(used.index, found.predictors, strict=True):
        np.testing.assert_array_equal(member.predict(X), own.predictors_[i].predict(X))
    assert (found.best_gap, found.n_oracle_calls) == (own.best_gap_, own.n_oracle_calls_)
    assert len(found.convergence) == own.last_iter_ + 1
    assert found.convergence["kept"].to_numpy().argmax() == own.best_iter_
    np.testing.assert_allclose(found.convergence["lambda_norm"], own.lambda_vecs_EG_.sum())


@pytest.mark.parametrize("constraint", ["demographic_parity", "equalized_odds"])
def test_it_is_fairlearns_grid_search(constraint: str) -> None:
    X, y, table = people()
    tree = DecisionTreeClassifier(max_depth=3, random_state=0)
    own = GridSearch(tree, THEIRS[constraint](difference_bound=0.03), grid_size=9)
    own.fit(X, y, sensitive_features=table["sex"])
    found = reduce(
        X, y, Groups.of(table["sex"]), estimator=tree, constraint=constraint,
        algorithm="grid_search", grid_size=9, tolerance=0.03,
    )  # fmt: skip
    assert found.weights.tolist() == np.eye(9)[own.best_idx_].tolist()
    for mine, theirs in zip(found.predictors, own.predictors_, strict=True):
        np.testing.assert_array_equal(mine.predict(X), theirs.predict(X))
    np.testing.assert_array_equal(found.convergence["gap"], own.gammas_.max())


@pytest.mark.parametrize("algorithm", ["exponentiated_gradient", "grid_search"])
@pytest.mark.parametrize("constraint", ["demographic_parity", "equalized_odds"])
def test_weights_are_repeated_rows(constraint: str, algorithm: Any) -> None:
    X, y, table = people(400)
    counts = np.random.default_rng(5).integers(0, 4, len(y))
    again = np.repeat(np.arange(len(y)), counts)
    given: dict[str, Any] = {
        "estimator": LogisticRegression(tol=1e-10), "constraint": constraint, "max_iter": 12,
        "algorithm": algorithm, "tolerance": 0.03,
    }  # fmt: skip
    for names in (["sex"], ["sex", "race"]):  # the first is repeated by Fairlearn's own moment
        groups = Groups.of(table, partitions=names)
        weighted = reduce(X, y, groups, counts.astype(float), **given)
        repeated = reduce(X[again], y[again], groups.take(again), **given)
        assert len(weighted.convergence) == len(repeated.convergence)
        np.testing.assert_allclose(weighted.weights, repeated.weights, atol=1e-6)
        np.testing.assert_allclose(expected(weighted, X), expected(repeated, X), atol=1e-6)
        np.testing.assert_allclose(weighted.gap, repeated.gap, atol=1e-6)


def test_two_partitions_at_once_keep_both_bounds() -> None:
    X, y, table = people()
    plain = LogisticRegression().fit(X, y).predict(X).astype(float)
    found = reduce(X, y, Groups.of(table), estimator=LogisticRegression(), tolerance=0.03)
    for name in ("sex", "race"):
        assert apart(plain, table[name]) > 0.05
        gap = apart(expected(found, X), table[name])
        assert gap <= 0.031
        row = found.gaps.set_index("partition").loc[name]
        assert row["gap"] == pytest.approx(gap, abs=1e-9)
        assert row["gap"] <= row["difference"] <= 2 * row["gap"] + 1e-9
    assert found.feasible
    # One alone does not keep the other.
    alone = reduce(X, y, Groups.of(table[["race"]]), estimator=LogisticRegression(), tolerance=0.03)
    assert apart(expected(alone, X), table["sex"]) > 0.05


def test_bounds_on_crossings_may_be_looser() -> None:
    X, y, table = people()
    groups = Groups.of(table, partitions=["sex", "race", ("sex", "race")])
    crossed = table["sex"] + table["race"]
    given: dict[str, Any] = {"estimator": LogisticRegression(), "tolerance": 0.02}
    tight = reduce(X, y, groups, **given)
    loose = reduce(X, y, groups, **given, crossed_tolerance=0.1)
    assert apart(expected(tight, X), crossed) <= 0.021
    assert 0.04 < apart(expected(loose, X), crossed) <= 0.101
    for name in ("sex", "race"):
        assert apart(expected(loose, X), table[name]) <= 0.021
    assert loose.gaps["tolerance"].tolist() == [0.02, 0.02, 0.1]
    # What is bounded less is more accurate.
    errors = [np.abs(expected(found, X) - y).mean() for found in (tight, loose)]
    assert errors[1] < errors[0]


@pytest.mark.parametrize("several", [False, True], ids=["fairlearn's moment", "own moment"])
@pytest.mark.parametrize("algorithm", ["exponentiated_gradient", "grid_search"])
@pytest.mark.parametrize("constraint", ["equal_opportunity", "equalized_odds"])
def test_a_group_without_positives_contributes_nothing(
    constraint: str, algorithm: Any, several: bool
) -> None:
    X, y, table = people(400)
    y = np.where(table["race"] == "c", 0, y)
    groups = Groups.of(table if several else table[["race"]])
    found = reduce(
        X, y, groups, estimator=LogisticRegression(), constraint=constraint, max_iter=8,
        algorithm=algorithm, tolerance=0.2, grid_size=5,
    )  # fmt: skip
    assert np.isfinite(found.gaps[["gap", "difference"]].to_numpy()).all()
    assert np.isfinite(expected(found, X)).all()
    chosen = expected(found, X)[y == 1]
    row = found.gaps.set_index(["partition", "event"]).loc[("race", "label=1")]
    assert row["gap"] == pytest.approx(apart(chosen, table["race"][y == 1]), abs=1e-9)


def test_a_missing_label_is_a_group() -> None:
    X, y, table = people()
    race = table["race"].astype(object)
    race[race == "c"] = None
    named = reduce(X, y, Groups.of(table["race"]), estimator=LogisticRegression(), max_iter=6)
    missing = reduce(X, y, Groups.of(race), estimator=LogisticRegression(), max_iter=6)
    np.testing.assert_array_equal(missing.weights, named.weights)
    assert apart(expected(missing, X), table["race"]) <= 0.021


def test_whole_numbers_of_groups_keep_their_order() -> None:
    X, y, table = people(300)
    number = table["race"].map({"a": 10, "b": 9, "c": 100}).to_numpy()
    own = ExponentiatedGradient(
        LogisticRegression(), DemographicParity(difference_bound=0.02), max_iter=6
    ).fit(X, y, sensitive_features=number)
    found = reduce(X, y, Groups.of(number), estimator=LogisticRegression(), max_iter=6)
    used = own.weights_[own.weights_ > 0].sort_index()
    np.testing.assert_array_equal(found.weights, used)


def test_each_fit_is_reported_and_may_be_the_last() -> None:
    X, y, table = people(300)
    seen: list[int] = []
    found = reduce(
        X, y, Groups.of(table["sex"]), estimator=LogisticRegression(), max_iter=4,
        on_fit=seen.append,
    )  # fmt: skip
    assert seen == list(range(1, len(seen) + 1))
    assert 0 < len(seen) <= found.n_oracle_calls

    def stop(fits: int) -> None:
        if fits == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        reduce(X, y, Groups.of(table["sex"]), estimator=LogisticRegression(), on_fit=stop)


def test_the_estimator_given_is_left_alone_and_the_rows_are_let_go() -> None:
    X, y, table = people(300)
    model = LogisticRegression()
    frame = pd.DataFrame(X)
    alive = weakref.ref(frame)
    found = reduce(frame, y, Groups.of(table["sex"]), estimator=model, max_iter=4)
    assert not hasattr(model, "coef_")
    del frame
    gc.collect()
    assert alive() is None
    assert found.fit_seconds > 0


def test_what_no_mixture_keeps_is_said() -> None:
    X, y, table = people()
    given: dict[str, Any] = {"estimator": LogisticRegression(), "tolerance": 0.0}
    found = reduce(
        X, y, Groups.of(table["sex"]), **given, max_iter=2, eta0=0.01, run_linprog_step=False
    )
    assert not found.feasible
    assert found.gap >= found.smallest_gap > 0.05
    assert found.note.startswith("Infeasible: asked for a gap of 0 points, the smallest found is ")
    assert f"{100 * found.smallest_gap:.3g} (sex)" in found.note
    grid = reduce(X, y, Groups.of(table["sex"]), **given, algorithm="grid_search", grid_size=21)
    assert not grid.feasible
    assert grid.smallest_gap == pytest.approx(grid.convergence["gap"].min())


def test_a_grid_that_chose_another_says_so() -> None:
    X, y, table = people()
    given: dict[str, Any] = {"algorithm": "grid_search", "grid_size": 9}
    one = reduce(X, y, Groups.of(table["sex"]), estimator=LogisticRegression(), **given)
    gaps = one.convergence["gap"]
    between = (gaps.min() + gaps[one.convergence["kept"]].item()) / 2
    assert gaps.min() < between
    found = reduce(
        X, y, Groups.of(table["sex"]), estimator=LogisticRegression(), **given, tolerance=between
    )
    assert not found.feasible
    assert "another of those trained keeps every bound" in found.note


def test_rows_that_cannot_be_used_are_refused() -> None:
    X, y, table = people(100)
    groups, model = Groups.of(table["sex"]), LogisticRegression()
    with pytest.raises(InputError, match="both classes"):
        reduce(X, np.zeros(100, int), groups, estimator=model)
    with pytest.raises(InputError, match="both classes"):
        reduce(X, y + 1, groups, estimator=model)
    with pytest.raises(InputError, match="has 100 rows and y has 99"):
        reduce(X, y[1:], groups, estimator=model)
    for wrong in (-np.ones(100), np.ones(99), np.full(100, np.nan)):
        with pytest.raises(InputError, match="one weight of zero or more"):
            reduce(X, y, groups, wrong, estimator=model)
    with pytest.raises(InputError, match="no constraint"):
        reduce(X, y, groups, estimator=model, constraint="")
