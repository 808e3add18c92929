"""Boosted trees charged for unfairness while they grow."""

from __future__ import annotations

from collections.abc import Iterator

from faircore.methods.bases import trees_work
from faircore.methods.method import Method, Work
from faircore.penalties import PENALTIES, find_penalty
from faircore.training import Trained
from faircore.training.boosting import BoostingConfig, train_trees


def train_boosted(work: Work) -> Iterator[Trained]:
    """Grow one model per (eta, seed)."""
    return train_trees(
        work.rows("train"),
        work.rows("select"),
        penalty=find_penalty(work.request.penalty),
        trials=work.trials,
        config=work.config,
        options=work.request.options,
        **work.told,
    )


BOOSTED = Method(
    title="Penalise a gap while growing trees",
    sentence="Trains boosted trees (LightGBM) that are charged for the gap in every round. Often "
    "the most accurate kind of model on tables.",
    strength="Strength of the penalty, λ",
    strength_text=lambda strength: f"λ = {strength:.4g}",
    plain=0.0,
    # Trees see all rows at once, without the noise of batches: less is needed.
    strengths=lambda penalty: (
        PENALTIES[penalty].strengths[0] / 2,
        PENALTIES[penalty].strengths[1] / 2,
    ),
    goals=tuple(PENALTIES),
    config=BoostingConfig,
    describe=lambda config: f"trees of {config.n_leaves} leaves",
    run=train_boosted,
    steps="rounds",
    remembers=False,
    work=lambda config, n_rows, n_columns, _: trees_work(config, n_rows, n_columns),
)
