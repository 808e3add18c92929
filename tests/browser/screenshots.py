"""Walk through the product on Adult and keep a picture of every page: ``make screenshots``."""

from __future__ import annotations

import sys
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from tests.browser.harness import (
    LAUNCH_ARGS,
    ROOT,
    Server,
    find_chromium,
    open_page,
    select_option,
    wait_idle,
)

WIDTH, HEIGHT = 1280, 800


class Album:
    """Pictures of one walk, in light or in dark."""

    def __init__(self, page: Page, folder: Path, scheme: str) -> None:
        self.page, self.folder, self.scheme = page, folder, scheme

    def take(self, name: str, *, tallest: int = 3_200) -> None:
        """The whole page, as tall as it is, or its first part."""
        wait_idle(self.page)
        tall = self.page.evaluate(
            "document.querySelector('[data-testid=stMain]').firstElementChild.scrollHeight"
        )
        self.page.set_viewport_size(
            {"width": WIDTH, "height": max(HEIGHT, min(int(tall), tallest))}
        )
        self.page.mouse.move(5, 5)
        self.page.wait_for_timeout(600)
        wait_idle(self.page)
        self.page.screenshot(path=self.folder / f"{name}-{self.scheme}.png")
        self.page.set_viewport_size({"width": WIDTH, "height": HEIGHT})
        wait_idle(self.page)


def walk(page: Page, server: Server, album: Album) -> None:
    """From an empty workspace to a downloaded model."""

    def press(button: str, heading: str) -> None:
        page.get_by_role("button", name=button).click()
        page.get_by_role("heading", name=heading, exact=True).wait_for()

    open_page(page, server.url)
    album.take("reviews-empty")
    press("Start a new review", "Data")
    page.get_by_text("Use a sample").click()
    page.get_by_role("heading", name="Start the review").wait_for()
    album.take("data")
    press("Start the review", "Train")
    wait_idle(page)
    audit(page, album)
    policy(page, album)
    page.get_by_role("link", name="Train").click()
    page.get_by_role("heading", name="Train", exact=True).wait_for()
    wait_idle(page)
    page.get_by_role("button", name="Remove race").click()
    page.get_by_role("combobox", name="Between the groups of").click()
    page.get_by_role("option", name="sex", exact=True).click()
    page.keyboard.press("Escape")
    wait_idle(page)
    for text in (
        "Penalise a gap while growing trees",
        "Forbid a gap larger than",
        "Before it learns: repair the data",
        "Reweight the examples before learning",
        "Afterwards: leave the score",
        "Choose thresholds per group afterwards",
    ):
        page.get_by_text(text).first.click()
        wait_idle(page)
    album.take("train-form")
    page.get_by_role("button", name="Launch").click()
    page.get_by_text("Learning curves of").wait_for(timeout=60_000)
    page.wait_for_timeout(2500)
    page.screenshot(path=album.folder / f"train-{album.scheme}.png")
    page.get_by_role("button", name="Compare the models").wait_for(timeout=120_000)
    press("Compare the models", "Frontier")
    wait_idle(page)
    frontier(page)
    album.take("frontier", tallest=2_100)
    page.get_by_role("link", name="Calibration").click()
    page.get_by_role("heading", name="Calibration", exact=True).wait_for()
    # The tree that was charged most for a gap: what it promises is furthest from what happens.
    page.get_by_role("combobox", name="Score of").click()
    page.keyboard.type("trees · λ = 10")
    page.get_by_role("option").first.click()
    wait_idle(page)
    select_option(page, "Calibrate", "One per group")
    page.get_by_role("button", name="Add it to the Frontier").wait_for()
    album.take("calibration", tallest=2_050)
    page.get_by_role("link", name="Frontier").click()
    page.get_by_role("heading", name="Frontier", exact=True).wait_for()
    wait_idle(page)
    press("Choose this point", "Decide")
    album.take("decide")
    committee(page, album)
    album.take("decided", tallest=2_050)
    press("Download the model", "Export")
    album.take("export")
    open_page(page, server.url)
    album.take("reviews")
    page.get_by_role("link", name="Help").click()
    page.get_by_role("heading", name="questions").wait_for()
    album.take("help", tallest=1_600)


def frontier(page: Page) -> None:
    """The policy's limit, the band, the recommended model, and whose decisions it changes."""
    page.get_by_text("Limits, filters and costs", exact=True).click()
    page.get_by_text("Band of the frontier", exact=True).click()
    wait_idle(page)
    page.get_by_text("Limits, filters and costs", exact=True).click()
    page.get_by_role("button", name="Go there").click()
    wait_idle(page)


def policy(page: Page, album: Album) -> None:
    """The interview, and a policy for the gap by sex that is locked."""
    page.get_by_role("link", name="Policy").click()
    page.get_by_role("heading", name="Policy", exact=True).wait_for()
    wait_idle(page)
    for answer in (
        "People wrongly refused", "No, or only for some people", "No, only the yes or no matters",
        "No, or not known then", "European Union",
    ):  # fmt: skip
        page.get_by_text(answer, exact=True).click()
    page.get_by_role("button", name="See what this leads to").click()
    page.get_by_role("heading", name="3 · The policy").wait_for()
    wait_idle(page)
    for name in ("race", "age"):
        page.get_by_role("button", name=f"Remove {name}").click()
        wait_idle(page)
    for label, text in (
        ("What will be watched", "Selection by sex, every quarter"),
        ("What triggers", "A gap above 8 points in two quarters running"),
        ("What is done then", "People decide until the cause is found"),
        ("Who answers", "Head of lending"),
        ("Why this definition", "The recorded outcome repeats past refusals, so we ask who is "
         "selected; five points is what we can explain to those who are refused."),
    ):  # fmt: skip
        page.get_by_label(label).fill(text)
    album.take("policy", tallest=2_450)
    page.get_by_label("Your name").fill("Ada Lovelace")
    page.get_by_role("button", name="Lock the policy").click()
    page.get_by_role("heading", name="What is fair enough").wait_for()
    wait_idle(page)
    album.take("policy-locked")


def committee(page: Page, album: Album) -> None:
    """Propose, open, send the packet, vote, and close the vote."""
    page.get_by_label("Why this point").fill(
        "The gap narrows and accuracy hardly moves; we start here and look again in a year."
    )
    page.get_by_label("Your name").fill("Ada Lovelace")
    page.get_by_role("button", name="Propose this point").click()
    page.get_by_role("heading", name="The proposal").wait_for()
    wait_idle(page)
    album.take("proposed")
    page.get_by_role("button", name="Open the sealed rows").click()
    page.get_by_role("heading", name="What the sealed rows say").wait_for()
    wait_idle(page)
    page.get_by_role("button", name="Send the packet to the vote").click()
    page.get_by_role("button", name="See the packet").click()
    page.get_by_role("heading", name="Packet", exact=True).wait_for()
    album.take("packet", tallest=2_300)
    page.get_by_text("Proposed", exact=False).last.scroll_into_view_if_needed()
    page.get_by_role("radiogroup").get_by_text("Proposed").click()
    page.get_by_label("Because").fill("Those who were refused unfairly gain the most here.")
    page.get_by_label("Your name").fill("Grace Hopper")
    page.get_by_role("button", name="Vote", exact=True).click()
    page.get_by_role("button", name="Record this vote").click()
    page.get_by_text("The vote of Grace Hopper is in").wait_for()
    wait_idle(page)
    album.take("voted", tallest=2_600)
    page.get_by_role("button", name="Close the vote and record the outcome").click()
    page.get_by_text("The outcome is recorded").wait_for()
    page.get_by_role("link", name="Decide").click()
    page.get_by_text("The choice that stands").wait_for()
    wait_idle(page)


def audit(page: Page, album: Album) -> None:
    """A plain baseline, trained and measured."""
    page.get_by_role("link", name="Audit").click()
    page.get_by_text("Baseline: boosted trees").click()
    page.get_by_role("button", name="Train the baseline").click()
    page.get_by_role("heading", name="Group by group").wait_for(timeout=60_000)
    select_option(page, "Groups of", "race × sex")
    select_option(page, "Figure", "Selected")
    page.get_by_role("tab", name="Similar people").click()
    page.get_by_text("Inequality of benefit").wait_for(timeout=120_000)
    for tab in ("Proxies", "Switching the attribute", "What cannot be had at once"):
        page.get_by_role("tab", name=tab).click()
        album.take(f"audit-{tab.split()[0].lower()}")
    page.set_viewport_size({"width": WIDTH, "height": 1560})
    page.get_by_role("heading", name="Audit", exact=True).scroll_into_view_if_needed()
    page.evaluate("document.querySelector('[data-testid=stMain]').scrollTo(0, 0)")
    wait_idle(page)
    page.wait_for_timeout(600)
    page.screenshot(path=album.folder / f"audit-{album.scheme}.png")
    page.set_viewport_size({"width": WIDTH, "height": HEIGHT})


def main() -> None:
    """Take both albums into the folder named, by default ``build/album``."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "build" / "album"
    folder.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=LAUNCH_ARGS)
        for scheme in ("light", "dark"):
            with Server() as server:
                page = browser.new_page(
                    viewport={"width": WIDTH, "height": HEIGHT}, color_scheme=scheme
                )
                page.set_default_timeout(20_000)
                walk(page, server, Album(page, folder, scheme))
                page.close()
        browser.close()


if __name__ == "__main__":
    main()
