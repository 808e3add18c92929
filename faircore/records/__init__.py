"""Reviews, their candidates, and everything that was done in them."""

from faircore.records.acting import UNKNOWN, acting_as, checked_name, spelled, who_is_acting
from faircore.records.candidates import frontier_of_review, trained_view, trial_ids
from faircore.records.history import Act, Event, canonical, now
from faircore.records.refining import request_of, strengths_around
from faircore.records.review import Opening, Review
from faircore.records.reviews import ReviewStore

__all__ = [
    "UNKNOWN",
    "Act",
    "Event",
    "Opening",
    "Review",
    "ReviewStore",
    "acting_as",
    "canonical",
    "checked_name",
    "frontier_of_review",
    "now",
    "request_of",
    "spelled",
    "strengths_around",
    "trained_view",
    "trial_ids",
    "who_is_acting",
]
