"""What leaves the Frontier page: a link to the view, the picture, the table."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from faircore.data.safe_csv import csv_bytes
from faircore.errors import FaircoreError
from faircore.frontier import Frontier, Uncertainty
from faircore.plots import save_figure
from faircore.records import Review
from pages.components.loading import uncertainty_of
from pages.components.session import session
from pages.components.view_link import link
from pages.components.words import labels

_MEDIA = {"html": "text/html", "svg": "image/svg+xml", "png": "image/png"}


@st.fragment(key="share")
def share(review: Review, frontier: Frontier, figure: go.Figure) -> None:
    """Buttons in a row: share, picture, table."""
    with st.container(horizontal=True):
        box = st.popover("Share this view", key="share-box", on_change="rerun")
        if box.open:  # written when it is opened: a move of a dial does not come here
            with box:
                st.write(
                    "Whoever can open this dashboard sees the same models, view, limits, tried "
                    "thresholds and selected point with this address."
                )
                st.code(link(session()), language=None, wrap_lines=True)
        with st.popover("Download the picture"):
            _picture(figure)
        st.download_button(
            "Download the table",
            lambda: csv_bytes(table(frontier, uncertainty_of(review, frontier))),
            "frontier.csv", "text/csv", on_click="ignore",
            help="Every model with its objectives and intervals, as CSV.",
        )  # fmt: skip


def _picture(figure: go.Figure) -> None:
    kind = st.radio(
        "Format", list(_MEDIA), key="picture-kind", horizontal=True,
        format_func={"html": "HTML that opens offline", "svg": "SVG", "png": "PNG"}.get,
    )  # fmt: skip
    if not st.button("Make it"):
        return
    try:
        with tempfile.TemporaryDirectory() as folder:
            data = save_figure(figure, Path(folder) / f"frontier.{kind}").read_bytes()
    except FaircoreError as error:
        st.error(str(error))
        return
    st.download_button(
        f"Save frontier.{kind}", data, f"frontier.{kind}", _MEDIA[kind], type="primary",
        on_click="ignore",
    )  # fmt: skip


def table(frontier: Frontier, sure: Uncertainty | None) -> pd.DataFrame:
    """One row per model with what is known of it."""
    names, frame = labels(frontier), frontier.to_frame()
    frame.insert(1, "name", [names[i] for i in frame["id"]])
    keys = [objective.key for objective in frontier.objectives]
    frame = frame.rename(columns=dict(zip(frontier.columns, keys, strict=True)))
    if sure is not None:
        for m, objective in enumerate(frontier.objectives):
            frame[f"{objective.key} low"] = sure.low[:, m]
            frame[f"{objective.key} high"] = sure.high[:, m]
        frame["chance non-dominated"] = sure.chance
    return frame
