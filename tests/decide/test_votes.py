from __future__ import annotations

import multiprocessing
import os
import signal
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from faircore.decide import (
    Decision,
    Vote,
    amend_policy,
    conclude,
    concluding,
    lock_policy,
    open_sealed,
    standing_measurement,
    standing_packet,
    vote,
    votes_for,
)
from faircore.decide.votes import NONE, decided, has_voted, votes_on, winner
from faircore.errors import InputError
from faircore.records import Act, Review, frontier_of_review
from tests.decide.committee import at_once, now, policy_of, proposed, sent, voted_on

Fresh = tuple[Path, Review]


def ballot(workspace: Path, review: Review, sha: str, who: str, choice: str) -> Callable[[], None]:
    return lambda: vote(workspace, review.id, sha, choice, reason="Because.", who=who) and None


def end(
    workspace: Path, review: Review, sha: str | None = None, who: str = "Ada"
) -> Decision | None:
    frontier = frontier_of_review(workspace, review.id)
    return conclude(workspace, review.id, frontier=frontier, who=who, packet=sha)


def test_members_voting_at_once_all_count(fresh: Fresh) -> None:
    workspace, review = fresh
    packet = voted_on(workspace, review)
    who = ["Ada", "Ben", "Cy", "Dee"]
    said = at_once(*(ballot(workspace, review, packet.sha256, name, "B") for name in who))
    assert said == [""] * 4
    assert sorted(v.who for v in votes_on(now(workspace, review), packet)) == who


def test_one_member_voting_twice_at_once_counts_once(fresh: Fresh) -> None:
    workspace, review = fresh
    packet = voted_on(workspace, review)
    names = ["Ada", "ada ", " ADA", "Ada"]
    said = at_once(
        *(
            ballot(workspace, review, packet.sha256, n, c)
            for n, c in zip(names, "ABBA", strict=True)
        )
    )
    assert sum(not text for text in said) == 1
    assert all("voted on this packet already" in text for text in said if text)
    assert len(votes_on(now(workspace, review), packet)) == 1


def test_names_written_in_two_ways_are_one_person(fresh: Fresh) -> None:
    workspace, review = fresh
    packet = voted_on(workspace, review)
    vote(workspace, review.id, packet.sha256, "A", reason="r", who="Jos\u00e9  P")
    with pytest.raises(InputError, match="already"):
        vote(workspace, review.id, packet.sha256, "B", reason="r", who="jose\u0301 p")
    assert has_voted(now(workspace, review), packet, "JOSE\u0301 p")


@pytest.mark.parametrize(
    ("choice", "reason", "who", "message"),
    [
        ("A", " ", "Ben", "needs a reason"),
        ("Z", "r", "Ben", "no option 'Z'"),
        ("A", "r", " ", "A name has 1 to 80"),
    ],
)
def test_what_is_no_vote_is_not_counted(
    fresh: Fresh, choice: str, reason: str, who: str, message: str
) -> None:
    workspace, review = fresh
    proposed(workspace, review)
    packet = sent(workspace, review)
    before = now(workspace, review)
    with pytest.raises(InputError, match=message):
        vote(workspace, review.id, packet.sha256, choice, reason=reason, who=who)
    assert now(workspace, review) == before


def test_what_changes_during_a_vote_voids_and_refuses(
    fresh: Fresh, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace, review = fresh
    lock_policy(workspace, review.id, policy_of(), who="Ada")
    packet = voted_on(workspace, review)
    vote(workspace, review.id, packet.sha256, "B", reason="r", who="Ben")
    # Cy has read the packet and has been told it stands; then the proposal changes.
    real = standing_packet
    first = [True]

    def then(current: Review) -> object:
        found = real(current)
        if first.pop() if first else False:
            proposed(workspace, review, threshold=0.4)
        return found

    with monkeypatch.context() as patch:
        patch.setattr("faircore.decide.votes.standing_packet", then)
        with pytest.raises(InputError, match="not counted"):
            vote(workspace, review.id, packet.sha256, "B", reason="r", who="Cy")
    with pytest.raises(InputError, match="sealed rows have been opened"):
        end(workspace, review, packet.sha256)
    open_sealed(workspace, review.id, who="Ada")
    with pytest.raises(InputError, match="its votes are void"):
        end(workspace, review, packet.sha256)
    anew = sent(workspace, review)
    assert votes_on(now(workspace, review), anew) == ()
    amend_policy(workspace, review.id, policy_of(0.5), why="w", who="Ada")
    with pytest.raises(InputError, match="its votes are void"):
        end(workspace, review, anew.sha256)


def test_votes_that_an_amendment_voids_are_not_forgotten(fresh: Fresh) -> None:
    """Amended and amended back, the proposer could decide alone, with the old certificate."""
    workspace, review = fresh
    lock_policy(workspace, review.id, policy_of(), who="Ada")
    packet = voted_on(workspace, review)
    for who in ("Ben", "Cy"):
        vote(workspace, review.id, packet.sha256, "none", reason="No.", who=who)
    with pytest.raises(InputError, match="nobody decides alone over it"):
        end(workspace, review)
    amend_policy(workspace, review.id, policy_of(0.8), why="w", who="Ada")
    amend_policy(workspace, review.id, policy_of(), why="back", who="Ada")
    with pytest.raises(InputError, match="nobody decides alone over it"):
        end(workspace, review)
    found = standing_measurement(now(workspace, review))
    assert found is not None
    assert found.certificate is None
    assert "amended" in found.why
    anew = sent(workspace, review)
    vote(workspace, review.id, anew.sha256, anew.proposal.proposed.letter, reason="r", who="Di")
    decision = end(workspace, review, anew.sha256)
    assert decision is not None
    assert [one["who"] for one in decision.votes] == ["Di"]
    void = [(one["who"], one["option"]) for one in decision.void]
    assert void == [("Ben", "none"), ("Cy", "none")]
    assert not decision.certified


def test_a_new_proposal_keeps_the_votes_on_the_last(fresh: Fresh) -> None:
    workspace, review = fresh
    packet = voted_on(workspace, review)
    vote(workspace, review.id, packet.sha256, "none", reason="No.", who="Ben")
    proposed(workspace, review, threshold=0.4)
    open_sealed(workspace, review.id, who="Ada")
    decision = end(workspace, review)
    assert decision is not None
    assert [one["reason"] for one in decision.void] == ["No."]


def test_votes_are_hidden_until_ones_own_is_in(fresh: Fresh) -> None:
    workspace, review = fresh
    packet = voted_on(workspace, review)
    vote(workspace, review.id, packet.sha256, "B", reason="r", who="Ben")
    seen = now(workspace, review)
    for reader in ("", "Cy", "Be", "B"):
        assert votes_for(seen, packet, reader) == ()
    assert [v.who for v in votes_for(seen, packet, " ben ")] == ["Ben"]
    end(workspace, review, packet.sha256)
    seen = now(workspace, review)
    assert decided(seen, packet)
    assert [v.who for v in votes_for(seen, packet, "Cy")] == ["Ben"]
    with pytest.raises(InputError, match="is closed"):
        vote(workspace, review.id, packet.sha256, "B", reason="r", who="Cy")


def test_no_vote_a_tie_and_the_proposer_alone_decide_nothing(fresh: Fresh) -> None:
    workspace, review = fresh
    packet = voted_on(workspace, review)
    before = len(now(workspace, review).all(Act.DECIDED, Act.DECLINED))
    with pytest.raises(InputError, match="no vote yet, or a tie"):
        end(workspace, review, packet.sha256)
    vote(workspace, review.id, packet.sha256, "B", reason="r", who="ada")
    with pytest.raises(InputError, match="Only the proposer voted"):
        end(workspace, review, packet.sha256)
    vote(workspace, review.id, packet.sha256, "C", reason="r", who="Ben")
    with pytest.raises(InputError, match="no vote yet, or a tie"):
        end(workspace, review, packet.sha256)
    # Nor does anybody decide as if nobody had voted.
    with pytest.raises(InputError, match="have voted"):
        end(workspace, review, None)
    assert len(now(workspace, review).all(Act.DECIDED, Act.DECLINED)) == before == 0
    vote(workspace, review.id, packet.sha256, "B", reason="r", who="Cy")
    decision = end(workspace, review, packet.sha256)
    assert decision is not None
    assert decision.option.startswith("B: ")
    assert [v["who"] for v in decision.votes] == ["ada", "Ben", "Cy"]
    assert [v["who"] for v in decision.dissent] == ["Ben"]
    assert decision.packet_sha256 == packet.sha256
    chosen = packet.proposal.option("B").point
    assert decision.point == chosen
    np.testing.assert_array_equal(decision.sealed_counts, packet.figures.counts["B"])


@pytest.mark.parametrize(("choice", "told"), [(NONE, NONE), ("A", "A: As it is decided today")])
def test_no_model_is_an_outcome_with_its_votes(fresh: Fresh, choice: str, told: str) -> None:
    workspace, review = fresh
    packet = voted_on(workspace, review)
    vote(workspace, review.id, packet.sha256, choice, reason="Think.", who="Ben")
    assert end(workspace, review, packet.sha256) is None
    done = now(workspace, review)
    assert (done.state, done.decisions) == ("no model chosen", ())
    event = done.history[-1]
    assert (event.kind, event.body["option"]) == (Act.DECLINED, told)
    assert event.body["votes"] == [{"who": "Ben", "option": choice, "reason": "Think."}]
    with pytest.raises(InputError):
        end(workspace, review, packet.sha256)
    assert now(workspace, review) == done


def test_concluded_twice_at_once_is_concluded_once(fresh: Fresh) -> None:
    workspace, review = fresh
    packet = voted_on(workspace, review)
    vote(workspace, review.id, packet.sha256, "B", reason="r", who="Ben")
    said = at_once(*(lambda: end(workspace, review, packet.sha256) for _ in range(3)))
    assert sum(not text for text in said) == 1
    assert all("once only" in text for text in said if text)
    assert len(now(workspace, review).decisions) == 1
    with pytest.raises(InputError, match="once only"):
        end(workspace, review, None)  # nor alone, afterwards


def test_a_vote_that_comes_in_while_it_is_closed_is_counted_or_refused(
    fresh: Fresh, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace, review = fresh
    packet = voted_on(workspace, review)
    vote(workspace, review.id, packet.sha256, "B", reason="r", who="Ben")
    real = concluding._decision
    late = iter([("Cy", "C"), ("Dee", "B"), ("Eve", "B")])

    def then(*args: object, **more: object) -> Decision:
        found = real(*args, **more)  # type: ignore[arg-type]
        who, choice = next(late)
        vote(workspace, review.id, packet.sha256, choice, reason="r", who=who)
        return found

    monkeypatch.setattr(concluding, "_decision", then)
    with pytest.raises(InputError, match="tie"):
        end(workspace, review, packet.sha256)
    assert now(workspace, review).decisions == ()
    ballot(workspace, review, packet.sha256, "Fay", "B")()
    decision = end(workspace, review, packet.sha256)
    assert decision is not None  # Dee's vote came in late, changed nothing, and is on record
    assert [v["who"] for v in decision.votes] == ["Ben", "Cy", "Fay", "Dee"]


def test_closing_and_voting_at_once_agree(fresh: Fresh) -> None:
    workspace, review = fresh
    packet = voted_on(workspace, review)
    vote(workspace, review.id, packet.sha256, "B", reason="r", who="Ben")
    names = ["Cy", "Dee", "Fay"]
    said = at_once(
        lambda: end(workspace, review, packet.sha256) and None,
        *(ballot(workspace, review, packet.sha256, name, "B") for name in names),
    )
    assert said[0] == ""
    done = now(workspace, review)
    counted = {v["who"] for v in done.decisions[-1]["votes"]}
    assert counted == {v.who for v in votes_on(done, packet)}
    assert counted == {"Ben"} | {n for n, text in zip(names, said[1:], strict=True) if not text}


def _votes_on_and_on(workspace: Path, review: Review, sha: str, name: str, told: Path) -> None:
    with told.open("ab", buffering=0) as file:
        for i in range(10_000):
            vote(workspace, review.id, sha, "B", reason="r", who=f"{name} {i}")
            file.write(f"{name} {i}\n".encode())


@pytest.mark.slow
def test_a_process_killed_at_any_moment_loses_and_doubles_nothing(fresh: Fresh) -> None:
    workspace, review = fresh
    packet = voted_on(workspace, review)
    told = workspace / "told"
    rng = np.random.default_rng(0)
    context = multiprocessing.get_context("fork")
    before = 0
    for life in range(40):
        args = (workspace, review, packet.sha256, f"Life {life}", told)
        process = context.Process(target=_votes_on_and_on, args=args)
        process.start()
        time.sleep(float(rng.uniform(0.02, 0.15)))
        assert process.pid is not None
        os.kill(process.pid, signal.SIGKILL)
        process.join()
        promised = told.read_text().splitlines() if told.exists() else []
        kept = [v.who for v in votes_on(now(workspace, review), packet)]
        assert len(kept) == len(set(kept))
        assert set(promised) <= set(kept)  # what a voter was told is counted, is
        # At most the one vote in flight at each kill is there unsaid.
        assert len(kept) - len(promised) <= life + 1
        before += len(kept) > before
        with closing(sqlite3.connect(workspace / "records.sqlite")) as raw:
            assert raw.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert before > 10  # the kills struck while votes were being cast


@given(st.lists(st.sampled_from("ABC" + NONE[0]), max_size=9))
def test_the_winner_has_more_votes_than_any_other(choices: list[str]) -> None:
    votes = tuple(Vote(str(i), "", choice, "r") for i, choice in enumerate(choices))
    found = winner(votes)
    tally = sorted((choices.count(c) for c in set(choices)), reverse=True)
    clear = bool(tally) and (len(tally) == 1 or tally[0] > tally[1])
    assert (found is not None) == clear
    assert found is None or choices.count(found) == tally[0]
    assert found == winner(tuple(reversed(votes)))
