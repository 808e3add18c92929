"""Make a candidate of a calibration, in a process of its own."""

from __future__ import annotations

import streamlit as st

from faircore.errors import FaircoreError
from faircore.jobs import Job, start_sweep
from faircore.methods.calibrated import CalibrationConfig
from faircore.plans import SweepPlan
from faircore.records import Review
from faircore.workspace import default_workspace
from pages.components.calibration_scores import candidate_id, is_listed, is_stored, spec_of
from pages.components.loading import failure_of
from pages.components.session import reviews, session
from pages.components.words import plain


def offer(review: Review, config: CalibrationConfig, label: str) -> None:
    """A button that makes the candidate; how far it is; or where it stands."""
    job = Job(default_workspace(), review.id, spec_of(review, config))
    state = job.state()
    if not state.done:
        _watch(job)
        return
    if is_stored(review, config) and is_listed(review, config):
        st.caption("This is a candidate of its own; the Frontier page compares it with the others.")
        if st.button("See it on the Frontier"):
            session().candidate = candidate_id(review, config)
            st.switch_page("frontier.py")
        return
    failure = failure_of(candidate_id(review, config)) or (
        state.message if state.state == "failed" else ""
    )
    if failure:
        st.error(plain(failure))
        return
    if state.state == "lost" and state.pid:
        st.warning("The work ended before it was done. Nothing else is lost; start it again.")
    if st.button(label, type="primary", on_click=_launch, args=(review, config)):
        st.rerun()


def _launch(review: Review, config: CalibrationConfig) -> None:
    plan = SweepPlan((spec_of(review, config),))
    try:
        if is_stored(review, config):  # made in another review of the same data
            reviews().add_sweep(review.id, plan.to_json())
        else:
            start_sweep(default_workspace(), review.id, plan)
    except FaircoreError as error:
        st.error(plain(str(error)))


@st.fragment(run_every=0.7)
def _watch(job: Job) -> None:
    """Say that it is being made, and redraw the page when it is."""
    state = job.state()
    if state.done:
        st.rerun()
    st.progress(min(state.share, 1.0), f"Being made in a process of its own: {state.seconds:.0f} s")
