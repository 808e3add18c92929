"""The head of every page of a review: which one, on what data, how far it is, who acts next."""

from __future__ import annotations

import streamlit as st

from faircore.decide import is_exploratory
from faircore.plans import SweepPlan
from faircore.records import Act, Review
from pages.components.words import plain

STEPS = (
    "Data", "Audit", "Policy", "Train", "Frontier", "Calibration", "Decide", "Packet", "Export",
)  # fmt: skip


def header(review: Review, here: str) -> None:
    """Draw two quiet lines above the title.

    Parameters
    ----------
    review : Review
    here : str
        Title of the page.
    """
    exploratory = " · **exploratory**" if is_exploratory(review) else ""
    with st.container(key="review-head", gap="xxsmall"):
        st.caption(
            f"**{plain(review.name)}** · {plain(review.source)} · {review.state}{exploratory} · "
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
    kinds = {event.kind for event in review.history}
    if Act.LOCKED in kinds:
        found.add("Policy")
    if review.sweeps:
        found.add("Train")
    methods = {spec.method for text in review.sweeps for spec in SweepPlan.from_json(text).sweeps}
    if "calibrated" in methods:
        found.add("Calibration")
    if Act.PACKET in kinds:
        found.add("Packet")
    if Act.PROPOSED in kinds:
        found.add("Frontier")
    if review.decisions:
        found.add("Decide")
    return found


def next_step(review: Review) -> str:
    """What has to be done next and by whom, in words."""
    told = {
        "decided": "the analyst downloads the bundle",
        "no model chosen": "the analyst proposes something else, or leaves things as they are",
        "being voted on": "the committee votes",
        "sealed rows opened": "the analyst sends the packet, or records the decision",
        "opening unfinished": "the analyst finishes opening the sealed rows",
        "point proposed": "the analyst opens the sealed rows",
        "models requested": "analyst and committee compare, and propose a model",
        "policy locked": "the analyst trains models",
    }
    if review.state == "policy changed":  # the point still is proposed; its packet is void
        last = review.last(Act.PROPOSED, Act.OPENED, Act.MEASURED)
        closed = last is None or last.kind is Act.PROPOSED
        on = "opens the sealed rows" if closed else "sends a new packet"
        return f"the analyst proposes again, or {on}"
    if review.state in told:
        return told[review.state]
    if review.data_spec.features:
        return "analyst and committee write the policy"
    return "analyst and committee read the audit"
