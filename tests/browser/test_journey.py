"""The whole journey on Adult in a real browser, and the bundle scored from the command line."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import httpx
import numpy as np
import pandas as pd
import pytest
from playwright.sync_api import Page, expect

from faircore.data import Table, build_dataset, guess_spec, load_sample, read_table
from faircore.plans import SweepSpec
from faircore.records import ReviewStore
from faircore.sweep import run_sweep
from faircore.training import Prepared, TrainingConfig
from tests.browser.harness import ROOT, Server, decide_alone, open_page, select_option, wait_idle
from tests.browser.plotly_charts import click_point, plotly_points

pytestmark = [pytest.mark.browser, pytest.mark.slow]

ADULT = ROOT / "sample_data" / "adult.parquet"
SLIDER = "Strength of the penalty, λ"


def upload_adult(page: Page, server: Server, tmp_path: Path) -> None:
    """Bring Adult as a CSV, as most people would."""
    path = tmp_path / "adult.csv"
    pd.read_parquet(ADULT).drop(columns=["fnlwgt", "split"]).to_csv(path, index=False)
    open_page(page, server.url)
    page.get_by_role("button", name="Start a new review").click()
    page.locator("input[type=file]").set_input_files(path)
    page.get_by_role("heading", name="What each column means").wait_for()
    wait_idle(page)


def set_number(page: Page, label: str, value: str) -> None:
    """Type into a number box."""
    box = page.get_by_label(label)
    box.fill(value)
    box.press("Enter")
    wait_idle(page)


def test_the_whole_journey(page: Page, server: Server, tmp_path: Path) -> None:
    upload_adult(page, server, tmp_path)
    roles(page)
    page.get_by_role("button", name="Start the review").click()
    train(page)
    gap_before, gap_after = explore(page)
    assert gap_after < gap_before
    choose(page)
    bundle = download(page, tmp_path)
    check_bundle(bundle, server, tmp_path)


def roles(page: Page) -> None:
    """The guess is right but for one attribute, which is taken out."""
    expect(page.get_by_role("combobox", name="Outcome to predict")).to_have_value("income")
    expect(page.get_by_role("combobox", name="Value that is the good outcome")).to_have_value(
        ">50K"
    )
    page.get_by_role("button", name="Remove marital_status").first.click()
    wait_idle(page)
    expect(page.get_by_text("48,842 rows, 14 columns")).to_be_visible()
    for partition in ("race", "sex", "age", "race × sex"):
        expect(page.get_by_role("tab", name=partition, exact=True)).to_be_visible()


def train(page: Page) -> None:
    """Launch a sweep, watch it move, and see that the same request is answered at once."""
    page.get_by_role("heading", name="Train", exact=True).wait_for()
    wait_idle(page)
    page.get_by_role("button", name="Remove race").click()
    wait_idle(page)
    page.get_by_role("combobox", name="Between the groups of").click()
    page.get_by_role("option", name="sex", exact=True).click()
    page.keyboard.press("Escape")
    wait_idle(page)
    set_number(page, "Models", "10")
    page.get_by_role("button", name="Launch").click()
    bar = page.get_by_test_id("stProgress")
    bar.wait_for()
    # The page stays alive: something else on it answers while models train.
    page.get_by_text("How each of them learns").click()
    select_option(page, "Hidden layers", "Two layers, 64 and 32")
    select_option(page, "Hidden layers", "One layer of 64")
    expect(page.get_by_text("All 11 models are ready.")).to_be_visible(timeout=120_000)
    expect(page.get_by_text("11 of them are trained already")).to_be_visible()
    page.get_by_role("button", name="Launch").click()
    expect(page.get_by_text("All 11 models are ready.")).to_be_visible(timeout=3_000)
    expect(bar).to_have_count(0)
    page.get_by_role("button", name="Compare the models").click()
    page.get_by_role("heading", name="Frontier", exact=True).wait_for()
    wait_idle(page)


def detail_heading(page: Page) -> str:
    """Which model the page holds."""
    return page.get_by_role("heading", name=re.compile("^λ = ")).inner_text()


def explore(page: Page) -> tuple[float, float]:
    """Slider, click, another comparison; returns the gaps of the first and the last model."""
    front = next(t for t in plotly_points(page, "cloud") if t["name"] == "front")
    assert 2 <= len(front["x"]) <= 11
    assert detail_heading(page) == "λ = 0"
    slider = page.get_by_role("slider", name=SLIDER)
    slider.focus()
    slider.press("End")
    wait_idle(page)
    assert detail_heading(page) == "λ = 3"

    click_point(page, "cloud", 0, 0)
    wait_idle(page)
    clicked = front["customdata"][0]
    assert detail_heading(page) == clicked[1]
    expect(page.get_by_role("heading", name="Groups of sex at the selected point")).to_be_visible()

    select_option(page, "Between groups of", "race × sex")
    assert detail_heading(page) == clicked[1]
    expect(
        page.get_by_role("heading", name="Groups of race × sex at the selected point")
    ).to_be_visible()
    select_option(page, "Fairness", "Gap in either error")
    select_option(page, "Between groups of", "sex")
    select_option(page, "Fairness", "Gap in selection")
    again = next(t for t in plotly_points(page, "cloud") if t["name"] == "front")
    assert again["x"] == front["x"]
    return max(front["x"]), min(front["x"])


def choose(page: Page) -> None:
    """Decide with a reason, and read the sealed figures."""
    page.get_by_role("button", name="Choose this point").click()
    page.get_by_role("heading", name="Decide", exact=True).wait_for()
    wait_idle(page)
    expect(page.get_by_text("The choice that stands")).to_have_count(0)
    page.get_by_label("Your name").fill("Ada")
    page.get_by_role("button", name="Propose this point").click()
    expect(page.get_by_text("A proposal needs a reason")).to_be_visible()
    decide_alone(page, "The law asks for a small gap.")
    expect(page.get_by_text("Accuracy on sealed rows")).to_be_visible()


def download(page: Page, tmp_path: Path) -> Path:
    """Take the bundle from the Export page."""
    page.get_by_role("button", name="Download the model").click()
    page.get_by_role("heading", name="Export", exact=True).wait_for()
    wait_idle(page)
    with page.expect_download() as started:
        page.get_by_role("link", name="Download the bundle").click()
    path = tmp_path / "bundle.zip"
    started.value.save_as(path)
    assert started.value.suggested_filename == "adult.zip"
    return path


def check_bundle(bundle: Path, server: Server, tmp_path: Path) -> None:
    """Score with it, and find the decision's sealed counts again."""
    out = tmp_path / "scored.csv"
    rows = tmp_path / "adult.csv"
    subprocess.run(
        [sys.executable, "-m", "faircore.cli", "score", str(bundle), str(rows), "--out", str(out)],
        check=True,
        cwd=tmp_path,
    )
    scored, given = pd.read_csv(out), pd.read_csv(rows)
    assert len(scored) == len(given) == 48_842
    store = ReviewStore(server.workspace)
    (review,) = (r for r in store.list() if r.decisions and r.source == "adult.csv")
    (decision,) = review.decisions
    assert decision["who"] == "Ada"
    assert len(review.openings) == 1
    with zipfile.ZipFile(bundle) as archive:
        facts = json.loads(archive.read("bundle.json"))["facts"]
        assert "| Female |" in archive.read("model_card.md").decode()
    assert facts["candidate"] == decision["point"]["candidate"]
    # What was exported decides on the sealed rows exactly as was recorded.
    prepared = Prepared.of(store.dataset(review.id))
    sealed = prepared.splits.certify
    sex = prepared.groups.partition("sex")
    y, decided = prepared.dataset.y_true[sealed], scored["decision"].to_numpy()[sealed]
    for g, name in enumerate(sex.group_names):
        mine = (given["sex"].to_numpy()[sealed] == name).nonzero()[0]
        counts = np.zeros((2, 2))
        np.add.at(counts, (y[mine], decided[mine]), 1)
        np.testing.assert_array_equal(counts, decision["sealed_counts"][sex.start + g])


def test_a_link_opens_the_review_in_another_browser(
    page: Page, server: Server, tmp_path: Path
) -> None:
    table = read_table(ADULT)
    store = ReviewStore(server.workspace)
    review = store.create("By link", table, build_dataset(table, guess_spec(table)))
    open_page(page, f"{server.url}/train?review={review.id}")
    expect(page.get_by_text("By link · adult.parquet · data ready")).to_be_visible()
    open_page(page, f"{server.url}/frontier?review={review.id}")
    expect(page.get_by_text("No model has been trained in this review yet.")).to_be_visible()
    open_page(page, f"{server.url}/decide?review={'0' * 12}")
    expect(page.get_by_text("There is no review with this link")).to_be_visible()


def test_a_broken_file_says_what_to_do_and_loses_nothing(
    page: Page, server: Server, tmp_path: Path
) -> None:
    bad = tmp_path / "bad.csv"
    bad.write_text("a,b\n1,2\n3,4,5\n")
    open_page(page, f"{server.url}/data")
    page.locator("input[type=file]").set_input_files(bad)
    alert = page.get_by_test_id("stAlert")
    expect(alert).to_have_count(1)
    text = alert.inner_text()
    assert "bad.csv" in text
    assert "3" in text  # the line
    assert "Traceback" not in page.content()
    page.get_by_text("Use a sample").click()
    page.get_by_role("heading", name="What each column means").wait_for()


def make_review(server: Server, name: str, table: Table, *, seeds: int = 3) -> str:
    """A review with a small finished sweep, made by the engine."""
    dataset = build_dataset(table, guess_spec(table))
    store = ReviewStore(server.workspace)
    review = store.create(name, table, dataset)
    spec = SweepSpec(
        tuple(np.geomspace(0.1, 3, 6)),
        seeds=tuple(range(seeds)),
        config=TrainingConfig(hidden=(4,), epochs=3),
    )
    run_sweep(dataset, spec, workspace=server.workspace)
    store.add_sweep(review.id, spec.to_json())
    return review.id


def test_a_held_key_on_the_threshold_breaks_nothing(page: Page, server: Server) -> None:
    """Late answers of the browser must not name what the last rerun no longer shows."""
    review = make_review(server, "German", load_sample("german_credit")[0])
    open_page(page, f"{server.url}/frontier?review={review}")
    slider = page.get_by_role("slider", name=re.compile("^Threshold"))
    slider.focus()
    for _ in range(40):
        page.keyboard.press("ArrowRight")
        page.wait_for_timeout(15)
    wait_idle(page)
    expect(page.get_by_role("heading", name="Frontier", exact=True)).to_be_visible()
    assert "encountered an error" not in page.content()
    assert "Traceback" not in server.log_text()


def test_names_from_the_data_are_shown_as_they_are(page: Page, server: Server) -> None:
    """Nothing in a file or a name becomes a picture, a formula or a tag, or is fetched."""
    hostile = ["![p](http://127.0.0.1:9/p.png)", "$x$ and <b>y</b>"]
    rng = np.random.default_rng(0)
    n = 400
    frame = pd.DataFrame({"race": rng.choice(hostile, n), "x": rng.normal(size=n)})
    frame["hired"] = np.where(rng.random(n) < 0.5, "yes", "no")
    review = make_review(
        server, "![n](http://127.0.0.1:9/n.png) # <i>x", Table.from_frame(frame, "a.csv"), seeds=1
    )
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    for name in ("data", "train", "frontier", "decide"):
        open_page(page, f"{server.url}/{name}?review={review}")
        expect(page.get_by_text("![n](http://127.0.0.1:9/n.png) # <i>x")).to_be_visible()
    decide_alone(page, "![r](http://127.0.0.1:9/r.png)", name="![w](http://127.0.0.1:9/w.png)")
    open_page(page, f"{server.url}/export?review={review}")
    page.get_by_text("Model card", exact=True).click()
    wait_idle(page)
    open_page(page, server.url)
    foreign = [url for url in asked if not url.startswith((server.url, "data:", "blob:"))]
    assert not foreign
    assert page.locator("img[src*=':9/']").count() == 0


def test_another_host_name_is_refused(server: Server) -> None:
    """A page elsewhere whose name leads to this machine reaches nothing here."""
    for path in ("/", "/_stcore/health", f"/files/bundle/{'0' * 12}"):
        answer = httpx.get(server.url + path, headers={"Host": "evil.example"})
        assert answer.status_code == 400, path
        assert httpx.get(server.url + path).status_code in (200, 404)


def test_a_page_names_the_script_of_its_charts_at_once(server: Server) -> None:
    link = httpx.get(f"{server.url}/frontier").headers["Link"]
    address = re.fullmatch(r"<(/static/js/PlotlyChart\..+\.js)>; rel=modulepreload", link)
    assert address is not None, link
    script = httpx.get(server.url + address[1])
    assert script.status_code == 200
    assert "javascript" in script.headers["content-type"]
    assert "Link" not in script.headers
    assert "Link" not in httpx.get(f"{server.url}/_stcore/health").headers
