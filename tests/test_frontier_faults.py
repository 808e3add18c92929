"""Faults of the frontier found by a tester, smallest reproduction each; all are mended."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from faircore.data import Table as DataTable
from faircore.data import build_dataset, load_sample, make_lending
from faircore.decide import people_impact
from faircore.frontier import Candidate, Frontier, Limit, SplitRows, families
from faircore.groups import Groups
from faircore.metrics import count_cube
from faircore.plans import SweepPlan, SweepSpec
from faircore.records import Review, ReviewStore, frontier_of_review, strengths_around
from faircore.store import TrialStore
from pages.components.frontier_view import limits_of
from pages.components.session import ReviewSession
from pages.components.view_link import parameters, read_parameters
from tests.made_up import made_up_review
from tests.pages.conftest import NAVIGATION
from tests.pages.visitor import button, labelled, well, words

Opened = tuple[Path, Review]


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Opened:
    """Twenty made-up candidates of five methods."""
    workspace = tmp_path_factory.mktemp("many")
    return workspace, made_up_review(workspace, 20, n_rows=3_000)


@pytest.fixture
def look(monkeypatch: pytest.MonkeyPatch) -> Callable[..., AppTest]:
    """Open the Frontier page by a link."""
    st.cache_data.clear()
    st.cache_resource.clear()

    def look(opened: Opened, **view: str) -> AppTest:
        monkeypatch.setenv("FAIRCORE_WORKSPACE", str(opened[0]))
        app = AppTest.from_file(str(NAVIGATION), default_timeout=60).run()
        app.switch_page("frontier.py")
        app.session_state["every-model"] = True  # the table, for those who open it
        app.query_params["review"] = opened[1].id
        for name, value in view.items():
            app.query_params[name] = value
        return app.run()

    return look


def keyed(elements: Any, key: str) -> Any:
    return next(e for e in elements if e.key == key)


def closer(app: AppTest, name: str) -> AppTest:
    """Look closer; a fragment's run shows the fragment alone, so the page is run once more."""
    return keyed(app.button_group, "look").set_value(name).run().run()


def limits_told(app: AppTest) -> str:
    return " ".join(c.value for c in app.caption if c.value.startswith("Set"))


# Crashes


def test_a_group_without_people_on_these_rows_is_passed_over() -> None:
    """The page opens on these sentences, so one rare value of an attribute takes it down."""
    whole = Groups.of({"race": ["a"] * 50 + ["b"] * 50 + ["rare"]})
    rows = SplitRows(np.ones(100, np.int8), whole.take(np.arange(100)))
    after = np.repeat([1, 0], [5, 95])
    told = people_impact(np.zeros(100, int), after, rows=rows).in_words("race")
    assert any("b: no decision changes." in line for line in told)


def test_a_group_that_weighs_nothing_is_passed_over() -> None:
    groups = Groups.of({"race": ["a"] * 50 + ["b"] * 50})
    rows = SplitRows(np.ones(100, np.int8), groups, np.repeat([2.0, 0.0], 50))
    after = np.repeat([1, 0], [5, 95])
    assert people_impact(np.zeros(100, int), after, rows=rows).in_words("race")


@pytest.mark.parametrize("across", ["auc", "log_loss", "accuracy"])
def test_the_horizontal_axis_may_be_a_performance(
    across: str, many: Opened, look: Callable[..., AppTest]
) -> None:
    app = well(look(many))
    well(keyed(app.selectbox, "view-disparity").set_value(across).run())


def test_costs_that_make_no_sense_are_one_sentence(
    many: Opened, look: Callable[..., AppTest]
) -> None:
    """And the page must not stay broken for the rest of the session."""
    app = well(look(many))
    keyed(app.number_input, "cost-0").set_value(-5.0)
    well(button(app, "Count in these costs").click().run())
    well(app.run())


def test_a_link_with_costs_that_make_no_sense_opens(trained: Opened) -> None:
    frontier = frontier_of_review(trained[0], trained[1].id)
    assert read_parameters({"worth": "-1,1,0,0"}, frontier) == {}


def test_another_performance_after_a_limit(many: Opened, look: Callable[..., AppTest]) -> None:
    app = well(look(many, up="log_loss"))
    well(keyed(app.number_input, "view-limit-log_loss").set_value(2.0).run())
    well(keyed(app.selectbox, "view-performance").set_value("accuracy").run())


@pytest.mark.parametrize(
    ("name", "value"), [("limits", '{"accuracy": 5}'), ("limits", '{"calibration_error": -1}')]
)
def test_a_link_with_a_limit_out_of_range_opens(
    name: str, value: str, many: Opened, look: Callable[..., AppTest]
) -> None:
    well(look(many, **{name: value}))


def test_a_link_may_name_the_partition_of_the_horizontal_axis(
    many: Opened, look: Callable[..., AppTest]
) -> None:
    well(look(many, across="accuracy_difference@gender"))


def test_all_objectives_where_one_is_chosen_twice(
    many: Opened, look: Callable[..., AppTest]
) -> None:
    well(closer(well(look(many, third="accuracy")), "All objectives"))


# Wrong numbers


def test_a_limit_on_the_calibration_error_on_an_axis_holds() -> None:
    groups = Groups.of({"sex": ["f", "m"]})
    one = Candidate("a", "existing", "", 0.0, 0, False, {}, 1.0, failure="x")
    frontier = Frontier((one,), groups.partitions, {"select": np.array([1, 1])})
    found = limits_of(
        frontier.view(performance="calibration_error"),
        ReviewSession(limits={"calibration_error": 0.05}),
    )
    assert found == (Limit("calibration_error", 0.05),)


@pytest.mark.parametrize(
    ("start", "box", "value", "control", "other"),
    [
        ({}, "accuracy", 70.0, "performance", "log_loss"),
        ({"across": "demographic_parity_ratio"}, "demographic_parity_ratio@race", 0.8,
         "disparity", "demographic_parity_difference"),
    ],
)  # fmt: skip
def test_a_limit_is_not_set_on_another_objective(
    start: dict[str, str], box: str, value: float, control: str, other: str,
    many: Opened, look: Callable[..., AppTest],
) -> None:  # fmt: skip
    """At least 70% accuracy becomes a log loss of at most 0.7; a ratio, a gap of 80 points."""
    app = well(look(many, **start))
    box = next(n.key for n in app.number_input if n.key.startswith(f"view-limit-{box}"))
    app = well(keyed(app.number_input, box).set_value(value).run())
    assert limits_told(app)
    app = well(keyed(app.selectbox, f"view-{control}").set_value(other).run())
    assert limits_told(app) == ""


def test_sliders_of_groups_show_the_threshold_that_is_counted(
    many: Opened, look: Callable[..., AppTest]
) -> None:
    app = closer(well(look(many)), "Thresholds")
    app = keyed(app.selectbox, "cut-by").set_value("gender").run().run()
    app = well(keyed(app.slider, "view-threshold").set_value(0.7).run())
    moved = app.session_state["faircore"].cuts
    shown = {s.key: s.value for s in app.slider if s.key.startswith("cut-of-")}
    assert shown == {key: moved.get(key.removeprefix("cut-of-"), 0.7) for key in shown}


def test_objectives_beside_the_bars_are_those_of_the_thresholds_by_group(
    many: Opened, look: Callable[..., AppTest]
) -> None:
    """Bars and the sentence above them follow the thresholds; the figures over them do not."""
    app = closer(well(look(many)), "Thresholds")
    app = keyed(app.selectbox, "cut-by").set_value("race").run().run()
    app = well(keyed(app.slider, "cut-of-Black").set_value(0.95).run().run())
    told = next(m.value for m in app.markdown if m.value.startswith("With these thresholds"))
    gap = told.partition("by race **")[2].partition("**")[0]
    headline = next(m.value for m in app.markdown if m.value.startswith("Accuracy: **"))
    assert f"**{gap}**" in headline


def test_a_link_carries_costs_exactly(trained: Opened) -> None:
    frontier = frontier_of_review(trained[0], trained[1].id)
    sent = ReviewSession(review="r", worth=(1_234_567.0, -7_654_321.0, 0.0, 0.0))
    assert read_parameters(parameters(sent), frontier)["worth"] == sent.worth


def test_two_models_of_one_seed_are_not_a_family() -> None:
    """The same strength and seed with 5 and with 50 passes: that is no luck of the seed."""
    groups = Groups.of({"sex": ["f", "m"] * 50})
    truth = np.repeat([0, 1], 50)
    made = tuple(
        Candidate(
            name, "regularized", "demographic_parity", 0.5, 0, False,
            {"select": count_cube(truth, np.random.default_rng(k).random(100), groups)}, 1.0,
        )
        for k, name in enumerate(("five", "fifty"))
    )  # fmt: skip
    found = families(Frontier(made, groups.partitions, {"select": groups.sizes}))
    assert [own.tolist() for own in found.members] == [[0], [1]]


def test_refining_stays_between_the_neighbours() -> None:
    spec = SweepSpec((1.001, 1.002, 1.003))
    around = strengths_around(spec, 1.002)
    assert around
    assert min(around) > 1.001
    assert max(around) < 1.003


# Lies


def test_a_pin_shows_in_the_list_it_is_compared_by(
    many: Opened, look: Callable[..., AppTest]
) -> None:
    app = closer(well(look(many)), "Compare")
    a, b = (c.id for c in frontier_of_review(many[0], many[1].id).candidates[3:5])
    app = keyed(app.selectbox, "pinned").set_value(a).run().run()
    app = keyed(app.selectbox, "row").set_value(b).run().run()
    app = well(keyed(app.button, "pin").click().run().run())
    assert app.session_state["faircore"].pinned == b
    assert keyed(app.selectbox, "pinned").value == b


def test_the_list_of_thresholds_follows_when_another_model_is_chosen(
    many: Opened, look: Callable[..., AppTest]
) -> None:
    """The slider and a click go back to one threshold for everybody; the list says otherwise."""
    app = closer(well(look(many)), "Thresholds")
    app = keyed(app.selectbox, "cut-by").set_value("gender").run().run()
    app.session_state["faircore"].cut_by = ""  # as choose_click and the slider's commit do
    app = well(app.run())
    assert keyed(app.selectbox, "cut-by").value == ""


def test_the_page_tells_of_the_training_that_refine_here_starts(
    many: Opened, look: Callable[..., AppTest], monkeypatch: pytest.MonkeyPatch
) -> None:
    """In Chromium 8 models were trained and the page went on to show 20, saying nothing."""
    started: list[object] = []
    monkeypatch.setattr(
        "pages.components.frontier_refine.start_sweep", lambda *given, **_: started.append(given)
    )
    app = well(look(many))
    app = well(keyed(app.button, "refine").click().run())
    assert started
    # A run of the whole page, which looks for a job, has the dial; a run of the fragment has not.
    assert any(s.key == "view-threshold" for s in app.slider)


def one_failed(workspace: Path) -> Opened:
    """A review whose only candidate failed."""
    _, roles = load_sample("lending")
    table = DataTable.from_frame(make_lending(400, seed=1), "lending.csv")
    dataset = build_dataset(table, roles)
    spec = SweepSpec((0.0,))
    (trial,) = (spec.trial_id(dataset.fingerprint, s, seed) for s, seed in spec.trials)
    record = {
        "method": spec.method, "penalty": spec.penalty, "strength": 0.0, "seed": 0,
        "needs_groups": False, "fit_seconds": 0.1, "best_epoch": 0, "history": [],
        "failure": "The loss is not finite.", "note": "", "shape": "", "target": None,
        "partitions": (), "source": "", "data": dataset.fingerprint, "split_seed": 0,
    }  # fmt: skip
    TrialStore(workspace / "trials").put(trial, record, cubes={}, model={})
    reviews = ReviewStore(workspace)
    review = reviews.create("Failed", table, dataset)
    return workspace, reviews.add_sweep(review.id, SweepPlan((spec,)).to_json())


def test_where_every_model_failed_the_page_says_why(
    tmp_path: Path, look: Callable[..., AppTest]
) -> None:
    app = well(look(one_failed(tmp_path)))
    assert "The loss is not finite." in words(app)
    assert "fewer than two groups" not in words(app)


def test_models_without_scores_are_not_blamed_on_groups(
    many: Opened, look: Callable[..., AppTest], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Candidates of an older version have no AUC; the groups are as large as ever."""
    from faircore import sweep

    def older(*given: Any) -> Candidate:
        return replace(sweep.read_candidate(*given), measures={})

    monkeypatch.setattr("pages.components.loading.read_candidate", older)
    app = well(look(many, up="auc"))
    assert "fewer than two groups" not in words(app)


# Lost state


def test_a_filter_that_is_taken_back_gives_the_selected_model_back(
    many: Opened, look: Callable[..., AppTest]
) -> None:
    chosen = frontier_of_review(many[0], many[1].id).candidates[2]
    other = "boosted" if chosen.method != "boosted" else "regularized"
    app = well(look(many, model=chosen.id))
    app = well(keyed(app.multiselect, "view-methods").set_value([other]).run())
    app = well(keyed(app.multiselect, "view-methods").set_value([]).run())
    assert labelled(app.selectbox, "Model").value == chosen.id


# Disclosure


def test_no_cell_of_the_list_of_rows_is_a_formula(
    tmp_path: Path, look: Callable[..., AppTest], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The table of models is safe to open in a spreadsheet; the list of people is not."""
    opened = renamed(tmp_path, {"race": "race"}, value="=HYPERLINK(1)")
    text = list_of_rows(look, opened, monkeypatch)[1]["race"]
    assert text.str.contains("HYPERLINK").any()
    assert not text.str.startswith("=").any()


def test_the_list_of_rows_names_the_people_in_the_file_alone(
    tmp_path: Path, look: Callable[..., AppTest], monkeypatch: pytest.MonkeyPatch
) -> None:
    frame = make_lending(2_000, seed=5)
    frame["who"] = [f"=p{i}" for i in range(len(frame))]
    _, roles = load_sample("lending")
    opened = made_up_on(
        tmp_path, DataTable.from_frame(frame, "lending.csv"), roles.with_(entity="who")
    )
    app, rows = list_of_rows(look, opened, monkeypatch)
    assert list(rows.columns[:3]) == ["row", "who", "change"]
    assert len(rows)
    assert (rows["who"] == "'=p" + rows["row"]).all()
    assert "The download names who as well" in words(app)
    assert not any("who" in str(table.value.columns.tolist()) for table in app.dataframe)


def list_of_rows(
    look: Callable[..., AppTest], opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> tuple[AppTest, pd.DataFrame]:
    """The page, and its list of the rows that change as it is downloaded."""
    written: dict[str, Any] = {}
    monkeypatch.setattr(
        st, "download_button", lambda label, data=None, *_, **__: written.update({label: data})
    )
    app = well(look(opened))
    return app, pd.read_csv(io.BytesIO(written["Download the list"]()), dtype=str)


def test_a_column_name_fetches_nothing_under_all_objectives(
    tmp_path: Path, look: Callable[..., AppTest]
) -> None:
    name = "![x](http://example.org/x.png)"
    app = closer(well(look(renamed(tmp_path, {"race": name}), by=name)), "All objectives")
    assert not [s.label for s in well(app).slider if "![x](" in s.label]


def renamed(workspace: Path, names: dict[str, str], *, value: str = "") -> Opened:
    """Made-up candidates on data whose columns, or one value of race, have other names."""
    frame = make_lending(2_000, seed=5)
    if value:
        frame["race"] = frame["race"].replace({"White": value})
    frame = frame.rename(columns=names)
    _, roles = load_sample("lending")
    own = tuple(replace(s, column=names.get(s.column, s.column)) for s in roles.sensitive)
    roles = replace(roles, sensitive=own, intersections=())
    return made_up_on(workspace, DataTable.from_frame(frame, "lending.csv"), roles)


def made_up_on(workspace: Path, table: DataTable, roles: Any) -> Opened:
    """Four candidates with random scores."""
    from faircore.sweep import COMPARED
    from faircore.training import Prepared
    from tests.made_up import _put

    dataset = build_dataset(table, roles)
    prepared, spec = Prepared.of(dataset), SweepSpec((0.0, 0.3, 0.6, 0.9))
    store, rng = TrialStore(workspace / "trials"), np.random.default_rng(0)
    for strength, seed in spec.trials:
        scores = rng.random(len(prepared.rows(COMPARED)))
        _put(store, spec.trial_id(dataset.fingerprint, strength, seed), prepared, scores,
             spec=spec, strength=strength, seed=seed)  # fmt: skip
    reviews = ReviewStore(workspace)
    review = reviews.create("Renamed", table, dataset)
    return workspace, reviews.add_sweep(review.id, SweepPlan((spec,)).to_json())
