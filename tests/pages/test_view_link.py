from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faircore.groups import find_partition
from faircore.records import Review, frontier_of_review
from pages.components.session import ReviewSession
from pages.components.view_link import ID_LENGTH, parameters, read_parameters


def test_a_view_survives_its_address(trained: tuple[Path, Review]) -> None:
    frontier = frontier_of_review(trained[0], trained[1].id)
    current = ReviewSession(
        review=trained[1].id, performance="auc", disparity="accuracy_difference",
        third="log_loss", partition="race", threshold=0.35, no_groups=True,
        methods=("regularized",), by_seed=False,
        errors=True, band=True, worth=(1.0, -5.0, 0.0, 0.5), unit="€ & more",
        limits={"auc": 0.8, "accuracy_difference@race": 0.05, "log_loss": 2.0},
        candidate=frontier.candidates[2].id, pinned=frontier.candidates[0].id,
        along="regularized", quo="pinned", cut_by="race",
        cuts=dict.fromkeys(find_partition(frontier.partitions, "race").group_names, 0.4),
    )  # fmt: skip
    given_back = read_parameters(parameters(current), frontier)
    assert replace(ReviewSession(review=current.review), **given_back) == current


def test_what_is_as_it_comes_is_left_out() -> None:
    assert parameters(ReviewSession(review="r")) == {"review": "r"}


def test_a_link_says_that_there_are_no_limits_where_a_policy_would_set_some(
    trained: tuple[Path, Review],
) -> None:
    frontier = frontier_of_review(trained[0], trained[1].id)
    policy = {"limits": {"accuracy": 0.7}, "no_groups": True, "limits_of": "a policy"}
    taken_back = ReviewSession(review="r", limits_of="a policy")
    given_back = read_parameters(parameters(taken_back), frontier)
    opened = replace(ReviewSession(review="r", **policy), **given_back)  # type: ignore[arg-type]
    assert opened == taken_back
    followed = ReviewSession(review="r", **policy)  # type: ignore[arg-type]
    assert read_parameters(parameters(followed), frontier) == {
        "limits": {"accuracy": 0.7}, "no_groups": True,
    }  # fmt: skip


@pytest.mark.parametrize(
    "given",
    [
        {"up": "gini"}, {"across": "accuracy@sex"}, {"by": "<script>"}, {"cut": "nan"},
        {"cut": "7"}, {"limits": '{"accuracy": 7}'}, {"limits": '{"gini": 0.1}'},
        {"limits": '{"log_loss": "inf"}'}, {"limits": "[1]"}, {"limits": "{"},
        {"methods": "magic"}, {"worth": "1,2"}, {"worth": "-1,1,0,0"}, {"model": "zz"},
        {"limits": "[" * 1_900}, {"limits": '{"accuracy": ' * 150}, {"cuts": "{" * 100_000},
        {"limits": '{"accuracy": 0.5' + " " * 2_000 + "}"}, {"along": "magic"}, {"quo": "magic"},
        {"each": "moon"}, {"cuts": '{"x": 0.5}'}, {"cuts": "[1]"}, {"cuts": '{"x": 7}'},
        {"model": ""}, {"third": "demographic_parity_difference@age of the moon"}, {"worth": "a"},
    ],
    ids=str,
)  # fmt: skip
def test_what_does_not_fit_is_passed_over(
    given: dict[str, str], trained: tuple[Path, Review]
) -> None:
    frontier = frontier_of_review(trained[0], trained[1].id)
    assert read_parameters(given, frontier) == {}


@pytest.mark.parametrize(("asked", "set_to"), [("0", 0.05), ("0.025", 0.05), ("1", 0.95)])
def test_a_threshold_that_no_dial_has_is_the_nearest_it_has(
    asked: str, set_to: float, trained: tuple[Path, Review]
) -> None:
    frontier = frontier_of_review(trained[0], trained[1].id)
    assert read_parameters({"cut": asked}, frontier) == {"threshold": set_to}


def test_thresholds_of_other_groups_are_passed_over(trained: tuple[Path, Review]) -> None:
    frontier = frontier_of_review(trained[0], trained[1].id)
    given = {"each": "race", "cuts": '{"x": 0.5}'}
    assert read_parameters(given, frontier) == {"cut_by": "race"}
    assert read_parameters(given, replace(frontier, rows={}, _shared={})) == {}


def test_one_objective_on_both_axes_is_passed_over(trained: tuple[Path, Review]) -> None:
    frontier = frontier_of_review(trained[0], trained[1].id)
    gap = "demographic_parity_difference@race"
    assert read_parameters({"up": gap, "across": gap}, frontier) == {"performance": gap}


@pytest.mark.parametrize("name", ["limits", "cuts"])
def test_deep_nesting_in_a_link_breaks_nothing(
    name: str, trained: tuple[Path, Review], monkeypatch: pytest.MonkeyPatch
) -> None:
    frontier = frontier_of_review(trained[0], trained[1].id)
    assert read_parameters({name: "[" * 100_000}, frontier) == {}
    monkeypatch.setattr("pages.components.view_link.LONGEST", 1_000_000)
    assert read_parameters({name: "[" * 100_000}, frontier) == {}


def test_half_an_id_of_two_models_is_none(trained: tuple[Path, Review]) -> None:
    frontier = frontier_of_review(trained[0], trained[1].id)
    twins = replace(
        frontier,
        candidates=tuple(replace(c, id="a" * ID_LENGTH + c.id) for c in frontier.candidates),
        _shared={},
    )
    assert read_parameters({"model": "a" * ID_LENGTH}, twins) == {}


@given(
    st.dictionaries(
        st.sampled_from(["up", "cut", "worth", "model", "limits", "cuts", "each", "along"]),
        st.text(),
    )
)
def test_no_address_breaks_a_page(given: dict[str, str]) -> None:
    import numpy as np

    from faircore.frontier import Candidate, Frontier
    from faircore.groups import Groups

    groups = Groups.of({"sex": ["f", "m"]})
    one = Candidate("abc", "existing", "", 0.0, 0, False, {}, 1.0, failure="x")
    frontier = Frontier((one,), groups.partitions, {"select": np.array([1, 1])})
    read_parameters(given, frontier)
