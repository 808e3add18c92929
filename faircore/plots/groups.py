"""A rate per group as bars, with the size of each group."""

from __future__ import annotations

from html import escape

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from faircore.groups import Partition
from faircore.metrics import MIN_PEOPLE, find_rate
from faircore.numerals import percent
from faircore.plots.layout import calm, put

_LONGEST = 24  # characters of a group's name beside its bar


def group_bars(
    counts: NDArray[np.float64],
    partition: Partition,
    *,
    sizes: NDArray[np.int64],
    rate: str = "selection_rate",
    hidden: NDArray[np.bool_] | None = None,
    min_people: int = MIN_PEOPLE,
) -> go.Figure:
    """One bar per group from zero, its value written out, ``n`` under its name.

    Parameters
    ----------
    counts : ndarray, shape (g, 2, 2)
        Counts over all partitions.
    partition : Partition
    sizes : ndarray of int, shape (g,)
        Rows per group, over all partitions.
    rate : str
        A name in :data:`faircore.metrics.RATES`.
    hidden : ndarray of bool, shape (g,), optional
        Groups of which nothing is shown, as :func:`faircore.metrics.hidden_groups` finds them.
    min_people : int
        A rate over fewer people keeps its place but shows no bar: too few to judge.
    """
    measure, own = find_rate(rate), counts[partition.groups]
    values, people = measure(own, min_people=min_people), measure.people(own)
    n = sizes[partition.groups]
    kept_back = n < min_people if hidden is None else hidden[partition.groups]
    values = np.where(kept_back, np.nan, values)  # with a rate, its size could be worked out
    figure = go.Figure()
    for position, (name, value) in enumerate(
        zip(partition.group_names, values.tolist(), strict=True)
    ):
        known = np.isfinite(value)
        unknown = "too few people to judge" if people[position] > 0 else "–"
        short = name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1]}…"
        size = "few people" if kept_back[position] else f"n = {n[position]:,}"
        figure.add_trace(
            go.Bar(
                y=[position],
                x=[round(value, 5) if known else 0.0],
                text=[percent(value) if known else unknown],
                textposition="outside",
                orientation="h",
                hovertemplate="%{customdata}: %{text}<extra></extra>",
                customdata=[escape(name)],
                name=f"{escape(short)}<br>{size}",
                cliponaxis=False,
                width=0.6,
            )
        )
    margin = {"l": 8, "r": 16, "t": 8, "b": 32}
    calm(figure, height=56 + 44 * len(figure.data), barmode="overlay", margin=margin)
    highest = max(trace.x[0] for trace in figure.data)
    # Room on the right for the value that stands outside the longest bar.
    wide = [0, max(highest * 1.35, 0.05)]
    put(figure.layout.xaxis, tickformat=".0%", range=wide, nticks=5)
    put(
        figure.layout.yaxis,
        tickvals=list(range(len(figure.data))),
        ticktext=[trace.name for trace in figure.data],
        autorange="reversed",
        automargin=True,
        showgrid=False,
        ticklabelstandoff=6,
    )
    return figure
