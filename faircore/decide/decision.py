"""Choosing an operating point, and opening the sealed rows for it.

The certify split is sealed: no function returns a figure from it without writing first, into the
review's record, that it was opened, when, by whom and for which point.
"""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from faircore.errors import InputError
from faircore.frontier import Frontier
from faircore.metrics import confusion_counts
from faircore.records import Act, ReviewStore, now
from faircore.shelf import read_predictor
from faircore.training import Prepared

SEALED = "certify"


@dataclass(frozen=True)
class OperatingPoint:
    """A model and the threshold its score is compared with."""

    candidate: str
    threshold: float


class Alternative(NamedTuple):
    """A model that could have been chosen, as it looked on the select split."""

    candidate: str
    strength: float
    seed: int
    performance: float
    disparity: float
    method: str = "regularized"


@dataclass(frozen=True, eq=False)
class Decision:
    """The chosen operating point and what it was chosen from.

    Attributes
    ----------
    point : OperatingPoint
    who, reason, at : str
    method, penalty : str
    strength : float
    seed : int
    shape : str
        What kind of model it is, in words.
    note : str
        What somebody should know of it, such as a limit it does not keep.
    needs_groups : bool
        Whether it must be told a sensitive attribute to predict.
    partitions : tuple of str
        What its penalty acted on; every partition when empty.
    split_seed : int
        Seed of the split that the model was trained with.
    considered : int
        Candidates that were on the table.
    alternatives : tuple of Alternative
        The non-dominated ones and the chosen one, in the view they were compared in.
    view : dict
        Performance, disparity, partition and threshold of that view.
    sealed_counts : ndarray, shape (g, 2, 2)
        Confusion counts on the certify split.
    sealed_sizes : ndarray of int, shape (g,)
        Rows per group of the certify split.
    opening : int
        How many times these sealed rows had been opened, in any review of the workspace, this
        time included.
    data_sha256, model_sha256 : str
        Fingerprint of data and roles; hash of the weights.
    """

    point: OperatingPoint
    who: str
    reason: str
    at: str
    method: str
    penalty: str
    strength: float
    seed: int
    shape: str
    note: str
    needs_groups: bool
    partitions: tuple[str, ...]
    split_seed: int
    considered: int
    alternatives: tuple[Alternative, ...]
    view: dict[str, Any]
    sealed_counts: NDArray[np.float64]
    sealed_sizes: NDArray[np.int64]
    opening: int
    data_sha256: str
    model_sha256: str

    def to_dict(self) -> dict[str, Any]:
        """Plain data for the record."""
        raw = asdict(self)
        raw["sealed_counts"] = self.sealed_counts.tolist()
        raw["sealed_sizes"] = self.sealed_sizes.tolist()
        return raw

    @classmethod
    def from_dict(cls, raw: dict[str, Any]) -> Decision:
        """Read what :meth:`to_dict` wrote, an older version of it too."""
        raw = dict(raw)
        hidden = raw.pop("hidden", None)
        if hidden is not None:
            raw["shape"] = f"network of {'-'.join(map(str, hidden))}" if hidden else "network"
        raw.setdefault("note", "")
        raw.setdefault("needs_groups", False)  # older models: those whose features say so
        return cls(
            **{
                **raw,
                "point": OperatingPoint(**raw["point"]),
                "alternatives": tuple(Alternative(*a) for a in raw["alternatives"]),
                "partitions": tuple(raw["partitions"]),
                "sealed_counts": np.array(raw["sealed_counts"], np.float64),
                "sealed_sizes": np.array(raw["sealed_sizes"], np.int64),
            }
        )


def decide(
    workspace: str | Path,
    review_id: str,
    point: OperatingPoint,
    *,
    frontier: Frontier,
    who: str,
    reason: str,
    split_seed: int = 0,
    prepared: Prepared | None = None,
) -> Decision:
    """Choose an operating point: record it, open the sealed rows, measure it there.

    Parameters
    ----------
    workspace : path
    review_id : str
    point : OperatingPoint
        Its threshold lies in [0, 1].
    frontier : Frontier
        The view in which the candidates were compared, of decisions: see ``of_decisions``.
    who, reason : str
        Neither may be empty.
    split_seed : int
        The one the candidates were trained with.
    prepared : Prepared, optional
        The review's dataset, prepared with that seed; made when absent.

    Raises
    ------
    InputError
        When name, reason or threshold is missing or wrong, or the candidate failed.
    """
    who, reason = who.strip(), reason.strip()
    if not who or not reason:
        raise InputError(
            "A choice needs the name of who makes it and a reason. Write both: the record is "
            "read by people who were not there."
        )
    frontier = frontier.of_decisions().view(threshold=point.threshold)
    if frontier.threshold != point.threshold:
        raise InputError(
            f"Models are compared at thresholds of whole hundredths; {point.threshold} is none. "
            f"Choose {frontier.threshold:.2f}."
        )
    candidate = frontier.candidates[frontier.position(point.candidate)]
    predictor = read_predictor(candidate.id, workspace=workspace)
    reviews = ReviewStore(workspace)
    if prepared is None:
        prepared = Prepared.of(reviews.dataset(review_id), split_seed=split_seed)
    if prepared.dataset.fingerprint != reviews.get(review_id).fingerprint:
        raise InputError("The data given are not those of this review. Leave `prepared` out.")
    # A score gives no figure away; a model that cannot score these rows must not cost a look.
    scores = predictor.scores(prepared.inputs(SEALED))
    reviews.add_opening(review_id, who=who, candidate=point.candidate, threshold=point.threshold)
    looks = reviews.openings_of(prepared.dataset.fingerprint)

    rows = prepared.rows(SEALED)
    groups = prepared.groups.take(rows)
    counts = confusion_counts(
        prepared.dataset.y_true[rows],
        (scores >= point.threshold).astype(np.int8),
        groups,
        prepared.weights[rows],
    )
    decision = Decision(
        point=point,
        who=who,
        reason=reason,
        at=now(),
        method=candidate.method,
        penalty=candidate.penalty,
        strength=candidate.strength,
        seed=candidate.seed,
        split_seed=split_seed,
        considered=len(frontier.candidates),
        shape=candidate.shape,
        note=candidate.note,
        needs_groups=candidate.needs_groups,
        partitions=candidate.partitions,
        alternatives=_alternatives(frontier, frontier.position(candidate.id)),
        view={
            "performance": frontier.performance,
            "disparity": frontier.disparity,
            "partition": frontier.partition,
            "threshold": frontier.threshold,
        },
        sealed_counts=counts,
        sealed_sizes=groups.sizes,
        opening=looks,
        data_sha256=prepared.dataset.fingerprint,
        model_sha256=hashlib.sha256(
            b"".join(a.tobytes() for a in predictor.to_arrays().values())
        ).hexdigest(),
    )
    reviews.record(review_id, Act.DECIDED, decision.to_dict(), who=who)
    return decision


def _alternatives(frontier: Frontier, chosen: int) -> tuple[Alternative, ...]:
    positions = [int(k) for k in frontier.front]
    if chosen not in positions:
        positions.append(chosen)
    return tuple(
        Alternative(
            frontier.candidates[k].id,
            frontier.candidates[k].strength,
            frontier.candidates[k].seed,
            float(frontier.values[k, 0]),
            float(frontier.values[k, 1]),
            frontier.candidates[k].method,
        )
        for k in positions
    )
