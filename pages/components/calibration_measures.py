"""What the Calibration page measures, each once for everybody who looks."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from faircore.audit.effect import score_effect
from faircore.errors import FaircoreError
from faircore.groups import find_partition
from faircore.methods.calibrated import CalibrationConfig
from faircore.metrics import RATES, confusion_counts, hidden_groups
from faircore.metrics.calibration_report import CalibrationReport, calibration_report
from faircore.numerals import hundredths
from faircore.records import Review
from pages.components.calibration_controls import SCOPE_TITLES, View
from pages.components.calibration_scores import JUDGED_ON, Scored, calibrated_by
from pages.components.candidate_launch import is_stored
from pages.components.loading import prepared_of

Scores = NDArray[np.float64]
_MANY = 100
"""People of a group whose share is told without an interval."""


def digest(scores: Scores) -> str:
    """What scores are known by: Streamlit's own hash of a long array looks at a sample of it."""
    return hashlib.sha256(scores.tobytes()).hexdigest()


def report_of(review: Review, scores: Scores, view: View) -> CalibrationReport:
    """Calibration of every group on the rows kept for choosing."""
    found: CalibrationReport = _report(review.fingerprint, digest(scores), view, scores, review)
    return found


def effect_of(
    review: Review, before: Scores, after: Scores, partition: str, threshold: float
) -> pd.DataFrame:
    """What calibration did to every other figure."""
    keys = (digest(before), digest(after))
    return _effect(review.fingerprint, keys, partition, threshold, (before, after), review)


def base_rates(review: Review, partition: str) -> pd.Series[float]:
    """Share with the good outcome by group that may be shown and is no small one."""
    prepared = prepared_of(review)
    rows = prepared.rows(JUDGED_ON)
    groups, y = prepared.groups.take(rows), prepared.dataset.y_true[rows]
    counts = confusion_counts(y, y, groups, prepared.weights[rows])
    own = find_partition(groups.partitions, partition)
    shown = ~hidden_groups(groups.partitions, groups.sizes)[own.groups]
    rates = pd.Series(RATES["base_rate"](counts[own.groups]), index=list(own.group_names))
    return rates[shown & (groups.sizes[own.groups] >= _MANY)].dropna()


def compared(
    review: Review,
    before: Scored,
    configs: Mapping[str, CalibrationConfig | None],
    *,
    reference: str,
    partition: str,
    threshold: float,
    view: View,
) -> list[dict[str, Any]]:
    """Each way to calibrate a score in a row; a correction that is not made yet is left out."""
    rows = []
    for scope, config in configs.items():
        if config is not None and scope == "features" and not is_stored(review, config):
            continue
        try:
            one = before if config is None else calibrated_by(review, reference, config)
        except FaircoreError:  # the reason is said where it is chosen
            continue
        report = report_of(review, one.scores, view)
        gap, groups = report.disparities.loc[partition], report.partition(partition)
        effect = effect_of(review, before.scores, one.scores, partition, threshold)["after"]
        rows.append(
            {
                "Calibration": SCOPE_TITLES[scope],
                "Worst group's ECE": hundredths(gap["ece"]),
                "Gap of ECE": hundredths(gap["difference"]),
                "Groups above the limit": f"{(groups['verdict'] == 'fail').sum()} of "
                f"{(groups['verdict'] != 'too few').sum()}",
                "Log loss": f"{effect['log_loss']:.4f}",
                "AUC": f"{effect['auc']:.4f}",
                "Accuracy, %": hundredths(effect["accuracy"]),
                "Gap in selection": hundredths(effect["demographic_parity_difference"]),
                "Asks for the group": "yes" if one.model.needs_groups else "no",
            }
        )
    return rows


@st.cache_resource(max_entries=48, show_spinner="Measuring")
def _report(
    fingerprint: str, scores_sha256: str, view: View, _scores: Scores, _review: Review
) -> CalibrationReport:
    prepared = prepared_of(_review)
    rows = prepared.rows(JUDGED_ON)
    return calibration_report(
        prepared.dataset.y_true[rows], _scores, sensitive_features=prepared.groups.take(rows),
        sample_weight=prepared.weights[rows], bins=view.bins, equal_width=view.equal_width,
        ece_limit=view.limit, disparity_limit=view.gap_limit,
    )  # fmt: skip


@st.cache_data(max_entries=48, show_spinner="Measuring")
def _effect(
    fingerprint: str, scores_sha256: tuple[str, str], partition: str, threshold: float,
    _scores: tuple[Scores, Scores], _review: Review,
) -> pd.DataFrame:  # fmt: skip
    prepared = prepared_of(_review)
    rows = prepared.rows(JUDGED_ON)
    return score_effect(
        prepared.dataset.y_true[rows], *_scores,
        sensitive_features=prepared.groups.take(rows), partition=partition, threshold=threshold,
        sample_weight=prepared.weights[rows],
    )  # fmt: skip
