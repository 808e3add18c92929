"""A sweep: many strengths and seeds of a method, each trained once and kept."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from faircore.data import Dataset, split_dataset
from faircore.errors import StoreError, SweepError
from faircore.frontier import Candidate, Frontier
from faircore.groups import Groups, find_partition
from faircore.methods import METHODS
from faircore.predictors.network import Network
from faircore.penalties import PENALTIES
from faircore.store import StoredTrial, TrialStore
from faircore.training import Prepared, Trained, TrainingConfig

RECIPE = 2
"""Part of every trial's id. Raise it when training gives other results for the same request."""

MEASURED = ("train", "select")
"""Splits a trial's cubes cover. The certify split is sealed; see :mod:`faircore.decide`."""


@dataclass(frozen=True)
class SweepSpec:
    """What to train.

    Attributes
    ----------
    strengths : tuple of float
        Values of eta, zero or more. 0 (the unconstrained baseline) is added when it is missing.
    seeds : tuple of int
        Each strength is trained from each seed.
    method : str
        A name in :data:`faircore.methods.METHODS`.
    penalty : str
        A name in :data:`faircore.penalties.PENALTIES`.
    partitions : tuple of str
        Partitions the penalty acts on, such as ``("sex", "race × sex")``; all when empty.
    config : TrainingConfig
    split_seed : int
        Seed of the four-way split.

    Raises
    ------
    SweepError
        When a strength is negative or missing, or a name is unknown.
    """

    strengths: tuple[float, ...]
    seeds: tuple[int, ...] = (0,)
    method: str = "regularized"
    penalty: str = "demographic_parity"
    partitions: tuple[str, ...] = ()
    config: TrainingConfig = field(default_factory=TrainingConfig)
    split_seed: int = 0

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise SweepError(f"There is no method {self.method!r}. Choose: {', '.join(METHODS)}.")
        if self.penalty not in PENALTIES:
            known = ", ".join(PENALTIES)
            raise SweepError(f"There is no penalty {self.penalty!r}. Choose one of: {known}.")
        if not self.strengths or not all(0 <= s < float("inf") for s in self.strengths):
            raise SweepError(
                "Every strength must be a number of zero or more, and there must be one at least. "
                "Correct the list of strengths."
            )
        if not self.seeds:
            raise SweepError("There must be one seed at least. Add one.")
        object.__setattr__(self, "strengths", tuple(sorted({0.0, *map(float, self.strengths)})))
        object.__setattr__(self, "seeds", tuple(sorted({int(seed) for seed in self.seeds})))
        object.__setattr__(self, "partitions", tuple(sorted(set(self.partitions))))
        object.__setattr__(self, "split_seed", int(self.split_seed))

    @property
    def trials(self) -> tuple[tuple[float, int], ...]:
        """Every (strength, seed), strength by strength."""
        return tuple((strength, seed) for strength in self.strengths for seed in self.seeds)

    @property
    def n_steps(self) -> int:
        """Number of trials."""
        return len(self.trials)

    def to_json(self) -> str:
        """Canonical JSON: equal requests give equal text."""
        return json.dumps(asdict(self), sort_keys=True, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> SweepSpec:
        """Read what :meth:`to_json` wrote."""
        raw = json.loads(text)
        config = raw.pop("config")
        config["hidden"] = tuple(config["hidden"])
        raw |= {k: tuple(raw[k]) for k in ("strengths", "seeds", "partitions")}
        return cls(**raw, config=TrainingConfig(**config))

    def trial_id(self, fingerprint: str, strength: float, seed: int) -> str:
        """Hash of the data and of everything that determines one trial."""
        whole = {k: v for k, v in asdict(self).items() if k not in ("strengths", "seeds")}
        if strength == 0:  # the plain model is the same whatever it is not charged for
            whole |= {"penalty": "", "partitions": ()}
        whole |= {
            "data": fingerprint,
            "strength": float(strength),
            "seed": int(seed),
            "recipe": RECIPE,
        }
        text = json.dumps(whole, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:32]


@dataclass(frozen=True)
class Progress:
    """How far a sweep is: trials wanted, trials stored, share of all its work done in [0, 1]."""

    wanted: int
    finished: int
    share: float


def run_sweep(
    dataset: Dataset,
    spec: SweepSpec,
    *,
    workspace: str | Path,
    on_progress: Callable[[Progress], None] | None = None,
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

    Raises
    ------
    SweepError
        When the spec names a partition the dataset does not have, or the dataset has no features.
    """
    if not dataset.spec.features:
        raise SweepError(
            f"{dataset.source} has no features a model could learn from. Choose some on the Data "
            "page."
        )
    store = TrialStore(Path(workspace) / "trials")
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

    report(0.0 if missing else 1.0)
    if missing:
        prepared = Prepared.of(dataset, split_seed=spec.split_seed)
        check_partitions(spec, prepared.groups)
        trained = METHODS[spec.method].train(
            prepared,
            missing,
            penalty=spec.penalty,
            partitions=spec.partitions,
            config=spec.config,
            on_progress=report,
        )
        for one in trained:
            trial = missing[one.position]
            _keep(store, ids[trial], one, spec=spec, trial=trial, prepared=prepared)
            finished += 1
            report(share if finished < len(ids) else 1.0)
    return load_frontier(dataset, ids.values(), workspace=workspace, split_seed=spec.split_seed)


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
    return Frontier(tuple(candidates), groups.partitions, sizes)


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
        cubes=stored.cubes,
        fit_seconds=raw["fit_seconds"],
        best_epoch=raw["best_epoch"],
        history=tuple((int(e), float(a), float(b)) for e, a, b in raw["history"]),
        failure=raw["failure"],
        hidden=tuple(raw["hidden"]),
        partitions=tuple(raw["partitions"]),
    )


def read_network(trial_id: str, *, workspace: str | Path) -> Network:
    """Read the weights of a stored candidate."""
    stored = TrialStore(Path(workspace) / "trials").get(trial_id)
    if stored is None or not stored.model:
        raise StoreError(
            "The model of this candidate is missing or damaged in the workspace. Launch its sweep "
            "again: only what is missing is trained."
        )
    return Network.from_arrays(stored.model)


def check_partitions(spec: SweepSpec, groups: Groups) -> None:
    """Refuse a spec that names a partition the data do not have."""
    for name in spec.partitions:
        find_partition(groups.partitions, name)


def _keep(
    store: TrialStore,
    trial_id: str,
    trained: Trained,
    *,
    spec: SweepSpec,
    trial: tuple[float, int],
    prepared: Prepared,
) -> None:
    """Measure a trained network on the open splits and store it."""
    network = trained.network
    cubes = (
        {split: prepared.cube(split, network.predict_proba(prepared.encoded(split)))
         for split in MEASURED}
        if network is not None
        else {}
    )  # fmt: skip
    record = {
        "method": spec.method,
        "penalty": spec.penalty,
        "strength": trial[0],
        "seed": trial[1],
        "needs_groups": prepared.dataset.spec.needs_groups,
        "fit_seconds": trained.fit_seconds,
        "best_epoch": trained.best_epoch,
        "history": trained.history,
        "failure": trained.failure,
        "hidden": spec.config.hidden,
        "partitions": spec.partitions,
        "data": prepared.dataset.fingerprint,
    }
    store.put(trial_id, record, cubes=cubes, model={} if network is None else network.to_arrays())
