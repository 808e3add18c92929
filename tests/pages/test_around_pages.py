"""Repairs, mixtures, thresholds and models somebody has: asked for, compared, chosen on pages."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import skops.io as sio
from streamlit.testing.v1 import AppTest

from faircore.data import Dataset, Table, build_dataset
from faircore.errors import InputError
from faircore.frontier import Candidate, Frontier
from faircore.methods import METHODS
from faircore.methods.bases import BaseConfig
from faircore.methods.cutting import CutConfig
from faircore.plans import SweepPlan, SweepSpec
from faircore.predictors import Thresholded
from faircore.records import Review, ReviewStore, frontier_of_review
from faircore.shelf import Brought, bring_model, read_predictor
from faircore.sweep import run_plan, run_sweep
from faircore.thresholds import RejectOption
from faircore.training.boosting import BoostingConfig
from pages.components.train_form import NEEDS, STAGES
from tests.pages.visitor import button, decide_alone, labelled, one_error, well, words
from tests.test_shelf import brought_here, pipeline

Open = Callable[..., AppTest]
BASE = BaseConfig(trees=BoostingConfig(n_rounds=12, n_leaves=5))
AFTER = {name for name, method in METHODS.items() if method.stage == "after"}


@dataclass(frozen=True)
class Place:
    """A workspace with a brought model, where each test starts a review of its own."""

    workspace: Path
    table: Table
    dataset: Dataset
    brought: Brought

    def review(self, **roles: Any) -> Review:
        dataset = self.dataset
        if roles:
            dataset = build_dataset(self.table, dataset.spec.with_(**roles))
        return ReviewStore(self.workspace).create("Loans", self.table, dataset)


@pytest.fixture(scope="module")
def place(
    lending: tuple[Table, Dataset], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Place]:
    workspace = tmp_path_factory.mktemp("around")
    with brought_here():
        data = sio.dumps(pipeline(lending[1]))
        brought = bring_model(data, lending[1], workspace=workspace, name="team *1*.skops")
        yield Place(workspace, *lending, brought)


def by_key(elements: Any, key: str) -> Any:
    return next(e for e in elements if e.key == key)


def ticked(app: AppTest, *methods: str) -> AppTest:
    """With exactly these methods chosen."""
    for box in app.checkbox:
        if box.key.startswith("use-"):
            (box.check if box.key.removeprefix("use-") in methods else box.uncheck)()
    return well(app.run())


def launch(app: AppTest, plans: list[SweepPlan]) -> dict[str, SweepSpec]:
    """What the form asks for, by method."""
    well(app.run())
    well(button(app, "Launch").click().run())
    return {spec.method: spec for spec in plans.pop().sweeps}


def test_every_method_is_offered_under_its_stage(
    trained: tuple[Path, Review], visit: Open, no_training: None
) -> None:
    app = visit("train.py", trained[0], trained[1].id)
    stages = {e.label.strip("*"): e for e in app.expander}
    trained_here = {n: m for n, m in METHODS.items() if not m.changes_one}
    for name, method in trained_here.items():
        expander = stages[STAGES[method.stage]]
        box = by_key(expander.checkbox, f"use-{name}")
        assert box.label == f"**{method.title}**"
        told = [c.value for c in expander.caption if c.value.startswith(method.sentence)]
        assert len(told) == 1
        assert (NEEDS in told[0]) == method.needs_groups
        assert told[0].endswith(method.caution)
    offered = [b.key for b in app.checkbox if b.key.startswith("use-")]
    assert len(offered) == len(trained_here)


def test_repairs_take_their_settings_along(
    place: Place, visit: Open, launched: list[SweepPlan]
) -> None:
    app = visit("train.py", place.workspace, place.review().id)
    repairs = ["reweighed", "resampled", "massaged", "repaired", "decorrelated"]
    ticked(app, *repairs)
    labelled(app.number_input, "Trees at most").set_value(30)
    labelled(app.selectbox, "Resample").set_value("preferential")
    labelled(app.selectbox, "A group not seen").set_value("refuse")
    by_key(app.number_input, "low-repaired-demographic_parity").set_value(0.5)
    by_key(app.number_input, "steps-repaired").set_value(2)
    specs = launch(app, launched)
    assert list(specs) == repairs
    for spec in specs.values():
        assert (spec.config.base.kind, spec.config.base.trees.n_rounds) == ("trees", 30)
    assert specs["resampled"].config.how == "preferential"
    assert specs["repaired"].config.unseen == specs["decorrelated"].config.unseen == "refuse"
    assert specs["repaired"].strengths == (0.0, 0.5, 1.0)
    labelled(app.selectbox, "Model to work around").set_value("network").run()
    labelled(app.selectbox, "Hidden layers").set_value("None (logistic regression)")
    labelled(app.number_input, "Passes over the data").set_value(7)
    for spec in launch(app, launched).values():
        base = spec.config.base
        assert (base.kind, base.network.hidden, base.network.epochs) == ("network", (), 7)


@pytest.mark.parametrize("mode", ["mean", "vote", "drawn"])
def test_mixtures_take_their_settings_along(
    mode: str, place: Place, visit: Open, launched: list[SweepPlan]
) -> None:
    app = visit("train.py", place.workspace, place.review().id)
    ticked(app, "reductions")
    labelled(app.selectbox, "The mixture decides by").set_value(mode)
    by_key(app.number_input, "high-reductions-demographic_parity").set_value(2.0)
    (spec,) = launch(app, launched).values()
    assert (spec.config.mixture, spec.config.base.kind) == (mode, "trees")
    assert (min(spec.strengths), max(spec.strengths)) == (0.02, 1.0)


@pytest.mark.parametrize("source", ["own", "score", "brought"])
def test_cuts_take_their_settings_along(
    source: str, place: Place, visit: Open, launched: list[SweepPlan]
) -> None:
    app = visit("train.py", place.workspace, place.review().id)
    ticked(app, "thresholds", "reject_option", "existing")
    reference = place.brought.reference if source == "brought" else source
    choice = labelled(app.selectbox, "Score that is cut or compared")
    assert choice.options[:2] == ["The model to work around", "The score in the data"]
    assert len(choice.options) == 3
    assert choice.options[2].startswith("Brought: team")
    choice.set_value(reference)
    labelled(app.number_input, "Cost of a wrong yes").set_value(2.5)
    labelled(app.number_input, "Rows for a cut of its own").set_value(40)
    labelled(app.selectbox, "A group not seen").set_value("refuse")
    by_key(app.checkbox, "by-lot-demographic_parity").check()
    specs = launch(app, launched)
    config = specs["thresholds"].config
    assert (config.source, config.by_lot, config.unseen) == (reference, True, "refuse")
    assert (config.cost_false_yes, config.cost_false_no) == (2.5, 1.0)
    assert config.min_people == 40
    # The reject option knows no costs and no lots: they must not make it another request.
    assert specs["reject_option"].config == CutConfig(source=reference, unseen="refuse")
    compared = specs["existing"]
    assert compared.config.source == ("score" if source == "own" else reference)
    assert (compared.strengths, compared.seeds) == ((0.0,), (0,))
    assert specs["reject_option"].strengths[-1] == 0.25


@pytest.mark.parametrize(
    ("goal", "lots"),
    [("demographic_parity", False), ("equal_opportunity", False), ("equalized_odds", True)],
)
def test_lots_are_ticked_where_limits_can_hardly_be_met_without(
    goal: str, lots: bool, place: Place, visit: Open, launched: list[SweepPlan]
) -> None:
    app = visit("train.py", place.workspace, place.review().id)
    well(by_key(app.selectbox, "goal").set_value(goal).run())
    ticked(app, "thresholds")
    assert by_key(app.checkbox, f"by-lot-{goal}").value is lots
    specs = launch(app, launched)
    assert specs["thresholds"].config.by_lot is lots
    assert specs["thresholds"].penalty == goal


def test_a_score_without_features_can_be_cut(
    place: Place, visit: Open, launched: list[SweepPlan]
) -> None:
    app = visit("train.py", place.workspace, place.review(features=()).id)
    assert "no features to learn from" in words(app)
    offered = {b.key.removeprefix("use-") for b in app.checkbox if b.key.startswith("use-")}
    assert offered == AFTER
    assert not [e for e in app.expander if e.label == "Bring a model you have"]
    assert by_key(app.checkbox, "use-existing").value
    ticked(app, "existing", "thresholds", "reject_option")
    assert not [s for s in app.selectbox if s.label == "Model to work around"]
    specs = launch(app, launched)
    assert {name: spec.config.source for name, spec in specs.items()} == dict.fromkeys(
        ("thresholds", "reject_option", "existing"), "score"
    )


def test_a_score_without_features_is_compared_on_the_page(place: Place, visit: Open) -> None:
    review = place.review(features=())
    plan = SweepPlan(
        (
            SweepSpec((0.0,), method="existing"),
            SweepSpec(
                (0.05,), method="thresholds", partitions=("race",),
                config=CutConfig(source="score", by_lot=False),
            ),
        )
    )  # fmt: skip
    store = ReviewStore(place.workspace)
    run_plan(store.dataset(review.id), plan, workspace=place.workspace)
    store.add_sweep(review.id, plan.to_json())
    app = visit("frontier.py", place.workspace, review.id)
    cut = next(
        c for c in frontier_of_review(place.workspace, review.id).candidates if c.target is not None
    )
    pick(app, cut)
    assert any("not sealed" in i.value for i in app.info)
    assert thresholds_of(app) == cuts_of(place.workspace, cut)


def test_nothing_to_compare_with_says_what_to_do(
    place: Place, visit: Open, launched: list[SweepPlan]
) -> None:
    app = visit("train.py", place.workspace, place.review(score=None).id)
    ticked(app, "existing")
    assert one_error(app) == "Bring a model first, or leave out the comparison with one."
    assert "There is no model to compare with yet. Bring one below." in words(app)
    assert [e for e in app.expander if e.label == "Bring a model you have"]
    assert not [b for b in app.button if b.label == "Launch"]
    ticked(app, "thresholds")
    assert launch(app, launched)["thresholds"].config.source == "own"


@pytest.fixture(scope="module")
def compared(place: Place) -> tuple[Review, Frontier, dict[str, Candidate]]:
    """A brought model as it is, cut with lots, and a width of doubt that failed."""
    source = place.brought.reference
    cut = CutConfig(source=source, base=BASE, by_lot=True)
    plan = SweepPlan(
        (
            SweepSpec((0.02,), method="thresholds", partitions=("race",), config=cut),
            SweepSpec((0.1,), method="reject_option", partitions=("race",), config=cut),
            SweepSpec(
                (0.0,), method="existing", config=METHODS["existing"].config(source=source)
            ),
        )
    )  # fmt: skip

    def refuse(*_: Any, **__: Any) -> None:
        raise InputError("Nobody is <behind>.")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(RejectOption, "fit", refuse)
        run_sweep(place.dataset, plan.sweeps[1], workspace=place.workspace)
    run_plan(place.dataset, plan, workspace=place.workspace)
    review = ReviewStore(place.workspace).add_sweep(place.review().id, plan.to_json())
    frontier = frontier_of_review(place.workspace, review.id)
    special = {c.method: c for c in frontier.candidates if c.target or c.strength == 0.1}
    special["existing"] = next(c for c in frontier.candidates if c.method == "existing")
    return review, frontier, special


Compared = tuple[Review, Frontier, dict[str, Candidate]]


def pick(app: AppTest, candidate: Candidate) -> None:
    labelled(app.selectbox, "Model").set_value(candidate.id)
    well(app.run())
    assert app.session_state["faircore"].candidate == candidate.id


def thresholds_of(app: AppTest) -> dict[str, str]:
    (expander,) = [e for e in app.expander if e.label == "Thresholds of each group"]
    table = expander.dataframe[0].value
    return dict(zip(table["Group"], table["Score needed"], strict=True))


def cuts_of(workspace: Path, candidate: Candidate) -> dict[str, str]:
    model = read_predictor(candidate.id, workspace=workspace)
    assert isinstance(model, Thresholded)
    assert model.rule.key.n_groups >= 4
    return model.rule.in_words()


def points(frontier: Frontier, candidate: Candidate, split: str) -> str:
    view = frontier.view(
        disparity="demographic_parity_difference", partition="race", threshold=0.5, split=split
    )
    return f"{100 * view.values[frontier.position(candidate.id), 1]:.1f} points"


def test_a_threshold_model_tells_its_facts(
    compared: Compared, place: Place, visit: Open, no_training: None
) -> None:
    review, frontier, special = compared
    cut = special["thresholds"]
    app = visit("frontier.py", place.workspace, review.id)
    pick(app, cut)
    told = words(app)
    assert "Needs a sensitive attribute at prediction time." in told
    assert "Asked for: a gap of at most 2 points (equal shares selected, by race" in told
    for split, where in (
        ("calibrate", "rows its thresholds were set on"),
        ("select", "rows its thresholds never saw"),
    ):
        assert f"{points(frontier, cut, split)} on {where}" in told
    assert "by lot" in cut.note
    assert any("decided by lot" in i.value for i in app.info)
    assert thresholds_of(app) == cuts_of(place.workspace, cut)
    pick(app, special["existing"])
    assert "Does not need a sensitive attribute at prediction time." in words(app)
    assert not [e for e in app.expander if e.label == "Thresholds of each group"]
    assert any("was not trained here" in i.value for i in app.info)


def test_a_score_that_came_from_elsewhere_learned_from_no_rows_here(
    compared: Compared, place: Place, visit: Open, no_training: None
) -> None:
    app = visit("frontier.py", place.workspace, compared[0].id)
    pick(app, compared[2]["thresholds"])
    assert "rows its score learned from" not in words(app)


def test_a_failed_candidate_shows_its_reason(
    compared: Compared, place: Place, visit: Open, no_training: None
) -> None:
    review, _, special = compared
    assert special["reject_option"].failure is not None
    app = visit("frontier.py", place.workspace, review.id)
    (warning,) = [w.value for w in app.warning if "has no model" in w.value]
    assert warning.startswith("Reject option · doubt ± 0.1")
    assert warning.endswith(r"has no model: Nobody is \<behind\>.")
    options = labelled(app.selectbox, "Model").options
    assert len(options) == len(compared[1].candidates) - 1


def test_models_that_are_not_here_are_told_of(
    compared: Compared, place: Place, visit: Open, no_training: None
) -> None:
    reviews, other = ReviewStore(place.workspace), place.review()
    for text in (SweepPlan((SweepSpec((0.3, 0.6)),)).to_json(), compared[0].sweeps[-1]):
        reviews.add_sweep(other.id, text)
    app = visit("frontier.py", place.workspace, other.id)
    assert "3 models asked for are not here" in words(app)


def test_decide_and_export_take_a_threshold_model(
    compared: Compared, place: Place, visit: Open, no_training: None
) -> None:
    review, _, special = compared
    app = visit("decide.py", place.workspace, review.id)
    pick(app, special["thresholds"])
    decide_alone(app, "Shares are alike.")
    assert "Choose thresholds per group afterwards, asked: gap ≤ 2 points" in words(app)
    assert any("decided by lot" in w.value for w in app.warning)
    well(button(app, "Download the model").click().run())
    assert app.title[0].value == "Export"
    told = words(app)
    assert "race" in told.split("The file needs the columns ")[1].split(". Each row")[0]
    assert "It **needs** a sensitive attribute" in told
    assert "| Group | Score needed |" in told
    assert ReviewStore(place.workspace).get(review.id).decisions


def test_a_model_selected_on_the_frontier_page_can_be_cut(
    compared: Compared, place: Place, visit: Open, launched: list[SweepPlan]
) -> None:
    review, _, special = compared
    app = visit("frontier.py", place.workspace, review.id)
    pick(app, special["existing"])
    app.switch_page("train.py")
    well(app.run())
    ticked(app, "thresholds")
    choice = labelled(app.selectbox, "Score that is cut or compared")
    assert choice.options[-1].startswith("Selected on the Frontier page: Model you have")
    choice.set_value(special["existing"].id)
    assert launch(app, launched)["thresholds"].config.source == special["existing"].id
