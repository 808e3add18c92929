"""Export: the chosen model as a bundle anyone can score with."""

from __future__ import annotations

import streamlit as st

from faircore.errors import FaircoreError
from faircore.export.bundle import Bundle, export_bundle
from faircore.export.chosen import bundle_of_review
from faircore.records import Review
from faircore.workspace import default_workspace
from pages.components.loading import prepared_of
from pages.components.session import require_review, reviews
from pages.components.words import plain


def bundle_of(review: Review) -> Bundle:
    """Put the bundle together and lay it where the download route finds it."""
    bundle = bundle_of_review(default_workspace(), review.id, prepared=prepared_of(review))
    export_bundle(bundle, reviews().bundle_path(review))
    return bundle


review = require_review("Export", trained=True)
if not review.decisions:
    st.write("No operating point has been chosen yet.")
    if st.button("Choose one", type="primary"):
        st.switch_page("decide.py")
    st.stop()
try:
    bundle = bundle_of(review)
except FaircoreError as error:
    st.error(str(error))
    st.stop()
st.write(
    "The bundle holds the model, how its inputs are prepared, the threshold and the model card. "
    "It holds no row of the data. A model that somebody brought as a file travels as it was: what "
    "that file holds is for its owner to vouch for."
)
st.link_button("Download the bundle", f"/files/bundle/{review.id}", type="primary")
st.subheader("Score new rows with it")
st.code("faircore score bundle.zip new.csv --out scored.csv", language=None)
st.caption(
    f"The file needs the columns {plain(', '.join(bundle.reader.columns))}. "
    "Each row gets a score and a decision, in the order of the file."
)
with st.expander("Model card", expanded=False):
    st.markdown(bundle.card)
