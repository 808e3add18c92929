"""How far scores are off in every group, beside what chance makes of it."""

from __future__ import annotations

from html import escape
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from faircore.groups import find_partition
from faircore.metrics.calibration_report import CalibrationReport
from faircore.numerals import percent
from faircore.plots.colors import CONTEXT
from faircore.plots.layout import calm
from faircore.plots.reliability import check_same_groups

_LONGEST = 28  # characters of a group's name beside its row
_TOP, _BOTTOM = 76, 48  # pixels
_BELOW = 0.26  # how far under its dot the error without chance stands


def calibration_bars(
    report: CalibrationReport, partition: str, *, before: CalibrationReport | None = None
) -> go.Figure:
    """A dot per group at its ECE, a tick where chance alone would put it; worst first.

    Under it a thin line: the interval of the error that is not chance, around a hollow diamond at
    its estimate, which is below 0 where scores fit better than chance allows. The dotted line is
    the limit.

    Parameters
    ----------
    report : CalibrationReport
    partition : str
    before : CalibrationReport, optional
        Of the same groups, as they were: hollow grey circles.

    Raises
    ------
    InputError
        When there is no such partition, or ``before`` has other groups.
    """
    check_same_groups(report, before, partition)
    table = report.partition(partition)
    order = {name: position for position, name in enumerate(table.index)}
    figure = go.Figure()
    # In the order of the partition, so that a group has the same colour everywhere.
    for name in find_partition(report.partitions, partition).group_names:
        row: Any = table.loc[name]
        figure.add_trace(_dot(row, name, order[name], report.settings.ece_limit))
    earlier = pd.Series(dtype=float)
    figure.add_trace(
        go.Scatter(x=[None], y=[None], mode="markers", name="ECE (diamond: fails)",
                   showlegend=True, marker={"size": 10, "color": CONTEXT})
    )  # fmt: skip
    if before is not None:
        earlier = before.partition(partition).loc[table.index, "ece"]
        figure.add_trace(_context(earlier, "circle-open", "before", size=10))
    figure.add_trace(_context(table["by_chance"], "line-ns-open", "by chance alone", size=16))
    figure.add_traces(_without_chance(table))
    calm(figure, height=_TOP + _BOTTOM + 46 * len(table), hovermode="closest")
    _axes(figure, table, earlier, report.settings.ece_limit)
    return figure


def _dot(row: pd.Series[Any], name: str, position: int, limit: float) -> go.Scatter:
    known = bool(np.isfinite(row["ece"]))
    told = f"{escape(name)}: not shown"
    if known:
        told = (
            f"{escape(name)}: ECE {percent(row['ece'])}<br>{percent(row['by_chance'])} by chance "
            f"alone, p = {row['p_value']:.3f}<br>without chance {percent(row['error'])} "
            f"({percent(row['error_low'])} to {percent(row['error_high'])})"
        )
    return go.Scatter(
        x=_rounded([row["ece"]]),
        y=[position],
        mode="markers",
        marker={
            "size": 13 if row["verdict"] == "fail" else 10,
            "symbol": "diamond" if row["verdict"] == "fail" else "circle",
            "opacity": 1,
        },
        hoverinfo="text",
        hovertext=told,
        name=escape(name),
        showlegend=False,
        zorder=3,
    )


def _context(values: pd.Series[float], symbol: str, name: str, *, size: int) -> go.Scatter:
    return go.Scatter(
        x=_rounded(values),
        y=list(range(len(values))),
        mode="markers",
        marker={"symbol": symbol, "size": size, "color": CONTEXT, "line": {"width": 2}},
        hoverinfo="skip",
        name=name,
        showlegend=True,
    )


def _without_chance(table: pd.DataFrame) -> tuple[go.Scatter, go.Scatter]:
    """Intervals of the true error, and the estimates, which may lie left of theirs."""
    places = [position + _BELOW for position in range(len(table))]
    ends: list[float | None] = []
    for low, high in zip(_rounded(table["error_low"]), _rounded(table["error_high"]), strict=True):
        ends += [low, high, None]
    group = {"legendgroup": "without chance", "hoverinfo": "skip"}
    return (
        go.Scatter(
            x=ends, y=np.repeat(places, 3).tolist(), mode="lines", showlegend=False,
            line={"width": 1.5, "color": CONTEXT}, name="interval", **group,
        ),
        go.Scatter(
            x=_rounded(table["error"]), y=places, mode="markers", showlegend=True,
            marker={"symbol": "diamond-open", "size": 8, "color": CONTEXT, "line": {"width": 1.5}},
            name="error without chance, with interval", **group,
        ),
    )  # fmt: skip


def _axes(figure: go.Figure, table: pd.DataFrame, earlier: pd.Series[float], limit: float) -> None:
    figure.add_vline(
        x=round(limit, 5), line={"width": 1, "color": CONTEXT, "dash": "dot"},
        annotation_text=f"limit {percent(limit, None)}", annotation_position="top",
        annotation_font_size=12,
    )  # fmt: skip
    ticks = []
    for name, row in table.iterrows():
        short = str(name) if len(str(name)) <= _LONGEST else f"{str(name)[: _LONGEST - 1]}…"
        known = np.isfinite(row["ece"])
        size = f"n = {row['people']:,.0f}" if known else "too few to judge"
        ticks.append(f"{escape(short)}<br>{size}")
    figure.update_yaxes(
        tickvals=list(range(len(ticks))), ticktext=ticks, automargin=True, showgrid=False,
        range=[len(ticks) - 0.4, -0.6], ticklabelstandoff=6,
    )  # fmt: skip
    shown = table[["ece", "by_chance", "error", "error_high"]].to_numpy().ravel()
    shown = np.concatenate([shown, earlier])
    shown = shown[np.isfinite(shown)]
    low, high = (float(f(shown, initial=0.0)) for f in (np.min, np.max))
    high = max(high, limit) * 1.06
    figure.update_xaxes(
        range=[round(low * 1.1 - 0.02 * high, 5), round(high, 5)], tickformat=".0%", nticks=8,
        title="How far scores are off (lower is better)", zeroline=True,
        zerolinecolor="rgba(128,128,128,0.4)",
    )  # fmt: skip
    # Over the label of the limit, whatever the height.
    above = {"orientation": "h", "x": 0, "y": 1 + 24 / (46 * len(table)), "yanchor": "bottom"}
    figure.update_layout(
        showlegend=True, legend=above, margin={"l": 8, "r": 16, "t": _TOP, "b": _BOTTOM}
    )


def _rounded(values: Any) -> list[float | None]:
    return [round(float(v), 5) if np.isfinite(v) else None for v in np.asarray(values, float)]
