"""Help: what the definitions of fairness mean, with one example, in plain words."""

from __future__ import annotations

import numpy as np
import streamlit as st

from faircore.groups import Partition
from faircore.metrics import DISPARITIES, RATES, disparity_text
from faircore.plots import group_bars
from pages.components.charts import show_chart
from pages.components.help_texts import (
    CONFLICT,
    COUNTS,
    DEFINITIONS,
    EXAMPLE,
    GLOSSARY,
    RATE_TEXTS,
    READING,
    SOURCES,
)
from pages.components.session import session

GROUPS = Partition(("group",), tuple((name,) for name in COUNTS), 0)
NUMBERS = np.array([COUNTS[name] for name in COUNTS], np.float64)
SIZES = NUMBERS.sum((1, 2)).astype(np.int64)


def definitions() -> None:
    """Every disparity: its question, its numbers here, when to ask it."""
    st.header(f"{len(DISPARITIES)} questions, {len(DISPARITIES)} answers", anchor="definitions")
    for name, disparity in DISPARITIES.items():
        entry = DEFINITIONS[name]
        st.subheader(disparity.title, anchor=name)
        left, right = st.columns([3, 2], gap="large")
        with left:
            value = disparity_text(disparity, float(disparity(NUMBERS)))
            st.markdown(f"**{entry.asks}** In the example: **{value}**.")
            st.markdown("\n".join(f"- {RATE_TEXTS[rate]}" for rate in disparity.rates))
            st.markdown(f"*The right question* {_lower(entry.use)}")
            st.markdown(f"*Not the right one* {_lower(entry.not_use)}")
        with right:
            rate = disparity.worst_rate(NUMBERS)
            show_chart(
                group_bars(NUMBERS, GROUPS, sizes=SIZES, rate=rate),
                key=f"help-{name}",
                alt=f"{RATES[rate].title} of 100 women and 100 men in the example",
            )


def _lower(text: str) -> str:
    return f"{text[:1].lower()}{text[1:]}"


def main() -> None:
    """Draw the page from top to bottom."""
    session()  # a review named in the address stays open
    st.title("Help")
    st.write(
        "What the words on these pages mean, for people who decide and are not statisticians. "
        "Half an hour before the meeting is enough."
    )
    st.header("One example", anchor="example")
    st.markdown(EXAMPLE)
    definitions()
    st.header("Why not all of them", anchor="conflict")
    st.markdown(CONFLICT)
    st.header("How to read the pages", anchor="reading")
    for anchor, (title, text) in READING.items():
        st.subheader(title, anchor=anchor)
        st.markdown(text)
    st.header("Every rate, in the example", anchor="rates")
    for name, rate in RATES.items():
        st.markdown(f"- **{rate.title}**: {rate.sentence}. {RATE_TEXTS[name]}")
    st.header("Words", anchor="words")
    st.markdown("\n".join(f"- **{word}**: {text}" for word, text in GLOSSARY.items()))
    st.caption(f"Sources: {SOURCES}")


main()
