"""Votes on a packet: one each, hidden from others until one's own is in, void once it changes."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from faircore.decide.packet import Packet, standing_packet
from faircore.errors import InputError, OnceError
from faircore.records import Act, Review, ReviewStore, checked_name, spelled, who_is_acting

NONE = "none"
"""A vote for no option: the proposal should be thought over."""


@dataclass(frozen=True)
class Vote:
    """What one person said of a packet.

    Attributes
    ----------
    who, at : str
    choice : str
        Letter of an option, or :data:`NONE`.
    reason : str
    """

    who: str
    at: str
    choice: str
    reason: str


def vote(
    workspace: str | Path,
    review_id: str,
    packet: str,
    choice: str,
    *,
    reason: str,
    who: str | None = None,
) -> Review:
    """Cast a vote. The packet is checked in the transaction that records it.

    Parameters
    ----------
    workspace : path
    review_id : str
    packet : str
        SHA-256 of the packet that was read: a vote is for what its voter saw.
    choice : str
        Letter of an option, or :data:`NONE`.
    reason : str
    who : str, optional
        Who is acting when absent.

    Raises
    ------
    InputError
        When the packet is no longer the one to vote on, the person has voted, the choice is no
        option, or the reason is missing.
    """
    reason = reason.strip()
    if not reason:
        raise InputError(
            "A vote needs a reason, one sentence is enough. Write why: the record is read by "
            "people who were not there."
        )

    def body(review: Review) -> dict[str, Any]:
        standing = standing_packet(review)
        if standing is None or standing.sha256 != packet:
            raise InputError(
                "What you read is no longer what is voted on: it was changed while you read. Your "
                "vote was not counted. Read the new packet and vote again."
            )
        if choice != NONE:
            standing.proposal.option(choice)
        if decided(review, standing):
            raise InputError("The vote on this packet is closed: a decision was recorded.")
        return {"packet": packet, "choice": choice, "reason": reason}

    store = ReviewStore(workspace)
    name = checked_name(who_is_acting() if who is None else who)
    standing = standing_packet(store.get(review_id))
    ballot = None if standing is None else f"vote {standing.number} {name.casefold()}"
    try:
        return store.record(review_id, Act.VOTED, body, who=name, once=ballot)
    except OnceError as error:
        raise InputError(
            "You have voted on this packet already, and one vote counts. If you have changed your "
            "mind, say so to who proposed: a changed proposal is voted on anew."
        ) from error


def votes_on(review: Review, packet: Packet) -> tuple[Vote, ...]:
    """Every vote on a packet, oldest first."""
    return tuple(
        Vote(event.who, event.at, event.body["choice"], event.body["reason"])
        for event in review.all(Act.VOTED)
        if event.body["packet"] == packet.sha256 and event.number > packet.number
    )


def void_votes(review: Review, counted: Packet | None) -> tuple[dict[str, str], ...]:
    """Votes since the last outcome on packets that something changed under; they count for nothing.

    Parameters
    ----------
    review : Review
    counted : Packet or None
        The packet whose votes count.

    Returns
    -------
    tuple of dict
        ``who``, ``option``, ``reason`` and the ``packet`` it was cast on.
    """
    last = review.last(Act.DECIDED, Act.DECLINED)
    start = 0 if last is None else last.number
    return tuple(
        {"who": e.who, "option": e.body["choice"], "reason": e.body["reason"],
         "packet": e.body["packet"]}
        for e in review.all(Act.VOTED)
        if e.number > start and not (
            counted is not None and e.body["packet"] == counted.sha256 and e.number > counted.number
        )
    )  # fmt: skip


def votes_for(review: Review, packet: Packet, reader: str) -> tuple[Vote, ...]:
    """The votes a person may see: all once their own is in or the decision is, else none."""
    if has_voted(review, packet, reader) or decided(review, packet):
        return votes_on(review, packet)
    return ()


def has_voted(review: Review, packet: Packet, who: str) -> bool:
    """Whether a person's vote on a packet is in; names are compared without regard to case."""
    name = spelled(who).casefold()
    return any(one.who.casefold() == name for one in votes_on(review, packet))


def decided(review: Review, packet: Packet) -> bool:
    """Whether a decision was recorded after a packet was sent."""
    last = review.last(Act.DECIDED, Act.DECLINED)
    return last is not None and last.number > packet.number


def winner(votes: tuple[Vote, ...]) -> str | None:
    """The choice with more votes than any other; None without votes or in a tie."""
    (first, most), *rest = Counter(one.choice for one in votes).most_common(2) or [("", 0)]
    return None if not most or (rest and rest[0][1] == most) else first
