"""Several trainings at once: one thread per core, each with single-threaded arithmetic.

Torch's own threads meet at a barrier after every operation of a few microseconds; as soon as
another program wants a core, each barrier waits for the scheduler. Stacks of their own never wait
for each other. Torch lets go of the interpreter while it computes, so threads are enough and
nothing has to be copied or sent.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from queue import SimpleQueue
from threading import Event

import torch
from torch import nn

from faircore.penalties import Penalty, PenaltyOptions
from faircore.penalties.options import DEFAULT
from faircore.training.config import TrainingConfig
from faircore.training.loop import OnEpoch, train_networks
from faircore.training.rows import EncodedRows, Trained

LARGEST = 12
"""Candidates in a stack: enough for full matrix speed, few enough to stay in cache."""
SMALLEST = 4

OnProgress = Callable[[float], None]
"""Called with the share of the work done, in [0, 1]; may raise to stop."""

TrainSome = Callable[[Sequence[tuple[float, int]], OnEpoch], Iterator[Trained]]
"""Trains some trials, with positions from 0, and reports each epoch of each."""


@contextmanager
def fit_threads(module: nn.Module | None) -> Iterator[None]:
    """Train one model here with as many of torch's threads as it can use.

    Steps of a small model are over before threads have met: on a busy machine two of them take
    twenty times as long as one.
    """
    before = torch.get_num_threads()
    size = 0 if module is None else sum(p.numel() for p in module.parameters())
    if size < _WORTH_THREADS:
        torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


_WORTH_THREADS = 1_000_000  # parameters


class _Stop(Exception):  # noqa: N818 - not an error: the other side has gone
    pass


def train_stacks(
    train: EncodedRows,
    select: EncodedRows,
    *,
    penalty: Penalty,
    trials: Sequence[tuple[float, int]],
    config: TrainingConfig,
    options: PenaltyOptions = DEFAULT,
    on_progress: OnProgress | None = None,
    on_epoch: OnEpoch | None = None,
    threads: int | None = None,
) -> Iterator[Trained]:
    """Train one network per (eta, seed), over all cores or on the GPU.

    Parameters
    ----------
    train, select, penalty, config, options
        As in :func:`faircore.training.train_networks`.
    trials : sequence of (eta, seed)
    on_progress, on_epoch : callable, optional
    threads : int, optional
        One per core by default.

    Yields
    ------
    Trained
        With ``position`` counting through ``trials``, as soon as each has stopped.
    """

    def some(part: Sequence[tuple[float, int]], report: OnEpoch) -> Iterator[Trained]:
        return train_networks(
            train,
            select,
            penalty=penalty,
            etas=[eta for eta, _ in part],
            seeds=[seed for _, seed in part],
            config=config,
            options=options,
            on_epoch=report,
        )

    return train_in_threads(
        some, trials, config.epochs, on_progress=on_progress, on_epoch=on_epoch, threads=threads
    )


def train_in_threads(
    some: TrainSome,
    trials: Sequence[tuple[float, int]],
    epochs: int,
    *,
    on_progress: OnProgress | None = None,
    on_epoch: OnEpoch | None = None,
    threads: int | None = None,
    together: int = LARGEST,
) -> Iterator[Trained]:
    """Cut trials into stacks and train them side by side.

    Parameters
    ----------
    some : callable
        Trains one stack.
    trials : sequence of (strength, seed)
    epochs : int
        Epochs a trial may take, for the share of the work done.
    on_progress, on_epoch : callable, optional
        Called in the caller's thread.
    threads : int, optional
        One per core by default; a GPU takes everything in one.
    together : int
        Largest stack; 1 where trials cannot be stacked.

    Yields
    ------
    Trained
        With ``position`` counting through ``trials``, as soon as each has stopped.
    """
    gpu = torch.cuda.is_available() and together > 1
    threads = 1 if gpu else threads or len(os.sched_getaffinity(0))
    size = min(together, max(SMALLEST, -(-len(trials) // threads)))
    starts = range(0, len(trials), len(trials) if gpu else size)
    messages: SimpleQueue[Trained | tuple[int, dict[str, float]] | Future[None]] = SimpleQueue()
    stop = Event()

    def work(start: int) -> None:
        if not gpu:
            torch.set_num_threads(1)

        def report(position: int, row: dict[str, float]) -> None:
            if stop.is_set():
                raise _Stop
            messages.put((position + start, row))

        for trained in some(trials[start : start + starts.step], report):
            trained.position += start
            messages.put(trained)

    before = torch.get_num_threads()
    passes, ended = [0.0] * len(trials), 0

    def progress() -> None:
        if on_progress is not None:
            on_progress(sum(passes) / (len(trials) * epochs))

    pool = ThreadPoolExecutor(threads)
    try:
        for start in starts:
            pool.submit(work, start).add_done_callback(messages.put)
        while ended < len(starts):
            message = messages.get()
            if isinstance(message, Trained):
                passes[message.position] = epochs  # it may have stopped early
                progress()
                yield message
            elif isinstance(message, tuple):
                passes[message[0]] = message[1]["epoch"]
                if on_epoch is not None:
                    on_epoch(*message)
                progress()
            else:
                message.result()  # raises what the thread raised
                ended += 1
    finally:
        stop.set()
        pool.shutdown(cancel_futures=True)
        torch.set_num_threads(before)
