"""What a training step moves: a stack of networks at once, or anybody's ``nn.Module``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor, nn

from faircore.errors import InputError
from faircore.predictors import Network, Predictor
from faircore.training.adam import StackedAdam
from faircore.training.batches import DeviceRows
from faircore.training.config import TrainingConfig
from faircore.training.modules import ModulePredictor, network_of
from faircore.training.stack import StackedNetworks


class Learner(Protocol):
    """k candidates that learn from the same minibatches.

    Only gradients with respect to logits go in: a loss never knows what computes them.
    """

    @property
    def n_candidates(self) -> int:
        """Candidates that still learn."""

    def forward(self, rows: DeviceRows) -> Tensor:
        """Logits to learn from, (k, n), without gradient; valid until the next call."""

    def step(self, grad_logits: Tensor) -> None:
        """Move every candidate once, by the gradient of its loss at the last logits, (k, n)."""

    def judge(self, rows: DeviceRows) -> Tensor:
        """Logits as they would be in use, (k, n)."""

    def keep(self, candidates: Tensor) -> None:
        """Go on with some of the candidates only."""

    def predictor(self, candidate: int) -> Predictor:
        """One candidate as it is now, copied."""


class StackLearner:
    """Networks of one shape, stacked.

    Parameters
    ----------
    n_features : int
    seeds : sequence of int
        One per candidate.
    config : TrainingConfig
    device : str
    """

    def __init__(
        self, n_features: int, seeds: Sequence[int], config: TrainingConfig, device: str
    ) -> None:
        self.stack = StackedNetworks(n_features, config.hidden, list(seeds), device)
        self._adam = StackedAdam(
            self.stack, learning_rate=config.learning_rate, clip_norm=config.clip_norm
        )

    @property
    def n_candidates(self) -> int:
        """Candidates that still learn."""
        return self.stack.n_candidates

    def forward(self, rows: DeviceRows) -> Tensor:
        """Logits, (k, n)."""
        return self.stack.forward(rows.wide)

    def step(self, grad_logits: Tensor) -> None:
        """Move every candidate once."""
        self.stack.backward(grad_logits)
        self._adam.step()

    def judge(self, rows: DeviceRows) -> Tensor:
        """Logits, (k, n)."""
        return self.stack.forward(rows.wide)

    def keep(self, candidates: Tensor) -> None:
        """Go on with some of the candidates only."""
        self._adam.keep(candidates)

    def predictor(self, candidate: int) -> Network:
        """One candidate as it is now."""
        return Network.from_layers(self.stack.network(candidate))


class ModuleLearner:
    """One ``nn.Module``, moved by torch's Adam.

    Parameters
    ----------
    module : nn.Module
        Takes (n, d) and returns logits of shape (n,) or (n, 1). It is trained in place.
    config : TrainingConfig
    device : str
    """

    def __init__(self, module: nn.Module, config: TrainingConfig, device: str) -> None:
        self.module = module.to(device)
        parameters = [p for p in module.parameters() if p.requires_grad]
        if not parameters:
            raise InputError(
                "The model has no parameter that can learn. Pass an nn.Module with some that "
                "require a gradient."
            )
        self._parameters, self._clip_norm = parameters, config.clip_norm
        self._adam = torch.optim.Adam(parameters, lr=config.learning_rate)
        self._logits: Tensor | None = None

    @property
    def n_candidates(self) -> int:
        """Always one."""
        return 1

    def forward(self, rows: DeviceRows) -> Tensor:
        """Logits in training mode, (1, n)."""
        self.module.train()
        with torch.enable_grad():
            self._logits = logits_of(self.module, rows.X)
        return self._logits.detach()[None]

    def step(self, grad_logits: Tensor) -> None:
        """Move the module once."""
        assert self._logits is not None
        self._adam.zero_grad()
        self._logits.backward(grad_logits[0])  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self._parameters, self._clip_norm)
        self._adam.step()

    def judge(self, rows: DeviceRows) -> Tensor:
        """Logits in evaluation mode, (1, n)."""
        self.module.eval()
        with torch.no_grad():
            return logits_of(self.module, rows.X)[None]

    def keep(self, candidates: Tensor) -> None:
        """Nothing to drop: training ends with its only candidate."""

    def predictor(self, candidate: int) -> Predictor:
        """The module as it is now, as plain arrays where its layers allow it."""
        return network_of(self.module) or ModulePredictor.of(self.module)


def logits_of(module: nn.Module, X: Tensor) -> Tensor:
    """Logits of rows, (n, d) to (n,)."""
    out: Tensor = module(X)
    if out.dim() == 2 and out.shape[1] == 1:
        out = out[:, 0]
    if out.shape != (len(X),):
        raise InputError(
            f"The model must return one logit per row, of shape (n,) or (n, 1); for {len(X)} rows "
            f"it returned {tuple(out.shape)}. Give it one output and no sigmoid."
        )
    return out
