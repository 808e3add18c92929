"""Reviews, their candidates, and what was decided in them."""

from faircore.records.candidates import frontier_of_review, trained_view, trial_ids
from faircore.records.refining import request_of, strengths_around
from faircore.records.reviews import Opening, Review, ReviewStore, now

__all__ = [
    "Opening",
    "Review",
    "ReviewStore",
    "frontier_of_review",
    "now",
    "request_of",
    "strengths_around",
    "trained_view",
    "trial_ids",
]
