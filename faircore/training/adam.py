"""Adam over a stack of candidates, with each candidate's gradient clipped by itself."""

from __future__ import annotations

import torch
from torch import Tensor


class StackedAdam:
    """Adam (Kingma & Ba 2015) that never mixes candidates.

    Parameters
    ----------
    parameters : list of Tensor
        Updated in place; the first axis is the candidate.
    learning_rate, clip_norm : float
        Clipping bounds the Euclidean norm of one candidate's whole gradient; a shared norm would
        let one candidate's large gradient slow down the others.
    """

    def __init__(self, parameters: list[Tensor], *, learning_rate: float, clip_norm: float) -> None:
        self.learning_rate, self.clip_norm = learning_rate, clip_norm
        self.steps = 0
        self._first = [torch.zeros_like(p) for p in parameters]
        self._second = [torch.zeros_like(p) for p in parameters]
        self._scratch = [torch.empty_like(p) for p in parameters]

    def step(self, parameters: list[Tensor], grads: list[Tensor]) -> None:
        """Move every candidate once. ``grads`` is used up."""
        self._clip(grads)
        self.steps += 1
        shrink_first, shrink_second = 1 - _BETA1**self.steps, 1 - _BETA2**self.steps
        moments = zip(parameters, grads, self._first, self._second, self._scratch, strict=True)
        for parameter, grad, first, second, scratch in moments:
            first.lerp_(grad, 1 - _BETA1)
            second.mul_(_BETA2).addcmul_(grad, grad, value=1 - _BETA2)
            torch.sqrt(second, out=scratch).div_(shrink_second**0.5).add_(_EPS)
            parameter.addcdiv_(first, scratch, value=-self.learning_rate / shrink_first)

    def keep(self, candidates: Tensor) -> None:
        """Go on with some of the candidates only."""
        self._first = [m[candidates].contiguous() for m in self._first]
        self._second = [m[candidates].contiguous() for m in self._second]
        self._scratch = [torch.empty_like(m) for m in self._first]

    def _clip(self, grads: list[Tensor]) -> None:
        norms = torch.stack([torch.linalg.vector_norm(g.flatten(1), dim=1) for g in grads])
        factor = self.clip_norm / torch.linalg.vector_norm(norms, dim=0).clamp_min(_EPS)
        if bool((factor < 1).any()):
            factor = factor.clamp_max(1.0)
            for grad in grads:
                grad.mul_(factor.view(-1, *[1] * (grad.dim() - 1)))


_BETA1, _BETA2, _EPS = 0.9, 0.999, 1e-8
