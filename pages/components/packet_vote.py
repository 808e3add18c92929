"""Voting: a choice and a reason, the votes of others once one's own is in, and the outcome."""

from __future__ import annotations

from typing import NamedTuple

import streamlit as st

from faircore.decide import Packet, conclude, vote, votes_for
from faircore.decide.votes import NONE, decided, has_voted, votes_on
from faircore.errors import FaircoreError
from faircore.records import Review
from faircore.workspace import default_workspace
from pages.components.candidates import decision_view
from pages.components.session import keep_name, name_box, session
from pages.components.words import plain

PENDING = "pending-vote"


class Pending(NamedTuple):
    """A vote that waits to be confirmed."""

    packet: str
    choice: str
    title: str
    reason: str
    name: str


def vote_form(review: Review, packet: Packet) -> None:
    """One choice with a reason; not for those whose vote is in, nor once it is decided."""
    st.subheader("Your vote")
    if decided(review, packet):
        st.write("The vote is closed: a decision was recorded.")
        return
    me = session().name
    if me and has_voted(review, packet, me):
        st.success(f"The vote of {plain(me)} is in.")
        if st.button("Somebody else votes here"):
            keep_name("")
            st.rerun()
        return
    titles = {o.letter: f"{o.letter} · {o.title}" for o in packet.options}
    titles[NONE] = "None of these: think again"
    with st.form("vote"):
        choice = st.radio(
            "I vote for", list(titles), index=None, format_func=lambda c: titles[c], key="choice"
        )
        reason = st.text_area("Because", key="vote-reason", max_chars=4000)
        name = name_box(key="vote-name")
        sent = st.form_submit_button("Vote", type="primary")
    if not sent:
        if PENDING in st.session_state:  # asked already, and not answered
            confirm(review)
        return
    if choice is None:
        st.error("Choose an option, or “None of these”.")
        return
    st.session_state[PENDING] = Pending(packet.sha256, choice, titles[choice], reason, name)
    confirm(review)


@st.dialog("This vote is final", dismissible=False)
def confirm(review: Review) -> None:
    """A last look before the vote is recorded; it cannot be clicked away."""
    pending: Pending = st.session_state[PENDING]
    st.markdown(f"**{plain(pending.name) or 'Nobody yet'}** votes for **{plain(pending.title)}**.")
    st.markdown(f"> {plain(pending.reason)}")
    st.caption(f"On packet {pending.packet[:12]}. One vote each; it cannot be changed.")
    yes, no = st.columns(2)
    if no.button("Go back", width="stretch"):
        del st.session_state[PENDING]
        st.rerun()
    if yes.button("Record this vote", type="primary", width="stretch"):
        try:
            vote(
                default_workspace(), review.id, pending.packet, pending.choice,
                reason=pending.reason, who=pending.name,
            )  # fmt: skip
        except FaircoreError as error:
            st.error(plain(str(error)))
            return
        del st.session_state[PENDING]
        keep_name(pending.name)
        st.rerun()


def result(review: Review, packet: Packet) -> None:
    """How many voted; what they said, to those who may see it; and the outcome."""
    every = votes_on(review, packet)
    st.subheader("The votes")
    if not every:
        st.write("Nobody has voted yet.")
        return
    seen = votes_for(review, packet, session().name)
    if not seen:
        n = len(every)
        st.write(
            f"{n} {'vote is' if n == 1 else 'votes are'} in. What others said is shown once your "
            "own vote is in."
        )
        return
    for letter in (*(o.letter for o in packet.options), NONE):
        own = [one for one in seen if one.choice == letter]
        if own:
            title = "None of these" if letter == NONE else packet.proposal.option(letter).title
            label = f"{letter} · {title}" if letter != NONE else title
            st.markdown(f"**{label}**: {len(own)}")
            st.markdown("\n".join(f"- {plain(one.who)}: {plain(one.reason)}" for one in own))
    if decided(review, packet):
        st.write("The outcome is recorded; it stands on the Decide page.")
        return
    with st.form("conclude"):
        st.caption("Once everybody who should vote has, record the outcome, dissent included.")
        name = name_box(key="conclude-name")
        if not st.form_submit_button("Close the vote and record the outcome"):
            return
    try:
        conclude(
            default_workspace(), review.id, frontier=decision_view(review), who=name,
            packet=packet.sha256,
        )  # fmt: skip
    except FaircoreError as error:
        st.error(plain(str(error)))
        return
    st.rerun()
