"""Calibration as a visitor sees it: groups, calibrators, what they do, and candidates made here."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from faircore.data import Dataset, Table, build_dataset, load_sample, make_lending
from faircore.methods.calibrated import CalibrationConfig
from faircore.methods.cutting import CutConfig
from faircore.metrics.calibration_report import calibration_report
from faircore.plans import SweepPlan, SweepSpec
from faircore.records import Review, ReviewStore, frontier_of_review
from faircore.sweep import run_plan
from faircore.training import Prepared
from pages.components.calibration_controls import KIND_TITLES, SCOPE_TITLES
from tests.pages.visitor import boxes, button, labelled, one_error, well, words

Open = Callable[..., AppTest]
Opened = tuple[Path, Review]


def scored(workspace: Path, table: Table, dataset: Dataset, **roles: Any) -> Opened:
    """A review in which nothing has been trained."""
    workspace.mkdir(exist_ok=True)
    dataset = build_dataset(table, dataset.spec.with_(**roles))
    return workspace, ReviewStore(workspace).create("Loans", table, dataset)


@pytest.fixture(scope="module")
def planted() -> tuple[Table, Dataset]:
    """Loans whose score promises Black women far too little."""
    _, spec = load_sample("lending")
    frame, rng = make_lending(8_000, seed=3), np.random.default_rng(0)
    # No group is so small that larger ones must be hidden with it.
    frame["gender"] = frame["gender"].replace("non-binary", "woman")
    frame["race"] = frame["race"].fillna("White")
    score = rng.beta(2, 3, len(frame)).round(4)
    off = (frame["race"] == "Black") & (frame["gender"] == "woman")
    odds = score / (1 - score) * np.where(off, 4.0, 1.0)
    good = rng.random(len(frame)) < odds / (1 + odds)
    frame["existing_score"] = score
    frame[spec.target] = np.where(good, spec.positive, "no")
    table = Table.from_frame(frame, "lending.csv")
    return table, build_dataset(table, spec)


@pytest.fixture
def review(planted: tuple[Table, Dataset], tmp_path: Path) -> Opened:
    return scored(tmp_path / "w", *planted, intersections=(("race", "gender"),))


def choose(app: AppTest, **choices: str) -> AppTest:
    for name, value in choices.items():
        box = next(e for e in app.selectbox if e.key == f"calibrate-{name}")
        box.set_value(value)
        well(app.run())
    return app


def table(app: AppTest, column: str) -> pd.DataFrame:
    """The first table that has a column."""
    return next(d.value for d in app.dataframe if column in d.value.columns)


def groups(app: AppTest) -> pd.DataFrame:
    return table(app, "Happened, %").set_index("Group")


def test_the_groups_are_those_of_the_rows_kept_for_choosing(review: Opened, visit: Open) -> None:
    app = visit("calibration.py", *map_review(review))
    prepared = Prepared.of(ReviewStore(review[0]).dataset(review[1].id))
    rows, dataset = prepared.rows("select"), prepared.dataset
    assert dataset.score is not None
    report = calibration_report(
        dataset.y_true[rows], dataset.score[rows], sensitive_features=prepared.groups.take(rows),
        sample_weight=prepared.weights[rows],
    )  # fmt: skip
    expected = report.partition("race × gender")
    shown = groups(app)
    assert list(shown.index) == list(expected.index)  # worst first
    known = expected["people"].notna()
    assert shown["People"][known].tolist() == [f"{n:,.0f}" for n in expected["people"][known]]
    assert (shown["People"][~known] == "–").all()
    assert f"{len(rows):,} people kept for choosing" in words(app)
    assert expected.index[0] in words(app)


def map_review(opened: Opened) -> tuple[Path, str]:
    return opened[0], opened[1].id


def test_the_planted_group_is_named_first_and_mended_by_a_calibrator_of_its_own(
    review: Opened, visit: Open
) -> None:
    app = visit("calibration.py", *map_review(review))
    off = "Black · woman"
    assert groups(app).index[0] == off
    assert off in words(app)
    before = float(groups(app).loc[off, "Difference, points"].replace("−", "-"))
    choose(app, scope="groups")
    told = groups(app).loc[off, "Difference, points"].replace("−", "-").split(" → ")
    assert float(told[0]) == before
    assert abs(float(told[1])) < abs(before) / 2
    got = table(app, "Calibrator").set_index("Group")["Calibrator"]
    assert "of its own" in got[off]
    assert any("uses the calibrator of" in text for text in got)
    assert "Before:" in words(app)
    assert len(app.get("plotly_chart")) == len(boxes(app)) == 2
    assert all("Hollow grey" in box for box in boxes(app))


@pytest.mark.parametrize("scope", ["everybody", "groups"])
@pytest.mark.parametrize("kind", KIND_TITLES)
def test_every_calibrator_can_be_looked_at(
    scope: str, kind: str, review: Opened, visit: Open, no_training: None
) -> None:
    app = visit("calibration.py", *map_review(review))
    choose(app, scope=scope, kind=kind)
    assert not app.error
    effect = table(app, "Figure").set_index("Figure")
    assert {"Accuracy", "Gap in selection", "Log loss"} <= set(effect.index)
    if kind == "automatic":
        return
    got = table(app, "Calibrator")["Calibrator"]
    name = {"platt": "Platt"}.get(kind, kind)
    assert f" {name} for everybody" in got[0]


def test_ways_are_compared_and_those_without_the_group_say_so(review: Opened, visit: Open) -> None:
    app = visit("calibration.py", *map_review(review))
    rows = table(app, "Asks for the group").set_index("Calibration")
    assert list(rows.index) == [SCOPE_TITLES[s] for s in ("none", "everybody", "groups")]
    assert rows["Asks for the group"].tolist() == ["no", "no", "yes"]
    assert float(rows["Log loss"].iloc[2]) < float(rows["Log loss"].iloc[0])
    assert "The correction by the features is not made yet" in words(app)


def test_a_calibration_is_launched_as_a_candidate(
    review: Opened, visit: Open, launched: list[SweepPlan]
) -> None:
    app = visit("calibration.py", *map_review(review))
    choose(app, scope="groups", kind="platt", by="race")
    well(button(app, "Add it to the Frontier").click().run())
    (spec,) = launched[0].sweeps
    assert spec.method == "calibrated"
    assert spec.config == CalibrationConfig(
        "score", scope="groups", calibrator="platt", attributes=("race",)
    )
    assert ReviewStore(review[0]).get(review[1].id).sweeps


def test_a_correction_is_launched_and_then_shown_without_the_group(
    review: Opened, visit: Open, launched: list[SweepPlan]
) -> None:
    app = visit("calibration.py", *map_review(review))
    choose(app, scope="features")
    assert not [d for d in app.dataframe if "Figure" in d.value.columns]  # nothing to compare yet
    well(button(app, "Fit the correction").click().run())
    dataset = ReviewStore(review[0]).dataset(review[1].id)
    run_plan(dataset, launched[0], workspace=review[0])
    app = visit("calibration.py", *map_review(review))
    choose(app, model="score", scope="features")
    rows = table(app, "Asks for the group").set_index("Calibration")
    assert rows.loc[SCOPE_TITLES["features"], "Asks for the group"] == "no"
    assert len(app.info) == 1  # why it was kept, or not
    assert "candidate of its own" in words(app)
    well(button(app, "See it on the Frontier").click().run())
    assert app.title[0].value == "Frontier"
    assert any("corrected from the features" in s.value for s in app.subheader)


@pytest.fixture
def trained_candidates(review: Opened) -> Opened:
    """Trees, calibrated trees, and thresholds on the score of the data."""
    dataset = ReviewStore(review[0]).dataset(review[1].id)
    trees = SweepSpec((0.0, 1.0), method="boosted", partitions=("race",))
    cut = SweepSpec(
        (0.05,), method="thresholds", partitions=("race",), config=CutConfig("score", by_lot=False)
    )
    plans = [SweepPlan((trees, cut))]
    source = trees.trial_ids(dataset.fingerprint)[0]
    config = CalibrationConfig(source, scope="groups", attributes=("race", "gender"))
    plans.append(SweepPlan((SweepSpec((0.0,), method="calibrated", config=config),)))
    for plan in plans:
        run_plan(dataset, plan, workspace=review[0])
        ReviewStore(review[0]).add_sweep(review[1].id, plan.to_json())
    return review


def test_every_candidate_can_be_looked_at(trained_candidates: Opened, visit: Open) -> None:
    candidates = frontier_of_review(trained_candidates[0], trained_candidates[1].id).candidates
    app = visit("calibration.py", *map_review(trained_candidates))
    options = next(e for e in app.selectbox if e.key == "calibrate-model").options
    assert len(options) == len(candidates) + 1
    for candidate in candidates:
        choose(app, model=candidate.id)
        assert not app.error
        told = groups(app)["Difference, points"]
        assert (" → " in told.iloc[0]) == (candidate.method == "calibrated")
        choose(app, scope="everybody")
        assert " → " in groups(app)["Difference, points"].iloc[0]
        choose(app, scope="none")


def test_a_calibrated_candidate_is_called_by_what_it_was_made_from(
    trained_candidates: Opened, visit: Open
) -> None:
    app = visit("frontier.py", *map_review(trained_candidates))
    names = labelled(app.selectbox, "Model").options
    (name,) = [n for n in names if "calibrated per group of race × gender" in n]
    assert "λ = 0" in name
    assert name.removesuffix(", calibrated per group of race × gender") in names
    labelled(app.selectbox, "Model").set_value(
        next(c.id for c in frontier_of_review(*map_review(trained_candidates)).candidates
             if c.method == "calibrated")
    )  # fmt: skip
    well(app.run())
    told = words(app)
    assert "rows its calibrator learned from" in told
    assert "Needs a sensitive attribute at prediction time" in told
    got = table(app, "Calibrator")
    assert len(got) > 5


def test_a_review_of_a_score_alone_can_be_calibrated(
    lending: tuple[Table, Dataset], tmp_path: Path, visit: Open
) -> None:
    opened = scored(tmp_path / "w", *lending, features=())
    app = visit("calibration.py", *map_review(opened))
    scopes = next(e for e in app.selectbox if e.key == "calibrate-scope").options
    assert SCOPE_TITLES["features"] not in scopes
    choose(app, scope="groups")
    assert " → " in groups(app)["Difference, points"].iloc[0]


def test_without_score_or_model_the_page_says_what_to_do(
    lending: tuple[Table, Dataset], tmp_path: Path, visit: Open
) -> None:
    opened = scored(tmp_path / "w", *lending, score=None)
    app = visit("calibration.py", *map_review(opened))
    assert "No model has been trained in this review yet" in words(app)
    well(button(app, "Train models").click().run())
    assert app.title[0].value == "Train"


def test_bins_and_layout_are_remembered_and_change_the_picture(review: Opened, visit: Open) -> None:
    app = visit("calibration.py", *map_review(review))
    labelled(app.slider, "Bins at most").set_value(4)
    well(app.run())
    few = table(app, "ECE, points").set_index("Group")["ECE, points"]
    labelled(app.slider, "Bins at most").set_value(20)
    well(app.run())
    many = table(app, "ECE, points").set_index("Group")["ECE, points"]
    assert (few != many).any()
    assert app.session_state["faircore"].calibrate_bins == 20
    app.switch_page("audit.py")
    well(app.run())
    app.switch_page("calibration.py")
    well(app.run())
    assert labelled(app.slider, "Bins at most").value == 20


def cells_of(app: AppTest) -> int:
    found = re.search(r"Of ([\d,]+) cells", words(app))
    assert found is not None
    return int(found.group(1).replace(",", ""))


def test_limits_can_be_set(review: Opened, visit: Open) -> None:
    app = visit("calibration.py", *map_review(review))
    off = "Black · woman"
    assert groups(app).loc[off, "Limit"] == "✗ above"
    labelled(app.number_input, "Limit of ECE").set_value(60.0)
    well(app.run())
    assert groups(app).loc[off, "Limit"] == "✓ within"
    assert "within the limit of 60 points" in words(app)
    assert app.session_state["faircore"].calibrate_limit == 60.0


def test_combinations_are_walked_through_and_counted(review: Opened, visit: Open) -> None:
    app = visit("calibration.py", *map_review(review))
    told = words(app)
    assert "gender = woman" in told
    assert "race = Black" in told
    assert "too low" in told
    before = cells_of(app)
    labelled(app.multiselect, "Combine the sensitive attributes with").set_value(["region"])
    well(app.run())
    assert cells_of(app) > before


def test_small_groups_are_dashes(
    lending: tuple[Table, Dataset], tmp_path: Path, visit: Open
) -> None:
    frame = lending[0].frame.copy()
    frame.loc[:25, "race"] = "Rare"
    table_ = Table.from_frame(frame, "lending.csv")
    opened = scored(tmp_path / "w", table_, lending[1])
    app = visit("calibration.py", *map_review(opened))
    choose(app, partition="race", scope="groups")
    row = groups(app).loc["Rare"]
    assert row["People"] == "–"
    assert set(row[["Happened, %", "95%"]]) == {"–"}
    got = table(app, "Calibrator").set_index("Group")["Calibrator"]
    assert got["Rare"].startswith(("rows not shown", "fewer than 10 rows"))


def test_a_damaged_candidate_is_said(trained_candidates: Opened, visit: Open) -> None:
    workspace, review = trained_candidates
    candidate = frontier_of_review(workspace, review.id).candidates[0].id
    for file in (workspace / "trials").glob(f"*/{candidate}/model.safetensors"):
        file.write_bytes(b"")
    app = visit("calibration.py", workspace, review.id)
    box = next(e for e in app.selectbox if e.key == "calibrate-model")
    well(box.set_value(candidate).run())
    assert "missing or damaged" in one_error(app)


def test_an_error_of_a_model_is_one_sentence(
    trained_candidates: Opened, visit: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    from faircore.errors import StoreError

    def gone(*_: Any, **__: Any) -> Any:
        raise StoreError("The model of this candidate is missing. Launch its sweep again.")

    monkeypatch.setattr("pages.components.calibration_scores.model_of", gone)
    workspace, review = trained_candidates
    app = visit("calibration.py", workspace, review.id)
    candidate = frontier_of_review(workspace, review.id).candidates[0].id
    next(e for e in app.selectbox if e.key == "calibrate-model").set_value(candidate)
    assert "missing" in one_error(app.run())
