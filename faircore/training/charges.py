"""What a model pays beside its mistakes: a penalty on unfairness.

A charge adds to the gradient of the loss with respect to the logits and says, after each epoch,
how good each candidate is by what it is charged for. Penalties are one kind; constraints with
multipliers, in :mod:`faircore.training.lagrangian`, are another.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from faircore.groups import Partition
from faircore.metrics import MIN_PEOPLE, find_disparity
from faircore.penalties import GroupTensor, Penalty, PenaltyOptions, RunningPenalty, soft_counts
from faircore.training.batches import DeviceRows
from faircore.training.config import TrainingConfig


@dataclass
class Judgement:
    """How k candidates stand after an epoch.

    Attributes
    ----------
    score : Tensor, shape (k,)
        What the best epoch is chosen by; lower is better.
    columns : dict of str to Tensor, each (k,)
        Further columns of the history.
    satisfied : Tensor of bool, shape (k,), optional
        Candidates that need no further epoch.
    """

    score: Tensor
    columns: dict[str, Tensor] = field(default_factory=dict)
    satisfied: Tensor | None = None


class Charge(Protocol):
    """What the loop asks of a charge."""

    def gradient(self, logits: Tensor, rows: DeviceRows, epoch: int) -> Tensor | None:
        """What is added to the gradient of the loss, (k, n)."""

    def judge(self, logits: Tensor, rows: DeviceRows, loss: Tensor, epoch: int) -> Judgement:
        """Judge every candidate on the select split, given its log loss there, (k,)."""

    def keep(self, candidates: Tensor) -> None:
        """Go on with some of the candidates only."""


class PenaltyCharge:
    """Eta times a penalty.

    Parameters
    ----------
    penalty : Penalty
    etas : Tensor, shape (k,)
    config : TrainingConfig
    partitions : sequence of Partition
        Of the rows it is judged on.
    options : PenaltyOptions
    """

    def __init__(
        self,
        penalty: Penalty,
        etas: Tensor,
        config: TrainingConfig,
        partitions: Sequence[Partition],
        options: PenaltyOptions,
    ) -> None:
        self.penalty, self.options = penalty, options
        self._etas, self._config, self._partitions = etas, config, partitions
        self._running = RunningPenalty(penalty, options)
        self._sharpness = 1.0 if penalty.on_scores else config.sharpness
        self._charged = bool((etas > 0).any())

    def gradient(self, logits: Tensor, rows: DeviceRows, epoch: int) -> Tensor | None:
        """Gradient of eta times the penalty, (k, n): the only place that needs autograd."""
        share = self._config.share_of_eta(epoch)
        if not self._charged or not share:
            return None
        leaf = logits.detach().requires_grad_()
        unfair = self._running(self._probs(leaf), rows.y, rows.groups, rows.weights)
        return torch.autograd.grad(unfair, leaf, self._etas * share)[0]

    def judge(self, logits: Tensor, rows: DeviceRows, loss: Tensor, epoch: int) -> Judgement:
        """Loss plus eta times the penalty at its full strength."""
        unfair = self.penalty.function(
            self._probs(logits), rows.y, rows.groups, rows.weights, self.options
        )
        gap = hard_gap(logits, rows, self._partitions, self.penalty.disparity)
        soft = soft_gap(logits, rows, self._partitions, self.penalty.disparity)
        columns = {"penalty": unfair, "gap": gap, "soft_gap": soft}
        return Judgement(loss + self._etas * unfair, columns)

    def keep(self, candidates: Tensor) -> None:
        """Go on with some of the candidates only."""
        self._etas = self._etas[candidates]
        self._running.keep(candidates)

    def _probs(self, logits: Tensor) -> Tensor:
        return torch.sigmoid(logits if self._sharpness == 1.0 else self._sharpness * logits)


def hard_counts(logits: Tensor, y: Tensor, groups: GroupTensor, weights: Tensor) -> Tensor:
    """Confusion counts of decisions at one half, (k, n) to (k, g, 2, 2)."""
    return soft_counts((logits >= 0).to(weights.dtype), y, groups, weights)


def hard_gap(
    logits: Tensor, rows: DeviceRows, partitions: Sequence[Partition], disparity: str
) -> Tensor:
    """Widest gap over the partitions at threshold one half, (k, n) to (k,); NaN where undefined."""
    counts = hard_counts(logits, rows.y, rows.groups, rows.weights).double().cpu().numpy()
    return torch.as_tensor(widest_gap(counts, partitions, disparity), device=logits.device)


def soft_gap(
    logits: Tensor, rows: DeviceRows, partitions: Sequence[Partition], disparity: str
) -> Tensor:
    """Widest gap over the partitions if each row were selected with its probability, to (k,)."""
    counts = soft_counts(torch.sigmoid(logits), rows.y, rows.groups, rows.weights)
    widest = widest_gap(counts.double().cpu().numpy(), partitions, disparity)
    return torch.as_tensor(widest, device=logits.device)


def widest_gap(
    counts: NDArray[np.float64], partitions: Sequence[Partition], disparity: str
) -> NDArray[np.float64]:
    """Widest gap over the partitions, counts (..., g, 2, 2) to (...); NaN where none is defined."""
    measure = find_disparity(disparity)
    gaps = [measure(counts[..., p.groups, :, :], min_people=MIN_PEOPLE) for p in partitions]
    widest: NDArray[np.float64] = np.fmax.reduce(np.stack(gaps))
    return widest
