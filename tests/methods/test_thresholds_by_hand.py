"""Thresholds by hand: what was seen is what is kept, and nobody small has one of their own."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from faircore.data import Table, build_dataset, load_sample, make_lending
from faircore.errors import InputError
from faircore.frontier import counts_of, decisions_at
from faircore.methods import METHODS, Request
from faircore.methods.calibrated import CalibrationConfig
from faircore.methods.sources import NOTE as FROM_ELSEWHERE
from faircore.methods.thresholds_by_hand import NOTE, TWICE, HandConfig, may_be_set
from faircore.metrics import THRESHOLDS, hidden_groups, threshold_index
from faircore.penalties import PenaltyOptions
from faircore.plans import SweepPlan, SweepSpec
from faircore.predictors import Thresholded
from faircore.sweep import run_plan, run_sweep
from faircore.training import Prepared, Trained
from faircore.training.boosting import BoostingConfig

RACE = {"White": 0.57, "Black": 0.29, "Hispanic": 0.5}


@pytest.fixture(scope="module")
def prepared() -> Prepared:
    """Loans with scores that lie on the grid, where a cut and a score meet exactly."""
    _, spec = load_sample("lending")
    frame = make_lending(3_000, seed=5)
    frame["score"] = np.random.default_rng(0).uniform(size=len(frame)).round(2)
    frame.loc[::500, "race"] = "Rare"
    table = Table.from_frame(frame, "lending.csv")
    return Prepared.of(
        build_dataset(table, spec.with_(score="score", intersections=(("race", "gender"),)))
    )


def cut(prepared: Prepared, config: HandConfig, **more: Any) -> Trained:
    request = Request("demographic_parity", (), config, PenaltyOptions(), **more)
    (one,) = METHODS["thresholds_by_hand"].train(prepared, [(0.0, 0)], request)
    return one


def test_what_was_tried_is_what_a_stored_model_decides(prepared: Prepared, tmp_path: Path) -> None:
    dataset = prepared.dataset
    plain = SweepSpec((0.0, 3.0), method="boosted", config=BoostingConfig(n_rounds=15))
    calibrated = SweepSpec((0.0,), method="calibrated", config=CalibrationConfig("score"))
    found = run_plan(dataset, SweepPlan((plain, calibrated)), workspace=tmp_path)
    for source in found.candidates:
        tried = decisions_at(
            found.rows["select"], source.passed["select"],
            {p: RACE.get(p, 0.41) for p in prepared.groups.partition("race").group_names},
            partition="race",
        )  # fmt: skip
        config = HandConfig(source.id, ("race",), RACE, threshold=0.41)
        spec = SweepSpec((0.0,), method="thresholds_by_hand", config=config)
        (kept,) = run_sweep(dataset, spec, workspace=tmp_path).candidates
        assert kept.failure is None
        assert (kept.source, kept.needs_groups) == (source.id, True)
        np.testing.assert_array_equal(
            kept.cubes["select"][threshold_index(0.5)], counts_of(found.rows["select"], tried)
        )
        assert NOTE in kept.note
        assert (TWICE in kept.note) == (source.method == "calibrated")
        assert kept.shape.endswith("; thresholds of race by hand (0.29 to 0.57)")


@given(cuts=st.lists(st.sampled_from(THRESHOLDS.tolist()), min_size=4, max_size=4))
def test_a_score_that_meets_its_threshold_is_a_yes(cuts: list[float], prepared: Prepared) -> None:
    *own, threshold = cuts
    by_group = dict(zip(RACE, own, strict=True))
    config = HandConfig(attributes=("race",), cuts=by_group, threshold=threshold)
    model, inputs = cut(prepared, config).predictor, prepared.inputs("select")
    assert model is not None
    assert inputs.sensitive is not None
    assert prepared.dataset.score is not None
    held = inputs.sensitive["race"].map(by_group).fillna(threshold).to_numpy(float)
    expected = prepared.dataset.score[prepared.rows("select")] >= held
    np.testing.assert_array_equal(model.scores(inputs) >= 0.5, expected)


def test_everybody_else_gets_the_common_threshold_or_is_refused(prepared: Prepared) -> None:
    inputs = prepared.inputs("select")
    assert inputs.sensitive is not None
    strange = replace(inputs, sensitive=inputs.sensitive.assign(race="Martian"))
    pooled = cut(prepared, HandConfig(attributes=("race",), cuts=RACE, threshold=0.8)).predictor
    assert pooled is not None
    score = prepared.dataset.score
    assert score is not None
    expected = score[prepared.rows("select")] >= 0.8
    np.testing.assert_array_equal(pooled.scores(strange) >= 0.5, expected)
    rare = (inputs.sensitive["race"] == "Rare").to_numpy()
    np.testing.assert_array_equal((pooled.scores(inputs) >= 0.5)[rare], expected[rare])
    strict = cut(prepared, HandConfig(attributes=("race",), cuts=RACE, unseen="refuse")).predictor
    assert strict is not None
    assert strict.scores(inputs).shape == (len(inputs.sensitive),)
    with pytest.raises(InputError, match="set to refuse them"):
        strict.scores(strange)


@pytest.mark.parametrize(
    ("attributes", "cuts", "sentence"),
    [
        (("race",), {"Rare": 0.4, "White": 0.6}, "1 of 2 thresholds are for groups of race too"),
        (("race",), {"Martian": 0.4, "White": 0.6}, "1 of 2 thresholds are for no group of race"),
        (("race",), {}, "No group of race was given a threshold"),
        (("star sign",), {"Leo": 0.5}, "no partition 'star sign'"),
        ((), {"White": 0.5}, "no partition ''. Choose one of: race"),
    ],
)
def test_a_threshold_nobody_may_set_is_refused(
    attributes: tuple[str, ...], cuts: dict[str, float], sentence: str, prepared: Prepared
) -> None:
    with pytest.raises(InputError, match=sentence) as refused:
        cut(prepared, HandConfig(attributes=attributes, cuts=cuts))
    assert not any(name in str(refused.value) for name in ("Rare", "Martian", "White", "Leo"))


def test_only_groups_that_are_shown_may_be_set(prepared: Prepared) -> None:
    groups, sizes = prepared.groups, prepared.sizes("select")
    hidden = hidden_groups(groups.partitions, sizes)
    assert hidden.any()
    for partition in groups.partitions:
        own = partition.groups
        expected = {
            name for name, small, size in
            zip(partition.group_names, hidden[own], sizes[own], strict=True) if size and not small
        }  # fmt: skip
        assert set(may_be_set(groups.partitions, sizes, partition)) == expected


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"cuts": {"a": 0.455}}, "whole hundredths from 0 to 1; one is 0.455"),
        ({"cuts": {"a": 1.01}}, "one is 1.01"),
        ({"cuts": {"a": -0.01}}, "one is -0.01"),
        ({"cuts": {"a": float("nan")}}, "one is nan"),
        ({"cuts": {"a": True}}, "one is True"),
        ({"cuts": {"a": "half"}}, "one is 'half'"),
        ({"cuts": [0.4]}, "by name; it is a list"),
        ({"threshold": 0.333}, "threshold takes"),
        ({"unseen": "drop"}, "unseen must be"),
    ],
)
def test_a_setting_that_cannot_be_is_named(wrong: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        HandConfig(**wrong)


def test_equal_thresholds_are_one_request() -> None:
    def trial(**given: Any) -> str:
        spec = SweepSpec((0.0,), method="thresholds_by_hand", config=HandConfig("abc", **given))
        assert SweepSpec.from_json(spec.to_json()) == spec
        return spec.trial_ids("data")[0]

    first = trial(attributes="race, sex", cuts={"a": 0.3, "b": 1})
    assert first == trial(attributes=("race", "sex"), cuts={"b": 1.0, "a": 0.1 + 0.2})
    assert first != trial(attributes=("race", "sex"), cuts={"b": 1.0, "a": 0.31})
    assert first != trial(attributes=("race", "sex"), cuts={"b": 1.0, "a": 0.3}, threshold=0.4)


def test_a_score_from_elsewhere_says_so_too(prepared: Prepared) -> None:
    one = cut(prepared, HandConfig(attributes=("race",), cuts=RACE))
    assert one.note == f"{FROM_ELSEWHERE} {NOTE}"
    again = cut(
        prepared, HandConfig("abc", ("gender",), {"woman": 0.6}), model_of=lambda _: one.predictor
    )
    assert isinstance(again.predictor, Thresholded)
    assert again.predictor.needs_groups == ("gender", "race")  # thresholds upon thresholds
    assert TWICE in again.note
