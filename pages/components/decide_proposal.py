"""The standing proposal: its options, the sealed rows, and what they said."""

from __future__ import annotations

import math

import numpy as np
import streamlit as st

from faircore.decide import Measurement, Policy, Proposal, Standing, open_sealed
from faircore.decide.figures import Figures, decisions_of, figures_of, worst_effects
from faircore.decide.other_rules import broken_rules
from faircore.decide.risk import grant, left_to_spend, looks_at
from faircore.decide.shrinkage import SelectionShrinkage, selection_shrinkage
from faircore.errors import FaircoreError
from faircore.frontier import Frontier
from faircore.groups import find_partition
from faircore.metrics import MIN_PEOPLE, find_disparity, find_performance, overall_counts
from faircore.numerals import hundredths, percent, points
from faircore.records import Act, Review
from faircore.workspace import default_workspace
from pages.components.checklist import checklist
from pages.components.group_tables import rates_table
from pages.components.loading import frontier_of, prepared_of
from pages.components.option_cards import groups_shown, moves, option_cards
from pages.components.session import keep_name, name_box, reviews
from pages.components.words import disparity_value, labels, plain


def options_of(review: Review, proposal: Proposal) -> None:
    """What is proposed, by whom and why, and the options it stands among."""
    st.subheader("The proposal")
    frontier = frontier_of(review)
    names = {} if frontier is None else labels(frontier)
    model = names.get(proposal.point.candidate, proposal.point.candidate)
    st.markdown(
        f"**{plain(model)}**, threshold {proposal.point.threshold:.2f}, proposed by "
        f"**{plain(proposal.who)}** on {proposal.at[:10]}, out of {proposal.considered} candidates."
    )
    st.markdown(f"> {plain(proposal.reason)}")


def ask_sealed(review: Review, proposal: Proposal, standing: Standing | None) -> None:
    """The options on the compared rows, and the button that opens the sealed ones."""
    figures = compared_figures(review, proposal)
    if len(proposal.options) > 1:
        _cards(review, proposal, figures, None, standing)
        st.caption(
            f"Counted on the {figures.people:,} people kept for comparing models; each looks a "
            "little better here than it is."
        )
    st.subheader("The sealed rows")
    n_sealed = len(prepared_of(review).rows("certify"))
    st.write(
        f"{n_sealed:,} rows are sealed: they trained nothing and chose nothing, so what they say "
        "is the closest thing to the truth. Opening them is recorded."
    )
    st.write(_budget(review, proposal, standing))
    with st.form("open"):
        name = name_box(key="open-name")
        if not st.form_submit_button("Open the sealed rows", type="primary"):
            return
    try:
        with st.spinner("Asking the sealed rows"):
            open_sealed(default_workspace(), review.id, who=name, prepared=prepared_of(review))
    except FaircoreError as error:
        st.error(plain(str(error)))
        return
    keep_name(name)
    st.rerun()


def _budget(review: Review, proposal: Proposal, standing: Standing | None) -> str:
    kin = reviews().of_same_rows(review)
    looks = len(looks_at(kin))
    times = "never" if not looks else "once" if looks == 1 else f"{looks} times"
    told = f"They have {'never been opened' if not looks else f'been opened {times} already'}."
    if any(e.kind is Act.OPENED and e.body.get("level") is not None for e in review.history[-1:]):
        return f"{told} This opening was recorded and not finished; finishing it costs no other."
    if standing is None:
        return f"{told} Without a policy they can be looked at, and nothing can be certified."
    left, bought = left_to_spend(review, kin), grant(review, kin, proposal.options)
    if bought.why:
        return f"{told} {bought.why} They can be looked at, and nothing will be certified."
    each = percent(standing.policy.level_each, None)
    return (
        f"{told} The policy leaves {left} {'opening' if left == 1 else 'openings'} with a "
        f"certificate, at a risk of {each} {'each' if left > 1 else ''}".rstrip()
        + (
            ". Figures of these rows have been seen, and there were "
            f"{bought.family:,} ways to decide to pick from: a test is that many times as strict."
            if bought.family > 1
            else "."
        )
    )


def sealed_said(
    review: Review, proposal: Proposal, found: Measurement, standing: Standing | None
) -> None:
    """The certificate or the honest refusal first; then the checklist, the options, the shrink."""
    st.subheader("What the sealed rows say")
    letter = proposal.proposed.letter
    if found.certificate is None:
        st.warning(plain(found.why))
    elif letter in found.certificate.certified:
        broken = () if standing is None else broken_of(
            review, proposal, found, standing.policy
        )[letter]  # fmt: skip
        said = (*found.certificate.in_words(letter), *broken)
        (st.warning if broken else st.success)("\n\n".join(plain(x) for x in said))
    else:
        st.error("\n\n".join(plain(x) for x in found.certificate.in_words(letter)))
        _others_certified(proposal, found)
    if found.certificate is not None and standing is not None:
        checklist(
            found.certificate.lines[letter], found.calibration, standing.policy,
            needs_groups=letter in asking(review, proposal),
        )  # fmt: skip
    st.markdown(_shrink(review, proposal, found))
    if len(proposal.options) > 1:
        _cards(review, proposal, found.figures, found, standing)
    _groups(review, proposal, found)


def _others_certified(proposal: Proposal, found: Measurement) -> None:
    if found.certificate is None or not found.certificate.certified:
        return
    told = [f"{x} ({proposal.option(x).title.lower()})" for x in found.certificate.certified]
    st.info(
        f"Certified among the options: {', '.join(told)}. The committee may choose one of them "
        "without another opening."
    )


def _shrink(review: Review, proposal: Proposal, found: Measurement) -> str:
    """How much better the proposed point looked on the rows that helped to pick it."""
    before = compared_figures(review, proposal)
    view, letter = proposal.view, proposal.proposed.letter
    partition = find_partition(prepared_of(review).groups.partitions, view["partition"])
    performance, gap = find_performance(view["performance"]), find_disparity(view["disparity"])

    def told(figures: Figures) -> tuple[str, str]:
        counts = figures.counts[letter]
        return (
            percent(float(performance(overall_counts(counts, partition)))),
            disparity_value(gap.name, float(gap(counts[partition.groups], min_people=MIN_PEOPLE))),
        )

    (first, second), (third, fourth) = told(before), told(found.figures)
    return (
        f"**Selection shrinkage.** On the rows that helped to pick it: {performance.title.lower()} "
        f"{first}, {gap.title.lower()} by {plain(partition.name)} {second}. On the sealed rows: "
        f"{third} and {fourth}. {_luck(review, proposal, found)}"
    )


def _luck(review: Review, proposal: Proposal, found: Measurement) -> str:
    """How much better the best-looking of so many looks by luck alone."""
    told = (
        f"Picked from {proposal.considered} candidates, a point tends to look better than it is; "
        "the sealed rows are right."
    )
    frontier = frontier_of(review)
    if frontier is None:
        return told
    shrunk = _shrunk(review.fingerprint, proposal.number, frontier, proposal, found)
    if shrunk is None or not all(map(math.isfinite, shrunk.by_chance)):
        return told
    least, most = (max(x, 0.0) for x in shrunk.by_chance)
    return (
        f"{told} Were it picked for its gap alone, luck would make it look {hundredths(least)} to "
        f"{points(most)} more equal than it is."
    )


@st.cache_resource(max_entries=16, show_spinner=False)
def _shrunk(
    fingerprint: str, number: int, _frontier: Frontier, _proposal: Proposal, _found: Measurement
) -> SelectionShrinkage | None:
    view = _frontier.view(**_proposal.view)
    if find_disparity(view.disparity).kind != "difference":
        return None
    finite = np.isfinite(view.values).all(axis=1)
    groups = find_partition(view.partitions, view.partition).groups
    kept = view.only(finite)
    letter = _proposal.proposed.letter
    return selection_shrinkage(
        kept.counts[:, groups], _found.figures.counts[letter][groups],
        kept.position(_proposal.point.candidate), view.disparity,
        effective=worst_effects(_found.figures, letter, view.disparity)[groups],
    )  # fmt: skip


def _cards(
    review: Review,
    proposal: Proposal,
    figures: Figures,
    found: Measurement | None,
    standing: Standing | None,
) -> None:
    st.markdown("**The options**")
    policy = None if standing is None else standing.policy
    definition = proposal.view["disparity"] if policy is None else policy.definition
    option_cards(
        proposal.options, figures, prepared_of(review).groups.partitions,
        partition=groups_shown(proposal, policy, key="cards-groups"), disparity=definition,
        wording=review.wording,
        certificate=None if found is None else found.certificate,
        asking=asking(review, proposal),
        broken={} if found is None else broken_of(review, proposal, found, policy),
    )  # fmt: skip
    moves(
        proposal.options, figures, prepared_of(review).groups.partitions,
        partition=proposal.view["partition"], disparity=definition,
    )  # fmt: skip


def _groups(review: Review, proposal: Proposal, found: Measurement) -> None:
    partitions = prepared_of(review).groups.partitions
    with st.expander("Rates of each group on the sealed rows"):
        names = [p.name for p in partitions]
        name = st.selectbox(
            "Groups of", names, index=names.index(proposal.view["partition"]), key="sealed-groups"
        )
        rates_table(
            found.figures.counts[proposal.proposed.letter], partitions,
            find_partition(partitions, name), sizes=found.figures.sizes,
        )  # fmt: skip


def broken_of(
    review: Review, proposal: Proposal, found: Measurement, policy: Policy | None
) -> dict[str, tuple[str, ...]]:
    """By letter, the rules that no certificate speaks of and an option breaks."""
    letters = asking(review, proposal)
    return {
        o.letter: broken_rules(
            o, needs_groups=o.letter in letters, calibration=found.calibration, policy=policy
        )
        for o in proposal.options
    }


def asking(review: Review, proposal: Proposal) -> set[str]:
    """Letters of options whose model asks for a sensitive attribute."""
    frontier = frontier_of(review)
    known = {} if frontier is None else {c.id: c.needs_groups for c in frontier.candidates}
    return {o.letter for o in proposal.options if o.point and known.get(o.point.candidate, False)}


def compared_figures(review: Review, proposal: Proposal) -> Figures:
    """The options on the rows that models are compared on."""
    return _compared(review.id, review.fingerprint, proposal.number, review, proposal)


@st.cache_resource(max_entries=16, show_spinner="Counting")
def _compared(
    review_id: str, fingerprint: str, number: int, _review: Review, _proposal: Proposal
) -> Figures:
    prepared = prepared_of(_review)
    decisions = decisions_of(
        _proposal.options, "select", workspace=default_workspace(), prepared=prepared
    )
    return figures_of(
        {letter: np.asarray(found) for letter, found in decisions.items()}, "select",
        prepared=prepared, partition=_proposal.view["partition"],
    )  # fmt: skip
