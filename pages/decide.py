"""Decide: one operating point, measured on rows that chose nothing."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from faircore.decide import Decision, OperatingPoint, decide
from faircore.errors import FaircoreError
from faircore.frontier import Frontier
from faircore.groups import find_partition
from faircore.methods import METHODS
from faircore.metrics import MIN_PEOPLE, find_disparity, find_performance, overall_counts, percent
from faircore.records import Review
from faircore.workspace import default_workspace
from pages.components.candidates import (
    choose_model,
    decision_view,
    selected_position,
    shown_order,
)
from pages.components.frontier_detail import evidence_now
from pages.components.group_tables import rates_table
from pages.components.loading import prepared_of
from pages.components.session import require_review, reviews, session
from pages.components.words import disparity_value, finding, plain, readout


def choose_point(frontier: Frontier) -> int:
    """Model and threshold; returns the position of the model."""
    current = session()
    order = shown_order(frontier)
    position = selected_position(frontier, order)

    def cut() -> None:
        current.threshold = st.session_state["cut"]

    left, right = st.columns([3, 2])
    with left:
        choose_model(frontier, order, key="chosen")
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
    looks = reviews().openings_of(review.fingerprint)
    if looks:
        times = "once" if looks == 1 else f"{looks} times"
        st.caption(f"They have been opened {times} already.")
    with st.form("choose"):
        who = st.text_input("Your name")
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
        f"{METHODS[decision.method].title}, "
        f"{METHODS[decision.method].strength_text(decision.strength)}, "
        f"threshold {decision.point.threshold:.2f}, chosen by **{plain(decision.who)}** "
        f"on {decision.at[:10]}."
    )
    st.markdown("> " + plain(decision.reason))
    if decision.note:
        st.warning(plain(decision.note))
    view = decision.view
    partition = find_partition(partitions, view["partition"])
    performance, disparity = (
        find_performance(view["performance"]),
        find_disparity(view["disparity"]),
    )
    counts = decision.sealed_counts
    there = (
        float(performance(overall_counts(counts, partition))),
        float(disparity(counts[partition.groups], min_people=MIN_PEOPLE)),
    )
    chosen = next(a for a in decision.alternatives if a.candidate == decision.point.candidate)
    first, second = st.columns(2)
    first.metric(
        f"{performance.title} on sealed rows", percent(there[0]),
        help="Measured on rows that trained nothing and chose nothing.",
    )  # fmt: skip
    second.metric(
        f"{disparity.title} by {plain(partition.name)} on sealed rows",
        disparity_value(disparity.name, there[1]),
    )
    st.caption(
        f"On the rows used to compare models it was {percent(chosen.performance)} and "
        f"{disparity_value(disparity.name, chosen.disparity)}. A model picked from "
        f"{decision.considered} tends to look better there than it is."
    )
    st.markdown(finding(counts, partitions, partition, disparity.name, sizes=decision.sealed_sizes))
    name = st.selectbox(
        "Groups of", [p.name for p in partitions], index=partitions.index(partition)
    )
    rates_table(counts, partitions, find_partition(partitions, name), sizes=decision.sealed_sizes)
    if st.button("Download the model", type="primary"):
        st.switch_page("export.py")


def choose(review: Review) -> None:
    """Everything needed to choose a point, from the model to the reason."""
    frontier = decision_view(review)
    if not shown_order(frontier):
        st.warning(
            "No gap can be computed in this view. Change the comparison on the Frontier page."
        )
        st.stop()
    position = choose_point(frontier)
    frontier = decision_view(review)  # at the threshold chosen just now
    partition = find_partition(frontier.partitions, frontier.partition)
    measure = find_disparity(frontier.disparity)
    people = int(frontier.sizes[frontier.split][partition.groups].sum())
    st.markdown(
        f"On the {people:,} people kept for comparing models: {readout(frontier, position)}. The "
        f"{'ratio' if measure.kind == 'ratio' else 'gap'} is “{measure.title}” between the groups "
        f"of {plain(partition.name)}; another can be chosen on the Frontier page."
    )
    st.markdown(
        finding(
            frontier.counts[position], frontier.partitions, partition, frontier.disparity,
            sizes=frontier.sizes[frontier.split],
            evidence=evidence_now(frontier, position, replace(session(), cut_by="")),
        )
    )  # fmt: skip
    rates_table(
        frontier.counts[position],
        frontier.partitions,
        partition,
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
