"""Reliability diagrams: what scores promise against what happened, group by group."""

from __future__ import annotations

from html import escape
from typing import Any, Literal

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from faircore.errors import InputError
from faircore.groups import find_partition
from faircore.metrics.calibration_report import CalibrationReport
from faircore.numerals import hundredths, points
from faircore.plots.colors import CONTEXT
from faircore.plots.layout import calm
from faircore.plots.reliability_marks import density, earlier, marks, strip

_LONGEST = 26  # characters of a group's name above its panel
_PANEL, _STRIP, _BETWEEN, _TOP, _BOTTOM = 216, 36, 84, 64, 60  # pixels
_SYMBOLS = ("circle", "diamond", "square", "triangle-up", "cross", "star", "hexagon", "x")
_RIGHT = "exactly right"


def reliability_figure(
    report: CalibrationReport,
    partition: str,
    *,
    layout: Literal["multiples", "overlay"] = "multiples",
    before: CalibrationReport | None = None,
    limit_groups: int = 12,
    per_row: int = 3,
) -> go.Figure:
    """Share with the good outcome against the score, over how many have that score.

    Parameters
    ----------
    report : CalibrationReport
    partition : str
    layout : {"multiples", "overlay"}
        One panel per group, worst first; or all groups in one panel.
    before : CalibrationReport, optional
        Of the same groups, as they were: hollow grey marks.
    limit_groups : int
        Of more groups those with the largest ECCE are drawn, and the rest is counted in a note.
    per_row : int
        Panels side by side; 1 on a narrow page.

    Returns
    -------
    plotly.graph_objects.Figure
        Groups are its first traces, in the order of the partition, so that each keeps its colour.
        The same reports give the same figure to the byte.

    Raises
    ------
    InputError
        When there is no such partition or layout, or ``before`` has other groups.
    """
    split = find_partition(report.partitions, partition)
    if layout not in ("multiples", "overlay"):
        raise InputError(
            f"There is no layout {layout!r} of reliability diagrams. Choose 'multiples' or "
            "'overlay'."
        )
    check_same_groups(report, before, partition)
    tables = [report.reliability(partition)]
    tables += [] if before is None else [before.reliability(partition)]
    known = set(tables[0].index.get_level_values("group"))
    worst = [name for name in report.partition(partition).index if name in known]
    drawn = worst[: max(limit_groups, 1)]
    if layout == "overlay":
        figure = _overlay(split.group_names, drawn, tables)
    else:
        figure = _multiples(report, partition, drawn, tables, max(1, per_row))
    note = _note(len(worst) - len(drawn), len(split.group_names) - len(worst))
    if note:
        figure.add_annotation(
            text=note, x=0, y=0, xref="paper", yref="paper", xanchor="left", yanchor="top",
            yshift=-44, showarrow=False, font_size=12,
        )  # fmt: skip
        figure.update_layout(margin_b=_BOTTOM + 20, height=figure.layout.height + 20)
    return figure


def check_same_groups(
    report: CalibrationReport, before: CalibrationReport | None, partition: str
) -> None:
    """Refuse to draw a before and an after of different groups."""
    names = find_partition(report.partitions, partition).group_names
    if before is None:
        return
    if names != find_partition(before.partitions, partition).group_names:
        raise InputError(
            f"The two reports have different groups by {partition!r}, and a before and after is "
            "of the same ones. Measure both on the same rows."
        )


def _multiples(
    report: CalibrationReport, partition: str, drawn: list[str], tables: list[pd.DataFrame],
    per_row: int,
) -> go.Figure:  # fmt: skip
    names = find_partition(report.partitions, partition).group_names
    columns = min(per_row, max(len(drawn), 1))
    rows = max(-(-len(drawn) // columns), 1)
    height = _TOP + _BOTTOM + rows * (_PANEL + _STRIP) + (rows - 1) * _BETWEEN
    figure = _grid(rows, columns, height - _TOP - _BOTTOM)
    place = {name: divmod(i, columns) for i, name in enumerate(drawn)}
    for name in names:
        row, column = place.get(name, (0, 0))
        points = marks(tables[0], name) if name in place else go.Scatter(x=[None], y=[None])
        figure.add_trace(points.update(name=escape(name)), 2 * row + 1, column + 1)
    for name, (row, column) in place.items():
        if len(tables) > 1 and name in tables[1].index.get_level_values("group"):
            figure.add_trace(earlier(tables[1], name), 2 * row + 1, column + 1)
        figure.add_trace(strip(density(tables[0].loc[[name]])), 2 * row + 2, column + 1)
    calm(figure, height=height, hovermode="closest")
    _axes(figure, tables, len(place), columns)
    figures: Any = report.partition(partition)
    for name, (row, column) in place.items():
        _title(figure, figures.loc[name], name, 2 * row + 1, column + 1)
    return figure


def _overlay(names: tuple[str, ...], drawn: list[str], tables: list[pd.DataFrame]) -> go.Figure:
    height = _TOP + _BOTTOM + 360 + 48
    figure = _grid(1, 1, height - _TOP - _BOTTOM, panel=360, strip=48)
    for position, name in enumerate(names):
        points = marks(tables[0], name) if name in drawn else go.Scatter(x=[None], y=[None])
        points.update(name=escape(_short(name)), showlegend=name in drawn)
        if name in drawn:
            symbol = _SYMBOLS[position % len(_SYMBOLS)]
            points.update(mode="lines+markers", line_width=1, marker_symbol=symbol)
        figure.add_trace(points, 1, 1)
    for name in drawn if len(tables) > 1 else []:
        if name in tables[1].index.get_level_values("group"):
            figure.add_trace(earlier(tables[1], name), 1, 1)
    if drawn:
        figure.add_trace(strip(density(tables[0].loc[drawn])), 2, 1)
    calm(figure, height=height, hovermode="closest")
    _axes(figure, tables, 1, 1)
    above = {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"}
    return figure.update_layout(showlegend=True, legend=above)


def _grid(
    rows: int, columns: int, height: int, *, panel: int = _PANEL, strip: int = _STRIP
) -> go.Figure:
    """Panels, each over its strip, at fixed heights in pixels."""
    figure = make_subplots(
        rows=2 * rows, cols=columns, horizontal_spacing=0.06 if columns > 1 else 0.0,
        vertical_spacing=0.0,
    )  # fmt: skip
    for row in range(rows):
        top = 1 - row * (panel + strip + _BETWEEN) / height
        for column in range(columns):
            upper = [top - panel / height, top]
            lower = [max(top - (panel + strip) / height, 0.0), top - (panel + 6) / height]
            for offset, domain in ((1, upper), (2, lower)):
                figure.update_yaxes(
                    domain=[round(v, 6) for v in domain], row=2 * row + offset, col=column + 1
                )
    return figure


def _axes(figure: go.Figure, tables: list[pd.DataFrame], panels: int, columns: int) -> None:
    low, high = _range(tables)
    margin = 0.035 * (high - low)  # a mark at 0% is whole
    shown = [round(low - margin, 5), round(high + margin, 5)]
    rows = max(-(-panels // columns), 1)
    for i in range(max(panels, 1)):
        row, column = divmod(i, columns)
        at, below = {"row": 2 * row + 1, "col": column + 1}, {"row": 2 * row + 2, "col": column + 1}
        figure.add_shape(
            type="line", x0=low, y0=low, x1=high, y1=high, layer="below",
            line={"width": 1, "color": CONTEXT, "dash": "dot"}, **at,
        )  # fmt: skip
        last = i + columns >= panels
        figure.update_xaxes(range=shown, showticklabels=False, nticks=5, **at)
        figure.update_xaxes(
            range=shown, nticks=5, tickformat=".0%", showgrid=False,
            title="Score" if last else None, title_standoff=4, **below,
        )  # fmt: skip
        figure.update_yaxes(
            range=shown, nticks=5, tickformat=".0%",
            title="Share with the good outcome" if column == 0 else None, **at,
        )  # fmt: skip
        figure.update_yaxes(range=[0, 1], showticklabels=False, showgrid=False, **below)
    for empty in range(panels, rows * columns):
        row, column = divmod(empty, columns)
        for offset in (1, 2):
            figure.update_xaxes(visible=False, row=2 * row + offset, col=column + 1)
            figure.update_yaxes(visible=False, row=2 * row + offset, col=column + 1)
    figure.update_layout(bargap=0, margin={"l": 72, "r": 16, "t": _TOP, "b": _BOTTOM})
    told = {"showarrow": False, "font_size": 12, "xanchor": "right"}
    # Inside the panel, above the end of the line: over the panel stand names.
    figure.add_annotation(
        text=_RIGHT, x=high, y=high, xshift=-18, yanchor="top", **told, row=1, col=1
    )
    figure.add_annotation(text="people", x=high, y=1, yanchor="top", **told, row=2, col=1)


def _range(tables: list[pd.DataFrame]) -> tuple[float, float]:
    """Tenths that hold every mark and every interval."""
    columns = ["score", "outcome_low", "outcome_high"]
    shown = np.concatenate([t[columns].to_numpy().ravel() for t in tables])
    if not len(shown):
        return 0.0, 1.0
    low, high = np.floor(shown.min() * 10) / 10, np.ceil(shown.max() * 10) / 10
    return round(float(low), 1), round(float(max(high, low + 0.1)), 1)


def _title(figure: go.Figure, row: pd.Series[Any], name: str, at: int, column: int) -> None:
    people, ece, chance = row["people"], row["ece"], row["by_chance"]
    text = (
        f"<b>{escape(_short(name))}</b>, {people:,.0f} people<br>"
        f"{points(ece)} off, {hundredths(chance)} by chance"
    )
    figure.add_annotation(
        text=text, x=0, y=1, xref="x domain", yref="y domain", xanchor="left", yanchor="bottom",
        align="left", showarrow=False, yshift=4, font_size=13, row=at, col=column,
    )  # fmt: skip


def _note(more: int, silent: int) -> str:
    parts = [f"{more} more in the table"] if more else []
    parts += [f"{silent} with too few people to show"] if silent else []
    return f"Groups not drawn: {', '.join(parts)}." if parts else ""


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1]}…"
