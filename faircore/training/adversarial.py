"""Adversarial debiasing: a model and an adversary that tries to guess the groups from it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from torch import nn

from faircore.training.adversarial_config import AdversarialConfig
from faircore.training.adversarial_game import AdversarialResult, Game, OnEpoch
from faircore.training.loop import OnEpoch as OnTrialEpoch
from faircore.training.modules import network_of, new_module
from faircore.training.parallel import OnProgress, train_in_threads
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


def train_adversarial_networks(
    train: EncodedRows,
    select: EncodedRows,
    *,
    trials: Sequence[tuple[float, int]],
    hidden: tuple[int, ...],
    config: AdversarialConfig,
    on_epoch: OnTrialEpoch | None = None,
    on_progress: OnProgress | None = None,
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

    def some(part: Sequence[tuple[float, int]], report: OnTrialEpoch) -> Iterator[Trained]:
        ((strength, seed),) = part
        found = train_adversarial(
            new_module(train.X.shape[1], hidden, seed),
            train,
            select,
            strength=strength,
            config=config,
            seed=seed,
            on_epoch=lambda _, row: report(0, row),
        )
        predictor = None if found.failure is not None else network_of(found.model)
        yield Trained(
            0, predictor, found.best_epoch, found.seconds, found.history, found.failure, found.note
        )

    return train_in_threads(
        some,
        trials,
        config.epochs,
        on_progress=on_progress,
        on_epoch=on_epoch,
        threads=threads,
        together=1,
    )
