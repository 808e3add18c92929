"""Soft confusion counts: the count of metrics, with probabilities in place of decisions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import Tensor

from faircore.errors import InputError
from faircore.groups import Groups

_MATMUL_CELLS = 1 << 22  # beyond this many one-hot cells, sums by index cost less memory


@dataclass(frozen=True, eq=False)
class GroupTensor:
    """Group membership of a batch, over every partition at once.

    Attributes
    ----------
    codes : Tensor of int64, shape (p, n)
        Number of the row's group, in the sequence over all partitions.
    partition : Tensor of int64, shape (g,)
        Partition of each group.
    n_partitions : int
    importance : Tensor, shape (g,)
        How much each group's distance counts in a penalty.
    """

    codes: Tensor
    partition: Tensor
    n_partitions: int
    importance: Tensor

    @classmethod
    def of(cls, groups: Groups, *, device: torch.device | str = "cpu") -> GroupTensor:
        """Move groups of rows into torch."""
        partition = [i for i, p in enumerate(groups.partitions) for _ in p.labels]
        return cls(
            torch.as_tensor(groups.codes, dtype=torch.int64, device=device),
            torch.tensor(partition, device=device),
            len(groups.partitions),
            torch.ones(len(partition), device=device),
        )

    @classmethod
    def from_codes(
        cls, sensitive: Tensor, *, importance: Sequence[Sequence[float]] | None = None
    ) -> GroupTensor:
        """Read group numbers from 0: a column, or one column per attribute, shape (n[, p]).

        ``importance`` holds one list per attribute, with one number per group; by default every
        group counts 1.
        """
        columns = sensitive.reshape(len(sensitive), -1).to(torch.int64).T
        sizes = (columns.amax(dim=1) + 1).tolist()
        if importance is None:
            importance = [[1.0] * size for size in sizes]
        given = [len(one) for one in importance]
        too_few = len(given) != len(sizes) or any(a < b for a, b in zip(given, sizes, strict=True))
        if too_few or int(columns.min()) < 0:
            raise InputError(
                "Groups must be numbered from 0, with one weight for each group of each attribute; "
                f"found {sizes} groups per attribute and {given} weights. Number the groups with "
                "pandas.factorize and give every group a weight."
            )
        starts = columns.new_tensor([0, *given[:-1]]).cumsum(0)
        partition = torch.repeat_interleave(
            torch.arange(len(given), device=columns.device), columns.new_tensor(given)
        )
        flat = torch.tensor([w for one in importance for w in one], device=columns.device)
        return cls(columns + starts[:, None], partition, len(given), flat)

    @property
    def n_groups(self) -> int:
        """Number of groups over all partitions."""
        return len(self.partition)

    @cached_property
    def spread(self) -> Tensor:
        """Matrix of shape (p, g) that is 1 where a group belongs to a partition."""
        rows = torch.arange(self.n_partitions, device=self.partition.device)
        return (rows[:, None] == self.partition).to(torch.get_default_dtype())

    def take(self, rows: Tensor | slice) -> GroupTensor:
        """Keep some rows; the groups keep their numbers."""
        taken = replace(self, codes=self.codes[:, rows])
        taken.__dict__["spread"] = self.spread  # the same matrix serves every batch
        return taken


def soft_counts(
    probs: Tensor, y: Tensor, groups: GroupTensor, weights: Tensor | None = None
) -> Tensor:
    """Expected confusion counts when each row is selected with its probability.

    Parameters
    ----------
    probs : Tensor, shape (..., n)
    y : Tensor of 0 and 1, shape (n,)
    groups : GroupTensor, n rows
    weights : Tensor, shape (n,), optional

    Returns
    -------
    Tensor, shape (..., g, 2, 2)
        Ends in ``(group, true, predicted)``, as :func:`faircore.metrics.confusion_counts`.
    """
    n, n_cells = probs.shape[-1], 2 * groups.n_groups
    w = probs.new_ones(n) if weights is None else weights.to(probs.dtype)
    cells = groups.codes * 2 + y.to(torch.int64)  # (p, n)
    if n * n_cells <= _MATMUL_CELLS:
        member = probs.new_zeros(n, n_cells).scatter_(1, cells.T, w[:, None].expand(n, len(cells)))
        selected, total = probs @ member, member.sum(0)
    else:
        selected = probs.new_zeros(*probs.shape[:-1], n_cells)
        total = probs.new_zeros(n_cells)
        for cell in cells:
            selected = selected.index_add(-1, cell, probs * w)
            total = total.index_add(0, cell, w)
    counts = torch.stack([total - selected, selected], dim=-1)
    return counts.reshape(*probs.shape[:-1], groups.n_groups, 2, 2)
