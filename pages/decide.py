"""Decide: propose a point, ask the sealed rows, and record what was decided."""

from __future__ import annotations

import streamlit as st

from faircore.decide import (
    Decision,
    is_exploratory,
    standing_measurement,
    standing_policy,
    standing_proposal,
)
from faircore.decide.standing import provenance
from pages.components.decide_proposal import ask_sealed, options_of, sealed_said
from pages.components.decide_propose import propose_form
from pages.components.decide_record import outcome, standing_decision
from pages.components.policy_shown import rules, unfit
from pages.components.session import require_review
from pages.components.words import plain


def main() -> None:
    """Draw the page from top to bottom."""
    review = require_review("Decide", trained=True)
    standing = standing_policy(review)
    if standing is None:
        st.warning(
            "No policy is locked, so this review is exploratory: what is chosen can be measured, "
            "and nothing can be certified."
        )
    else:
        unfit(standing.policy)
        with st.expander("The policy"):
            st.caption(plain(provenance(review)))
            st.markdown(rules(standing.policy))
        if is_exploratory(review):
            st.caption(plain(provenance(review)))
    if review.decisions:
        standing_decision(review, Decision.from_dict(review.decisions[-1]))
    proposal = standing_proposal(review)
    if proposal is None:
        st.write("Pick a model and a threshold, see whom it affects, and say why.")
        propose_form(review, standing)
        return
    if not review.decisions:
        options_of(review, proposal)
        found = standing_measurement(review)
        if found is None:
            ask_sealed(review, proposal, standing)
        else:
            sealed_said(review, proposal, found, standing)
            outcome(review, proposal)
    with st.expander("Propose another point"):
        if not review.decisions:
            st.caption("A new proposal takes the place of this one; votes on it become void.")
        propose_form(review, standing)


main()
