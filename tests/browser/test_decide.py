"""From five questions to a certificate, and from a link to a recorded vote, in real browsers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from faircore.data import build_dataset, load_sample
from faircore.decide import (
    Policy,
    lock_policy,
    standing_packet,
)
from faircore.frontier import Limit
from faircore.plans import SweepSpec
from faircore.records import Act, Review, ReviewStore
from faircore.sweep import run_sweep
from faircore.training import TrainingConfig
from tests.browser.harness import Server, open_page, wait_idle, watch_errors
from tests.decide.committee import put_to_vote

pytestmark = [pytest.mark.browser, pytest.mark.slow]

ANSWERS = (
    "People wrongly refused", "No, or only for some people", "No, only the yes or no matters",
    "No, or not known then", "European Union",
)  # fmt: skip
SPEC = SweepSpec((0.0, 1.0, 4.0), partitions=("sex",), config=TrainingConfig((16,), epochs=12))


def adult(workspace: Path, name: str) -> Review:
    """A review of Adult without a model."""
    table, roles = load_sample("adult")
    return ReviewStore(workspace).create(name, table, build_dataset(table, roles))


def trained(workspace: Path, review: Review) -> None:
    """Three models, made by the engine."""
    store = ReviewStore(workspace)
    run_sweep(store.dataset(review.id), SPEC, workspace=workspace)
    store.add_sweep(review.id, SPEC.to_json())


def sent(workspace: Path, name: str) -> Review:
    """A review whose packet is out."""
    review = adult(workspace, name)
    policy = Policy(
        "demographic_parity_difference",
        (Limit("demographic_parity_difference@sex", 0.05),),
        reason="Who is selected must not depend on sex.",
    )
    lock_policy(workspace, review.id, policy, who="Ana")
    trained(workspace, review)
    put_to_vote(workspace, review.id, 1, by="sex")
    return ReviewStore(workspace).get(review.id)


@contextmanager
def another(chromium: Browser) -> Iterator[Page]:
    """A second browser of somebody else."""
    context = chromium.new_context(viewport={"width": 1280, "height": 800}, reduced_motion="reduce")
    page = context.new_page()
    page.set_default_timeout(15_000)
    errors = watch_errors(page)
    yield page
    context.close()
    assert not errors, "\n".join(errors)


def cast(page: Page, who: str, choice: str, reason: str) -> None:
    """Fill the form and stand before the dialog."""
    page.get_by_role("radiogroup").get_by_text(re.compile(choice)).click()
    page.get_by_label("Because").fill(reason)
    page.get_by_label("Your name").first.fill(who)
    page.get_by_role("button", name="Vote", exact=True).click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text(who)
    page.keyboard.press("Escape")  # it cannot be clicked away
    expect(dialog).to_be_visible()
    assert dialog.get_by_role("button", name="Close").count() == 0


def recorded(page: Page, who: str) -> None:
    page.get_by_role("button", name="Record this vote").click()
    expect(page.get_by_text(f"The vote of {who} is in.")).to_be_visible()
    wait_idle(page)


def test_the_analyst_goes_from_questions_to_a_certificate(page: Page, server: Server) -> None:
    review = adult(server.workspace, "Analyst")
    open_page(page, f"{server.url}/policy?review={review.id}")
    for answer in ANSWERS:
        page.get_by_text(answer, exact=True).click()
    page.get_by_role("button", name="See what this leads to").click()
    page.get_by_role("heading", name="3 · The policy").wait_for()
    expect(page.get_by_text("The outcome cannot be trusted")).to_be_visible()
    for name in ("race", "age"):
        page.get_by_role("button", name=f"Remove {name}").click()
        wait_idle(page)
    page.get_by_label("Why this definition and these limits").fill("It must not depend on sex.")
    page.get_by_label("Your name").fill("Ana")
    page.get_by_role("button", name="Lock the policy").click()
    expect(
        page.get_by_text("The policy was locked before any model was asked for.")
    ).to_be_visible()
    trained(server.workspace, review)
    open_page(page, f"{server.url}/frontier?review={review.id}")
    expect(page.get_by_text("gap in selection by sex at most 5.0 points").first).to_be_visible()
    page.get_by_role("button", name="Go there").click()  # the model that keeps the policy
    wait_idle(page)
    page.get_by_role("button", name="Choose this point").click()
    page.get_by_role("heading", name="Decide", exact=True).wait_for()
    wait_idle(page)
    page.get_by_label("Why this point").fill("It keeps the policy.")
    page.get_by_label("Your name").fill("Ana")
    page.get_by_role("button", name="Propose this point").click()
    page.get_by_role("heading", name="The proposal").wait_for()
    expect(page.get_by_text("They have never been opened.")).to_be_visible()
    page.get_by_role("button", name="Open the sealed rows").click()
    page.get_by_role("heading", name="What the sealed rows say").wait_for()
    expect(
        page.get_by_text("With 95% confidence, in the population: gap in selection by sex").first
    ).to_be_visible()
    expect(page.get_by_text("Selection shrinkage.")).to_be_visible()
    stored = ReviewStore(server.workspace).get(review.id)
    assert [e.kind for e in stored.history] == [
        Act.LOCKED, Act.SWEEP, Act.PROPOSED, Act.OPENED, Act.MEASURED,
    ]  # fmt: skip


def test_a_link_opens_the_vote_on_a_fresh_server_and_two_browsers_vote(
    page: Page, chromium: Browser
) -> None:
    with Server() as fresh:
        review = sent(fresh.workspace, "Committee")
        open_page(page, f"{fresh.url}/?review={review.id}")
        page.get_by_role("heading", name="Packet", exact=True).wait_for()
        expect(page.get_by_text("Of 1,000 people").first).to_be_visible()
        with another(chromium) as other:
            open_page(other, f"{fresh.url}/packet?review={review.id}")
            cast(page, "Ben", "Proposed", "Fewer are refused for their sex.")
            cast(other, "Cleo", "None of these", "I would ask for race as well.")
            recorded(page, "Ben")
            assert "Cleo" not in page.content()
            recorded(other, "Cleo")
            expect(other.get_by_text("Ben: Fewer are refused for their sex.")).to_be_visible()
            open_page(other, f"{fresh.url}/packet?review={review.id}")
            cast(other, "Dora", "Proposed", "As Ben says.")
            recorded(other, "Dora")
            other.get_by_role("button", name="Close the vote and record the outcome").click()
            expect(other.get_by_text("The outcome is recorded")).to_be_visible()
        open_page(page, f"{fresh.url}/decide?review={review.id}")
        expect(page.get_by_text("after 3 votes")).to_be_visible()
        expect(page.get_by_text("Cleo, for none of them: I would ask for race")).to_be_visible()
        stored = ReviewStore(fresh.workspace).get(review.id)
        assert len(stored.all(Act.VOTED)) == 3
        assert len(stored.decisions) == 1


def test_what_changes_while_somebody_votes_is_said_and_nothing_is_counted(
    page: Page, server: Server
) -> None:
    review = sent(server.workspace, "Changing")
    open_page(page, f"{server.url}/packet?review={review.id}")
    cast(page, "Ben", "Proposed", "Yes.")
    put_to_vote(server.workspace, review.id, 2, by="sex")
    page.get_by_role("button", name="Record this vote").click()
    alert = page.get_by_role("dialog").get_by_test_id("stAlert")
    expect(alert).to_contain_text("Your vote was not counted")
    page.get_by_role("button", name="Go back").click()
    stored = ReviewStore(server.workspace).get(review.id)
    assert not stored.all(Act.VOTED)
    assert standing_packet(stored) is not None
    wait_idle(page)
    cast(page, "Ben", "Proposed", "Yes, this one.")
    recorded(page, "Ben")
