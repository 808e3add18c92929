"""Adam over a stack of candidates, with each candidate's gradient clipped by itself."""

from __future__ import annotations

import torch
from torch import Tensor

from faircore.training.stack import StackedNetworks, views


class StackedAdam:
    """Adam (Kingma & Ba 2015) that never mixes candidates.

    Parameters
    ----------
    stack : StackedNetworks
        Its parameters are updated in place.
    learning_rate, clip_norm : float
        Clipping bounds the Euclidean norm of one candidate's whole gradient; a shared norm would
        let one candidate's large gradient slow down the others.
    """

    def __init__(self, stack: StackedNetworks, *, learning_rate: float, clip_norm: float) -> None:
        self.stack = stack
        self.learning_rate, self.clip_norm = learning_rate, clip_norm
        self.steps = 0
        self._first = torch.zeros_like(stack.flat)
        self._second = torch.zeros_like(stack.flat)
        self._scratch = torch.empty_like(stack.flat)

    def step(self) -> None:
        """Move every candidate once, by the gradients of the stack; these are used up."""
        self._clip()
        self.steps += 1
        grads, first, second, scratch = (
            self.stack.flat_grads, self._first, self._second, self._scratch,
        )  # fmt: skip
        shrink_first, shrink_second = 1 - _BETA1**self.steps, 1 - _BETA2**self.steps
        first.lerp_(grads, 1 - _BETA1)
        second.mul_(_BETA2).addcmul_(grads, grads, value=1 - _BETA2)
        torch.sqrt(second, out=scratch).div_(shrink_second**0.5).add_(_EPS)
        self.stack.flat.addcdiv_(first, scratch, value=-self.learning_rate / shrink_first)

    def keep(self, candidates: Tensor) -> None:
        """Go on with some of the candidates only; the stack is cut by the same call."""
        shapes = [p.shape for p in self.stack.parameters]
        self.stack.keep(candidates)
        self._first, self._second = (
            torch.cat([m[candidates].reshape(-1) for m in views(flat, shapes)])
            for flat in (self._first, self._second)
        )
        self._scratch = torch.empty_like(self._first)

    def _clip(self) -> None:
        norms = torch.stack(
            [torch.linalg.vector_norm(g.flatten(1), dim=1) for g in self.stack.grads]
        )
        factor = self.clip_norm / torch.linalg.vector_norm(norms, dim=0).clamp_min(_EPS)
        if bool((factor < 1).any()):
            factor = factor.clamp_max(1.0)
            for grad in self.stack.grads:
                grad.mul_(factor.view(-1, *[1] * (grad.dim() - 1)))


_BETA1, _BETA2, _EPS = 0.9, 0.999, 1e-8
