"""Tables and sentences of the Calibration page: groups, limits, and what else changed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from faircore.audit import chance
from faircore.metrics.calibration_report import CalibrationReport
from faircore.numerals import hundredths, number, percent, points
from pages.components.words import plain

_GROUP = st.column_config.Column(width=200, pinned=True)
_RIGHT = st.column_config.Column(alignment="right")
_ORDER = ("fail", "unclear", "pass")
CERTAIN = 0.05  # level of what is called more than chance, all figures considered together
VERDICTS = {"pass": "✓ within", "fail": "✗ above", "unclear": "? chance may explain it",
            "too few": "– too few"}  # fmt: skip


_HELPS = {
    "ECE, points": "Expected calibration error: how far scores and outcomes are apart on average "
    "over the bins. It grows as groups shrink, even for perfect scores.",
    "By chance": "What the ECE would be on average if every score were exactly right.",
    "Error beyond chance (95%)": "Root of the mean squared error with the part of chance taken "
    "out, in points; below 0 where scores fit better than chance allows. In brackets the interval "
    "of the true one.",
    "Drift (ECCE)": "How far outcomes and scores drift apart along the scores, in standard "
    "deviations. It means the same at every size: about 1.5 when scores are right.",
}


def headline(now: CalibrationReport, before: CalibrationReport | None, partition: str) -> None:
    """The answer first: how many groups keep the limits, and whom the score misleads most."""
    told = _kept(now, partition)
    if before is not None:
        earlier = _kept(before, partition)
        told += " It was the same before." if earlier == told else f" Before: {_lower(earlier)}"
    st.markdown(f"#### {told}")
    groups = now.partition(partition)
    judged = groups[np.isfinite(groups["ece"])]
    sentences = now.in_words(partition)
    # Those that miss the limit first, each kind worst first.
    order = sorted(range(len(judged)), key=lambda i: _ORDER.index(judged["verdict"].iloc[i]))
    shown = [sentences[i] for i in order[:3]] + sentences[-1:]
    st.markdown("\n".join(f"- {plain(sentence)}" for sentence in shown))


def _kept(report: CalibrationReport, partition: str) -> str:
    verdicts = report.partition(partition)["verdict"]
    judged, limit = int((verdicts != "too few").sum()), points(report.settings.ece_limit, None)
    failed, unclear = (int((verdicts == v).sum()) for v in ("fail", "unclear"))
    if not judged:
        return "No group has enough people to be judged."
    if not failed and not unclear:
        return f"All {judged} groups are within the limit of {limit}."
    told = f"{failed or 'None'} of {judged} groups miss{'es' if failed == 1 else ''} the limit of "
    told += f"{limit} by more than chance"
    if not failed:
        told = f"No group misses the limit of {limit} by more than chance"
    return told + (f"; for {unclear} chance may be the reason." if unclear else ".")


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]


def groups_table(now: CalibrationReport, before: CalibrationReport | None, partition: str) -> None:
    """Every group, worst first, with what chance makes of it."""
    frame = now.partition(partition)
    old = None if before is None else before.groups.loc[partition].reindex(frame.index)

    def told(column: str) -> list[str]:
        """A column in hundredths, before and now where there are both."""
        new = [hundredths(v) for v in frame[column]]
        if old is None:
            return new
        was = (hundredths(v) for v in old[column])
        return [b if a == b == "–" else f"{a} → {b}" for a, b in zip(was, new, strict=True)]

    promise, error = st.tabs(["Promised and happened", "Calibration error, beside chance"])
    with promise:
        _table(
            frame,
            {
                "Limit": [VERDICTS[v] for v in frame["verdict"]],
                "People": [number(v, 0) for v in frame["people"]],
                "Promised, %": told("score"),
                "Happened, %": [hundredths(v) for v in frame["outcome"]],
                "Difference, points": told("gap"),
                "95%": _ranges(frame["gap_low"], frame["gap_high"]),
            },
        )
    with error:
        _table(
            frame,
            {
                "Limit": [VERDICTS[v] for v in frame["verdict"]],
                "ECE, points": told("ece"),
                "By chance": [hundredths(v) for v in frame["by_chance"]],
                "p-value": [chance(p) for p in frame["p_value"]],
                "Error beyond chance (95%)": [
                    value if text == "–" else f"{value} ({text})"
                    for value, text in zip(
                        told("error"),
                        _ranges(frame["error_low"], frame["error_high"]),
                        strict=True,
                    )
                ],
                "Drift (ECCE)": [number(v) for v in frame["ecce"]],
                "p-value (Holm)": [chance(p) for p in frame["ecce_holm"]],
            },
        )
    gap = now.disparities.loc[partition]
    least = now.settings.min_people
    st.caption(
        "Worst first, by the drift along the scores. The limits: an ECE of "
        f"{points(now.settings.ece_limit, None)} in each group, "
        f"{hundredths(now.settings.disparity_limit, None)} between two groups "
        f"(here {hundredths(gap['difference'])}: {VERDICTS[gap['verdict']][2:]}). Where chance "
        "may explain it, groups that keep the limit would look as bad in more than 5 of 100 cases, "
        "all groups considered together. "
        f"A dash: fewer than {least:.0f} people, or a group that would give a smaller one away."
    )


def _table(frame: pd.DataFrame, columns: Mapping[str, list[str]]) -> None:
    st.dataframe(
        pd.DataFrame({"Group": frame.index, **columns}), hide_index=True, width="stretch",
        column_config={
            "Group": _GROUP,
            **{
                name: st.column_config.Column(
                    alignment="left" if name == "Limit" else "right", help=_HELPS.get(name)
                )
                for name in columns
            },
        },
    )  # fmt: skip


def effect_sentence(effect: pd.DataFrame, base_rates: pd.Series[float]) -> str:
    """What calibration did to the other figures, beyond chance, in words of these data."""
    moved = effect[effect["p_holm"] < CERTAIN]
    worse = moved[moved["change"] * moved["better"] < 0]
    better = moved[moved["change"] * moved["better"] > 0]

    def told(rows: pd.DataFrame) -> str:
        return "; ".join(
            f"{row['title'].lower()} from {_shown(row, 'before')} to {_shown(row, 'after')}"
            for _, row in rows.iterrows()
        )

    parts = []
    if len(worse):
        parts.append(f"**It made worse**: {told(worse)}.")
    if len(better):
        parts.append(f"**It made better**: {told(better)}.")
    if not parts:
        parts.append("No other figure moved by more than chance.")
    low, high = base_rates.min(), base_rates.max()
    if high - low > 0.05:
        few, many = (plain(str(name)) for name in (base_rates.idxmin(), base_rates.idxmax()))
        parts.append(
            f"The good outcome comes to {percent(low)} of group {few} and to {percent(high)} "
            f"of group {many}. A score that means the same in both cannot also be wrong equally "
            "often about those with and those without the good outcome, unless it is never wrong."
        )
    return " ".join(parts)


def effect_table(effect: pd.DataFrame) -> None:
    """Every other figure before and after, with the interval of its change."""
    rows = [
        {
            "Figure": row["title"],
            "Before": _shown(row, "before"),
            "After": _shown(row, "after"),
            "Change": _shown(row, "change", signed=True),
            "95%": _interval(row),
            "": _direction(row),
        }
        for _, row in effect.iterrows()
    ]
    right = dict.fromkeys(("Before", "After", "Change", "95%"), _RIGHT)
    st.dataframe(pd.DataFrame(rows), hide_index=True, width="stretch", column_config=right)


def compare_table(rows: list[Mapping[str, Any]]) -> None:
    """Ways to calibrate one score beside each other."""
    st.dataframe(
        pd.DataFrame(rows), hide_index=True, width="stretch",
        column_config={
            "Calibration": st.column_config.Column(width=260, pinned=True),
            **dict.fromkeys(list(rows[0])[1:], _RIGHT),
        },
    )  # fmt: skip


def _direction(row: pd.Series[Any]) -> str:
    if not row["p_holm"] < CERTAIN:
        return "no more than chance" if np.isfinite(row["low"]) else "–"
    return "better" if row["change"] * row["better"] > 0 else "worse"


def _is_share(row: pd.Series[Any]) -> bool:
    return row["kind"] == "performance" or (row["kind"] == "disparity" and row["better"] < 0)


def _shown(row: pd.Series[Any], column: str, *, signed: bool = False) -> str:
    scale, digits = (100, 1) if _is_share(row) else (1, 3)
    return number(scale * row[column], digits, signed=signed)


def _interval(row: pd.Series[Any]) -> str:
    return f"{_shown(row, 'low', signed=True)} to {_shown(row, 'high', signed=True)}"


def _ranges(low: pd.Series[float], high: pd.Series[float]) -> list[str]:
    return [
        "–" if np.isnan(a) else f"{hundredths(a)} to {hundredths(b)}"
        for a, b in zip(low, high, strict=True)
    ]
