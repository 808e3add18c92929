from __future__ import annotations

import pytest
import torch
from torch import nn

from faircore.training.adam import StackedAdam
from faircore.training.stack import StackedNetworks


def _stack(k: int) -> StackedNetworks:
    return StackedNetworks(5, (4,), list(range(k)))


def _give(stack: StackedNetworks, grads: list[torch.Tensor]) -> None:
    for own, grad in zip(stack.grads, grads, strict=True):
        own.copy_(grad)


@pytest.mark.parametrize("clip_norm", [1e9, 1.0, 0.01], ids=["never", "sometimes", "always"])
def test_each_candidate_moves_as_under_torchs_adam(clip_norm: float) -> None:
    generator = torch.Generator().manual_seed(0)
    stack, k = _stack(3), 3
    alone = [[nn.Parameter(p[i].clone()) for p in stack.parameters] for i in range(k)]
    torchs = [torch.optim.Adam(parameters, lr=0.01) for parameters in alone]
    adam = StackedAdam(stack, learning_rate=0.01, clip_norm=clip_norm)
    # Candidates whose gradients differ by orders of magnitude, so that a shared norm would show.
    size = torch.tensor([1e-3, 0.3, 50.0])
    for _ in range(25):
        grads = [
            torch.randn(p.shape, generator=generator) * size.view(-1, *[1] * (p.dim() - 1))
            for p in stack.parameters
        ]
        for i in range(k):
            for parameter, grad in zip(alone[i], grads, strict=True):
                parameter.grad = grad[i].clone()
            nn.utils.clip_grad_norm_(alone[i], clip_norm)
            torchs[i].step()
        _give(stack, grads)
        adam.step()
    for i in range(k):
        for mine, theirs in zip(stack.parameters, alone[i], strict=True):
            # Torch adds 1e-6 to the norm before it divides.
            torch.testing.assert_close(mine[i], theirs.data, rtol=1e-4, atol=1e-5)


def test_going_on_with_some_candidates_keeps_their_moments() -> None:
    generator = torch.Generator().manual_seed(0)
    whole, left = _stack(3), _stack(3)
    steps = [
        [torch.randn(p.shape, generator=generator) for p in whole.parameters] for _ in range(6)
    ]
    one = StackedAdam(whole, learning_rate=0.1, clip_norm=1.0)
    other = StackedAdam(left, learning_rate=0.1, clip_norm=1.0)
    kept = torch.tensor([0, 2])
    for number, grads in enumerate(steps):
        if number == 3:
            other.keep(kept)
            assert left.n_candidates == 2
        _give(whole, grads)
        _give(left, grads if number < 3 else [g[kept] for g in grads])
        one.step()
        other.step()
    for mine, theirs in zip(left.parameters, whole.parameters, strict=True):
        torch.testing.assert_close(mine, theirs[kept], rtol=0, atol=0)


def test_one_lost_candidate_does_not_touch_the_others() -> None:
    stack = _stack(2)
    before = [p.clone() for p in stack.parameters]
    adam = StackedAdam(stack, learning_rate=0.1, clip_norm=1.0)
    grads = [torch.ones_like(p) for p in stack.parameters]
    for grad in grads:
        grad[0] = float("nan")
    _give(stack, grads)
    adam.step()
    for old, new in zip(before, stack.parameters, strict=True):
        assert torch.isnan(new[0]).all()
        # Adam's first step is the learning rate, whatever the size of the gradient.
        torch.testing.assert_close(new[1], old[1] - 0.1)


def test_a_gradient_of_zero_moves_nothing() -> None:
    stack = _stack(2)
    before = stack.flat.clone()
    _give(stack, [torch.zeros_like(p) for p in stack.parameters])
    StackedAdam(stack, learning_rate=0.1, clip_norm=1.0).step()
    torch.testing.assert_close(stack.flat, before, rtol=0, atol=0)
