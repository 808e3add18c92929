"""A rate per group as bars, with the size of each group."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from faircore.groups import Partition
from faircore.metrics import find_rate
from faircore.plots.layout import calm


def group_bars(
    counts: NDArray[np.float64],
    partition: Partition,
    *,
    sizes: NDArray[np.int64],
    rate: str = "selection_rate",
    min_group_size: int = 10,
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
    min_group_size : int
        Smaller groups keep their place but show no bar: too few people to judge.
    """
    measure = find_rate(rate)
    values = measure(counts[partition.groups])
    figure = go.Figure()
    for name, n, value in zip(
        partition.group_names, sizes[partition.groups].tolist(), values.tolist(), strict=True
    ):
        if n < min_group_size:
            shown, text = 0.0, "too few people to judge"
            label = f"{name}<br>n under {min_group_size}"
        else:
            shown = value if np.isfinite(value) else 0.0
            text = f"{value:.1%}" if np.isfinite(value) else "–"
            label = f"{name}<br>n = {n:,}"
        figure.add_trace(
            go.Bar(
                y=[label],
                x=[round(shown, 5)],
                text=[text],
                textposition="outside",
                orientation="h",
                hovertemplate="%{y}: %{text}<extra></extra>",
                cliponaxis=False,
                width=0.6,
            )
        )
    calm(figure, height=76 + 44 * len(figure.data), barmode="overlay")
    highest = max(trace.x[0] for trace in figure.data)
    figure.update_layout(margin={"l": 8, "r": 16, "t": 8, "b": 52})
    # Room on the right for the value that stands outside the longest bar.
    figure.update_xaxes(
        title=measure.sentence, tickformat=".0%", range=[0, max(highest * 1.25, 0.05)]
    )
    figure.update_yaxes(autorange="reversed", automargin=True, showgrid=False, ticklabelstandoff=6)
    return figure
