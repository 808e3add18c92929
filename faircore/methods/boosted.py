"""Boosted trees charged for unfairness while they grow."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from faircore.methods.bases import trees_work
from faircore.methods.method import Method, Request
from faircore.penalties import PENALTIES, find_penalty
from faircore.training import Prepared, Trained
from faircore.training.boosting import BoostingConfig, train_trees
from faircore.training.loop import OnEpoch
from faircore.training.parallel import OnProgress


def train_boosted(
    prepared: Prepared,
    trials: Sequence[tuple[float, int]],
    request: Request,
    *,
    on_progress: OnProgress | None = None,
    on_epoch: OnEpoch | None = None,
) -> Iterator[Trained]:
    """Grow one model per (eta, seed); see :class:`faircore.methods.method.Train`."""
    return train_trees(
        prepared.sample("train", partitions=request.partitions),
        prepared.sample("select", partitions=request.partitions),
        penalty=find_penalty(request.penalty),
        trials=trials,
        config=request.config,
        options=request.options,
        on_progress=on_progress,
        on_epoch=on_epoch,
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
    train=train_boosted,
    steps="rounds",
    remembers=False,
    work=lambda config, n_rows, n_columns, _: trees_work(config, n_rows, n_columns),
)
