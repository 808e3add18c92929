"""From a policy to a certificate or an honest refusal, on the data that come along."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from faircore.data import build_dataset, load_sample
from faircore.decide import (
    Measurement,
    OperatingPoint,
    Policy,
    conclude,
    lock_policy,
    open_sealed,
    propose,
    standing_proposal,
)
from faircore.frontier import Limit
from faircore.plans import SweepSpec
from faircore.records import Act, ReviewStore, frontier_of_review
from faircore.sweep import run_sweep
from faircore.training import TrainingConfig
from tests.decide.committee import left


def opened(
    workspace: Path, sample: str, strengths: tuple[float, ...], *, limit: float = 0.05
) -> tuple[str, Measurement]:
    """A review whose most equal model was proposed, and what the sealed rows said."""
    dataset = build_dataset(*load_sample(sample))
    store = ReviewStore(workspace)
    review = store.create(sample, load_sample(sample)[0], dataset)
    policy = Policy(
        "demographic_parity_difference",
        (Limit("demographic_parity_difference@sex", limit),),
        reason="Who is selected must not depend on sex.",
    )
    lock_policy(workspace, review.id, policy, who="Ana")
    spec = SweepSpec(strengths, partitions=("sex",), config=TrainingConfig(hidden=(16,), epochs=12))
    run_sweep(dataset, spec, workspace=workspace)
    store.add_sweep(review.id, spec.to_json())
    frontier = frontier_of_review(workspace, review.id).view(partition="sex")
    equal = int(frontier.values[:, 1].argmin())
    point = OperatingPoint(frontier.candidates[equal].id, 0.5)
    propose(workspace, review.id, point, frontier=frontier, reason="Equal.", who="Ana")
    assert left(workspace, review) == 1
    found = open_sealed(workspace, review.id, who="Ana")
    assert left(workspace, review) == 0
    return review.id, found


def test_on_adult_a_gap_of_five_points_by_sex_is_certified(tmp_path: Path) -> None:
    review, found = opened(tmp_path, "adult", (0.0, 1.0, 4.0))
    store = ReviewStore(tmp_path)
    proposal = standing_proposal(store.get(review))
    assert proposal is not None
    assert found.certificate is not None
    letter = proposal.proposed.letter
    assert letter in found.certificate.certified
    (promise,) = found.certificate.in_words(letter)
    assert promise == (
        "With 95% confidence, in the population: gap in selection by sex at most 5.0 points "
        "between any two groups."
    )
    (line,) = found.certificate.lines[letter]
    assert line.value < line.bound < 0.05
    plain = next(o.letter for o in proposal.options if "plain" in o.names)
    assert plain not in found.certificate.certified  # 17 points
    assert found.certificate.lines[plain][0].verdict == "fail"
    # The history says in which order it happened.
    kinds = [event.kind for event in store.get(review).history]
    assert kinds == [Act.LOCKED, Act.SWEEP, Act.PROPOSED, Act.OPENED, Act.MEASURED]
    decision = conclude(tmp_path, review, frontier=frontier_of_review(tmp_path, review), who="Ben")
    assert decision is not None
    assert decision.certified
    assert decision.promises == (promise,)
    assert decision.provenance == "The policy was locked before any model was asked for."


def test_german_credit_is_refused_with_the_rows_that_would_be_needed(tmp_path: Path) -> None:
    review, found = opened(tmp_path, "german_credit", (0.0, 2.0))
    proposal = standing_proposal(ReviewStore(tmp_path).get(review))
    assert proposal is not None
    assert found.certificate is not None
    assert found.certificate.certified == ()
    letter = proposal.proposed.letter
    (line,) = found.certificate.lines[letter]
    assert line.verdict != "pass"
    needed = line.rows_at_best if math.isinf(line.rows_needed) else line.rows_needed
    smallest = int(found.figures.sizes[0:2].min())
    assert needed > 5 * smallest
    told = " ".join(found.certificate.in_words(letter))
    assert "No certificate" in told
    assert f"{needed:,.0f} rows" in told


@pytest.mark.parametrize("sample", ["german_credit"])
def test_a_second_opening_certifies_nothing_once_the_risk_is_spent(
    sample: str, tmp_path: Path
) -> None:
    review, _ = opened(tmp_path, sample, (0.0, 2.0), limit=0.5)
    store = ReviewStore(tmp_path)
    frontier = frontier_of_review(tmp_path, review).view(threshold=0.6)
    point = OperatingPoint(frontier.candidates[0].id, 0.6)
    propose(tmp_path, review, point, frontier=frontier, reason="Again.", who="Ana")
    again = open_sealed(tmp_path, review, who="Ana")
    assert again.certificate is None
    assert "spent" in again.why
    assert [o.level for o in store.get(review).openings] == [0.05, None]
