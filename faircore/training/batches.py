"""Rows on the device, cut into minibatches that all candidates share."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from faircore.penalties import GroupTensor
from faircore.training.rows import EncodedRows
from faircore.training.stack import widen

_BLOCK = 16


class DeviceRows:
    """Rows on the device.

    Parameters
    ----------
    rows : EncodedRows
    device : str
    crossed_weight : float
        As in :class:`faircore.penalties.PenaltyOptions`.

    Attributes
    ----------
    wide : Tensor of float32, shape (n, d')
        Features, the constant column that carries biases, and zeros.
    n_features : int
    y, weights : Tensor of float32, shape (n,)
        Weights are of mean 1 over the rows that count: a penalty trusts a group by how many rows
        it has, whatever the unit of the weights.
    groups : GroupTensor
    """

    def __init__(self, rows: EncodedRows, device: str, *, crossed_weight: float = 1.0) -> None:
        self.wide = widen(torch.as_tensor(rows.X, device=device))
        self.n_features = rows.X.shape[1]
        self.y = torch.as_tensor(rows.y, dtype=torch.float32, device=device)
        self.weights = torch.as_tensor(rows.unit_weights, dtype=torch.float32, device=device)
        self.groups = GroupTensor.of(rows.groups, device=device, crossed_weight=crossed_weight)

    @property
    def n(self) -> int:
        """Number of rows."""
        return len(self.y)

    @property
    def X(self) -> Tensor:  # noqa: N802 - the field's name for a feature matrix
        """Features alone, (n, d)."""
        return self.wide[:, : self.n_features]

    @property
    def scale(self) -> Tensor:
        """Share of each row in a mean over the rows, (n,)."""
        return self.weights / self.weights.sum().clamp_min(1e-12)

    def batches(self, order: Tensor, size: int) -> Iterator[DeviceRows]:
        """Rows in this order, cut into batches; the last may be smaller."""
        order = order.to(self.y.device)
        # One gather serves several batches: that is quicker, and the block stays in cache.
        wide = self.wide.new_empty(min(_BLOCK * size, self.n), self.wide.shape[1])
        for start in range(0, len(order), _BLOCK * size):
            rows = order[start : start + _BLOCK * size]
            # Into memory that is kept: a fresh block would cost more in page faults than the copy.
            gathered = torch.index_select(self.wide, 0, rows, out=wide[: len(rows)])
            block = self.take(rows, wide=gathered)
            block.groups = block.groups.with_member(block.y, block.weights)
            last = start + block.n == len(order)
            first = 0
            while first < block.n:
                # One row alone has no spread, which layers that normalise a batch need.
                alone = last and block.n - first == size + 1 and size > 1
                end = first + size + alone
                yield block.take(slice(first, end))
                first = end

    def take(self, rows: Tensor | slice, *, wide: Tensor | None = None) -> DeviceRows:
        """Keep some rows; ``wide`` is given when they are gathered already."""
        taken = object.__new__(DeviceRows)
        taken.n_features = self.n_features
        taken.wide, taken.y = self.wide[rows] if wide is None else wide, self.y[rows]
        taken.weights, taken.groups = self.weights[rows], self.groups.take(rows)
        return taken
