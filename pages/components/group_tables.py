"""Tables of groups, formatted one way."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from faircore.groups import Groups, Partition
from faircore.metrics import MIN_PEOPLE, RATES, confusion_counts, hidden_groups
from pages.components.words import plain

SHOWN = ("base_rate", "selection_rate", "true_positive_rate", "false_positive_rate", "accuracy")


def sizes_table(groups: Groups, y_true: NDArray[np.int8], weights: NDArray[np.float64]) -> None:
    """Size and base rate of every group, one tab per partition."""
    counts = confusion_counts(y_true, y_true, groups, weights)
    hidden = hidden_groups(groups.partitions, groups.sizes)
    for tab, partition in zip(
        st.tabs([plain(p.name) for p in groups.partitions]), groups.partitions, strict=True
    ):
        n = groups.sizes[partition.groups]
        columns = {
            "Share of all, %": 100 * n / n.sum(),
            "Good outcome, %": 100 * RATES["base_rate"](counts[partition.groups]),
        }
        with tab:
            _show(partition, n, columns, hidden=hidden[partition.groups], helps={})


def rates_table(
    counts: NDArray[np.float64],
    partitions: tuple[Partition, ...],
    partition: Partition,
    *,
    sizes: NDArray[np.int64],
) -> None:
    """Rates of the groups of a partition; a rate over too few people is a dash."""
    rates = shown_rates(counts[partition.groups])
    columns = {f"{RATES[r].title}, %": 100 * values for r, values in rates.items()}
    helps = {f"{RATES[r].title}, %": RATES[r].sentence for r in SHOWN}
    hidden = hidden_groups(partitions, sizes)[partition.groups]
    _show(partition, sizes[partition.groups], columns, hidden=hidden, helps=helps)


def shown_rates(counts: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
    """Rates of groups by name, (g, 2, 2) to (g,) each; NaN where one would tell of few people.

    The share selected is that of the good and of the others, by their base rate; accuracy is
    another sum of the same two. So where one of the two is withheld, the other and the accuracy
    would give it away.
    """
    found = {name: RATES[name](counts, min_people=MIN_PEOPLE) for name in SHOWN}
    parts = ("true_positive_rate", "false_positive_rate")
    people = np.array([RATES[name].people(counts) for name in parts])
    few = (np.isnan([found[name] for name in parts]) & (people > 0)).any(axis=0)
    for name in (*parts, "accuracy"):
        found[name][few] = np.nan
    return found


def _show(
    partition: Partition,
    n: NDArray[np.int64],
    columns: dict[str, NDArray[np.float64]],
    *,
    hidden: NDArray[np.bool_],
    helps: dict[str, str],
) -> None:
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
        placeholder="–",
        column_config={
            "Group": st.column_config.Column(width="medium"),
            **{name: st.column_config.Column(help=text) for name, text in helps.items()},
        },
    )
    if frame.isna().to_numpy().any():
        st.caption(
            f"A dash stands for fewer than {MIN_PEOPLE} people: too few to judge, and too few to "
            "stay unnamed. Where one figure would give another away, both are left out. Such rates "
            "take no part in a gap; no row was dropped."
        )
