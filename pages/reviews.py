"""Reviews: every review, where it stands, and what comes next."""

from __future__ import annotations

import streamlit as st

from pages.components.header import next_step
from pages.components.session import open_review, reviews, session
from pages.components.words import plain

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
    with st.container(border=True):
        text, button = st.columns([5, 1], vertical_alignment="center")
        text.markdown(
            f"**{plain(review.name)}**  \n{plain(review.source)} · "
            f"started {review.created_at[:10]} · "
            f"{review.state} · next: {next_step(review)}"
        )
        if button.button("Open", key=f"open-{review.id}", width="stretch"):
            open_review(review.id)
            st.switch_page("frontier.py" if review.sweeps else "train.py")
