"""Whose decisions change, as bars to both sides of zero."""

from __future__ import annotations

from html import escape
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from faircore.plots.colors import CONTEXT
from faircore.plots.layout import calm, put

_LONGEST = 24  # characters of a group's name beside its bars


def people_figure(impact: Any, partition: str) -> go.Figure:
    """Draw who gains a yes to the right and who loses one to the left, in shares of each group.

    Parameters
    ----------
    impact : PeopleImpact
        As :func:`faircore.people_impact` gives it.
    partition : str
        Whose groups are drawn, in their order: a group keeps the colour it has elsewhere. One
        that is withheld keeps its place.

    Returns
    -------
    plotly.graph_objects.Figure
        Bars from zero, intervals as thin lines, the numbers written out.
    """
    table: pd.DataFrame = impact.partition(partition)
    figure = go.Figure()
    ticks = []
    for place, (name, row) in enumerate(table.iterrows()):
        ticks.append(_tick(str(name), row))
        lost, gained = -row["lost"], row["gained"]
        x = [lost if lost else 0.0, gained]
        known = bool(np.isfinite(np.array(x, np.float64)).all())
        to_right, to_left = _arms(row, known)
        figure.add_trace(
            go.Bar(
                y=[place, place],
                x=[value if known else 0.0 for value in x],
                text=[_text(value) for value in x] if known else ["", _unknown(row)],
                textposition="outside", orientation="h", cliponaxis=False, width=0.6,
                name=escape(str(name)),
                marker={"pattern": {"shape": ["/", ""]}},  # never colour alone
                # Not in the template itself, where a name that looks like one would be read.
                customdata=[[escape(str(name)), way] for way in _ways(known, impact.per)],
                hovertemplate="%{customdata[0]}: %{text}%{customdata[1]}<extra></extra>",
                error_x={
                    "type": "data", "symmetric": False, "thickness": 1, "width": 0,
                    "color": CONTEXT,
                    "array": to_right,
                    "arrayminus": to_left,
                },
            )
        )  # fmt: skip
    margin = {"l": 8, "r": 16, "t": 32, "b": 48}
    calm(figure, height=104 + 48 * len(table), barmode="overlay", margin=margin)
    reaches = table[["lost_high", "gained_high"]].to_numpy(np.float64)
    reach = float(np.nanmax(np.append(reaches, 1.0)))
    put(
        figure.layout.xaxis,
        title_text=f"Of {impact.per:,} people of each group", range=[-1.3 * reach, 1.3 * reach],
        tickformat=",.0f", nticks=7, zeroline=True, zerolinecolor=CONTEXT, zerolinewidth=1.5,
    )  # fmt: skip
    put(
        figure.layout.yaxis,
        tickvals=list(range(len(ticks))), ticktext=ticks, autorange="reversed", automargin=True,
        showgrid=False, ticklabelstandoff=6,
    )  # fmt: skip
    ways = (("← yes becomes no", 0.0, "left"), ("no becomes yes →", 1.0, "right"))
    figure.layout.annotations = [
        {
            "text": text, "x": at, "y": 1.0, "xref": "paper", "yref": "paper",
            "xanchor": anchor, "yanchor": "bottom", "showarrow": False,
        }
        for text, at, anchor in ways
    ]  # fmt: skip
    return figure


def _tick(name: str, row: pd.Series[Any]) -> str:
    short = name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1]}…"
    size = "few people" if pd.isna(row["people"]) else f"n = {row['people']:,.0f}"
    return f"{escape(short)}<br>{size}"


def _ways(known: bool, per: int) -> list[str]:
    return [f" {way} a yes per {per:,}" if known else "" for way in ("lose", "gain")]


def _unknown(row: pd.Series[Any]) -> str:
    return "–" if row["people"] == 0 else "too few people to judge"


def _text(value: float) -> str:
    return "under 1" if 0 < abs(value) < 0.95 else f"{abs(value):,.0f}"


def _arms(row: pd.Series[Any], known: bool) -> list[list[float]]:
    """Lengths of the interval lines to the right and to the left, of both bars."""
    right = [row["lost"] - row["lost_low"], row["gained_high"] - row["gained"]]
    left = [row["lost_high"] - row["lost"], row["gained"] - row["gained_low"]]
    return [[float(arm) if known else 0.0 for arm in side] for side in (right, left)]
