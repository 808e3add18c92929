"""Methods against each other: how much of the plane each covers; promises; will it hold."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st

from faircore.frontier import (
    PROFIT,
    Frontier,
    Objective,
    Uncertainty,
    families,
    find_objective,
)
from faircore.numerals import percent
from faircore.plots import METHOD_NAMES
from faircore.plots.parallel import parallel_figure
from faircore.plots.promises import generalisation_figure, promises_figure
from pages.components.charts import show_chart
from pages.components.frontier_view import objective_choices
from pages.components.words import labels, lower_first, plain, widget_label

MOST_AXES = 6
"""Objectives drawn beside each other: with more, their names no longer fit."""


def methods(frontier: Frontier, sure: Uncertainty | None) -> None:
    """Area or volume each method's front covers, with an interval; spread over seeds."""
    if sure is None:
        st.write("Intervals need models made by this version. Train them again to see them.")
        return
    space = "area" if len(frontier.objectives) == 2 else "volume"
    table = sure.hypervolumes
    whole = float(table.loc["all", "value"]) or 1.0
    if len(table) == 2:  # of one method, all together are the same
        table = table.drop(index="all")
    frame = pd.DataFrame(
        {
            "Method": [METHOD_NAMES.get(n, "All methods together") for n in table.index],
            "Models": table["models"].to_numpy(),
            f"Share of the {space} that all cover, %": 100 * table["value"].to_numpy() / whole,
            "from, %": 100 * table["low"].to_numpy() / whole,
            "to, %": 100 * table["high"].to_numpy() / whole,
        }
    )
    st.dataframe(frame.style.format(precision=1, na_rep="–"), hide_index=True, width="stretch")
    st.caption(
        f"The {space} between a method's unbeaten models and the worst corner of the picture "
        "(hypervolume): a method with more of it offers more in all respects together. From and "
        "to: 95% interval; 100% is what all cover as measured, so that a true one may be more. A "
        "method with more models has had more chances."
    )
    _larger(sure)
    _seeds(frontier)


def _larger(sure: Uncertainty) -> None:
    """How sure it is that the two best methods differ."""
    order = sure.hypervolumes.drop(index="all")["expected"].sort_values(ascending=False).index
    if len(order) > 1:
        first, second = (METHOD_NAMES.get(str(name), str(name)).lower() for name in order[:2])
        chance = float(sure.larger.loc[order[0], order[1]])
        st.markdown(
            f"The chance that {first} truly cover more than {second}: {percent(chance, 0)}."
            + ("" if chance >= 0.95 else " That may be luck.")
        )


def _seeds(frontier: Frontier) -> None:
    found = families(frontier)
    several = [f for f, own in enumerate(found.members) if len(own) > 1]
    if not several:
        return
    names = labels(frontier)
    rows = {
        "Model": [names[frontier.candidates[found.members[f][0]].id] for f in several],
        "Seeds": [len(found.members[f]) for f in several],
    }
    for m, objective in enumerate(frontier.objectives):
        rows[f"{objective.full_title}, mean"] = [objective.text(found.mean[f, m]) for f in several]
        rows[f"{objective.full_title}, ± one s.d."] = [
            objective.change_text(found.spread[f, m]).lstrip("+±") for f in several
        ]
    st.caption("Over seeds: what luck in training alone does. Named after the first seed.")
    st.dataframe(pd.DataFrame(rows), hide_index=True, width="stretch")


def promises(frontier: Frontier) -> None:
    """Target against achieved, and the select split against the train split."""
    left, right = st.columns(2, gap="large")
    names = labels(frontier)
    with left:
        st.markdown("**Was the gap that was asked for achieved?**")
        show_chart(
            promises_figure(frontier, names=names), key="promises",
            alt="Gap asked for against the gap measured; below the line the promise is kept",
        )  # fmt: skip
    with right:
        objective = frontier.objectives[1]
        st.markdown(f"**Will it hold? {plain(objective.full_title)}**")
        show_chart(
            generalisation_figure(frontier, names=names), key="holds",
            alt="Value on the rows models learned from against the rows they are compared on",
        )  # fmt: skip
    if "train" in frontier.sizes:
        apart = frontier.values - frontier.view(split="train").values
        told = [
            f"{lower_first(plain(o.full_title))} {o.change_text(float(np.median(own[known])))}"
            for o, own, known in zip(frontier.objectives, apart.T, np.isfinite(apart.T),
                                     strict=True)
            if known.any()
        ]  # fmt: skip
        if not told:
            return
        st.caption(
            "On the rows used to compare, against the rows models learned from, the middle model: "
            + ", ".join(told)
            + ". What looks much better on rows it learned from has learned them by heart."
        )


def all_objectives(frontier: Frontier) -> None:
    """Every model across many objectives at once, with ranges to narrow them down."""
    shown = np.flatnonzero(np.isfinite(frontier.values).all(axis=1))
    objectives = _chosen(frontier)
    kept = np.ones(len(frontier.candidates), bool)
    columns = st.columns(len(objectives))
    for m, (objective, column) in enumerate(zip(objectives, columns, strict=True)):
        scale = 100.0 if objective.is_share else 1.0
        values = frontier.measure(objective) * scale
        own = values[shown][np.isfinite(values[shown])]
        whole = (float(own.min()), float(own.max())) if len(own) else (0.0, 0.0)
        if whole[1] > whole[0]:
            unit = ", %" if objective.is_share else ""
            low, high = column.slider(
                f"{widget_label(objective.full_title)}{unit}", *whole, whole,
                (whole[1] - whole[0]) / 100, key=f"range-{m}-{objective.key}",
            )  # fmt: skip
            hair = (whole[1] - whole[0]) / 1e6
            inside = (values >= low - hair) & (values <= high + hair)
            # What has no value is set aside only by somebody who asks for a range.
            kept &= inside | (np.isnan(values) & ((low, high) == whole))
    st.caption(f"{int(kept[shown].sum()):,} of {len(shown):,} models lie within all ranges.")
    show_chart(
        parallel_figure(frontier, names=labels(frontier), kept=kept, objectives=objectives),
        key="parallel", alt="One line per model across every objective, better upwards",
    )  # fmt: skip


def _chosen(frontier: Frontier) -> list[Objective]:
    """What is drawn: the objectives of the view until somebody chooses others."""
    choices = objective_choices(frontier)
    if frontier.costs is None:
        choices.pop(PROFIT)
    own = [objective.key for objective in frontier.objectives]
    chosen = st.multiselect(
        "Objectives", list(choices), own, max_selections=MOST_AXES, key=f"axes-{'|'.join(own)}",
        format_func=lambda key: choices.get(key, key),
        help=f"Up to {MOST_AXES}, in the order of the axes.",
    )  # fmt: skip
    return [find_objective(key, frontier.partition) for key in chosen or own]
