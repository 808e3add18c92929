"""A model somebody brings, compared and cut by group, in a real browser and from the shell."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import skops.io
from playwright.sync_api import Page, expect
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from faircore.data import Dataset, build_dataset, load_sample
from faircore.records import ReviewStore
from faircore.training import Prepared
from tests.browser.harness import Server, choose_point, open_page, select_option, wait_idle

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def teams_model(dataset: Dataset) -> bytes:
    """What a team might have in use: encoder and classifier in one, fitted elsewhere."""
    number = make_pipeline(SimpleImputer(), StandardScaler())
    columns = make_column_transformer(
        (number, make_column_selector(dtype_include="number")),
        (OneHotEncoder(handle_unknown="ignore"), make_column_selector(dtype_exclude="number")),
    )
    model = make_pipeline(columns, LogisticRegression(max_iter=500))
    return skops.io.dumps(model.fit(dataset.features.iloc[:2_000], dataset.y_true[:2_000]))


def tick(page: Page, *texts: str) -> None:
    """Open a part of the form or tick what stands there."""
    for text in texts:
        page.get_by_text(text).first.click()
        wait_idle(page)


def test_a_brought_model_is_compared_cut_chosen_and_exported(
    page: Page, server: Server, tmp_path: Path
) -> None:
    table, spec = load_sample("lending")
    dataset = build_dataset(table, spec)
    store = ReviewStore(server.workspace)
    review = store.create("Brought", table, dataset)
    open_page(page, f"{server.url}/train?review={review.id}")
    bring(page, teams_model(dataset))
    launch(page)
    pick_thresholds(page)
    choose_point(page, "The gap is closed.")
    check(page, store, review.id, tmp_path)


def bring(page: Page, data: bytes) -> None:
    """A file that is no model is refused in a sentence; the right one lands on the list."""
    tick(page, "Bring a model you have")
    chooser = page.locator("input[type=file]")
    chooser.set_input_files({"name": "bad.skops", "mimeType": "", "buffer": b"\x80\x04."})
    wait_idle(page)
    page.get_by_role("button", name="Bring it").click()
    expect(page.get_by_test_id("stAlert")).to_contain_text("bad.skops", timeout=30_000)
    chooser.set_input_files({"name": "team.skops", "mimeType": "", "buffer": data})
    wait_idle(page)
    page.get_by_role("button", name="Bring it").click()
    expect(page.get_by_test_id("stAlert")).to_contain_text("It is on the list now", timeout=60_000)


def launch(page: Page) -> None:
    """Leave networks out; cut the brought model and stand it beside."""
    tick(page, "Penalise a gap while learning", "Afterwards: leave the score")
    tick(page, "Choose thresholds per group afterwards", "Compare with a model you have")
    told = page.get_by_text("Must be told the group of everybody")
    expect(told.filter(visible=True).first).to_be_visible()
    page.get_by_role("button", name="Launch").click()
    expect(page.get_by_text("All 8 models are ready.")).to_be_visible(timeout=120_000)
    page.get_by_role("button", name="Compare the models").click()
    page.get_by_role("heading", name="Frontier", exact=True).wait_for()
    wait_idle(page)


def pick_thresholds(page: Page) -> None:
    """The narrowest limit, by the slider."""
    select_option(page, "Slide along", "Thresholds by group")
    slider = page.get_by_role("slider", name="Widest gap allowed")
    slider.focus()
    slider.press("End")
    wait_idle(page)
    page.get_by_role("heading", name=re.compile("gap ≤ 0.5 points")).wait_for()
    expect(page.get_by_text("Needs a sensitive attribute at prediction time")).to_be_visible()
    expect(page.get_by_text("rows its thresholds were set on")).to_be_visible()
    expect(page.get_by_text("rows its thresholds never saw")).to_be_visible()
    tick(page, "Thresholds of each group")


def check(page: Page, store: ReviewStore, review_id: str, tmp_path: Path) -> None:
    """The bundle decides on the sealed rows as was recorded, and only with the attribute."""
    with page.expect_download() as started:
        page.get_by_role("link", name="Download the bundle").click()
    bundle, rows, out = (tmp_path / name for name in ("b.zip", "rows.csv", "scored.csv"))
    started.value.save_as(bundle)
    table, _ = load_sample("lending")
    table.frame.to_csv(rows, index=False)
    score = [sys.executable, "-m", "faircore.cli", "score", str(bundle), str(rows)]
    subprocess.run([*score, "--out", str(out)], check=True, cwd=tmp_path)
    decided = pd.read_csv(out)["decision"].to_numpy()
    (decision,) = store.get(review_id).decisions
    assert decision["needs_groups"]
    prepared = Prepared.of(store.dataset(review_id))
    sealed = prepared.splits.certify
    groups = prepared.groups.take(sealed)
    counts = np.zeros((groups.n_groups, 2, 2))
    for codes in groups.codes:
        np.add.at(counts, (codes, prepared.dataset.y_true[sealed], decided[sealed]), 1)
    np.testing.assert_array_equal(counts, decision["sealed_counts"])
    told = prepared.groups.partitions[0].attributes[0]
    table.frame.drop(columns=[told]).to_csv(rows, index=False)
    refused = subprocess.run(score, capture_output=True, text=True, cwd=tmp_path)
    assert refused.returncode == 2
    assert told in refused.stderr
