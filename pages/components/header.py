"""The head of every page of a review: which one, on what data, how far it is, who acts next."""

from __future__ import annotations

import streamlit as st

from faircore.plans import SweepPlan
from faircore.records import Review
from pages.components.words import plain

STEPS = ("Data", "Audit", "Train", "Frontier", "Calibration", "Decide", "Export")


def header(review: Review, here: str) -> None:
    """Draw two quiet lines above the title.

    Parameters
    ----------
    review : Review
    here : str
        Title of the page.
    """
    with st.container(key="review-head", gap="xxsmall"):
        st.caption(
            f"**{plain(review.name)}** · {plain(review.source)} · {review.state} · "
            f"next: {next_step(review)}"
        )
        st.caption(" → ".join(_step(name, review, here) for name in STEPS))


def _step(name: str, review: Review, here: str) -> str:
    """A step with what is known of it: a tick where it is done, bold where one is."""
    told = f"{name} ✓" if name in done(review) else name
    return f"**{told}**" if name == here else told


def done(review: Review) -> set[str]:
    """Steps that left something behind."""
    found = {"Data"}
    if review.sweeps:
        found.add("Train")
    methods = {spec.method for text in review.sweeps for spec in SweepPlan.from_json(text).sweeps}
    if "calibrated" in methods:
        found.add("Calibration")
    if review.decisions:
        found |= {"Frontier", "Decide"}
    return found


def next_step(review: Review) -> str:
    """What has to be done next and by whom, in words."""
    if review.decisions:
        return "the analyst downloads the bundle"
    if review.sweeps:
        return "analyst and committee compare, and choose a model"
    if review.data_spec.features:
        return "the analyst trains models"
    return "analyst and committee read the audit"
