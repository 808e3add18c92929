"""Networks charged for unfairness while they learn: the batched sweep."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from faircore.methods.method import Method, Work
from faircore.penalties import PENALTIES, find_penalty
from faircore.training import Trained, TrainingConfig, train_stacks


def train_regularized(work: Work) -> Iterator[Trained]:
    """Train one network per (eta, seed)."""
    return train_stacks(
        work.rows("train"),
        work.rows("select"),
        penalty=find_penalty(work.request.penalty),
        trials=work.trials,
        config=work.config,
        options=work.request.options,
        **work.told,
    )


def layers_text(hidden: Sequence[int]) -> str:
    """Hidden layers in words."""
    return f"network of {'-'.join(map(str, hidden))}" if hidden else "logistic regression"


def network_work(config: TrainingConfig, n_rows: int, n_columns: int) -> float:
    """Seconds one stacked network takes on one core of the reference machine."""
    units = sum(config.hidden) or 1
    operations = 6.0 * n_rows * config.epochs * (n_columns * (config.hidden or (1,))[0])
    deeper = (
        6.0
        * n_rows
        * config.epochs
        * sum(a * b for a, b in zip(config.hidden[:-1], config.hidden[1:], strict=True))
    )
    return (operations + deeper) / 25e9 + n_rows * config.epochs * units * 4e-9 + 0.02


REGULARIZED = Method(
    title="Penalise a gap while learning",
    sentence="Trains networks that are charged for the gap as well as for their mistakes. The "
    "stronger the penalty, the smaller the gap and the more mistakes.",
    strength="Strength of the penalty, λ",
    strength_text=lambda strength: f"λ = {strength:.4g}",
    plain=0.0,
    strengths=lambda penalty: PENALTIES[penalty].strengths,
    goals=tuple(PENALTIES),
    config=TrainingConfig,
    describe=lambda config: layers_text(config.hidden),
    run=train_regularized,
    work=lambda config, n_rows, n_columns, _: network_work(config, n_rows, n_columns),
)
