"""Which system is audited: the one that exists, or a plain baseline trained for the purpose."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import streamlit as st

from faircore.audit import GroupReport, report_tally
from faircore.audit.baseline import BASELINES
from faircore.audit.study import EXISTING, StudySpec, judged_rows, open_rows, read_study
from faircore.audit.systems import tally_dataset
from faircore.errors import FaircoreError
from faircore.jobs import Job
from faircore.records import Review
from faircore.workspace import default_workspace
from pages.components.loading import prepared_of
from pages.components.session import session
from pages.components.words import plain


@dataclass(frozen=True)
class Audited:
    """The chosen system: what it is called, what was asked of it, and its checks so far."""

    title: str
    people: str
    spec: StudySpec
    checks: dict[str, dict[str, object]]


def choose_system(review: Review) -> Audited:
    """Ask which system is audited; stops while there is nothing to show of it."""
    roles, current = review.data_spec, session()
    exists = bool(roles.score or roles.decision)
    options = ([EXISTING] if exists else []) + (list(BASELINES) if roles.features else [])
    if not options:
        st.warning(
            "There is nothing to audit: no column holds a score or a decision, and no feature is "
            "chosen to train a plain model from. Start another review and name one."
        )
        st.stop()
    if current.audit_system not in options:
        current.audit_system = options[0]

    def pick() -> None:
        current.audit_system = st.session_state["audit-system"]

    st.segmented_control(
        "System", options, key="audit-system", default=current.audit_system, required=True,
        format_func=lambda name: _name(review, name, plain), on_change=pick,
    )  # fmt: skip
    system = current.audit_system
    if not (system == EXISTING and roles.decision):
        st.slider(
            "Threshold: selected when the score is at least", 0.01, 0.99,
            key="audit-threshold", value=current.audit_threshold, step=0.01,
            on_change=lambda: setattr(
                current, "audit_threshold", st.session_state["audit-threshold"]
            ),
        )  # fmt: skip
    # A recorded decision stands whatever the threshold.
    decided = system == EXISTING and roles.decision
    spec = StudySpec(system, 0.5 if decided else current.audit_threshold)
    checks = read_study(default_workspace(), review.fingerprint, spec)
    if system != EXISTING and "baseline" not in checks:
        st.write(
            f"{BASELINES[system].title} {BASELINES[system].sentence}. It learns from half of the "
            "rows and is judged by rows it has not seen; the sealed rows stay sealed."
        )
        start_or_watch(review, spec, label="Train the baseline", done=len(checks))
        st.stop()
    return Audited(_name(review, system), _people(review, system), spec, checks)


def report_of(review: Review, audited: Audited, reference: str, partition: str) -> GroupReport:
    """The measurements of the chosen system, computed once for everybody who looks."""
    return _report(
        review.id, review.fingerprint, audited.spec.to_json(), reference, partition, review
    )


@st.cache_resource(max_entries=24, show_spinner="Measuring")
def _report(
    review_id: str, fingerprint: str, spec: str, reference: str, partition: str, _review: Review
) -> GroupReport:
    asked = StudySpec.from_json(spec)
    prepared = prepared_of(_review)
    dataset = prepared.dataset
    if asked.system == EXISTING:
        tally = tally_dataset(
            dataset, open_rows(dataset), threshold=asked.threshold, groups=prepared.groups
        )
    else:
        found = read_study(default_workspace(), fingerprint, asked)["baseline"]
        tally = tally_dataset(
            dataset, judged_rows(dataset), y_score=np.array(found["scores"]),
            threshold=asked.threshold, groups=prepared.groups,
        )  # fmt: skip
    return report_tally(tally, reference={partition: reference} if reference else None)


def start_or_watch(
    review: Review, spec: StudySpec, *, label: str, done: int, key: str = "baseline"
) -> None:
    """A button that starts the checks of a system, or how far they are."""
    job = Job(default_workspace(), review.id, spec)
    state = job.state()
    if not state.done:
        _watch(job, review.fingerprint, done, key)
        return
    if state.state == "failed":
        st.error(state.message)
    elif state.state == "lost" and state.pid:
        st.warning("The work ended before it was done. What was finished is kept; start it again.")
    if st.button(label, type="primary", key=f"start-{key}"):
        try:
            job.start()
        except FaircoreError as error:
            st.error(str(error))
            st.stop()
        st.rerun()


@st.fragment(run_every=1.0)
def _watch(job: Job, fingerprint: str, shown: int, key: str) -> None:
    """Say how far the checks are, and redraw the page when one is ready."""
    state = job.state()
    assert isinstance(job.spec, StudySpec)
    if state.done or len(read_study(job.workspace, fingerprint, job.spec)) != shown:
        st.rerun()
    st.progress(
        min(state.share, 1.0),
        f"Working in a process of its own: {state.finished} of {state.wanted} checks done, "
        f"{state.seconds:.0f} s. You can go on; nothing is lost if you leave.",
    )
    if st.button("Stop", key=f"stop-{key}"):
        job.cancel()


def _name(review: Review, system: str, shown: Callable[[str], str] = str) -> str:
    roles = review.data_spec
    if system != EXISTING:
        return f"Baseline: {BASELINES[system].title.lower()}"
    named = [shown(column) for column in (roles.decision, roles.score) if column]
    return f"Existing: {' and '.join(named)}"


def _people(review: Review, system: str) -> str:
    if system == EXISTING and review.data_spec.features:
        return "All rows but the sealed ones, which wait for the decision."
    if system == EXISTING:
        return "All rows."
    return "Rows the baseline did not learn from; the sealed ones wait for the decision."
