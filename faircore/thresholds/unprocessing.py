"""Scores without any limit, to start from when models trained under limits are compared."""

from __future__ import annotations

from typing import Any

from faircore.thresholds.frontier import ThresholdFrontier


def unprocess(
    scores: Any,
    y_true: Any,
    *,
    sensitive_features: Any,
    sample_weight: Any = None,
    costs: tuple[float, float] = (1.0, 1.0),
) -> ThresholdFrontier:
    """Undo a limit: the cheapest cut of every group, whatever the gaps.

    Models trained under different limits cannot be compared by their accuracy alone. With cuts that
    cost least per group, all are without a limit; from there :class:`ThresholdFrontier` brings all
    to the same one, so that only the scores differ (Cruz and Hardt 2024, who call this
    unprocessing).

    Parameters
    ----------
    scores, y_true, sensitive_features, sample_weight
        As in :meth:`ThresholdFrontier.fit`. Several attributes are crossed.
    costs : tuple of two float
        Of a false positive and of a false negative.

    Returns
    -------
    ThresholdFrontier
        With one rule, of tolerance 1 on equalized odds, which allows everything. Nothing is drawn.

    Examples
    --------
    >>> free = unprocess([0.2, 0.7, 0.8], [0, 0, 1], sensitive_features=["a", "b", "b"])
    >>> free.points_["accuracy"].tolist()
    [1.0]
    """
    frontier = ThresholdFrontier("equalized_odds", (1.0,), costs=costs)
    return frontier.fit(
        scores, y_true, sensitive_features=sensitive_features, sample_weight=sample_weight
    )
