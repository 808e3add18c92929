"""The system that is audited, among the rows of a dataset."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from faircore.data import Dataset
from faircore.errors import InputError
from faircore.groups import Groups
from faircore.metrics.tally import Tally, tally_rows


def tally_dataset(
    dataset: Dataset,
    rows: NDArray[np.int64] | None = None,
    *,
    y_pred: Any = None,
    y_score: Any = None,
    threshold: float = 0.5,
    groups: Groups | None = None,
) -> Tally:
    """Count what a system does to some rows of a dataset.

    Parameters
    ----------
    dataset : Dataset
    rows : ndarray of int, shape (m,), optional
        Row numbers; all when left out.
    y_pred, y_score : array, shape (m,), optional
        Decisions and scores on those rows; the dataset's own decision and score when both are
        left out.
    threshold : float
        Used where there are scores and no decisions.
    groups : Groups, optional
        Of all rows of the dataset, when they are at hand already.

    Raises
    ------
    InputError
        When nothing is given and the dataset has neither score nor decision.
    """
    rows = np.arange(dataset.n_rows) if rows is None else rows
    if y_pred is None and y_score is None:
        if dataset.score is None and dataset.decision is None:
            raise InputError(
                f"{dataset.source} has no column with a score or a decision to audit. Name one, "
                "or train a plain baseline and audit that."
            )
        y_score = None if dataset.score is None else dataset.score[rows]
        y_pred = None if dataset.decision is None else dataset.decision[rows]
    groups = Groups.of_dataset(dataset) if groups is None else groups
    return tally_rows(
        dataset.y_true[rows],
        y_pred,
        y_score=y_score,
        groups=groups.take(rows),
        sample_weight=None if dataset.spec.weight is None else dataset.weights[rows],
        threshold=threshold,
    )
