"""The training loop, whole: k strengths and s seeds as one stacked network."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from faircore.errors import InputError
from faircore.groups import Groups
from faircore.predictors.network import Network
from faircore.penalties import GroupTensor, PenaltyFunction
from faircore.training.adam import StackedAdam
from faircore.training.stack import StackedNetworks, widen


@dataclass(frozen=True)
class TrainingConfig:
    """How networks are trained.

    Attributes
    ----------
    hidden : tuple of int
        Units per hidden layer; empty for logistic regression.
    epochs : int
    batch_size : int, optional
        By default a sixteenth of the training rows, at least 64 and at most 512, so that a small
        table gets enough steps.
    learning_rate, clip_norm : float
        Adam's step; the largest gradient norm of one candidate.
    patience : int
        Epochs without improvement on the select split after which a candidate stops, 1 or more;
        they are counted from the end of the warm-up.
    warmup_epochs : int
        Epochs before eta is reached in full: in epoch e it is ``eta * e / (warmup_epochs + 1)``,
        so that a network first learns to predict. Fewer than ``epochs``.
    sharpness : float
        The penalty sees ``sigmoid(sharpness * logit)``: above 1, closer to hard decisions.
    stream_seed : int
        Order of the minibatches, shared by all candidates.

    Raises
    ------
    InputError
        When a value is outside its range.
    """

    hidden: tuple[int, ...] = (64,)
    epochs: int = 20
    batch_size: int | None = None
    learning_rate: float = 0.002
    clip_norm: float = 1.0
    patience: int = 5
    warmup_epochs: int = 0
    sharpness: float = 1.0
    stream_seed: int = 0

    def __post_init__(self) -> None:
        # Plain types, so that equal configurations have equal JSON and equal trial ids.
        object.__setattr__(self, "hidden", tuple(int(units) for units in self.hidden))
        if self.batch_size is not None:
            object.__setattr__(self, "batch_size", int(self.batch_size))
            self._check("batch_size", self.batch_size >= 1, "1 or more")
        for name in ("epochs", "patience", "warmup_epochs", "stream_seed"):
            object.__setattr__(self, name, int(getattr(self, name)))
        for name in ("learning_rate", "clip_norm", "sharpness"):
            object.__setattr__(self, name, float(getattr(self, name)))
        self._check("hidden", all(units >= 1 for units in self.hidden), "units of 1 or more")
        for name in ("epochs", "patience"):
            self._check(name, getattr(self, name) >= 1, "1 or more")
        for name in ("learning_rate", "clip_norm", "sharpness"):
            self._check(name, 0 < getattr(self, name) < float("inf"), "above 0")
        self._check("warmup_epochs", 0 <= self.warmup_epochs < self.epochs, "0 to epochs - 1")
        self._check("stream_seed", self.stream_seed >= 0, "0 or more")

    def batch_size_for(self, n_rows: int) -> int:
        """Rows per step for so many training rows."""
        return self.batch_size or min(512, max(64, n_rows // 16))

    def _check(self, name: str, holds: bool, rule: str) -> None:
        if not holds:
            raise InputError(f"{name} must be {rule}; it is {getattr(self, name)}. Change it.")


@dataclass(frozen=True, eq=False)
class EncodedRows:
    """Encoded rows to learn from or to stop on.

    Attributes
    ----------
    X : ndarray of float32, shape (n, d)
    y : ndarray of 0 and 1, shape (n,)
    groups : Groups, n rows
        The partitions the penalty acts on.
    weights : ndarray, shape (n,), optional
    """

    X: NDArray[np.float32]
    y: NDArray[np.int8]
    groups: Groups
    weights: NDArray[np.float64] | None = None


@dataclass
class Trained:
    """What became of one candidate: its network, or why there is none.

    ``history`` has one row per epoch: epoch, loss and penalty on the select split.
    """

    position: int
    network: Network | None
    best_epoch: int
    fit_seconds: float
    history: list[tuple[int, float, float]] = field(default_factory=list)
    failure: str | None = None


Progress = Callable[[int, int], None]
"""Called after each epoch with epochs done and epochs planned; may raise to stop."""


def train_networks(
    train: EncodedRows,
    select: EncodedRows,
    *,
    penalty: PenaltyFunction,
    etas: Sequence[float],
    seeds: Sequence[int],
    config: TrainingConfig,
    on_epoch: Progress | None = None,
    device: str | None = None,
) -> Iterator[Trained]:
    """Train ``len(etas)`` candidates together; each is what it would be if trained alone.

    Parameters
    ----------
    train, select : EncodedRows
        Rows to learn from; rows on which each candidate's best epoch is chosen.
    penalty : callable
        One of :data:`faircore.penalties.PENALTIES`.
    etas, seeds : sequences of one length
        Strength of the penalty and seed of the initial weights of each candidate.
    config : TrainingConfig
    on_epoch : callable, optional
    device : str, optional
        A GPU when torch sees one, else the CPU.

    Yields
    ------
    Trained
        One per candidate, as soon as it has stopped.
    """
    device = device or ("cuda" if torch.cuda.is_available() else "cpu")
    started = time.perf_counter()
    learn, judge = _OnDevice(train, device), _OnDevice(select, device)
    stack = StackedNetworks(train.X.shape[1], config.hidden, list(seeds), device)
    adam = StackedAdam(stack, learning_rate=config.learning_rate, clip_norm=config.clip_norm)
    charged = max(etas) > 0
    eta = torch.tensor(etas, dtype=torch.float32, device=device)
    running = [
        Trained(i, None, 0, 0.0, failure="it never reached a finite loss") for i in range(len(eta))
    ]
    best = torch.full_like(eta, torch.inf)
    share = 1.0 / len(running)
    batch_size = config.batch_size_for(learn.n)
    order = torch.Generator().manual_seed(config.stream_seed)
    for epoch in range(1, config.epochs + 1):
        warmed = eta * min(1.0, epoch / (config.warmup_epochs + 1))
        for batch in learn.batches(torch.randperm(learn.n, generator=order), batch_size):
            logits = stack.forward(batch.wide)
            grad = (torch.sigmoid(logits) - batch.y) * batch.scale
            if charged:
                grad += _penalty_gradient(logits, batch, penalty, warmed, config.sharpness)
            stack.backward(grad)
            adam.step()
        loss, unfair = _judge(stack, judge, penalty, config.sharpness)
        total = loss + eta * unfair
        if epoch > config.warmup_epochs:  # before, a candidate is not yet what it is meant to be
            for i in torch.nonzero(total < best).flatten().tolist():
                running[i].network = Network.from_layers(stack.network(i))
                running[i].best_epoch, running[i].failure = epoch, None
            best = torch.minimum(best, torch.nan_to_num(total, nan=torch.inf))
        seconds = share * (time.perf_counter() - started)
        for one, a, b in zip(running, loss.tolist(), unfair.tolist(), strict=True):
            one.history.append((epoch, a, b))
            one.fit_seconds = seconds
        if on_epoch is not None:
            on_epoch(epoch, config.epochs)
        last = [max(one.best_epoch, config.warmup_epochs) for one in running]
        waited = epoch - torch.tensor(last, device=device)
        done = (waited >= config.patience) | ~torch.isfinite(total)
        if epoch == config.epochs:
            done[:] = True
        yield from (running[i] for i in torch.nonzero(done).flatten().tolist())
        if bool(done.all()):
            return
        if bool(done.any()):  # go on with the others only
            left = torch.nonzero(~done).flatten()
            adam.keep(left)
            eta, best = eta[left], best[left]
            running = [running[i] for i in left.tolist()]


_BLOCK = 16


class _OnDevice:
    """Rows on the device, widened for the stack."""

    def __init__(self, sample: EncodedRows, device: str) -> None:
        self.wide = widen(torch.as_tensor(sample.X, device=device))
        self.y = torch.as_tensor(sample.y, dtype=torch.float32, device=device)
        weights = np.ones(len(sample.y)) if sample.weights is None else sample.weights
        # Of mean 1 over the rows that count: a penalty trusts a group by how many rows it has,
        # whatever the unit of the weights.
        weights = weights * np.count_nonzero(weights) / weights.sum()
        self.weights = torch.as_tensor(weights, dtype=torch.float32, device=device)
        self.groups = GroupTensor.of(sample.groups, device=device)

    @property
    def n(self) -> int:
        return len(self.y)

    def batches(self, order: Tensor, size: int) -> Iterator[_OnDevice]:
        """Rows in this order, cut into batches; the last may be smaller."""
        order = order.to(self.y.device)
        # One gather serves several batches: that is quicker, and the block stays in cache.
        wide = self.wide.new_empty(min(_BLOCK * size, self.n), self.wide.shape[1])
        for start in range(0, len(order), _BLOCK * size):
            rows = order[start : start + _BLOCK * size]
            # Into memory that is kept: a fresh block would cost more in page faults than the copy.
            gathered = torch.index_select(self.wide, 0, rows, out=wide[: len(rows)])
            block = self.take(rows, wide=gathered)
            block.groups = block.groups.with_member(block.y, block.weights)
            for first in range(0, block.n, size):
                yield block.take(slice(first, first + size))

    @property
    def scale(self) -> Tensor:
        """Share of each row in a mean over the rows, (n,)."""
        return self.weights / self.weights.sum().clamp_min(1e-12)

    def take(self, rows: Tensor | slice, *, wide: Tensor | None = None) -> _OnDevice:
        taken = object.__new__(_OnDevice)
        taken.wide, taken.y = self.wide[rows] if wide is None else wide, self.y[rows]
        taken.weights, taken.groups = self.weights[rows], self.groups.take(rows)
        return taken


def _penalty_gradient(
    logits: Tensor, rows: _OnDevice, penalty: PenaltyFunction, eta: Tensor, sharpness: float
) -> Tensor:
    """Gradient of eta times the penalty with respect to each candidate's logits, (k, n).

    The only place that needs autograd. The accuracy loss has its gradient written out.
    """
    leaf = logits.detach().requires_grad_()
    probs = torch.sigmoid(leaf if sharpness == 1.0 else sharpness * leaf)
    unfair = penalty(probs, rows.y, rows.groups, rows.weights)
    return torch.autograd.grad(unfair, leaf, eta)[0]


def _judge(
    stack: StackedNetworks, rows: _OnDevice, penalty: PenaltyFunction, sharpness: float
) -> tuple[Tensor, Tensor]:
    """Loss and penalty of each candidate, (k,) each."""
    logits = stack.forward(rows.wide)
    each = torch.nn.functional.binary_cross_entropy_with_logits(
        logits, rows.y.expand_as(logits), reduction="none"
    )
    loss = (each @ rows.weights) / rows.weights.sum()
    return loss, penalty(torch.sigmoid(sharpness * logits), rows.y, rows.groups, rows.weights)
