"""One figure of every group: what it is, how sure, and where chance alone would put it."""

from __future__ import annotations

from functools import partial
from html import escape

import numpy as np
import plotly.graph_objects as go

from faircore.audit import GroupReport, find_metric
from faircore.errors import InputError
from faircore.metrics.intervals import Array
from faircore.numerals import number, percent
from faircore.plots.colors import CONTEXT
from faircore.plots.layout import calm

_LONGEST = 28  # characters of a group's name beside its row
_BAND = "rgba(128, 132, 140, 0.28)"


def group_intervals(
    report: GroupReport, partition: str, metric: str = "true_positive_rate"
) -> go.Figure:
    """A dot per group with its interval, over the range chance alone would allow it.

    Parameters
    ----------
    report : GroupReport
    partition, metric : str

    Notes
    -----
    The grey bar stands around the reference (everybody, or the named group). A dot outside its
    bar stands out with all groups of the partition considered at once; it is drawn as a diamond,
    the others as circles. The thin line is the group's own interval.
    """
    split, told = report.partition(partition), find_metric(metric)
    if metric not in report.estimates.of:
        raise InputError(
            f"The figure {metric!r} comes from scores, and this report has decisions only. Pass "
            "y_score, or choose a figure of decisions."
        )
    own, at = report.estimates.of[metric], split.groups
    gaps = report.gaps[partition].get(metric)
    named = report.reference.get(partition)
    hidden = report.hidden[at]
    value, low, high = (
        np.where(hidden, np.nan, getattr(own, part)[at]) for part in ("value", "low", "high")
    )
    figure, bands = go.Figure(), np.empty(0)
    if gaps is not None:
        # What each group is compared with, and as far around it as its own limits reach.
        around = np.where(hidden, np.nan, value - gaps.gap)
        bands = np.stack([around - (gaps.high - gaps.gap), around + (gaps.gap - gaps.low)])
        figure.add_trace(_bands(bands))
    for position in range(len(split.labels)):
        out = gaps is not None and bool(gaps.stands_out[position])
        figure.add_trace(
            go.Scatter(
                x=_rounded([low[position], value[position], high[position]]),
                y=[position] * 3,
                mode="lines+markers",
                line={"width": 1.5},
                marker={
                    "size": [0, 12 if out else 9, 0],
                    "symbol": "diamond" if out else "circle",
                    "opacity": 1,
                },
                hoverinfo="text",
                hovertext=_hover(report, split.group_names[position], position, partition, metric),
                name=escape(split.group_names[position]),
            )
        )
    calm(figure, height=72 + 40 * len(split.labels), hovermode="closest")
    reference = _reference(report, partition, metric)
    if np.isfinite(reference):
        figure.add_vline(
            x=round(reference, 5), line={"width": 1, "color": CONTEXT, "dash": "dot"},
            annotation_text="everybody" if named is None else escape(named),
            annotation_position="top", annotation_font_size=12,
        )  # fmt: skip
    shown = np.concatenate([[reference], value, low, high, bands.ravel()])
    shown = shown[np.isfinite(shown)]
    _axes(figure, report, partition, metric, shown)
    figure.update_xaxes(title=told.title, tickformat=".0%" if told.percent else ".2f")
    return figure


def _reference(report: GroupReport, partition: str, metric: str) -> float:
    """Where the line stands: everybody, or the named group."""
    named = report.reference.get(partition)
    if named is not None:
        return float(report.table(partition)[metric][named])
    # Everybody's AUC also ranks people of different groups: no group is compared with it.
    return float("nan") if metric == "auc" else float(report.everybody.of[metric].value[0])


def _bands(bands: Array) -> go.Bar:
    return go.Bar(
        y=list(range(bands.shape[1])),
        x=_rounded(bands[1] - bands[0]),
        base=_rounded(bands[0]),
        orientation="h",
        marker={"color": _BAND, "line": {"width": 0}},
        width=0.62,
        hoverinfo="skip",
        name="by chance alone",
    )


def _rounded(values: object) -> list[float | None]:
    return [round(float(v), 5) if np.isfinite(v) else None for v in np.asarray(values, float)]


def _hover(report: GroupReport, name: str, position: int, partition: str, metric: str) -> str:
    at = report.partition(partition).groups.start + position
    own = report.estimates.of[metric]
    if report.hidden[at] or not np.isfinite(own.value[at]):
        return f"{escape(name)}: not shown"
    write = percent if find_metric(metric).percent else partial(number, digits=3)
    value, low, high = (write(float(part[at])) for part in (own.value, own.low, own.high))
    people = report.estimates.people[metric][at]
    return f"{escape(name)}: {value}<br>{low} to {high}, {people:,.0f} people"


def _axes(
    figure: go.Figure, report: GroupReport, partition: str, metric: str, shown: Array
) -> None:
    split = report.partition(partition)
    people = report.estimates.people[metric][split.groups]
    ticks = []
    for position, name in enumerate(split.group_names):
        short = name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1]}…"
        hidden = report.hidden[split.groups][position]
        known = np.isfinite(report.estimates.of[metric].value[split.groups][position])
        size = (
            "withheld" if hidden
            else f"n = {people[position]:,.0f}" if known
            else "too few to judge"
        )  # fmt: skip
        ticks.append(f"{escape(short)}<br>{size}")
    figure.update_yaxes(
        tickvals=list(range(len(ticks))), ticktext=ticks, autorange="reversed", automargin=True,
        showgrid=False, ticklabelstandoff=6,
    )  # fmt: skip
    if len(shown):
        margin = max(0.05 * float(shown.max() - shown.min()), 0.005)
        figure.update_xaxes(
            range=[round(float(shown.min()) - margin, 5), round(float(shown.max()) + margin, 5)],
            nticks=7,
        )
    figure.update_layout(margin={"l": 8, "r": 16, "t": 28, "b": 48})
