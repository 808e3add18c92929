"""Gradient reversal."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from faircore.errors import InputError


class GradientReversalLayer(nn.Module):
    """Identity whose gradient is turned round (Ganin & Lempitsky 2015).

    What comes after it learns to guess; what comes before it learns to make guessing hard.

    Parameters
    ----------
    strength : float
        The gradient is multiplied by ``-strength``; finite, zero or more. It may be set at any
        time.

    Raises
    ------
    InputError
        When the strength is negative or not finite.

    Examples
    --------
    >>> x = torch.ones(2, requires_grad=True)
    >>> GradientReversalLayer(0.5)(x).sum().backward()
    >>> x.grad.tolist()
    [-0.5, -0.5]
    """

    def __init__(self, strength: float = 1.0) -> None:
        super().__init__()
        self.strength = strength

    @property
    def strength(self) -> float:
        """By how much the reversed gradient is multiplied."""
        return self._strength

    @strength.setter
    def strength(self, value: float) -> None:
        if not 0 <= value < math.inf:
            raise InputError(
                f"The strength must be a number of zero or more; it is {value}. Use 0 for no "
                "adversary."
            )
        self._strength = float(value)

    def forward(self, x: Tensor) -> Tensor:
        """Return what goes in, of any shape."""
        reversed_: Tensor = _Reverse.apply(x, self._strength)  # type: ignore[no-untyped-call]
        return reversed_

    def extra_repr(self) -> str:
        """Parameters, as shown by ``print(model)``."""
        return f"strength={self._strength}"


class _Reverse(torch.autograd.Function):
    @staticmethod
    def forward(ctx: torch.autograd.function.FunctionCtx, x: Tensor, strength: float) -> Tensor:
        ctx.strength = strength  # type: ignore[attr-defined]
        return x.view_as(x)

    @staticmethod
    def backward(ctx: torch.autograd.function.FunctionCtx, *grads: Tensor) -> tuple[Tensor, None]:
        return -ctx.strength * grads[0], None  # type: ignore[attr-defined]
