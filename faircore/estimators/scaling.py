"""Standardised inputs for networks, folded into their first layer afterwards."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from faircore.predictors import Network
from faircore.training.rows import EncodedRows


@dataclass(frozen=True, eq=False)
class Scaling:
    """Mean and scale of each column, so that a network learns from columns of like size.

    Attributes
    ----------
    mean, scale : ndarray, shape (d,)
        A constant column has scale 1.
    """

    mean: NDArray[np.float64]
    scale: NDArray[np.float64]

    @classmethod
    def of(cls, rows: EncodedRows) -> Scaling:
        """Weighted mean and standard deviation of the rows to learn from."""
        weights = rows.unit_weights / len(rows.y)
        X = rows.X.astype(np.float64)
        mean = np.average(X, axis=0, weights=weights)
        scale = np.sqrt(np.average((X - mean) ** 2, axis=0, weights=weights))
        scale[scale <= 1e-7 * np.abs(X).max(axis=0)] = 1.0
        return cls(mean, scale)

    def apply(self, rows: EncodedRows) -> EncodedRows:
        """Standardise rows."""
        X = ((rows.X - self.mean) / self.scale).astype(np.float32)
        return EncodedRows(X, rows.y, rows.groups, rows.weights)

    def unfold(self, network: Network) -> Network:
        """Give a network that takes rows as they come the weights that serve standardised ones."""
        first = network.weights[0].astype(np.float64)
        bias = network.biases[0] + first @ self.mean
        return Network(
            ((first * self.scale).astype(np.float32), *network.weights[1:]),
            (bias.astype(np.float32), *network.biases[1:]),
        )

    def fold(self, network: Network) -> Network:
        """Give a network trained on standardised rows the weights that serve rows as they come."""
        first = network.weights[0] / self.scale
        bias = network.biases[0] - first @ self.mean
        return Network(
            (first.astype(np.float32), *network.weights[1:]),
            (bias.astype(np.float32), *network.biases[1:]),
        )
