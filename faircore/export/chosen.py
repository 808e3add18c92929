"""The bundle of a review's standing decision."""

from __future__ import annotations

from pathlib import Path

from faircore.decide import Decision
from faircore.errors import BundleError
from faircore.export.bundle import Bundle
from faircore.export.card import model_card
from faircore.export.reader import RowReader
from faircore.predictors import Thresholded, calibrator_words
from faircore.records import ReviewStore
from faircore.shelf import read_predictor
from faircore.training import Prepared


def bundle_of_review(
    workspace: str | Path, review_id: str, *, prepared: Prepared | None = None
) -> Bundle:
    """Put together what a review decided.

    Parameters
    ----------
    workspace : path
    review_id : str
    prepared : Prepared, optional
        The review's dataset prepared with the decision's split seed; made when absent.

    Raises
    ------
    BundleError
        When nothing has been decided yet.
    """
    reviews = ReviewStore(workspace)
    review = reviews.get(review_id)
    if not review.decisions:
        raise BundleError("No operating point has been chosen yet. Choose one on the Decide page.")
    decision = Decision.from_dict(review.decisions[-1])
    if prepared is None:
        prepared = Prepared.of(reviews.dataset(review_id), split_seed=decision.split_seed)
    spec = prepared.dataset.spec
    predictor = read_predictor(decision.point.candidate, workspace=workspace)
    facts = {
        "review": review.id,
        "name": review.name,
        "candidate": decision.point.candidate,
        "method": decision.method,
        "strength": decision.strength,
        "seed": decision.seed,
        "target": spec.target,
        "positive": spec.positive,
        "needs_groups": bool(spec.needs_groups or predictor.needs_groups),
        "data_sha256": decision.data_sha256,
        "model_sha256": decision.model_sha256,
        "decided_at": decision.at,
    }
    return Bundle(
        predictor=predictor,
        reader=RowReader.of(prepared.dataset, prepared.encoder, predictor),
        threshold=decision.point.threshold,
        facts=facts,
        card=model_card(
            review.name,
            decision,
            prepared.dataset,
            prepared.groups.partitions,
            cuts=predictor.rule.in_words() if isinstance(predictor, Thresholded) else None,
            calibrators=calibrator_words(predictor),
        ),
    )
