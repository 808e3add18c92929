"""Amending a policy on its page, and policies that older versions wrote."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from faircore.data import Dataset, Table
from faircore.decide import CalibrationLimit, Policy, lock_policy, standing_policy
from faircore.frontier import Limit
from faircore.records import Act, Review, ReviewStore
from tests.pages.visitor import button, labelled, one_error, well, words

Opened = tuple[Path, Review]
Open = Callable[..., AppTest]
GAP, RATIO = "demographic_parity_difference", "demographic_parity_ratio"
RICH = Policy(
    GAP,
    (
        Limit(f"{GAP}@race", 0.07), Limit(f"{GAP}@gender", 0.1), Limit(f"{RATIO}@gender", 0.29),
        Limit("equal_opportunity_difference@race", 0.2), Limit(f"{GAP}@somewhere", 0.3),
        Limit("true_positive_rate", 0.57), Limit("accuracy", 0.5),
    ),
    reason="All of it counts.",
    answers={"law": "eu"},
    calibration=CalibrationLimit(0.07, 0.03, "gender"),
    level=0.01,
    openings=2,
    smallest_group=30,
)  # fmt: skip


@pytest.fixture
def locked(lending: tuple[Table, Dataset], tmp_path: Path) -> Opened:
    review = ReviewStore(tmp_path).create("Loans", *lending)
    return tmp_path, lock_policy(tmp_path, review.id, RICH, who="Ana")


def standing(workspace: Path, review: Review) -> Policy:
    found = standing_policy(ReviewStore(workspace).get(review.id))
    assert found is not None
    return found.policy


def send(app: AppTest) -> AppTest:
    labelled(app.text_area, "Why the policy changes").set_value("We know more now.")
    labelled(app.text_input, "Your name").set_value("Ana")
    return button(app, "Amend the policy").click().run()


def test_an_amendment_changes_what_was_changed_and_nothing_else(
    locked: Opened, visit: Open
) -> None:
    workspace, review = locked
    app = visit("policy.py", workspace, review.id)
    assert "Nothing in this policy is changed" in one_error(send(app))
    labelled(app.text_area, "Why this definition and these limits").set_value("Still.")
    told = words(well(send(app)))
    assert "the reason changed" in told
    assert "no longer" not in told
    well(button(app, "Record this amendment").click().run())
    assert standing(workspace, review) == replace(RICH, reason="Still.")


def test_every_limit_has_a_field_and_an_emptied_one_goes(locked: Opened, visit: Open) -> None:
    workspace, review = locked
    app = visit("policy.py", workspace, review.id)
    fields = {n.label: n for n in app.number_input}
    assert fields["Gap in selection by race at most, points"].value == pytest.approx(7)
    assert fields["Gap in selection by gender at most, points"].value == pytest.approx(10)
    assert fields["Ratio of selection by race at least, %"].value is None
    fields["Gap in selection by gender at most, points"].set_value(9.0)
    next(n for label, n in fields.items() if label.startswith("Good outcomes found")).set_value(
        None
    )
    fields["Calibration error of every group at most, %"].set_value(6.0)
    well(send(app))
    told = words(app)
    assert "10.0 points became 9.0 points" in told
    assert "no longer\\: good outcomes found" in told
    well(button(app, "Go back").click().run())
    assert standing(workspace, review) == RICH
    well(send(app))
    well(button(app, "Record this amendment").click().run())
    new = standing(workspace, review)
    assert RICH.changes(new) == (
        "Gap in selection by gender: 10.0 points became 9.0 points",
        "no longer: good outcomes found at least 57.0%",
        "how far scores may be off changed",
    )
    assert new.calibration == CalibrationLimit(0.06, 0.03, "gender")


def test_another_definition_keeps_what_stood_until_it_is_emptied(
    locked: Opened, visit: Open
) -> None:
    workspace, review = locked
    app = visit("policy.py", workspace, review.id)
    labelled(app.selectbox, "Fair means: no large").set_value("equal_opportunity_difference")
    well(app.run())
    well(send(app))
    assert "no longer" not in words(app)
    well(button(app, "Record this amendment").click().run())
    new = standing(workspace, review)
    assert RICH.changes(new) == ("what fair means changed",)


def older(workspace: Path, review: Review, at: float) -> None:
    """A policy locked by a version that allowed any limit from 0 to 1."""
    raw = replace(RICH, calibration=None, limits=RICH.limits[:3]).to_dict()
    raw["limits"][2]["at"] = at
    ReviewStore(workspace).record(
        review.id, Act.LOCKED, {"policy": raw, "sha256": "0" * 64, "elsewhere": 0}, who="Ana"
    )


@pytest.mark.parametrize("at", [0.0, 1.0])
def test_an_older_policy_that_no_test_fits_is_shown_and_can_be_amended(
    lending: tuple[Table, Dataset], visit: Open, tmp_path: Path, at: float
) -> None:
    review = ReviewStore(tmp_path).create("Loans", *lending)
    older(tmp_path, review, at)
    app = visit("policy.py", tmp_path, review.id)
    assert "Amend the policy before the sealed rows are opened" in words(app)
    assert "no advice follows" in words(app)
    well(send(app))
    well(button(app, "Record this amendment").click().run())
    assert standing(tmp_path, review).untestable == ()
    assert "No test can show" not in words(app)


def test_the_decide_page_shows_an_older_policy(fresh: Opened, visit: Open) -> None:
    workspace, review = fresh
    older(workspace, review, 1.0)
    told = words(visit("decide.py", workspace, review.id))
    assert "Amend the policy before the sealed rows are opened" in told
    app = visit("decide.py", workspace, review.id)
    labelled(app.text_area, "Why this point").set_value("It narrows.")
    labelled(app.text_input, "Your name").set_value("Ana")
    well(button(app, "Propose this point").click().run())


def test_the_form_offers_no_limit_that_cannot_be_locked(locked: Opened, visit: Open) -> None:
    app = visit("policy.py", locked[0], locked[1].id)
    shares = [n for n in app.number_input if n.label.endswith((", %", ", points"))]
    assert len(shares) >= 9
    assert all(0 < n.min < n.max < 100 for n in shares)
