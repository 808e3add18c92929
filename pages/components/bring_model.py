"""Bring a fitted model into a review, as a file; and which models there are to work around."""

from __future__ import annotations

import streamlit as st

from faircore.errors import FaircoreError
from faircore.records import Review
from faircore.shelf import bring_model, brought_models
from faircore.workspace import default_workspace
from pages.components.loading import frontier_of, prepared_of
from pages.components.session import session
from pages.components.words import labels, plain

MOST_MB = 200


def sources_of(review: Review) -> dict[str, str]:
    """Models that can be compared, or cut by group, by reference; the likeliest first."""
    found = {"score": "The score in the data"} if review.data_spec.score else {}
    for one in brought_models(default_workspace(), review.fingerprint):
        found[one.reference] = f"Brought: {one.name}"
    chosen = session().candidate
    frontier = frontier_of(review) if chosen and review.sweeps else None
    if frontier is not None and chosen in labels(frontier):
        found[chosen] = f"Selected on the Frontier page: {labels(frontier)[chosen]}"
    return found


def bring_form(review: Review) -> None:
    """Ask for a file, look at it in a process of its own, and keep it when it can be read."""
    if not review.data_spec.features:
        return
    with st.expander("Bring a model you have"):
        st.caption(
            "A fitted scikit-learn classifier saved with skops, or an ONNX file. It must read "
            "columns that are features of this review, and give a probability. The file is opened "
            "in a process of its own that may do nothing but score; pickles are never opened."
        )
        left, right = st.columns([3, 2], vertical_alignment="bottom")
        file = left.file_uploader("Model file", type=["skops", "onnx"], max_upload_size=MOST_MB)
        positive = right.text_input(
            "Its class for the good outcome",
            help="Leave empty when its classes are those of the data, or when the good outcome "
            "comes second in sorted order.",
        )
        if st.button("Bring it", disabled=file is None) and file is not None:
            try:
                with st.spinner("Asking it for the score of a few rows"):
                    brought = bring_model(
                        file.getvalue(), prepared_of(review).dataset,
                        workspace=default_workspace(), name=file.name, positive=positive or None,
                    )  # fmt: skip
            except FaircoreError as error:
                st.error(plain(str(error)))
                return
            st.session_state["brought"] = (
                f"{brought.name}: {brought.shape}. Its class {brought.good} counts as the good "
                "outcome. It is on the list now."
            )
            st.rerun()
        if told := st.session_state.pop("brought", ""):
            st.success(plain(told))
