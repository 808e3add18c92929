"""Decide: one operating point, measured on rows that chose nothing."""

from __future__ import annotations

import streamlit as st

from faircore.decide import Decision, OperatingPoint, decide, who_is_acting
from faircore.errors import FaircoreError
from faircore.frontier import Frontier
from faircore.groups import find_partition
from faircore.metrics import find_disparity, find_performance, overall_counts
from faircore.records import Review
from faircore.workspace import default_workspace
from pages.components.candidates import (
    candidate_name,
    current_view,
    selected_position,
    shown_order,
)
from pages.components.group_tables import MIN_GROUP, rates_table
from pages.components.loading import prepared_of
from pages.components.session import require_review, session
from pages.components.words import disparity_value, finding, percent, readout


def choose_point(frontier: Frontier) -> int:
    """Model and threshold; returns the position of the model."""
    current = session()
    order = shown_order(frontier)
    position = selected_position(frontier, order)

    def take() -> None:
        current.candidate = frontier.candidates[st.session_state["chosen"]].id

    def cut() -> None:
        current.threshold = st.session_state["cut"]

    left, right = st.columns([3, 2])
    st.session_state["chosen"] = position
    left.selectbox(
        "Model", order, key="chosen", on_change=take,
        format_func=lambda k: candidate_name(frontier, k),
    )  # fmt: skip
    right.slider(
        "Threshold: select a person whose score is at least", 0.05, 0.95, current.threshold, 0.01,
        key="cut", on_change=cut,
    )  # fmt: skip
    return position


def propose(review: Review, frontier: Frontier, position: int) -> None:
    """Name, reason, and the button that opens the sealed rows."""
    n_sealed = len(prepared_of(review).rows("certify"))
    st.write(
        f"{n_sealed:,} rows are sealed: they trained nothing and chose nothing, so what they say "
        "of this point is the closest thing to the truth. Every look at them is recorded, because "
        "looking often and choosing again spoils them."
    )
    if review.openings:
        times = "once" if len(review.openings) == 1 else f"{len(review.openings)} times"
        st.caption(f"They have been opened {times} in this review.")
    with st.form("choose"):
        who = st.text_input("Your name", value=who_is_acting())
        reason = st.text_area("Why this point", placeholder="What it costs, and why that is right")
        if not st.form_submit_button("Choose this point and open the sealed rows", type="primary"):
            return
    try:
        decide(
            default_workspace(),
            review.id,
            OperatingPoint(frontier.candidates[position].id, frontier.threshold),
            frontier=frontier,
            who=who,
            reason=reason,
            prepared=prepared_of(review),
        )
    except FaircoreError as error:
        st.error(str(error))
        return
    st.rerun()


def standing(review: Review, decision: Decision) -> None:
    """The choice that stands, and its groups on the sealed rows."""
    partitions = prepared_of(review).groups.partitions
    st.subheader("The choice that stands")
    st.markdown(
        f"λ = {decision.strength:g}, threshold {decision.point.threshold:.2f}, chosen by "
        f"**{decision.who}** on {decision.at[:10]}."
    )
    st.markdown("> " + " ".join(decision.reason.split()).replace("$", r"\$"))
    view = decision.view
    partition = find_partition(partitions, view["partition"])
    performance, disparity = (
        find_performance(view["performance"]),
        find_disparity(view["disparity"]),
    )
    counted = decision.sealed_sizes[partition.groups] >= MIN_GROUP
    counts = decision.sealed_counts
    there = (
        float(performance(overall_counts(counts, partition))),
        float(disparity(counts[partition.groups], counted=counted)),
    )
    chosen = {i: (a, b) for i, a, b in decision.alternatives}.get(decision.point.candidate)
    first, second = st.columns(2)
    first.metric(
        f"{performance.title} on sealed rows", percent(there[0]),
        help="Measured on rows that trained nothing and chose nothing.",
    )  # fmt: skip
    second.metric(
        f"{disparity.title} by {partition.name} on sealed rows",
        disparity_value(disparity.name, there[1]),
    )
    if chosen is not None:
        st.caption(
            f"On the rows used to compare models it was {percent(chosen[0])} and "
            f"{disparity_value(disparity.name, chosen[1])}. A model picked from "
            f"{decision.considered} tends to look better there than it is."
        )
    st.markdown(finding(counts, partition, rate=disparity.rates[0], counted=counted))
    name = st.selectbox(
        "Groups of", [p.name for p in partitions], index=partitions.index(partition)
    )
    rates_table(counts, find_partition(partitions, name), sizes=decision.sealed_sizes)
    if st.button("Download the model", type="primary"):
        st.switch_page("export.py")


def choose(review: Review) -> None:
    """Everything needed to choose a point, from the model to the reason."""
    frontier = current_view(review)
    if not shown_order(frontier):
        st.warning(
            "No gap can be computed in this view. Change the comparison on the Frontier page."
        )
        st.stop()
    position = choose_point(frontier)
    frontier = current_view(review)  # at the threshold chosen just now
    st.markdown(f"On the rows kept for comparing: {readout(frontier, position)}.")
    rates_table(
        frontier.counts[position],
        find_partition(frontier.partitions, frontier.partition),
        sizes=frontier.sizes[frontier.split],
    )
    propose(review, frontier, position)


def main() -> None:
    """Draw the page from top to bottom."""
    review = require_review("Decide", trained=True)
    if review.decisions:
        standing(review, Decision.from_dict(review.decisions[-1]))
        with st.expander("Choose again"):
            choose(review)
    else:
        st.write("Pick a model and a threshold, see whom it affects, and say why.")
        choose(review)


main()
