"""A rate per group as bars, with the size of each group."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from faircore.groups import Partition
from faircore.metrics import RATES
from faircore.plots.colors import group_style
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
    values = RATES[rate](counts[partition.groups])
    n = sizes[partition.groups]
    shown = np.where(n >= min_group_size, values, np.nan)
    names = [f"{name}<br>n = {size:,}" for name, size in zip(partition.group_names, n, strict=True)]
    texts = [
        f"{v:.1%}" if np.isfinite(v) else "too few" if size < min_group_size else "–"
        for v, size in zip(shown, n, strict=True)
    ]
    figure = go.Figure(
        go.Bar(
            y=names,
            x=np.nan_to_num(shown).round(5).tolist(),
            text=texts,
            textposition="outside",
            orientation="h",
            marker={"color": [group_style(i)[0] for i in range(len(names))]},
            hovertemplate="%{y}: %{text}<extra></extra>",
            cliponaxis=False,
        )
    )
    calm(figure, height=70 + 46 * len(names), bargap=0.35)
    figure.update_layout(margin={"l": 8, "r": 48, "t": 8, "b": 48})
    figure.update_xaxes(title=RATES[rate].sentence, tickformat=".0%", rangemode="tozero")
    figure.update_yaxes(autorange="reversed", automargin=True, showgrid=False)
    return figure
