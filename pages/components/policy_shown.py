"""A locked policy on a page: its rules, its reasons, and every version of it."""

from __future__ import annotations

import streamlit as st

from faircore.decide import QUESTIONS, Policy, Standing, standing_policy
from faircore.decide.interview import advice_of
from faircore.decide.standing import KNOWN_WORDS, provenance
from faircore.metrics import DISPARITIES
from faircore.numerals import percent
from faircore.records import Review
from pages.components.howto import help_link
from pages.components.policy_form import PLAN
from pages.components.words import lower_first, plain


def show_policy(review: Review, standing: Standing) -> None:
    """Everything the policy says, and how it came about."""
    policy, last = standing.policy, standing.versions[-1]
    where(review)
    unfit(policy)
    disparity = DISPARITIES[policy.definition]
    st.subheader("What is fair enough")
    st.markdown(
        f"Fair means here: **no large {plain(lower_first(disparity.title))}**, "
        f"that is, {disparity.sentence}. [In plain words]({help_link(policy.definition)})"
    )
    st.markdown(rules(policy))
    st.markdown(f"> {plain(policy.reason)}")
    st.caption(
        f"By {plain(last.who)}, {last.at[:10]} · the sealed rows may be opened "
        f"{'once' if policy.openings == 1 else f'{policy.openings} times'}, with a risk of a false "
        f"certificate of {percent(policy.level, None)} in all"
        + (
            f" · nothing is promised of groups with fewer than {policy.smallest_group} sealed rows"
            if policy.smallest_group
            else ""
        )
        + f" · {policy.sha256[:12]}"
    )
    st.subheader("When it is in use")
    st.markdown(plan_lines(policy))
    if policy.plan.missing:
        st.caption("A dash stands for what nobody has said yet. Amend the policy to add it.")
    if policy.answers:
        _answers(policy)
    if standing.amendments:
        st.subheader("Amendments")
        for version, changes in standing.amendments:
            st.markdown(
                f"- {version.at[:10]}, {plain(version.who)}, {KNOWN_WORDS[version.known]}: "
                f"{plain('; '.join(changes))}. “{plain(version.why)}”"
            )


def where(review: Review) -> None:
    """Whether the limits were fixed before models were seen, as calm as it may be said."""
    standing = standing_policy(review)
    calm = standing is not None and all(
        version.known == "nothing" and not version.elsewhere for version in standing.versions
    )
    (st.success if calm else st.warning)(plain(provenance(review)))


def unfit(policy: Policy) -> None:
    """That an older policy cannot be tested, and what to do; nothing of others."""
    if policy.untestable:
        told = "; ".join(limit.in_words() for limit in policy.untestable)
        st.warning(
            f"No test can show a limit of 0 or 1 to be kept: {plain(told)}. Amend the policy "
            "before the sealed rows are opened: as it is, it certifies nothing."
        )


def rules(policy: Policy) -> str:
    """The rules as a list in Markdown."""
    return "\n".join(f"- {plain(text)}" for text in policy.in_words())


def plan_lines(policy: Policy) -> str:
    """What is watched once a model is in use, and what then happens, as a list in Markdown."""
    told = [(PLAN[name][0], getattr(policy.plan, name)) for name in PLAN]
    return "\n".join(f"- {text}: {plain(said) or '–'}" for text, said in told)


def _answers(policy: Policy) -> None:
    with st.expander("The interview it came from"):
        for name, question in QUESTIONS.items():
            answer = question.options.get(policy.answers.get(name, ""), "–")
            st.markdown(f"- {question.text} **{answer}**")
        advice = advice_of(policy.answers)
        if advice is None:
            st.caption("Not every question of today was answered, so no advice follows from it.")
            return
        st.markdown("".join(f"\n- {text}" for text in (*advice.reasons, *advice.conflicts)))
