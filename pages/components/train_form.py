"""What to train: the goal, the methods and how strongly."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from faircore.methods import METHODS, Method
from faircore.penalties import PENALTIES, PenaltyOptions
from faircore.plans import SweepPlan, SweepSpec
from pages.components.loading import SPLIT_SEED
from pages.components.train_settings import configs, penalty_options

STAGES = {
    "during": "While it learns",
    "before": "Before it learns: repair the data",
    "around": "Around a learner: train many times and mix",
    "after": "Afterwards: leave the score, change the decisions",
}
FIRST = "regularized"
NEEDS = "Must be told the group of everybody it decides on."


def plan_form(
    partitions: list[str], sources: Mapping[str, str], *, learns: bool
) -> SweepPlan | None:
    """Ask what to train; ``None`` while the answers contradict each other.

    Parameters
    ----------
    partitions : list of str
    sources : mapping of reference to name
        Models there are already.
    learns : bool
        Whether the review has features to learn from.
    """
    left, right = st.columns(2)
    penalty = left.selectbox(
        "What fair means here", list(PENALTIES), key="goal",
        format_func=lambda p: PENALTIES[p].title,
    )  # fmt: skip
    left.caption(PENALTIES[penalty].sentence)
    between = right.multiselect("Between the groups of", partitions, default=partitions[:1])
    right.caption("Attributes crossed with × are groups of their own.")
    st.markdown("##### How to get there")
    offered = {name: method for name, method in METHODS.items() if method.stage in STAGES}
    able = [name for name, method in offered.items() if penalty in method.goals]
    if not learns:
        able = [name for name in able if METHODS[name].stage == "after"]
    chosen = _offers(able, penalty, learns=learns)
    unable = [method.title for name, method in offered.items() if name not in able]
    if unable and learns:
        st.caption(f"Not for this goal: {'; '.join(unable)}.")
    if not chosen:
        st.error("Choose at least one way to get there.")
        return None
    if not between:
        st.error("Choose at least one attribute to be fair between.")
        return None
    seeds = st.columns(4)[0].number_input(
        "Seeds", 1, 20, 1, help="Each strength is trained from several starts, to see the luck."
    )
    with st.expander("How each of them learns"):
        settings = configs(chosen, sources, penalty, several=seeds > 1, learns=learns)
    options = PenaltyOptions()
    if any(METHODS[name].takes_options for name in chosen):
        with st.expander("How groups are compared while learning"):
            options = penalty_options(penalty, crossed=any(" × " in name for name in between))
    if settings is None:
        return None
    sweeps = []
    for name in chosen:
        strengths = _strengths(name, penalty)
        if strengths is None:
            return None
        sweeps.append(
            SweepSpec(
                strengths=strengths,
                seeds=tuple(range(int(seeds))) if not METHODS[name].fixed else (0,),
                method=name,
                penalty=penalty,
                partitions=tuple(between) if len(between) < len(partitions) else (),
                config=settings[name],
                options=options if METHODS[name].takes_options else PenaltyOptions(),
                split_seed=SPLIT_SEED,
            )
        )
    return SweepPlan(tuple(sweeps))


def _offers(able: list[str], penalty: str, *, learns: bool) -> list[str]:
    """Every method that can pursue the goal, by where it steps in; those that are wanted."""
    first = FIRST if learns else "existing"
    chosen = []
    for stage, title in STAGES.items():
        names = [name for name in able if METHODS[name].stage == stage]
        if not names:
            continue
        opened = stage == METHODS[first].stage
        with st.expander(f"**{title}**", expanded=opened):
            chosen += [
                name for name in names if _offer(name, METHODS[name], penalty, first == name)
            ]
    return chosen


def _offer(name: str, method: Method, penalty: str, default: bool) -> bool:
    """One method with its range of strengths; whether it is wanted."""
    wanted = st.checkbox(f"**{method.title}**", value=default, key=f"use-{name}")
    needs = f" {NEEDS}" if method.needs_groups else ""
    st.caption(f"{method.sentence}{needs} {method.caution}".strip())
    if not wanted or method.fixed:
        return wanted
    low, high, steps, _ = st.columns(4)
    weakest, strongest = method.strengths(penalty)
    scale, unit, step = (100, ", points", 0.5) if method.targets else (1, "", 0.1)
    first, last = _ends(method)
    most = method.largest * scale
    low.number_input(
        f"{first}{unit}", 0.0, most, weakest * scale,
        step=step, format="%g", key=f"low-{name}-{penalty}",
    )  # fmt: skip
    high.number_input(
        f"{last}{unit}", 0.0, most, strongest * scale,
        step=step, format="%g", key=f"high-{name}-{penalty}",
    )  # fmt: skip
    steps.number_input("Models", 2, 200, 12 if method.largest > 1 else 6, key=f"steps-{name}")
    return True


def _ends(method: Method) -> tuple[str, str]:
    """What both ends of the range are called."""
    if method.targets:
        return "Widest gap", "Narrowest gap"
    if method.is_share:
        return "Least", "Most"
    return "Weakest λ", "Strongest λ"


def _strengths(name: str, penalty: str) -> tuple[float, ...] | None:
    """A grid between both ends; ``None`` with a word when they make none."""
    method = METHODS[name]
    if method.fixed:
        return (method.plain,)
    low, high = (st.session_state[f"{end}-{name}-{penalty}"] for end in ("low", "high"))
    if method.targets:
        low, high = low / 100, high / 100
        if not 0 < high < low <= 1:
            st.error(
                "The narrowest gap must be above 0 and below the widest, which is at most 100 "
                "points. Change one of them."
            )
            return None
    elif not 0 < low < high:
        st.error("The weakest must be above 0 and below the strongest. Change one of them.")
        return None
    return method.grid(low, high, int(st.session_state[f"steps-{name}"]), digits=4)
