"""Every figure of every group: intervals, steadier estimates, many comparisons, calibration."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import pandas as pd
import streamlit as st

from faircore.audit import METRICS, GroupReport, Wording, chance, figure_sentence, figure_text
from faircore.numerals import number
from pages.components.session import session
from pages.components.words import plain

_MAIN = ("base_rate", "selection_rate", "true_positive_rate", "false_positive_rate",
         "positive_predictive_value", "accuracy")  # fmt: skip
_MORE = ("false_negative_rate", "true_negative_rate", "negative_predictive_value", "auc", "brier",
         "log_loss", "calibration_gap", "calibration_error", "ece")  # fmt: skip
_TESTS = ("Limits", "p-value", "Holm", "Benjamini–Hochberg")
_GROUP = st.column_config.Column(width=200, pinned=True)  # a name stays in sight


def figures_table(report: GroupReport, partition: str, wording: Wording) -> None:
    """Every figure of every group with its interval."""
    main, more, small, many = st.tabs(
        ["Main figures", "More figures", "Small groups", "Many comparisons"]
    )
    with main:
        _intervals(report, partition, _MAIN)
    with more:
        _intervals(report, partition, _MORE)
    metric = session().audit_metric
    with small:
        if metric in report.shrunken:
            _shrunken(report, partition, metric)
        else:
            st.write("Choose a share above: only shares of people are steadied.")
    with many:
        _comparisons(report, partition, metric)
    with st.expander(f"{METRICS[metric].title}, group by group, in words"):
        sentences = (
            figure_sentence(report, partition, group, metric, wording=wording)
            for group in report.partition(partition).group_names
        )
        st.markdown("\n".join(f"- {plain(sentence)}" for sentence in sentences))
    if report.hidden[report.partition(partition).groups].any():
        st.caption(
            f"A dash stands for fewer than {report.min_people:.0f} people, or for a group that is "
            "withheld because its figures would give a smaller one away. Such groups take no part "
            "in any comparison; no row was dropped."
        )


def _intervals(report: GroupReport, partition: str, metrics: tuple[str, ...]) -> None:
    value, low, high, out = (
        report.table(partition, column) for column in ("value", "low", "high", "stands_out")
    )
    people = report.table(partition, "people")["selection_rate"]
    columns: dict[str, object] = {
        "Group": value.index,
        "People": [number(n, 0) for n in people],
    }
    helps = {}
    for metric in (m for m in metrics if m in value):
        told = METRICS[metric]
        head = f"{told.title}{', %' if told.percent else ''}"
        columns[head] = [
            figure_text(metric, *map(float, shown), out=bool(diamond))
            for *shown, diamond in zip(
                value[metric], low[metric], high[metric], out[metric], strict=True
            )
        ]
        helps[head] = st.column_config.Column(help=told.sentence, alignment="right")
    frame = pd.DataFrame(columns)
    helps |= {"Group": _GROUP, "People": st.column_config.Column(alignment="right")}
    st.dataframe(frame, hide_index=True, width="stretch", column_config=helps)


def _shrunken(report: GroupReport, partition: str, metric: str) -> None:
    st.write(
        "A small group's raw figure is partly luck. The steadier one draws it towards what its "
        "parent groups let one expect, the more so the fewer people it has."
    )
    columns = ("people", "value", "low", "high", "shrunken", "shrunken_low", "shrunken_high")
    tables = {c: report.table(partition, c)[metric] for c in columns}
    frame = pd.DataFrame(
        {
            "Group": tables["value"].index,
            "People it is about": tables["people"].to_numpy(),
            "Raw, %": 100 * tables["value"].to_numpy(),
            "Raw range, %": _ranges(tables["low"], tables["high"]),
            "Steadier, %": 100 * tables["shrunken"].to_numpy(),
            "Steadier range, %": _ranges(tables["shrunken_low"], tables["shrunken_high"]),
        }
    )
    formats = {"People it is about": "{:,.0f}", "Raw, %": "{:.1f}", "Steadier, %": "{:.1f}"}
    right = st.column_config.Column(alignment="right")
    st.dataframe(
        frame.style.format(formats, na_rep="–"), hide_index=True, width="stretch",
        column_config={"Group": _GROUP, "Raw range, %": right, "Steadier range, %": right},
    )  # fmt: skip


def _comparisons(report: GroupReport, partition: str, metric: str) -> None:
    gaps = report.gaps[partition].get(metric)
    if gaps is None:
        st.write("The calibration error has no such test: choose “Score minus outcome” above.")
        return
    st.write(
        "With many groups some differ by luck. Holm's p-value asks whether anybody is harmed at "
        "all; Benjamini and Hochberg's screens: of those below .05, one in twenty is a false alarm."
    )
    table = report.table(partition, "gap")[metric]
    low, high = (report.table(partition, c)[metric] for c in ("gap_low", "gap_high"))
    percent = METRICS[metric].percent
    scale = 100 if percent else 1
    frame = pd.DataFrame(
        {
            "Group": table.index,
            f"Gap{', points' if percent else ''}": scale * table.to_numpy(),
            "Limits": _ranges(low, high, scale=scale),
            "p-value": [chance(p) for p in gaps.p_value],
            "Holm": [chance(p) for p in gaps.p_holm],
            "Benjamini–Hochberg": [chance(p) for p in gaps.p_bh],
            "Stands out": np.where(gaps.stands_out, "◆ yes", ""),
        }
    )  # fmt: skip
    right = st.column_config.Column(alignment="right")
    st.dataframe(
        frame.style.format(_signed(1 if percent else 3), subset=frame.columns[1], na_rep="–"),
        hide_index=True, width="stretch",
        column_config={"Group": _GROUP, **dict.fromkeys(_TESTS, right)},
    )  # fmt: skip


def calibration_table(report: GroupReport, partition: str) -> None:
    """Does a score mean the same for everyone, and what of the difference is chance."""
    frame = report.calibration.loc[partition]
    low, high, gap = (
        report.table(partition, column)[metric]
        for column, metric in (
            ("low", "calibration_error"), ("high", "calibration_error"),
            ("value", "calibration_gap"),
        )
    )  # fmt: skip
    shown = pd.DataFrame(
        {
            "Group": frame.index,
            "Calibration error, %": (100 * frame["ece"]).to_numpy(),
            "By chance alone, %": (100 * frame["by_chance"]).to_numpy(),
            "p-value": [chance(p) for p in frame["p_value"]],
            "Without chance, %": _ranges(low, high),
            "Score minus outcome, points": 100 * gap.to_numpy(),
            "Wander (ECCE)": frame["ecce"].to_numpy(),
            "p-value ": [chance(p) for p in frame["ecce_p_value"]],
        }
    ).sort_values("Wander (ECCE)", ascending=False)
    right = st.column_config.Column(alignment="right")
    st.dataframe(
        shown.style.format(precision=1, na_rep="–").format(
            _signed(1), subset="Score minus outcome, points", na_rep="–"
        ),
        hide_index=True, width="stretch",
        column_config={
            "Group": _GROUP,
            **dict.fromkeys(("p-value", "p-value ", "Without chance, %"), right),
        },
    )  # fmt: skip
    st.caption(
        "Worst first, by a statistic that means the same at every size: about 1.5 when scores are "
        "right, above 2.5 in one case of twenty. The calibration error grows as groups shrink, "
        "even for perfect scores, which is why chance stands beside it."
    )


def _signed(digits: int) -> Callable[[float], str]:
    """Numbers with their sign, a minus as wide as a plus."""
    return partial(number, digits=digits, signed=True)


def _ranges(low: pd.Series, high: pd.Series, *, scale: float = 100) -> list[str]:  # type: ignore[type-arg]
    return [
        "–" if np.isnan(a) else f"{number(scale * a)} to {number(scale * b)}"
        for a, b in zip(low, high, strict=True)
    ]
