"""Networks charged for unfairness while they learn: the batched sweep."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from faircore.penalties import find_penalty
from faircore.training.loop import Trained, TrainingConfig, train_networks
from faircore.training.prepared import Prepared

STACK = 12
"""Candidates trained as one network: enough for full matrix speed, few enough that the working
memory stays in cache and results arrive while the rest still trains."""


def train_regularized(
    prepared: Prepared,
    trials: Sequence[tuple[float, int]],
    *,
    penalty: str,
    partitions: Sequence[str],
    config: TrainingConfig,
    on_progress: Callable[[float], None] | None = None,
) -> Iterator[Trained]:
    """Train one network per (strength, seed).

    Parameters
    ----------
    prepared : Prepared
    trials : sequence of (eta, seed)
    penalty : str
    partitions : sequence of str
        Names of the partitions the penalty acts on; all when empty.
    config : TrainingConfig
    on_progress : callable, optional
        Called with the share of the work done, in [0, 1]; may raise to stop.

    Yields
    ------
    Trained
        With ``position`` counting through ``trials``.
    """
    train = prepared.sample("train", partitions=partitions)
    select = prepared.sample("select", partitions=partitions)
    for start in range(0, len(trials), STACK):
        part = trials[start : start + STACK]

        def report(epoch: int, epochs: int, start: int = start, size: int = len(part)) -> None:
            if on_progress is not None:
                on_progress((start + size * epoch / epochs) / len(trials))

        for trained in train_networks(
            train,
            select,
            penalty=find_penalty(penalty).function,
            etas=[eta for eta, _ in part],
            seeds=[seed for _, seed in part],
            config=config,
            on_epoch=report,
        ):
            trained.position += start
            yield trained
