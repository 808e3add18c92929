"""Policy: what is fair enough, written down before any model is seen."""

from __future__ import annotations

import streamlit as st

from faircore.decide import is_exploratory, standing_policy
from pages.components.policy_amend import amend
from pages.components.policy_form import interview, write
from pages.components.policy_shown import show_policy
from pages.components.session import require_review


def main() -> None:
    """Draw the page from top to bottom."""
    review = require_review("Policy")
    if not review.data_spec.features:
        st.write(
            "This review audits decisions and trains no model, so there is nothing to choose "
            "between and no policy to lock."
        )
        st.stop()
    standing = standing_policy(review)
    if standing is not None:
        show_policy(review, standing)
        with st.expander("Amend the policy"):
            amend(review, standing)
        if st.button("Train models", type="primary"):
            st.switch_page("train.py")
        return
    if is_exploratory(review):
        st.warning(
            "Models have been asked for in this review before any policy was locked. A policy can "
            "still be written, and the record will call this review exploratory for ever: nobody "
            "can know whether its limits were chosen to suit a model."
        )
    else:
        st.write(
            "Say what is fair enough before you see what models can do. Once locked, the policy "
            "stays in the record; it can be amended, and every version stays visible. You may "
            "explore without one: the record then says “exploratory”, for ever."
        )
    interview(review)
    write(review)


main()
