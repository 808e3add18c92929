"""Frontier: what fairer costs, model by model; slide, click, compare, share."""

from __future__ import annotations

import streamlit as st

from faircore.frontier import Frontier, Limit, Pick, families, knee, recommend
from faircore.groups import find_partition
from faircore.jobs import Job
from faircore.plans import SweepPlan
from faircore.plots import frontier_figure
from faircore.records import Review
from faircore.workspace import default_workspace
from pages.components.candidates import (
    choose_path,
    current_view,
    path_control,
    selected_position,
    shown_order,
)
from pages.components.charts import show_chart
from pages.components.frontier_compare import compare
from pages.components.frontier_controls import more_controls, objective_controls
from pages.components.frontier_detail import counts_now, detail
from pages.components.frontier_methods import all_objectives, methods, promises
from pages.components.frontier_notes import (
    cautions,
    every_model,
    failures,
    meaning,
    no_band,
    nothing_to_show,
)
from pages.components.frontier_people import people
from pages.components.frontier_refine import refine
from pages.components.frontier_share import share
from pages.components.frontier_thresholds import thresholds
from pages.components.frontier_view import kept_of, limits_of
from pages.components.group_tables import rates_table
from pages.components.loading import frontier_of, uncertainty_of
from pages.components.session import require_review, session
from pages.components.strength_slider import Stop, strength_slider
from pages.components.words import labels, plain, price, readout

CHART = "cloud"
LOOKS = ("People", "Thresholds", "Compare", "Methods", "Promises", "All objectives")
FOLLOW = ["detail", "steer", "below", "table"]
"""Fragments that show the selected model. The cloud is none of them: it stays as it is."""


def choose_click(frontier: Frontier) -> None:
    """Select the clicked point.

    The chart keeps its own selection while the slider moves on, so a second click on that point
    arrives as an empty selection: it means the point once more.
    """
    current = session()
    points = st.session_state[CHART].selection.points
    if points:
        current.clicked = points[0]["customdata"][0]
    if any(c.id == current.clicked for c in frontier.candidates):
        current.candidate = current.clicked
        current.cut_by = ""
    st.rerun(FOLLOW)


@st.fragment(key="steer")
def steer(frontier: Frontier, order: list[int]) -> None:
    """Drag along trained models: the unbeaten ones, or those of one kind by strength."""
    path, position = choose_path(frontier, order, selected_position(frontier, order))
    path_control(frontier, order)
    names = labels(frontier)
    stops = [
        Stop(
            names[frontier.candidates[k].id],
            readout(frontier, k),
            float(frontier.values[k, 1]),
            float(frontier.values[k, 0]),
        )
        for k in path.positions
    ]
    ids = [frontier.candidates[k].id for k in path.positions]

    def commit(index: int) -> None:
        session().candidate = ids[index]
        session().cut_by = ""
        st.rerun(FOLLOW)

    strength_slider(
        stops,
        index=path.positions.index(position),
        chart_key=CHART,
        label=path.title,
        key="strength",
        on_commit=commit,
    )


@st.fragment(key="detail")
def selected(review: Review, frontier: Frontier, order: list[int]) -> None:
    """The selected model, to the right of the cloud."""
    position = selected_position(frontier, order)
    detail(frontier, position, uncertainty_of(review, frontier))
    refine(review, frontier, position)


@st.fragment(key="below")
def closer(review: Review, frontier: Frontier, order: list[int]) -> None:
    """Groups of the selected model, and one closer look at a time."""
    position, sure = selected_position(frontier, order), uncertainty_of(review, frontier)
    partition = find_partition(frontier.partitions, frontier.gap.partition)
    st.subheader(f"Groups of {plain(partition.name)} at the selected point")
    rates_table(
        counts_now(frontier, position, session()),
        frontier.partitions,
        partition,
        sizes=frontier.sizes[frontier.split],
    )
    look = st.segmented_control("Look closer", LOOKS, default=LOOKS[0], key="look")
    if look == "People":
        people(review, frontier, position)
    elif look == "Thresholds":
        thresholds(review, frontier, position)
    elif look == "Compare":
        compare(frontier, position, sure)
    elif look == "Methods":
        methods(frontier, sure)
    elif look == "Promises":
        promises(frontier)
    elif look == "All objectives":
        all_objectives(frontier)


@st.fragment(key="table")
def table(frontier: Frontier, order: list[int]) -> None:
    """Every model as text, for those who open it."""
    every_model(frontier, order, then=lambda: st.rerun(FOLLOW))


def starred(frontier: Frontier, limits: tuple[Limit, ...]) -> Pick | None:
    """The recommended model, with its rule in words, and the knee by name; a button to go there."""
    may = not session().no_groups
    pick = recommend(frontier, limits, may_need_groups=may)
    names = labels(frontier)
    if pick is None:
        st.warning(
            "No model keeps every limit. Loosen one under Limits, filters and costs, or train "
            "models that ask for more on the Train page."
        )
        return None
    told = (
        f"★ Recommended to look at first: **{plain(names[frontier.candidates[pick.position].id])}**"
    )
    told += f", {plain(pick.rule)}."
    bend = knee(frontier)
    if bend is not None and bend.position != pick.position:
        told += f" The knee is **{plain(names[frontier.candidates[bend.position].id])}**."

    def take() -> None:
        session().candidate = frontier.candidates[pick.position].id
        session().cut_by = ""

    text, go = st.columns([5, 1], vertical_alignment="center")
    text.markdown(told)
    go.button("Go there", on_click=take, key="go-star", help="Select the recommended model.")
    return pick


@st.fragment(run_every=1.0)
def still_training(job: Job, shown: int) -> None:
    """Say that models are still being trained, and redraw the page when one is ready."""
    state = job.state()
    if state.done or state.finished != shown:
        st.rerun()
    st.caption(f"Training goes on: {state.finished:,} of {state.wanted:,} models are ready.")


def main() -> None:
    """Draw the page from top to bottom."""
    review = require_review("Frontier", trained=True)
    job = Job(default_workspace(), review.id, SweepPlan.from_json(review.sweeps[-1]))
    state = job.state()
    if not state.done:
        still_training(job, state.finished)
    frontier, current = current_view(review), session()
    objective_controls(frontier)
    # A filter by method leaves candidates out; to ask for all takes thousands of looks at the disk.
    whole = (frontier_of(review) if current.methods else None) or frontier
    more_controls(frontier, list(dict.fromkeys(c.method for c in whole.candidates)))
    order = shown_order(frontier)
    if not order:
        nothing_to_show(frontier)
        st.stop()
    limits = limits_of(frontier, current)
    # The cloud need not wait for what only its intervals and band ask for.
    sure = uncertainty_of(review, frontier) if current.errors or current.band else None
    st.markdown(f"#### {plain(price(frontier))}")
    pick = starred(frontier, limits)
    figure = frontier_figure(
        frontier,
        names=labels(frontier),
        limits=limits,
        kept=kept_of(frontier, current),
        starred=None if pick is None else pick.position,
        errors=(sure.low, sure.high) if sure is not None and current.errors else None,
        band=sure.band if sure is not None and current.band else None,
        families=None if current.by_seed else families(frontier),
        height=460 + 20 * max(len({c.method for c in frontier.candidates}) - 2, 0),
    )
    left, right = st.columns([3, 2], gap="large")
    with left:
        steer(frontier, order)
        show_chart(
            figure,
            key=CHART,
            alt=f"{frontier.objectives[0].title} against {frontier.objectives[1].full_title} of "
            f"{len(order):,} models; the table below holds the same values",
            on_select=lambda: choose_click(frontier),
        )
        meaning(frontier, limits)
        if current.band and (sure is None or sure.band is None or not len(sure.band[0])):
            st.caption(f"The band of the frontier is not drawn: {no_band(frontier)}.")
        share(review, frontier, figure)
    with right:
        selected(review, frontier, order)
    closer(review, frontier, order)
    table(frontier, order)
    failures(frontier)
    cautions(review, frontier, whole)


main()
