from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from faircore.frontier import Frontier, decisions_at
from faircore.groups import find_partition
from faircore.methods.thresholds_by_hand import HandConfig
from faircore.metrics.costs import Costs
from faircore.plans import SweepPlan
from faircore.records import Review, ReviewStore, frontier_of_review, request_of
from faircore.shelf import read_predictor
from faircore.sweep import run_plan
from faircore.training import Prepared
from pages.components.group_cuts import TRIED
from tests.pages.visitor import button, labelled, well, words

Opened = tuple[Path, Review]
Open = Callable[..., AppTest]


def test_refine_here_asks_for_strengths_between_the_neighbours(
    trained: Opened, visit: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    launched: list[SweepPlan] = []
    monkeypatch.setattr(
        "pages.components.frontier_refine.start_sweep",
        lambda workspace, review, plan, who: launched.append(plan),
    )
    workspace, review = trained
    app = visit("frontier.py", workspace, review.id)
    chosen = labelled(app.selectbox, "Model").value
    told = button(app, "Refine here").help
    well(button(app, "Refine here").click().run())
    (plan,) = launched
    (spec,) = plan.sweeps
    candidate = next(
        c for c in frontier_of_review(workspace, review.id).candidates if c.id == chosen
    )
    request = request_of(review, chosen)
    assert request is not None
    assert spec.seeds == request.seeds
    assert spec.partitions == request.partitions
    new = set(spec.strengths) - set(request.strengths)
    assert new
    assert f"Trains {len(new) * len(spec.seeds)} more models" in told
    assert len(spec.seeds) > 1
    near = sorted(request.strengths)[: request.strengths.index(candidate.strength) + 2]
    assert all(near[0] < s < near[-1] for s in new)


def test_what_was_set_is_said_and_kept(trained: Opened, visit: Open) -> None:
    app = visit("frontier.py", *trained[:1], trained[1].id)
    next(b for b in app.checkbox if b.key == "view-no_groups").set_value(True)
    box = next(n for n in app.number_input if n.key.startswith("view-limit-demographic_parity"))
    box.set_value(40.0)
    well(app.run())
    assert "gap in selection by race at most 40.0 points; no attribute asked for." in words(app)
    well(app.run())
    assert "at most 40.0 points" in words(app)


def test_worth_is_counted_in_the_costs_that_were_given(trained: Opened, visit: Open) -> None:
    workspace, review = trained
    app = visit("frontier.py", workspace, review.id)
    next(n for n in app.number_input if n.key == "cost-1").set_value(-9.0)
    well(button(app, "Count in these costs").click().run())
    assert labelled(app.selectbox, "Performance").value == "profit"
    chosen = labelled(app.selectbox, "Model").value
    frontier = frontier_of_review(workspace, review.id)
    plain = frontier.view(performance="profit", costs=Costs(1.0, -9.0))
    worth = plain.values[plain.position(chosen), 0]
    assert f"Worth per 1,000 people: **{plain.objectives[0].text(worth)}**" in words(app)


def test_tried_thresholds_are_what_is_judged(trained: Opened, visit: Open) -> None:
    workspace, review = trained
    frontier = frontier_of_review(workspace, review.id).view(partition="race")
    names = find_partition(frontier.partitions, "race").group_names
    sizes = frontier.sizes["select"][find_partition(frontier.partitions, "race").groups]
    largest = names[int(sizes.argmax())]
    app = visit("frontier.py", workspace, review.id)
    told = words(app)
    assert "Chance that no other model" in told
    assert TRIED not in told
    current = app.session_state["faircore"]
    untouched = float(frontier.values[frontier.position(current.candidate), 1])
    current.limits = {f"{frontier.disparity}@race": untouched + 0.01}
    assert "Breaks a limit" not in words(well(app.run()))
    current.cut_by, current.cuts = "race", {largest: 0.95}
    keyed = next(g for g in app.button_group if g.key == "look")
    told = words(well(keyed.set_value("Compare").run().run()))
    assert "Breaks a limit" in told
    assert "Chance that no other model" not in told
    assert TRIED in told
    pinned = next(c.id for c in frontier.candidates if c.id != current.candidate)
    app = well(labelled(app.selectbox, "Compare with").set_value(pinned).run().run())
    told = words(app)
    assert "counted at the thresholds that are tried" in told
    assert "With 95%" not in told
    gap = next(m.value for m in app.markdown if "Accuracy: **" in m.value).rpartition("**")[0]
    table = next(d.value for d in app.dataframe if "Selected is" in d.value.columns)
    row = table[table[""] == "Gap in selection by race"].iloc[0]
    assert gap.endswith(row["Selected"])
    current.no_groups = True
    assert "Asks for a sensitive attribute when it predicts" in words(well(app.run()))


def test_all_objectives_are_those_that_are_chosen(trained: Opened, visit: Open) -> None:
    workspace, review = trained
    app = visit("frontier.py", workspace, review.id)
    look = next(g for g in app.button_group if g.key == "look")
    app = well(look.set_value("All objectives").run().run())
    axes = labelled(app.multiselect, "Objectives")
    assert axes.value == ["accuracy", "demographic_parity_difference@race"]
    app = well(axes.set_value([*axes.value, "log_loss", "accuracy_difference@race"]).run().run())
    ranges = [s.key for s in app.slider if s.key.startswith("range-")]
    assert ranges[2:] == ["range-2-log_loss", "range-3-accuracy_difference@race"]
    low, high = next(s for s in app.slider if s.key == "range-2-log_loss").value
    app = next(s for s in app.slider if s.key == "range-2-log_loss").set_value((low, low)).run()
    assert "1 of " in words(well(app))
    assert high > low


KEEP = "Keep these thresholds as a model"


def keyed(elements: Any, key: str) -> Any:
    return next(e for e in elements if e.key == key)


def tried(app: AppTest, by: str, **cuts: float) -> AppTest:
    """Thresholds by group set on the page; a fragment's run shows the fragment alone."""
    keyed(app.button_group, "look").set_value("Thresholds").run().run()
    keyed(app.selectbox, "cut-by").set_value(by).run().run()
    for name, cut in cuts.items():
        keyed(app.slider, f"cut-of-{name}").set_value(cut).run().run()
    return well(app)


def test_thresholds_that_were_tried_become_a_model(
    fresh: Opened, visit: Open, launched: list[SweepPlan]
) -> None:
    workspace, review = fresh
    app = visit("frontier.py", workspace, review.id)
    well(keyed(app.slider, "view-threshold").set_value(0.45).run())
    source = labelled(app.selectbox, "Model").value
    tried(app, "race")
    assert not [b for b in app.button if b.label == KEEP]  # nothing was set yet
    assert "In brackets: 95% intervals" in words(app)
    assert "thresholds by group that are tried" not in words(app)
    tried(app, "race", Black=0.3, White=0.6)
    keyed(app.selectbox, "cut-unseen").set_value("refuse").run().run()
    # As they are drawn, a row after the other, for those who go by keys.
    assert [s.label for s in app.slider if s.key.startswith("cut-of-")] == sorted(
        ["Black", "Hispanic", "White"]
    )
    assert "At the thresholds by group that are tried below." in words(app)
    assert "In brackets: 95% intervals" not in words(app)
    seen = next(m.value for m in app.markdown if m.value.startswith("Accuracy: **"))
    well(button(app, KEEP).click().run().run())
    (spec,) = launched[0].sweeps
    own = {"Black": 0.3, "White": 0.6, "Hispanic": 0.45}  # the others are too small to be shown
    assert spec.config == HandConfig(source, ("race",), own, threshold=0.45, unseen="refuse")
    assert {s.key for s in app.slider if s.key.startswith("cut-of-")} == {
        f"cut-of-{g}" for g in own
    }
    assert "Groups too small to be shown keep the threshold for everybody" in words(app)

    dataset = ReviewStore(workspace).dataset(review.id)
    run_plan(dataset, launched[0], workspace=workspace)
    well(app.run())
    assert not [b for b in app.button if b.label == KEEP]
    well(button(app, "Select it").click().run())
    current = app.session_state["faircore"]
    kept = spec.trial_ids(dataset.fingerprint)[0]
    assert (current.candidate, current.cut_by, current.threshold) == (kept, "", 0.5)
    assert keyed(app.slider, "view-threshold").value == 0.5
    now = next(m.value for m in app.markdown if m.value.startswith("Accuracy: **"))
    assert now.startswith(seen.partition("**  ")[0])  # the same figures, now with intervals
    told = words(app)
    assert "thresholds of race by hand \\(0.30 to 0.60\\)" in told
    assert "set by hand, on the rows that models are compared on" in told
    assert "Needs a sensitive attribute at prediction time." in told


def test_a_kept_model_decides_as_was_tried(
    fresh: Opened, visit: Open, launched: list[SweepPlan]
) -> None:
    workspace, review = fresh
    app = tried(visit("frontier.py", workspace, review.id), "gender", woman=0.37)
    source = labelled(app.selectbox, "Model").value
    well(button(app, KEEP).click().run())
    store = ReviewStore(workspace)
    run_plan(store.dataset(review.id), launched[0], workspace=workspace)
    frontier = frontier_of_review(workspace, review.id)
    (kept,) = (c for c in frontier.candidates if c.method == "thresholds_by_hand")
    first = frontier.candidates[frontier.position(source)]
    cuts = dict.fromkeys(("man", "non-binary"), 0.5) | {"woman": 0.37}
    expected = decisions_at(
        frontier.rows["select"], first.passed["select"], cuts, partition="gender"
    )
    prepared = Prepared.of(store.dataset(review.id))
    scores = read_predictor(kept.id, workspace=workspace).scores(prepared.inputs("select"))
    np.testing.assert_array_equal(scores >= 0.5, expected)
    app = visit("decide.py", workspace, review.id)
    assert any(
        "thresholds of gender by hand" in o for o in labelled(app.selectbox, "Model").options
    )


def failed(frontier: Frontier, **whose: str) -> Frontier:
    """A frontier in which the models of these methods, or all, have failed for one reason."""
    lost = [
        replace(c, failure="Nobody is *there*.", cubes={}, measures={}, passed={})
        if c.method in (whose.values() or {c.method})
        else c
        for c in frontier.candidates
    ]
    return replace(frontier, candidates=tuple(lost), _shared={})


def test_a_review_in_which_every_model_failed_says_so_and_where_to_go(
    trained: Opened, visit: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace, review = trained
    frontier = failed(frontier_of_review(workspace, review.id))
    monkeypatch.setattr("pages.components.candidates.frontier_of", lambda _: frontier)
    app = visit("frontier.py", workspace, review.id)
    told = words(app)
    assert "Every model of this review has failed" in told
    (warning,) = [w.value for w in app.warning]
    n = len(frontier.candidates)
    assert n > 4
    assert warning.endswith(rf"and {n - 4} more have no model ({n}): Nobody is \*there\*.")
    assert not app.exception
    switched: list[str] = []
    monkeypatch.setattr("streamlit.switch_page", switched.append)
    button(app, "Train other models").click().run()
    assert switched == ["train.py"]


def test_a_filter_that_leaves_failed_models_alone_can_be_taken_back(
    trained: Opened, visit: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace, review = trained
    frontier = frontier_of_review(workspace, review.id)
    lost = replace(
        frontier.candidates[0], id="lost", method="boosted", failure="No.", cubes={}, measures={},
        passed={},
    )  # fmt: skip
    both = replace(frontier, candidates=(*frontier.candidates, lost), _shared={})
    for place in ("pages.components.candidates", "pages.components.loading"):
        monkeypatch.setattr(f"{place}.frontier_of", lambda _: both)
    app = visit("frontier.py", workspace, review.id)
    app.session_state["faircore"].methods = ("boosted",)
    app = well(app.run())
    assert "All models of the methods that are shown have failed." in words(app)
    well(button(app, "Show all methods").click().run())
    assert app.session_state["faircore"].methods == ()
    assert "Limits, filters and costs" in [e.label for e in app.expander]
    assert labelled(app.selectbox, "Model").options


def test_a_pinned_model_that_a_filter_hides_is_called_hidden(
    trained: Opened, visit: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace, review = trained
    frontier = frontier_of_review(workspace, review.id)
    other = replace(frontier.candidates[0], id="other", method="boosted")
    both = replace(frontier, candidates=(*frontier.candidates, other), _shared={})
    monkeypatch.setattr("pages.components.candidates.frontier_of", lambda _: both)
    app = visit("frontier.py", workspace, review.id)
    current = app.session_state["faircore"]
    current.pinned, current.methods = "other", (frontier.candidates[0].method,)
    look = next(g for g in app.button_group if g.key == "look")
    told = words(well(look.set_value("Compare").run().run()))
    assert "The pinned model is hidden by the filter of methods" in told
    assert "Choose another model than the selected one" not in told
    current.pinned = ""
    assert "Choose another model than the selected one" in words(well(app.run()))
