from __future__ import annotations

import json
import pickle
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from faircore.data import (
    Dataset,
    DataSpec,
    Sensitive,
    dataset_from_arrays,
    make_lending,
    read_dataset,
    split_dataset,
)
from faircore.errors import FaircoreError, InputError, StoreError, SweepError
from faircore.frontier import Frontier
from faircore.metrics import evaluate
from faircore.plans import SweepSpec
from faircore.shelf import read_predictor
from faircore.sweep import Progress, load_frontier, run_sweep
from faircore.training import Prepared, TrainingConfig

ROLES = DataSpec(
    target="repaid",
    positive="yes",
    features=("age", "income", "debt_ratio", "loan_amount", "employment", "purpose"),
    sensitive=(Sensitive("gender"), Sensitive("race")),
    intersections=(("gender", "race"),),
)
QUICK = TrainingConfig(hidden=(8,), epochs=3, batch_size=256)
SPEC = SweepSpec(strengths=(0.0, 0.5), seeds=(0, 1), config=QUICK)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    path = tmp_path_factory.mktemp("data") / "lending.csv"
    make_lending(1200, seed=1).to_csv(path, index=False)
    return read_dataset(path, ROLES)


def _times(workspace: Path) -> dict[str, int]:
    """When each trial folder and file was last written."""
    return {
        str(p.relative_to(workspace)): p.stat().st_mtime_ns
        for p in workspace.rglob("*")
        if re.search(r"[0-9a-f]{32}", str(p))
    }


def _run(
    dataset: Dataset, workspace: Path, spec: SweepSpec = SPEC
) -> tuple[Frontier, list[Progress]]:
    told: list[Progress] = []
    return run_sweep(dataset, spec, workspace=workspace, on_progress=told.append), told


def _folder(workspace: Path, trial_id: str) -> Path:
    return workspace / "trials" / trial_id[:2] / trial_id


def test_every_strength_and_seed_becomes_a_candidate(dataset: Dataset, tmp_path: Path) -> None:
    frontier, told = _run(dataset, tmp_path)
    assert [(c.strength, c.seed) for c in frontier.candidates] == list(SPEC.trials)
    assert [p.name for p in frontier.partitions] == ["gender", "race", "gender × race"]
    assert told[0] == Progress(4, 0, 0.0)
    shares = [p.share for p in told]
    assert shares == sorted(shares)
    assert 0 <= min(shares) <= max(shares) <= 1
    for c in frontier.candidates:
        assert set(c.cubes) == {"train", "select", "calibrate"}
        assert c.failure is None
        assert len(c.history) >= c.best_epoch > 0
        assert c.fit_seconds > 0
    assert len({c.id for c in frontier.candidates}) == 4


def test_progress_ends_with_everything_finished(dataset: Dataset, tmp_path: Path) -> None:
    _, told = _run(dataset, tmp_path)
    assert told[-1] == Progress(4, 4, 1.0)


def test_the_cubes_are_those_of_the_stored_networks(dataset: Dataset, tmp_path: Path) -> None:
    frontier, _ = _run(dataset, tmp_path)
    prepared = Prepared.of(dataset)
    rows = split_dataset(dataset).select
    for k, candidate in enumerate(frontier.candidates):
        network = read_predictor(candidate.id, workspace=tmp_path)
        report = evaluate(
            dataset.y_true[rows],
            y_score=network.predict_proba(prepared.encoded("select")),
            sensitive_features=prepared.groups.take(rows),
        )
        np.testing.assert_array_equal(frontier.counts[k], report.counts)


def test_the_certify_split_stays_sealed(dataset: Dataset, tmp_path: Path) -> None:
    frontier, _ = _run(dataset, tmp_path)
    with pytest.raises(InputError, match="certify"):
        frontier.view(split="certify")
    counted = sum(c.cubes[s][0, frontier.partitions[0].groups].sum()
                  for c in frontier.candidates[:1] for s in c.cubes)  # fmt: skip
    parts = split_dataset(dataset)
    assert counted == len(parts.train) + len(parts.select) + len(parts.calibrate)


def test_the_same_request_again_trains_nothing(dataset: Dataset, tmp_path: Path) -> None:
    first, _ = _run(dataset, tmp_path)
    written = _times(tmp_path)
    again, told = _run(dataset, tmp_path)
    assert told == [Progress(4, 4, 1.0)]
    assert _times(tmp_path) == written
    pd.testing.assert_frame_equal(first.to_frame(), again.to_frame())


def test_a_finer_grid_trains_only_what_is_new(dataset: Dataset, tmp_path: Path) -> None:
    _run(dataset, tmp_path)
    written = _times(tmp_path)
    finer = replace(SPEC, strengths=(1.0, 0.25, 0.5), seeds=(1,))
    frontier, told = _run(dataset, tmp_path, finer)
    assert told[0] == Progress(4, 2, 0.5)
    assert [c.strength for c in frontier.candidates] == [0.0, 0.25, 0.5, 1.0]
    after = _times(tmp_path)
    assert {name: after[name] for name in written} == written
    new = {name for name in after if name.endswith("record.json")} - set(written)
    assert len(new) == 2


def test_a_trial_is_the_same_whatever_was_trained_beside_it(
    dataset: Dataset, tmp_path: Path
) -> None:
    together, _ = _run(dataset, tmp_path / "a")
    alone, _ = _run(dataset, tmp_path / "b", replace(SPEC, strengths=(0.5,), seeds=(1,)))
    one, other = together.candidates[3], alone.candidates[1]
    assert one.id == other.id
    assert one.best_epoch == other.best_epoch
    for row, same in zip(one.history, other.history, strict=True):
        assert row == pytest.approx(same, abs=1e-4)
    network, same = (
        read_predictor(one.id, workspace=tmp_path / where).to_arrays() for where in ("a", "b")
    )
    for name, array in network.items():
        np.testing.assert_allclose(array, same[name], atol=1e-4)


@pytest.mark.parametrize("name", ["record.json", "cubes.safetensors", "model.safetensors"])
def test_a_damaged_trial_is_trained_again(dataset: Dataset, tmp_path: Path, name: str) -> None:
    spec = replace(SPEC, seeds=(0,))
    frontier, _ = _run(dataset, tmp_path, spec)
    victim, other = frontier.candidates[1].id, frontier.candidates[0].id
    path = _folder(tmp_path, victim) / name
    whole = path.read_bytes()
    for damaged in (
        whole[:40] + bytes([whole[40] ^ 1]) + whole[41:],
        whole[:-3],
        (_folder(tmp_path, other) / name).read_bytes(),
    ):
        path.write_bytes(damaged)
        with pytest.raises(StoreError, match="damaged"):
            read_predictor(victim, workspace=tmp_path)
        again, told = _run(dataset, tmp_path, spec)
        assert told[0] == Progress(2, 1, 0.5)
        np.testing.assert_array_equal(again.values, frontier.values)
    assert len(_run(dataset, tmp_path, spec)[1]) == 1


class _Bomb:
    exploded = False

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return (setattr, (_Bomb, "exploded", True))


def test_a_planted_pickle_is_ignored(dataset: Dataset, tmp_path: Path) -> None:
    frontier, _ = _run(dataset, tmp_path)
    for candidate in frontier.candidates:
        for name in ("model.pkl", "model.pt", "model.joblib"):
            (_folder(tmp_path, candidate.id) / name).write_bytes(pickle.dumps(_Bomb()))
        read_predictor(candidate.id, workspace=tmp_path)
    assert len(_run(dataset, tmp_path)[1]) == 1
    assert not _Bomb.exploded


class _StopError(Exception):
    """Raised by a caller who wants to stop."""


def test_what_was_finished_before_a_stop_is_kept(dataset: Dataset, tmp_path: Path) -> None:
    # Three stacks of candidates; the caller stops as soon as one is finished.
    spec = replace(SPEC, strengths=tuple(np.linspace(0, 1, 25)), seeds=(0,))

    def stop(progress: Progress) -> None:
        if progress.finished:
            raise _StopError

    with pytest.raises(_StopError):
        run_sweep(dataset, spec, workspace=tmp_path, on_progress=stop)
    told: list[Progress] = []
    frontier = run_sweep(dataset, spec, workspace=tmp_path, on_progress=told.append)
    assert 1 <= told[0].finished < 25
    assert len(frontier.candidates) == 25


def test_failed_candidates_are_stored_with_their_reason(dataset: Dataset, tmp_path: Path) -> None:
    wild = replace(SPEC, seeds=(0,), config=replace(QUICK, learning_rate=1e30, hidden=(8, 8)))
    frontier, _ = _run(dataset, tmp_path, wild)
    assert all(c.failure for c in frontier.candidates)
    assert not frontier.non_dominated.any()
    assert len(_run(dataset, tmp_path, wild)[1]) == 1
    with pytest.raises(StoreError):
        read_predictor(frontier.candidates[0].id, workspace=tmp_path)


def test_trials_not_stored_are_left_out_and_none_at_all_is_an_error(
    dataset: Dataset, tmp_path: Path
) -> None:
    frontier, _ = _run(dataset, tmp_path)
    ids = [c.id for c in frontier.candidates]
    some = load_frontier(dataset, [ids[2], "0" * 32, ids[2]], workspace=tmp_path)
    assert [c.id for c in some.candidates] == [ids[2]]
    with pytest.raises(StoreError, match="Launch the sweep"):
        load_frontier(dataset, ["0" * 32], workspace=tmp_path)


def test_data_without_a_fingerprint_never_get_the_models_of_other_data(tmp_path: Path) -> None:
    def arrays(seed: int) -> Dataset:
        rng = np.random.default_rng(seed)
        X = rng.normal(size=(300, 3))
        return dataset_from_arrays(X, (X[:, 0] > 0).astype(np.int8), rng.integers(0, 2, 300))

    spec = replace(SPEC, strengths=(0.0,), seeds=(0,))
    try:
        first = run_sweep(arrays(0), spec, workspace=tmp_path)
    except FaircoreError:
        return
    second = run_sweep(arrays(1), spec, workspace=tmp_path)
    assert first.candidates[0].id != second.candidates[0].id


def test_an_unknown_partition_is_refused_before_training(dataset: Dataset, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="'age'"):
        _run(dataset, tmp_path, replace(SPEC, partitions=("age",)))
    assert not _times(tmp_path)


def test_the_penalty_acts_on_the_partitions_named(dataset: Dataset, tmp_path: Path) -> None:
    spec = replace(SPEC, strengths=(20.0,), seeds=(0,))
    every, _ = _run(dataset, tmp_path, spec)
    only, _ = _run(dataset, tmp_path, replace(spec, partitions=("gender × race",)))
    assert every.candidates[1].history != only.candidates[1].history
    # Without strength there is nothing to act on; only the history of the penalty differs.
    np.testing.assert_array_equal(every.counts[0], only.counts[0])


def test_the_baseline_is_always_there_and_order_and_repeats_do_not_matter() -> None:
    spec = SweepSpec(strengths=(1, 0.5, 1.0), seeds=(2, 1, 2))
    assert spec.strengths == (0.0, 0.5, 1.0)
    assert spec.seeds == (1, 2)
    assert spec.trials == ((0.0, 1), (0.0, 2), (0.5, 1), (0.5, 2), (1.0, 1), (1.0, 2))
    same = SweepSpec(strengths=(0.0, 0.5, 1.0), seeds=(1, 2))
    assert spec == same
    assert spec.to_json() == same.to_json()


def test_a_spec_survives_json() -> None:
    spec = SweepSpec(
        strengths=(0.1, 3),
        seeds=(5,),
        penalty="equalized_odds",
        partitions=("sex", "race × sex"),
        config=TrainingConfig(hidden=(8, 5), learning_rate=1e-3),
        split_seed=4,
    )
    text = spec.to_json()
    assert SweepSpec.from_json(text) == spec
    assert SweepSpec.from_json(text).to_json() == text
    assert SweepSpec.from_json(json.dumps(json.loads(text), indent=2)) == spec
    assert " " not in text.replace("race × sex", "").replace("race \\u00d7 sex", "")


def test_equal_requests_give_equal_text_and_ids() -> None:
    one = SweepSpec(strengths=(1.0,), config=TrainingConfig(sharpness=1.0, hidden=(4,)))
    other = SweepSpec(strengths=(1,), config=TrainingConfig(sharpness=1, hidden=(4,)))
    assert one == other
    assert one.to_json() == other.to_json()
    assert one.trial_id("data", 1.0, 0) == other.trial_id("data", 1.0, 0)


def test_numpys_numbers_are_numbers() -> None:
    spec = SweepSpec(strengths=tuple(np.linspace(0, 1, 3)), seeds=tuple(np.arange(2)))
    plain = SweepSpec(strengths=(0.0, 0.5, 1.0), seeds=(0, 1))
    assert spec.to_json() == plain.to_json()
    assert spec.trial_id("data", *spec.trials[1]) == plain.trial_id("data", *plain.trials[1])


def test_trial_ids_are_stable_and_safe_as_file_names() -> None:
    spec = SweepSpec(strengths=(0.5,))
    trial_id = spec.trial_id("data", 0.5, 0)
    assert re.fullmatch("[0-9a-f]{32}", trial_id)
    # Trials of other strengths and seeds in the same request do not change it.
    other = SweepSpec(strengths=(0.1, 0.5, 7.0), seeds=(0, 3))
    assert other.trial_id("data", 0.5, 0) == trial_id


@pytest.mark.parametrize(
    "changes",
    [
        {"penalty": "covariance"},
        {"partitions": ("sex",)},
        {"split_seed": 1},
        *(
            {"config": TrainingConfig(**change)}
            for change in (
                {"hidden": ()},
                {"epochs": 21},
                {"batch_size": 256},
                {"learning_rate": 0.001},
                {"clip_norm": 2.0},
                {"patience": 6},
                {"warmup_epochs": 1},
                {"sharpness": 2.0},
                {"stream_seed": 1},
            )
        ),
    ],
    ids=str,
)
def test_every_field_of_a_request_is_part_of_the_id(changes: dict[str, Any]) -> None:
    spec = SweepSpec(strengths=(0.5,))
    assert replace(spec, **changes).trial_id("d", 0.5, 0) != spec.trial_id("d", 0.5, 0)


def test_data_strength_and_seed_are_part_of_the_id() -> None:
    spec = SweepSpec(strengths=(0.5, 1.0))
    ids = [spec.trial_id(*a) for a in (("d", 0.5, 0), ("e", 0.5, 0), ("d", 1.0, 0), ("d", 0.5, 1))]
    assert len(set(ids)) == 4


@pytest.mark.parametrize(
    "changes",
    [
        {"strengths": ()},
        {"strengths": (-0.1,)},
        {"strengths": (float("nan"),)},
        {"strengths": (float("inf"),)},
        {"seeds": ()},
        {"method": "magic"},
        {"penalty": "kindness"},
    ],
    ids=str,
)
def test_requests_that_cannot_be_trained_are_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(SweepError):
        SweepSpec(**{"strengths": (0.5,), **changes})


def test_adult_gets_fairer_at_a_price(tmp_path: Path) -> None:
    path = Path(__file__).parent.parent / "sample_data" / "adult.parquet"
    columns = pd.read_parquet(path).columns
    out = {"income", "fnlwgt", "split"}
    roles = DataSpec(
        target="income",
        positive=">50K",
        features=tuple(c for c in columns if c not in out),
        sensitive=(Sensitive("sex"),),
    )
    spec = SweepSpec(strengths=(2.0,), config=TrainingConfig(hidden=(32,), epochs=6))
    frontier = run_sweep(read_dataset(path, roles), spec, workspace=tmp_path)
    table = frontier.to_frame()
    plain_accuracy, fair_accuracy = table["accuracy"]
    plain_gap, fair_gap = table["demographic_parity_difference"]
    assert 0.84 < plain_accuracy < 0.87
    assert 0.13 < plain_gap < 0.22
    assert 0.81 < fair_accuracy < plain_accuracy
    assert fair_gap < 0.06
