from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from faircore.decide import CalibrationLimit, conclude, lock_policy, open_sealed
from faircore.frontier import Frontier
from faircore.records import Review, frontier_of_review
from tests.decide.committee import policy_of, proposed


def asking(frontier: Frontier) -> Frontier:
    """The same candidates, said to ask for a sensitive attribute."""
    return replace(
        frontier, candidates=tuple(replace(c, needs_groups=True) for c in frontier.candidates)
    )


@pytest.mark.parametrize("may", [True, False])
def test_a_model_that_asks_for_what_it_may_not_is_never_certified(
    fresh: tuple[Path, Review], may: bool
) -> None:
    workspace, review = fresh
    lock_policy(workspace, review.id, policy_of(may_need_groups=may), who="Ada")
    proposed(workspace, review)
    open_sealed(workspace, review.id, who="Ada")
    frontier = asking(frontier_of_review(workspace, review.id))
    decision = conclude(workspace, review.id, frontier=frontier, who="Ada")
    assert decision is not None
    assert decision.certified is may
    assert ("asks for a sensitive attribute" in " ".join(decision.promises)) is not may
    assert decision.votes == ()
    assert decision.packet_sha256 == ""


def test_a_broken_calibration_rule_is_said_and_certifies_nothing(
    fresh: tuple[Path, Review],
) -> None:
    workspace, review = fresh
    strict = CalibrationLimit(error=0.001, apart=0.5, partition="gender")
    lock_policy(workspace, review.id, policy_of(calibration=strict), who="Ada")
    proposed(workspace, review)
    found = open_sealed(workspace, review.id, who="Ada")
    assert [line.verdict for line in found.calibration] == ["fail", "pass"]
    frontier = frontier_of_review(workspace, review.id)
    decision = conclude(workspace, review.id, frontier=frontier, who="Ada")
    assert decision is not None
    assert found.certificate is not None
    assert found.certificate.certified
    assert not decision.certified
    assert "calibration error of every group of gender" in decision.promises[-1]
