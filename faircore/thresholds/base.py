"""What every set of group rules has in common: choosing one of them, and deciding by it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from faircore.errors import InputError
from faircore.groups import Groups
from faircore.predictors import GroupRule, row_draws
from faircore.thresholds.cells import crossing, finite_scores


class GroupRules(BaseEstimator):  # type: ignore[misc]
    """Rules along a grid of one strength, which ``fit`` of a subclass finds.

    A subclass names its strength in ``_strength``, stores its constructor's parameters untouched,
    and sets ``rules_`` and ``points_`` in ``fit``.
    """

    _strength: str
    rules_: list[GroupRule | None]
    points_: pd.DataFrame

    def _rule(self, strength: float | None) -> GroupRule:
        """Rule at a strength of the grid; at the smallest by default."""
        check_is_fitted(self, "rules_")
        grid = self.points_[self._strength].to_numpy(np.float64)
        wanted = grid.min() if strength is None else float(strength)
        number = int(np.abs(grid - wanted).argmin())
        if not abs(grid[number] - wanted) <= 1e-9:
            raise InputError(
                f"There is no rule of {self._strength} {wanted:g}. Choose one of "
                f"{', '.join(f'{value:g}' for value in sorted(grid))}, or fit again with it."
            )
        rule = self.rules_[number]
        if rule is None:
            raise InputError(
                f"No rule keeps a {self._strength} of {wanted:g} within the other limits; the "
                f"smallest gap found is {self.points_['smallest_gap'].iloc[number]:.4g}. Choose a "
                "larger one, or widen the limits and fit again."
            )
        return rule

    def _probability(
        self, scores: Any, sensitive_features: Any, strength: float | None
    ) -> NDArray[np.float64]:
        """Probability of each class, (n, 2)."""
        rule = self._rule(strength)
        score, codes = _located(rule, scores, sensitive_features)
        good = rule.probability(score, codes)
        return np.column_stack([1 - good, good])

    def _decide(
        self, scores: Any, sensitive_features: Any, strength: float | None, rows: Any
    ) -> NDArray[np.int8]:
        """Decision on each row, (n,)."""
        rule = self._rule(strength)
        score, codes = _located(rule, scores, sensitive_features)
        drawn_on = np.arange(len(score)) if rows is None else np.asarray(rows)
        if len(drawn_on) != len(score):
            raise InputError(
                f"rows must have one entry per score; it has {len(drawn_on):,}, scores "
                f"{len(score):,}. Pass what tells the same rows apart, or leave it out."
            )
        cuts = rule.drawn_cuts(codes, row_draws(drawn_on, seed=rule.seed))
        return (score >= cuts).astype(np.int8)


def _located(
    rule: GroupRule, scores: Any, sensitive: Any
) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """Scores and the group of each row."""
    score = finite_scores(scores)
    if isinstance(sensitive, Groups):
        sensitive = crossing(sensitive, rule.key.attributes)
    codes = rule.key.codes(sensitive)
    if len(codes) != len(score):
        raise InputError(
            f"sensitive_features must have one row per score; it has {len(codes):,}, scores "
            f"{len(score):,}. Pass columns of the same table."
        )
    return score, codes
