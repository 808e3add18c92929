"""Tables of groups, formatted one way."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from faircore.groups import Groups, Partition
from faircore.metrics import RATES, confusion_counts

MIN_GROUP = 10
SHOWN = ("base_rate", "selection_rate", "true_positive_rate", "false_positive_rate", "accuracy")


def sizes_table(groups: Groups, y_true: NDArray[np.int8], weights: NDArray[np.float64]) -> None:
    """Size and base rate of every group, one tab per partition."""
    counts = confusion_counts(y_true, y_true, groups, weights)
    for tab, partition in zip(
        st.tabs([p.name for p in groups.partitions]), groups.partitions, strict=True
    ):
        n = groups.sizes[partition.groups]
        share = {"Share of all, %": 100 * n / n.sum()}
        good = {"Good outcome, %": 100 * RATES["base_rate"](counts[partition.groups])}
        with tab:
            _show(partition, n, {**share, **good}, helps={})


def rates_table(
    counts: NDArray[np.float64], partition: Partition, *, sizes: NDArray[np.int64]
) -> None:
    """Rates of the groups of a partition; groups too small to judge show dashes."""
    columns = {f"{RATES[r].title}, %": 100 * RATES[r](counts[partition.groups]) for r in SHOWN}
    helps = {f"{RATES[r].title}, %": RATES[r].sentence for r in SHOWN}
    _show(partition, sizes[partition.groups], columns, helps=helps)


def _show(
    partition: Partition,
    n: NDArray[np.int64],
    columns: dict[str, NDArray[np.float64]],
    *,
    helps: dict[str, str],
) -> None:
    hidden = n < MIN_GROUP
    frame = pd.DataFrame(
        {
            "Group": partition.group_names,
            "People": np.where(hidden, np.nan, n),
            **{name: np.where(hidden, np.nan, values) for name, values in columns.items()},
        }
    )
    formats = {"People": "{:,.0f}", **dict.fromkeys(columns, "{:.1f}")}
    st.dataframe(
        frame.style.format(formats, na_rep="–"),
        hide_index=True,
        width="stretch",
        column_config={name: st.column_config.Column(help=text) for name, text in helps.items()},
    )
    if hidden.any():
        st.caption(
            f"{int(hidden.sum())} of {len(n)} groups have fewer than {MIN_GROUP} people here: too "
            "few to judge. They take no part in a gap, and no row of theirs was dropped."
        )
