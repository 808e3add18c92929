"""Frontier: what a smaller gap costs, model by model."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st

from faircore.frontier import Frontier
from faircore.groups import find_partition
from faircore.jobs import Job
from faircore.metrics import (
    DISPARITIES,
    MIN_PEOPLE,
    PERFORMANCES,
    RATES,
    find_disparity,
    hidden_groups,
)
from faircore.plans import SweepPlan
from faircore.plots import frontier_figure, group_bars
from faircore.records import Review
from faircore.workspace import default_workspace
from pages.components.candidate_facts import facts
from pages.components.candidates import (
    Path,
    choose_model,
    choose_path,
    current_view,
    missing_models,
    path_control,
    selected_position,
    shown_order,
)
from pages.components.charts import show_chart
from pages.components.group_tables import rates_table
from pages.components.session import require_review, session
from pages.components.strength_slider import Stop, strength_slider
from pages.components.words import finding, labels, plain, price, readout

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


def slider(frontier: Frontier, path: Path, position: int) -> None:
    """Drag along trained models: the unbeaten ones, or those of one kind by strength."""
    title, order = path
    names = labels(frontier)
    stops = [
        Stop(
            names[frontier.candidates[k].id],
            readout(frontier, k),
            float(frontier.values[k, 1]),
            float(frontier.values[k, 0]),
        )
        for k in order
    ]
    ids = [frontier.candidates[k].id for k in order]

    def commit(index: int) -> None:
        session().candidate = ids[index]

    strength_slider(
        stops,
        index=order.index(position),
        chart_key=CHART,
        label=title,
        key="strength",
        on_commit=commit,
    )


def detail(frontier: Frontier, position: int) -> None:
    """The selected model: both objectives, then its groups."""
    candidate, counts = frontier.candidates[position], frontier.counts[position]
    partition = find_partition(frontier.partitions, frontier.partition)
    sizes = frontier.sizes[frontier.split]
    st.subheader(plain(labels(frontier)[candidate.id]))
    st.markdown(f"{readout(frontier, position).capitalize()}.")
    st.markdown(finding(counts, partition, frontier.disparity))
    if not frontier.non_dominated[position]:
        st.caption("Another model is at least as good in both respects and better in one.")
    rate = find_disparity(frontier.disparity).worst_rate(
        counts[partition.groups], min_people=MIN_PEOPLE
    )
    st.caption(f"{RATES[rate].sentence.capitalize()}:")
    bars = group_bars(
        counts, partition, sizes=sizes, rate=rate, hidden=hidden_groups(frontier.partitions, sizes)
    )
    show_chart(bars, key="bars", alt=f"{RATES[rate].title} by {partition.name}, one bar per group")
    facts(frontier, position)
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
            "model and set no threshold, but decided when most stopped learning, so models look "
            "slightly better here than they are; the choice itself is measured on others still. "
            "Small differences between neighbouring dots are chance."
        )


def every_model(frontier: Frontier, order: list[int]) -> None:
    """All candidates as a table, and a list that does what clicking does."""
    with st.expander(f"All {len(frontier.candidates)} models as a table"):
        choose_model(frontier, order, key="row")
        names, measure = labels(frontier), find_disparity(frontier.disparity)
        scale, unit = (1, "") if measure.kind == "ratio" else (100, ", points")
        performance = PERFORMANCES[frontier.performance].title
        frame = pd.DataFrame(
            {
                "Model": [names[frontier.candidates[k].id] for k in order],
                f"{performance}, %": 100 * frontier.values[order, 0],
                f"{measure.title}{unit}": scale * frontier.values[order, 1],
                "Unbeaten": np.where(frontier.non_dominated[order], "yes", ""),
                "Seconds": [frontier.candidates[k].fit_seconds for k in order],
            }
        )
        st.dataframe(
            frame.style.format(precision=2 if measure.kind == "ratio" else 1),
            hide_index=True,
            width="stretch",
        )
    for candidate in frontier.candidates:
        if candidate.failure:
            name = plain(labels(frontier)[candidate.id])
            st.warning(f"{name} has no model: {plain(candidate.failure)}")


def cautions(review: Review, frontier: Frontier) -> None:
    """What somebody should know before believing the picture."""
    trained = [c for c in frontier.candidates if c.failure is None]
    if sum(c.still_improving for c in trained) > len(trained) / 2:
        st.warning(
            "Most of these models were still learning when training ended. Train again with more "
            "passes, or more trees, before you compare them."
        )
    missing = missing_models(review, frontier)
    if missing:
        st.caption(f"{missing} models asked for are not here; the Train page makes them.")


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
    job = Job(default_workspace(), review.id, SweepPlan.from_json(review.sweeps[-1]))
    state = job.state()
    if not state.done:
        still_training(job, state.finished)
    frontier = current_view(review)
    controls(frontier)
    order = shown_order(frontier)
    if not order:
        st.warning(
            "No gap can be computed in this view: fewer than two groups have "
            f"{MIN_PEOPLE} people the rates are about, or nobody is selected. Choose another "
            "comparison or threshold above."
        )
        st.stop()
    path, position = choose_path(frontier, order, selected_position(frontier, order))
    st.markdown(f"#### {price(frontier)}")
    left, right = st.columns([3, 2], gap="large")
    with left:
        path_control(frontier, order)
        slider(frontier, path, position)
        show_chart(
            frontier_figure(frontier, names=labels(frontier)),
            key=CHART,
            alt=f"{frontier.performance} against {frontier.disparity} of {len(order)} models; the "
            "table below holds the same values",
            on_select=lambda: choose_click(frontier),
        )
        how_to_read(frontier)
    with right:
        detail(frontier, position)
    st.subheader(f"Groups of {plain(frontier.partition)} at the selected point")
    rates_table(
        frontier.counts[position],
        frontier.partitions,
        find_partition(frontier.partitions, frontier.partition),
        sizes=frontier.sizes[frontier.split],
    )
    every_model(frontier, order)
    cautions(review, frontier)


main()
