"""The sealed rows: nothing of them is told before the record says that they were opened.

The order is fixed: models score the rows (no outcome is looked at), the record takes the opening
with the risk it may spend, and only then outcomes are counted. A process that dies in between has
spent its opening; what it was opened for can be measured afterwards without another.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from faircore.data import split_dataset
from faircore.decide.calibration_lines import CalibrationLine, calibration_lines
from faircore.decide.certificate import Certificate
from faircore.decide.certifying import certify_figures
from faircore.decide.figures import SEALED, Figures, decisions_of, figures_of
from faircore.decide.proposal import Proposal, standing_proposal
from faircore.decide.risk import NO_POLICY, SPENT, grant, looks_at
from faircore.decide.standing import standing_policy
from faircore.errors import InputError, OnceError
from faircore.groups import find_partition
from faircore.records import Act, Event, Review, ReviewStore
from faircore.training import Prepared

AMENDED = (
    "The policy was amended after the sealed rows had been opened: what was tested is not the "
    "policy that holds."
)


@dataclass(frozen=True, eq=False)
class Measurement:
    """What the sealed rows said of a proposal.

    Attributes
    ----------
    proposal : int
        Number of the proposal they were opened for.
    at : str
    figures : Figures
    certificate : Certificate or None
        None where the opening bought no test; ``why`` says why not.
    why : str
    calibration : tuple of CalibrationLine
        The proposed score against the policy's calibration rules; empty without any.
    openings : int
        How often these rows had been opened by then, in any review of the data.
    """

    proposal: int
    at: str
    figures: Figures
    certificate: Certificate | None
    why: str
    calibration: tuple[CalibrationLine, ...]
    openings: int


def open_sealed(
    workspace: str | Path,
    review_id: str,
    *,
    who: str | None = None,
    prepared: Prepared | None = None,
) -> Measurement:
    """Open the sealed rows for the standing proposal, once.

    Parameters
    ----------
    workspace : path
    review_id : str
    who : str, optional
        Who is acting when absent.
    prepared : Prepared, optional
        The review's dataset, prepared with the proposal's split seed; made when absent.

    Returns
    -------
    Measurement
        With a certificate where a policy was locked before these rows were first seen and its
        risk is not spent.

    Raises
    ------
    InputError
        When nothing is proposed, the rows have been opened for this proposal already, the data
        given are others or split otherwise, a rule cannot be tested or speaks of a partition that
        the data do not have, or proposal or policy change at this moment.
    """
    store = ReviewStore(workspace)
    review = store.get(review_id)
    proposal = standing_proposal(review)
    if proposal is None:
        raise InputError("Propose a point first: the sealed rows are opened for a proposal only.")
    if standing_measurement(review) is not None:
        raise InputError(
            "The sealed rows have been opened for this proposal, and would say the same again. "
            "Their figures stand on the Decide page."
        )
    if prepared is None:
        prepared = Prepared.of(store.dataset(review_id), split_seed=proposal.split_seed)
    _check_rows(review, proposal, prepared)
    # A score gives no figure away; a model that cannot score these rows must not cost a look.
    decisions = decisions_of(proposal.options, SEALED, workspace=workspace, prepared=prepared)
    review = _opened(store, review, proposal, who)
    opening = next(e for e in review.all(Act.OPENED) if e.body.get("proposal") == proposal.number)
    figures = figures_of(
        decisions, SEALED, prepared=prepared, partition=proposal.view["partition"], opening=opening
    )
    body = {
        "proposal": proposal.number,
        "figures": figures.to_dict(),
        "openings": len(looks_at(store.of_same_rows(review))),
        "calibration": _calibration(workspace, review, proposal, opening, prepared),
        **_tested(review, proposal, opening, figures, prepared),
    }
    try:
        review = store.record(
            review_id, Act.MEASURED, body, who=opening.who, once=f"measured {proposal.number}"
        )
    except OnceError:  # somebody else finished what a process left behind
        review = store.get(review_id)
    found = measurement_of(review, proposal.number)
    if found is None:
        raise InputError("The figures were not recorded. Open the page again.")
    return found


def _check_rows(review: Review, proposal: Proposal, prepared: Prepared) -> None:
    """Refuse what would spend a look and could not be tested."""
    if prepared.dataset.fingerprint != review.fingerprint:
        raise InputError("The data given are not those of this review. Leave `prepared` out.")
    sealed = split_dataset(prepared.dataset, seed=proposal.split_seed).as_dict()[SEALED]
    if not np.array_equal(prepared.rows(SEALED), sealed):  # else models could have learned from it
        raise InputError(
            "The data given are split otherwise than the proposed models were trained. Leave "
            "`prepared` out."
        )
    if (standing := standing_policy(review)) is not None:
        if standing.policy.untestable:
            raise InputError(
                "The policy has a limit of exactly 0 or 1, which nothing can show to be kept. "
                "Amend the policy before these rows are opened: the look would be spent."
            )
        for name in standing.policy.partitions:  # a rule that cannot be asked must cost no look
            find_partition(prepared.groups.partitions, name)


def standing_measurement(review: Review) -> Measurement | None:
    """What the sealed rows said of the standing proposal; None while they are closed for it."""
    proposal = standing_proposal(review)
    return None if proposal is None else measurement_of(review, proposal.number)


def measurement_of(review: Review, proposal: int) -> Measurement | None:
    """What the sealed rows said of a proposal; what another policy bought is no certificate now."""
    written = review.last(Act.LOCKED, Act.AMENDED)
    for event in review.all(Act.MEASURED):
        body = event.body
        if body["proposal"] == proposal:
            raw, why = body["certificate"], body["why"]
            opened = next(e for e in review.all(Act.OPENED) if e.body.get("proposal") == proposal)
            # Amended and amended back is amended: what was voted on in between is not undone.
            if raw is not None and written is not None and written.number > opened.number:
                raw, why = None, AMENDED
            return Measurement(
                proposal,
                event.at,
                Figures.from_dict(body["figures"]),
                None if raw is None else Certificate.from_dict(raw),
                why,
                tuple(CalibrationLine(**x) for x in body["calibration"]),
                body["openings"],
            )
    return None


def _opened(store: ReviewStore, review: Review, proposal: Proposal, who: str | None) -> Review:
    """The review with the opening for this proposal, recorded now or left by a dead process."""
    standing = standing_policy(review)

    def body(now: Review, kin: tuple[Review, ...]) -> dict[str, Any] | None:
        if standing_proposal(now) != proposal:
            raise InputError(
                "The proposal was changed at this moment. The sealed rows were not opened; look at "
                "the new proposal first."
            )
        if standing_policy(now) != standing:
            raise InputError(
                "The policy was changed at this moment. The sealed rows were not opened; look at "
                "the new policy first."
            )
        if any(e.body.get("proposal") == proposal.number for e in now.all(Act.OPENED)):
            return None
        return {
            **asdict(proposal.point),
            **asdict(grant(now, kin, proposal.options)),
            "proposal": proposal.number,
            "policy": None if standing is None else standing.policy.sha256,
        }

    return store.record_among(review.id, Act.OPENED, body, who=who)


def _calibration(
    workspace: str | Path, review: Review, proposal: Proposal, opening: Event, prepared: Prepared
) -> list[dict[str, Any]]:
    standing = standing_policy(review)
    if standing is None or standing.policy.calibration is None:
        return []
    lines = calibration_lines(
        proposal.point.candidate, standing.policy.calibration, SEALED, workspace=workspace,
        prepared=prepared, opening=opening,
    )  # fmt: skip
    return [asdict(line) for line in lines]


def _tested(
    review: Review,
    proposal: Proposal,
    opening: Event,
    figures: Figures,
    prepared: Prepared,
) -> dict[str, Any]:
    """The certificate an opening bought, or why it bought none."""
    standing = standing_policy(review)
    if standing is None:
        return {"certificate": None, "why": NO_POLICY}
    if opening.body["level"] is None:
        return {"certificate": None, "why": opening.body.get("why", SPENT)}
    (policy, *_) = (
        v.policy for v in standing.versions if v.policy.sha256 == opening.body["policy"]
    )
    certificate = certify_figures(
        figures,
        policy,
        partitions=prepared.groups.partitions,
        order=proposal.order,
        level=opening.body["level"],
        tested_at=opening.body["tested_at"],
    )
    return {"certificate": certificate.to_dict(), "why": ""}
