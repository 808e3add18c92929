"""A score is looked at, calibrated per group, added as a candidate, chosen and exported."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from playwright.sync_api import Page, expect

from faircore.data import Table, build_dataset, load_sample, make_lending
from faircore.export.scoring import score_file
from faircore.records import ReviewStore, frontier_of_review
from faircore.shelf import read_predictor
from faircore.training import Prepared
from tests.browser.harness import Server, choose_point, open_page, select_option, wait_idle
from tests.browser.plotly_charts import chart, plotly_points

pytestmark = [pytest.mark.browser, pytest.mark.slow]

OFF = "Black · woman"


def planted() -> Table:
    """Loans whose score promises Black women far too little."""
    frame, rng = make_lending(8_000, seed=3), np.random.default_rng(0)
    frame["gender"] = frame["gender"].replace("non-binary", "woman")
    frame["race"] = frame["race"].fillna("White")
    score = rng.beta(2, 3, len(frame)).round(4)
    off = (frame["race"] == "Black") & (frame["gender"] == "woman")
    odds = score / (1 - score) * np.where(off, 4.0, 1.0)
    frame["existing_score"] = score
    frame["repaid"] = np.where(rng.random(len(frame)) < odds / (1 + odds), "yes", "no")
    return Table.from_frame(frame, "loans.csv")


@pytest.mark.parametrize("page", ["light", "dark"], indirect=True)
def test_a_score_is_calibrated_per_group_and_leaves_as_a_bundle(
    page: Page, server: Server, tmp_path: Path
) -> None:
    _, spec = load_sample("lending")
    table = planted()
    dataset = build_dataset(table, spec.with_(intersections=(("race", "gender"),)))
    store = ReviewStore(server.workspace)
    review = store.create(f"Promises {tmp_path.name}", table, dataset)
    open_page(page, f"{server.url}/calibration?review={review.id}")
    before = looked_at(page)
    calibrated(page, before)
    for layout in ("together", "apart"):
        page.get_by_role("radio", name=layout).click()
        wait_idle(page)
        chart(page, "reliability")
    page.get_by_role("button", name="Add it to the Frontier").click()
    page.get_by_role("button", name="See it on the Frontier").click(timeout=60_000)
    page.get_by_role("heading", name="Frontier", exact=True).wait_for()
    wait_idle(page)
    expect(page.get_by_text("rows its calibrator never saw")).to_be_visible()
    choose_point(page, "A promise is a promise.")
    bundle_agrees(page, server, review.id, tmp_path)


def looked_at(page: Page) -> list[dict[str, object]]:
    """The misjudged group comes first, in words and as the first panel."""
    page.get_by_role("heading", name=re.compile("misses the limit of 5 points")).wait_for()
    first = page.get_by_role("listitem").filter(has_text="promised").first
    expect(first).to_contain_text(OFF)
    expect(first).to_contain_text("too low")
    expect(page.locator(".st-key-reliability")).to_contain_text(OFF)
    return plotly_points(page, "reliability")


def calibrated(page: Page, before: list[dict[str, object]]) -> None:
    """One calibrator per group: before stays beside after, and the price is said."""
    select_option(page, "Calibrate", "One per group")
    page.get_by_text("Before:").first.wait_for()
    after = plotly_points(page, "reliability")
    assert len(after) > len(before)
    page.get_by_text("What each group got, and why").click()
    wait_idle(page)
    expect(page.get_by_role("heading", name="What it does to everything else")).to_be_visible()
    expect(page.get_by_text("It made").first).to_be_visible()


def bundle_agrees(page: Page, server: Server, review_id: str, folder: Path) -> None:
    """The bundle gives the sealed rows the score of the candidate."""
    with page.expect_download() as started:
        page.get_by_role("link", name="Download the bundle").click()
    started.value.save_as(folder / "bundle.zip")
    store = ReviewStore(server.workspace)
    prepared = Prepared.of(store.dataset(review_id))
    (candidate,) = frontier_of_review(server.workspace, review_id).candidates
    model = read_predictor(candidate.id, workspace=server.workspace)
    rows = prepared.rows("certify")
    frame = planted().frame.iloc[rows]
    frame.to_csv(folder / "new.csv", index=False)
    score_file(folder / "bundle.zip", folder / "new.csv", folder / "scored.csv")
    found = pd.read_csv(folder / "scored.csv")["score"]
    np.testing.assert_allclose(found, model.scores(prepared.inputs("certify")), atol=1e-9)
