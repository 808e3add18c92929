"""The selected model: what it does, how sure that is, and what another threshold would do."""

from __future__ import annotations

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from faircore.frontier import (
    Frontier,
    Limit,
    Objective,
    Uncertainty,
    counts_of,
    decisions_at,
    evidence_of,
    find_objective,
    measure_counts,
    rows_by_score,
)
from faircore.groups import Partition, find_partition
from faircore.metrics import DISPARITIES, MIN_PEOPLE, RATES, hidden_groups
from faircore.numerals import percent
from faircore.plots import group_bars
from faircore.plots.small_reliability import small_reliability
from pages.components.candidate_facts import facts
from pages.components.charts import show_chart
from pages.components.frontier_view import limits_of
from pages.components.group_cuts import TRIED, cuts_now, tried
from pages.components.session import ReviewSession, session
from pages.components.words import Evidence, finding, labels, plain


def detail(frontier: Frontier, position: int, sure: Uncertainty | None) -> None:
    """Objectives with intervals, groups, needs; and the way on."""
    current, candidate = session(), frontier.candidates[position]
    counts = counts_now(frontier, position, current)
    partition = find_partition(frontier.partitions, frontier.gap.partition)
    with st.container(key="selected-name"):
        st.subheader(plain(labels(frontier)[candidate.id]))
    by_group = tried(frontier, current)
    if by_group:
        st.caption("At the thresholds by group that are tried below.")
        sure = None  # intervals and chances are those of one threshold for everybody
    _objectives(frontier, position, sure)
    _standing(frontier, position, sure, current, by_group)
    st.markdown(
        finding(
            counts, frontier.partitions, partition, frontier.gap.name,
            sizes=frontier.sizes[frontier.split],
            evidence=evidence_now(frontier, position, current),
        )
    )  # fmt: skip
    _bars(frontier, counts, partition)
    with st.container(horizontal=True):
        if st.button("Choose this point", type="primary"):
            st.switch_page("decide.py")
        pinned = current.pinned == candidate.id
        st.button(
            "Pinned for comparison" if pinned else "Pin to compare", key="pin", disabled=pinned,
            on_click=_pin, args=(candidate.id,),
        )  # fmt: skip
    if by_group:
        st.caption(TRIED)
    box = st.expander(
        "Does a score mean the same in each group?", key="small-box", on_change="rerun"
    )
    if box.open:  # drawn only for those who look
        with box:
            _reliability(frontier, position, partition)
    if by_group:
        st.caption("What follows is of the model with one threshold for everybody.")
    facts(frontier, position)


def _reliability(frontier: Frontier, position: int, partition: Partition) -> None:
    candidate, rows = frontier.candidates[position], frontier.rows.get(frontier.split)
    if rows is None or frontier.split not in candidate.passed:
        st.write("This model was made by an older version. Train it again to see this.")
        return
    show_chart(
        small_reliability(
            candidate.cube(frontier.split), partition,
            rows=rows_by_score(rows, candidate.passed[frontier.split]),
            hidden=hidden_groups(frontier.partitions, frontier.sizes[frontier.split]),
        ),
        key="small-reliability",
        alt="Share of good outcomes against the score, one line per group",
    )  # fmt: skip
    st.caption("On the dotted line, what is promised happens. More on Calibration.")


def _pin(candidate: str) -> None:
    session().pinned = candidate
    st.rerun(["detail", "below"])


def counts_now(frontier: Frontier, position: int, current: ReviewSession) -> NDArray[np.float64]:
    """Counts of a candidate at the threshold of the page, or at those of its groups."""
    decisions = decisions_now(frontier, position, current)
    if not current.cut_by or decisions is None:
        return frontier.counts[position]
    return counts_of(frontier.rows[frontier.split], decisions)


def evidence_now(frontier: Frontier, position: int, current: ReviewSession) -> Evidence | None:
    """Rows and squared weights behind :func:`counts_now`; None where its rows are not known."""
    decisions = decisions_now(frontier, position, current)
    return None if decisions is None else evidence_of(frontier.rows[frontier.split], decisions)


def decisions_now(
    frontier: Frontier, position: int, current: ReviewSession
) -> NDArray[np.int8] | None:
    """Whom a candidate selects as the page is set; None where its rows are not known."""
    rows = frontier.rows.get(frontier.split)
    passed = frontier.candidates[position].passed.get(frontier.split)
    if rows is None or passed is None:
        return None
    if not current.cut_by:
        return decisions_at(rows, passed, frontier.threshold)
    return decisions_at(rows, passed, cuts_now(frontier, current), partition=current.cut_by)


def measured_now(
    frontier: Frontier, position: int, objective: Objective, current: ReviewSession
) -> float:
    """An objective of a candidate at the threshold of the page, or at those of its groups."""
    if not current.cut_by or objective.source == "scores":  # no threshold moves those of scores
        if objective in frontier.objectives:  # known already
            return float(frontier.values[position, frontier.objectives.index(objective)])
        return float(frontier.measure(objective)[position])
    return float(
        measure_counts(
            objective, counts_now(frontier, position, current), frontier.partitions,
            costs=frontier.costs, min_people=frontier.min_people,
        )
    )  # fmt: skip


def _objectives(frontier: Frontier, position: int, sure: Uncertainty | None) -> None:
    lines, current = [], session()
    for m, objective in enumerate(frontier.objectives):
        value = measured_now(frontier, position, objective, current)
        line = f"{plain(objective.full_title)}: **{objective.text(value)}**"
        if sure is not None and np.isfinite(sure.low[position, m]):
            low, high = sure.low[position, m], sure.high[position, m]
            line += f" ({objective.text(low)} to {objective.text(high)})"
        lines.append(line)
    st.markdown("  \n".join(lines))


def _standing(
    frontier: Frontier,
    position: int,
    sure: Uncertainty | None,
    current: ReviewSession,
    by_group: bool,
) -> None:
    """Whether others beat it, and which limits it breaks."""
    told = []
    if not by_group and not frontier.non_dominated[position]:
        told.append(
            "Another model is at least as good in "
            + ("both respects" if len(frontier.objectives) == 2 else "every respect")
            + " and better in one."
        )
    if sure is not None and np.isfinite(sure.chance[position]):
        told.append(f"Chance that no other model here truly beats it: {_chance(sure, position)}.")
    if sure is not None:
        told.append("In brackets: 95% intervals, since other people would give other figures.")
    st.caption(" ".join(told))
    broken = [
        limit.in_words(frontier.partition)
        for limit in limits_of(frontier, current)
        if not limit.holds(np.array(_of_limit(frontier, position, limit, current)))
    ]
    if broken:
        st.warning(plain("Breaks a limit: " + "; ".join(broken) + "."))
    if current.no_groups and (by_group or frontier.candidates[position].needs_groups):
        st.warning("Asks for a sensitive attribute when it predicts, which is ruled out above.")


def _of_limit(frontier: Frontier, position: int, limit: Limit, current: ReviewSession) -> float:
    objective = find_objective(limit.key, frontier.partition)
    return measured_now(frontier, position, objective, current)


def _chance(sure: Uncertainty, position: int) -> str:
    chance = float(sure.chance[position])
    return "under 1%" if chance < 0.01 else "over 99%" if chance > 0.99 else percent(chance, 0)


def _bars(frontier: Frontier, counts: NDArray[np.float64], partition: Partition) -> None:
    rate = DISPARITIES[frontier.gap.name].worst_rate(
        counts[partition.groups], min_people=MIN_PEOPLE
    )
    st.caption(f"{RATES[rate].sentence.capitalize()}:")
    sizes = frontier.sizes[frontier.split]
    bars = group_bars(
        counts, partition, sizes=sizes, rate=rate, hidden=hidden_groups(frontier.partitions, sizes)
    )
    show_chart(bars, key="bars", alt=f"{RATES[rate].title} by {partition.name}, one bar per group")
