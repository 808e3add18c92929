"""Writing a policy: the interview, what it leads to, and the limits to lock."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import streamlit as st

from faircore.decide import QUESTIONS, Advice, MitigationPlan, Policy, advise, lock_policy
from faircore.decide.drafting import amended, base_rate_gap, promise_words
from faircore.decide.policy import MOST_OPENINGS
from faircore.errors import FaircoreError
from faircore.frontier import Limit
from faircore.frontier.objectives import BETWEEN
from faircore.metrics import DISPARITIES
from faircore.numerals import percent
from faircore.records import Review
from faircore.workspace import default_workspace
from pages.components.howto import help_link
from pages.components.loading import prepared_of
from pages.components.policy_limits import calibration_fields, limit_fields
from pages.components.session import keep_name, name_box, session
from pages.components.words import lower_first, plain

LEVEL = Policy.level
PLAN = {
    "watched": ("What will be watched, and how often", "Selection by sex, every quarter"),
    "triggers": ("What triggers a human review or roll-back", "A gap above 8 points in a quarter"),
    "response": ("What is done then", "The old procedure is used until the cause is found"),
    "answers": ("Who answers for it", "Head of lending"),
}


def interview(review: Review) -> None:
    """Five questions, and the definition they lead to with its reasons and conflicts."""
    st.subheader("1 · Five questions")
    current = session()
    with st.form("interview", border=False):
        given = {}
        for name, question in QUESTIONS.items():
            options = list(question.options)
            before = current.answers.get(name)
            given[name] = st.radio(
                question.text, options, key=f"ask-{name}", help=question.hint,
                index=options.index(before) if before in options else None,
                format_func=lambda o, q=question: q.options[o],
            )  # fmt: skip
        if st.form_submit_button("See what this leads to", type="secondary" if current.answers
                                 else "primary"):  # fmt: skip
            if None in given.values():
                st.error("Answer each question; “not clear” is an answer where it is offered.")
            else:
                current.answers = {k: v for k, v in given.items() if v}


def write(review: Review) -> None:
    """The advice, and the form that locks a policy; nothing before the questions are answered."""
    answers = session().answers
    if not answers:
        return
    advice = advise(answers, base_rate_gap=base_rate_gap(prepared_of(review)))
    st.subheader("2 · What this leads to")
    disparity = DISPARITIES[advice.definition]
    st.markdown(
        f"**{disparity.title}**: {disparity.sentence}. "
        f"[In plain words]({help_link(advice.definition)})"
    )
    why, against = st.columns(2, gap="large")
    with why:
        st.markdown("**Why**\n" + "".join(f"\n- {text}" for text in advice.reasons))
    with against:
        st.markdown("**What it gives up**\n" + "".join(f"\n- {text}" for text in advice.conflicts))
    st.subheader("3 · The policy")
    made = policy_fields(review, "Lock the policy", key="lock", advice=advice, answers=answers)
    if made is None:
        return
    try:
        lock_policy(default_workspace(), review.id, made.policy, who=made.name)
    except FaircoreError as error:
        st.error(plain(str(error)))
        return
    keep_name(made.name)
    st.rerun()


class Drafted(NamedTuple):
    """What somebody sent: a policy, their name, and why it changes; empty for the first."""

    policy: Policy
    name: str
    why: str


def policy_fields(
    review: Review, label: str, *, key: str, advice: Advice | None = None,
    answers: Mapping[str, str] | None = None, old: Policy | None = None,
) -> Drafted | None:  # fmt: skip
    """The form of a policy, over the one that stands where there is one; None until it is sent."""
    names = [p.name for p in prepared_of(review).groups.partitions]
    scope = _scope(review, names, key=key, advice=advice, old=old)
    definition, partitions = scope["definition"], scope.pop("partitions")
    with st.form(f"policy-{key}", border=True):
        limits = limit_fields(definition, names, partitions, key=key, advice=advice, old=old)
        may = st.checkbox(
            "A model may ask for the attribute when it predicts", key=f"{key}-may",
            value=old.may_need_groups if old else advice is not None and advice.may_need_groups,
        )  # fmt: skip
        calibration = calibration_fields(
            partitions, old.calibration if old else None, key=key,
            wanted=old.calibration is not None if old else bool(advice and advice.calibrated),
        )  # fmt: skip
        st.markdown("**When it is in use**")
        plan = _plan(old, key)
        reason = st.text_area(
            "Why this definition and these limits", old.reason if old else "",
            key=f"{key}-reason", max_chars=4000,
        )  # fmt: skip
        why = st.text_area("Why the policy changes", key=f"{key}-why") if old else ""
        name = name_box(key=f"{key}-name")
        if not st.form_submit_button(label, type="primary"):
            return None
    said = dict(scope, may_need_groups=may, calibration=calibration, plan=plan, reason=reason)
    try:
        if old is not None:
            return Drafted(amended(old, limits, **said), name, why)
        set_now = tuple(Limit(k, at) for k, at in limits.items() if at is not None)
        return Drafted(Policy(limits=set_now, answers=answers or {}, **said), name, why)
    except FaircoreError as error:
        st.error(plain(str(error)))
        return None


def _scope(
    review: Review, names: list[str], *, key: str, advice: Advice | None, old: Policy | None
) -> dict[str, Any]:
    """What the rules are about; outside the form, since its fields follow from it."""
    left, right = st.columns(2, gap="large")
    stands = old.definition if old else advice.definition if advice else next(iter(DISPARITIES))
    spoken = {x.key.partition(BETWEEN)[2] for x in old.gaps} if old else set()
    own = [n for n in names if " × " not in n]
    with left:
        definition = st.selectbox(
            "Fair means: no large", list(DISPARITIES), list(DISPARITIES).index(stands),
            format_func=_title, key=f"{key}-definition",
        )  # fmt: skip
        openings = st.number_input(
            "Openings of the sealed rows", 1, MOST_OPENINGS, old.openings if old else 1,
            key=f"{key}-openings",
            help=f"The risk of a false certificate, {percent(old.level if old else LEVEL, None)}, "
            "is shared by them: with two openings each tests at half of it, and needs more people.",
        )  # fmt: skip
    with right:
        partitions = st.multiselect(
            "Between the groups of", names, [n for n in names if n in spoken] or own,
            key=f"{key}-partitions",
            help="Crossed groups are smaller: a promise about them needs more people.",
        )  # fmt: skip
        smallest = st.number_input(
            "Promise nothing about groups with fewer sealed rows than", 0, None,
            old.smallest_group if old else 0, key=f"{key}-smallest",
            help="0: every group must be shown to be close, and one tiny group then makes a "
            "certificate impossible. Groups left out are named in the certificate.",
        )  # fmt: skip
    if partitions:
        level = (old.level if old else LEVEL) / openings
        st.caption(
            promise_words(
                prepared_of(review), partitions, smallest_group=int(smallest), level=level
            )
        )
    return {
        "definition": definition, "partitions": partitions, "openings": int(openings),
        "smallest_group": int(smallest),
    }  # fmt: skip


def _plan(old: Policy | None, key: str) -> MitigationPlan:
    columns = st.columns(2, gap="large")
    given = {}
    for place, (name, (text, example)) in enumerate(PLAN.items()):
        given[name] = columns[place % 2].text_input(
            text, getattr(old.plan, name) if old else "", placeholder=example,
            key=f"{key}-plan-{name}", max_chars=400,
        )  # fmt: skip
    return MitigationPlan(**given)


def _title(name: str) -> str:
    return lower_first(DISPARITIES[name].title)
