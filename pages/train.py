"""Train: choose what fair means and how to get there; launch; watch."""

from __future__ import annotations

import os

import streamlit as st

from faircore.decide import is_exploratory, standing_policy
from faircore.errors import FaircoreError
from faircore.jobs import start_sweep
from faircore.methods.cost import machine_speed
from faircore.plans import SweepPlan
from faircore.plots import METHOD_NAMES
from faircore.records import Review
from faircore.workspace import default_workspace
from pages.components.bring_model import bring_form, sources_of
from pages.components.loading import prepared_of
from pages.components.session import (
    acting,
    keep_name,
    name_box,
    require_review,
    reviews,
    session,
)
from pages.components.train_form import plan_form
from pages.components.train_watch import latest, stored
from pages.components.words import duration


def launch(review: Review, plan: SweepPlan) -> None:
    """Start a process of its own; what is answered from the store needs none."""
    keep_name(st.session_state["launch-name"].strip())
    try:
        if stored(review, plan) == len(plan.trial_ids(review.fingerprint)):
            reviews().add_sweep(review.id, plan.to_json(), who=acting())
        else:
            start_sweep(default_workspace(), review.id, plan, who=acting())
        session().watched = plan.to_json()
    except FaircoreError as error:
        st.error(str(error))


def note(review: Review, plan: SweepPlan) -> str:
    """How much there is to train, and about how long that takes."""
    wanted, done = len(plan.trial_ids(review.fingerprint)), stored(review, plan)
    kinds = ", ".join(METHOD_NAMES[spec.method].lower() for spec in plan.sweeps)
    text = f"{wanted:,} models: {kinds}; the plain one of each kind included."
    if done:
        text += f" {done} of them are trained already and will not be trained again."
    if done == wanted:
        return text
    prepared = prepared_of(review)
    seconds = plan.estimate_seconds(
        len(prepared.rows("train")),
        len(prepared.encoder.names),
        cores=len(os.sched_getaffinity(0)),
        speed=machine_speed(),
        new=wanted - done,
    )
    return f"{text} Training takes about {duration(seconds)} on this machine."


def main() -> None:
    """Draw the page from top to bottom."""
    review = require_review("Train")
    learns = bool(review.data_spec.features)
    if not learns and not review.data_spec.score:
        st.write(
            "This review has no features to learn from and no score to set thresholds on: it "
            "audits existing decisions. Start a review with features to train models."
        )
        if st.button("See the audit", type="primary"):
            st.switch_page("audit.py")
        st.stop()
    if learns:
        st.write(
            "Each setting gives one model. The plain one cares for accuracy alone; the others pay "
            "some accuracy for a smaller gap. You compare them on the next page."
        )
    else:
        st.write(
            "This review has a score and no features to learn from. The score stays as it is; "
            "each setting gives other thresholds by group. You compare them on the next page."
        )
    if learns and standing_policy(review) is None and not is_exploratory(review):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(
                "No policy is locked. Models asked for now make this review exploratory, for ever."
            )
            if st.button("Write the policy first"):
                st.switch_page("policy.py")
    latest(review)
    partitions = [" × ".join(p) for p in review.data_spec.partitions]
    plan = plan_form(partitions, sources_of(review), learns=learns)
    bring_form(review)
    if plan is None:
        return
    st.caption(note(review, plan))
    with st.container(width=280):
        name_box(key="launch-name")
    st.button("Launch", type="primary", on_click=launch, args=(review, plan))


main()
