"""Choosing among candidates: the order they are shown in and what is selected."""

from __future__ import annotations

import numpy as np
import streamlit as st

from faircore.frontier import Frontier
from faircore.penalties import PENALTIES
from faircore.records import Review
from faircore.sweep import SweepSpec
from pages.components.loading import frontier_of
from pages.components.session import session
from pages.components.words import readout, strength_label


def current_view(review: Review) -> Frontier:
    """The review's frontier in the view of this session; stops while no model is ready."""
    frontier = frontier_of(review)
    if frontier is None:
        st.write("No model is ready yet. The training page shows how far it is.")
        if st.button("See the training", type="primary"):
            st.switch_page("train.py")
        st.stop()
    current = session()
    names = [p.name for p in frontier.partitions]
    if current.partition not in names:
        # What the models were trained for is what one wants to see first.
        last = SweepSpec.from_json(review.sweeps[-1])
        current.disparity = PENALTIES[last.penalty].disparity
        current.partition = (last.partitions or names)[0]
    return frontier.view(
        performance=current.performance,
        disparity=current.disparity,
        partition=current.partition,
        threshold=current.threshold,
    )


def shown_order(frontier: Frontier) -> list[int]:
    """Positions of the candidates that can be shown, by strength, then seed."""
    shown = np.flatnonzero(np.isfinite(frontier.values).all(axis=1)).tolist()
    return sorted(
        shown, key=lambda k: (frontier.candidates[k].strength, frontier.candidates[k].seed)
    )


def selected_position(frontier: Frontier, order: list[int]) -> int:
    """Position of the selected candidate; the unconstrained one until somebody chooses."""
    current = session()
    for k in order:
        if frontier.candidates[k].id == current.candidate:
            return k
    current.candidate = frontier.candidates[order[0]].id
    return order[0]


def candidate_name(frontier: Frontier, position: int) -> str:
    """A candidate in one line: strength, seed where there are several, both objectives."""
    with_seed = len({c.seed for c in frontier.candidates}) > 1
    label = strength_label(frontier.candidates[position], with_seed=with_seed)
    return f"{label} · {readout(frontier, position)}"
