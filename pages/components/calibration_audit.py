"""Where in all combinations of the attributes a score is wrong: the multicalibration audit."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from faircore.audit.multicalibration import MulticalibrationAudit, walk_multicalibration
from faircore.errors import FaircoreError
from faircore.records import Review
from pages.components.calibration_measures import digest
from pages.components.calibration_scores import JUDGED_ON
from pages.components.loading import prepared_of
from pages.components.words import plain

_MOST_LEVELS = 20
_SHOWN = 10


def multicalibration(review: Review, scores: NDArray[np.float64], *, after: bool) -> None:
    """Ask which columns to combine, walk through all their cells, and show a short list."""
    dataset = prepared_of(review).dataset
    more = [
        str(name)
        for name, column in dataset.features.items()
        if name not in dataset.sensitive.columns
        and not pd.api.types.is_numeric_dtype(column.dtype)
        and column.nunique() <= _MOST_LEVELS
    ]
    st.write(
        "Groups that nobody named can be misjudged too. This walks through every combination of "
        "the attributes, from single values down, and lists those in which the score is wrong and "
        "no larger group explains it."
    )
    left, right = st.columns([4, 1], vertical_alignment="bottom")
    added = left.multiselect(
        "Combine the sensitive attributes with", more, key="walk-with",
        help="Columns of text with few values.",
    )  # fmt: skip
    least = right.number_input("People at least", 20, 10_000, 100, step=10, key="walk-least")
    try:
        found = _walk(digest(scores), int(least), tuple(added), review.fingerprint, scores, review)
    except FaircoreError as error:
        st.error(plain(str(error)))
        return
    _findings(found, after=after)


def _findings(found: MulticalibrationAudit, *, after: bool) -> None:
    which = "the score after calibration" if after else "the score"
    summary, *sentences = found.in_words()
    if not sentences:
        st.write(f"In none of those tested is {which} wrong by more than chance.")
    else:
        st.markdown("\n".join(f"- {plain(sentence)}" for sentence in sentences[:_SHOWN]))
        if len(sentences) > _SHOWN:
            st.caption(f"The first {_SHOWN} of {len(sentences)}.")
    st.caption(
        f"{plain(summary)} A combination that is not listed may still be misjudged by less than "
        "these people can show."
    )


@st.cache_resource(max_entries=32, show_spinner="Looking through every combination")
def _walk(
    scores_sha256: str, least: int, added: tuple[str, ...], fingerprint: str,
    _scores: NDArray[np.float64], _review: Review,
) -> MulticalibrationAudit:  # fmt: skip
    prepared = prepared_of(_review)
    rows, dataset = prepared.rows(JUDGED_ON), prepared.dataset
    attributes = pd.concat(
        [dataset.sensitive.iloc[rows], dataset.features.iloc[rows][list(added)]], axis=1
    )
    return walk_multicalibration(
        _scores, dataset.y_true[rows], attributes,
        sample_weight=prepared.weights[rows], min_people=least,
    )  # fmt: skip
