"""The steps of a decision, for tests, and several people at once."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from pathlib import Path
from typing import Any

from faircore.decide import (
    OperatingPoint,
    Packet,
    Policy,
    Proposal,
    open_sealed,
    propose,
    send_packet,
    standing_packet,
    standing_proposal,
)
from faircore.decide.risk import left_to_spend
from faircore.errors import FaircoreError
from faircore.frontier import Limit
from faircore.records import Review, ReviewStore, frontier_of_review
from faircore.training import Prepared

GAP = "demographic_parity_difference"


def policy_of(at: float = 0.9, **more: Any) -> Policy:
    """A policy that nearly any model keeps, unless its limit is small."""
    limits = more.pop("limits", (Limit(f"{GAP}@gender", at), Limit("accuracy", 0.1)))
    return Policy(GAP, limits, **{"reason": "For a test.", **more})


def now(workspace: Path, review: Review) -> Review:
    """The review as the record has it."""
    return ReviewStore(workspace).get(review.id)


def left(workspace: Path, review: Review) -> int:
    """Openings with a certificate that the review's policy still has."""
    found = now(workspace, review)
    return left_to_spend(found, ReviewStore(workspace).of_same_rows(found))


def prepared_for(workspace: Path, review: Review) -> Prepared:
    """The rows, prepared once for a test."""
    return Prepared.of(ReviewStore(workspace).dataset(review.id))


def proposed(workspace: Path, review: Review, *, who: str = "Ada", **more: Any) -> Proposal:
    """Put the last candidate forward."""
    frontier = frontier_of_review(workspace, review.id)
    point = OperatingPoint(frontier.candidates[-1].id, more.pop("threshold", 0.5))
    given = {"reason": "Enough.", "decided": True, **more}
    propose(workspace, review.id, point, frontier=frontier, who=who, **given)
    found = standing_proposal(now(workspace, review))
    assert found is not None
    return found


def sent(workspace: Path, review: Review, *, who: str = "Ada") -> Packet:
    """Put what is proposed to the vote."""
    frontier = frontier_of_review(workspace, review.id)
    found = standing_packet(send_packet(workspace, review.id, frontier=frontier, who=who))
    assert found is not None
    return found


def voted_on(workspace: Path, review: Review) -> Packet:
    """Propose, open the sealed rows and put their figures to the vote."""
    proposed(workspace, review)
    open_sealed(workspace, review.id, who="Ada")
    return sent(workspace, review)


def put_to_vote(workspace: Path, review_id: str, candidate: int, *, by: str) -> None:
    """Propose a candidate in the view of a partition, open the sealed rows and send the packet."""
    frontier = frontier_of_review(workspace, review_id).view(partition=by)
    point = OperatingPoint(frontier.candidates[candidate].id, 0.5)
    propose(workspace, review_id, point, frontier=frontier, reason="It narrows.", who="Ana")
    open_sealed(workspace, review_id, who="Ana")
    send_packet(workspace, review_id, frontier=frontier, who="Ana")


def at_once(*acts: Callable[[], object]) -> list[str]:
    """Do things in processes of their own, started together; what each said, empty if done."""
    context = multiprocessing.get_context("fork")
    barrier, told = context.Barrier(len(acts)), context.Queue()

    def run(place: int, act: Callable[[], object]) -> None:
        barrier.wait()
        try:
            act()
            told.put((place, ""))
        except FaircoreError as error:
            told.put((place, str(error)))

    workers = [context.Process(target=run, args=one) for one in enumerate(acts)]
    for worker in workers:
        worker.start()
    said = dict(told.get(timeout=120) for _ in workers)
    for worker in workers:
        worker.join()
    return [said[place] for place in range(len(acts))]
