"""Many small networks trained as one: a stacked multilayer perceptron.

All candidates see the same rows, so their first layers are one large matrix product. Backward is
written out by hand on kept buffers: autograd would allocate a large temporary per operation, and
on a CPU most of the time then goes into page faults rather than arithmetic. Only the gradient of
the loss with respect to the logits, a small (k, n) array, comes from autograd.

Shapes: k candidates, n rows of a batch, d columns, h units of a layer.
"""

from __future__ import annotations

import math
from itertools import pairwise

import torch
from torch import Tensor

_ALIGN = 4  # a product over 83 columns takes a fifth longer than one over 84


def widen(X: Tensor) -> Tensor:
    """Append the constant column that carries the biases, and zeros up to a multiple of four.

    The matrix product then adds the bias for free; the zero columns never receive a gradient.
    """
    n, d = X.shape
    wide = X.new_zeros(n, -(-(d + 1) // _ALIGN) * _ALIGN)
    wide[:, :d] = X
    wide[:, d] = 1.0
    return wide


class StackedNetworks:
    """k networks of one shape, with the candidate axis first in every parameter.

    Parameters
    ----------
    n_features : int
    hidden : tuple of int
        Units of each hidden layer (ReLU); empty for logistic regression.
    seeds : sequence of int
        One per candidate: equal seeds start from equal weights.
    device : torch.device or str

    Attributes
    ----------
    weights : list of Tensor
        Per layer (k, h_out, h_in): the first layer's h_in is the widened number of columns; later
        layers keep their bias in ``biases``.
    biases : list of Tensor
        Per layer after the first, (k, h_out).
    grads : list of Tensor
        Gradients of :attr:`parameters` after :meth:`backward`.
    flat, flat_grads : Tensor
        The storage of all parameters and of all gradients; the lists above are views.
    """

    def __init__(
        self,
        n_features: int,
        hidden: tuple[int, ...],
        seeds: list[int],
        device: torch.device | str = "cpu",
    ) -> None:
        self.n_features, self.hidden = n_features, hidden
        wide = -(-(n_features + 1) // _ALIGN) * _ALIGN
        sizes = [n_features, *hidden, 1]
        started = [_initial(sizes, seed) for seed in seeds]
        self.weights = [
            torch.stack([w[layer] for w, _ in started]).to(device)
            for layer in range(len(sizes) - 1)
        ]
        self.biases = [
            torch.stack([b[layer] for _, b in started]).to(device)
            for layer in range(1, len(sizes) - 1)
        ]
        first = self.weights[0].new_zeros(len(seeds), sizes[1], wide)
        first[..., :n_features] = self.weights[0]
        first[..., n_features] = torch.stack([b[0] for _, b in started]).to(device)
        self.weights[0] = first
        self._buffers: dict[tuple[str, int, tuple[int, ...]], Tensor] = {}
        self._seen = first
        self._activations: list[Tensor] = []
        self._lay_out()

    @property
    def n_candidates(self) -> int:
        """Number of stacked networks."""
        return len(self.weights[0])

    @property
    def parameters(self) -> list[Tensor]:
        """Every parameter, candidate axis first."""
        return [*self.weights, *self.biases]

    def keep(self, candidates: Tensor) -> None:
        """Go on with some of the candidates only."""
        self.weights = [w[candidates] for w in self.weights]
        self.biases = [b[candidates] for b in self.biases]
        self._buffers.clear()
        self._lay_out()

    def _lay_out(self) -> None:
        """Lay all parameters in one array, and all gradients: Adam then updates them at once."""
        shapes = [p.shape for p in self.parameters]
        self.flat = torch.cat([p.reshape(-1) for p in self.parameters])
        self.flat_grads = torch.zeros_like(self.flat)
        parts = views(self.flat, shapes)
        self.weights, self.biases = parts[: len(self.weights)], parts[len(self.weights) :]
        self.grads = views(self.flat_grads, shapes)

    def forward(self, wide: Tensor) -> Tensor:
        """Logits of widened rows, (n, d') to (k, n). The result is valid until the next call."""
        k, n = self.n_candidates, len(wide)
        first = self.weights[0].flatten(0, 1)
        out = torch.mm(first, wide.T, out=self._buffer("out", 0, (len(first), n))).view(k, -1, n)
        self._seen, self._activations = wide, []
        for layer, bias in enumerate(self.biases, start=1):
            self._activations.append(torch.relu_(out))
            weight = self.weights[layer]
            out = torch.bmm(weight, out, out=self._buffer("out", layer, (k, weight.shape[1], n)))
            out += bias[..., None]
        return out[:, 0, :]

    def backward(self, grad_logits: Tensor) -> list[Tensor]:
        """Gradients of :attr:`parameters` from those of the logits of the last forward, (k, n).

        The result is valid until the next call.
        """
        n, n_layers = grad_logits.shape[1], len(self.weights)
        grad = grad_logits[:, None, :]  # (k, h_out, n) of the layer at hand, but for its scale
        scale: Tensor | None = None  # (k, h_out, 1)
        for layer in range(n_layers - 1, 0, -1):
            weight, below = self.weights[layer], self._activations[layer - 1]
            torch.bmm(grad, below.transpose(1, 2), out=self.grads[layer])
            torch.sum(grad, -1, out=self.grads[n_layers + layer - 1])
            if scale is not None:
                self.grads[layer].mul_(scale)
                self.grads[n_layers + layer - 1].mul_(scale[..., 0])
                weight = weight * scale
            down = self._buffer("grad", layer, tuple(below.shape))
            if weight.shape[1] == 1:
                # The gradient is an outer product: what depends on the unit alone is left out of
                # the large array here and multiplied into the small results instead.
                scale, down_grad = weight.transpose(1, 2), grad.expand_as(down)
            else:
                scale, down_grad = None, torch.bmm(weight.transpose(1, 2), grad, out=down)
            # The derivative of ReLU, in one pass.
            grad = torch.ops.aten.threshold_backward.grad_input(
                down_grad, below, 0, grad_input=down
            )
        torch.mm(grad.reshape(-1, n), self._seen, out=self.grads[0].flatten(0, 1))
        if scale is not None:
            self.grads[0].mul_(scale)
        return self.grads

    def network(self, candidate: int) -> list[tuple[Tensor, Tensor]]:
        """Weight (h_out, h_in) and bias (h_out,) of each layer of one candidate, copied."""
        first = self.weights[0][candidate]
        layers = [(first[:, : self.n_features], first[:, self.n_features])]
        layers += [
            (w[candidate], b[candidate]) for w, b in zip(self.weights[1:], self.biases, strict=True)
        ]
        return [(w.detach().cpu().clone(), b.detach().cpu().clone()) for w, b in layers]

    def _buffer(self, kind: str, layer: int, shape: tuple[int, ...]) -> Tensor:
        key = (kind, layer, shape)
        if key not in self._buffers:
            self._buffers[key] = self.weights[0].new_empty(shape)
        return self._buffers[key]


def views(flat: Tensor, shapes: list[torch.Size]) -> list[Tensor]:
    """Consecutive pieces of a flat array, in these shapes."""
    pieces = torch.functional.split(flat, [shape.numel() for shape in shapes])
    return [piece.view(shape) for piece, shape in zip(pieces, shapes, strict=True)]


def _initial(sizes: list[int], seed: int) -> tuple[list[Tensor], list[Tensor]]:
    """Torch's own start for linear layers: uniform within 1/sqrt(fan in)."""
    generator = torch.Generator().manual_seed(seed)
    weights, biases = [], []
    for fan_in, fan_out in pairwise(sizes):
        bound = 1 / math.sqrt(fan_in)
        weights.append(torch.rand(fan_out, fan_in, generator=generator).mul_(2).sub_(1).mul_(bound))
        biases.append(torch.rand(fan_out, generator=generator).mul_(2).sub_(1).mul_(bound))
    return weights, biases
