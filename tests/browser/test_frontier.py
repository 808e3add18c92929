"""The Frontier page in a real browser: slide, click, limits, compare, share, download."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.harness import Server, open_page, select_option, wait_idle, watch_errors
from tests.browser.plotly_charts import click_point, plotly_points
from tests.made_up import made_up_review

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture(scope="module")
def address(server: Server) -> str:
    review = made_up_review(server.workspace, 40, n_rows=12_000)
    return f"{server.url}/frontier?review={review.id}"


@pytest.fixture
def opened(page: Page, address: str) -> Page:
    open_page(page, address)
    page.locator(".st-key-cloud .main-svg").first.wait_for()
    return page


def chosen(page: Page) -> str:
    wait_idle(page)
    return page.locator(".st-key-selected-name").inner_text().strip()


def look(page: Page, name: str) -> None:
    page.get_by_test_id("stButtonGroup").get_by_text(name, exact=True).click()
    wait_idle(page)


def slider(page: Page):
    return page.locator(".st-key-strength input[type=range]")


def shared(page: Page) -> str:
    page.get_by_role("button", name="Share this view").click()
    wait_idle(page)
    return page.get_by_test_id("stCode").inner_text().strip()


def test_slide_click_pin_compare_and_share(opened: Page, chromium: Browser) -> None:
    page = opened
    before = chosen(page)
    cloud = plotly_points(page, "cloud")
    slider(page).focus()
    slider(page).press("End")
    slid = chosen(page)
    assert slid != before
    expect(page.locator(".readout b")).to_have_text(slid)
    page.get_by_role("button", name="Pin to compare").click()
    expect(page.get_by_role("button", name="Pinned for comparison")).to_be_disabled()

    trace, index = next(
        (t, i) for t, one in enumerate(cloud) for i, data in enumerate(one["customdata"])
        if len(one["customdata"]) > 3 and data[1] not in (slid, before)
    )  # fmt: skip
    click_point(page, "cloud", trace, index)
    clicked = chosen(page)
    assert clicked not in (slid, before)
    # What shows the selection followed; the cloud stayed as it was.
    assert plotly_points(page, "cloud")[trace]["x"] == cloud[trace]["x"]

    look(page, "Compare")
    expect(page.get_by_text("What was asked for, where they differ")).to_be_visible()
    expect(page.get_by_text(re.compile("^With 95%: "))).to_be_visible()

    dial = page.get_by_role("slider", name="Threshold: select a person")
    dial.focus()
    dial.press("ArrowRight")
    dial.press("ArrowRight")
    wait_idle(page)
    # After the last run of the whole page: the link is the one of what is on the screen.
    slider(page).focus()
    slider(page).press("ArrowRight")
    last = chosen(page)
    assert last not in (clicked, slid)
    link = shared(page)
    for part in ("review=", "cut=0.52", "model=", "against="):
        assert part in link
    page.keyboard.press("Escape")

    other = chromium.new_context(viewport={"width": 1920, "height": 1080}).new_page()
    errors = watch_errors(other)
    open_page(other, link)
    assert chosen(other) == last
    expect(other.get_by_role("slider", name="Threshold: select a person")).to_have_attribute(
        "aria-valuetext", "0.52"
    )
    look(other, "Compare")
    expect(other.get_by_role("combobox", name="Compare with")).to_have_value(slid)
    other.context.close()
    assert not errors


def test_limits_grey_and_the_recommended_model_keeps_them(opened: Page) -> None:
    page = opened
    page.get_by_text("Limits, filters and costs", exact=True).click()
    box = page.get_by_label("Gap in selection, at most, points")
    box.fill("14")
    box.press("Enter")
    wait_idle(page)
    expect(page.get_by_text("gap in selection by race at most 14.0 points").first).to_be_visible()
    page.get_by_role("button", name="Go there").click()
    wait_idle(page)
    gap = page.get_by_text(re.compile(r"^Accuracy: .*Gap in selection by race: ", re.S)).first
    found = re.search(r"by race: ([\d.]+) points", gap.inner_text())
    assert found is not None
    assert float(found[1]) <= 14
    greyed = next(t for t in plotly_points(page, "cloud") if t["name"] == "breaks a limit")
    assert greyed["x"]
    box = page.get_by_label("Gap in selection, at most, points")
    box.fill("0")
    box.press("Enter")
    wait_idle(page)
    expect(page.get_by_text("No model keeps every limit")).to_be_visible()


@pytest.mark.parametrize("page", ["light", "dark"], indirect=True)
def test_people_thresholds_and_downloads(opened: Page, tmp_path: Path) -> None:
    page = opened
    expect(page.get_by_text(re.compile("^Of 1,000 applicants"))).to_be_visible()
    look(page, "Thresholds")
    select_option(page, "Thresholds", "One for each group of gender")
    page.get_by_role("slider", name=re.compile("^man")).focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    wait_idle(page)
    expect(page.get_by_text("With these thresholds: accuracy")).to_be_visible()
    for name in ("Methods", "Promises", "All objectives"):
        look(page, name)
    expect(page.get_by_text("40 of 40 models lie within all ranges")).to_be_visible()
    with page.expect_download() as started:
        page.get_by_role("button", name="Download the table").click()
    path = tmp_path / "frontier.csv"
    started.value.save_as(path)
    table = pd.read_csv(path)
    assert len(table) == 40
    assert {"name", "accuracy", "accuracy low", "chance non-dominated"} <= set(table.columns)
    page.get_by_role("button", name="Download the picture").click()
    page.get_by_role("button", name="Make it").click()
    with page.expect_download() as started:
        page.get_by_role("button", name="Save frontier.html").click()
    picture = tmp_path / "frontier.html"
    started.value.save_as(picture)
    assert "https://cdn" not in picture.read_text(encoding="utf-8")[:20_000]
    assert picture.stat().st_size > 1_000_000


def test_other_objectives_with_intervals_and_a_band(opened: Page) -> None:
    page = opened
    select_option(page, "Performance", "Ranking (AUC)")
    select_option(page, "Between groups of", "gender")
    page.get_by_text("Limits, filters and costs", exact=True).click()
    page.get_by_text("Intervals", exact=True).click()
    wait_idle(page)
    page.get_by_text("Band of the frontier", exact=True).click()
    wait_idle(page)
    expect(page.get_by_text("Chance that no other model here truly beats it")).to_be_visible()
    page.get_by_role("button", name="Count in these costs").click()
    wait_idle(page)
    expect(page.get_by_role("combobox", name="Performance")).to_have_value("Worth per 1,000 people")
    select_option(page, "A third objective, as colour", "Log loss")
    expect(page.get_by_role("combobox", name="Performance")).to_have_value("Worth per 1,000 people")
    look(page, "All objectives")
    expect(page.get_by_text("Log loss", exact=True).last).to_be_visible()
