"""A sweep: many strengths and seeds of a method, each trained once and kept."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from faircore.data import Dataset, split_dataset
from faircore.errors import InputError, StoreError, SweepError
from faircore.frontier import Candidate, Frontier, SplitRows
from faircore.groups import Groups, find_partition
from faircore.methods import METHODS, Request
from faircore.metrics.counts import narrow_counts
from faircore.plans import SweepPlan, SweepSpec
from faircore.shelf import check_reference, read_predictor
from faircore.store import StoredTrial, TrialStore
from faircore.training import Prepared, Trained

MEASURED = ("train", "select", "calibrate")
"""Splits a trial's cubes cover: what it learned from, what its best pass was chosen on, and what
it never saw. The certify split is sealed; see :mod:`faircore.decide`."""


@dataclass(frozen=True)
class Progress:
    """How far a sweep is: trials wanted, trials stored, share of all its work done in [0, 1]."""

    wanted: int
    finished: int
    share: float


COMPARED = "select"
"""The split that candidates are compared on, and whose rows each keeps whom it selects of."""

_MEASURES, _PASSED = "/measures", "/passed"  # endings of what is stored beside a split's cube

OnSweep = Callable[[Progress], None]
OnTrialEpoch = Callable[[str, dict[str, float]], None]
"""Called after each epoch with a trial's id and its row of history; may raise to stop."""


def run_plan(
    dataset: Dataset,
    plan: SweepPlan,
    *,
    workspace: str | Path,
    on_progress: OnSweep | None = None,
    on_epoch: OnTrialEpoch | None = None,
) -> Frontier:
    """Run several sweeps, one after the other, as one piece of work; see :func:`run_sweep`.

    Returns
    -------
    Frontier
        Every candidate of all of them.
    """
    wanted = plan.n_steps
    before = 0
    for spec in plan.sweeps:  # what cannot be trained is said before an hour is spent on the rest
        check_spec(dataset, spec, workspace)
    for spec in plan.sweeps:

        def report(progress: Progress, before: int = before, own: int = spec.n_steps) -> None:
            if on_progress is not None:
                share = (before + own * progress.share) / wanted
                on_progress(Progress(wanted, before + progress.finished, share))

        _train_missing(dataset, spec, Path(workspace), report, on_epoch)
        before += spec.n_steps
    ids = plan.trial_ids(dataset.fingerprint)
    return load_frontier(dataset, ids, workspace=workspace, split_seed=plan.sweeps[0].split_seed)


def run_sweep(
    dataset: Dataset,
    spec: SweepSpec,
    *,
    workspace: str | Path,
    on_progress: OnSweep | None = None,
    on_epoch: OnTrialEpoch | None = None,
) -> Frontier:
    """Train what is not yet trained, and return every candidate asked for.

    Parameters
    ----------
    dataset : Dataset
    spec : SweepSpec
    workspace : path
        Folder of finished trials; the same request again is answered from it at once.
    on_progress : callable, optional
        Called as work proceeds; may raise to stop. Finished trials are kept.
    on_epoch : callable, optional

    Raises
    ------
    SweepError
        When the spec names a partition the dataset does not have, or the dataset has no features.
    """
    check_spec(dataset, spec, workspace)
    _train_missing(dataset, spec, Path(workspace), on_progress, on_epoch)
    ids = spec.trial_ids(dataset.fingerprint)
    return load_frontier(dataset, ids, workspace=workspace, split_seed=spec.split_seed)


def _train_missing(
    dataset: Dataset,
    spec: SweepSpec,
    workspace: Path,
    on_progress: OnSweep | None,
    on_epoch: OnTrialEpoch | None,
) -> None:
    """Train and store the trials of a checked spec that are not stored yet."""
    store = TrialStore(workspace / "trials")
    ids = {trial: spec.trial_id(dataset.fingerprint, *trial) for trial in spec.trials}
    missing = [trial for trial in spec.trials if store.get(ids[trial]) is None]
    finished = len(ids) - len(missing)
    share = 0.0

    def report(done: float) -> None:
        nonlocal share
        share = done
        if on_progress is not None:
            work = 1 - (1 - done) * len(missing) / len(ids)
            on_progress(Progress(len(ids), finished, work))

    def after_epoch(position: int, row: dict[str, float]) -> None:
        if on_epoch is not None:
            on_epoch(ids[missing[position]], row)

    report(0.0 if missing else 1.0)
    if missing:
        prepared = Prepared.of(dataset, split_seed=spec.split_seed)
        request = Request(
            spec.penalty,
            spec.partitions,
            spec.config,
            spec.options,
            partial(read_predictor, workspace=workspace),
        )
        trained = METHODS[spec.method].train(
            prepared, missing, request, on_progress=report, on_epoch=after_epoch
        )
        for one in trained:
            trial = missing[one.position]
            _keep(store, ids[trial], one, spec=spec, trial=trial, prepared=prepared)
            finished += 1
            report(share if finished < len(ids) else 1.0)


def load_frontier(
    dataset: Dataset, trial_ids: Iterable[str], *, workspace: str | Path, split_seed: int = 0
) -> Frontier:
    """Read stored trials of a dataset as a frontier; those not (yet) stored are left out."""
    store = TrialStore(Path(workspace) / "trials")
    found = [(i, store.get(i)) for i in dict.fromkeys(trial_ids)]
    candidates = [read_candidate(i, stored) for i, stored in found if stored is not None]
    if not candidates:
        raise StoreError("No trained model is stored for this request. Launch the sweep first.")
    groups = Groups.of_dataset(dataset)
    rows = split_dataset(dataset, seed=split_seed).as_dict()
    sizes = {split: groups.take(rows[split]).sizes for split in MEASURED}
    compared = {COMPARED: SplitRows.of(dataset, groups, rows[COMPARED])}
    return Frontier(tuple(candidates), groups.partitions, sizes, rows=compared)


def read_candidate(trial_id: str, stored: StoredTrial) -> Candidate:
    """Read a candidate from what the store holds of it."""
    raw: Mapping[str, Any] = stored.record
    return Candidate(
        id=trial_id,
        method=raw["method"],
        penalty=raw["penalty"],
        strength=raw["strength"],
        seed=raw["seed"],
        needs_groups=raw["needs_groups"],
        cubes={split: stored.cubes[split] for split in MEASURED if split in stored.cubes},
        measures=_ending(stored.cubes, _MEASURES),
        passed=_ending(stored.cubes, _PASSED),
        fit_seconds=raw["fit_seconds"],
        best_epoch=raw["best_epoch"],
        history=tuple(raw["history"]),
        failure=raw["failure"],
        note=raw["note"],
        shape=raw["shape"],
        target=raw["target"],
        source=raw.get("source", ""),
        family=raw.get("family", ""),
        partitions=tuple(raw["partitions"]),
    )


def _ending(stored: Mapping[str, NDArray[Any]], ending: str) -> dict[str, NDArray[Any]]:
    """By split, what is stored beside its cube."""
    return {k.removesuffix(ending): v for k, v in stored.items() if k.endswith(ending)}


def check_spec(dataset: Dataset, spec: SweepSpec, workspace: str | Path) -> None:
    """Refuse a spec that these data, or the models there are, cannot serve."""
    source = getattr(spec.config, "source", "own")
    if source == "own" and not dataset.spec.features:
        raise SweepError(
            f"{dataset.source} has no features a model could learn from. Choose some on the Data "
            "page."
        )
    if source == "score" and dataset.score is None:
        raise SweepError(
            f"{dataset.source} has no column of an existing score. Choose it on the Data page, or "
            "another model to work around."
        )
    if source not in ("own", "score"):
        check_reference(source, dataset, spec.split_seed, workspace=workspace)
    partitions = Groups.of_dataset(dataset).partitions
    for name in spec.partitions:
        find_partition(partitions, name)


def _keep(
    store: TrialStore,
    trial_id: str,
    trained: Trained,
    *,
    spec: SweepSpec,
    trial: tuple[float, int],
    prepared: Prepared,
) -> None:
    """Measure a trained model on the open splits and store it."""
    kept: dict[str, NDArray[Any]] = {}
    if trained.predictor is not None:
        try:
            for split in MEASURED:
                scores = trained.predictor.scores(prepared.inputs(split))
                found = prepared.measured(split, scores)
                kept |= {split: narrow_counts(found.cube), f"{split}{_MEASURES}": found.measures}
                if split == COMPARED:
                    kept[f"{split}{_PASSED}"] = found.passed
        except InputError as error:  # a group it was never told of, a column it cannot read
            trained, kept = replace(trained, predictor=None, failure=str(error)), {}
    predictor = trained.predictor
    record = {
        "method": spec.method,
        "penalty": spec.penalty,
        "strength": trial[0],
        "seed": trial[1],
        "needs_groups": bool(
            prepared.dataset.spec.needs_groups or (predictor and predictor.needs_groups)
        ),
        "fit_seconds": trained.fit_seconds,
        "best_epoch": trained.best_epoch,
        "history": trained.history,
        "failure": trained.failure,
        "note": trained.note,
        "shape": trained.shape or METHODS[spec.method].describe(spec.config),
        "target": spec.target(trial[0]),
        "partitions": spec.partitions,
        "source": getattr(spec.config, "source", ""),
        "family": spec.trial_id("", trial[0], -1),
        "data": prepared.dataset.fingerprint,
        "split_seed": spec.split_seed,
    }
    model = {} if predictor is None else predictor.to_arrays()
    store.put(trial_id, record, cubes=kept, model=model)
