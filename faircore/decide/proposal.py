"""A point is proposed, with a reason and the options it stands among: frozen from then on."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from faircore.decide.checklist import check, largest_p
from faircore.decide.options import OperatingPoint, Option, name_options
from faircore.decide.policy import Policy
from faircore.decide.standing import standing_policy
from faircore.errors import InputError
from faircore.frontier import Frontier
from faircore.records import Act, Event, Review, ReviewStore
from faircore.shelf import split_seed_of


@dataclass(frozen=True)
class Proposal:
    """What was put forward.

    Attributes
    ----------
    number : int
        Its place in the record: what refers to it by this number refers to nothing else.
    who, at, reason : str
    options : tuple of Option
        The proposed point and what it stands among; none is added once the sealed rows are open.
    order : tuple of str
        Their letters, safest first as the select split shows them: the order in which they are
        tested.
    view : dict
        Performance, disparity, partition and threshold they were compared in.
    considered : int
        Candidates on the table.
    split_seed : int
        Of the split that every option's model was trained with: it says which rows are sealed.
    """

    number: int
    who: str
    at: str
    reason: str
    options: tuple[Option, ...]
    order: tuple[str, ...]
    view: dict[str, Any]
    considered: int
    split_seed: int

    @property
    def proposed(self) -> Option:
        """The option that is proposed."""
        return next(option for option in self.options if "proposed" in option.names)

    @property
    def point(self) -> OperatingPoint:
        """Its model and threshold."""
        point = self.proposed.point
        if point is None:  # `propose` takes a point, so this is a record somebody wrote by hand
            raise InputError("The proposal names no model. Propose again.")
        return point

    def option(self, letter: str) -> Option:
        """One of the options by its letter."""
        for option in self.options:
            if option.letter == letter:
                return option
        letters = ", ".join(option.letter for option in self.options)
        raise InputError(f"There is no option {letter!r}. Choose one of: {letters}.")

    @classmethod
    def of(cls, event: Event) -> Proposal:
        """Read an event of the record."""
        body = event.body
        return cls(
            event.number,
            event.who,
            event.at,
            body["reason"],
            tuple(map(Option.from_dict, body["options"])),
            tuple(body["order"]),
            body["view"],
            body["considered"],
            body["split_seed"],
        )


def standing_proposal(review: Review) -> Proposal | None:
    """The last proposal; None before there is one."""
    event = review.last(Act.PROPOSED)
    return None if event is None else Proposal.of(event)


def propose(
    workspace: str | Path,
    review_id: str,
    point: OperatingPoint,
    *,
    frontier: Frontier,
    reason: str,
    who: str | None = None,
    alone: bool = False,
    decided: bool = False,
) -> Review:
    """Put a point forward. Nothing is read of the sealed rows.

    Parameters
    ----------
    workspace : path
    review_id : str
    point : OperatingPoint
    frontier : Frontier
        The view in which the candidates were compared.
    reason : str
    who : str, optional
        Who is acting when absent.
    alone : bool
        Without other options: the sealed rows are then asked about this point only.
    decided : bool
        Whether the data hold the decisions made until now, which then are an option too.

    Raises
    ------
    InputError
        When the reason is missing, the threshold is none of those models are compared at, the
        candidate has no values, the policy rules out what it asks for, or its options were trained
        on different splits.
    StoreError
        When the model of an option is missing.
    """
    reason = reason.strip()
    if not reason:
        raise InputError(
            "A proposal needs a reason. Write why this point: the record is read by people who "
            "were not there."
        )
    review = ReviewStore(workspace).get(review_id)
    frontier = at_point(frontier, point)
    point = replace(point, threshold=frontier.threshold)
    position = frontier.position(point.candidate)
    standing = standing_policy(review)
    policy = None if standing is None else standing.policy
    asks = frontier.candidates[position].needs_groups
    if asks and policy is not None and not policy.may_need_groups:
        raise InputError(
            "The policy rules out models that ask for a sensitive attribute when they predict, and "
            "this one asks for one. Propose another, or amend the policy with a reason."
        )
    options: Sequence[Option] = (
        (Option("A", ("proposed",), point),)
        if alone
        else name_options(frontier, position, policy=policy, decided=decided)
    )
    body = {
        "reason": reason,
        "options": [option.to_dict() for option in options],
        "order": safest_letters(frontier, options, policy),
        "view": {
            "performance": frontier.performance,
            "disparity": frontier.disparity,
            "partition": frontier.partition,
            "threshold": frontier.threshold,
        },
        "considered": len(frontier.candidates),
        "split_seed": _split_seed(workspace, options),
        "policy": None if policy is None else policy.sha256,
    }
    return ReviewStore(workspace).record(review_id, Act.PROPOSED, body, who=who)


def _split_seed(workspace: str | Path, options: Sequence[Option]) -> int:
    """Which rows are sealed for all options: those that none of their models learned from."""
    candidates = {option.point.candidate for option in options if option.point is not None}
    seeds = {split_seed_of(candidate, workspace=workspace) for candidate in candidates}
    if len(seeds) > 1:
        raise InputError(
            "The options were trained on different splits of the data, so no rows are sealed for "
            "all of them. Propose this point alone, or train them with one split_seed."
        )
    return seeds.pop()


def at_point(frontier: Frontier, point: OperatingPoint) -> Frontier:
    """The view of decisions at a point's threshold.

    Raises
    ------
    InputError
        When models are not compared at that threshold.
    """
    found = frontier.of_decisions().view(threshold=point.threshold)
    if abs(found.threshold - point.threshold) > 1e-9:  # 0.1 + 0.2 is meant as 0.3
        raise InputError(
            f"Models are compared at thresholds of whole hundredths; {point.threshold} is none. "
            f"Choose {found.threshold:.2f}."
        )
    return found


def safest_letters(
    frontier: Frontier, options: Sequence[Option], policy: Policy | None
) -> list[str]:
    """Letters of options, the one surest to keep the policy first, by the compared rows alone.

    Without a policy the most equal one comes first. What is not among the candidates comes last.
    """

    def doubt(option: Option) -> float:
        if option.point is None:
            return math.inf
        k = frontier.position(option.point.candidate)
        if policy is None:
            return float(-frontier.directions[1] * frontier.values[k, 1])
        lines = check(
            frontier.counts[k], policy, partitions=frontier.partitions,
            sizes=frontier.sizes[frontier.split],
        )  # fmt: skip
        return largest_p(lines)

    return [option.letter for option in sorted(options, key=doubt)]
