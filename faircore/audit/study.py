"""The checks that take seconds: a plain baseline, proxies, switches, similar people.

Each is stored as soon as it is done and never computed twice for the same data and settings. The
sealed rows take no part: what is learned is learned on *train*, what is told is told of
*calibrate* and *select*.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from faircore.data import Dataset, split_dataset
from faircore.errors import InputError, StoreError
from faircore.files import write_whole
from faircore.groups import Groups
from faircore.metrics import hidden_groups
from faircore.metrics.inputs import check_threshold

RECIPE = 2
"""Counts up when a check starts to compute something else, so that old results are not shown."""

EXISTING = "existing"
SYSTEMS = (EXISTING, "logistic", "boosted")
_AGNOSTIC = ("proxies",)  # parts that do not depend on the system


@dataclass(frozen=True)
class StudySpec:
    """Which system is looked at, and how.

    Attributes
    ----------
    system : str
        ``existing``, or a name of :data:`faircore.audit.baseline.BASELINES`.
    threshold : float
        From which score, in [0, 1], a person is selected.
    seed : int
    """

    system: str = EXISTING
    threshold: float = 0.5
    seed: int = 0

    def __post_init__(self) -> None:
        if self.system not in SYSTEMS:
            raise InputError(
                f"There is no system {self.system!r}. Choose one of: {', '.join(SYSTEMS)}."
            )
        check_threshold(self.threshold)
        # 1 and 1.0 are one threshold: equal specs give equal text, and equal ids.
        object.__setattr__(self, "threshold", float(self.threshold))
        object.__setattr__(self, "seed", int(self.seed))

    @property
    def parts(self) -> tuple[str, ...]:
        """Names of the checks, in the order in which they are made."""
        checks = ("switch", "similar", "proxies")
        return checks if self.system == EXISTING else ("baseline", *checks)

    @property
    def n_steps(self) -> int:
        """Number of checks."""
        return len(self.parts)

    def to_json(self) -> str:
        """Canonical JSON."""
        return json.dumps(asdict(self), sort_keys=True, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> StudySpec:
        """Read what :meth:`to_json` wrote."""
        return cls(**json.loads(text))

    def part_id(self, fingerprint: str, part: str) -> str:
        """Hash of the data and of everything that determines one check."""
        whole = {"data": fingerprint, "part": part, "seed": self.seed, "recipe": RECIPE}
        if part not in _AGNOSTIC:
            whole |= {"system": self.system}
            if part != "baseline":
                whole |= {"threshold": self.threshold}
        text = json.dumps(whole, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:32]


def judged_rows(dataset: Dataset) -> NDArray[np.int64]:
    """Rows a baseline did not learn from and that are not sealed, in their order."""
    splits = split_dataset(dataset, seed=0)
    return np.sort(np.concatenate([splits.calibrate, splits.select]))


def open_rows(dataset: Dataset) -> NDArray[np.int64]:
    """Rows on which an existing system is told of: all but the sealed ones.

    All rows where there is nothing to learn from, since then nothing will be chosen.
    """
    if not dataset.spec.features:
        return np.arange(dataset.n_rows)
    splits = split_dataset(dataset, seed=0)
    return np.sort(np.concatenate([splits.train, splits.calibrate, splits.select]))


def run_study(
    dataset: Dataset,
    spec: StudySpec,
    *,
    workspace: str | Path,
    on_progress: Callable[[int], None] | None = None,
) -> dict[str, Any]:
    """Make every check that is not stored yet, and return all.

    Parameters
    ----------
    dataset : Dataset
        With features.
    spec : StudySpec
    workspace : path
    on_progress : callable, optional
        Called with the number of checks done; may raise to stop, and what is done is kept.

    Raises
    ------
    InputError
        When there is no feature, or no existing score or decision to look at.
    StoreError
        When a result cannot be written.
    """
    if not dataset.spec.features:
        raise InputError(
            f"{dataset.source} has no features, so there is nothing that proxies, switches or "
            "likeness could be looked for in. Choose features on the Data page."
        )
    if spec.system == EXISTING and dataset.score is None and dataset.decision is None:
        raise InputError(
            f"{dataset.source} has no column with a score or a decision. Name one on the Data "
            "page, or look at a plain baseline."
        )
    found = read_study(workspace, dataset.fingerprint, spec)
    for done, part in enumerate(spec.parts):
        if on_progress is not None:
            on_progress(done)
        if part not in found:
            found[part] = _withheld(part, _PARTS[part](dataset, spec, found), dataset)
            _write(workspace, spec.part_id(dataset.fingerprint, part), found[part])
    if on_progress is not None:
        on_progress(spec.n_steps)
    return found


def read_study(workspace: str | Path, fingerprint: str, spec: StudySpec) -> dict[str, Any]:
    """Every check that is stored, by its name; a damaged one is as if it were not there."""
    found = {}
    for part in spec.parts:
        try:
            path = _path(workspace, spec.part_id(fingerprint, part))
            stored = json.loads(path.read_bytes())
            if stored["sha256"] == _digest(stored["found"]):
                found[part] = stored["found"]
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return found


def _path(workspace: str | Path, part_id: str) -> Path:
    return Path(workspace) / "audits" / f"{part_id}.json"


def _digest(found: Any) -> str:
    return hashlib.sha256(json.dumps(found, sort_keys=True).encode()).hexdigest()


def _write(workspace: str | Path, part_id: str, found: Any) -> None:
    path = _path(workspace, part_id)
    stored = {"sha256": _digest(found), "found": found}
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_whole(path, json.dumps(stored, allow_nan=False).encode())
    except OSError as error:
        raise StoreError(
            f"A check could not be written to the workspace: {error.strerror}. Free some disk "
            "space or choose another workspace; what was stored before is kept."
        ) from error


def _withheld(part: str, found: dict[str, Any], dataset: Dataset) -> dict[str, Any]:
    """The same without what is said of groups too small to be shown, or that would reveal them."""
    rows = open_rows(dataset) if part == "proxies" else judged_rows(dataset)
    groups = Groups.of_dataset(dataset).take(rows)
    hidden = hidden_groups(groups.partitions, groups.sizes)
    small: dict[str, set[str]] = {
        p.attributes[0]: {
            label[0] for label, gone in zip(p.labels, hidden[p.groups], strict=True) if gone
        }
        for p in groups.partitions
        if len(p.attributes) == 1
    }
    if part == "similar":
        found["groups"] = [g for g in found["groups"] if g["value"] not in small[g["attribute"]]]
    elif part == "switch":
        found["pairs"] = [p for p in found["pairs"] if p["from_value"] not in small[p["attribute"]]]
        del found["left_out"]
    elif part == "proxies":
        for one in found["attributes"]:
            gone = small[one["attribute"]]
            one["by_level"] = {k: v for k, v in one["by_level"].items() if k not in gone}
            for counted in ("n_people", "n_missing", "n_rare"):
                del one[counted]
    return found


def _baseline(dataset: Dataset, spec: StudySpec, _: dict[str, Any]) -> dict[str, Any]:
    """Scores of a baseline on the rows it is judged by."""
    from faircore.audit.baseline import train_baseline

    rows = judged_rows(dataset)
    train = split_dataset(dataset, seed=0).train
    model = train_baseline(dataset, train, kind=spec.system, seed=spec.seed)
    scores = model.score(dataset.features.iloc[rows], dataset.sensitive.iloc[rows])
    return {
        "scores": [round(float(s), 9) for s in scores],
        "fit_seconds": model.fit_seconds,
        "n_learned": len(train),
    }


def _switch(dataset: Dataset, spec: StudySpec, _: dict[str, Any]) -> dict[str, Any]:
    """Switches in a model that sees the attributes: the baseline's sort, or a stand-in."""
    from faircore.audit.baseline import train_baseline
    from faircore.audit.flips import switch_test
    from faircore.audit.imitation import stand_in

    rows, train = judged_rows(dataset), split_dataset(dataset, seed=0).train
    fidelity: dict[str, Any] | None = None
    if spec.system == EXISTING:
        outcome = dataset.decision if dataset.decision is not None else dataset.score
        model: Any = stand_in(
            dataset, train, rows, outcome=outcome, threshold=_stand_in_threshold(dataset, spec),
            seed=spec.seed,
        )  # fmt: skip
        fidelity = model.to_dict()
    else:
        model = train_baseline(
            dataset, train, kind=spec.system, with_sensitive=True, seed=spec.seed
        )
    found = switch_test(
        model.score,
        dataset.features.iloc[rows],
        dataset.sensitive.iloc[rows],
        levels=dataset.levels,
        threshold=_stand_in_threshold(dataset, spec),
        weights=dataset.weights[rows],
    )
    return found.to_dict() | {"stand_in": fidelity}


def _stand_in_threshold(dataset: Dataset, spec: StudySpec) -> float:
    """A decision that is imitated is more likely than not; a score has the system's threshold."""
    return 0.5 if spec.system == EXISTING and dataset.decision is not None else spec.threshold


def _similar(dataset: Dataset, spec: StudySpec, found: dict[str, Any]) -> dict[str, Any]:
    from faircore.audit.similar import similar_people

    rows = judged_rows(dataset)
    if spec.system == EXISTING:
        scores = None if dataset.score is None else dataset.score[rows]
        decided = dataset.decision
    else:
        scores, decided = np.array(found["baseline"]["scores"]), None
    if decided is None:
        assert scores is not None
        chosen: Any = (scores >= spec.threshold).astype(np.int8)
    else:
        chosen = decided[rows]
    return similar_people(dataset, rows, y_pred=chosen, y_score=scores, seed=spec.seed).to_dict()


def _proxies(dataset: Dataset, spec: StudySpec, _: dict[str, Any]) -> dict[str, Any]:
    from faircore.audit.proxies import find_proxies

    return find_proxies(dataset, open_rows(dataset), seed=spec.seed).to_dict()


_PARTS: dict[str, Callable[[Dataset, StudySpec, dict[str, Any]], dict[str, Any]]] = {
    "baseline": _baseline,
    "switch": _switch,
    "similar": _similar,
    "proxies": _proxies,
}
