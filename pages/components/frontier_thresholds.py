"""A second dial: thresholds by group, tried on the selected model."""

from __future__ import annotations

import streamlit as st

from faircore.frontier import Frontier, measure_counts
from pages.components.frontier_detail import counts_now, decisions_now
from pages.components.group_cuts import Dial, cuts_now, dials
from pages.components.session import ReviewSession, session
from pages.components.words import lower_first, plain

FIRST_CUT, LAST_CUT = 0.05, 0.95


def thresholds(frontier: Frontier, position: int) -> None:
    """One threshold for all, or one for each group, and what that does."""
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
    columns = st.columns(3, gap="large")
    cuts = cuts_now(frontier, current)
    found = dials(frontier, current.cut_by)
    for place, dial in enumerate(found):
        st.session_state[_key(dial)] = min(max(cuts[dial[0]], FIRST_CUT), LAST_CUT)
        columns[place % 3].slider(
            plain(", ".join(dial)), FIRST_CUT, LAST_CUT, step=0.01, key=_key(dial),
            on_change=_cut, args=(dial,),
        )  # fmt: skip
    if len(cuts) > len(found):
        st.caption(
            "Groups whose size is not shown have no threshold of their own: it would tell of one "
            "person."
        )
    _what_cuts_do(frontier, position, current)


def _cut_by() -> None:
    current = session()
    current.cut_by, current.cuts = st.session_state["cut-by"], {}
    st.rerun(["detail", "below"])


def _key(dial: Dial) -> str:
    """Unlike every other key, whatever a group is called."""
    return "cut-together" if len(dial) > 1 else f"cut-of-{dial[0]}"


def _cut(dial: Dial) -> None:
    session().cuts |= dict.fromkeys(dial, st.session_state[_key(dial)])
    st.rerun(["detail", "below"])


def _what_cuts_do(frontier: Frontier, position: int, current: ReviewSession) -> None:
    counts = counts_now(frontier, position, current)
    told = []
    for m, objective in enumerate(frontier.objectives):
        if objective.source == "scores":
            continue
        value = float(measure_counts(objective, counts, frontier.partitions, costs=frontier.costs))
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
    st.caption(
        "In brackets: the change from one threshold for everybody. This is a look, not a model: "
        "such a rule needs the attribute at prediction time. To deploy one, train thresholds by "
        "group around this model on the Train page."
    )
