"""Writing a policy: the interview, what it leads to, and the limits to lock."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from faircore.decide import (
    QUESTIONS,
    Advice,
    CalibrationLimit,
    MitigationPlan,
    Policy,
    Standing,
    advise,
    amend_policy,
    lock_policy,
)
from faircore.decide.drafting import base_rate_gap, fewest_rows, smallest_promise
from faircore.decide.interview import FOUR_FIFTHS, GAP, RATIO
from faircore.decide.policy import MOST_OPENINGS
from faircore.errors import FaircoreError
from faircore.frontier import Limit
from faircore.frontier.objectives import BETWEEN
from faircore.metrics import DISPARITIES
from faircore.numerals import points
from faircore.records import Review
from faircore.workspace import default_workspace
from pages.components.howto import help_link
from pages.components.loading import prepared_of
from pages.components.session import keep_name, name_box, session
from pages.components.words import lower_first, plain

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
    policy = _form(review, advice, answers, "Lock the policy")
    if policy is None:
        return
    made, name, _ = policy
    try:
        lock_policy(default_workspace(), review.id, made, who=name)
    except FaircoreError as error:
        st.error(plain(str(error)))
        return
    keep_name(name)
    st.rerun()


def amend(review: Review, standing: Standing) -> None:
    """The same form over the policy that stands, with the reason for the change."""
    old = standing.policy
    advice = advise(old.answers) if old.answers else Advice(old.definition, (), ())
    made = _form(review, advice, old.answers, "Amend the policy", old=old)
    if made is None:
        return
    policy, name, why = made
    try:
        amend_policy(default_workspace(), review.id, policy, why=why, who=name)
    except FaircoreError as error:
        st.error(plain(str(error)))
        return
    keep_name(name)
    st.rerun()


def _form(
    review: Review,
    advice: Advice,
    answers: Mapping[str, str],
    label: str,
    *,
    old: Policy | None = None,
) -> tuple[Policy, str, str] | None:
    """The policy somebody sent, with their name and reason for a change; None before that."""
    names = [p.name for p in prepared_of(review).groups.partitions]
    before = {x.key: x.at for x in old.limits} if old else {}
    with st.form(f"policy-{label}", border=True):
        definition = st.selectbox(
            "Fair means: no large", list(DISPARITIES), format_func=_title,
            index=list(DISPARITIES).index(old.definition if old else advice.definition),
            key=f"{label}-definition",
        )  # fmt: skip
        chosen = [n for n in names if any(k.endswith(f"{BETWEEN}{n}") for k in before)]
        own = [n for n in names if " × " not in n]
        partitions = st.multiselect(
            "Between the groups of", names, chosen or own, key=f"{label}-partitions",
            help="Crossed groups are smaller: a promise about them needs more people.",
        )  # fmt: skip
        limits = _limits(advice, definition, partitions, before, label)
        right, left = st.columns(2, gap="large")
        with right:
            may = st.checkbox(
                "A model may ask for the attribute when it predicts", key=f"{label}-may",
                value=old.may_need_groups if old else advice.may_need_groups,
            )  # fmt: skip
            openings = st.number_input(
                "Openings of the sealed rows", 1, MOST_OPENINGS, old.openings if old else 1,
                key=f"{label}-openings",
                help="The risk of a false certificate, 5%, is shared by them: with two openings "
                "each tests at 2.5%, and needs more people.",
            )  # fmt: skip
        with left:
            smallest = st.number_input(
                "Promise nothing about groups with fewer sealed rows than", 0, None,
                old.smallest_group if old else 0, key=f"{label}-smallest",
                help="0: every group must be shown to be close, and one tiny group then makes a "
                "certificate impossible. Groups left out are named in the certificate.",
            )  # fmt: skip
            if partitions:
                fewest = fewest_rows(prepared_of(review), partitions)
                st.caption(
                    f"The smallest group has {fewest:,} sealed rows: even without any gap, hardly "
                    f"less than {points(smallest_promise(fewest), 0)} could be certified."
                )
        calibration = _calibration(advice, partitions, old, label)
        st.markdown("**When it is in use**")
        plan = _plan(old, label)
        reason = st.text_area(
            "Why this definition and these limits", old.reason if old else "",
            key=f"{label}-reason", max_chars=4000,
        )  # fmt: skip
        change = st.text_area("Why the policy changes", key="amend-why") if old else ""
        name = name_box(key=f"{label}-name")
        if not st.form_submit_button(label, type="primary"):
            return None
    try:
        policy = Policy(
            definition, tuple(limits), reason=reason, answers=answers, calibration=calibration,
            may_need_groups=may, plan=plan, openings=int(openings), smallest_group=int(smallest),
        )  # fmt: skip
    except FaircoreError as error:
        st.error(plain(str(error)))
        return None
    return policy, name, change


def _limits(
    advice: Advice, definition: str, partitions: list[str], before: Mapping[str, float], label: str
) -> list[Limit]:
    """Worst values allowed; the kind of the definition decides how it is written."""
    left, middle, right = st.columns(3, gap="large")

    def known(name: str) -> float | None:
        return next((at for key, at in before.items() if key.startswith(f"{name}{BETWEEN}")), None)

    ratio_is_it = DISPARITIES[definition].kind == "ratio"
    with left:
        gap = st.number_input(
            "Gap at most, points", 0.1, 100.0, 100 * (known(definition) or GAP) if not ratio_is_it
            else 100 * GAP, 0.5, key=f"{label}-gap", format="%g", disabled=ratio_is_it,
            help="5 points, or 10 where there are few people, are usual.",
        )  # fmt: skip
    with middle:
        wanted = ratio_is_it or advice.four_fifths or known(RATIO) is not None
        ratio = st.number_input(
            "Ratio of selection at least, %", 1.0, 100.0,
            100 * (known(RATIO) or FOUR_FIFTHS) if wanted else None, 1.0,
            key=f"{label}-ratio", format="%g", placeholder="no limit",
            help="Four fifths, 80%, is the rule of thumb of US employment guidance.",
        )  # fmt: skip
    with right:
        floor = st.number_input(
            "Accuracy at least, %", 0.0, 100.0,
            100 * before["accuracy"] if "accuracy" in before else None, 0.5,
            key=f"{label}-floor", format="%g", placeholder="no limit",
        )  # fmt: skip
    found = (
        [] if ratio_is_it else [Limit(f"{definition}{BETWEEN}{n}", gap / 100) for n in partitions]
    )
    found += [Limit(f"{RATIO}{BETWEEN}{n}", ratio / 100) for n in partitions if ratio]
    return found + ([Limit("accuracy", floor / 100)] if floor else [])


def _calibration(
    advice: Advice, partitions: list[str], old: Policy | None, label: str
) -> CalibrationLimit | None:
    standing = old.calibration if old else None
    wanted = standing is not None if old else advice.calibrated
    first, second = st.columns(2, gap="large")
    error = first.number_input(
        "Calibration error of every group at most, %", 0.1, 99.0,
        (100 * standing.error if standing else 5.0) if wanted else None, 0.5,
        key=f"{label}-error", format="%g", placeholder="no limit",
        help="Judged by the estimate and said with its chance; no certificate covers it.",
    )  # fmt: skip
    apart = second.number_input(
        "Calibration errors of groups apart at most, points", 0.1, 99.0,
        100 * standing.apart if standing else 2.0, 0.5, key=f"{label}-apart", format="%g",
    )  # fmt: skip
    if error is None or not partitions:
        return None
    return CalibrationLimit(error / 100, apart / 100, partitions[0])


def _plan(old: Policy | None, label: str) -> MitigationPlan:
    columns = st.columns(2, gap="large")
    given = {}
    for place, (name, (text, example)) in enumerate(PLAN.items()):
        given[name] = columns[place % 2].text_input(
            text, getattr(old.plan, name) if old else "", placeholder=example,
            key=f"{label}-plan-{name}", max_chars=400,
        )  # fmt: skip
    return MitigationPlan(**given)


def _title(name: str) -> str:
    return lower_first(DISPARITIES[name].title)
