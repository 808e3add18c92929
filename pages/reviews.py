"""Reviews: every review, where it stands, who acts next, and what was done in it."""

from __future__ import annotations

import streamlit as st

from faircore.decide import is_exploratory, standing_packet
from faircore.errors import FaircoreError
from faircore.records import Review
from pages.components.header import next_step
from pages.components.history import history
from pages.components.session import open_review, reviews, session
from pages.components.words import plain

PAGES = {
    "being voted on": "packet.py",
    "decided": "decide.py",
    "no model chosen": "decide.py",
    "sealed rows opened": "decide.py",
    "opening unfinished": "decide.py",
    "point proposed": "decide.py",
    "policy changed": "decide.py",
    "models requested": "frontier.py",
    "policy locked": "train.py",
}
"""Where a review goes on, by its state."""


def one(review: Review) -> None:
    """A review in a box: name, state, next step, history."""
    with st.container(border=True):
        text, button = st.columns([5, 1], vertical_alignment="center")
        exploratory = " · exploratory" if is_exploratory(review) else ""
        text.markdown(
            f"**{plain(review.name)}**  \n{plain(review.source)} · "
            f"started {review.created_at[:10]} · "
            f"{review.state}{exploratory} · next: {next_step(review)}"
        )
        if button.button("Open", key=f"open-{review.id}", width="stretch"):
            open_review(review.id)
            audits = "policy.py" if review.data_spec.features else "audit.py"
            st.switch_page(PAGES.get(review.state, audits))
        box = st.expander(
            f"History, {len(review.history)}", key=f"history-{review.id}", on_change="rerun"
        )
        if box.open:
            with box:
                history(review)


def main() -> None:
    """Draw the page from top to bottom."""
    named = st.query_params.get("review", "")
    if named:  # the link a committee is sent
        try:
            asked = reviews().get(named)
        except FaircoreError as error:
            st.error(str(error))
        else:
            open_review(asked.id)
            if standing_packet(asked) is not None:
                st.switch_page("packet.py", query_params={"review": asked.id})
    session()
    st.title("Reviews")
    st.write(
        "A review answers one question: of all the models we could deploy, which one, why, and how "
        "sure are we?"
    )
    found = reviews().list()
    if st.button("Start a new review", type="primary"):
        open_review("")
        st.query_params.clear()
        st.switch_page("data.py")
    if not found:
        st.caption("There is none yet. Bring a file, or try one of the samples.")
    for review in found:
        one(review)


main()
