"""Beyond groups: proxies, switched attributes, people who are alike."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from faircore.audit.check_words import check_sentences
from faircore.metrics import MIN_PEOPLE
from faircore.records import Review
from pages.components.audit_system import Audited, start_or_watch
from pages.components.words import plain

_WHY = {
    "proxies": "Leaving an attribute out does not make a model blind to it if other columns give "
    "it away. Here the features try to guess each attribute, for people the guess was not learned "
    "from.",
    "switch": "Would a person be decided otherwise with another sex, another race, all else equal?",
    "similar": "Whoever is alike should be treated alike, whatever the group.",
}


def show_check(review: Review, audited: Audited, part: str) -> None:
    """A check of the chosen system, or what to do to have it."""
    st.write(_WHY[part])
    if not review.data_spec.features:
        st.write(
            "This needs features: what else is known about each person. Start a review with some."
        )
        return
    found = audited.checks.get(part)
    if found is None:
        st.write(
            "Not looked at yet. Proxies, switches and similar people take about a minute together, "
            "in a process of their own; they are kept."
        )
        # One key per tab: the same job answers all three.
        start_or_watch(review, audited.spec, label="Look further", done=len(audited.checks),
                       key=part)  # fmt: skip
        return
    st.markdown("\n".join(f"- {plain(sentence)}" for sentence in check_sentences(part, found)))
    frame = pd.DataFrame([] if "reason" in found else _ROWS[part](found))
    if part == "switch" and len(frame) and not frame["Decisions changed, %"].any():
        st.write("No switch changes any decision.")
        return
    if len(frame):
        st.dataframe(
            frame.style.format({"People": "{:,.0f}"}, precision=1, na_rep="–"), hide_index=True,
            width="stretch",
        )  # fmt: skip


def _proxies(found: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {
            "Attribute": one["attribute"],
            "Feature": feature["name"],
            "AUC alone, %": _percent(feature["alone"]),
            "Lost without it, points": _percent(feature["drop"]),
        }
        for one in found["attributes"]
        for feature in one["features"]
    ]


def _switch(found: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {
            "Attribute": pair["attribute"],
            "From": pair["from_value"],
            "To": pair["to_value"],
            "People": pair["n"],
            "Decisions changed, %": _percent(pair["changed"]),
            "Gained a yes, %": _percent(pair["gained"]),
            "Lost a yes, %": _percent(pair["lost"]),
        }
        for pair in found["pairs"]
        if pair["n"] >= MIN_PEOPLE
    ]


def _similar(found: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {
            "Attribute": group["attribute"],
            "Group": group["value"],
            "People": group["n"],
            "Consistency, %": _percent(group["consistency"]),
        }
        for group in found["groups"]
        if group["n"] >= MIN_PEOPLE
    ]


def _percent(value: float | None) -> float | None:
    return None if value is None else 100 * value


_ROWS = {"proxies": _proxies, "switch": _switch, "similar": _similar}
