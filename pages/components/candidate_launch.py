"""Make a candidate of a change to one model there is, in a process of its own."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from faircore.errors import FaircoreError
from faircore.jobs import Job, start_sweep
from faircore.methods.calibrated import CalibrationConfig
from faircore.methods.thresholds_by_hand import HandConfig
from faircore.penalties import PENALTIES
from faircore.plans import SweepPlan, SweepSpec
from faircore.records import Review, trial_ids
from faircore.workspace import default_workspace
from pages.components.loading import SPLIT_SEED, failure_of, is_whole
from pages.components.session import acting, reviews, session
from pages.components.words import plain

Change = CalibrationConfig | HandConfig
"""A change to one model: a calibration, or thresholds by hand."""

_METHODS: dict[type[Change], str] = {
    CalibrationConfig: "calibrated",
    HandConfig: "thresholds_by_hand",
}


def offer(
    review: Review,
    change: Change,
    label: str,
    *,
    see: str = "See it on the Frontier",
    seen: Callable[[], None] | None = None,
) -> None:
    """A button that makes the candidate; how far it is; or where it stands.

    ``seen`` is called before the page turns to the candidate.
    """
    job = Job(default_workspace(), review.id, spec_of(review, change))
    state = job.state()
    if not state.done:
        _watch(job)
        return
    if is_stored(review, change) and is_listed(review, change):
        st.caption("This is a candidate of its own; the Frontier page compares it with the others.")
        if st.button(see):
            if seen is not None:
                seen()
            session().candidate = candidate_id(review, change)
            st.switch_page("frontier.py")
        return
    failure = failure_of(candidate_id(review, change)) or (
        state.message if state.state == "failed" else ""
    )
    if failure:
        st.error(plain(failure))
        return
    if state.state == "lost" and state.pid:
        st.warning("The work ended before it was done. Nothing else is lost; start it again.")
    if st.button(label, type="primary", on_click=_launch, args=(review, change)):
        st.rerun()


def spec_of(review: Review, change: Change) -> SweepSpec:
    """The request that makes a candidate of a change, in the view of the last launch."""
    penalty = next(iter(PENALTIES))
    partitions: tuple[str, ...] = ()
    if review.sweeps:
        last = SweepPlan.from_json(review.sweeps[-1]).sweeps[0]
        penalty, partitions = last.penalty, last.partitions
    return SweepSpec(
        strengths=(0.0,),
        seeds=(0,),
        method=_METHODS[type(change)],
        penalty=penalty,
        partitions=partitions,
        config=change,
        split_seed=SPLIT_SEED,
    )


def candidate_id(review: Review, change: Change) -> str:
    """Id of the candidate that a change makes."""
    return spec_of(review, change).trial_ids(review.fingerprint)[0]


def is_stored(review: Review, change: Change) -> bool:
    """Whether that candidate is made already."""
    found = candidate_id(review, change)
    return is_whole(found) and not failure_of(found)


def is_listed(review: Review, change: Change) -> bool:
    """Whether it is among the candidates of this review."""
    return candidate_id(review, change) in trial_ids(review)


def _launch(review: Review, change: Change) -> None:
    plan = SweepPlan((spec_of(review, change),))
    try:
        if is_stored(review, change):  # made in another review of the same data
            reviews().add_sweep(review.id, plan.to_json(), who=acting())
        else:
            start_sweep(default_workspace(), review.id, plan, who=acting())
    except FaircoreError as error:
        st.error(plain(str(error)))


@st.fragment(run_every=0.7)
def _watch(job: Job) -> None:
    """Say that it is being made, and redraw the page when it is."""
    state = job.state()
    if state.done:
        st.rerun()
    st.progress(min(state.share, 1.0), f"Being made in a process of its own: {state.seconds:.0f} s")
