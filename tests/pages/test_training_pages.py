"""Several methods on the Train page, and what the Frontier page makes of their models."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from faircore.data import Dataset, Table
from faircore.frontier import Frontier
from faircore.methods import METHODS
from faircore.penalties import PENALTIES, PenaltyOptions
from faircore.plans import SweepPlan, SweepSpec
from faircore.records import Review, ReviewStore, frontier_of_review
from faircore.sweep import run_plan
from faircore.training import TrainingConfig
from faircore.training.boosting import BoostingConfig
from faircore.training.lagrangian import LagrangianConfig
from pages.components.candidates import MOST_STOPS, spaced
from pages.components.candidates import Path as Stops
from tests.pages.visitor import button, decide_alone, labelled, one_error, well, words

Open = Callable[..., AppTest]

NETWORK = TrainingConfig(hidden=(8,), epochs=3)
PLAN = SweepPlan(
    (
        SweepSpec((1.0,), partitions=("race",), config=NETWORK),
        SweepSpec((1.0, 4.0), method="boosted", partitions=("race",), config=BoostingConfig(12)),
        SweepSpec(
            (0.0,), method="lagrangian", partitions=("race",),
            config=LagrangianConfig(training=NETWORK),
        ),
    )
)  # fmt: skip


@pytest.fixture(scope="module")
def several(
    lending: tuple[Table, Dataset], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Review]:
    """A review with models of three methods; one of them cannot keep its limit."""
    workspace = tmp_path_factory.mktemp("several")
    run_plan(lending[1], PLAN, workspace=workspace)
    reviews = ReviewStore(workspace)
    review = reviews.create("Three ways", *lending)
    return workspace, reviews.add_sweep(review.id, PLAN.to_json())


def tick(app: AppTest, method: str, value: bool = True) -> AppTest:
    box = next(b for b in app.checkbox if b.key == f"use-{method}")
    return well((box.check() if value else box.uncheck()).run())


def by_key(elements: Any, key: str) -> Any:
    return next(e for e in elements if e.key == key)


def test_several_methods_become_one_plan(
    fresh: tuple[Path, Review], visit: Open, launched: list[SweepPlan]
) -> None:
    workspace, review = fresh
    app = visit("train.py", workspace, review.id)
    for method in ("boosted", "lagrangian", "adversarial"):
        tick(app, method)
    by_key(app.number_input, "low-lagrangian-demographic_parity").set_value(8.0)
    by_key(app.number_input, "high-lagrangian-demographic_parity").set_value(2.0)
    by_key(app.number_input, "steps-lagrangian").set_value(3)
    labelled(app.number_input, "Trees at most").set_value(40)
    labelled(app.selectbox, "Hidden layers").set_value("None (logistic regression)")
    labelled(app.selectbox, "Compare a group with").set_value("pairs")
    labelled(app.number_input, "Memory of earlier batches").set_value(0.5)
    well(app.run())
    button(app, "Launch").click().run()
    (plan,) = launched
    assert [spec.method for spec in plan.sweeps] == list(METHODS)[:4]
    networks, trees, limited, hiding = plan.sweeps
    assert limited.strengths == (0.02, 0.04, 0.08, 1.0)
    assert trees.config.n_rounds == 40
    assert networks.config.hidden == limited.config.training.hidden == hiding.config.hidden == ()
    assert networks.options == PenaltyOptions(versus="pairs", memory=0.5)
    assert trees.options == PenaltyOptions(versus="pairs")  # trees see all rows: no memory
    assert limited.options == PenaltyOptions()
    assert trees.config.patience == 20  # the patience of networks is not theirs
    assert ReviewStore(workspace).get(review.id).sweeps[-1] == plan.to_json()


@pytest.mark.parametrize("penalty", PENALTIES)
def test_only_methods_that_can_pursue_a_goal_are_offered(
    penalty: str, trained: tuple[Path, Review], visit: Open, no_training: None
) -> None:
    app = visit("train.py", *(trained[0], trained[1].id))
    well(by_key(app.selectbox, "goal").set_value(penalty).run())
    offered = {b.key.removeprefix("use-") for b in app.checkbox}
    assert offered == {
        name
        for name, m in METHODS.items()
        if penalty in m.goals and m.stage not in ("score", "by hand")
    }
    assert PENALTIES[penalty].sentence in words(app)
    assert [b for b in app.button if b.label == "Launch"]
    low, high = METHODS["regularized"].strengths(penalty)
    assert by_key(app.number_input, f"low-regularized-{penalty}").value == low
    assert by_key(app.number_input, f"high-regularized-{penalty}").value == high


def test_a_form_that_contradicts_itself_says_so(
    trained: tuple[Path, Review], visit: Open, no_training: None
) -> None:
    app = visit("train.py", *(trained[0], trained[1].id))
    tick(app, "regularized", False)
    assert "at least one way" in one_error(app)
    tick(app, "lagrangian")
    by_key(app.number_input, "high-lagrangian-demographic_parity").set_value(20.0).run()
    assert "narrowest gap must be above 0 and below the widest" in one_error(app)
    by_key(app.number_input, "high-lagrangian-demographic_parity").set_value(1.0).run()
    tick(app, "regularized")
    labelled(app.number_input, "Warm-up passes").set_value(20).run()
    assert "warm-up must end" in one_error(app)
    assert not [b for b in app.button if b.label == "Launch"]


def test_the_time_is_estimated_before_launch(
    trained: tuple[Path, Review], visit: Open, no_training: None
) -> None:
    app = visit("train.py", *(trained[0], trained[1].id))
    before = next(c.value for c in app.caption if "Training takes about" in c.value)
    labelled(app.number_input, "Passes over the data").set_value(200)
    well(labelled(app.number_input, "Seeds").set_value(20).run())
    told = next(c.value for c in app.caption if "Training takes about" in c.value)
    assert " seconds on this machine" in told or " minutes on this machine" in told
    assert told != before


def engine(several: tuple[Path, Review]) -> Frontier:
    return frontier_of_review(several[0], several[1].id)


def test_the_slider_runs_along_the_unbeaten_or_along_one_method(
    several: tuple[Path, Review], visit: Open, no_training: None
) -> None:
    app = visit("frontier.py", several[0], several[1].id)
    frontier = engine(several)
    assert {c.method for c in frontier.candidates} == {"regularized", "boosted", "lagrangian"}
    along = labelled(app.selectbox, "Slide along")
    assert along.options == [
        "The unbeaten models", "Penalised networks", "Penalised trees", "Networks under a limit",
    ]  # fmt: skip
    for method in ("boosted", "lagrangian", "regularized"):
        well(labelled(app.selectbox, "Slide along").set_value(method).run())
        chosen = frontier.position(app.session_state["faircore"].candidate)
        assert frontier.candidates[chosen].method == method
    # A model picked in the table takes the slider to its own kind.
    limited = next(c for c in frontier.candidates if c.method == "lagrangian")
    labelled(app.selectbox, "Model").set_value(limited.id)
    well(app.run())
    assert app.session_state["faircore"].candidate == limited.id
    assert app.session_state["faircore"].along in ("front", "lagrangian")


def test_a_long_path_has_few_stops_and_the_selected_model_among_them() -> None:
    path = Stops("Strength", list(range(1_000, 6_000)))
    for position in (1_000, 1_007, 3_333, 5_999):
        stops = spaced(path, position).positions
        assert position in stops
        assert stops == sorted(stops)
        assert (stops[0], stops[-1]) == (1_000, 5_999)
        assert len(stops) in (MOST_STOPS - 1, MOST_STOPS)
        assert max(np.diff(stops)) <= 27
    assert spaced(path, 1_007).title == "Strength (200 stops for 5,000 models)"
    short = Stops("Strength", list(range(MOST_STOPS)))
    assert spaced(short, 5) is short


def test_every_model_can_be_picked_and_tells_its_facts(
    several: tuple[Path, Review], visit: Open, no_training: None
) -> None:
    app = visit("frontier.py", several[0], several[1].id)
    frontier = engine(several)
    for candidate in frontier.candidates:
        labelled(app.selectbox, "Model").set_value(candidate.id)
        well(app.run())
        told = words(app)
        assert "rows it learned from" in told
        assert "rows it never saw" in told
        assert "Does not need a sensitive attribute at prediction time." in told
        assert f"made in {candidate.fit_seconds:.1f} s" in told
        assert ("Asked for: a gap of at most" in told) == (candidate.target is not None)
        told_of = [w for w in [*app.warning, *app.info] if "still learning" not in w.value]
        assert len(told_of) == (candidate.note != "")


def test_decide_and_export_take_a_model_of_any_method(
    several: tuple[Path, Review], visit: Open, no_training: None
) -> None:
    app = visit("decide.py", several[0], several[1].id)
    trees = next(c for c in engine(several).candidates if c.method == "boosted" and c.strength)
    labelled(app.selectbox, "Model").set_value(trees.id)
    well(app.run())
    decide_alone(app, "The gap narrows.")
    assert "Penalise a gap while growing trees, λ = 1, threshold 0.50" in words(app)
    well(button(app, "Download the model").click().run())
    assert app.title[0].value == "Export"
