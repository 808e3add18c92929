"""A second dial: thresholds by group, tried on the selected model, and kept as one of their own."""

from __future__ import annotations

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from faircore.frontier import Frontier
from faircore.groups import Partition, find_partition
from faircore.methods.thresholds_by_hand import HandConfig
from faircore.records import Review
from pages.components.candidate_launch import offer
from pages.components.frontier_detail import decisions_now, measured_now
from pages.components.group_cuts import cuts_now, dials, tried
from pages.components.session import FIRST_CUT, LAST_CUT, ReviewSession, session
from pages.components.train_settings import UNSEEN
from pages.components.words import lower_first, plain, widget_label

SET_AT = 0.5
"""The threshold of the page at which a kept model decides as it was set."""


def thresholds(review: Review, frontier: Frontier, position: int) -> None:
    """One threshold for all, or one for each group; what that does; and a button that keeps it."""
    current = session()
    if decisions_now(frontier, position, current) is None:
        st.write("These models were made by an older version. Train them again to try this.")
        return
    names = ["", *(p.name for p in frontier.partitions)]
    if current.cut_by not in names:
        current.cut_by = ""
    st.session_state["cut-by"] = current.cut_by  # a click elsewhere takes it back
    st.selectbox(
        "Thresholds", names, key="cut-by",
        format_func=lambda n: f"One for each group of {n}" if n else "One for everybody",
        on_change=_cut_by,
    )  # fmt: skip
    if not current.cut_by:
        st.caption("The dial above the chart sets it for everybody.")
        return
    partition = find_partition(frontier.partitions, current.cut_by)
    groups, cuts = dials(frontier, current.cut_by), cuts_now(frontier, current)
    columns: list[DeltaGenerator] = []
    for place, name in enumerate(groups):
        if place % 3 == 0:  # a row at a time, so that the order on the page is that of the keys
            columns = st.columns(3, gap="large")
        st.session_state[_key(name)] = min(max(cuts[name], FIRST_CUT), LAST_CUT)
        columns[place % 3].slider(
            widget_label(name), FIRST_CUT, LAST_CUT, step=0.01, key=_key(name),
            on_change=_cut, args=(name,),
        )  # fmt: skip
    if len(groups) < len(partition.group_names):
        st.caption(
            "Groups too small to be shown keep the threshold for everybody: one of their own would "
            "tell the outcomes of their people."
        )
    _what_cuts_do(frontier, position, current)
    if tried(frontier, current):
        _keep(review, frontier, position, partition, {name: cuts[name] for name in groups})


def _cut_by() -> None:
    current = session()
    current.cut_by, current.cuts = st.session_state["cut-by"], {}
    st.rerun(["detail", "below"])


def _key(name: str) -> str:
    """Unlike every other key, whatever a group is called."""
    return f"cut-of-{name}"


def _cut(name: str) -> None:
    session().cuts[name] = st.session_state[_key(name)]
    st.rerun(["detail", "below"])


def _what_cuts_do(frontier: Frontier, position: int, current: ReviewSession) -> None:
    told = []
    for m, objective in enumerate(frontier.objectives):
        if objective.source == "scores":
            continue
        value = measured_now(frontier, position, objective, current)
        change = value - float(frontier.values[position, m])
        told.append(
            f"{lower_first(plain(objective.full_title))} **{objective.text(value)}** "
            f"({objective.change_text(change)})"
        )
    if not told:
        st.write(
            "Ranking, log loss and calibration are those of the score: no threshold moves them."
        )
        return
    st.markdown(f"With these thresholds: {', '.join(told)}.")
    st.caption("In brackets: the change from one threshold for everybody.")


def _keep(
    review: Review, frontier: Frontier, position: int, partition: Partition, cuts: dict[str, float]
) -> None:
    """Make a candidate of what was tried, or say where it stands."""
    place, _, _ = st.columns(3, gap="large")
    unseen = place.selectbox(
        "A group not seen", list(UNSEEN), key="cut-unseen", format_func=UNSEEN.__getitem__
    )
    st.caption(
        "Kept, they need the attribute of everybody decided on. They were chosen by looking at "
        "these people, so the figures above flatter them; the Train page sets thresholds on other "
        f"rows. A kept model decides as tried at the threshold {SET_AT:.2f} for everybody."
    )
    config = HandConfig(
        source=frontier.candidates[position].id,
        attributes=partition.attributes,
        cuts=cuts,
        threshold=frontier.threshold,
        unseen=unseen,
    )
    offer(review, config, "Keep these thresholds as a model", see="Select it", seen=_as_set)


def _as_set() -> None:
    current = session()
    current.cut_by, current.cuts, current.threshold = "", {}, SET_AT
