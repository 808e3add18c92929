"""Adversarial debiasing: a model and an adversary that tries to guess the groups from it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from queue import SimpleQueue
from threading import Event

import torch
from torch import nn

from faircore.training.adversarial_config import AdversarialConfig
from faircore.training.adversarial_game import AdversarialResult, Game, OnEpoch
from faircore.training.adversary import perceptron
from faircore.training.modules import network_of
from faircore.training.rows import EncodedRows, Trained

__all__ = [
    "AdversarialConfig",
    "AdversarialResult",
    "train_adversarial",
    "train_adversarial_networks",
]


def train_adversarial(
    model: nn.Module,
    train: EncodedRows,
    select: EncodedRows,
    *,
    strength: float,
    config: AdversarialConfig,
    adversary: nn.Module | None = None,
    seed: int,
    on_epoch: OnEpoch | None = None,
) -> AdversarialResult:
    """Train a model against an adversary, both in place.

    The model minimises ``log loss - strength * share``, where ``share`` is the adversary's loss
    over its chance level, averaged over partitions: 1 when it knows nothing. A strength thus means
    the same for any groups. Kept is the epoch of the least ``loss + strength * gap`` on the select
    split, after the warm-up (any, with strength 0). The adversary's own loss would not do in place
    of the gap: it is high when the model has become fair, and also when the adversary has just
    lost track. The least of several gaps flatters: judge the model on other rows.

    Parameters
    ----------
    model : nn.Module
        Takes (n, d), returns logits (n,) or (n, 1). Dropout draws from torch's global generator.
    train, select : EncodedRows
        Rows to learn from; rows on which the epoch is chosen.
    strength : float
        0 or more. 0 is plain training: the adversary learns but never acts.
    config : AdversarialConfig
    adversary : nn.Module, optional
        Takes what it sees, of k columns (2 for ``output``), and returns one score per group over
        all partitions, (n, g). With ``equalized_odds`` it takes 2 k + 1 columns: what it sees for
        the rows of outcome 0, for those of outcome 1 (else zeros), and the outcome.
    seed : int
        Initial weights of the adversary, where none is given.
    on_epoch : callable, optional
        Called with the epoch and its row of the history; may raise to stop.

    Raises
    ------
    InputError
        When the strength is out of range, nobody can be told apart, or a module does not fit.
    """
    game = Game(model, train, select, strength, config, adversary, seed)
    try:
        return game.play(on_epoch)
    finally:
        game.look.close()


class _Stop(Exception):  # noqa: N818 - not an error: the other side has gone
    pass


def train_adversarial_networks(
    train: EncodedRows,
    select: EncodedRows,
    *,
    trials: Sequence[tuple[float, int]],
    hidden: tuple[int, ...],
    config: AdversarialConfig,
    on_epoch: OnEpoch | None = None,
    on_progress: Callable[[float], None] | None = None,
    threads: int | None = None,
) -> Iterator[Trained]:
    """Train one multilayer perceptron per (strength, seed), over all cores.

    Parameters
    ----------
    train, select, config
        As in :func:`train_adversarial`.
    trials : sequence of (strength, seed)
        Equal seeds start from equal weights.
    hidden : tuple of int
        Units per hidden layer; empty for logistic regression.
    on_epoch : callable, optional
        Called with the position of the trial and its row of the history.
    on_progress : callable, optional
        Called with the share done, up to 1. Either may raise to stop everything.
    threads : int, optional
        One per core by default.

    Yields
    ------
    Trained
        With ``position`` counting through ``trials``, as soon as each has stopped.
    """
    threads = threads or len(os.sched_getaffinity(0))
    messages: SimpleQueue[tuple[int, dict[str, float]] | Future[Trained]] = SimpleQueue()
    stop = Event()

    def work(position: int) -> Trained:
        torch.set_num_threads(1)  # torch's own threads would wait for each other

        def after_epoch(epoch: int, row: dict[str, float]) -> None:
            if stop.is_set():
                raise _Stop
            messages.put((position, row))

        strength, seed = trials[position]
        found = train_adversarial(
            perceptron(train.X.shape[1], hidden, 1, torch.Generator().manual_seed(seed)), train, select,
            strength=strength, config=config, seed=seed, on_epoch=after_epoch,
        )  # fmt: skip
        predictor = None if found.failure is not None else network_of(found.model)
        return Trained(
            position, predictor, found.best_epoch, found.seconds, found.history, found.failure,
            found.note,
        )  # fmt: skip

    before = torch.get_num_threads()
    passes, ended = [0.0] * len(trials), 0
    pool = ThreadPoolExecutor(threads)
    try:
        for position in range(len(trials)):
            pool.submit(work, position).add_done_callback(messages.put)
        while ended < len(trials):
            message = messages.get()
            if isinstance(message, Future):
                trained = message.result()  # raises what the thread raised
                ended += 1
                passes[trained.position] = config.epochs
                yield trained
            else:
                passes[message[0]] = message[1]["epoch"]
                if on_epoch is not None:
                    on_epoch(*message)
            if on_progress is not None:
                on_progress(sum(passes) / (config.epochs * len(trials)))
    finally:
        stop.set()
        pool.shutdown(cancel_futures=True)
        torch.set_num_threads(before)
