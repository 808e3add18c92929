"""What the Frontier page says around the picture: how to read it, what is missing, every model."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable

import numpy as np
import pandas as pd
import streamlit as st

from faircore.frontier import Frontier, Limit, shown_with_rows
from faircore.metrics import MIN_PEOPLE
from faircore.records import Review
from pages.components.candidates import choose_model, missing_models
from pages.components.howto import how_to_read
from pages.components.session import session
from pages.components.words import labels, plain

MOST_NAMED = 4
"""Failed models named one by one; the rest are counted."""


def meaning(frontier: Frontier, limits: tuple[Limit, ...]) -> None:
    """What the axes, the dots and the line mean."""
    first, second = frontier.objectives[:2]
    people_seen = int(frontier.sizes[frontier.split][frontier.partitions[0].groups].sum())
    lines = [
        f"Each mark is a trained model. Up: {first.sentence}"
        f"{'' if first.better > 0 else ' (lower is better)'}. Across: {second.sentence}; "
        f"{'further right' if second.better > 0 else 'further left'} is better.",
        line_words(frontier),
        f"All figures are measured on {people_seen:,} people whose rows trained no model and set "
        "no threshold, but decided when most stopped learning, so models look slightly better "
        "here than they are; the choice itself is measured on others still.",
        "Small differences between neighbouring marks are chance. Intervals and the band of the "
        "frontier can be switched on under Limits, filters and costs.",
    ]
    hollow = ["break a limit that you set (the lines show where it is)"] if limits else []
    if session().no_groups:
        hollow.append("ask for a sensitive attribute when they predict")
    if hollow:
        lines.append(f"Hollow grey marks {', or '.join(hollow)}.")
    if not len(shown_with_rows(frontier)):
        lines.append("These models were made by an older version, which kept no intervals.")
    how_to_read(*map(plain, lines), about="frontier")


def line_words(frontier: Frontier) -> str:
    """What joins the marks, and what a lottery between two of them would do."""
    if len(frontier.objectives) > 2:
        third = frontier.objectives[2]
        better = "higher" if third.better > 0 else "lower"
        return (
            f"Colour: {third.sentence} ({better} is better). No line is drawn: with three "
            "objectives the models that no other beats need not lie on one."
        )
    told = "The line joins the models that no other beats in both."
    lots = {objective.of_lots for objective in frontier.objectives}
    if "" in lots:
        return f"{told} Between two of them it only guides the eye."
    if "at most" not in lots:
        return f"{told} On the line between two of them lies what a lottery between the two does."
    return f"{told} Of a lottery between two of them, a gap is at most what the line says."


def nothing_to_show(frontier: Frontier) -> None:
    """Why no model has a place in this view, and what to do about it."""
    trained = [k for k, c in enumerate(frontier.candidates) if c.failure is None]
    if not trained:
        if session().methods:
            st.write("All models of the methods that are shown have failed.")
            st.button("Show all methods", type="primary", on_click=_show_all)
        else:
            st.write("Every model of this review has failed; there is nothing to compare yet.")
            _to_training("Train other models")
    failures(frontier)
    missing = [
        objective.title
        for objective in frontier.objectives
        if objective.source == "scores" and np.isnan(frontier.measure(objective)[trained]).all()
    ]
    if trained and missing:
        st.warning(
            f"{' and '.join(missing)}: not known of these models, which an older version made. "
            "Train them again, or choose another objective above."
        )
        _to_training("Train them again")
    elif trained:
        st.warning(
            "No gap can be computed in this view: fewer than two groups have "
            f"{MIN_PEOPLE} people the rates are about, or nobody is selected. Choose another "
            "comparison or threshold above."
        )


def _show_all() -> None:
    session().methods = ()


def _to_training(label: str) -> None:
    if st.button(label, type="primary"):
        st.switch_page("train.py")


def failures(frontier: Frontier) -> None:
    """The models that are not there, by the reason."""
    names, by_reason = labels(frontier), defaultdict(list)
    for candidate in frontier.candidates:
        if candidate.failure:
            by_reason[candidate.failure].append(names[candidate.id])
    for reason, failed in by_reason.items():
        few, more = failed[:MOST_NAMED], len(failed) - MOST_NAMED
        told = f"{', '.join(few)}{f' and {more:,} more' if more > 0 else ''}"
        have = "has no model" if len(failed) == 1 else f"have no model ({len(failed):,})"
        st.warning(f"{plain(told)} {have}: {plain(reason)}")


def every_model(frontier: Frontier, order: list[int], then: Callable[[], None]) -> None:
    """All candidates as a table, and a list that does what clicking does; for those who open it."""
    n = len(frontier.candidates)
    title = "The model as a table" if n == 1 else f"All {n:,} models as a table"
    box = st.expander(title, key="every-model", on_change="rerun")
    if not box.open:
        return
    with box:
        choose_model(frontier, order, key="row", then=then)
        names = labels(frontier)
        columns = {"Model": [names[frontier.candidates[k].id] for k in order]}
        for m, objective in enumerate(frontier.objectives):
            columns[objective.full_title] = [
                objective.text(value) for value in frontier.values[order, m]
            ]
        columns["Unbeaten"] = np.where(frontier.non_dominated[order], "yes", "").tolist()
        columns["Asks for an attribute"] = [
            "yes" if frontier.candidates[k].needs_groups else "" for k in order
        ]
        columns["Seconds"] = [f"{frontier.candidates[k].fit_seconds:.1f}" for k in order]
        st.dataframe(pd.DataFrame(columns), hide_index=True, width="stretch")


def no_band(frontier: Frontier) -> str:
    """Why there is no band."""
    if len(frontier.objectives) > 2:
        return "it is one of two objectives, and there are three"
    if len(np.unique(frontier.values[frontier.front], axis=0)) < 2:
        return "only one model is unbeaten, so that there is nothing for it to run along"
    return "there are too few people in some group to say where it lies"


def cautions(review: Review, frontier: Frontier, whole: Frontier) -> None:
    """What somebody should know before believing the picture."""
    trained = [c for c in frontier.candidates if c.failure is None]
    if sum(c.still_improving for c in trained) > len(trained) / 2:
        st.warning(
            "Most of these models were still learning when training ended. Train again with more "
            "passes, or more trees, before you compare them."
        )
    missing = missing_models(review, whole)
    if missing:
        st.caption(f"{missing} models asked for are not here; the Train page makes them.")
