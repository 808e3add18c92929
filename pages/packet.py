"""Packet: what the committee is asked, and its vote."""

from __future__ import annotations

import streamlit as st

from faircore.decide import standing_packet
from faircore.decide.packet import packet_of
from faircore.records import Act
from pages.components.packet_shown import asked, behind, frozen
from pages.components.packet_vote import PENDING, confirm, result, vote_form
from pages.components.session import require_review


def main() -> None:
    """Draw the page from top to bottom."""
    review = require_review("Packet", trained=True)
    packet = standing_packet(review)
    if packet is None:
        if PENDING in st.session_state:  # somebody is about to vote on what is no more
            confirm(review)
        last = review.last(Act.PACKET)
        if last is None:
            st.write(
                "Nothing is put to the vote yet. Propose a point on the Decide page and send the "
                "packet."
            )
        else:
            st.warning(
                "What was voted on has changed since: a new proposal, an amended policy, or "
                "figures of the sealed rows. Its votes are void; a new packet has to be sent."
            )
        if st.button("See the proposal", type="primary"):
            st.switch_page("decide.py")
        if last is not None:
            with st.expander("The packet that was voted on"):
                old = packet_of(review, last)
                asked(review, old)
                frozen(old)
        return
    asked(review, packet)
    vote_form(review, packet)
    result(review, packet)
    behind(review, packet)
    frozen(packet)


main()
