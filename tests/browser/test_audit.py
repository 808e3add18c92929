"""The Audit page on Adult in a real browser, from an upload to files that open offline."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path

import httpx
import numpy as np
import pandas as pd
import pytest
from playwright.sync_api import Browser, Page, expect

from faircore.audit.baseline import train_baseline
from faircore.audit.study import StudySpec, read_study
from faircore.data import (
    DataSpec,
    Sensitive,
    Table,
    build_dataset,
    make_lending,
    read_table,
    split_dataset,
)
from faircore.jobs import Job
from faircore.records import ReviewStore
from tests.browser.conftest import SCREENSHOTS
from tests.browser.harness import (
    ROOT,
    Server,
    open_page,
    select_option,
    wait_idle,
    watch_errors,
)
from tests.browser.plotly_charts import plotly_points

pytestmark = [pytest.mark.browser, pytest.mark.slow]

ADULT = ROOT / "sample_data" / "adult.parquet"
FEATURES = ("education_num", "hours_per_week", "capital_gain", "relationship")
CHECKS = ("Proxies", "Switching the attribute", "Similar people")
TABS = ("What cannot be had at once", "Is the outcome itself fair?", *CHECKS)


@pytest.fixture(scope="module")
def scored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Adult with few columns and the score of a system somebody runs."""
    table = read_table(ADULT)
    spec = DataSpec(
        target="income", positive=">50K", features=FEATURES,
        sensitive=(Sensitive("race"), Sensitive("sex")),
    )  # fmt: skip
    dataset = build_dataset(table, spec)
    model = train_baseline(dataset, split_dataset(dataset, seed=7).train, kind="logistic")
    frame = table.frame[["race", "sex", *FEATURES, "income"]].copy()
    frame["score"] = np.round(model.score(dataset.features, dataset.sensitive), 3)
    path = tmp_path_factory.mktemp("scored") / "adult.csv"
    frame.sample(12_000, random_state=0).to_csv(path, index=False)
    return path


def picture(page: Page, name: str) -> None:
    """Keep the whole page, as tall as it is."""
    wait_idle(page)
    tall = page.evaluate(
        "document.querySelector('[data-testid=stMain]').firstElementChild.scrollHeight"
    )
    page.set_viewport_size({"width": 1280, "height": max(800, min(int(tall), 5000))})
    page.wait_for_timeout(500)
    wait_idle(page)
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"{name}.png")
    page.set_viewport_size({"width": 1280, "height": 800})
    wait_idle(page)


# Whatever reaches beyond the page's own column, and is not a table that scrolls by itself.
OVERFLOW = """() => {
  const main = document.querySelector('[data-testid="stMainBlockContainer"]');
  const edge = main.getBoundingClientRect().right + 1;
  const found = [...main.querySelectorAll('*')].filter(e =>
    !e.closest('[data-testid="stDataFrame"]') && e.getClientRects().length
    && !e.closest('[data-baseweb="tab-list"]') && !e.closest('svg')
    && e.getBoundingClientRect().right > edge);
  const scroll = document.querySelector('[data-testid="stMain"]');
  if (scroll.scrollWidth > scroll.clientWidth + 1) found.push(scroll);
  return found.map(e => `${e.tagName} ${e.dataset.testid ?? e.className}`);
}"""


def upload(page: Page, server: Server, path: Path) -> str:
    """Bring the file, take the guessed roles, start; returns the review's id."""
    open_page(page, f"{server.url}/data")
    page.locator("input[type=file]").set_input_files(path)
    page.get_by_role("heading", name="What each column means").wait_for()
    wait_idle(page)
    expect(page.get_by_role("combobox", name="Score, a probability")).to_have_value("score")
    expect(page.get_by_role("combobox", name="Outcome to predict")).to_have_value("income")
    page.get_by_role("button", name="Start the review").click()
    page.get_by_role("heading", name="Audit", exact=True).wait_for()
    wait_idle(page)
    return ReviewStore(server.workspace).list()[0].id


def headline(page: Page) -> str:
    return page.get_by_test_id("stMain").locator("li").first.inner_text()


def open_tab(page: Page, name: str) -> None:
    tab = page.get_by_role("tab", name=name, exact=True)
    tab.click()
    expect(tab).to_have_attribute("aria-selected", "true")
    wait_idle(page)


def test_from_a_score_to_an_audit(
    page: Page, chromium: Browser, server: Server, scored: Path, tmp_path: Path
) -> None:
    review = upload(page, server, scored)
    expect(page.get_by_text("stand out")).to_be_visible()
    first = headline(page)
    assert "group" in first
    assert any(name in first for name in ("Female", "Male", "Black", "White"))
    assert page.evaluate(OVERFLOW) == []
    explore(page)
    look_further(page, server, review)
    picture(page, "audit-light")
    other = second_tab(chromium, server, review)
    assert other == headline(page)
    page_file, data = write_files(page, server, review, tmp_path)
    assert data["people"] == 9_600
    assert {"proxies", "switch", "similar"} <= set(data["further"])
    offline(chromium, page_file)


def explore(page: Page) -> None:
    """Partition, figure, reference and every tab; the chart follows."""
    select_option(page, "Groups of", "race × sex")
    groups = [t for t in plotly_points(page, "audit-groups") if t["name"] != "by chance alone"]
    assert {t["name"] for t in groups} >= {"Black · Female", "White · Male"}
    select_option(page, "Figure", "Wrongly selected")
    expect(page.get_by_text("Wrongly selected: of")).to_be_visible()
    changed = [t for t in plotly_points(page, "audit-groups") if t["name"] != "by chance alone"]
    assert [t["x"] for t in changed] != [t["x"] for t in groups]
    select_option(page, "Compared with", "White · Male")
    select_option(page, "Compared with", "everybody")
    select_option(page, "Figure", "Selected if good")
    for tab in ("More figures", "Small groups", "Many comparisons", "Main figures", *TABS):
        open_tab(page, tab)
        assert page.evaluate(OVERFLOW) == [], tab


def look_further(page: Page, server: Server, review: str) -> None:
    """Start the checks in one tab; the page answers while they run, and all three appear."""
    open_tab(page, "Proxies")
    page.locator(".st-key-start-proxies button").click()
    page.get_by_test_id("stProgress").first.wait_for()
    started = time.monotonic()
    select_option(page, "Groups of", "sex")
    assert time.monotonic() - started < 10
    names = {t["name"] for t in plotly_points(page, "audit-groups")}
    assert {"Female", "Male"} <= names
    job = Job(server.workspace, review, StudySpec())
    assert job.wait(timeout_seconds=90).state == "finished"
    expect(page.get_by_test_id("stProgress")).to_have_count(0, timeout=15_000)
    for tab in CHECKS:
        open_tab(page, tab)
        panel = page.get_by_role("tabpanel").filter(visible=True).last
        expect(panel.get_by_test_id("stDataFrame")).to_be_visible()
        expect(panel.get_by_text("Not looked at yet")).to_have_count(0)
        assert page.evaluate(OVERFLOW) == [], tab


def second_tab(chromium: Browser, server: Server, review: str) -> str:
    """Somebody else follows the link, in the dark."""
    context = chromium.new_context(
        viewport={"width": 1280, "height": 800}, color_scheme="dark", reduced_motion="reduce"
    )
    other = context.new_page()
    errors = watch_errors(other)
    open_page(other, f"{server.url}/audit?review={review}")
    said = headline(other)
    expect(other.get_by_text("Not looked at yet")).to_have_count(0)
    assert other.evaluate(OVERFLOW) == []
    picture(other, "audit-dark")
    for tab in TABS:
        open_tab(other, tab)
        number = TABS.index(tab)
        other.get_by_role("tab", name=tab, exact=True).scroll_into_view_if_needed()
        picture(other, f"audit-dark-tab{number}")
    context.close()
    assert not errors
    return said


def write_files(
    page: Page, server: Server, review: str, tmp_path: Path
) -> tuple[Path, dict[str, object]]:
    """Write both files, and fetch what the links lead to."""
    page.get_by_role("button", name="Write the audit as files").click()
    link = page.get_by_role("link", name="Download the page (HTML)")
    link.wait_for()
    wait_idle(page)
    fetched = {}
    for name in ("Download the page (HTML)", "Download the data (JSON)"):
        href = page.get_by_role("link", name=name).get_attribute("href")
        assert href is not None
        fetched[name] = httpx.get(href if href.startswith("http") else server.url + href)
        assert fetched[name].status_code == 200
    path = tmp_path / "audit.html"
    path.write_bytes(fetched["Download the page (HTML)"].content)
    return path, json.loads(fetched["Download the data (JSON)"].text)


def offline(chromium: Browser, path: Path) -> None:
    """The page by itself, without a network: every chart is drawn."""
    context = chromium.new_context(viewport={"width": 1280, "height": 900})
    context.set_offline(True)
    paper = context.new_page()
    errors = watch_errors(paper)
    asked: list[str] = []
    paper.on("request", lambda request: asked.append(request.url))
    paper.goto(path.as_uri())
    expect(paper.get_by_role("heading", name="What stands out")).to_be_visible()
    charts = paper.locator(".js-plotly-plot")
    paper.wait_for_function(
        "document.querySelectorAll('.js-plotly-plot .main-svg').length"
        " >= document.querySelectorAll('.figure').length"
    )
    assert charts.count() >= 3 * 3  # three pictures for each of race, sex and both
    assert paper.evaluate("document.documentElement.scrollWidth <= innerWidth + 1")
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    paper.screenshot(path=SCREENSHOTS / "audit-paper.png", full_page=True)
    context.close()
    assert not errors
    assert [url for url in asked if not url.startswith(("file:", "data:", "blob:"))] == []


def test_a_worker_that_is_killed_costs_nothing_that_was_finished(
    page: Page, server: Server
) -> None:
    frame = make_lending(6_000, seed=8)
    spec = DataSpec(
        target="repaid", positive="yes", features=("region", "income", "debt_ratio", "purpose"),
        sensitive=(Sensitive("race"), Sensitive("gender")), score="existing_score",
    )  # fmt: skip
    table = Table.from_frame(frame, "loans.csv")
    review = ReviewStore(server.workspace).create("Killed", table, build_dataset(table, spec))
    open_page(page, f"{server.url}/audit?review={review.id}")
    said = headline(page)
    open_tab(page, "Proxies")
    page.locator(".st-key-start-proxies button").click()
    page.get_by_test_id("stProgress").first.wait_for()
    job, asked = Job(server.workspace, review.id, StudySpec()), StudySpec()
    deadline = time.monotonic() + 60
    while not read_study(server.workspace, review.fingerprint, asked):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    os.kill(job.state().pid, signal.SIGKILL)
    kept = read_study(server.workspace, review.fingerprint, asked)
    assert 1 <= len(kept) < 3
    expect(page.get_by_test_id("stProgress")).to_have_count(0, timeout=15_000)
    wait_idle(page)
    assert headline(page) == said
    open_tab(page, "Switching the attribute")
    panel = page.get_by_role("tabpanel").filter(visible=True).last
    expect(panel.get_by_test_id("stDataFrame")).to_be_visible()
    open_tab(page, "Proxies")
    picture(page, "audit-killed")
    page.locator(".st-key-start-proxies button").click()
    page.get_by_test_id("stProgress").first.wait_for()
    assert job.wait(timeout_seconds=90).state == "finished"
    expect(page.locator(".st-key-start-proxies button")).to_have_count(0, timeout=15_000)
    expect(page.get_by_test_id("stProgress")).to_have_count(0, timeout=15_000)


def test_names_from_the_data_are_shown_as_they_are(
    page: Page, chromium: Browser, server: Server, tmp_path: Path
) -> None:
    """Nothing in a file becomes a picture, a formula or a tag, on the page or on paper."""
    hostile = ["![p](http://127.0.0.1:9/p.png)", "$x$ and <b>y</b>", "</script><script>boo()"]
    rng = np.random.default_rng(0)
    n = 900
    frame = pd.DataFrame({"race": rng.choice(hostile, n)})
    frame["score ![s](http://127.0.0.1:9/s.png)"] = rng.random(n).round(3)
    frame["hired"] = np.where(rng.random(n) < 0.2 + 0.6 * (frame["race"] == hostile[0]), "y", "n")
    frame["x"] = rng.normal(size=n)
    spec = DataSpec(
        target="hired", positive="y", features=("x",), sensitive=(Sensitive("race"),),
        score=frame.columns[1],
    )  # fmt: skip
    table = Table.from_frame(frame, "a.csv")
    review = ReviewStore(server.workspace).create("Names", table, build_dataset(table, spec))
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    open_page(page, f"{server.url}/audit?review={review.id}")
    select_option(page, "Compared with", hostile[0])
    expect(page.get_by_test_id("stMain").get_by_text(hostile[0]).first).to_be_visible()
    page.get_by_role("button", name="Write the audit as files").click()
    page.get_by_role("link", name="Download the page (HTML)").wait_for()
    picture(page, "audit-names")
    foreign = [url for url in asked if not url.startswith((server.url, "data:", "blob:"))]
    path = tmp_path / "audit.html"
    path.write_bytes(ReviewStore(server.workspace).audit_path(review, "html").read_bytes())
    context = chromium.new_context()
    paper = context.new_page()
    errors = watch_errors(paper)
    paper.on("request", lambda request: asked.append(request.url))
    paper.goto(path.as_uri())
    expect(paper.get_by_role("cell", name=hostile[1], exact=True).first).to_be_visible()
    assert paper.locator("b", has_text="y").count() == 0
    context.close()
    assert not errors
    foreign += [url for url in asked if ":9/" in url]
    assert not foreign
    assert page.locator("img[src*=':9/']").count() == 0
