"""Calibration: does a score mean the same for everyone, and can it be made to."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from faircore.errors import FaircoreError
from faircore.methods.calibrated import CalibrationConfig
from faircore.metrics.calibration_report import CalibrationReport
from faircore.plots import calibration_bars, reliability_figure
from faircore.records import Review
from pages.components.calibration_audit import multicalibration
from pages.components.calibration_controls import (
    AS_IS,
    SCOPE_TITLES,
    View,
    choose_calibration,
    choose_model,
    choose_partition,
    choose_view,
)
from pages.components.calibration_measures import base_rates, compared, effect_of, report_of
from pages.components.calibration_scores import (
    JUDGED_ON,
    Scored,
    before_and_after,
    calibrated_by,
    candidate_of,
    models_of,
)
from pages.components.calibration_tables import (
    compare_table,
    effect_sentence,
    effect_table,
    groups_table,
    headline,
)
from pages.components.candidate_facts import calibrators_table
from pages.components.candidate_launch import candidate_id, is_listed, is_stored, offer
from pages.components.charts import show_chart
from pages.components.howto import how_to_read
from pages.components.loading import prepared_of
from pages.components.session import require_review, session
from pages.components.words import plain


def nothing_yet() -> None:
    """There is no score to look at."""
    st.write("No model has been trained in this review yet, and the data hold no score.")
    if st.button("Train models", type="primary"):
        st.switch_page("train.py")
    st.stop()


def pictures(
    now: CalibrationReport, before: CalibrationReport | None, partition: str, view: View
) -> None:
    """Reliability diagrams, and the errors of all groups in one row each."""
    layout = "overlay" if view.overlay else "multiples"
    show_chart(
        reliability_figure(now, partition, layout=layout, before=before),
        key="reliability",
        alt=f"Share with the good outcome against the score, for each group of {partition}; the "
        "table below holds the figures",
    )
    hollow = ["Hollow grey marks are the score before calibration."] if before else []
    how_to_read(
        "Each dot holds people of one group with about the same score: across is the score they "
        "were given, up is the share of them that had the good outcome.",
        "On the line, a score of 30% means 30%. Below it they were promised too much, above it too "
        "little.",
        "The thin lines are 95% intervals: one that touches the diagonal can be chance.",
        "Under each picture of its own stands how many people have which score. A dot far off the "
        "line with hardly anybody in it matters little.",
        *hollow,
        about="calibration",
    )
    with st.expander("The errors of all groups in one picture"):
        show_chart(
            calibration_bars(now, partition, before=before),
            key="errors",
            alt=f"Calibration error of each group of {partition} beside what chance alone makes",
        )
        how_to_read(
            "A dot is how far a group's scores are from what happened, on average: further left is "
            "better. A diamond misses the limit, the dotted line, by more than chance.",
            "The grey tick is the error that chance alone makes in a group of this size, even of a "
            "perfect score. A dot near its tick is what it would show as well.",
            "The thin line under it is the range of the error without what chance adds.",
            *hollow,
            "Do not rank groups by their dots alone: small groups lie further right by chance.",
            about="calibration",
        )


def consequences(
    review: Review, before: Scored, after: Scored, partition: str, threshold: float
) -> None:
    """What calibration did to everything else."""
    st.subheader("What it does to everything else")
    effect = effect_of(review, before.scores, after.scores, partition, threshold)
    st.markdown(effect_sentence(effect, base_rates(review, partition)))
    st.caption(
        f"At the threshold {threshold:.2f}, between the groups of {plain(partition)}. Both scores "
        "are of the same people, so the change has an interval of its own."
    )
    effect_table(effect)


def beside(
    review: Review, model: str, before: Scored, config: CalibrationConfig | None, partition: str,
    view: View,
) -> None:  # fmt: skip
    """Every way to calibrate this score in one table, and what going without the group loses."""
    st.subheader("Ways to calibrate this score")
    usual = config or CalibrationConfig(source=model, scope="groups")
    by = usual.attributes or next(
        p.attributes for p in prepared_of(review).groups.partitions if p.name == partition
    )
    configs: dict[str, CalibrationConfig | None] = {AS_IS: None}
    for scope in SCOPE_TITLES:
        if scope != AS_IS:
            configs[scope] = replace(usual, scope=scope, attributes=by)
    rows = compared(
        review, before, configs, reference=model, partition=partition,
        threshold=session().threshold, view=view,
    )  # fmt: skip
    compare_table(rows)
    blind = configs["features"]
    told = (
        "Where the law forbids to ask for the group, only the rows that do not ask for it may be "
        "used; their distance to the row “One per group” is what that costs."
    )
    if review.data_spec.features and blind is not None and not is_stored(review, blind):
        told += " The correction by the features is not made yet: choose it above."
    st.caption(told)


def calibration_of(review: Review, model: str) -> None:
    """The page below the choice of a model."""
    prepared = prepared_of(review)
    partitions = prepared.groups.partitions
    places = st.columns(4)
    partition = choose_partition(partitions, places[0])
    try:
        before, own = before_and_after(review, model)
        config = choose_calibration(review, model, partitions, places[1:], made=own is not None)
        after = own
        if config is not None:
            waiting = config.scope == "features" and not is_stored(review, config)
            after = None if waiting else calibrated_by(review, model, config)
    except FaircoreError as error:
        st.error(plain(str(error)))
        st.stop()
    view = choose_view()
    old = report_of(review, before.scores, view)
    now = old if after is None else report_of(review, after.scores, view)
    earlier = None if after is None else old
    headline(now, earlier, partition)
    st.caption(
        f"{len(prepared.rows(JUDGED_ON)):,} people kept for choosing: no calibrator learned from "
        "them, and the sealed rows stay sealed."
        + (
            " Some of them are the same person's; intervals and p-values take each row for a "
            "person, and are too sure."
            if review.data_spec.entity
            else ""
        )
    )
    if config is not None:
        label = "Fit the correction" if after is None else "Add it to the Frontier"
        offer(review, config, label)
        if config.scope == "features" and is_listed(review, config) and after is not None:
            made = candidate_of(review, candidate_id(review, config))
            st.info(plain(made.note if made else ""))
    pictures(now, earlier, partition, view)
    groups_table(now, earlier, partition)
    if after is not None:
        with st.expander("What each group got, and why"):
            calibrators_table(after.model)
        consequences(review, before, after, partition, session().threshold)
    beside(review, model, before, config, partition, view)
    st.subheader("Every combination of the attributes")
    multicalibration(review, (after or before).scores, after=after is not None)


def main() -> None:
    """Draw the page from top to bottom."""
    review = require_review("Calibration")
    models = models_of(review)
    if not models:
        nothing_yet()
    st.write(
        "A score of 30% should mean 30% for everybody. Here you see in which groups it does, and "
        "correct it where it does not."
    )
    calibration_of(review, choose_model(models))


main()
