"""Policy, Decide and Packet as people use them: from five questions to a recorded vote."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from faircore.data import Dataset, Table
from faircore.decide import (
    OperatingPoint,
    Policy,
    lock_policy,
    open_sealed,
    propose,
    standing_packet,
    standing_policy,
    vote,
)
from faircore.frontier import Limit
from faircore.groups import find_partition
from faircore.records import Act, Review, ReviewStore, frontier_of_review
from pages.components.words import plain
from tests.decide.committee import put_to_vote
from tests.pages.visitor import button, labelled, one_error, well, words

Opened = tuple[Path, Review]
Open = Callable[..., AppTest]
GAP = "demographic_parity_difference"
ANSWERS = {
    "Who is harmed most when the system is wrong?": "both",
    "Can the recorded outcome be trusted?": "trusted",
    "Does anybody read the score itself as a chance?": "chance",
    "May the sensitive attribute be used when a person is scored?": "no",
    "Which rules does this fall under?": "us_credit",
}


def asked(app: AppTest) -> AppTest:
    for question, answer in ANSWERS.items():
        labelled(app.radio, question).set_value(answer)
    return well(button(app, "See what this leads to").click().run())


@pytest.fixture
def voting(fresh: Opened, monkeypatch: pytest.MonkeyPatch) -> Opened:
    """A review whose packet is out, its policy locked after models were asked for."""
    workspace, review = fresh
    policy = Policy(
        "demographic_parity_difference",
        (Limit(f"{GAP}@race", 0.05), Limit(f"{GAP}@gender", 0.01)),
        reason="Nobody is to be refused for it.",
        smallest_group=20,
    )
    lock_policy(workspace, review.id, policy, who="Ana")
    put_to_vote(workspace, review.id, 2, by="race")
    return workspace, ReviewStore(workspace).get(review.id)


def test_five_questions_lead_to_a_policy_that_is_locked_once(
    lending: tuple[Table, Dataset], visit: Open, tmp_path: Path
) -> None:
    review = ReviewStore(tmp_path).create("Loans", *lending)
    app = visit("policy.py", tmp_path, review.id)
    assert [b.label for b in app.button] == ["See what this leads to"]
    button(app, "See what this leads to").click().run()
    assert "Answer each question" in one_error(app)
    told = words(asked(app))
    assert "Gap in either error" in told
    assert "Ratio of selection at least" in str([n.label for n in app.number_input])
    assert labelled(app.number_input, "Ratio of selection at least, %").value == 80.0
    assert labelled(app.number_input, "Calibration error of every group at most, %").value == 5.0
    labelled(app.text_input, "Your name").set_value("Ana")
    button(app, "Lock the policy").click().run()
    assert "needs a reason" in one_error(app)
    labelled(app.text_area, "Why this definition and these limits").set_value("<b>Because</b> $x$")
    well(button(app, "Lock the policy").click().run())
    stored = ReviewStore(tmp_path).get(review.id)
    standing = standing_policy(stored)
    assert standing is not None
    policy = standing.policy
    assert policy.definition == "equalized_odds_difference"
    assert policy.calibration is not None
    assert not policy.may_need_groups
    assert {x.at for x in policy.limits} == {0.05, 0.8}
    told = words(app)
    assert "The policy was locked before any model was asked for." in told
    assert "\\<b\\>Because" in told  # shown as it was written
    labelled(app.text_area, "Why the policy changes").set_value("Fewer people than thought.")
    labelled(app.number_input, "Gap at most, points").set_value(10.0)
    well(button(app, "Amend the policy").click().run())
    assert len(ReviewStore(tmp_path).get(review.id).all(Act.AMENDED)) == 0  # only asked to confirm
    assert "5.0 points became 10.0 points" in words(app)
    well(button(app, "Record this amendment").click().run())
    told = words(app)
    assert "5.0 points became 10.0 points" in told
    assert "Fewer people than thought." in told
    assert len(ReviewStore(tmp_path).get(review.id).all(Act.LOCKED, Act.AMENDED)) == 2


def test_a_policy_after_models_is_exploratory(trained: Opened, visit: Open) -> None:
    app = visit("policy.py", trained[0], trained[1].id)
    assert any("exploratory for ever" in w.value for w in app.warning)
    assert "**exploratory**" in words(app)


def test_without_a_policy_training_warns(
    lending: tuple[Table, Dataset], visit: Open, tmp_path: Path, no_training: None
) -> None:
    review = ReviewStore(tmp_path).create("Loans", *lending)
    app = visit("train.py", tmp_path, review.id)
    assert "make this review exploratory, for ever" in words(app)
    well(button(app, "Write the policy first").click().run())
    assert app.title[0].value == "Policy"


def test_a_refusal_says_why_and_how_many_rows(voting: Opened, visit: Open) -> None:
    workspace, review = voting
    app = visit("decide.py", workspace, review.id)
    told = words(app)
    assert "No certificate" in told
    assert "Selection shrinkage" in told
    assert "would be needed" in told or "breaks the rule" in told
    table = app.dataframe[0].value
    assert list(table.columns) == ["Rule", "Measured", "Could be as bad as", "Verdict"]
    assert set(table["Verdict"]) <= {"✓ pass", "✗ fail", "? cannot tell"}
    assert "The packet is out" in told


def test_a_small_group_is_named_and_its_people_are_not_told(fresh: Opened, visit: Open) -> None:
    """Few of these loans name no race: the page says so, and no number that depends on them."""
    workspace, review = fresh
    limits = (Limit(f"{GAP}@race", 0.3), Limit("accuracy", 0.5))
    lock_policy(workspace, review.id, Policy(GAP, limits, reason="A test."), who="Ana")
    frontier = frontier_of_review(workspace, review.id).view(partition="race")
    point = OperatingPoint(frontier.candidates[2].id, 0.5)
    propose(workspace, review.id, point, frontier=frontier, reason="It narrows.", who="Ana")
    found = open_sealed(workspace, review.id, who="Ana")
    assert found.certificate is not None
    few = found.certificate.lines["A"][0].too_few
    assert few == ("(missing)",)
    app = visit("decide.py", workspace, review.id)
    assert "A group has too few people to be judged" in words(app)
    row = app.dataframe[0].value.iloc[0]
    assert (row["Could be as bad as"], row["Verdict"]) == ("–", "? cannot tell")
    assert "nan" not in words(app).split()
    policy = words(visit("policy.py", workspace, review.id))
    assert "fewer than 10 sealed rows" in policy


def test_a_packet_shows_the_groups_and_the_rule_that_are_asked_for(
    fresh: Opened, visit: Open
) -> None:
    workspace, review = fresh
    limits = (Limit(f"{GAP}@race", 0.2), Limit(f"{GAP}@gender", 0.1), Limit("accuracy", 0.5))
    lock_policy(workspace, review.id, Policy(GAP, limits, reason="Both count."), who="Ana")
    put_to_vote(workspace, review.id, 2, by="race")
    app = visit("packet.py", workspace, review.id)
    races = words(app)
    partition = find_partition(frontier_of_review(workspace, review.id).partitions, "gender")
    assert not all(f"- {plain(name)}: **" in races for name in partition.group_names)
    next(g for g in app.button_group if g.key == "packet-groups").set_value("gender")
    labelled(app.selectbox, "Rule").set_value("accuracy")
    genders = words(well(app.run()))
    assert all(f"- {plain(name)}: **" in genders for name in partition.group_names)
    assert races != genders


def test_a_vote_is_hidden_until_ones_own_is_in(voting: Opened, visit: Open) -> None:
    workspace, review = voting
    packet = standing_packet(review)
    assert packet is not None
    letter = packet.options[0].letter
    vote(workspace, review.id, packet.sha256, letter, reason="*Because* of <i>x", who="Ben")
    app = visit("packet.py", workspace, review.id)
    told = words(app)
    assert "1 vote is in. What others said is shown once your own vote is in." in told
    assert "Ben" not in told
    assert f"Packet {packet.sha256[:12]}" in told
    assert "Of 1,000 people" in told
    labelled(app.text_area, "Because").set_value("Fewer wrong refusals.")
    labelled(app.text_input, "Your name").set_value("Cleo")
    button(app, "Vote").click().run()
    assert "Choose an option" in one_error(app)
    labelled(app.radio, "I vote for").set_value("none")
    well(button(app, "Vote").click().run())
    assert not ReviewStore(workspace).get(review.id).all(Act.VOTED)[1:]  # only asked to confirm
    well(button(app, "Record this vote").click().run())
    assert [e.who for e in ReviewStore(workspace).get(review.id).all(Act.VOTED)] == ["Ben", "Cleo"]
    told = words(app)
    assert "The vote of Cleo is in" in told
    assert "Ben: \\*Because\\* of \\<i\\>x" in told
    button(app, "Close the vote and record the outcome").click().run()
    assert "a tie" in one_error(app)


def test_a_changed_proposal_voids_the_packet(voting: Opened, visit: Open) -> None:
    workspace, review = voting
    packet = standing_packet(review)
    assert packet is not None
    app = visit("packet.py", workspace, review.id)
    labelled(app.radio, "I vote for").set_value(packet.options[0].letter)
    labelled(app.text_area, "Because").set_value("Yes.")
    labelled(app.text_input, "Your name").set_value("Cleo")
    well(button(app, "Vote").click().run())
    frontier = frontier_of_review(workspace, review.id)
    point = OperatingPoint(frontier.candidates[0].id, 0.5)
    propose(workspace, review.id, point, frontier=frontier, reason="Better.", who="Ana")
    button(app, "Record this vote").click().run()
    assert "no longer what is voted on" in one_error(app)
    assert not ReviewStore(workspace).get(review.id).all(Act.VOTED)
    app = visit("packet.py", workspace, review.id)
    assert any("votes are void" in w.value for w in app.warning)


def test_the_home_page_says_who_acts_and_what_was_done(voting: Opened, visit: Open) -> None:
    app = visit("reviews.py", voting[0])
    told = words(app)
    assert "being voted on · exploratory · next: the committee votes" in told
    app.session_state[f"history-{voting[1].id}"] = True
    lines = well(app.run()).dataframe[0].value["What"].tolist()
    assert lines[0].startswith("Sent the packet")
    assert lines[-1] == "Asked for models"
    assert any(line.startswith("Opened the sealed rows") for line in lines)
