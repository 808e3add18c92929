"""Requests: what they refuse, what makes an id, plans of several methods."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from faircore.data import Dataset, Table, build_dataset, load_sample, make_lending
from faircore.errors import SweepError
from faircore.methods import METHODS
from faircore.penalties import PenaltyOptions
from faircore.plans import SweepPlan, SweepSpec
from faircore.sweep import Progress, run_plan
from faircore.training import TrainingConfig
from faircore.training.boosting import BoostingConfig

NETWORKS = SweepSpec((0.5,), config=TrainingConfig(hidden=(4,), epochs=2))
TREES = SweepSpec((0.5, 1.0), method="boosted", config=BoostingConfig(n_rounds=5))
LIMIT = SweepSpec((0.05,), method="lagrangian")


@pytest.mark.parametrize("method", METHODS)
def test_a_request_of_every_method_survives_json(method: str) -> None:
    spec = SweepSpec(
        (0.0 if METHODS[method].fixed else 0.1,),
        method=method,
        options=PenaltyOptions(versus="pairs", memory=0.5),
    )
    assert SweepSpec.from_json(spec.to_json()) == spec
    assert METHODS[method].plain in spec.strengths
    plan = SweepPlan((spec,))
    assert SweepPlan.from_json(plan.to_json()) == plan
    assert SweepPlan.from_json(spec.to_json()) == plan


def test_what_an_older_version_did_not_know_has_its_default() -> None:
    raw = json.loads(NETWORKS.to_json())
    del raw["options"], raw["config"]["ramp"]
    assert SweepSpec.from_json(json.dumps(raw)) == NETWORKS


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"method": "magic"}, "no method 'magic'"),
        ({"method": "adversarial", "penalty": "hsic"}, "cannot pursue 'hsic'"),
        ({"method": "lagrangian", "strengths": (2.0,)}, "from 0 to 1"),
        ({"config": BoostingConfig()}, "must be a TrainingConfig"),
        ({"strengths": (float("nan"),)}, "must be a number"),
    ],
)
def test_requests_that_cannot_be_trained_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(SweepError, match=message):
        SweepSpec(**({"strengths": (0.5,)} | changes))


def test_the_plain_model_is_shared_whatever_is_not_asked_of_it() -> None:
    for spec in (NETWORKS, LIMIT):
        plain = spec.kind.plain
        other = replace(spec, penalty="equalized_odds", partitions=("sex",))
        assert spec.trial_id("data", plain, 0) == other.trial_id("data", plain, 0)
        asked = next(s for s in spec.strengths if s != plain)
        assert spec.trial_id("data", asked, 0) != other.trial_id("data", asked, 0)


def test_options_are_part_of_what_a_trial_is() -> None:
    other = replace(NETWORKS, options=PenaltyOptions(memory=0.9))
    assert NETWORKS.trial_id("data", 0.5, 0) != other.trial_id("data", 0.5, 0)


def test_a_target_is_the_gap_asked_for() -> None:
    assert LIMIT.target(0.05) == 0.05
    assert LIMIT.target(1.0) is None
    assert NETWORKS.target(0.5) is None


def test_a_plan_counts_its_trials_once() -> None:
    plan = SweepPlan((NETWORKS, replace(NETWORKS, strengths=(0.5, 2.0)), TREES))
    assert plan.n_steps == 2 + 3 + 3
    assert len(plan.trial_ids("data")) == 3 + 3
    with pytest.raises(SweepError, match="one method"):
        SweepPlan(())
    with pytest.raises(SweepError, match="split_seed"):
        SweepPlan((NETWORKS, replace(TREES, split_seed=1)))


def test_an_estimate_grows_with_the_work_and_falls_with_cores() -> None:
    plan = SweepPlan((NETWORKS, TREES))
    one = plan.estimate_seconds(10_000, 50, cores=1)
    assert plan.estimate_seconds(20_000, 50, cores=1) > one
    assert plan.estimate_seconds(10_000, 50, cores=2) == pytest.approx(one / 2)
    assert plan.estimate_seconds(10_000, 50, cores=1, speed=2.0) == pytest.approx(one / 2)
    assert plan.estimate_seconds(10_000, 50, cores=1, new=0) == 0


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    _, spec = load_sample("lending")
    return build_dataset(Table.from_frame(make_lending(1_200, seed=2), "lending.csv"), spec)


def test_a_plan_trains_every_method_into_one_frontier(dataset: Dataset, tmp_path: Path) -> None:
    plan = SweepPlan((NETWORKS, TREES))
    told: list[Progress] = []
    rows: list[tuple[str, dict[str, float]]] = []
    frontier = run_plan(
        dataset, plan, workspace=tmp_path, on_progress=told.append,
        on_epoch=lambda trial, row: rows.append((trial, row)),
    )  # fmt: skip
    assert [c.method for c in frontier.candidates] == ["regularized"] * 2 + ["boosted"] * 3
    assert told[-1] == Progress(5, 5, 1.0)
    shares = [p.share for p in told]
    assert shares == sorted(shares)
    assert {trial for trial, _ in rows} == set(plan.trial_ids(dataset.fingerprint))
    again = run_plan(dataset, plan, workspace=tmp_path)
    assert [c.id for c in again.candidates] == [c.id for c in frontier.candidates]


def test_a_plan_that_cannot_be_trained_says_so_before_anything_is(
    dataset: Dataset, tmp_path: Path
) -> None:
    plan = SweepPlan((NETWORKS, replace(TREES, partitions=("religion",))))
    with pytest.raises(ValueError, match="'religion'"):
        run_plan(dataset, plan, workspace=tmp_path)
    assert not list(tmp_path.rglob("record.json"))
