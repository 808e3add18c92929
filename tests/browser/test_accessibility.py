"""Every page with axe, light and dark; and from the reviews to a choice by keyboard alone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from faircore.data import Table, build_dataset, load_sample, make_lending
from faircore.decide import (
    OperatingPoint,
    Policy,
    decide,
    lock_policy,
)
from faircore.frontier import Limit
from faircore.records import ReviewStore, frontier_of_review
from tests.browser.harness import Server, open_page, wait_idle
from tests.conftest import make_trained
from tests.decide.committee import put_to_vote

pytestmark = [pytest.mark.browser, pytest.mark.slow]

PAGES = (
    "reviews", "data", "audit", "train", "frontier", "calibration", "decide", "export", "help",
)  # fmt: skip
SERIOUS = {"serious", "critical"}

# What Streamlit's own markup does and no setting or style of ours changes, by rule and by a part
# of the element.
KNOWN: dict[str, tuple[str, ...]] = {}


@pytest.fixture(scope="module")
def review(server: Server) -> str:
    """A review with models, a decision and everything a page may show."""
    _, roles = load_sample("lending")
    table = Table.from_frame(make_lending(4_000, seed=3), "lending.csv")
    workspace, review = make_trained(server.workspace, table, build_dataset(table, roles))
    frontier = frontier_of_review(workspace, review.id)
    point = OperatingPoint(frontier.candidates[0].id, 0.5)
    decide(workspace, review.id, point, frontier=frontier, who="Ada", reason="For the test.")
    assert ReviewStore(workspace).get(review.id).decisions
    return review.id


@pytest.fixture(scope="module")
def voting(server: Server) -> str:
    """A review with a policy, a certificate and a packet that is voted on."""
    _, roles = load_sample("lending")
    table = Table.from_frame(make_lending(4_000, seed=4), "lending.csv")
    workspace, review = make_trained(server.workspace, table, build_dataset(table, roles))
    send(workspace, review.id)
    return review.id


def send(workspace: Path, review: str) -> None:
    """Lock a policy, propose, open the sealed rows and send the packet."""
    by = frontier_of_review(workspace, review).partitions[0].name
    limit = Limit(f"demographic_parity_difference@{by}", 0.6)
    reason = "Nobody is to be refused for it."
    policy = Policy("demographic_parity_difference", (limit,), reason=reason, smallest_group=50)
    lock_policy(workspace, review, policy, who="Ana")
    put_to_vote(workspace, review, 2, by=by)


def serious(page: Page) -> list[str]:
    """Rule, element and reason of each serious finding that is not known."""
    found = Axe().run(page).response["violations"]
    return [
        f"{violation['id']}: {node['html'][:300]} {json.dumps(node['target'])} "
        f"{node.get('failureSummary', '')[:300]}"
        for violation in found
        if violation["impact"] in SERIOUS
        for node in violation["nodes"]
        if not any(part in node["html"] for part in KNOWN.get(violation["id"], ()))
    ]


def settled(page: Page) -> list[str]:
    """Serious findings that stay: colours fade in, slowly on a busy machine."""
    page.wait_for_timeout(400)
    for _ in range(4):
        if not (found := serious(page)):
            return []
        wait_idle(page)
        page.wait_for_timeout(1_500)
    return found


@pytest.mark.parametrize("page", ["light", "dark"], indirect=True)
@pytest.mark.parametrize("name", PAGES)
def test_a_page_has_no_serious_finding(name: str, page: Page, server: Server, review: str) -> None:
    path = "" if name == "reviews" else name
    open_page(page, f"{server.url}/{path}?review={review}")
    for opener in page.locator("summary:visible").all():  # what is folded away counts too
        opener.click()
        wait_idle(page)
    assert settled(page) == []


@pytest.mark.parametrize("page", ["light", "dark"], indirect=True)
@pytest.mark.parametrize("name", ["policy", "decide", "packet"])
def test_a_page_of_the_committee_has_no_serious_finding(
    name: str, page: Page, server: Server, voting: str
) -> None:
    open_page(page, f"{server.url}/{name}?review={voting}")
    for opener in page.locator("summary:visible").all():
        opener.click()
        wait_idle(page)
    assert settled(page) == []


@pytest.mark.parametrize("name", ["reviews", "audit", "frontier"])
def test_an_empty_page_has_no_serious_finding(name: str, page: Page, tmp_path: Path) -> None:
    with Server() as empty:
        open_page(page, f"{empty.url}/{'' if name == 'reviews' else name}")
        assert serious(page) == []


def test_the_keyboard_alone_chooses_a_point(page: Page, server: Server, review: str) -> None:
    open_page(page, f"{server.url}/frontier?review={review}")
    name = page.locator(".st-key-selected-name")
    before = name.inner_text()

    def tab_to(role: str, label: str, most: int = 60) -> None:
        target = page.get_by_role(role, name=label)  # type: ignore[arg-type]
        for _ in range(most):
            page.keyboard.press("Tab")
            if target.evaluate("node => node.getRootNode().activeElement === node"):
                # Whoever looks must see where the keyboard is.
                outline = target.evaluate(
                    "n => { const s = getComputedStyle(n);"
                    " return s.outlineStyle + s.boxShadow + s.borderColor }"
                )
                assert outline
                return
        raise AssertionError(f"{label} is not reached by Tab")

    tab_to("slider", "Strength of the penalty, λ")
    page.keyboard.press("End")
    wait_idle(page)
    assert name.inner_text() != before
    tab_to("button", "Choose this point")
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Decide", exact=True).wait_for()
    wait_idle(page)
    expect(page.get_by_text("The choice that stands")).to_be_visible()
