"""What a look at the sealed rows buys, first and later."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from faircore.decide import OperatingPoint, lock_policy, open_sealed, propose, standing_proposal
from faircore.decide.risk import Grant, grant
from faircore.errors import InputError
from faircore.metrics import THRESHOLDS
from faircore.plans import SweepSpec
from faircore.records import Review, ReviewStore, frontier_of_review, trial_ids
from faircore.sweep import run_sweep
from tests.conftest import SMALL
from tests.decide.committee import now, policy_of, prepared_for, proposed

Fresh = tuple[Path, Review]


def bought(workspace: Path, review: Review) -> Grant:
    """What opening for the standing proposal would buy."""
    found = now(workspace, review)
    proposal = standing_proposal(found)
    assert proposal is not None
    return grant(found, ReviewStore(workspace).of_same_rows(found), proposal.options)


def more_models(workspace: Path, review: Review, *, split_seed: int = 0) -> OperatingPoint:
    """Train another model after the fact, and note it in the review."""
    spec = SweepSpec((7.0,), partitions=("race",), config=SMALL, split_seed=split_seed)
    dataset = ReviewStore(workspace).dataset(review.id)
    made = run_sweep(dataset, spec, workspace=workspace)
    ReviewStore(workspace).add_sweep(review.id, spec.to_json())
    return OperatingPoint(made.candidates[-1].id, 0.5)


def test_a_first_look_tests_at_its_whole_share(fresh: Fresh) -> None:
    workspace, review = fresh
    lock_policy(workspace, review.id, policy_of(openings=2), who="Ada")
    proposed(workspace, review)
    assert bought(workspace, review) == Grant(0.025, 0.025)


def test_a_later_look_pays_for_all_it_could_pick_from(fresh: Fresh) -> None:
    """The sealed luck of each group is known by then, and any model could have been made for it."""
    workspace, review = fresh
    lock_policy(workspace, review.id, policy_of(openings=5), who="Ada")
    first = proposed(workspace, review)
    assert open_sealed(workspace, review.id, who="Ada").certificate is not None
    share, frozen = 0.05 / 5, len(first.options)
    # What was frozen before the first look: as many times stricter as there were options.
    frontier = frontier_of_review(workspace, review.id)
    other = next(o.point for o in first.options if o.point and "proposed" not in o.names)
    propose(workspace, review.id, other, frontier=frontier, reason="r", who="Ada", alone=True)
    assert bought(workspace, review) == Grant(share, share / frozen, frozen)
    found = open_sealed(workspace, review.id, who="Ada").certificate
    assert found is not None
    assert (found.level, found.tested_at) == (share, share / frozen)
    # The confidence that is told is that of the share: strictness pays for the pick.
    (letter,) = found.lines
    assert found.certified == () or "99% confidence" in found.in_words(letter)[0]
    # Any model asked for before, at any threshold.
    proposed(workspace, review, threshold=0.37, alone=True)
    everything = len(trial_ids(review)) * len(THRESHOLDS) + 1
    assert bought(workspace, review) == Grant(share, share / everything, everything)
    # What was made afterwards cannot be tested at all.
    point = more_models(workspace, review)
    frontier = frontier_of_review(workspace, review.id)
    propose(workspace, review.id, point, frontier=frontier, reason="r", who="Ada", alone=True)
    assert bought(workspace, review).level is None
    measured = open_sealed(workspace, review.id, who="Ada")
    assert measured.certificate is None
    assert "made after these rows had been seen" in measured.why


def test_the_sealed_rows_are_those_the_model_was_split_by(fresh: Fresh) -> None:
    workspace, review = fresh
    point = more_models(workspace, review, split_seed=7)
    store = ReviewStore(workspace)
    frontier = frontier_of_review(workspace, review.id)
    with pytest.raises(InputError, match="different splits"):
        propose(workspace, review.id, point, frontier=frontier, reason="r", who="Ada")
    propose(workspace, review.id, point, frontier=frontier, reason="r", who="Ada", alone=True)
    proposal = standing_proposal(store.get(review.id))
    assert proposal is not None
    assert proposal.split_seed == 7
    with pytest.raises(InputError, match="split otherwise"):
        open_sealed(workspace, review.id, who="Ada", prepared=prepared_for(workspace, review))
    assert store.get(review.id).openings == ()
    assert open_sealed(workspace, review.id, who="Ada").figures.people > 0


def test_a_hand_made_split_opens_nothing(fresh: Fresh) -> None:
    workspace, review = fresh
    proposed(workspace, review)
    prepared = prepared_for(workspace, review)
    mixed = replace(prepared.splits, certify=prepared.splits.train)
    with pytest.raises(InputError, match="split otherwise"):
        open_sealed(workspace, review.id, who="Ada", prepared=replace(prepared, splits=mixed))
    assert now(workspace, review).openings == ()
