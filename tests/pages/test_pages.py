"""The pages as scripts: every one reached through the navigation, as a visitor does."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from faircore.data import Dataset, Table, make_lending
from faircore.decide import Decision, OperatingPoint, decide
from faircore.export.bundle import load_bundle
from faircore.groups import find_partition
from faircore.metrics import MIN_PEOPLE, RATES, difference, hidden_groups
from faircore.plans import SweepPlan, SweepSpec
from faircore.records import Review, ReviewStore, frontier_of_review
from faircore.sweep import run_sweep
from faircore.training import TrainingConfig
from pages.components.group_tables import shown_rates
from pages.components.words import plain
from tests.pages.visitor import button, decide_alone, labelled, one_error, well, words

REVIEW_PAGES = [
    "audit.py", "policy.py", "train.py", "frontier.py", "calibration.py", "decide.py", "packet.py",
    "export.py",
]  # fmt: skip

Opened = tuple[Path, Review]
Open = Callable[..., AppTest]


# --- without a review


@pytest.mark.parametrize("page", REVIEW_PAGES)
def test_without_a_review_a_page_says_what_to_do(page: str, visit: Open) -> None:
    app = visit(page)
    assert "No review is open" in words(app)
    well(button(app, "Start with data").click().run())
    assert app.title[0].value == "Data"
    app = visit(page)
    well(button(app, "See all reviews").click().run())
    assert app.title[0].value == "Reviews"


@pytest.mark.parametrize("page", ["data.py", *REVIEW_PAGES])
@pytest.mark.parametrize("review", ["0" * 12, "../../etc/passwd", "<script>"])
def test_a_link_to_no_review_is_said_and_leads_back(page: str, review: str, visit: Open) -> None:
    app = visit(page, review=review)
    assert "Reviews page" in one_error(app)
    assert review not in one_error(app)
    well(button(app, "See all reviews").click().run())
    assert app.title[0].value == "Reviews"
    assert "review" not in app.query_params


def test_an_empty_workspace_offers_to_start(visit: Open) -> None:
    app = visit("reviews.py")
    assert "none yet" in words(app)
    well(button(app, "Start a new review").click().run())
    assert app.title[0].value == "Data"


def test_reviews_are_listed_and_opened(trained: Opened, visit: Open) -> None:
    workspace, review = trained
    app = visit("reviews.py", workspace)
    assert "**Lending trial**" in words(app)
    assert "models requested" in words(app)
    well(button(app, "Open").click().run())
    assert app.title[0].value == "Frontier"
    assert app.query_params["review"] in (review.id, [review.id])


# --- data


def sample(app: AppTest, name: str = "german_credit") -> AppTest:
    app.button_group[0].set_value("Use a sample").run()
    return well(labelled(app.selectbox, "Sample").select(name).run())


def test_a_sample_becomes_exactly_one_review(visit: Open, tmp_path: Path) -> None:
    app = sample(visit("data.py", tmp_path))
    assert labelled(app.selectbox, "Outcome to predict").value == "credit_risk"
    assert "sex" in app.multiselect[0].value
    assert "1,000 rows" in words(app)
    assert [tab.label for tab in app.tabs] == ["sex", "age", "sex × age"]
    table = app.dataframe[0].value
    assert table["People"].sum() == 1_000
    assert ReviewStore(tmp_path).list() == []  # looking starts nothing
    labelled(app.text_input, "Name of the review").set_value("Spring")
    well(button(app, "Start the review").click().run())
    assert app.title[0].value == "Train"
    found = ReviewStore(tmp_path).list()
    assert [r.name for r in found] == ["Spring"]
    well(app.run())
    well(app.switch_page("data.py").run())
    assert "1,000 people" in words(app)
    assert len(ReviewStore(tmp_path).list()) == 1


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("empty.csv", b""),
        ("ragged.csv", b"a,b\ncanary\n1,2,3\n"),
        ("noise.csv", bytes(range(256)) * 9),
        ("book.xlsx", b"PK\x03\x04canary"),
        ("table.parquet", b"PAR1canaryPAR1"),
        ("header.csv", b"a,b,c\n"),
        ("narrow.csv", b"a\n1\n2\n"),
    ],
)
def test_a_broken_file_is_one_sentence(
    name: str, content: bytes, visit: Open, tmp_path: Path
) -> None:
    app = visit("data.py", tmp_path)
    app.file_uploader[0].upload(name, content).run()
    assert "canary" not in one_error(app)
    assert ReviewStore(tmp_path).list() == []


def test_an_upload_is_kept_exactly(visit: Open, tmp_path: Path) -> None:
    text = make_lending(400, seed=2).to_csv(index=False)
    app = visit("data.py", tmp_path)
    app.file_uploader[0].upload("../../loans.csv", text.encode(), "text/csv")
    well(app.run())
    assert "400 rows, 14 columns" in words(app)
    assert labelled(app.selectbox, "Outcome to predict").value == "repaid"
    assert labelled(app.text_input, "Name of the review").value == "loans"
    kept = list(tmp_path.rglob("loans.csv"))
    assert [p.read_text() for p in kept] == [text]
    assert kept[0].parent.parent == tmp_path / "uploads"
    well(button(app, "Start the review").click().run())
    assert len(ReviewStore(tmp_path).list()) == 1


def test_a_file_nothing_can_be_guessed_from_still_gets_its_roles(
    visit: Open, tmp_path: Path
) -> None:
    """The message says to set the roles oneself, so there must be a form to do it in."""
    frame = make_lending(400, seed=2)[["region", "income", "debt_ratio", "repaid"]]
    app = visit("data.py", tmp_path)
    app.file_uploader[0].upload("plain.csv", frame.to_csv(index=False).encode(), "text/csv")
    well(app.run())
    assert [s.label for s in app.selectbox][:1] == ["Outcome to predict"]


def test_roles_that_contradict_each_other_are_one_sentence(visit: Open, tmp_path: Path) -> None:
    app = sample(visit("data.py", tmp_path))

    def features() -> Any:
        return next(m for m in app.multiselect if m.label.startswith("Features"))

    chosen = features().value
    features().set_value([]).run()
    assert "feature" in one_error(app)
    features().set_value(chosen).run()
    assert len(app.error) == 0

    bins = next(t for t in app.text_input if "age" in t.label)
    for edges in ("45, 25", "young, old", "25, 25", "nan", "999"):
        next(t for t in app.text_input if "age" in t.label).set_value(edges).run()
        assert "age" in one_error(app)
        assert not [b for b in app.button if b.label == "Start the review"]
    next(t for t in app.text_input if "age" in t.label).set_value(bins.value or "25, 45").run()

    app.multiselect[0].set_value([]).run()
    assert "sensitive attribute" in one_error(app)
    app.multiselect[0].set_value(["sex"]).run()
    assert len(well(app).error) == 0

    labelled(app.selectbox, "Sample weight").select("credit_risk").run()
    one_error(app)
    labelled(app.selectbox, "Sample weight").select("(none)").run()
    labelled(app.selectbox, "Outcome to predict").select("purpose").run()
    assert "two values" in one_error(app)
    assert ReviewStore(tmp_path).list() == []


# --- train


def test_contradictory_strengths_are_one_sentence(
    trained: Opened, visit: Open, no_training: None
) -> None:
    workspace, review = trained
    app = visit("train.py", workspace, review.id)
    assert "All 6 models are ready" in words(app)
    labelled(app.number_input, "Weakest λ").set_value(5.0).run()
    assert "below the strongest" in one_error(app)
    assert not [b for b in app.button if b.label == "Launch"]
    labelled(app.number_input, "Weakest λ").set_value(0.0).run()
    assert "above 0" in one_error(app)
    labelled(app.number_input, "Weakest λ").set_value(0.5).run()
    assert len(well(app).error) == 0
    app.multiselect[0].set_value([]).run()
    assert "at least one attribute" in one_error(app)


def test_an_answered_sweep_starts_no_process(
    lending: tuple[Table, Dataset], visit: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    review = ReviewStore(tmp_path).create("Loans", *lending)
    config = TrainingConfig(hidden=(64,), epochs=5)
    spec = SweepSpec((0.1, 3.0), partitions=("race",), config=config)
    run_sweep(lending[1], spec, workspace=tmp_path)

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a process was started")

    monkeypatch.setattr("faircore.jobs.job.subprocess.Popen", refuse)
    app = visit("train.py", tmp_path, review.id)
    labelled(app.number_input, "Models").set_value(2)
    labelled(app.number_input, "Passes over the data").set_value(5).run()
    told = words(app)
    assert "3 models: penalised networks; the plain one of each kind included." in told
    assert "3 of them are trained already" in told
    labelled(app.text_input, "Your name").set_value(" Ana ")
    well(button(app, "Launch").click().run())
    assert "All 3 models are ready." in words(app)
    asked = ReviewStore(tmp_path).get(review.id)
    assert asked.sweeps == (SweepPlan((spec,)).to_json(),)
    assert [event.who for event in asked.history] == ["Ana"]


@pytest.mark.parametrize(
    ("label", "value"),
    [("Passes over the data", 1), ("Passes over the data", 2), ("Models", 200),
     ("Seeds", 20)],
)  # fmt: skip
def test_the_smallest_and_largest_answers_are_accepted(
    label: str, value: int, trained: Opened, visit: Open, no_training: None
) -> None:
    workspace, review = trained
    app = visit("train.py", workspace, review.id)
    well(labelled(app.number_input, label).set_value(value).run())
    assert [b for b in app.button if b.label == "Launch"]


def test_a_process_that_cannot_start_is_said(
    fresh: Opened, visit: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace, review = fresh

    def refuse(*_: object, **__: object) -> None:
        raise OSError(12, "Cannot allocate memory")

    app = visit("train.py", workspace, review.id)
    monkeypatch.setattr("faircore.jobs.job.subprocess.Popen", refuse)
    button(app, "Launch").click().run()
    assert "Cannot allocate memory" in one_error(app)


# --- frontier


def shown(app: AppTest) -> dict[str, Any]:
    return {s.label: s for s in app.selectbox}


def test_the_frontier_shows_what_the_engine_computes(
    trained: Opened, visit: Open, no_training: None
) -> None:
    workspace, review = trained
    app = visit("frontier.py", workspace, review.id)
    engine = frontier_of_review(workspace, review.id)
    views = [
        {},
        {"performance": "balanced_accuracy"},
        {"disparity": "equalized_odds_difference"},
        {"partition": "race × gender"},
        {"threshold": 0.61},
        {"disparity": "demographic_parity_ratio"},
    ]
    view = engine.view(partition="race", disparity="demographic_parity_difference")
    for change in views:
        for name, value in change.items():
            widgets = app.slider if name == "threshold" else app.selectbox
            next(w for w in widgets if w.key == f"view-{name}").set_value(value)
        well(app.run())
        view = view.view(**change)  # type: ignore[arg-type]
        position = view.position(shown(app)["Model"].value)
        for objective, value in zip(view.objectives, view.values[position], strict=True):
            assert f"{plain(objective.full_title)}: **{objective.text(value)}**" in words(app)
        partition = find_partition(view.partitions, view.partition)
        rates = shown_rates(view.counts[position][partition.groups])
        expected = 100 * np.stack(list(rates.values()), axis=1)
        hidden = hidden_groups(view.partitions, view.sizes["select"])[partition.groups]
        expected[hidden] = np.nan
        frame = app.dataframe[0].value
        assert frame["Group"].tolist() == list(partition.group_names)
        np.testing.assert_allclose(frame.iloc[:, 2:].to_numpy(dtype=float), expected)
        sizes = np.where(hidden, np.nan, view.sizes["select"][partition.groups])
        np.testing.assert_allclose(frame["People"].to_numpy(dtype=float), sizes)


def test_a_row_of_the_table_selects_its_model(trained: Opened, visit: Open) -> None:
    workspace, review = trained
    app = visit("frontier.py", workspace, review.id)
    engine = frontier_of_review(workspace, review.id)
    chosen = engine.candidates[4]
    well(shown(app)["Model"].set_value(chosen.id).run())
    assert app.subheader[0].value == f"λ = {chosen.strength:g} · seed {chosen.seed}"
    assert app.session_state["faircore"].candidate == chosen.id
    # It goes along to the next page.
    well(button(app, "Choose this point").click().run())
    assert app.title[0].value == "Decide"
    assert shown(app)["Model"].value == chosen.id


def test_the_sentence_under_the_gap_names_the_groups_that_make_it(
    trained: Opened, visit: Open
) -> None:
    """A gap in either error may lie among people without the good outcome: say that one."""
    workspace, review = trained
    app = visit("frontier.py", workspace, review.id)
    next(w for w in app.selectbox if w.key == "view-disparity").set_value(
        "equalized_odds_difference"
    )
    next(w for w in app.slider if w.key == "view-threshold").set_value(0.55)
    well(app.run())
    view = frontier_of_review(workspace, review.id).view(
        partition="race", disparity="equalized_odds_difference", threshold=0.55
    )
    partition = find_partition(view.partitions, "race")
    position = view.position(shown(app)["Model"].value)
    counts = view.counts[position][partition.groups]
    gaps = {
        name: float(difference(RATES[name](counts, min_people=MIN_PEOPLE)))
        for name in ("true_positive_rate", "false_positive_rate")
    }
    wider = max(gaps, key=lambda name: gaps[name])
    assert gaps[wider] == pytest.approx(view.values[position, 1])
    among = "without the good outcome" if wider == "false_positive_rate" else "with the good"
    sentence = next(m.value for m in app.markdown if m.value.startswith("Of 100 "))
    assert among in sentence


def test_a_review_without_models_leads_to_training(
    lending: tuple[Table, Dataset], visit: Open, tmp_path: Path
) -> None:
    review = ReviewStore(tmp_path).create("Loans", *lending)
    for page in ("frontier.py", "decide.py", "export.py"):
        app = visit(page, tmp_path, review.id)
        assert "No model has been trained" in words(app)
        well(button(app, "Train models").click().run())
        assert app.title[0].value == "Train"
    ReviewStore(tmp_path).add_sweep(review.id, SweepSpec((1.0,)).to_json())
    for page in ("frontier.py", "decide.py"):
        app = visit(page, tmp_path, review.id)
        assert "No model is ready yet" in words(app)
        assert button(app, "See the training")


# --- decide and export


def test_without_a_reason_nothing_is_opened(fresh: Opened, visit: Open) -> None:
    workspace, review = fresh
    app = visit("decide.py", workspace, review.id)
    for who, reason in (("Ada", "  "), ("", "Enough.")):
        labelled(app.text_input, "Your name").set_value(who)
        labelled(app.text_area, "Why this point").set_value(reason)
        button(app, "Propose this point").click().run()
        assert ("needs a reason" if who else "A name has 1 to 80") in one_error(app)
        assert ReviewStore(workspace).get(review.id).history == review.history


def test_a_choice_opens_the_sealed_rows_once(fresh: Opened, visit: Open) -> None:
    workspace, review = fresh
    app = visit("decide.py", workspace, review.id)
    engine = frontier_of_review(workspace, review.id)
    well(shown(app)["Model"].set_value(engine.candidates[3].id).run())
    well(app.slider[0].set_value(0.58).run())
    decide_alone(app, "It costs $5 | and is\n# right.")
    well(app.run())  # a reload opens nothing more
    stored = ReviewStore(workspace).get(review.id)
    assert len(stored.openings) == len(stored.decisions) == 1
    decision = Decision.from_dict(stored.decisions[0])
    assert decision.point == OperatingPoint(engine.candidates[3].id, 0.58)
    assert decision.view["threshold"] == pytest.approx(0.58)
    text = words(app)
    assert "The choice that stands" in text
    assert "**Ada**" in text
    assert "threshold 0.58" in text
    frame = app.dataframe[0].value
    race = engine.partitions[0]
    sizes = decision.sealed_sizes[race.groups].astype(float)
    own = decision.sealed_counts[race.groups]
    expected = 100 * np.stack(list(shown_rates(own).values()), 1)
    hidden = hidden_groups(engine.partitions, decision.sealed_sizes)[race.groups]
    expected[hidden], sizes[hidden] = np.nan, np.nan
    np.testing.assert_allclose(frame["People"].to_numpy(dtype=float), sizes)
    np.testing.assert_allclose(frame.iloc[:, 2:].to_numpy(dtype=float), expected)
    accuracy = (decision.sealed_counts[race.groups] * np.eye(2)).sum() / (
        decision.sealed_counts[race.groups].sum()
    )
    assert app.metric[0].value == f"{accuracy:.1%}"


def test_export_waits_for_a_decision(fresh: Opened, visit: Open) -> None:
    workspace, review = fresh
    app = visit("export.py", workspace, review.id)
    assert "No operating point has been chosen" in words(app)
    assert not list(ReviewStore(workspace).path(review.id).glob("*.zip"))
    well(button(app, "Choose one").click().run())
    assert app.title[0].value == "Decide"


def test_export_lays_the_bundle_of_the_standing_decision(fresh: Opened, visit: Open) -> None:
    workspace, review = fresh
    frontier = frontier_of_review(workspace, review.id)
    for k in (0, 5):
        point = OperatingPoint(frontier.candidates[k].id, 0.5)
        decide(workspace, review.id, point, frontier=frontier, who="Ada", reason="r")
        app = visit("export.py", workspace, review.id)
        store = ReviewStore(workspace)
        path = store.bundle_path(store.get(review.id))
        assert load_bundle(path).facts["candidate"] == frontier.candidates[k].id
        assert "income" in words(app)
        assert "# Model card: Lending trial" in words(app)
        assert app.get("link_button")[0].proto.url == f"/files/bundle/{review.id}"


@pytest.mark.parametrize("page", ["data.py", "frontier.py", "decide.py"])
def test_damaged_data_are_one_sentence(page: str, fresh: Opened, visit: Open) -> None:
    workspace, review = fresh
    ReviewStore(workspace).table_path(review.id).write_bytes(b"PAR1 canary")
    app = visit(page, workspace, review.id)
    assert "canary" not in one_error(app)
