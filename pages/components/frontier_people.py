"""People: whose decisions change between today, or a pinned model, and the selected point."""

from __future__ import annotations

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from faircore.data.safe_csv import csv_bytes
from faircore.decide.people import PeopleImpact, people_impact
from faircore.frontier import Frontier, decisions_at
from faircore.plots.people import people_figure
from faircore.records import Review
from pages.components.candidates import plainest
from pages.components.charts import show_chart
from pages.components.frontier_detail import decisions_now
from pages.components.loading import prepared_of
from pages.components.session import QUOS, session
from pages.components.words import labels, plain

DECISION, SCORE, PLAIN, PINNED = QUOS


def people(review: Review, frontier: Frontier, position: int) -> None:
    """How many decisions change, for whom, in which direction, at what cost."""
    current = session()
    after = decisions_now(frontier, position, current)
    befores = _status_quos(review, frontier)
    if after is None or not befores:
        st.write(
            "Who is selected is not known of these models: they were made by an older version. "
            "Train them again to see whose decisions change."
        )
        return
    # What a filter hides comes back when the filter goes.
    quo = current.quo if current.quo in befores else next(iter(befores))
    names = _names(frontier, befores)

    def note() -> None:
        current.quo = st.session_state["quo"]
        st.rerun(["detail", "below"])

    st.session_state["quo"] = quo
    st.selectbox(
        "From", list(befores), key="quo",
        format_func=lambda q: names[q], on_change=note,
    )  # fmt: skip
    rows = frontier.rows[frontier.split]
    impact = people_impact(befores[quo], after, rows=rows, costs=frontier.costs)
    partition = frontier.gap.partition
    for sentence in impact.in_words(partition):
        st.markdown(plain(sentence))
    show_chart(
        people_figure(impact, partition), key="people",
        alt=f"Decisions that change per 1,000 people of each group of {partition}: towards a yes "
        "to the right, towards a no to the left",
    )  # fmt: skip
    st.caption(
        f"Counted on the {len(rows):,} people the models are compared on. Thin lines: 95% "
        "intervals."
    )
    _rows_list(review, frontier, impact)


def _status_quos(review: Review, frontier: Frontier) -> dict[str, NDArray[np.int8]]:
    """What may have decided until now: the system in the data, the plain model, the pinned one."""
    prepared = prepared_of(review)
    at = prepared.rows(frontier.split)
    found: dict[str, NDArray[np.int8]] = {}
    data = prepared.dataset
    if data.decision is not None:
        found[DECISION] = np.asarray(data.decision[at], np.int8)
    if data.score is not None:
        found[SCORE] = (data.score[at] >= frontier.threshold).astype(np.int8)
    rows = frontier.rows.get(frontier.split)
    if rows is None:
        return found
    for kind, k in ((PLAIN, plainest(frontier)), (PINNED, pinned_position(frontier))):
        passed = None if k is None else frontier.candidates[k].passed.get(frontier.split)
        if passed is not None:
            found[kind] = decisions_at(rows, passed, frontier.threshold)
    return found


def pinned_position(frontier: Frontier) -> int | None:
    """Position of the pinned model, where no filter leaves it out and its training went well."""
    pinned = session().pinned
    for k, candidate in enumerate(frontier.candidates):
        if candidate.id == pinned and candidate.failure is None:
            return k
    return None


def _names(frontier: Frontier, befores: dict[str, NDArray[np.int8]]) -> dict[str, str]:
    names = labels(frontier)
    first, pinned = plainest(frontier), pinned_position(frontier)
    told = {
        DECISION: "The decisions in the data",
        SCORE: f"The score in the data, at {frontier.threshold:.2f}",
        PLAIN: "" if first is None else f"The plain model: {names[frontier.candidates[first].id]}",
        PINNED: "" if pinned is None else f"Pinned: {names[frontier.candidates[pinned].id]}",
    }
    return {key: told[key] for key in befores}


def _rows_list(review: Review, frontier: Frontier, impact: PeopleImpact) -> None:
    """Which rows, for the analyst alone: numbers of rows; in the download, whose they are."""
    entity = review.data_spec.entity
    box = st.expander("Which rows (for the analyst)", key="rows-box", on_change="rerun")
    with box:
        st.caption(
            "Row numbers of your file, the direction of the change and the groups; nothing else. "
            + (f"The download names {plain(entity)} as well. " if entity else "")
            + "Do not pass this list on: a row is a person."
        )
        prepared = prepared_of(review)
        at, ids = prepared.rows(frontier.split), prepared.dataset.entity_ids
        whose = None if ids is None else ids.iloc[at]
        rows = impact.changed_rows(at)
        if rows.empty:
            st.write("No decision changes.")
            return
        if box.open:  # thousands of rows, sent only to those who look
            st.dataframe(rows, hide_index=True, width="stretch", height=260)
        st.download_button(
            "Download the list",
            lambda: csv_bytes(impact.changed_rows(at, entity=whose)),
            "changed-rows.csv", "text/csv", on_click="ignore",
        )  # fmt: skip
