"""Two models beside each other: what was asked of them, and what they do."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from faircore.frontier import OBJECTIVES, Candidate, Frontier, Uncertainty, find_objective
from faircore.methods import METHODS
from faircore.penalties import PENALTIES
from faircore.plots import METHOD_NAMES
from pages.components.candidates import shown_order
from pages.components.frontier_detail import measured_now
from pages.components.frontier_people import pinned_position
from pages.components.group_cuts import TRIED, tried
from pages.components.session import session
from pages.components.words import labels, plain


def compare(frontier: Frontier, position: int, sure: Uncertainty | None) -> None:
    """The pinned model against the selected one: only what differs, then every figure."""
    names, current = labels(frontier), session()
    options = [frontier.candidates[k].id for k in shown_order(frontier)]

    def note() -> None:
        session().pinned = st.session_state["pinned"]
        st.rerun(["detail", "below"])

    pinned = pinned_position(frontier)
    chosen = None if pinned is None else frontier.candidates[pinned].id
    st.session_state["pinned"] = chosen if chosen in options else None
    st.selectbox(
        "Compare with", options, key="pinned", placeholder="Pin a model, or choose one here",
        format_func=lambda i: names.get(i, i), on_change=note,
    )  # fmt: skip
    if pinned is None and current.pinned and current.methods:
        st.caption(
            "The pinned model is hidden by the filter of methods. Take the filter back, or choose "
            "another model here."
        )
        return
    if pinned is None or pinned == position:
        st.caption("Choose another model than the selected one, here or with “Pin to compare”.")
        return
    a, b = frontier.candidates[pinned], frontier.candidates[position]
    asked = _asked(a, b)
    if asked:
        st.caption("What was asked for, where they differ")
        st.dataframe(
            pd.DataFrame(asked, columns=["", "Pinned", "Selected"]), hide_index=True,
            width="stretch",
        )  # fmt: skip
    st.caption("What they do, on the rows models are compared on")
    st.dataframe(figures(frontier, pinned, position), hide_index=True, width="stretch")
    if tried(frontier, current):
        st.caption(f"The selected model is counted at the thresholds that are tried. {TRIED}")
    elif sure is not None:
        _surely(frontier, pinned, position, sure)


def _asked(a: Candidate, b: Candidate) -> list[tuple[str, str, str]]:
    def told(c: Candidate) -> dict[str, str]:
        return {
            "Method": METHOD_NAMES.get(c.method, c.method),
            "Strength": METHODS[c.method].strength_text(c.strength),
            "Seed": str(c.seed),
            "Fair means": PENALTIES[c.penalty].title,
            "Between groups of": " and ".join(c.partitions) or "every attribute",
            "Shape": c.shape,
            "Asks for an attribute when it predicts": "yes" if c.needs_groups else "no",
            "Seconds of one core": f"{c.fit_seconds:.1f}",
        }

    first, second = told(a), told(b)
    return [(key, first[key], second[key]) for key in first if first[key] != second[key]]


def figures(frontier: Frontier, a: int, b: int) -> pd.DataFrame:
    """Every objective that can be told, of both, and the change.

    The second is told at the thresholds that are tried, where some are.
    """
    rows = []
    for name in OBJECTIVES:
        objective = find_objective(name, frontier.gap.partition)
        if objective.source == "costs" and frontier.costs is None:
            continue
        first = float(frontier.measure(objective)[a])
        second = measured_now(frontier, b, objective, session())
        change = second - first
        better = change * objective.better
        # What is undefined, or written as no change, is neither better nor worse.
        told = objective.change_text(change)
        same = not any(digit in told for digit in "123456789")
        way = "" if same else "better" if better > 0 else "worse"
        title = objective.full_title
        rows.append(
            (title, objective.text(first), objective.text(second),
             told, way)
        )  # fmt: skip
    return pd.DataFrame(rows, columns=["", "Pinned", "Selected", "Change", "Selected is"])


def _surely(frontier: Frontier, a: int, b: int, sure: Uncertainty) -> None:
    """Whether a difference may be chance: both are judged on the same people."""
    told, luck = [], []
    for objective, (low, high) in zip(frontier.objectives, sure.difference(a, b), strict=True):
        if low != low:
            luck.append(plain(objective.full_title))
        else:
            certain = low > 0 or high < 0
            told.append(
                f"{plain(objective.full_title)}: change between {objective.change_text(low)} and "
                f"{objective.change_text(high)}" + ("" if certain else ", which may be chance")
            )
    if told:
        st.markdown("With 95%: " + "; ".join(told) + ".")
    if luck:
        st.caption(
            f"{'; '.join(luck)}: no interval of the change, since chance alone makes such a value "
            "larger than it is."
        )
