"""Amending a policy: the form over what stands, and a last look at what it changes."""

from __future__ import annotations

from typing import NamedTuple

import streamlit as st

from faircore.decide import Policy, Standing, amend_policy
from faircore.errors import FaircoreError
from faircore.records import Review
from faircore.workspace import default_workspace
from pages.components.policy_form import Drafted, policy_fields
from pages.components.session import keep_name
from pages.components.words import plain

PENDING = "pending-amendment"


class Pending(NamedTuple):
    """An amendment that waits to be confirmed, and the policy it was written over."""

    review: str
    old: Policy
    made: Drafted


def amend(review: Review, standing: Standing) -> None:
    """The form of a policy with everything that stands in it; nothing is recorded unseen."""
    old = standing.policy
    # A later version starts with its own values, not with what was typed over an older one.
    key = f"amend-{len(standing.versions)}-{old.sha256[:12]}"
    made = policy_fields(review, "Amend the policy", key=key, old=old)
    if made is not None:
        if not old.changes(made.policy):
            st.error("Nothing in this policy is changed. Change something, or leave it.")
            return
        st.session_state[PENDING] = Pending(review.id, old, made)
    pending: Pending | None = st.session_state.get(PENDING)
    if pending is not None and (pending.review, pending.old) == (review.id, old):
        _confirm()


@st.dialog("What this changes", dismissible=False)
def _confirm() -> None:
    """Every change in words before it is recorded; it cannot be clicked away."""
    pending: Pending = st.session_state[PENDING]
    policy, name, why = pending.made
    st.markdown("\n".join(f"- {plain(text)}" for text in pending.old.changes(policy)))
    st.markdown(f"> {plain(why)}")
    st.caption(f"By {plain(name) or 'nobody yet'}. Whatever is not named here stays as it is.")
    yes, no = st.columns(2)
    if no.button("Go back", width="stretch"):
        del st.session_state[PENDING]
        st.rerun()
    if yes.button("Record this amendment", type="primary", width="stretch"):
        try:
            amend_policy(default_workspace(), pending.review, policy, why=why, who=name)
        except FaircoreError as error:
            st.error(plain(str(error)))
            return
        del st.session_state[PENDING]
        keep_name(name)
        st.rerun()
