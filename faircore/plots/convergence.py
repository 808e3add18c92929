"""How a training went: loss, gap and multipliers over the epochs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from faircore.errors import InputError
from faircore.plots.colors import CONTEXT
from faircore.plots.layout import calm

_LOSSES = {"loss": "log loss", "adversary_loss": "loss of the adversary", "penalty": "penalty"}
_GAPS = {
    "gap": "decisions, rows held out",
    "train_gap": "decisions, rows learned from",
    "soft_gap": "scores, rows held out",
}
_VIOLATIONS = {"violation": "rows held out", "train_violation": "rows learned from"}
_DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")
_PANEL, _BETWEEN, _ABOVE, _BELOW = 150, 56, 40, 52  # pixels

Panel = tuple[str, dict[str, str], str, float | None]
"""Title, label by column, tick format, height of a line across."""


def convergence_figure(
    history: pd.DataFrame | Sequence[Mapping[str, float]],
    *,
    tolerance: float | None = None,
    best_epoch: int | None = None,
) -> go.Figure:
    """Draw up to three panels over the epochs of one training, whatever the method.

    Parameters
    ----------
    history : DataFrame or sequence of mappings
        One row per epoch: ``epoch``, and of ``loss``, ``penalty``, ``adversary_loss``, ``gap``,
        ``train_gap``, ``soft_gap``, ``violation``, ``train_violation`` and columns whose name
        starts with ``multiplier`` those that the method follows. A panel without any is left out.
    tolerance : float, optional
        Drawn across the gaps. Without it, violations are drawn where there are any.
    best_epoch : int, optional
        The epoch kept, marked in each panel.

    Raises
    ------
    InputError
        When there is no epoch, or nothing known was followed.
    """
    frame = pd.DataFrame(history)
    panels = _panels(frame, tolerance)
    if not panels:
        columns = ", ".join(map(str, frame.columns)) or "none"
        raise InputError(
            "A history needs a column epoch and another such as loss or gap, with a number in it; "
            f"it has {len(frame)} rows and the columns {columns}. "
            "Pass the history of a training."
        )
    n = len(panels)
    inside = n * _PANEL + (n - 1) * _BETWEEN
    figure = make_subplots(
        rows=n, cols=1, shared_xaxes=True, vertical_spacing=_BETWEEN / inside if n > 1 else 0
    )
    calm(figure, height=inside + _ABOVE + _BELOW, hovermode="x unified")
    for row, panel in enumerate(panels, start=1):
        _draw(figure, frame, panel, row, top=1 - (row - 1) * (_PANEL + _BETWEEN) / inside)
    if best_epoch is not None:
        _mark(figure, frame, best_epoch, n)
    figure.update_xaxes(title="Pass or round", row=n, col=1)
    figure.update_xaxes(nticks=9, tickformat="d", hoverformat="d")
    return figure.update_layout(
        showlegend=True, margin={"l": 64, "r": 24, "t": _ABOVE, "b": _BELOW}
    )


def _panels(frame: pd.DataFrame, tolerance: float | None) -> list[Panel]:
    prices = [c for c in map(str, frame.columns) if c.startswith("multiplier")]
    labels = {c: c.removeprefix("multiplier").lstrip(":, ") or "largest" for c in prices}
    gaps: Panel = ("Gap", _GAPS, ".1~%", tolerance)
    if tolerance is None and _drawn(frame, _VIOLATIONS):
        gaps = ("Gap beyond limit", _VIOLATIONS, ".1~%", 0.0)
    every: list[Panel] = [
        ("Loss", _LOSSES, ".3~f", None), gaps, ("Multiplier", labels, ".3~g", None)
    ]  # fmt: skip
    if "epoch" not in frame.columns:
        return []
    found = [(title, _drawn(frame, names), style, line) for title, names, style, line in every]
    return [panel for panel in found if panel[1]]


def _drawn(frame: pd.DataFrame, labels: Mapping[str, str]) -> dict[str, str]:
    """Columns that hold any number."""
    return {
        column: label
        for column, label in labels.items()
        if column in frame.columns and np.isfinite(frame[column].to_numpy(float)).any()
    }


def _draw(figure: go.Figure, frame: pd.DataFrame, panel: Panel, row: int, *, top: float) -> None:
    title, columns, style, line = panel
    own = "legend" if row == 1 else f"legend{row}"
    for dash, (column, label) in zip(_DASHES * len(columns), columns.items(), strict=False):
        figure.add_trace(
            go.Scatter(
                x=_plain(frame["epoch"], 0),
                y=_plain(frame[column], 6),
                name=escape(label),
                mode="lines+markers" if len(frame) == 1 else "lines",
                line={"width": 2, "dash": dash},
                legend=own,
                hovertemplate=f"%{{y:{style}}}",
            ),
            row=row,
            col=1,
        )
    if line is not None:
        # Of no width where it would hide the axis, but in the range: it must be seen.
        figure.add_trace(
            go.Scatter(
                x=[_plain(frame["epoch"], 0)[0], _plain(frame["epoch"], 0)[-1]],
                y=[round(line, 6)] * 2,
                name="allowed",
                mode="lines",
                line={"width": 1.5, "color": CONTEXT},
                legend=own,
                hoverinfo="skip",
            ),
            row=row,
            col=1,
        )
    figure.update_yaxes(title=title, tickformat=style, nticks=5, row=row, col=1)
    figure.update_layout(
        {
            own: {
                "orientation": "h", "x": 0, "xanchor": "left", "y": top, "yanchor": "bottom",
                "bgcolor": "rgba(0,0,0,0)", "font": {"size": 12},
            }
        }
    )  # fmt: skip


def _mark(figure: go.Figure, frame: pd.DataFrame, epoch: int, n: int) -> None:
    """A line at the epoch kept, through every panel, named once."""
    for row in range(1, n + 1):
        said = {"annotation_text": "kept", "annotation_position": "top right"} if row == n else {}
        figure.add_vline(
            x=epoch, line={"width": 1, "color": CONTEXT, "dash": "dot"}, row=row, col=1, **said
        )


def _plain(values: Any, digits: int) -> list[float | None]:
    return [
        round(float(v), digits) if np.isfinite(v) else None for v in np.asarray(values, dtype=float)
    ]
