"""What the Frontier page asks: objectives, limits, filters, costs."""

from __future__ import annotations

from typing import Any

import streamlit as st

from faircore.errors import FaircoreError
from faircore.frontier import OBJECTIVES, PROFIT, Frontier, Objective, find_objective
from faircore.metrics import DISPARITIES
from faircore.metrics.costs import Costs
from faircore.plots import METHOD_NAMES
from pages.components.frontier_view import CALIBRATION, limited, limits_of, objective_choices
from pages.components.session import FIRST_CUT, LAST_CUT, session
from pages.components.words import plain


def take(name: str) -> None:
    """Note what a control of the view says."""
    setattr(session(), name, st.session_state[f"view-{name}"])


def objective_controls(frontier: Frontier) -> None:
    """What is compared, between whom, at which threshold."""
    current = session()
    first, second, third, fourth = st.columns([2, 3, 2, 3])
    choices = objective_choices(frontier)
    if current.worth is None:
        choices.pop(PROFIT)
    plain_first = [key for key in choices if find_objective(key).source != "gap"]
    gaps = list(DISPARITIES)
    titles = choices | {name: OBJECTIVES[name].title for name in gaps}
    names = [p.name for p in frontier.partitions]
    up = [*plain_first, *(key for key in choices if key not in plain_first)]
    _follow("performance", up)
    first.selectbox(
        "Performance", up, key="view-performance",
        format_func=lambda k: titles.get(k, k), on_change=take, args=("performance",),
        help="The vertical axis. Any measure, a gap too: type to find it.",
    )  # fmt: skip
    across = [*gaps, *plain_first]
    _follow("disparity", across)
    second.selectbox(
        "Fairness", across, key="view-disparity",
        format_func=lambda k: titles.get(k, k), on_change=take, args=("disparity",),
        help="The horizontal axis.",
    )  # fmt: skip
    _follow("partition", names)
    third.selectbox(
        "Between groups of", names, key="view-partition",
        on_change=take, args=("partition",),
    )  # fmt: skip
    # A kept model is selected at the threshold it was set for: the dial's memory must not win.
    st.session_state["view-threshold"] = current.threshold
    fourth.slider(
        "Threshold: select a person whose score is at least", FIRST_CUT, LAST_CUT, step=0.01,
        key="view-threshold", on_change=take, args=("threshold",),
    )  # fmt: skip


def _follow(name: str, options: list[str]) -> None:
    """Let a list show what the session holds: its own memory must not win over a link or a form."""
    chosen = getattr(session(), name)
    st.session_state[f"view-{name}"] = chosen if chosen in options else options[0]


def more_controls(frontier: Frontier, methods: list[str]) -> None:
    """Limits, filters, a third objective, costs; folded away, with what is set below it."""
    current = session()
    told = [limit.in_words(frontier.partition) for limit in limits_of(frontier, current)]
    told += ["no attribute asked for"] if current.no_groups else []
    told += [f"{len(current.methods)} of {len(methods)} methods"] if current.methods else []
    with st.expander("Limits, filters and costs"):
        limits, filters, costs = st.columns(3, gap="large")
        with limits:
            _limits(frontier)
        with filters:
            _filters(frontier, methods)
        with costs:
            _costs()
    if told:
        st.caption(plain(f"Set: {'; '.join(told)}."))


def _limits(frontier: Frontier) -> None:
    """Lines that are not to be crossed; who crosses them is greyed, not hidden."""
    st.markdown("**Limits.** Models that break one are drawn hollow and grey.")
    for objective in limited(frontier):
        _limit(objective)
    st.checkbox(
        "No attribute when predicting", session().no_groups,
        key="view-no_groups", on_change=take, args=("no_groups",),
        help="Where the law forbids the sensitive attribute at prediction time.",
    )  # fmt: skip


def _limit(objective: Objective) -> None:
    """A number in the unit people read: points and percent for shares."""
    current, box = session(), f"view-limit-{objective.key}"
    scale = 100.0 if objective.is_share else 1.0
    way = "at least" if objective.better > 0 else "at most"
    points = objective.source == "gap" or objective.name == CALIBRATION
    unit = (", points" if points else ", %") if objective.is_share else ""

    def note() -> None:
        value = st.session_state[box]
        current.limits.pop(objective.key, None)
        if value is not None:
            current.limits[objective.key] = value / scale

    given = current.limits.get(objective.key)
    st.session_state[box] = None if given is None else given * scale
    st.number_input(
        f"{objective.title}, {way}{unit}", value=None, step=None, placeholder="no limit", key=box,
        on_change=note, format="%g",
        **({"min_value": 0.0, "max_value": 100.0} if objective.is_share else {}),
    )  # fmt: skip


def _filters(frontier: Frontier, methods: list[str]) -> None:
    current = session()
    st.markdown("**What is shown.** Leave methods empty to see all.")

    def note_methods() -> None:
        current.methods = tuple(st.session_state["view-methods"])

    st.session_state["view-methods"] = [m for m in current.methods if m in methods]
    st.multiselect(
        "Methods", methods, key="view-methods",
        format_func=lambda m: METHOD_NAMES.get(m, m), on_change=note_methods,
    )  # fmt: skip
    choices = {"": "None"} | objective_choices(frontier)
    if current.worth is None:
        choices.pop(PROFIT)
    _follow("third", list(choices))
    st.selectbox(
        "A third objective, as colour", list(choices), key="view-third",
        format_func=lambda k: choices.get(k, k),
        on_change=take, args=("third",),
    )  # fmt: skip
    shown: dict[str, Any] = {
        "by_seed": ("Every seed on its own", "Else one mark per request: mean over its seeds, "
                    "with a whisker of one standard deviation."),
        "errors": ("Intervals", "Of the unbeaten models: 95% of what other people of the same "
                   "kind would have given."),
        "band": ("Band of the frontier", "Where the true frontier lies with 95%, at each gap."),
    }  # fmt: skip
    for name, (label, why) in shown.items():
        st.checkbox(
            label, getattr(current, name), key=f"view-{name}", on_change=take, args=(name,),
            help=why,
        )  # fmt: skip


def _costs() -> None:
    current = session()
    st.markdown("**Costs.** What one decision is worth to the organisation, in any unit.")
    before = current.worth or (1.0, -1.0, 0.0, 0.0)
    names = (
        "A yes that turns out well", "A yes that turns out badly",
        "A no that would have turned out well", "A no that would have turned out badly",
    )  # fmt: skip
    with st.form("costs", border=False):
        left, right = st.columns(2)
        given = tuple(
            (left if i % 2 == 0 else right).number_input(
                name, value=before[i], step=None, key=f"cost-{i}", format="%g"
            )
            for i, name in enumerate(names)
        )
        unit = st.text_input("Unit", current.unit, placeholder="euro", max_chars=20)
        if st.form_submit_button("Count in these costs"):
            try:
                Costs(*given, unit=unit)
            except FaircoreError as error:
                st.error(str(error))
                return
            current.worth = given  # type: ignore[assignment]
            current.unit = unit
            current.performance = PROFIT
            st.rerun()
