"""The single checks of a study, each as plain data without what would name somebody."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from faircore.data import Dataset, split_dataset
from faircore.groups import Groups
from faircore.metrics import hidden_groups

if TYPE_CHECKING:
    from faircore.audit.study import StudySpec

EXISTING = "existing"
"""The system the table brings with it."""


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


def withheld(part: str, found: dict[str, Any], dataset: Dataset) -> dict[str, Any]:
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


PARTS: dict[str, Callable[[Dataset, StudySpec, dict[str, Any]], dict[str, Any]]] = {
    "baseline": _baseline,
    "switch": _switch,
    "similar": _similar,
    "proxies": _proxies,
}
