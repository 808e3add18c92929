"""Refine here: new strengths around the selected model."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from faircore.errors import FaircoreError
from faircore.frontier import Frontier
from faircore.jobs import start_sweep
from faircore.plans import SweepPlan, SweepSpec
from faircore.records import Review, request_of, strengths_around
from faircore.workspace import default_workspace
from pages.components.session import acting


def refine(review: Review, frontier: Frontier, position: int) -> None:
    """A button that trains models whose strengths lie between the neighbours of this one."""
    candidate = frontier.candidates[position]
    spec = request_of(review, candidate.id)
    if spec is None or spec.kind.fixed:
        return
    strengths = strengths_around(spec, candidate.strength)
    if not strengths:
        return
    told = ", ".join(f"{s:.3g}" for s in strengths)
    seeds = "" if len(spec.seeds) == 1 else f", {len(spec.seeds)} seeds each"
    if st.button(
        "Refine here", key="refine",
        help=f"Trains {len(strengths) * len(spec.seeds)} more models with strengths between the "
        f"neighbours of this one: {told}{seeds}. The page goes on while they train.",
    ):  # fmt: skip
        _launch(review, spec, strengths)


def _launch(review: Review, spec: SweepSpec, strengths: tuple[float, ...]) -> None:
    try:
        plan = SweepPlan((replace(spec, strengths=strengths),))
        start_sweep(default_workspace(), review.id, plan, who=acting())
    except FaircoreError as error:
        st.error(str(error))
        return
    st.rerun()  # the whole page: it then says how far the training is
