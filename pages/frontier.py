"""Frontier: what a smaller gap costs, model by model."""

from __future__ import annotations

import streamlit as st

from faircore.frontier import Frontier
from faircore.groups import find_partition
from faircore.jobs import Job
from faircore.metrics import DISPARITIES, PERFORMANCES, RATES, find_disparity
from faircore.plots import frontier_figure, group_bars
from faircore.sweep import SweepSpec
from faircore.workspace import default_workspace
from pages.components.candidates import (
    candidate_name,
    current_view,
    selected_position,
    shown_order,
)
from pages.components.charts import show_chart
from pages.components.group_tables import MIN_GROUP, rates_table
from pages.components.session import require_review, session
from pages.components.strength_slider import Stop, strength_slider
from pages.components.words import finding, price, readout, strength_label

CHART = "cloud"


def controls(frontier: Frontier) -> None:
    """What is compared, between whom, at which threshold."""
    current = session()
    first, second, third, fourth = st.columns([2, 3, 2, 3])

    def pick(name: str) -> None:
        setattr(current, name, st.session_state[f"view-{name}"])

    names = [p.name for p in frontier.partitions]
    first.selectbox(
        "Performance", list(PERFORMANCES), key="view-performance",
        index=list(PERFORMANCES).index(current.performance),
        format_func=lambda n: PERFORMANCES[n].title, on_change=pick, args=("performance",),
    )  # fmt: skip
    second.selectbox(
        "Fairness", list(DISPARITIES), key="view-disparity",
        index=list(DISPARITIES).index(current.disparity),
        format_func=lambda n: DISPARITIES[n].title, on_change=pick, args=("disparity",),
    )  # fmt: skip
    third.selectbox(
        "Between groups of", names, key="view-partition", index=names.index(current.partition),
        on_change=pick, args=("partition",),
    )  # fmt: skip
    fourth.slider(
        "Threshold: select a person whose score is at least", 0.05, 0.95, current.threshold, 0.01,
        key="view-threshold", on_change=pick, args=("threshold",),
    )  # fmt: skip


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


def slider(frontier: Frontier, order: list[int], position: int) -> None:
    """Drag along the trained models, in the order of their strength."""
    with_seed = len({c.seed for c in frontier.candidates}) > 1
    stops = [
        Stop(
            strength_label(frontier.candidates[k], with_seed=with_seed),
            readout(frontier, k),
            float(frontier.values[k, 1]),
            float(frontier.values[k, 0]),
        )
        for k in order
    ]

    def commit(index: int) -> None:
        session().candidate = frontier.candidates[order[index]].id

    strength_slider(
        stops,
        index=order.index(position),
        chart_key=CHART,
        label="Strength of the penalty, λ",
        key="strength",
        on_commit=commit,
    )


def detail(frontier: Frontier, position: int) -> None:
    """The selected model: both objectives, then its groups."""
    candidate = frontier.candidates[position]
    partition = find_partition(frontier.partitions, frontier.partition)
    rate = find_disparity(frontier.disparity).rates[0]
    sizes = frontier.sizes[frontier.split]
    st.subheader(candidate_name(frontier, position).split(" · ")[0])
    st.markdown(f"{readout(frontier, position).capitalize()}.")
    st.markdown(finding(frontier.counts[position], partition, rate=rate, counted=frontier.counted))
    if not frontier.non_dominated[position]:
        st.caption("Another model is at least as good in both respects and better in one.")
    bars = group_bars(
        frontier.counts[position], partition, sizes=sizes, rate=rate, min_group_size=MIN_GROUP
    )
    show_chart(bars, key="bars", alt=f"{RATES[rate].title} by {partition.name}, one bar per group")
    needs = "needs" if candidate.needs_groups else "does not need"
    st.caption(
        f"{needs.capitalize()} a sensitive attribute at prediction time. Trained in "
        f"{candidate.fit_seconds:.1f} s, best after {candidate.best_epoch} passes."
    )
    if st.button("Choose this point", type="primary"):
        st.switch_page("decide.py")


def how_to_read(frontier: Frontier) -> None:
    """What the axes, the dots and the line mean."""
    measure = find_disparity(frontier.disparity)
    groups = find_partition(frontier.partitions, frontier.partition).groups
    better = "right" if measure.kind == "ratio" else "left"
    with st.expander("How to read this"):
        st.write(
            "Each dot is a trained model. Up is better for the organisation; "
            f"{better} is more equal: {measure.sentence}. The line joins the models that no other "
            "beats in both. All figures are measured on "
            f"{int(frontier.sizes[frontier.split][groups].sum()):,} people whose rows trained no "
            "model; the choice itself is measured on others still."
        )


def every_model(frontier: Frontier, order: list[int], position: int) -> None:
    """All candidates as a table, and a list that does what clicking does."""

    def take() -> None:
        session().candidate = frontier.candidates[st.session_state["row"]].id

    with st.expander(f"All {len(frontier.candidates)} models as a table"):
        # The list follows clicks and the slider, so its own memory must not win.
        st.session_state["row"] = position
        st.selectbox(
            "Selected model", order, key="row", on_change=take,
            format_func=lambda k: candidate_name(frontier, k),
        )  # fmt: skip
        frame = frontier.to_frame().drop(columns=["id", "method"])
        st.dataframe(frame, hide_index=True, width="stretch")
    for candidate in frontier.candidates:
        if candidate.failure:
            st.warning(f"λ = {candidate.strength:g}, seed {candidate.seed}: {candidate.failure}")


@st.fragment(run_every=1.0)
def still_training(job: Job, shown: int) -> None:
    """Say that models are still being trained, and redraw the page when one is ready."""
    state = job.state()
    if state.done or state.finished != shown:
        st.rerun()
    st.caption(f"Training goes on: {state.finished} of {state.wanted} models are ready.")


def main() -> None:
    """Draw the page from top to bottom."""
    review = require_review("Frontier", trained=True)
    job = Job(default_workspace(), review.id, SweepSpec.from_json(review.sweeps[-1]))
    state = job.state()
    if not state.done:
        still_training(job, state.finished)
    frontier = current_view(review)
    controls(frontier)
    order = shown_order(frontier)
    if not order:
        st.warning(
            f"No gap can be computed between the groups of {frontier.partition}: fewer than two "
            f"have {MIN_GROUP} people and a defined rate. Choose another comparison above."
        )
        st.stop()
    position = selected_position(frontier, order)
    st.markdown(f"#### {price(frontier)}")
    left, right = st.columns([3, 2], gap="large")
    with left:
        slider(frontier, order, position)
        show_chart(
            frontier_figure(frontier),
            key=CHART,
            alt=f"{frontier.performance} against {frontier.disparity} of {len(order)} models; the "
            "table below holds the same values",
            on_select=lambda: choose_click(frontier),
        )
        how_to_read(frontier)
    with right:
        detail(frontier, position)
    st.subheader(f"Groups of {frontier.partition} at the selected point")
    rates_table(
        frontier.counts[position],
        find_partition(frontier.partitions, frontier.partition),
        sizes=frontier.sizes[frontier.split],
    )
    every_model(frontier, order, position)


main()
