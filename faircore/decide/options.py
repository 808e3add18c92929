"""Ways to decide, named and few enough to talk about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from faircore.decide.policy import Policy
from faircore.errors import InputError
from faircore.frontier import Frontier, cheapest, knee
from faircore.methods import METHODS

TITLES = {
    "today": "As it is decided today",
    "plain": "No fairness asked for",
    "most_accurate": "Most accurate",
    "cheapest": "Cheapest that keeps the policy",
    "balanced": "Balanced",
    "most_equal": "Most equal",
    "proposed": "Proposed",
}
"""What an option is called by what it is, in the order in which names are told."""

MOST = 5


@dataclass(frozen=True)
class OperatingPoint:
    """A model and the threshold its score is compared with."""

    candidate: str
    threshold: float


@dataclass(frozen=True)
class Option:
    """One way to decide.

    Attributes
    ----------
    letter : str
        What people call it when they talk: A, B, C.
    names : tuple of str
        Keys of :data:`TITLES`.
    point : OperatingPoint or None
        None: the decisions in the data, as they were made.
    """

    letter: str
    names: tuple[str, ...]
    point: OperatingPoint | None

    @property
    def title(self) -> str:
        """Such as ``Proposed: most accurate``."""
        others = [TITLES[name] for name in TITLES if name in self.names and name != "proposed"]
        if "proposed" not in self.names:
            return ", ".join([others[0], *(x.lower() for x in others[1:])])
        return "Proposed" + (f": {', '.join(x.lower() for x in others)}" if others else "")

    def to_dict(self) -> dict[str, Any]:
        """Plain data for the record."""
        return asdict(self)

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> Option:
        """Read what :meth:`to_dict` wrote."""
        point = raw["point"]
        point = None if point is None else OperatingPoint(**point)
        return cls(raw["letter"], tuple(raw["names"]), point)


def name_options(
    frontier: Frontier,
    proposed: int,
    *,
    policy: Policy | None = None,
    decided: bool = False,
) -> tuple[Option, ...]:
    """Three to five ways to decide, of which the proposed one is always one.

    Parameters
    ----------
    frontier : Frontier
        In the view the choice is made in; its threshold is that of every option.
    proposed : int
        Position of the proposed candidate.
    policy : Policy, optional
        Candidates it forbids for asking for an attribute are no options, unless proposed.
    decided : bool
        Whether the data hold the decisions made until now.

    Returns
    -------
    tuple of Option
        Lettered from A: today first, then from the best performance to the lowest. Fewer than
        three where there are no more different ones.

    Raises
    ------
    InputError
        When the proposed candidate has no values in this view.
    """
    finite: NDArray[np.bool_] = np.asarray(np.isfinite(frontier.values).all(axis=1))
    if not finite[proposed]:
        raise InputError(
            "The proposed model cannot be compared in this view: it failed, or too few people are "
            "left for its gap. Choose another model, or another view."
        )
    named: dict[int, list[str]] = {}

    def name(position: int | None, what: str) -> None:
        # A fifth option would be one too many to talk about; the first names matter most.
        if position is not None and (position in named or len(named) < MOST - decided):
            named.setdefault(position, []).append(what)

    name(proposed, "proposed")
    for what, position in _candidates(frontier, finite, policy).items():
        name(position, what)
    signed = frontier.values * frontier.directions
    order = sorted(named, key=lambda k: (-signed[k, 0], -signed[k, 1], k))
    points: list[tuple[list[str], OperatingPoint | None]] = [
        (named[k], OperatingPoint(frontier.candidates[k].id, frontier.threshold)) for k in order
    ]
    if decided:
        points.insert(0, (["today"], None))
    return tuple(
        Option(chr(ord("A") + i), tuple(names), point) for i, (names, point) in enumerate(points)
    )


def _candidates(
    frontier: Frontier, finite: NDArray[np.bool_], policy: Policy | None
) -> dict[str, int | None]:
    """Position of what each name stands for; None where nothing does."""
    asks = np.array([c.needs_groups for c in frontier.candidates])
    may = finite & ~asks if policy is not None and not policy.may_need_groups else finite
    if not may.any():
        return {}
    places = np.flatnonzero(may)
    own = frontier.only(may)
    signed = own.values * own.directions
    plain = np.array([c.strength == METHODS[c.method].plain for c in own.candidates])
    plain &= np.array([METHODS[c.method].stage != "score" for c in own.candidates])
    found: dict[str, int | None] = {
        "most_accurate": int(np.lexsort((-signed[:, 1], -signed[:, 0]))[0])
    }
    found["most_equal"] = int(np.lexsort((-signed[:, 0], -signed[:, 1]))[0])
    middle = knee(own)
    if policy is not None:
        pick = cheapest(own, policy.limits, may_need_groups=policy.may_need_groups)
        found["cheapest"] = None if pick is None else pick.position
    found["balanced"] = None if middle is None else middle.position
    found["plain"] = int(np.flatnonzero(plain)[signed[plain, 0].argmax()]) if plain.any() else None
    return {what: None if k is None else int(places[k]) for what, k in found.items()}
