from __future__ import annotations

import pytest
import torch
from torch import nn

from faircore.training.adam import StackedAdam


@pytest.mark.parametrize("clip_norm", [1e9, 1.0, 0.01], ids=["never", "sometimes", "always"])
def test_each_candidate_moves_as_under_torchs_adam(clip_norm: float) -> None:
    generator = torch.Generator().manual_seed(0)
    shapes, k = [(4, 6), (1, 4), (4,)], 3
    stacked = [torch.randn(k, *s, generator=generator, dtype=torch.float64) for s in shapes]
    alone = [[nn.Parameter(p[i].clone()) for p in stacked] for i in range(k)]
    torchs = [torch.optim.Adam(parameters, lr=0.01) for parameters in alone]
    adam = StackedAdam(stacked, learning_rate=0.01, clip_norm=clip_norm)
    # Candidates whose gradients differ by orders of magnitude, so that a shared norm would show.
    size = torch.tensor([1e-3, 0.3, 50.0], dtype=torch.float64)
    for _ in range(25):
        grads = [
            torch.randn(k, *s, generator=generator, dtype=torch.float64)
            * size.view(-1, *[1] * len(s))
            for s in shapes
        ]
        for i in range(k):
            for parameter, grad in zip(alone[i], grads, strict=True):
                parameter.grad = grad[i].clone()
            nn.utils.clip_grad_norm_(alone[i], clip_norm)
            torchs[i].step()
        adam.step(stacked, grads)
    for i in range(k):
        for mine, theirs in zip(stacked, alone[i], strict=True):
            # Torch adds 1e-6 to the norm before it divides.
            torch.testing.assert_close(mine[i], theirs.data, rtol=1e-5, atol=1e-6)


def test_going_on_with_some_candidates_keeps_their_moments() -> None:
    generator = torch.Generator().manual_seed(0)
    start = torch.randn(3, 5, generator=generator)
    steps = [torch.randn(3, 5, generator=generator) for _ in range(6)]
    whole, left = [start.clone()], [start.clone()]
    one = StackedAdam(whole, learning_rate=0.1, clip_norm=1.0)
    other = StackedAdam(left, learning_rate=0.1, clip_norm=1.0)
    for step in steps[:3]:
        one.step(whole, [step.clone()])
        other.step(left, [step.clone()])
    kept = torch.tensor([0, 2])
    left = [left[0][kept].contiguous()]
    other.keep(kept)
    for step in steps[3:]:
        one.step(whole, [step.clone()])
        other.step(left, [step[kept]])
    torch.testing.assert_close(left[0], whole[0][kept], rtol=0, atol=0)


def test_one_lost_candidate_does_not_touch_the_others() -> None:
    parameters = [torch.ones(2, 3)]
    adam = StackedAdam(parameters, learning_rate=0.1, clip_norm=1.0)
    adam.step(parameters, [torch.tensor([[float("nan")] * 3, [5.0, 0.0, 0.0]])])
    assert torch.isnan(parameters[0][0]).all()
    torch.testing.assert_close(parameters[0][1], torch.tensor([0.9, 1.0, 1.0]))


def test_a_gradient_of_zero_moves_nothing() -> None:
    parameters = [torch.ones(2, 3)]
    adam = StackedAdam(parameters, learning_rate=0.1, clip_norm=1.0)
    adam.step(parameters, [torch.zeros(2, 3)])
    assert (parameters[0] == 1).all()
