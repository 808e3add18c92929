from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from faircore.decide import (
    CalibrationLimit,
    amend_policy,
    lock_policy,
    open_sealed,
    packet,
    send_packet,
    standing_packet,
    vote,
)
from faircore.errors import InputError
from faircore.records import Act, Review, ReviewStore, frontier_of_review
from tests.decide.committee import now, policy_of, proposed, sent, voted_on


def test_a_packet_is_named_by_all_it_says(fresh: tuple[Path, Review]) -> None:
    workspace, review = fresh
    lock_policy(workspace, review.id, policy_of(), who="Ada")
    found = voted_on(workspace, review)
    assert found.unchanged
    assert found.sealed
    assert len(found.sha256) == 64
    assert found.certificate is not None
    assert found.policy == policy_of()
    assert found.options == found.proposal.options
    for key, value in found.content.items():
        other = {**found.content, key: [value, "x"]}
        assert not replace(found, content=other).unchanged, key
    text = json.dumps(found.content)
    assert not [word for word in ("income", "debt_ratio") if word in text]  # no row, no column


def test_a_packet_holds_what_is_voted_on_itself(fresh: tuple[Path, Review]) -> None:
    """Reason, options, words and models: nothing of what is read is looked up elsewhere."""
    workspace, review = fresh
    strict = CalibrationLimit(error=0.001, apart=0.5, partition="gender")
    lock_policy(workspace, review.id, policy_of(calibration=strict), who="Ada")
    ReviewStore(workspace).add_outcome_check(
        review.id, answers={}, wording={"selected": "lent to"}, who="Ada"
    )
    found = voted_on(workspace, review)
    frozen = found.content["proposal"]["body"]
    assert frozen["reason"] == found.proposal.reason == "Enough."
    assert [raw["letter"] for raw in frozen["options"]] == [o.letter for o in found.options]
    assert {len(model["sha256"]) for model in found.content["models"].values()} == {64}
    assert [line.verdict for line in found.calibration] == ["fail", "pass"]
    proposal = found.proposal
    for option in proposal.options:
        assert bool(found.broken(option.letter)) is (option == proposal.proposed)
    ReviewStore(workspace).add_outcome_check(
        review.id, answers={}, wording={"selected": "refused"}, who="Eve"
    )
    standing = standing_packet(now(workspace, review))
    assert standing is not None
    assert standing.wording.selected == "lent to"


def test_why_nothing_is_certified_is_part_of_a_packet(fresh: tuple[Path, Review]) -> None:
    workspace, review = fresh
    proposed(workspace, review)
    assert "not been opened" in sent(workspace, review).why
    open_sealed(workspace, review.id, who="Ada")
    assert "No policy was locked" in sent(workspace, review).why


def test_before_the_opening_a_packet_shows_the_compared_rows(fresh: tuple[Path, Review]) -> None:
    workspace, review = fresh
    proposed(workspace, review)
    found = sent(workspace, review)
    assert (found.sealed, found.figures.split, found.certificate) == (False, "select", None)
    assert Act.OPENED not in {e.kind for e in now(workspace, review).history}
    open_sealed(workspace, review.id, who="Ada")
    assert standing_packet(now(workspace, review)) is None  # its figures are no longer the newest


def test_what_cannot_be_voted_on_is_not_sent(fresh: tuple[Path, Review]) -> None:
    workspace, review = fresh
    frontier = frontier_of_review(workspace, review.id)
    with pytest.raises(InputError, match="nothing to vote on"):
        send_packet(workspace, review.id, frontier=frontier, who="Ada")
    proposed(workspace, review, alone=True)
    with pytest.raises(InputError, match="at least two options"):
        send_packet(workspace, review.id, frontier=frontier, who="Ada")
    assert standing_packet(now(workspace, review)) is None


def test_the_same_packet_sent_again_does_not_wipe_its_votes(fresh: tuple[Path, Review]) -> None:
    workspace, review = fresh
    first = voted_on(workspace, review)
    vote(workspace, review.id, first.sha256, "B", reason="r", who="Ben")
    with pytest.raises(InputError, match="out already"):
        sent(workspace, review, who="Eve")
    standing = standing_packet(now(workspace, review))
    assert standing is not None
    assert standing.number == first.number


def test_what_changes_while_a_packet_is_made_sends_nothing(
    fresh: tuple[Path, Review], monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace, review = fresh
    lock_policy(workspace, review.id, policy_of(), who="Ada")
    proposed(workspace, review)
    real = packet.figures_of

    def then(*args: object, **more: object) -> object:
        amend_policy(workspace, review.id, policy_of(0.5), why="w", who="Eve")
        return real(*args, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(packet, "figures_of", then)
    with pytest.raises(InputError, match="Nothing was sent"):
        sent(workspace, review)
    assert now(workspace, review).all(Act.PACKET) == ()


def test_a_new_proposal_and_an_amended_policy_void_a_packet(fresh: tuple[Path, Review]) -> None:
    workspace, review = fresh
    lock_policy(workspace, review.id, policy_of(), who="Ada")
    proposed(workspace, review)
    first = sent(workspace, review)
    amend_policy(workspace, review.id, policy_of(0.5), why="Stricter.", who="Ada")
    assert standing_packet(now(workspace, review)) is None
    second = sent(workspace, review)
    assert second.sha256 != first.sha256
    proposed(workspace, review, threshold=0.4)
    assert standing_packet(now(workspace, review)) is None
    for old in (first, second):
        with pytest.raises(InputError, match="was changed while you read"):
            vote(workspace, review.id, old.sha256, "A", reason="r", who="Ben")
