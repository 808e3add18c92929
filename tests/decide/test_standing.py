from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from faircore.data import Dataset, Table
from faircore.decide import (
    amend_policy,
    is_exploratory,
    lock_policy,
    open_sealed,
    standing_policy,
)
from faircore.decide.standing import provenance
from faircore.errors import InputError
from faircore.plans import SweepSpec
from faircore.records import Act, Review, ReviewStore
from tests.decide.committee import at_once, now, policy_of, proposed

SWEEP = SweepSpec((1.0,)).to_json()


@pytest.fixture
def empty(lending: tuple[Table, Dataset], tmp_path: Path) -> tuple[Path, Review]:
    """A review in which nothing was trained."""
    return tmp_path, ReviewStore(tmp_path).create("Loans", *lending)


def test_a_policy_is_locked_once(empty: tuple[Path, Review]) -> None:
    workspace, review = empty
    assert standing_policy(review) is None
    assert provenance(review) == "Exploratory: no policy was locked."
    lock_policy(workspace, review.id, policy_of(), who="Ada")
    before = now(workspace, review)
    for policy in (policy_of(), policy_of(0.5)):
        with pytest.raises(InputError, match="has a locked policy"):
            lock_policy(workspace, review.id, policy, who="Ben")
    assert now(workspace, review) == before


def test_two_people_locking_at_once_lock_one(empty: tuple[Path, Review]) -> None:
    workspace, review = empty
    said = at_once(
        *(
            lambda at=at: lock_policy(workspace, review.id, policy_of(at), who="Ada")
            for at in (0.1, 0.2, 0.3)
        )
    )
    assert sorted(bool(text) for text in said) == [False, True, True]
    standing = standing_policy(now(workspace, review))
    assert standing is not None
    assert standing.policy == policy_of((0.1, 0.2, 0.3)[said.index("")])


def test_amendments_keep_what_was_said_before(empty: tuple[Path, Review]) -> None:
    workspace, review = empty
    with pytest.raises(InputError, match="no policy to amend"):
        amend_policy(workspace, review.id, policy_of(), why="w", who="Ada")
    first, second = policy_of(0.1), policy_of(0.2)
    lock_policy(workspace, review.id, first, who="Ada")
    with pytest.raises(InputError, match="needs a reason"):
        amend_policy(workspace, review.id, second, why=" ", who="Ada")
    for same in (first, replace(first, limits=first.limits[::-1])):
        with pytest.raises(InputError, match="Nothing in this policy is changed"):
            amend_policy(workspace, review.id, same, why="w", who="Ada")
    amend_policy(workspace, review.id, second, why=" Too strict. ", who="Ben")
    amend_policy(workspace, review.id, first, why="Back.", who="Cy")
    standing = standing_policy(now(workspace, review))
    assert standing is not None
    assert [v.policy for v in standing.versions] == [first, second, first]
    assert [(v.who, v.why) for v in standing.versions] == [
        ("Ada", ""), ("Ben", "Too strict."), ("Cy", "Back."),
    ]  # fmt: skip
    assert [len(changes) for _, changes in standing.amendments] == [1, 1]


def test_what_was_known_is_told_of_each_version(empty: tuple[Path, Review]) -> None:
    workspace, review = empty
    lock_policy(workspace, review.id, policy_of(0.1), who="Ada")
    assert provenance(now(workspace, review)) == (
        "The policy was locked before any model was asked for."
    )
    amend_policy(workspace, review.id, policy_of(0.2), why="w", who="Ada")
    store = ReviewStore(workspace)
    store.add_sweep(review.id, SWEEP)
    amend_policy(workspace, review.id, policy_of(0.3), why="w", who="Ada")
    assert provenance(now(workspace, review)).endswith(
        "and amended after models had been asked for."
    )
    store.record(review.id, Act.OPENED, {"candidate": "c", "threshold": 0.5}, who="Ada")
    amend_policy(workspace, review.id, policy_of(0.4), why="w", who="Ada")
    done = now(workspace, review)
    standing = standing_policy(done)
    assert standing is not None
    assert [v.known for v in standing.versions] == ["nothing", "nothing", "models", "sealed rows"]
    assert provenance(done).endswith("amended after the sealed rows had been opened.")
    assert not is_exploratory(done)


def test_models_of_other_reviews_are_told_of_when_a_policy_is_amended(
    empty: tuple[Path, Review],
) -> None:
    workspace, review = empty
    store = ReviewStore(workspace)
    other = store.create("Again", store.table(review.id), store.dataset(review.id))
    lock_policy(workspace, review.id, policy_of(0.1), who="Ada")
    assert "other review" not in provenance(now(workspace, review))
    store.add_sweep(other.id, SWEEP)
    amend_policy(workspace, review.id, policy_of(0.2), why="w", who="Ada")
    assert "asked for in 1 other review by then" in provenance(now(workspace, review))


def test_exploratory_is_for_ever(fresh: tuple[Path, Review]) -> None:
    workspace, review = fresh
    assert is_exploratory(review)
    lock_policy(workspace, review.id, policy_of(), who="Ada")
    told = "Exploratory: models had been asked for before the policy was locked."
    assert provenance(now(workspace, review)) == told
    proposed(workspace, review)
    open_sealed(workspace, review.id, who="Ada")
    amend_policy(workspace, review.id, policy_of(0.5), why="w", who="Ada")
    done = now(workspace, review)
    assert is_exploratory(done)
    assert provenance(done) == f"{told} It was amended after the sealed rows had been opened."


def test_a_policy_first_written_with_the_sealed_rows_in_view_says_so(
    fresh: tuple[Path, Review],
) -> None:
    workspace, review = fresh
    proposed(workspace, review)
    open_sealed(workspace, review.id, who="Ada")
    lock_policy(workspace, review.id, policy_of(), who="Ada")
    assert provenance(now(workspace, review)).endswith(
        "It was locked after the sealed rows had been opened."
    )


def test_models_of_other_reviews_of_the_data_are_told(fresh: tuple[Path, Review]) -> None:
    workspace, review = fresh
    store = ReviewStore(workspace)
    twin = store.create("Again", store.table(review.id), store.dataset(review.id))
    lock_policy(workspace, twin.id, policy_of(), who="Ada")
    assert provenance(now(workspace, twin)) == (
        "The policy was locked before any model was asked for. Models of the same data had been "
        "asked for in 1 other review by then."
    )
