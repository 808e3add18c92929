"""Proposing a point: model, threshold, what the policy says of it, and a reason."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from faircore.decide import OperatingPoint, Standing, propose
from faircore.errors import FaircoreError
from faircore.frontier import Frontier
from faircore.groups import find_partition
from faircore.metrics import find_disparity
from faircore.records import Review
from faircore.workspace import default_workspace
from pages.components.candidates import (
    choose_model,
    decision_view,
    selected_position,
    shown_order,
)
from pages.components.checklist import checked, checklist
from pages.components.frontier_detail import evidence_now
from pages.components.group_tables import rates_table
from pages.components.loading import prepared_of
from pages.components.session import FIRST_CUT, LAST_CUT, keep_name, name_box, session
from pages.components.words import finding, plain, readout


def propose_form(review: Review, standing: Standing | None) -> None:
    """Everything needed to propose a point, from the model to the reason."""
    frontier = decision_view(review)
    if not shown_order(frontier):
        st.warning(
            "No gap can be computed in this view. Change the comparison on the Frontier page."
        )
        st.stop()
    position = _point(frontier)
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
    if standing is not None:
        st.markdown("**The policy, asked of the compared rows**")
        lines, calibration = checked(review, standing.policy, frontier, position)
        checklist(
            lines, calibration, standing.policy,
            needs_groups=frontier.candidates[position].needs_groups,
        )  # fmt: skip
        st.caption(
            "These rows helped to choose the model, so it looks better on them than it is. The "
            "sealed rows decide."
        )
    with st.expander("Rates of each group"):
        rates_table(
            frontier.counts[position], frontier.partitions, partition,
            sizes=frontier.sizes[frontier.split],
        )  # fmt: skip
    _send(review, frontier, position)


def _point(frontier: Frontier) -> int:
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
        "Threshold: select a person whose score is at least",
        FIRST_CUT, LAST_CUT, current.threshold, 0.01, key="cut", on_change=cut,
    )  # fmt: skip
    return position


def _send(review: Review, frontier: Frontier, position: int) -> None:
    with st.form("choose"):
        reason = st.text_area(
            "Why this point", placeholder="What it costs, and why that is right", max_chars=4000
        )
        alone = st.checkbox(
            "Propose it alone, without other options",
            help="With options, a committee compares three to five ways to decide, and the sealed "
            "rows are asked about all of them at once, the safest first.",
        )
        name = name_box(key="propose-name")
        if not st.form_submit_button("Propose this point", type="primary"):
            return
    try:
        propose(
            default_workspace(),
            review.id,
            OperatingPoint(frontier.candidates[position].id, frontier.threshold),
            frontier=frontier,
            reason=reason,
            who=name,
            alone=alone,
            decided=prepared_of(review).dataset.decision is not None,
        )
    except FaircoreError as error:
        st.error(plain(str(error)))
        return
    keep_name(name)
    st.rerun()
