from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from faircore.decide import (
    OperatingPoint,
    Option,
    lock_policy,
    name_options,
    propose,
    standing_proposal,
)
from faircore.decide.options import TITLES
from faircore.errors import InputError
from faircore.records import Act, Review, canonical, frontier_of_review
from tests.decide.committee import now, policy_of

points = st.builds(OperatingPoint, st.text(max_size=8), st.floats(0, 1))
names = st.lists(st.sampled_from(list(TITLES)), min_size=1, unique=True).map(tuple)


@given(st.builds(Option, st.sampled_from("ABCDE"), names, st.none() | points))
def test_an_option_survives_its_record_and_has_a_title(option: Option) -> None:
    assert Option.from_dict(json.loads(canonical(option.to_dict()))) == option
    assert option.title
    assert option.title.startswith("Proposed") == ("proposed" in option.names)


@pytest.mark.parametrize("decided", [True, False])
@pytest.mark.parametrize("threshold", [0.2, 0.5, 0.7])
def test_options_are_few_different_and_lettered(
    trained: tuple[Path, Review], decided: bool, threshold: float
) -> None:
    frontier = frontier_of_review(*_at(trained)).view(threshold=threshold)
    for proposed in range(len(frontier.candidates)):
        if not np.isfinite(frontier.values[proposed]).all():
            continue
        options = name_options(frontier, proposed, decided=decided)
        assert "".join(o.letter for o in options) == "ABCDE"[: len(options)]
        assert [o.point is None for o in options] == [decided, *[False] * (len(options) - 1)]
        (own,) = (o for o in options if "proposed" in o.names)
        assert own.point == OperatingPoint(frontier.candidates[proposed].id, threshold)
        models = [o.point.candidate for o in options if o.point]
        assert len(models) == len(set(models))
        told = [name for o in options for name in o.names]
        assert len(told) == len(set(told))
        values = [frontier.values[frontier.position(i), 0] for i in models]
        assert values == sorted(values, reverse=True)  # best performance first


def test_models_that_ask_for_what_they_may_not_are_no_options_unless_proposed(
    trained: tuple[Path, Review],
) -> None:
    frontier = frontier_of_review(*_at(trained))
    front = int(frontier.front[0])
    asking = replace(
        frontier,
        candidates=tuple(
            replace(c, needs_groups=k == front) for k, c in enumerate(frontier.candidates)
        ),
    )
    one = frontier.candidates[front].id
    other = next(k for k in range(len(frontier.candidates)) if k != front)

    def offered(proposed: int, **more: bool) -> bool:
        options = name_options(asking, proposed, policy=policy_of(**more))
        return one in {o.point.candidate for o in options if o.point}

    assert not offered(other)
    assert offered(other, may_need_groups=True)
    assert offered(front)


def test_what_the_policy_rules_out_is_not_proposed(fresh: tuple[Path, Review]) -> None:
    workspace, review = fresh
    frontier = frontier_of_review(workspace, review.id)
    asking = replace(
        frontier, candidates=tuple(replace(c, needs_groups=True) for c in frontier.candidates)
    )
    point = OperatingPoint(frontier.candidates[0].id, 0.1 + 0.2)
    lock_policy(workspace, review.id, policy_of(), who="Ada")
    with pytest.raises(InputError, match=r"rules out models that ask.*amend the policy"):
        propose(workspace, review.id, point, frontier=asking, reason="Why not.", who="Ada")
    assert not now(workspace, review).all(Act.PROPOSED)
    made = propose(workspace, review.id, point, frontier=frontier, reason="Fair.", who="Ada")
    found = standing_proposal(made)
    assert found is not None
    assert found.point.threshold == 0.3  # as models are compared, to the last bit


def test_a_candidate_without_values_cannot_be_proposed(trained: tuple[Path, Review]) -> None:
    frontier = frontier_of_review(*_at(trained))
    few = replace(frontier, min_people=10_000)
    with pytest.raises(InputError, match="cannot be compared in this view"):
        name_options(few, 0)


def _at(trained: tuple[Path, Review]) -> tuple[Path, str]:
    workspace, review = trained
    return workspace, review.id
