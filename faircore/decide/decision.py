"""The decision: which way to decide was chosen, by whom, on what grounds, and who dissented."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from faircore.decide.options import OperatingPoint
from faircore.frontier import Frontier


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
        How many times these sealed rows had been opened when it was recorded, in any review of the
        workspace.
    data_sha256, model_sha256 : str
        Fingerprint of data and roles; hash of the weights.
    option : str
        What the chosen one was called among the options.
    certified : bool
        Whether the sealed rows showed that it keeps the policy's limits, and it breaks no other
        rule of it that was looked at.
    promises : tuple of str
        What the certificate says of it, or why there is none.
    provenance : str
        Whether the limits were fixed before models were seen.
    policy_sha256, packet_sha256 : str
        Hashes of the policy that held and of the packet that was voted on; empty without one.
    votes : tuple of dict
        ``who``, ``option`` (a letter or ``none``) and ``reason`` of each vote.
    void : tuple of dict
        The same, with the ``packet``, of votes on packets that something changed under.
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
    option: str = ""
    certified: bool = False
    promises: tuple[str, ...] = ()
    provenance: str = ""
    policy_sha256: str = ""
    packet_sha256: str = ""
    votes: tuple[dict[str, str], ...] = ()
    void: tuple[dict[str, str], ...] = ()

    @property
    def dissent(self) -> tuple[dict[str, str], ...]:
        """Votes for something else than what was chosen."""
        return tuple(one for one in self.votes if one["option"] != self.option[:1])

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
                "promises": tuple(raw.get("promises", ())),
                "votes": tuple(raw.get("votes", ())),
                "void": tuple(raw.get("void", ())),
                "sealed_counts": np.array(raw["sealed_counts"], np.float64),
                "sealed_sizes": np.array(raw["sealed_sizes"], np.int64),
            }
        )


def alternatives(frontier: Frontier, chosen: int) -> tuple[Alternative, ...]:
    """The non-dominated candidates and the chosen one, as a view shows them."""
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
