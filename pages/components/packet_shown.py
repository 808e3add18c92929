"""A packet on a page: the question, the options as cards, and what is behind them."""

from __future__ import annotations

import numpy as np
import streamlit as st

from faircore.decide import Packet
from faircore.groups import find_partition
from faircore.metrics import hidden_groups
from faircore.plots import certificate_figure
from faircore.plots.options import options_figure
from faircore.records import Review
from pages.components.candidates import decision_view
from pages.components.charts import show_chart
from pages.components.howto import how_to_read
from pages.components.loading import prepared_of
from pages.components.option_cards import groups_shown, moves, option_cards
from pages.components.policy_shown import plan_lines, rules
from pages.components.words import labels, plain


def asked(review: Review, packet: Packet) -> None:
    """What is proposed and why; the options; what moving between them does to people."""
    proposal = packet.proposal
    partitions = prepared_of(review).groups.partitions
    policy = packet.policy
    st.markdown(
        f"**{plain(proposal.who)}** proposes option **{proposal.proposed.letter}**, one of "
        f"{len(packet.options)}. Read what each does to people, then vote for one, or for none."
    )
    st.markdown(f"> {plain(proposal.reason)}")
    provenance = packet.content["provenance"]
    (st.warning if provenance.startswith("Exploratory") else st.caption)(plain(provenance))
    definition = proposal.view["disparity"] if policy is None else policy.definition
    shown = groups_shown(proposal, policy, key="packet-groups")
    option_cards(
        packet.options, packet.figures, partitions, partition=shown, disparity=definition,
        wording=packet.wording, certificate=packet.certificate, asking=packet.asking,
        broken={o.letter: packet.broken(o.letter) for o in packet.options},
    )  # fmt: skip
    kind = "sealed people, who trained and chose nothing" if packet.sealed else (
        "people kept for comparing models; the sealed ones have not been asked, and each option "
        "looks a little better here than it is"
    )  # fmt: skip
    st.caption(
        f"Counted on {packet.figures.people:,} {kind}. In brackets: 95% intervals, what other "
        "people of the same kind could have given. Options are named after how they looked on the "
        "people models were compared on. " + _sizes(packet, review, shown)
    )
    st.subheader("From one option to the next")
    moves(
        packet.options, packet.figures, partitions, partition=proposal.view["partition"],
        disparity=definition,
    )  # fmt: skip
    st.subheader("What can be promised")
    certificate = packet.certificate
    if certificate is None:
        st.write(f"Nothing is certified. {packet.why}")
    else:
        _picture(packet)
        for option in packet.options:
            said = (*certificate.in_words(option.letter), *packet.broken(option.letter))
            told = " ".join(plain(x) for x in said)
            st.markdown(f"**{option.letter} · {option.title}.** {told}")


def _picture(packet: Packet) -> None:
    """Every option against one rule of the policy at a time, where it could be measured."""
    certificate, policy = packet.certificate, packet.policy
    if certificate is None or policy is None:
        return
    words = {limit.key: limit.in_words() for limit in policy.limits}
    told = {key: text[:1].upper() + text[1:] for key, text in words.items()}
    rule = next(iter(told))
    if len(told) > 1:
        rule = st.selectbox("Rule", list(told), format_func=lambda k: told[k], key="packet-rule")
    show_chart(
        certificate_figure(
            certificate.to_frame(),
            rule,
            names={o.letter: f"{o.letter} · {o.title}" for o in packet.options},
        ),
        key="packet-certificate",
        alt="Each option with what was measured, the worst value that chance leaves open, and the "
        "limit; the sentences below say the same",
    )
    how_to_read(
        "The mark is what was measured on the sealed rows; the thin line runs to the worst value "
        "that chance leaves open.",
        "A promise needs the whole line on the good side of the limit. Full and blue is certified; "
        "hollow and grey is not.",
        about="certificate",
    )


def behind(review: Review, packet: Packet) -> None:
    """The policy and the whole frontier, for who wants to see more."""
    with st.expander("Details: the policy and the whole frontier"):
        if packet.policy is None:
            st.write("No policy was locked.")
        else:
            st.markdown(rules(packet.policy))
            st.markdown(f"> {plain(packet.policy.reason)}")
            st.markdown(f"When it is in use:\n\n{plan_lines(packet.policy)}")
        frontier = decision_view(review).view(**packet.proposal.view)
        known = np.array([c.id in set(packet.content["candidates"]) for c in frontier.candidates])
        frontier = frontier.only(known)
        letters = {
            frontier.position(o.point.candidate): o.letter for o in packet.options if o.point
        }
        show_chart(
            options_figure(frontier, letters, names=labels(frontier)), key="packet-frontier",
            alt="Every candidate by performance and gap; the options are lettered. The cards "
            "above tell of the options in words",
        )  # fmt: skip
        how_to_read(
            "Each mark is a model: higher is more accurate, further left is more equal.",
            "Circles with a letter are the options above. Models on the line are beaten by no "
            "other in both respects.",
            about="frontier",
        )


def frozen(packet: Packet) -> None:
    """The hash a vote is for, and whether the content still is what it says."""
    if not packet.unchanged:
        st.error(
            "This packet is not what was sent: its content does not fit its hash. Do not vote."
        )
    st.caption(
        f"Packet {packet.sha256[:12]}, sent by {plain(packet.who)} on {packet.at[:10]}: data "
        f"{packet.content['data_sha256'][:12]}, engine {packet.content['engine']}, "
        f"{len(packet.content['candidates'])} candidates. A vote is for exactly this."
    )


def _sizes(packet: Packet, review: Review, shown: str) -> str:
    partitions = prepared_of(review).groups.partitions
    partition = find_partition(partitions, shown)
    sizes = packet.figures.sizes
    hidden = hidden_groups(partitions, sizes)
    told = [
        f"{plain(name)} {'too few to judge' if hidden[g] else format(int(sizes[g]), ',')}"
        for g, name in enumerate(partition.group_names, partition.start)
    ]
    return f"People: {', '.join(told)}."
