"""Calibrated scores as candidates: which rows they learn from, and what they are made from."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from faircore.calibrators import GroupFairnessCalibrator
from faircore.data import Table, build_dataset, load_sample, make_lending
from faircore.errors import InputError
from faircore.groups import Groups
from faircore.methods import METHODS, Request
from faircore.methods.bases import BaseConfig
from faircore.methods.calibrated import FITTED_ON, LEFT_OUT, CalibrationConfig, plain_score
from faircore.methods.cutting import CutConfig
from faircore.metrics.calibration_report import calibration_report
from faircore.penalties import PenaltyOptions
from faircore.plans import SweepPlan, SweepSpec
from faircore.predictors import Calibrated, Corrected, ExistingScore, Thresholded
from faircore.sweep import run_plan, run_sweep
from faircore.training import Prepared, Trained
from faircore.training.boosting import BoostingConfig

TREES = BaseConfig(trees=BoostingConfig(n_rounds=12, n_leaves=5))
OFF = ("Black", "woman")


@pytest.fixture(scope="module")
def prepared() -> Prepared:
    """Loans with a score that promises one crossed group far too little."""
    _, spec = load_sample("lending")
    frame = make_lending(12_000, seed=3)
    rng = np.random.default_rng(0)
    frame["score"] = rng.beta(2, 3, len(frame)).round(4)
    odds = frame["score"] / (1 - frame["score"])
    odds = odds * np.where((frame["race"] == OFF[0]) & (frame["gender"] == OFF[1]), 3.0, 1.0)
    good = rng.random(len(frame)) < odds / (1 + odds)
    frame[spec.target] = np.where(good, spec.positive, "defaulted")
    table = Table.from_frame(frame, "lending.csv")
    spec = spec.with_(score="score", intersections=(("race", "gender"),))
    return Prepared.of(build_dataset(table, spec))


def calibrated(prepared: Prepared, config: CalibrationConfig, **more: Any) -> Trained:
    request = Request("demographic_parity", (), config, PenaltyOptions(), **more)
    (one,) = METHODS["calibrated"].train(prepared, [(0.0, 0)], request)
    return one


def worst(prepared: Prepared, scores: Any, split: str = "select") -> tuple[str, float]:
    """The crossed group of the largest ECCE, and the ECE of the one that was planted."""
    rows = prepared.rows(split)
    report = calibration_report(
        prepared.dataset.y_true[rows], scores, sensitive_features=prepared.groups.take(rows)
    )
    groups = report.partition("race × gender")
    return str(groups.index[0]), float(groups.loc[" · ".join(OFF), "ece"])


def test_the_maps_are_those_of_the_calibrate_rows(prepared: Prepared) -> None:
    config = CalibrationConfig("score", scope="groups", attributes=("race", "gender"))
    one = calibrated(prepared, config)
    assert isinstance(one.predictor, Calibrated)
    rows, dataset = prepared.rows(FITTED_ON), prepared.dataset
    assert dataset.score is not None
    direct = GroupFairnessCalibrator().fit(
        dataset.score[rows], dataset.y_true[rows], dataset.sensitive.iloc[rows][["race", "gender"]],
        sample_weight=prepared.weights[rows],
    )  # fmt: skip
    assert one.predictor.maps.to_dict() == direct.maps_.to_dict()
    assert one.predictor.needs_groups == ("race", "gender")
    assert one.shape == "the existing score; calibrated per group of race × gender"


def test_a_planted_group_is_found_and_mended_on_rows_it_never_saw(prepared: Prepared) -> None:
    inputs = prepared.inputs("select")
    before = ExistingScore("score").scores(inputs)
    group, error = worst(prepared, before)
    assert group == " · ".join(OFF)
    assert error > 0.15
    one = calibrated(prepared, CalibrationConfig("score", scope="groups"))
    assert one.predictor is not None
    assert worst(prepared, one.predictor.scores(inputs))[1] < error / 2


def test_everybody_has_one_map_and_no_group_is_asked(prepared: Prepared) -> None:
    one = calibrated(prepared, CalibrationConfig("score", scope="everybody", calibrator="platt"))
    assert isinstance(one.predictor, Calibrated)
    assert one.predictor.needs_groups == ()
    assert one.predictor.maps.everybody.kind in ("platt", "identity")
    assert one.shape == "the existing score; calibrated for everybody (platt)"
    inputs = replace(prepared.inputs("select"), sensitive=None)
    assert one.predictor.scores(inputs).shape == (len(prepared.rows("select")),)


def test_a_correction_asks_for_features_and_no_group(prepared: Prepared) -> None:
    one = calibrated(prepared, CalibrationConfig("score", scope="features"))
    assert isinstance(one.predictor, Corrected)
    assert one.predictor.needs_groups == ()
    assert one.note  # why it was kept, or why not
    bare = replace(prepared.dataset, features=prepared.dataset.features.iloc[:, :0])
    failed = calibrated(Prepared.of(bare), CalibrationConfig("score", scope="features"))
    assert failed.predictor is None
    assert "needs features" in str(failed.failure)


def test_an_own_model_learns_from_other_rows_than_its_calibrator(prepared: Prepared) -> None:
    one = calibrated(prepared, CalibrationConfig(base=TREES))
    assert isinstance(one.predictor, Calibrated)
    rows = prepared.rows(FITTED_ON)
    scores = one.predictor.base.scores(prepared.inputs(FITTED_ON))
    direct = GroupFairnessCalibrator().fit(
        scores, prepared.dataset.y_true[rows],
        prepared.dataset.sensitive.iloc[rows][["race", "gender"]],
        sample_weight=prepared.weights[rows],
    )  # fmt: skip
    assert one.predictor.maps.to_dict() == direct.maps_.to_dict()
    assert one.history  # the curve of the model it trained


@pytest.mark.parametrize("scope", ["groups", "features"])
def test_thresholds_are_left_out_and_it_is_said(prepared: Prepared, scope: str) -> None:
    cut = CutConfig("score", by_lot=False)
    request = Request("demographic_parity", ("race",), cut, PenaltyOptions())
    (stored,) = METHODS["thresholds"].train(prepared, [(0.05, 0)], request)
    assert isinstance(stored.predictor, Thresholded)
    model = stored.predictor
    one = calibrated(prepared, CalibrationConfig("abc", scope=scope), model_of=lambda _: model)
    assert one.predictor is not None
    assert plain_score(one.predictor) is model.base
    assert not isinstance(one.predictor, Thresholded)
    assert LEFT_OUT.strip() in one.note
    again = calibrated(
        prepared, CalibrationConfig("abc", scope="everybody"), model_of=lambda _: one.predictor
    )
    assert isinstance(again.predictor, Calibrated)
    assert again.predictor.base is model.base  # not calibrated twice


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"scope": "nobody"}, "scope must be one of"),
        ({"calibrator": "magic"}, "calibrator must be one of"),
        ({"unseen": "drop"}, "unseen must be one of"),
        ({"min_group_size": 3}, "10 or more"),
    ],
)
def test_a_setting_that_cannot_be_is_named(wrong: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        CalibrationConfig(**wrong)


def test_what_does_not_count_makes_no_other_request() -> None:
    assert CalibrationConfig(scope="everybody", attributes=("a",)) == CalibrationConfig(
        scope="everybody", min_group_size=50, shrinkage=False
    )
    assert CalibrationConfig("score", BaseConfig(kind="network")) == CalibrationConfig("score")
    assert CalibrationConfig(scope="features", calibrator="beta") == CalibrationConfig(
        scope="features"
    )
    assert CalibrationConfig(attributes="race, sex") == CalibrationConfig(  # type: ignore[arg-type]
        attributes=("race", "sex")
    )


def test_an_attribute_nobody_has_is_a_failure_that_says_so(prepared: Prepared) -> None:
    one = calibrated(prepared, CalibrationConfig("score", attributes=("star sign",)))
    assert one.predictor is None
    assert "star sign" in str(one.failure)


def test_a_candidate_is_made_from_a_stored_one_and_can_be_cut(
    prepared: Prepared, tmp_path: Any
) -> None:
    dataset = prepared.dataset
    plain = SweepSpec((0.0,), method="boosted", config=TREES.trees)
    source = plain.trial_ids(dataset.fingerprint)[0]
    run_sweep(dataset, plain, workspace=tmp_path)
    made = SweepSpec((0.0,), method="calibrated", config=CalibrationConfig(source))
    (one,) = run_sweep(dataset, made, workspace=tmp_path).candidates
    assert one.failure is None
    assert one.source == source
    assert one.needs_groups
    cut = SweepSpec(
        (0.05,), method="thresholds", partitions=("race",),
        config=CutConfig(one.id, by_lot=False),
    )  # fmt: skip
    frontier = run_plan(dataset, SweepPlan((cut,)), workspace=tmp_path)
    assert [c.failure for c in frontier.candidates] == [None, None]
    last = max(frontier.candidates, key=lambda c: c.strength != METHODS["thresholds"].plain)
    assert "rows its calibrator learned from" in last.note


def test_groups_of_a_correction_are_those_of_every_partition(
    prepared: Prepared, monkeypatch: pytest.MonkeyPatch
) -> None:
    from faircore.calibrators import multicalibrated

    seen: list[Groups] = []
    fit = multicalibrated.MulticalibratedCorrection.fit

    def watched(self: Any, X: Any, scores: Any, y: Any, groups: Any, **more: Any) -> Any:
        seen.append(groups)
        return fit(self, X, scores, y, groups, **more)

    monkeypatch.setattr(multicalibrated.MulticalibratedCorrection, "fit", watched)
    calibrated(prepared, CalibrationConfig("score", scope="features"))
    assert [p.name for p in seen[0].partitions] == [p.name for p in prepared.groups.partitions]
