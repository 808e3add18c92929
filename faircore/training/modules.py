"""Anybody's ``nn.Module`` as a predictor."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from faircore.errors import InputError
from faircore.predictors import Network
from faircore.predictors.encoded import ReadsEncoded

_CHUNK = 16_384


@dataclass(frozen=True, eq=False)
class ModulePredictor(ReadsEncoded):
    """A trained module whose layers are not those of a :class:`faircore.predictors.Network`."""

    module: nn.Module
    n_features: int

    @classmethod
    def of(cls, module: nn.Module) -> ModulePredictor:
        """Copy a module as it is now."""
        first = next((m for m in module.modules() if isinstance(m, nn.Linear)), None)
        frozen = copy.deepcopy(module).cpu().eval().requires_grad_(False)
        return cls(frozen, first.in_features if first is not None else 0)

    @property
    def shape_text(self) -> str:
        """What it is."""
        return f"a module of {sum(p.numel() for p in self.module.parameters()):,} parameters"

    def predict_proba(self, X: NDArray[np.float32]) -> NDArray[np.floating]:
        """Probability of the good outcome, (n, d) to (n,)."""
        scores = np.empty(len(X), np.float64)
        with torch.no_grad():
            for start in range(0, len(X), _CHUNK):
                rows = torch.from_numpy(np.ascontiguousarray(X[start : start + _CHUNK]))
                logits = self.module(rows).reshape(-1).double()
                scores[start : start + _CHUNK] = torch.sigmoid(logits).numpy()
        return scores

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Refuse: a module of unknown code cannot leave as plain arrays."""
        raise InputError(
            "This model is not made of linear layers with ReLU between them, so it cannot be "
            "stored without its code. Save it with torch, or use nn.Sequential of nn.Linear and "
            "nn.ReLU."
        )


def network_of(module: nn.Module) -> Network | None:
    """Read linear layers with ReLU between them as plain arrays; ``None`` for anything else."""
    layers = list(module) if isinstance(module, nn.Sequential) else [module]
    linear = [one for one in layers if isinstance(one, nn.Linear)]
    expected = [kind for _ in linear for kind in (nn.Linear, nn.ReLU)][:-1]
    if not linear or [type(one) for one in layers] != expected:
        return None
    if linear[-1].out_features != 1 or any(one.bias is None for one in linear):
        return None
    return Network.from_layers([(one.weight, one.bias) for one in linear])


def module_of(network: Network) -> nn.Sequential:
    """Build the module whose layers these are."""
    layers: list[nn.Module] = []
    for weight, bias in zip(network.weights, network.biases, strict=True):
        # Without weights of its own first: drawing them would move torch's own generator.
        empty = nn.Linear(weight.shape[1], weight.shape[0], device="meta")
        linear = empty.to_empty(device="cpu")
        with torch.no_grad():
            linear.weight.copy_(torch.from_numpy(weight.copy()))
            linear.bias.copy_(torch.from_numpy(bias.copy()))
        layers += [linear, nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def new_module(n_features: int, hidden: Sequence[int], seed: int) -> nn.Sequential:
    """Build a multilayer perceptron; equal seeds start from equal weights, stacked or not."""
    from faircore.training.stack import StackedNetworks

    start = StackedNetworks(n_features, tuple(hidden), [seed]).network(0)
    return module_of(Network.from_layers(start))
