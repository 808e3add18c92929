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

from faircore.audit.study_parts import EXISTING, PARTS, judged_rows, open_rows, withheld
from faircore.data import Dataset
from faircore.errors import InputError, StoreError
from faircore.files import write_whole
from faircore.metrics.inputs import check_threshold

__all__ = ["EXISTING", "StudySpec", "judged_rows", "open_rows", "read_study", "run_study"]

RECIPE = 2
"""Counts up when a check starts to compute something else, so that old results are not shown."""

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
            found[part] = _checked(part, dataset, spec, found)
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


def _checked(part: str, dataset: Dataset, spec: StudySpec, found: dict[str, Any]) -> dict[str, Any]:
    """One check; where these data do not allow it, the reason, and the other checks go on."""
    try:
        return withheld(part, PARTS[part](dataset, spec, found), dataset)
    except InputError as error:
        if part == "baseline":  # nothing else can be looked at without it
            raise
        return {"reason": str(error)}
