"""Audit: how the system of today treats each group, and what of that is more than chance."""

from __future__ import annotations

import streamlit as st

from faircore.audit import METRICS, GroupReport, widest
from faircore.errors import FaircoreError
from faircore.export.audit_paper import AuditPaper, write_paper
from faircore.records import Review
from pages.components.audit_checks import show_check
from pages.components.audit_figures import calibration_table, figures_table
from pages.components.audit_groups import (
    controls,
    inequality_table,
    picture,
    what_stands_out,
)
from pages.components.audit_outcome import outcome_form, what_cannot_be
from pages.components.audit_system import Audited, choose_system, report_of
from pages.components.session import require_review, reviews, session
from pages.components.words import plain


def choose_view(report: GroupReport) -> tuple[str, str]:
    """Partition and figure that are looked at; the first when the last ones do not exist here."""
    current = session()
    partitions = [p.name for p in report.partitions]
    metrics = [m for m in METRICS if m in report.estimates.of]
    if current.audit_partition not in partitions:
        # Where the widest difference is, which is often an intersection.
        first = widest(report)
        current.audit_partition = first[0] if first else partitions[0]
        current.audit_metric = first[2] if first else "selection_rate"
    if current.audit_metric not in metrics:
        current.audit_metric = "selection_rate"
    partition = report.partition(current.audit_partition)
    shown = [
        name
        for name, hidden in zip(partition.group_names, report.hidden[partition.groups], strict=True)
        if not hidden
    ]
    if current.audit_reference not in shown:
        current.audit_reference = ""
    controls(partitions, metrics, shown)
    return current.audit_partition, current.audit_metric


def downloads(review: Review, audited: Audited, report: GroupReport) -> None:
    """The audit as a page for people and as data for programs."""
    st.subheader("Take it with you")
    left, right = st.columns([1, 3])
    # The links are to what is on the screen, not to files written of another view.
    view = f"{audited.spec.to_json()} {sorted(audited.checks)} {review.outcome_checks[-1:]}"
    if left.button("Write the audit as files"):
        checks = {k: v for k, v in audited.checks.items() if k != "baseline"}
        answers = review.outcome_checks[-1] if review.outcome_checks else None
        if answers:  # the file goes out of the house; who answered stays in the record
            answers = {k: v for k, v in answers.items() if k != "who"}
        paper = AuditPaper(
            report, f"Audit of {review.name}. {audited.title}", review.source,
            review.wording, {**checks, "outcome": answers}, audited.people,
        )  # fmt: skip
        try:
            write_paper(paper.to_html(), reviews().audit_path(review, "html"))
            write_paper(paper.to_json(), reviews().audit_path(review, "json"))
        except FaircoreError as error:
            st.error(str(error))
            return
        session().audit_written = view
    if session().audit_written == view:
        with right.container(horizontal=True):
            st.link_button("Download the page (HTML)", f"/files/audit/{review.id}.html")
            st.link_button("Download the data (JSON)", f"/files/audit/{review.id}.json")


def main() -> None:
    """Draw the page from top to bottom."""
    review = require_review("Audit")
    try:
        audited = choose_system(review)
        # Seen against everybody first: whom to compare with is asked below.
        report = overall = report_of(review, audited, "", "")
    except FaircoreError as error:
        st.error(str(error))
        st.stop()
    wording = review.wording
    what_stands_out(report, wording)
    st.caption(
        f"{plain(audited.title)}. {report.tally.n_rows:,} people. {audited.people} A group is "
        "compared with everybody. Named above is what remains with all groups and figures "
        "considered together: one in twenty may be a false alarm."
    )
    st.subheader("Group by group")
    partition, metric = choose_view(report)
    if session().audit_reference:
        report = report_of(review, audited, session().audit_reference, partition)
    picture(report, partition, metric, wording)
    st.subheader("Inequalities")
    inequality_table(report, partition, wording)
    st.subheader("Every figure")
    figures_table(report, partition, wording)
    if report.tally.scores is not None:
        st.subheader("Does a score mean the same for everyone?")
        calibration_table(report, partition)
    st.subheader("Beyond the groups")
    titles = ["What cannot be had at once", "Is the outcome itself fair?", "Proxies",
              "Switching the attribute", "Similar people"]  # fmt: skip
    limits, outcome, proxies, switch, similar = st.tabs(titles)
    with limits:
        what_cannot_be(report, partition, wording)
    with outcome:
        outcome_form(review)
    for tab, part in ((proxies, "proxies"), (switch, "switch"), (similar, "similar")):
        with tab:
            show_check(review, audited, part)
    downloads(review, audited, overall)


main()
