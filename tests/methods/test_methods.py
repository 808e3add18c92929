"""The contract every method of a sweep keeps."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from faircore.data import (
    Dataset,
    Table,
    build_dataset,
    dataset_from_arrays,
    load_sample,
    make_lending,
)
from faircore.errors import InputError
from faircore.methods import METHODS, Request, find_method
from faircore.methods.adversarial import OpponentConfig
from faircore.methods.cost import machine_speed
from faircore.penalties import PENALTIES, PenaltyOptions
from faircore.plots import METHOD_NAMES
from faircore.predictors import predictor_from_arrays
from faircore.training import Prepared, Trained, TrainingConfig
from faircore.training.adversarial import AdversarialConfig
from faircore.training.boosting import BoostingConfig
from faircore.training.lagrangian import LagrangianConfig

QUICK: dict[str, Any] = {
    "regularized": TrainingConfig(hidden=(8,), epochs=6, learning_rate=0.01),
    "boosted": BoostingConfig(n_rounds=25, n_leaves=8),
    "lagrangian": LagrangianConfig(
        training=TrainingConfig(hidden=(8,), epochs=12, learning_rate=0.01, sharpness=2.0)
    ),
    "adversarial": OpponentConfig(
        hidden=(8,), training=AdversarialConfig(epochs=6, learning_rate=0.01)
    ),
}

every_method = pytest.mark.parametrize("name", METHODS)


def asked(name: str) -> float:
    """A strength that asks for a lot."""
    return 0.02 if METHODS[name].targets else 3.0


@pytest.fixture(scope="module")
def prepared() -> Prepared:
    """2,000 made-up loan applications, split and encoded."""
    _, spec = load_sample("lending")
    table = Table.from_frame(make_lending(2_000, seed=5), "lending.csv")
    return Prepared.of(build_dataset(table, spec))


def train(name: str, prepared: Prepared, trials: Any, **more: Any) -> list[Trained]:
    request = Request("demographic_parity", ("race",), QUICK[name], PenaltyOptions())
    found = METHODS[name].train(prepared, trials, request, **more)
    return sorted(found, key=lambda one: one.position)


@every_method
def test_each_trial_comes_once_with_a_model_its_cost_and_its_history(
    name: str, prepared: Prepared
) -> None:
    trials = [(METHODS[name].plain, 0), (asked(name), 0), (asked(name), 1)]
    found = train(name, prepared, trials)
    assert [one.position for one in found] == [0, 1, 2]
    for one in found:
        assert one.failure is None
        assert one.predictor is not None
        assert one.fit_seconds > 0
        assert one.best_epoch >= 1
        assert {"epoch", "loss", "gap"} <= set(one.history[0])
        scores = one.predictor.predict_proba(prepared.encoded("select"))
        assert scores.shape == (len(prepared.rows("select")),)
        assert ((scores >= 0) & (scores <= 1)).all()


@every_method
def test_what_is_asked_for_narrows_the_gap(name: str) -> None:
    rng = np.random.default_rng(0)
    race = rng.integers(0, 2, 4_000)
    X = pd.DataFrame({"a": rng.normal(size=4_000) + 1.5 * race, "b": rng.normal(size=4_000)})
    y = (X["a"] + X["b"] + rng.normal(size=4_000) > 0.8).astype(np.int8)
    apart = Prepared.of(dataset_from_arrays(X, y.to_numpy(), pd.Series(race, name="race")))
    rows = apart.rows("calibrate")
    gaps = []
    for one in train(name, apart, [(METHODS[name].plain, 0), (asked(name), 0)]):
        assert one.predictor is not None
        selected = one.predictor.predict_proba(apart.encoded("calibrate")) >= 0.5
        gaps.append(abs(selected[race[rows] == 1].mean() - selected[race[rows] == 0].mean()))
    assert gaps[0] > 0.3
    assert gaps[1] < gaps[0] / 2


@every_method
def test_a_model_is_the_same_from_its_arrays(name: str, prepared: Prepared) -> None:
    (one,) = train(name, prepared, [(asked(name), 0)])
    assert one.predictor is not None
    X = prepared.encoded("select")
    again = predictor_from_arrays(one.predictor.to_arrays())
    np.testing.assert_array_equal(again.predict_proba(X), one.predictor.predict_proba(X))
    assert again.n_features == X.shape[1]
    assert again.shape_text == one.predictor.shape_text != ""


@every_method
def test_equal_requests_give_equal_models(name: str, prepared: Prepared) -> None:
    X = prepared.encoded("select")
    first, second = (train(name, prepared, [(asked(name), 3)])[0] for _ in range(2))
    assert first.predictor is not None
    assert second.predictor is not None
    expected = second.predictor.predict_proba(X)
    np.testing.assert_array_equal(first.predictor.predict_proba(X), expected)


@every_method
def test_progress_and_curves_are_told_while_it_trains(name: str, prepared: Prepared) -> None:
    shares: list[float] = []
    rows: list[tuple[int, dict[str, float]]] = []
    trials = [(METHODS[name].plain, 0), (asked(name), 0)]
    train(
        name, prepared, trials,
        on_progress=shares.append, on_epoch=lambda position, row: rows.append((position, row)),
    )  # fmt: skip
    assert shares == sorted(shares)
    assert 0 <= shares[0] <= shares[-1] <= 1
    assert {position for position, _ in rows} == {0, 1}
    assert all({"epoch", "loss", "gap"} <= set(row) for _, row in rows)


@every_method
@pytest.mark.parametrize("at", ["on_progress", "on_epoch"])
def test_raising_stops(name: str, at: str, prepared: Prepared) -> None:
    def stop(*_: Any) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(name, prepared, [(asked(name), 0), (asked(name), 1)], **{at: stop})


@every_method
def test_what_is_lost_says_why(name: str, prepared: Prepared) -> None:
    # A label no model can learn from a feature that is not a number.
    broken = replace(prepared, _encoded={})
    for split in ("train", "select"):
        X = prepared.encoded(split).copy()
        X[:] = np.nan
        broken._encoded[split] = X
    for one in train(name, broken, [(METHODS[name].plain, 0), (asked(name), 0)]):
        # Trees take a missing value for one more value; they end as one leaf.
        assert (one.predictor is None) == (one.failure is not None)
        if name != "boosted":
            assert one.failure


@every_method
def test_its_words_and_its_defaults_are_whole(name: str) -> None:
    method = METHODS[name]
    assert METHOD_NAMES[name]
    assert method.sentence.endswith(".")
    assert set(method.goals) <= set(PENALTIES)
    for goal in method.goals:
        weak, strong = method.strengths(goal)
        assert 0 < min(weak, strong) < max(weak, strong) <= method.largest
        assert abs(weak - method.plain) < abs(strong - method.plain)
    assert method.strength_text(method.plain) != method.strength_text(asked(name))
    config = method.config()
    assert method.describe(config)
    few, many = (method.work(config, n, 50, "demographic_parity") for n in (1_000, 100_000))
    assert 0 < few < many < 3_600


def test_an_unknown_method_is_refused() -> None:
    with pytest.raises(InputError, match=r"no method 'magic'.*boosted"):
        find_method("magic")


def test_this_machine_has_a_speed() -> None:
    assert 0.01 < machine_speed() < 100


def test_no_method_needs_the_attribute_to_predict(lending: tuple[Table, Dataset]) -> None:
    # Sensitive columns are not features here, and no predictor takes anything but features.
    assert not lending[1].spec.needs_groups
