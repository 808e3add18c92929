"""Networks charged for unfairness while they learn: the batched sweep."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from faircore.penalties import find_penalty
from faircore.training import Prepared, Trained, TrainingConfig, train_stacks


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
        With ``position`` counting through ``trials``, as soon as each has stopped.
    """

    def report(done: int, planned: int) -> None:
        if on_progress is not None:
            on_progress(done / planned)

    return train_stacks(
        prepared.sample("train", partitions=partitions),
        prepared.sample("select", partitions=partitions),
        penalty=find_penalty(penalty).function,
        trials=trials,
        config=config,
        on_progress=report,
    )
