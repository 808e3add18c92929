"""The contract every method of a sweep keeps."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from faircore.data import (
    Table,
    build_dataset,
    dataset_from_arrays,
    load_sample,
    make_lending,
)
from faircore.errors import InputError
from faircore.methods import METHODS, Request, find_method
from faircore.methods.adversarial import OpponentConfig
from faircore.methods.bases import BaseConfig
from faircore.methods.calibrated import CalibrationConfig
from faircore.methods.cost import machine_speed
from faircore.methods.cutting import CutConfig
from faircore.methods.existing import ExistingConfig
from faircore.methods.reductions import ReductionsConfig
from faircore.methods.repaired import ColumnsConfig, RepairConfig, SampleConfig
from faircore.methods.thresholds_by_hand import HandConfig
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

TREES = BaseConfig(trees=BoostingConfig(n_rounds=25, n_leaves=8))
QUICK |= dict.fromkeys(("reweighed", "massaged"), RepairConfig(TREES))
QUICK["resampled"] = SampleConfig(TREES)
QUICK |= dict.fromkeys(("repaired", "decorrelated"), ColumnsConfig(TREES))
QUICK |= dict.fromkeys(("thresholds", "reject_option"), CutConfig(base=TREES))
QUICK["reductions"] = ReductionsConfig(TREES, rounds=6)
QUICK["existing"] = ExistingConfig()
QUICK["thresholds_by_hand"] = HandConfig(attributes=("race",), cuts={"White": 0.6, "Black": 0.4})
QUICK["calibrated"] = CalibrationConfig(base=TREES, scope="everybody")

STRONG = {
    "repaired": 1.0,
    "decorrelated": 1.0,
    "reject_option": 0.3,
    "existing": 0.0,
    "calibrated": 0.0,
    "thresholds_by_hand": 0.0,
}
ASKED = {name: 1.0 if METHODS[name].stage == "before" else 3.0 for name in METHODS} | STRONG

SLIGHTLY = {"reweighed": 0.97, "resampled": 0.97, "massaged": 0.85}

every_method = pytest.mark.parametrize("name", METHODS)
learning = pytest.mark.parametrize("name", [n for n in METHODS if not METHODS[n].fixed])
with_curves = pytest.mark.parametrize(
    "name", [n for n in METHODS if not METHODS[n].fixed and n != "reductions"]
)


def asked(name: str) -> float:
    """A strength that asks for a lot."""
    return 0.02 if METHODS[name].targets else ASKED[name]


@pytest.fixture(scope="module")
def prepared() -> Prepared:
    """2,000 made-up loan applications with a score, split and encoded."""
    _, spec = load_sample("lending")
    frame = make_lending(2_000, seed=5)
    frame["score"] = np.random.default_rng(0).uniform(size=len(frame)).round(3)
    table = Table.from_frame(frame, "lending.csv")
    return Prepared.of(build_dataset(table, spec.with_(score="score")))


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
        scores = one.predictor.scores(prepared.inputs("select"))
        assert scores.shape == (len(prepared.rows("select")),)
        assert ((scores >= 0) & (scores <= 1)).all()


@with_curves
def test_what_learned_tells_how(name: str, prepared: Prepared) -> None:
    for one in train(name, prepared, [(METHODS[name].plain, 0), (asked(name), 0)]):
        assert one.fit_seconds > 0
        assert one.best_epoch >= 1
        assert {"epoch", "loss", "gap"} <= set(one.history[0])


@every_method
def test_who_must_be_told_groups_says_so(name: str, prepared: Prepared) -> None:
    plain, fair = train(name, prepared, [(METHODS[name].plain, 0), (asked(name), 0)])
    assert plain.predictor is not None
    assert fair.predictor is not None
    told = ("race",) if METHODS[name].needs_groups else ()
    assert fair.predictor.needs_groups == told
    # Where there is one strength alone, it is what is plain too.
    assert plain.predictor.needs_groups == (told if METHODS[name].fixed else ())
    if METHODS[name].needs_groups:
        with pytest.raises(InputError, match="was not told race"):
            fair.predictor.scores(replace(prepared.inputs("select"), sensitive=None))


@learning
def test_what_is_asked_for_narrows_the_gap(name: str) -> None:
    rng = np.random.default_rng(0)
    race = rng.integers(0, 2, 4_000)
    X = pd.DataFrame({"a": rng.normal(size=4_000) + 1.5 * race, "b": rng.normal(size=4_000)})
    y = (X["a"] + X["b"] + rng.normal(size=4_000) > 0.8).astype(np.int8)
    apart = Prepared.of(dataset_from_arrays(X, y.to_numpy(), pd.Series(race, name="race")))
    rows = apart.rows(METHODS[name].unseen)
    gaps = []
    for one in train(name, apart, [(METHODS[name].plain, 0), (asked(name), 0)]):
        assert one.predictor is not None
        selected = one.predictor.scores(apart.inputs(METHODS[name].unseen)) >= 0.5
        gaps.append(abs(selected[race[rows] == 1].mean() - selected[race[rows] == 0].mean()))
    assert gaps[0] > 0.3
    # Reweighted examples promise nothing where columns tell the groups apart, as these do.
    assert gaps[1] < gaps[0] * SLIGHTLY.get(name, 0.5)


@every_method
def test_a_model_is_the_same_from_its_arrays(name: str, prepared: Prepared) -> None:
    (one,) = train(name, prepared, [(asked(name), 0)])
    assert one.predictor is not None
    inputs = prepared.inputs("select")
    again = predictor_from_arrays(one.predictor.to_arrays())
    np.testing.assert_array_equal(again.scores(inputs), one.predictor.scores(inputs))
    assert again.n_features in (None, inputs.encoded.shape[1])
    assert again.needs_groups == one.predictor.needs_groups
    assert again.shape_text == one.predictor.shape_text != ""


@every_method
def test_equal_requests_give_equal_models(name: str, prepared: Prepared) -> None:
    inputs = prepared.inputs("select")
    first, second = (train(name, prepared, [(asked(name), 3)])[0] for _ in range(2))
    assert first.predictor is not None
    assert second.predictor is not None
    expected = second.predictor.scores(inputs)
    np.testing.assert_array_equal(first.predictor.scores(inputs), expected)


@every_method
def test_progress_is_told(name: str, prepared: Prepared) -> None:
    shares: list[float] = []
    train(name, prepared, [(METHODS[name].plain, 0), (asked(name), 0)], on_progress=shares.append)
    assert shares == sorted(shares)
    assert 0 <= shares[0] <= shares[-1] <= 1


@with_curves
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


@learning
@pytest.mark.parametrize("at", ["on_progress", "on_epoch"])
def test_raising_stops(name: str, at: str, prepared: Prepared) -> None:
    def stop(*_: Any) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(name, prepared, [(asked(name), 0), (asked(name), 1)], **{at: stop})


@learning
def test_what_is_lost_says_why(name: str, prepared: Prepared) -> None:
    # A label no model can learn from a feature that is not a number.
    broken = replace(prepared, _encoded={})
    for split in ("train", "select", "calibrate"):
        X = prepared.encoded(split).copy()
        X[:] = np.nan
        broken._encoded[split] = X
    for one in train(name, broken, [(METHODS[name].plain, 0), (asked(name), 0)]):
        # Trees take a missing value for one more value; they end as one leaf.
        assert (one.predictor is None) == (one.failure is not None)
        if name in ("regularized", "lagrangian", "adversarial"):
            assert one.failure


@every_method
def test_its_words_and_its_defaults_are_whole(name: str) -> None:
    method = METHODS[name]
    assert METHOD_NAMES[name]
    assert method.sentence.endswith(".")
    assert set(method.goals) <= set(PENALTIES)
    for goal in method.goals:
        weak, strong = method.strengths(goal)
        if method.fixed:
            assert weak == strong == method.plain
            continue
        assert 0 < min(weak, strong) < max(weak, strong) <= method.largest
        assert abs(weak - method.plain) < abs(strong - method.plain)
        assert method.strength_text(method.plain) != method.strength_text(asked(name))
    config = method.config()
    assert method.describe(config)
    few, many = (method.work(config, n, 50, "demographic_parity") for n in (1_000, 100_000))
    assert 0 < few <= many < 3_600


def test_an_unknown_method_is_refused() -> None:
    with pytest.raises(InputError, match=r"no method 'magic'.*boosted"):
        find_method("magic")


def test_this_machine_has_a_speed() -> None:
    assert 0.01 < machine_speed() < 100
