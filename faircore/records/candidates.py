"""Every candidate of a review, whichever sweep it came from."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from faircore.data import Dataset
from faircore.frontier import Frontier
from faircore.penalties import find_penalty
from faircore.plans import SweepPlan
from faircore.records.review import Review
from faircore.records.reviews import ReviewStore
from faircore.sweep import load_frontier


def frontier_of_review(
    workspace: str | Path, review_id: str, *, dataset: Dataset | None = None
) -> Frontier:
    """Read the stored candidates of all sweeps a review asked for, in the last one's view.

    Raises
    ------
    StoreError
        When nothing is trained yet.
    """
    reviews = ReviewStore(workspace)
    review = reviews.get(review_id)
    if dataset is None:
        dataset = reviews.dataset(review_id)
    return trained_view(review, load_frontier(dataset, trial_ids(review), workspace=workspace))


def trained_view(review: Review, frontier: Frontier) -> Frontier:
    """Look first at what the last sweep was trained for: its disparity, its first partition."""
    last = SweepPlan.from_json(review.sweeps[-1]).sweeps[0]
    return frontier.view(
        disparity=find_penalty(last.penalty).disparity,
        partition=(last.partitions or (frontier.partitions[0].name,))[0],
    )


def trial_ids(review: Review) -> tuple[str, ...]:
    """Ids of every trial a review asked for, finished or not, each once."""
    found = (i for text in review.sweeps for i in ids_of(text, review.fingerprint))
    return tuple(dict.fromkeys(found))


@lru_cache(maxsize=256)
def ids_of(plan: str, fingerprint: str) -> tuple[str, ...]:
    """Ids of the trials of a plan, or of a single sweep, as JSON; hashed once."""
    return SweepPlan.from_json(plan).trial_ids(fingerprint)
