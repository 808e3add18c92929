"""How a decision is reached: by votes on a packet, or by one person alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from faircore.decide.decision import Decision, alternatives
from faircore.decide.options import OperatingPoint, Option
from faircore.decide.other_rules import broken_rules
from faircore.decide.packet import Packet, standing_packet
from faircore.decide.proposal import Proposal, at_point, propose, standing_proposal
from faircore.decide.risk import looks_at
from faircore.decide.sealed import Measurement, open_sealed, standing_measurement
from faircore.decide.standing import provenance, standing_policy
from faircore.decide.votes import NONE, void_votes, votes_on, winner
from faircore.errors import InputError
from faircore.frontier import Frontier
from faircore.records import UNKNOWN, Act, Review, ReviewStore, checked_name, now, who_is_acting
from faircore.shelf import model_sha256, read_predictor
from faircore.training import Prepared


def conclude(
    workspace: str | Path,
    review_id: str,
    *,
    frontier: Frontier,
    who: str | None = None,
    packet: str | None = None,
) -> Decision | None:
    """Record what was decided about the standing proposal, for which the sealed rows were opened.

    Parameters
    ----------
    workspace : path
    review_id : str
    frontier : Frontier
        The view in which the candidates were compared.
    who : str, optional
        Who records it; who is acting when absent.
    packet : str, optional
        SHA-256 of the packet that was voted on: the option with the most votes is chosen. Without
        one the proposed option is, and the record says that nobody voted.

    Returns
    -------
    Decision or None
        None where the votes were for no model: to leave things as they are, or to think again.
        That outcome is recorded with its votes too.

    Raises
    ------
    InputError
        When nothing is proposed, the sealed rows are closed, the packet is no longer what is voted
        on, there is no vote or a tie, the only votes for the winner are the proposer's own, or no
        packet is given though people have voted on one.
    """
    store = ReviewStore(workspace)
    review = store.get(review_id)
    proposal, found = standing_proposal(review), standing_measurement(review)
    if proposal is None or found is None:
        raise InputError(
            "A decision is recorded once a point is proposed and the sealed rows have been opened "
            "for it. Do that first."
        )
    who = checked_name(who if who is not None else who_is_acting() or UNKNOWN)
    option = proposal.proposed if packet is None else _elected(review, proposal, packet)
    decision = None if option is None or option.point is None else _decision(
        workspace, review, proposal, found, option, option.point, frontier=frontier,
        packet=packet or "", who=who, looks=len(looks_at(store.of_same_rows(review))),
    )  # fmt: skip

    def body(now: Review) -> dict[str, Any]:
        if packet is not None and _elected(now, proposal, packet) != option:
            raise InputError("A vote came in at this moment and changed the outcome. Look again.")
        if standing_proposal(now) != proposal:
            raise InputError("The proposal was changed at this moment. Look at the new one first.")
        out = standing_packet(now) if packet is not None else None
        void = void_votes(now, out)
        own = {e.body["sha256"] for e in now.all(Act.PACKET)
               if e.body["proposal"] == proposal.number}  # fmt: skip
        if packet is None and any(one["packet"] in own for one in void):
            raise InputError(
                "People have voted on this proposal, and nobody decides alone over it. Close their "
                "vote; if something changed since, send the packet again; or propose anew."
            )
        votes = () if out is None else _votes(now, out)
        if decision is None:
            chosen = NONE if option is None else f"{option.letter}: {option.title}"
            return {"option": chosen, "packet": packet, "votes": list(votes), "void": list(void)}
        return replace(decision, votes=votes, void=void).to_dict()

    review = store.record(
        review_id,
        Act.DECLINED if decision is None else Act.DECIDED,
        body,
        who=who,
        once=f"decided {proposal.number}",
    )
    return None if decision is None else Decision.from_dict(review.decisions[-1])


def decide(
    workspace: str | Path,
    review_id: str,
    point: OperatingPoint,
    *,
    frontier: Frontier,
    who: str,
    reason: str,
    prepared: Prepared | None = None,
) -> Decision:
    """Choose an operating point alone, in one step: propose it, open the sealed rows, record it.

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
    prepared : Prepared, optional
        The review's dataset, prepared with the model's split seed; made when absent.

    Raises
    ------
    InputError
        When name, reason or threshold is missing or wrong, or the candidate failed.
    """
    who = checked_name(who)
    frontier = at_point(frontier, point)
    frontier.position(point.candidate)
    read_predictor(point.candidate, workspace=workspace)  # one that cannot be read proposes nothing
    propose(
        workspace, review_id, point, frontier=frontier, who=who, reason=reason, alone=True,
    )  # fmt: skip
    open_sealed(workspace, review_id, who=who, prepared=prepared)
    decision = conclude(workspace, review_id, frontier=frontier, who=who)
    if decision is None:  # without votes the proposed point is chosen, and it is a model
        raise InputError("Nothing was decided. Look at the review's history.")
    return decision


def _elected(review: Review, proposal: Proposal, packet: str) -> Option | None:
    """The option with the most votes; None where most are for none of them."""
    standing = standing_packet(review)
    if standing is None or standing.sha256 != packet:
        raise InputError(
            "What was voted on is no longer what is proposed, so its votes are void. Send a new "
            "packet."
        )
    votes = votes_on(review, standing)
    choice = winner(votes)
    if choice is None:
        raise InputError(
            "There is no vote yet, or a tie. Talk, and let more people vote; or propose anew."
        )
    if choice == NONE:
        return None
    if all(one.who.casefold() == proposal.who.casefold() for one in votes if one.choice == choice):
        raise InputError(
            "Only the proposer voted for this option, and nobody approves their own proposal "
            "alone. Let somebody else vote."
        )
    return proposal.option(choice)


def _votes(review: Review, packet: Packet) -> tuple[dict[str, str], ...]:
    return tuple(
        {"who": one.who, "option": one.choice, "reason": one.reason}
        for one in votes_on(review, packet)
    )


def _decision(
    workspace: str | Path,
    review: Review,
    proposal: Proposal,
    found: Measurement,
    option: Option,
    point: OperatingPoint,
    *,
    frontier: Frontier,
    who: str,
    packet: str,
    looks: int,
) -> Decision:
    frontier = at_point(frontier.view(**proposal.view), point)
    position = frontier.position(point.candidate)
    candidate = frontier.candidates[position]
    standing = standing_policy(review)
    promises: tuple[str, ...] = (found.why,)
    certified = False
    if found.certificate is not None:
        broken = broken_rules(
            option, needs_groups=candidate.needs_groups, calibration=found.calibration,
            policy=None if standing is None else standing.policy,
        )  # fmt: skip
        promises = (*found.certificate.in_words(option.letter), *broken)
        certified = option.letter in found.certificate.certified and not broken
    return Decision(
        point=point,
        who=who,
        reason=proposal.reason,
        at=now(),
        method=candidate.method,
        penalty=candidate.penalty,
        strength=candidate.strength,
        seed=candidate.seed,
        split_seed=proposal.split_seed,
        considered=proposal.considered,
        shape=candidate.shape,
        note=candidate.note,
        needs_groups=candidate.needs_groups,
        partitions=candidate.partitions,
        alternatives=alternatives(frontier, position),
        view=proposal.view,
        sealed_counts=found.figures.counts[option.letter],
        sealed_sizes=found.figures.sizes,
        opening=looks,
        data_sha256=review.fingerprint,
        model_sha256=model_sha256(candidate.id, workspace=workspace),
        option=f"{option.letter}: {option.title}",
        certified=certified,
        promises=promises,
        provenance=provenance(review),
        policy_sha256="" if standing is None else standing.policy.sha256,
        packet_sha256=packet,
    )
