"""What a committee is asked about: frozen, named by a hash of all it says.

A packet holds no row: counts, sentences and hashes. It stands until a new proposal, an amended
policy or newly opened sealed rows say something else; what was voted on it is then void.
"""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any

from faircore.audit.words import Wording
from faircore.decide.calibration_lines import CalibrationLine
from faircore.decide.certificate import Certificate
from faircore.decide.figures import SEALED, Figures, decisions_of, figures_of
from faircore.decide.options import Option
from faircore.decide.other_rules import broken_rules
from faircore.decide.policy import Policy
from faircore.decide.proposal import Proposal, standing_proposal
from faircore.decide.sealed import Measurement, standing_measurement
from faircore.decide.standing import provenance, standing_policy
from faircore.errors import InputError
from faircore.frontier import Frontier
from faircore.records import Act, Event, Review, ReviewStore, canonical
from faircore.shelf import model_sha256
from faircore.training import Prepared

CLOSED = "The sealed rows have not been opened for this proposal."

VOIDING = (Act.PROPOSED, Act.AMENDED, Act.LOCKED, Act.MEASURED)
"""What makes a packet something else than what is on the table."""


@dataclass(frozen=True, eq=False)
class Packet:
    """What the options do, and what is known of it.

    Attributes
    ----------
    number : int
        Its place in the record.
    sha256 : str
        Hash of ``content``.
    who, at : str
        Who sent it.
    proposal : Proposal
    content : dict
        Everything that was frozen, as plain data: the proposal as it was written, how people speak
        of outcomes, each option's figures, model and broken rules, the policy with its plan, the
        certificate or why there is none.
    """

    number: int
    sha256: str
    who: str
    at: str
    proposal: Proposal
    content: dict[str, Any]

    @property
    def options(self) -> tuple[Option, ...]:
        """What can be chosen."""
        return self.proposal.options

    @property
    def sealed(self) -> bool:
        """Whether its figures are of the sealed rows; of the compared ones otherwise."""
        return self.figures.split == SEALED

    @property
    def policy(self) -> Policy | None:
        """The policy that held."""
        raw = self.content["policy"]
        return None if raw is None else Policy.from_dict(raw)

    @property
    def certificate(self) -> Certificate | None:
        """What the sealed rows said, where they were asked."""
        raw = self.content["certificate"]
        return None if raw is None else Certificate.from_dict(raw)

    @property
    def why(self) -> str:
        """Why nothing is certified; empty where something was tested."""
        return str(self.content.get("why", ""))

    @property
    def calibration(self) -> tuple[CalibrationLine, ...]:
        """The proposed score against the policy's calibration rules, on the sealed rows."""
        return tuple(CalibrationLine(**raw) for raw in self.content.get("calibration", ()))

    @property
    def wording(self) -> Wording:
        """How people speak of outcomes and decisions, as it was when the packet was sent."""
        return Wording(**self.content.get("wording", {}))

    @property
    def asking(self) -> set[str]:
        """Letters of options whose model asks for a sensitive attribute."""
        models = self.content["models"]
        return {o.letter for o in self.options
                if o.point and models[o.point.candidate]["needs_groups"]}  # fmt: skip

    def broken(self, letter: str) -> tuple[str, ...]:
        """Rules that no certificate speaks of and an option breaks, one sentence each."""
        return broken_rules(
            self.proposal.option(letter), needs_groups=letter in self.asking,
            calibration=self.calibration, policy=self.policy,
        )  # fmt: skip

    @cached_property
    def figures(self) -> Figures:
        """What each option does."""
        return Figures.from_dict(self.content["figures"])

    @property
    def unchanged(self) -> bool:
        """Whether the content still is what its hash says."""
        return _sha256(self.content) == self.sha256


def send_packet(
    workspace: str | Path,
    review_id: str,
    *,
    frontier: Frontier,
    who: str | None = None,
    prepared: Prepared | None = None,
) -> Review:
    """Freeze the standing proposal with what its options do, and put it to the vote.

    Parameters
    ----------
    workspace : path
    review_id : str
    frontier : Frontier
        Where the candidates were compared; figures come from its select split as long as the
        sealed rows are closed.
    who : str, optional
    prepared : Prepared, optional
        The review's dataset, prepared with the proposal's split seed; made when absent.

    Raises
    ------
    InputError
        When nothing is proposed, it has fewer than two options, or the same packet is out.
    """
    store = ReviewStore(workspace)
    review = store.get(review_id)
    proposal = standing_proposal(review)
    if proposal is None:
        raise InputError("There is nothing to vote on yet. Propose a point first.")
    if len(proposal.options) < 2:
        raise InputError(
            "A vote needs at least two options, and the proposal stands alone. Propose it beside "
            "others."
        )
    if prepared is None:
        prepared = Prepared.of(store.dataset(review_id), split_seed=proposal.split_seed)
    found = standing_measurement(review)
    content = _content(workspace, review, proposal, found, frontier, prepared)

    def body(now: Review) -> dict[str, Any]:
        if now.last(*VOIDING) != review.last(*VOIDING):
            raise InputError(
                "The proposal or its figures changed while the packet was made. Nothing was sent; "
                "send it again."
            )
        sha256, out = _sha256(content), standing_packet(now)
        if out is not None and out.sha256 == sha256:  # sent anew, it would lose its votes
            raise InputError("This packet is out already, and its votes count. Vote on it.")
        return {"content": content, "sha256": sha256, "proposal": proposal.number}

    return store.record(review_id, Act.PACKET, body, who=who)


def standing_packet(review: Review) -> Packet | None:
    """The packet that can be voted on; None when none was sent or something changed since."""
    for event in reversed(review.history):
        if event.kind in VOIDING:
            return None
        if event.kind is Act.PACKET:
            return packet_of(review, event)
    return None


def packet_of(review: Review, event: Event) -> Packet:
    """Read the packet of an event of the record; its proposal is the frozen one."""
    body = event.body
    (made,) = (e for e in review.all(Act.PROPOSED) if e.number == body["proposal"])
    frozen = body["content"]["proposal"]
    if isinstance(frozen, dict):  # the first version froze the number alone
        made = replace(made, who=frozen["who"], at=frozen["at"], body=frozen["body"])
    return Packet(
        event.number, body["sha256"], event.who, event.at, Proposal.of(made), body["content"]
    )


def _content(
    workspace: str | Path,
    review: Review,
    proposal: Proposal,
    found: Measurement | None,
    frontier: Frontier,
    prepared: Prepared,
) -> dict[str, Any]:
    standing = standing_policy(review)
    if found is None:
        decisions = decisions_of(proposal.options, "select", workspace=workspace, prepared=prepared)
        figures = figures_of(
            decisions, "select", prepared=prepared, partition=proposal.view["partition"]
        )
    else:
        figures = found.figures
    known = {c.id: c for c in frontier.candidates}
    used = {o.point.candidate: known[o.point.candidate] for o in proposal.options if o.point}
    (made,) = (e for e in review.all(Act.PROPOSED) if e.number == proposal.number)
    return {
        "review": review.id,
        "name": review.name,
        "proposal": {"number": made.number, "who": made.who, "at": made.at, "body": made.body},
        "wording": asdict(review.wording),
        "figures": figures.to_dict(),
        "models": {
            i: {"method": c.method, "needs_groups": c.needs_groups, "note": c.note,
                "sha256": model_sha256(i, workspace=workspace)}
            for i, c in used.items()
        },
        "candidates": sorted(known),
        "certificate": None if found is None or found.certificate is None
        else found.certificate.to_dict(),
        "why": CLOSED if found is None else found.why,
        "calibration": [] if found is None else [asdict(line) for line in found.calibration],
        "policy": None if standing is None else standing.policy.to_dict(),
        "provenance": provenance(review),
        "data_sha256": review.fingerprint,
        "engine": version("faircore"),
    }  # fmt: skip


def _sha256(content: dict[str, Any]) -> str:
    return hashlib.sha256(canonical(content).encode()).hexdigest()
