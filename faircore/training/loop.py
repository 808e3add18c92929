"""The training loop, whole: k strengths and s seeds as one stacked network, or one module."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from typing import cast

import torch
from torch import Tensor

from faircore.penalties import Penalty, PenaltyOptions
from faircore.penalties.options import DEFAULT
from faircore.training.batches import DeviceRows
from faircore.training.charges import Charge, Judgement, PenaltyCharge
from faircore.training.config import TrainingConfig
from faircore.training.learners import Learner, StackLearner
from faircore.training.rows import EncodedRows, Trained

OnEpoch = Callable[[int, dict[str, float]], None]
"""Called after each epoch with a candidate's position and its row of history; may raise to stop."""


def train(
    learner: Learner,
    charge: Charge,
    learn: DeviceRows,
    judge: DeviceRows,
    *,
    config: TrainingConfig,
    on_epoch: OnEpoch | None = None,
    from_start: bool = False,
) -> Iterator[Trained]:
    """Train the candidates of a learner; each is what it would be if trained alone.

    Parameters
    ----------
    learner : Learner
    charge : Charge
        What candidates pay beside the log loss.
    learn, judge : DeviceRows
        Rows to learn from; rows on which each candidate's best epoch is chosen.
    config : TrainingConfig
    on_epoch : callable, optional
    from_start : bool
        Whether the candidates as they come are worth keeping: models in use that go on learning.

    Yields
    ------
    Trained
        One per candidate, as soon as it has stopped.
    """
    started = time.perf_counter()
    running = [
        Trained(i, failure="it never reached a finite loss") for i in range(learner.n_candidates)
    ]
    best = torch.full((len(running),), torch.inf, device=learn.y.device)
    share = 1.0 / len(running)
    batch_size = config.batch_size_for(learn.n)
    order = torch.Generator().manual_seed(config.stream_seed)
    if from_start:
        logits = learner.judge(judge)
        best = charge.judge(logits, judge, mean_loss(logits, judge), 0).score
        for i, one in enumerate(running):
            one.predictor, one.failure = learner.predictor(i), None
    for epoch in range(1, config.epochs + 1):
        for batch in learn.batches(torch.randperm(learn.n, generator=order), batch_size):
            logits = learner.forward(batch)
            grad = (torch.sigmoid(logits) - batch.y) * batch.scale
            extra = charge.gradient(logits, batch, epoch)
            learner.step(grad if extra is None else grad.add_(extra))
        logits = learner.judge(judge)
        loss = mean_loss(logits, judge)
        found = charge.judge(logits, judge, loss, epoch)
        if epoch > config.warmup_epochs:  # before, a candidate is not yet what it is meant to be
            for i in torch.nonzero(found.score < best).flatten().tolist():
                running[i].predictor = learner.predictor(i)
                running[i].best_epoch, running[i].failure = epoch, None
            best = torch.minimum(best, torch.nan_to_num(found.score, nan=torch.inf))
        seconds = share * (time.perf_counter() - started)
        for one, row in zip(running, _rows(epoch, loss, found), strict=True):
            one.history.append(row)
            one.fit_seconds = seconds
            if on_epoch is not None:
                on_epoch(one.position, row)
        done = _done(running, found, epoch, config)
        yield from (running[i] for i in torch.nonzero(done).flatten().tolist())
        if bool(done.all()):
            return
        if bool(done.any()):  # go on with the others only
            left = torch.nonzero(~done).flatten()
            learner.keep(left)
            charge.keep(left)
            best = best[left]
            running = [running[i] for i in left.tolist()]


def train_networks(
    train_rows: EncodedRows,
    select: EncodedRows,
    *,
    penalty: Penalty,
    etas: Sequence[float],
    seeds: Sequence[int],
    config: TrainingConfig,
    options: PenaltyOptions = DEFAULT,
    on_epoch: OnEpoch | None = None,
    device: str | None = None,
) -> Iterator[Trained]:
    """Train ``len(etas)`` stacked networks, each charged for unfairness with its own strength.

    Parameters
    ----------
    train_rows, select : EncodedRows
        Rows to learn from; rows on which each candidate's best epoch is chosen.
    penalty : Penalty
        One of :data:`faircore.penalties.PENALTIES`.
    etas, seeds : sequences of one length
        Strength of the penalty and seed of the initial weights of each candidate.
    config : TrainingConfig
    options : PenaltyOptions
    on_epoch : callable, optional
    device : str, optional
        A GPU when torch sees one, else the CPU.

    Yields
    ------
    Trained
        One per candidate, as soon as it has stopped.
    """
    device = device or default_device()
    weight = options.crossed_weight
    charge = PenaltyCharge(
        penalty,
        torch.tensor(etas, dtype=torch.float32, device=device),
        config,
        select.groups.partitions,
        options,
    )
    yield from train(
        StackLearner(train_rows.X.shape[1], seeds, config, device),
        charge,
        DeviceRows(train_rows, device, crossed_weight=weight),
        DeviceRows(select, device, crossed_weight=weight),
        config=config,
        on_epoch=on_epoch,
    )


def default_device() -> str:
    """A GPU when torch sees one, else the CPU."""
    return "cuda" if torch.cuda.is_available() else "cpu"


def mean_loss(logits: Tensor, rows: DeviceRows) -> Tensor:
    """Weighted mean log loss in nats, (k, n) to (k,)."""
    each = torch.nn.functional.binary_cross_entropy_with_logits(
        logits, rows.y.expand_as(logits), reduction="none"
    )
    return (each @ rows.weights) / rows.weights.sum()


def _rows(epoch: int, loss: Tensor, found: Judgement) -> list[dict[str, float]]:
    columns = {"loss": loss.tolist()} | {k: v.tolist() for k, v in found.columns.items()}
    return [
        {"epoch": float(epoch)} | {name: values[i] for name, values in columns.items()}
        for i in range(len(loss))
    ]


def _done(running: list[Trained], found: Judgement, epoch: int, config: TrainingConfig) -> Tensor:
    """Which candidates stop here, (k,); says so of one that diverged."""
    finite = [math.isfinite(score) for score in cast("list[float]", found.score.tolist())]
    done = torch.zeros(len(running), dtype=torch.bool)
    for i, one in enumerate(running):
        waited = epoch - max(one.best_epoch, config.warmup_epochs)
        satisfied = found.satisfied is not None and bool(found.satisfied[i])
        done[i] = epoch == config.epochs or not finite[i] or waited >= config.patience or satisfied
        if not finite[i] and one.predictor is not None:
            one.note = (
                f"Its loss was no longer a number after pass {epoch}; the best before is kept."
            )
    return done.to(found.score.device)
