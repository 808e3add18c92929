"""A trained network as plain arrays: predicting needs NumPy alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from faircore.errors import InputError
from faircore.predictors.encoded import ReadsEncoded

if TYPE_CHECKING:
    from torch import Tensor

_CHUNK = 16_384  # rows predicted at once: bounds memory, whatever the size of the table


@dataclass(frozen=True, eq=False)
class Network(ReadsEncoded):
    """Linear layers with ReLU between them and a sigmoid at the end.

    Attributes
    ----------
    weights : tuple of ndarray of float32, each (h_out, h_in)
    biases : tuple of ndarray of float32, each (h_out,)
    """

    weights: tuple[NDArray[np.float32], ...]
    biases: tuple[NDArray[np.float32], ...]

    @property
    def n_features(self) -> int:
        """Columns it expects."""
        return int(self.weights[0].shape[1])

    @property
    def shape_text(self) -> str:
        """Units of its hidden layers in words."""
        layers = " and ".join(str(units) for units in self.hidden)
        return f"hidden layers of {layers}" if layers else "no hidden layer"

    @property
    def hidden(self) -> tuple[int, ...]:
        """Units per hidden layer."""
        return tuple(len(b) for b in self.biases[:-1])

    def predict_proba(self, X: NDArray[np.float32]) -> NDArray[np.float32]:
        """Probability of the good outcome, (n, d) to (n,)."""
        if X.ndim != 2 or X.shape[1] != self.n_features:
            raise InputError(
                f"The model expects {self.n_features} encoded columns; got an array of shape "
                f"{X.shape}. Encode the rows with the encoder the model was trained with."
            )
        scores = np.empty(len(X), np.float32)
        for start in range(0, len(X), _CHUNK):
            scores[start : start + _CHUNK] = self._forward(X[start : start + _CHUNK])
        return scores

    def _forward(self, X: NDArray[np.float32]) -> NDArray[np.float32]:
        out = X
        for layer, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            if layer:
                np.maximum(out, 0.0, out=out)
            out = out @ weight.T
            out += bias
        logits = out[:, 0]
        # tanh keeps the sigmoid from overflowing on either side.
        probability: NDArray[np.float32] = 0.5 * (1.0 + np.tanh(0.5 * logits))
        return probability

    @classmethod
    def from_layers(cls, layers: Sequence[tuple[Tensor, Tensor]]) -> Network:
        """Copy the layers of a torch model."""
        return cls(
            tuple(w.detach().cpu().numpy().copy() for w, _ in layers),
            tuple(b.detach().cpu().numpy().copy() for _, b in layers),
        )

    def to_arrays(self) -> dict[str, NDArray[np.float32]]:
        """Named arrays, for safetensors."""
        names = [("weight", self.weights), ("bias", self.biases)]
        return {
            f"{name}.{i}": np.ascontiguousarray(a)
            for name, some in names
            for i, a in enumerate(some)
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[np.float32]]) -> Network:
        """Read what :meth:`to_arrays` wrote."""
        layers = range(len(arrays) // 2)
        return cls(
            tuple(arrays[f"weight.{i}"] for i in layers), tuple(arrays[f"bias.{i}"] for i in layers)
        )
