"""Several stacks at once: one thread per core, each with single-threaded arithmetic.

Torch's own threads meet at a barrier after every operation of a few microseconds; as soon as
another program wants a core, each barrier waits for the scheduler. Stacks of their own never wait
for each other. Torch lets go of the interpreter while it computes, so threads are enough and
nothing has to be copied or sent.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from queue import SimpleQueue
from threading import Event

import torch

from faircore.penalties import PenaltyFunction
from faircore.training.loop import (
    EncodedRows,
    Progress,
    Trained,
    TrainingConfig,
    train_networks,
)

LARGEST = 12
"""Candidates in a stack: enough for full matrix speed, few enough to stay in cache."""
SMALLEST = 4


class _Stop(Exception):  # noqa: N818 - not an error: the other side has gone
    pass


def train_stacks(
    train: EncodedRows,
    select: EncodedRows,
    *,
    penalty: PenaltyFunction,
    trials: Sequence[tuple[float, int]],
    config: TrainingConfig,
    on_progress: Progress | None = None,
    threads: int | None = None,
) -> Iterator[Trained]:
    """Train one network per (eta, seed), over all cores or on the GPU.

    Parameters
    ----------
    train, select, penalty, config
        As in :func:`faircore.training.train_networks`.
    trials : sequence of (eta, seed)
    on_progress : callable, optional
        Called with epochs done and epochs planned over all candidates; may raise to stop.
    threads : int, optional
        One per core by default.

    Yields
    ------
    Trained
        With ``position`` counting through ``trials``, as soon as each has stopped.
    """
    gpu = torch.cuda.is_available()
    threads = 1 if gpu else threads or len(os.sched_getaffinity(0))
    size = len(trials) if gpu else min(LARGEST, max(SMALLEST, -(-len(trials) // threads)))
    starts = range(0, len(trials), size)
    messages: SimpleQueue[Trained | int | Future[None]] = SimpleQueue()
    stop = Event()

    def work(start: int) -> None:
        if not gpu:
            torch.set_num_threads(1)
        part = trials[start : start + size]

        def after_epoch(epoch: int, epochs: int) -> None:
            if stop.is_set():
                raise _Stop
            messages.put(len(part))

        for trained in train_networks(
            train,
            select,
            penalty=penalty,
            etas=[eta for eta, _ in part],
            seeds=[seed for _, seed in part],
            config=config,
            on_epoch=after_epoch,
        ):
            trained.position += start
            messages.put(trained)

    before = torch.get_num_threads()
    done, planned, ended = 0, len(trials) * config.epochs, 0
    pool = ThreadPoolExecutor(threads)
    try:
        for start in starts:
            pool.submit(work, start).add_done_callback(messages.put)
        while ended < len(starts):
            message = messages.get()
            if isinstance(message, Trained):
                yield message
            elif isinstance(message, int):
                done += message
                if on_progress is not None:
                    on_progress(done, planned)
            else:
                message.result()  # raises what the thread raised
                ended += 1
    finally:
        stop.set()
        pool.shutdown(cancel_futures=True)
        torch.set_num_threads(before)
