from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from faircore.predictors.network import Network
from faircore.training.stack import StackedNetworks, widen

SHAPES = [(), (8,), (8, 5)]
D, N, SEEDS = 7, 33, [3, 4, 3]


def as_module(layers: list[tuple[Tensor, Tensor]]) -> nn.Sequential:
    """One candidate as torch's own layers, with copies of its weights."""
    modules: list[nn.Module] = []
    for weight, bias in layers:
        linear = nn.Linear(weight.shape[1], weight.shape[0])
        with torch.no_grad():
            linear.weight.copy_(weight)
            linear.bias.copy_(bias)
        modules += [linear, nn.ReLU()]
    return nn.Sequential(*modules[:-1])


def _rows(n: int = N, seed: int = 0) -> Tensor:
    return torch.randn(n, D, generator=torch.Generator().manual_seed(seed))


def test_widening_adds_ones_and_fills_with_zeros() -> None:
    wide = widen(_rows())
    assert wide.shape == (N, -(-(D + 1) // 4) * 4)
    torch.testing.assert_close(wide[:, :D], _rows())
    assert (wide[:, D] == 1).all()
    assert (wide[:, D + 1 :] == 0).all()
    assert widen(torch.ones(2, 15)).shape == (2, 16)
    assert widen(torch.ones(2, 16)).shape == (2, 20)


@pytest.mark.parametrize("hidden", SHAPES)
def test_forward_is_that_of_torch(hidden: tuple[int, ...]) -> None:
    stack = StackedNetworks(D, hidden, SEEDS)
    logits = stack.forward(widen(_rows()))
    assert logits.shape == (3, N)
    for k in range(3):
        alone = as_module(stack.network(k))(_rows())[:, 0]
        torch.testing.assert_close(logits[k], alone, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("hidden", SHAPES)
def test_backward_is_that_of_autograd(hidden: tuple[int, ...]) -> None:
    stack = StackedNetworks(D, hidden, SEEDS)
    # Batches of other sizes before and between must leave nothing behind in the buffers.
    for n in (5, N, 12, N):
        stack.forward(widen(_rows(n, seed=n)))
        upstream = torch.randn(3, n, generator=torch.Generator().manual_seed(n + 1))
        grads = [g.clone() for g in stack.backward(upstream)]
    weights, biases = grads[: len(stack.weights)], grads[len(stack.weights) :]
    for k in range(3):
        module = as_module(stack.network(k))
        (module(_rows(N, seed=N))[:, 0] * upstream[k]).sum().backward()
        linears = [m for m in module if isinstance(m, nn.Linear)]
        expected_first = linears[0]
        torch.testing.assert_close(
            weights[0][k, :, :D], expected_first.weight.grad, rtol=1e-4, atol=1e-5
        )
        torch.testing.assert_close(
            weights[0][k, :, D], expected_first.bias.grad, rtol=1e-4, atol=1e-5
        )
        assert (weights[0][k, :, D + 1 :] == 0).all()
        for layer, linear in enumerate(linears[1:], start=1):
            torch.testing.assert_close(weights[layer][k], linear.weight.grad, rtol=1e-4, atol=1e-5)
            torch.testing.assert_close(biases[layer - 1][k], linear.bias.grad, rtol=1e-4, atol=1e-5)


def test_equal_seeds_start_equal_whatever_stands_beside_them() -> None:
    stack, alone = StackedNetworks(D, (8, 5), SEEDS), StackedNetworks(D, (8, 5), [3])
    for one, other in zip(stack.network(2), alone.network(0), strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=0)
    for one, other in zip(stack.network(0), stack.network(2), strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=0)
    assert not torch.equal(stack.network(0)[0][0], stack.network(1)[0][0])


def test_weights_start_as_those_of_linear_layers() -> None:
    (weight, bias), _ = StackedNetworks(100, (400,), [0]).network(0)
    assert weight.abs().max() <= 0.1
    assert bias.abs().max() <= 0.1
    # Uniform on ±.1 has the standard deviation .1 / √3.
    assert float(weight.std()) == pytest.approx(0.1 / 3**0.5, rel=0.02)


def test_keeping_some_keeps_them_unchanged() -> None:
    stack = StackedNetworks(D, (8, 5), [1, 2, 3])
    before, logits = [stack.network(k) for k in (2, 0)], stack.forward(widen(_rows())).clone()
    stack.keep(torch.tensor([2, 0]))
    assert stack.n_candidates == 2
    for k in range(2):
        for one, other in zip(stack.network(k), before[k], strict=True):
            torch.testing.assert_close(one, other, rtol=0, atol=0)
    torch.testing.assert_close(stack.forward(widen(_rows())), logits[[2, 0]])


def test_a_copied_network_does_not_change_with_the_stack() -> None:
    stack = StackedNetworks(D, (8,), [0])
    network = Network.from_layers(stack.network(0))
    before = network.predict_proba(_rows().numpy()).copy()
    for parameter in stack.parameters:
        parameter.add_(1.0)
    assert (network.predict_proba(_rows().numpy()) == before).all()
