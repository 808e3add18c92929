"""Options as cards: what each does to people, and what moving from one to the next costs."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from faircore.audit import Wording
from faircore.decide import Certificate, Option, Policy, Proposal
from faircore.decide.cards import Card, cards, right_of
from faircore.decide.figures import Figures
from faircore.groups import Partition, find_partition
from faircore.metrics import MIN_PEOPLE, find_disparity
from pages.components.words import disparity_value, lower_first, plain


def groups_shown(proposal: Proposal, policy: Policy | None, *, key: str) -> str:
    """Name of the partition whose groups the cards tell of; asked where the policy has several."""
    first: str = proposal.view["partition"]
    names = list(dict.fromkeys([first, *(() if policy is None else policy.partitions)]))
    if len(names) == 1:
        return first
    return st.segmented_control("Groups of", names, default=first, key=key, required=True)


def option_cards(
    options: tuple[Option, ...],
    figures: Figures,
    partitions: tuple[Partition, ...],
    *,
    partition: str,
    disparity: str,
    wording: Wording,
    certificate: Certificate | None,
    asking: set[str],
    broken: Mapping[str, tuple[str, ...]],
) -> None:
    """One card per option, at most three beside each other, in natural frequencies.

    ``asking`` holds the letters of options that ask for a sensitive attribute, ``broken`` the rules
    of the policy that each breaks besides its limits.
    """
    whole = find_partition(partitions, partition)
    across = 2 if len(options) in (2, 4) else 3
    for start in range(0, len(options), across):
        row = options[start : start + across]
        for place, option in zip(st.columns(across, gap="medium"), row, strict=False):
            with place.container(border=True):
                st.markdown(f"##### {option.letter} · {option.title}")
                counts = figures.counts[option.letter]
                st.markdown(f"Of 1,000 people, **{right_of(counts, whole):,.0f}** judged rightly")
                for card in cards(
                    counts, partitions=partitions, partition=whole, sizes=figures.sizes,
                    disparity=disparity, moments=figures.moments[option.letter], wording=wording,
                ):  # fmt: skip
                    _card(card)
                value = float(
                    find_disparity(disparity)(counts[whole.groups], min_people=MIN_PEOPLE)
                )
                gap = f"{find_disparity(disparity).title} by {plain(partition)}"
                st.markdown(f"{gap}: **{disparity_value(disparity, value)}**")
                notes = ["asks for the attribute"] if option.letter in asking else []
                if certificate is not None:
                    notes.append(_certified(option, certificate, broken.get(option.letter, ())))
                if notes:
                    st.caption(" · ".join(notes))


def _card(card: Card) -> None:
    st.markdown(
        f"Of 1,000 {plain(card.whom)} in each group, so many {plain(card.what)}:\n"
        + "\n".join(f"- {plain(row.group)}: **{row.told}**" for row in card.rows)
    )


def _certified(option: Option, certificate: Certificate, broken: tuple[str, ...]) -> str:
    if option.letter in certificate.certified:
        return (
            "keeps the limits, and breaks another rule of the policy" if broken else "✓ certified"
        )
    return "no certificate" if option.letter in certificate.reached else "not tested"


def moves(
    options: tuple[Option, ...],
    figures: Figures,
    partitions: tuple[Partition, ...],
    *,
    partition: str,
    disparity: str,
) -> None:
    """What moving from one option to its neighbour costs, and does to people."""
    titles = {option.letter: option.title for option in options}
    whole, gap = find_partition(partitions, partition), find_disparity(disparity)

    def told(letter: str) -> tuple[str, str]:
        counts = figures.counts[letter]
        value = float(gap(counts[whole.groups], min_people=MIN_PEOPLE))
        return f"{right_of(counts, whole):,.0f}", disparity_value(disparity, value)

    for move in figures.moves:
        right, gaps = zip(told(move.before), told(move.after), strict=True)
        with st.container(border=False):
            st.markdown(
                f"**From {move.before} to {move.after}** ({plain(titles[move.after])}): of 1,000 "
                f"people, {right[0]} judged rightly become {right[1]}; the "
                f"{lower_first(gap.title)} by {plain(partition)}, {gaps[0]}, becomes {gaps[1]}. "
                f"{plain(move.people)}"
            )
            if move.groups:
                with st.expander(f"{move.before} to {move.after}, group by group"):
                    st.markdown("\n".join(f"- {plain(text)}" for text in move.groups))
