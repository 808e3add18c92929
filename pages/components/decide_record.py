"""From figures to an outcome: a packet to the committee, or one person's decision; what stands."""

from __future__ import annotations

import streamlit as st

from faircore.decide import Decision, Proposal, conclude, send_packet, standing_packet
from faircore.decide.votes import votes_on
from faircore.errors import FaircoreError
from faircore.groups import find_partition
from faircore.methods import METHODS
from faircore.metrics import MIN_PEOPLE, find_disparity, find_performance, overall_counts
from faircore.numerals import percent
from faircore.records import Review
from faircore.workspace import default_workspace
from pages.components.candidates import decision_view
from pages.components.group_tables import rates_table
from pages.components.loading import prepared_of
from pages.components.session import keep_name, name_box
from pages.components.words import disparity_value, finding, plain


def outcome(review: Review, proposal: Proposal) -> None:
    """Two ways to end: the committee votes on a frozen packet, or one person decides."""
    st.subheader("Who decides")
    packet = standing_packet(review)
    if packet is not None:
        n = len(votes_on(review, packet))
        st.write(
            f"The packet is out since {packet.at[:10]}; {n} {'vote is' if n == 1 else 'votes are'} "
            "in. Members read and vote on the page Packet."
        )
        if st.button("See the packet", type="primary"):
            st.switch_page("packet.py")
        return
    committee, alone = st.columns(2, gap="large")
    with committee:
        st.markdown("**A committee.** The options are frozen under a hash and put to the vote.")
        if len(proposal.options) < 2:
            st.caption("This point was proposed alone; a vote needs options. Propose it again.")
        else:
            _send(review)
    with alone, st.form("alone"):
        st.markdown("**One person.** The record says that nobody voted.")
        name = name_box(key="alone-name")
        if st.form_submit_button("Record the decision alone"):
            _end(lambda: conclude(
                default_workspace(), review.id, frontier=decision_view(review), who=name
            ), name)  # fmt: skip


def _send(review: Review) -> None:
    with st.form("send"):
        name = name_box(key="send-name")
        if st.form_submit_button("Send the packet to the vote", type="primary"):
            _end(lambda: send_packet(
                default_workspace(), review.id, frontier=decision_view(review), who=name,
                prepared=prepared_of(review),
            ), name)  # fmt: skip


def _end(act: object, name: str) -> None:
    try:
        act()  # type: ignore[operator]
    except FaircoreError as error:
        st.error(plain(str(error)))
        return
    keep_name(name)
    st.rerun()


def standing_decision(review: Review, decision: Decision) -> None:
    """The choice that stands, and its groups on the sealed rows."""
    partitions = prepared_of(review).groups.partitions
    st.subheader("The choice that stands")
    n = len(decision.votes)
    voted = (
        f" after {n} {'vote' if n == 1 else 'votes'}"
        if decision.votes
        else " alone, without a vote"
    )
    st.markdown(
        f"{METHODS[decision.method].title}, "
        f"{METHODS[decision.method].strength_text(decision.strength)}, "
        f"threshold {decision.point.threshold:.2f}, recorded by **{plain(decision.who)}** "
        f"on {decision.at[:10]}{voted}."
    )
    st.markdown("> " + plain(decision.reason))
    told = "\n\n".join(plain(text) for text in (*decision.promises, decision.provenance) if text)
    if told:
        (st.success if decision.certified else st.warning)(told)
    if decision.note:
        st.warning(plain(decision.note))
    dissent(decision)
    voided(decision)
    view = decision.view
    partition = find_partition(partitions, view["partition"])
    performance, disparity = (
        find_performance(view["performance"]),
        find_disparity(view["disparity"]),
    )
    counts = decision.sealed_counts
    there = (
        float(performance(overall_counts(counts, partition))),
        float(disparity(counts[partition.groups], min_people=MIN_PEOPLE)),
    )
    chosen = next(a for a in decision.alternatives if a.candidate == decision.point.candidate)
    first, second = st.columns(2)
    first.metric(
        f"{performance.title} on sealed rows", percent(there[0]),
        help="Measured on rows that trained nothing and chose nothing.",
    )  # fmt: skip
    second.metric(
        f"{disparity.title} by {plain(partition.name)} on sealed rows",
        disparity_value(disparity.name, there[1]),
    )
    st.caption(
        f"On the rows used to compare models it was {percent(chosen.performance)} and "
        f"{disparity_value(disparity.name, chosen.disparity)}. A model picked from "
        f"{decision.considered} tends to look better there than it is."
    )
    st.markdown(finding(counts, partitions, partition, disparity.name, sizes=decision.sealed_sizes))
    name = st.selectbox(
        "Groups of", [p.name for p in partitions], index=partitions.index(partition)
    )
    rates_table(counts, partitions, find_partition(partitions, name), sizes=decision.sealed_sizes)
    if st.button("Download the model", type="primary"):
        st.switch_page("export.py")


def voided(decision: Decision) -> None:
    """Votes that something changed under: they count for nothing, and are not forgotten."""
    if not decision.void:
        return
    n = len(decision.void)
    with st.expander(
        f"{n} {'vote' if n == 1 else 'votes'} on earlier packets, void since a change"
    ):
        st.markdown(_votes(decision.void))


def dissent(decision: Decision) -> None:
    """Who voted for something else, and why."""
    if not decision.dissent:
        return
    st.markdown("**Dissent**")
    st.markdown(_votes(decision.dissent))


def _votes(votes: tuple[dict[str, str], ...]) -> str:
    return "\n".join(
        f"- {plain(one['who'])}, for "
        f"{'none of them' if one['option'] == 'none' else 'option ' + plain(one['option'])}: "
        f"{plain(one['reason'])}"
        for one in votes
    )
