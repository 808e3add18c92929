from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from faircore.metrics.costs import Costs
from faircore.plans import SweepPlan
from faircore.records import Review, frontier_of_review, request_of
from tests.pages.visitor import button, labelled, well, words

Opened = tuple[Path, Review]
Open = Callable[..., AppTest]


def test_refine_here_asks_for_strengths_between_the_neighbours(
    trained: Opened, visit: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    launched: list[SweepPlan] = []
    monkeypatch.setattr(
        "pages.components.frontier_refine.start_sweep",
        lambda workspace, review, plan: launched.append(plan),
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
