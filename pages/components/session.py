"""The session: which review is open and what is selected in it, typed, under one key."""

from __future__ import annotations

from dataclasses import dataclass, field

import streamlit as st

from faircore.errors import FaircoreError
from faircore.records import UNKNOWN, Review, ReviewStore
from faircore.workspace import default_workspace
from pages.components.header import header

KEY = "faircore"

BEST = "front"
"""What the slider runs along when it is not one method: the unbeaten models."""
FIRST_CUT, LAST_CUT = 0.05, 0.95
"""Thresholds that a dial can be set to."""

QUOS = ("decision", "score", "plain", "pinned")
"""What may have decided until now: the data's decisions or score, the plain or the pinned model."""


@dataclass
class ReviewSession:
    """What one browser tab looks at. It holds ids and choices, never data."""

    review: str = ""
    candidate: str = ""
    clicked: str = ""
    threshold: float = 0.5
    performance: str = "accuracy"
    disparity: str = ""
    partition: str = ""
    watched: str = ""
    along: str = ""
    third: str = ""
    limits: dict[str, float] = field(default_factory=dict)
    no_groups: bool = False
    methods: tuple[str, ...] = ()
    by_seed: bool = True
    errors: bool = False
    band: bool = False
    worth: tuple[float, float, float, float] | None = None
    unit: str = ""
    pinned: str = ""
    quo: str = ""
    cut_by: str = ""
    cuts: dict[str, float] = field(default_factory=dict)
    linked: bool = False
    audit_system: str = ""
    audit_threshold: float = 0.5
    audit_partition: str = ""
    audit_metric: str = "true_positive_rate"
    audit_reference: str = ""
    audit_written: str = ""
    calibrate_model: str = ""
    calibrate_partition: str = ""
    calibrate_scope: str = ""
    calibrate_kind: str = ""
    calibrate_by: str = ""
    calibrate_bins: int = 10
    calibrate_width: bool = False
    calibrate_overlay: bool = False
    calibrate_limit: float = 5.0
    calibrate_gap: float = 2.0
    name: str = ""
    answers: dict[str, str] = field(default_factory=dict)
    limits_of: str = ""
    upload: str = ""
    upload_id: str = ""


def session() -> ReviewSession:
    """The session of this tab; a review named in the address is opened."""
    current: ReviewSession = st.session_state.setdefault(KEY, ReviewSession())
    named = st.query_params.get("review", "")
    if named and named != current.review:
        open_review(named)
        current = st.session_state[KEY]
    return current


def open_review(review_id: str) -> None:
    """Look at another review; choices made in the last one do not carry over."""
    name = st.session_state[KEY].name if KEY in st.session_state else ""
    st.session_state[KEY] = ReviewSession(review=review_id, name=name)


def name_box(label: str = "Your name", *, key: str) -> str:
    """Ask who is acting; the name is kept for the other forms of this tab."""
    return st.text_input(label, session().name, key=key, max_chars=80).strip()


def keep_name(name: str) -> None:
    """Remember the name somebody acted under."""
    session().name = name


def acting() -> str:
    """Name this tab acts under; the user of the server's computer is none of its visitors."""
    return session().name or UNKNOWN


def reviews() -> ReviewStore:
    """The reviews of the workspace."""
    return ReviewStore(default_workspace())


def require_review(title: str, *, trained: bool = False) -> Review:
    """Draw the page's head and return the open review, or say what to do first and stop.

    Parameters
    ----------
    title : str
        Title of the page.
    trained : bool
        Whether the page needs a sweep to have been launched.
    """
    current = session()
    if not current.review:
        st.title(title)
        st.write("No review is open. Start one from a data file, or open one you have.")
        with st.container(horizontal=True):
            if st.button("Start with data", type="primary"):
                st.switch_page("data.py")
            if st.button("See all reviews"):
                st.switch_page("reviews.py")
        st.stop()
    try:
        review = reviews().get(current.review)
    except FaircoreError as error:
        st.title(title)
        st.error(str(error))
        if st.button("See all reviews"):
            open_review("")
            st.query_params.clear()
            st.switch_page("reviews.py")
        st.stop()
    if st.query_params.get("review") != review.id:
        st.query_params["review"] = review.id  # a reload or a shared link finds the same review
    header(review, title)
    st.title(title)
    if trained and not review.sweeps:
        st.write("No model has been trained in this review yet.")
        if st.button("Train models", type="primary"):
            st.switch_page("train.py")
        st.stop()
    return review
