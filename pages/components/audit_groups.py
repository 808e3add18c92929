"""Groups of the audited system: who stands out, the picture, the inequalities."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st

from faircore.audit import (
    MEASURES,
    METRICS,
    GroupReport,
    Inequality,
    Wording,
    chance,
    headlines,
    inequality_sentence,
    measure_text,
    n_named,
    pair_sentence,
    verdict,
)
from faircore.plots import group_intervals
from pages.components.charts import show_chart
from pages.components.howto import how_to_read
from pages.components.session import session
from pages.components.words import plain

FOUR_FIFTHS = 0.8
EVERYBODY = "everybody"


def what_stands_out(report: GroupReport, wording: Wording) -> None:
    """The answer first: who is treated differently, beyond chance."""
    found = headlines(report, wording=wording)
    if not found:
        st.markdown("#### No group differs from the others by more than chance")
        st.write("That is not proof of fairness: small groups leave room for large differences.")
        return
    st.markdown("#### Some groups are treated differently, by more than chance")
    st.markdown("\n".join(f"- {plain(sentence)}" for sentence in found))
    if n_named(report) > len(found):
        st.caption(
            f"The widest {len(found)} of {n_named(report)}. Where one group is selected less "
            "often, others stand out as selected more often, and groups contain each other."
        )


def controls(report_partitions: list[str], metrics: list[str], groups: list[str]) -> None:
    """Between whom, in what, and against whom."""
    current = session()

    def pick(name: str) -> None:
        setattr(current, f"audit_{name}", st.session_state[f"audit-{name}"])
        if name == "partition":
            current.audit_reference = ""

    first, second, third = st.columns(3)
    first.selectbox(
        "Groups of", report_partitions, key="audit-partition", on_change=pick,
        index=report_partitions.index(current.audit_partition), args=("partition",),
    )  # fmt: skip
    second.selectbox(
        "Figure", metrics, key="audit-metric", on_change=pick, args=("metric",),
        index=metrics.index(current.audit_metric), format_func=lambda m: METRICS[m].title,
    )  # fmt: skip
    options = ["", *groups]
    third.selectbox(
        "Compared with", options, key="audit-reference", on_change=pick, args=("reference",),
        index=options.index(current.audit_reference) if current.audit_reference in options else 0,
        format_func=lambda g: g or EVERYBODY,
    )  # fmt: skip


def picture(report: GroupReport, partition: str, metric: str, wording: Wording) -> None:
    """The figure of every group, with the finding above it."""
    gaps = report.gaps[partition].get(metric)
    measure = _measure_of(metric)
    found = next((i for i in report.inequalities[partition] if i.measure == measure), None)
    st.markdown(f"**{METRICS[metric].title}**: {METRICS[metric].sentence}.")
    show_chart(
        group_intervals(report, partition, metric), key="audit-groups",
        alt=f"{METRICS[metric].title} by {partition}; the table below holds the same values",
    )  # fmt: skip
    told = _against_reference(report, partition, metric, wording)
    if told:
        st.markdown(plain(told))
    if found is not None:
        st.markdown(plain(inequality_sentence(report, partition, found, wording=wording)))
    _how_to_read(compared=gaps is not None)


def _how_to_read(*, compared: bool) -> None:
    """What the marks of the picture are; the calibration error is compared with nobody."""
    if not compared:
        how_to_read(
            "A dot is a group: further left is better, its scores are less wrong. The thin line "
            "is the range of its error without what chance adds.",
            "Chance makes the error of small groups look larger: the calibration table says by "
            "how much. Do not take the group furthest right for the one treated worst.",
            about="calibration",
        )
        return
    how_to_read(
        "A dot is a group, the thin line the range its true figure may lie in: the fewer people, "
        "the longer. Dots in one column would be equal groups; neither side is better in itself.",
        "The grey bar is where chance alone would put a group of this size if it were treated like "
        f"{plain(session().audit_reference) or EVERYBODY}; all groups are considered at once, so "
        "that there is any false alarm in one comparison of twenty.",
        "A diamond outside its bar stands out. A dot inside its bar is no proof that the group is "
        "treated alike, only that these data do not show otherwise.",
        "A difference says nothing of its reason.",
        about="chance",
    )


def _against_reference(report: GroupReport, partition: str, metric: str, wording: Wording) -> str:
    """The group furthest from the named one, beside it."""
    named, gaps = report.reference.get(partition), report.gaps[partition].get(metric)
    if named is None or gaps is None or not np.isfinite(gaps.gap).any():
        return ""
    names, values = report.partition(partition).group_names, report.table(partition)[metric]
    other = names[int(np.nanargmax(np.abs(gaps.gap)))]
    return pair_sentence(
        metric, (f"group {other}", float(values[other])), (f"group {named}", float(values[named])),
        wording=wording,
    )  # fmt: skip


def inequality_table(report: GroupReport, partition: str, wording: Wording) -> None:
    """Every inequality beside what chance alone would make of equal groups."""
    names = report.partition(partition).group_names
    rows = []
    for found in report.inequalities[partition]:
        known = found.lowest >= 0
        rule = " · below four fifths" if _under_the_rule(found) else ""
        mark = "◆ " if verdict(found) == "more than chance" else ""
        low, high = (measure_text(found.measure, v) for v in (found.low, found.high))
        rows.append(
            {
                "Inequality": MEASURES[found.measure].title,
                "Found": measure_text(found.measure, found.value),
                "By chance alone": measure_text(found.measure, found.by_chance),
                "Verdict": f"{mark}{verdict(found)}{rule}",
                "Lowest – highest": f"{names[found.lowest]} – {names[found.highest]}"
                if known
                else "–",
                "p-value": chance(found.p_value),
                "Limits": f"{low.removesuffix(' points')} to {high}" if low != "–" else "–",
            }
        )
    columns = dict.fromkeys(
        ("Found", "By chance alone", "p-value", "Limits"),
        st.column_config.Column(alignment="right"),
    )
    columns["Verdict"] = st.column_config.Column(width=230)
    columns["Lowest – highest"] = st.column_config.Column(width=300)
    st.dataframe(
        pd.DataFrame(rows), hide_index=True, width="stretch", column_config=columns,
        height=35 * (len(rows) + 1) + 3,
    )  # fmt: skip
    st.caption(
        "Each row is judged by itself: of 20 between equal groups, one says “more than chance”. "
        "What is named at the top of the page holds with everything considered together."
    )
    with st.expander("All of this in words"):
        sentences = (
            inequality_sentence(report, partition, found, wording=wording)
            for found in report.inequalities[partition]
        )
        st.markdown("\n".join(f"- {plain(sentence)}" for sentence in sentences))
    with st.expander("How this is computed"):
        st.write(
            "The widest gap among several groups is never zero, even between equals. “By chance "
            "alone” is how far groups of these sizes drift apart in 95 of 100 cases when all are "
            "treated alike; the p-value is how often they drift as far as found. The limits are "
            "those of the two groups furthest apart, widened because they were picked from all "
            "pairs; they may still touch "
            "zero where the gap as a whole is more than chance. A ratio below four fifths is what "
            "US employment agencies take as a sign of "
            "adverse impact."
        )


def _under_the_rule(found: Inequality) -> bool:
    """Whether the least selected group falls below four fifths of the most selected one."""
    return found.measure == "demographic_parity_ratio" and found.value < FOUR_FIFTHS


def _measure_of(metric: str) -> str:
    for name, measure in MEASURES.items():
        if measure.metrics == (metric,) and measure.kind == "difference":
            return name
    return ""
