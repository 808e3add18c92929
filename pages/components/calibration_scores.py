"""What the Calibration page compares: the scores of one model before and after calibration."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from faircore.frontier import Candidate
from faircore.methods.calibrated import (
    FITTED_ON,
    CalibrationConfig,
    fit_calibration,
    plain_score,
)
from faircore.methods.sources import SCORE
from faircore.predictors import Calibrated, ExistingScore, Predictor, Thresholded, layers
from faircore.records import Review
from faircore.workspace import default_workspace
from pages.components.candidate_launch import candidate_id
from pages.components.loading import frontier_of, model_of, prepared_of
from pages.components.words import labels

JUDGED_ON = "select"
"""Rows that no calibrator learned from, and that are not sealed."""

Scores = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Scored:
    """A model and its score of the rows it is judged by.

    Attributes
    ----------
    model : Predictor
    scores : ndarray, shape (n,)
    """

    model: Predictor
    scores: Scores


def models_of(review: Review) -> dict[str, str]:
    """Models whose calibration can be looked at, by reference, with their names."""
    found = {SCORE: "The score in the data"} if review.data_spec.score else {}
    frontier = frontier_of(review) if review.sweeps else None
    if frontier is not None:
        names = labels(frontier)
        found |= {c.id: names[c.id] for c in frontier.candidates if c.failure is None}
    return found


def candidate_of(review: Review, reference: str) -> Candidate | None:
    """The candidate of a reference; none for the score in the data."""
    frontier = frontier_of(review) if review.sweeps and reference != SCORE else None
    if frontier is None:
        return None
    return frontier.candidates[frontier.position(reference)]


def before_and_after(review: Review, reference: str) -> tuple[Scored, Scored | None]:
    """The score a model stands on, and its own where it is calibrated.

    Of a model that decides by thresholds it is the score that is cut.
    """
    model = _model(review, reference)
    own = next(one for one in layers(model) if not isinstance(one, Thresholded))
    plain = plain_score(own)
    before = Scored(plain, _scores(review, reference, plain, "plain"))
    return before, None if own is plain else Scored(own, _scores(review, reference, own, "own"))


def calibrated_by(review: Review, reference: str, config: CalibrationConfig) -> Scored:
    """Calibrate a model as asked: maps are fitted on the spot, a correction must be there already.

    Raises
    ------
    FaircoreError
        When these rows do not allow it.
    """
    if config.scope == "features":
        _, made = before_and_after(review, candidate_id(review, config))
        assert made is not None
        return made
    workspace = str(default_workspace())
    found: Scored = _fitted(workspace, review.id, review.fingerprint, reference, config, review)
    return found


def _model(review: Review, reference: str) -> Predictor:
    if reference == SCORE:
        return ExistingScore(review.data_spec.score or "")
    return model_of(reference)


@st.cache_resource(max_entries=64, show_spinner="Asking the model for its scores")
def _scored(
    workspace: str, review_id: str, fingerprint: str, reference: str, layer: str, split: str,
    _review: Review, _model: Predictor,
) -> Scores:  # fmt: skip
    return np.asarray(_model.scores(prepared_of(_review).inputs(split)), np.float64)


def _scores(
    review: Review, reference: str, model: Predictor, layer: str, split: str = JUDGED_ON
) -> Scores:
    workspace = str(default_workspace())
    found: Scores = _scored(
        workspace, review.id, review.fingerprint, reference, layer, split, review, model
    )
    return found


@st.cache_resource(max_entries=64, show_spinner="Calibrating")
def _fitted(
    workspace: str, review_id: str, fingerprint: str, reference: str, config: CalibrationConfig,
    _review: Review,
) -> Scored:  # fmt: skip
    """Fit maps to the calibrate rows, and score the rows they are judged by."""
    prepared = prepared_of(_review)
    before, _ = before_and_after(_review, reference)
    rows = prepared.rows(FITTED_ON)
    model, _ = fit_calibration(
        before.model,
        config,
        prepared.inputs(FITTED_ON),
        _scores(_review, reference, before.model, "plain", FITTED_ON),
        prepared.dataset.y_true[rows],
        prepared.weights[rows],
        partitions=[p.attributes for p in prepared.groups.partitions],
    )
    assert isinstance(model, Calibrated)
    return Scored(model, model.map_scores(before.scores, prepared.inputs(JUDGED_ON)))
