"""Soft confusion counts: the count of metrics, with probabilities in place of decisions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from faircore.errors import InputError
from faircore.groups import Groups

_MATMUL_CELLS = 1 << 22  # beyond this many one-hot cells, sums by index cost less memory


@dataclass(eq=False)
class _Layout:
    """What follows from the partitions alone, once it is asked for: one serves every batch."""

    same_partition: Tensor | None = None
    pairs: tuple[Tensor, Tensor, Tensor] | None = None


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
    member : Tensor, shape (n, 2 g), optional
        The weight of each row in the column of its group and outcome, if worked out ahead; it
        must be of the outcomes and weights that :func:`soft_counts` is called with.
    """

    codes: Tensor
    partition: Tensor
    n_partitions: int
    importance: Tensor
    member: Tensor | None = None
    _layout: _Layout = field(default_factory=_Layout, repr=False)

    @classmethod
    def of(
        cls,
        groups: Groups,
        *,
        device: torch.device | str = "cpu",
        crossed_weight: float = 1.0,
    ) -> GroupTensor:
        """Move groups of rows into torch; each attribute crossed in multiplies the importance."""
        partition = [i for i, p in enumerate(groups.partitions) for _ in p.labels]
        weight = [crossed_weight ** (len(p.attributes) - 1) for p in groups.partitions]
        return cls(
            torch.as_tensor(groups.codes, dtype=torch.int64, device=device),
            torch.tensor(partition, device=device),
            len(groups.partitions),
            torch.tensor([weight[i] for i in partition], dtype=torch.float32, device=device),
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

    @property
    def same_partition(self) -> Tensor:
        """Matrix of shape (g, g) that is 1 where two groups belong to one partition."""
        if self._layout.same_partition is None:
            same = self.partition[:, None] == self.partition
            self._layout.same_partition = same.to(torch.get_default_dtype())
        return self._layout.same_partition

    @property
    def pairs(self) -> tuple[Tensor, Tensor, Tensor]:
        """First and second group of each pair within a partition, and that partition's groups."""
        if self._layout.pairs is None:
            first, second = torch.triu(self.same_partition, diagonal=1).nonzero(as_tuple=True)
            size = torch.bincount(self.partition)[self.partition[first]]
            self._layout.pairs = first, second, size
        return self._layout.pairs

    def take(self, rows: Tensor | slice) -> GroupTensor:
        """Keep some rows; the groups keep their numbers."""
        member = None if self.member is None else self.member[rows]
        return replace(self, codes=self.codes[:, rows], member=member)

    def with_member(self, y: Tensor, weights: Tensor) -> GroupTensor:
        """Work out :attr:`member` ahead, for rows that are cut into batches afterwards.

        With many groups it would not pay: the codes then serve as they are.
        """
        if len(y) * 2 * self.n_groups > _MATMUL_CELLS:
            return self
        return replace(self, member=_member(self, y, weights))


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
    if groups.member is not None or n * n_cells <= _MATMUL_CELLS:
        member = _member(groups, y, w) if groups.member is None else groups.member
        selected, total = probs @ member, member.sum(0)
    else:
        selected = probs.new_zeros(*probs.shape[:-1], n_cells)
        total = probs.new_zeros(n_cells)
        for cell in groups.codes * 2 + y.to(torch.int64):
            selected = selected.index_add(-1, cell, probs * w)
            total = total.index_add(0, cell, w)
    counts = torch.stack([total - selected, selected], dim=-1)
    return counts.view(*probs.shape[:-1], groups.n_groups, 2, 2)


def group_sums(values: Tensor, groups: GroupTensor, weights: Tensor | None = None) -> Tensor:
    """Weighted sums over the rows of each group, and its rows: (..., f, n) to (..., g, f + 1)."""
    n, g = values.shape[-1], groups.n_groups
    w = values.new_ones(n) if weights is None else weights.to(values.dtype)
    if groups.member is not None or n * g <= _MATMUL_CELLS:
        if groups.member is None:
            spread = w[:, None].expand(-1, len(groups.codes))
            one_hot = values.new_zeros(n, g).scatter_(1, groups.codes.T, spread)
        else:
            one_hot = groups.member.view(n, g, 2).sum(-1)
        total, rows = values @ one_hot, one_hot.sum(0)
    else:
        total, rows = values.new_zeros(*values.shape[:-1], g), values.new_zeros(g)
        for codes in groups.codes:
            total = total.index_add(-1, codes, values * w)
            rows = rows.index_add(0, codes, w)
    total = total.transpose(-1, -2)
    return torch.cat([total, rows[:, None].expand(*total.shape[:-1], 1)], dim=-1)


def _member(groups: GroupTensor, y: Tensor, weights: Tensor) -> Tensor:
    cells = groups.codes * 2 + y.to(torch.int64)  # (p, n)
    member = weights.new_zeros(len(weights), 2 * groups.n_groups)
    return member.scatter_(1, cells.T, weights[:, None].expand(-1, len(cells)))
