"""Constraints on group rates, written out as comparisons of two rates.

*Widest gap at most tolerance* is one comparison per ordered pair of groups: rate of the first
minus rate of the second is at most the tolerance. That is the same statement, neither weaker nor
stronger. Comparing each group with everybody at half the tolerance would need fewer comparisons
and guarantee it too, but ask for more: where a group is a tenth of the people, everybody is nearly
the other nine tenths, and it would force the gap to 0.56 of what is allowed. *No gap at all* is
one comparison per group, with everybody: if all groups equal everybody they equal each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from faircore.errors import InputError
from faircore.groups import Partition, find_partition
from faircore.metrics.rates import RATES
from faircore.numerals import hundredths
from faircore.penalties.apart import TINY, trust
from faircore.penalties.options import PenaltyOptions
from faircore.training.constraints import UNCONSTRAINED, Constraint, check_tolerance

ROUNDING = 1e-9
"""A gap this little wider than its tolerance is as wide as it."""

_MOST_COLUMNS = 3  # of multipliers in a history; of more, the largest alone
_NAMED = 5  # groups that a sentence names


@dataclass(frozen=True)
class Block:
    """One rate of one constraint over the groups of one partition."""

    constraint: Constraint
    partition: Partition
    rate: str

    @property
    def label(self) -> str:
        """What is constrained, in words."""
        return f"{self.constraint.title}, by {self.partition.name}"


class Comparisons:
    """Every comparison that some constraints make over some partitions.

    Parameters
    ----------
    constraints : sequence of Constraint
    partitions : sequence of Partition
        All that counts are over; constraints may be about some.
    device : str

    Attributes
    ----------
    blocks : tuple of Block, b of them
    block : Tensor of int64, shape (m,)
        Block of each comparison.
    signed : Tensor of bool, shape (m,)
        Comparisons whose two rates should be equal, so that either sign is a violation.

    Raises
    ------
    InputError
        When a partition is unknown, or none has two groups.

    Notes
    -----
    The number of comparisons grows with the square of the groups: 4,032 for 64 groups, which a
    step passes over in a fraction of a millisecond.
    """

    def __init__(
        self,
        constraints: Sequence[Constraint],
        partitions: Sequence[Partition],
        device: torch.device | str = "cpu",
    ) -> None:
        self.blocks = tuple(
            Block(constraint, partition, rate)
            for constraint in constraints
            for partition in _chosen(constraint, partitions)
            for rate in constraint.rates
            if len(partition.labels) > 1
        )
        if not self.blocks:
            raise InputError(
                "A constraint compares groups, and here is nothing to compare: there is no "
                "constraint, or no partition has two groups. Pass a constraint, and a sensitive "
                "attribute with at least two values."
            )
        self._rates = tuple(dict.fromkeys(block.rate for block in self.blocks))
        self._starts = [p.start for p in partitions]
        n_groups = sum(len(p.labels) for p in partitions)
        coefficients = np.hstack([RATES[name].coefficients for name in self._rates])
        self._coefficients = torch.as_tensor(coefficients, device=device)  # (4, 2 r)
        # Below the groups themselves, everybody in each partition.
        whole = torch.zeros(len(partitions), n_groups, dtype=torch.float64, device=device)
        for row, partition in enumerate(partitions):
            whole[row, partition.groups] = 1.0
        self._rows = torch.cat([torch.eye(n_groups, dtype=whole.dtype, device=device), whole])
        parts = [self._compare(block, n_groups) for block in self.blocks]
        self._first, self._second = (torch.cat(one).to(device) for one in zip(*parts, strict=True))
        sizes = torch.tensor([len(first) for first, _ in parts])
        self.block = torch.arange(len(parts)).repeat_interleave(sizes).to(device)
        signed = torch.tensor([b.constraint.kind == "equality" for b in self.blocks], device=device)
        self.signed = signed[self.block]

    def tolerances(self, asked: Sequence[float]) -> Tensor:
        """Tolerance of each block, (k, b), where a trial asks for one; 1 lifts all of them."""
        own = [block.constraint.tolerance for block in self.blocks]
        rows = [
            [t if t >= UNCONSTRAINED or mine is None else mine for mine in own]
            for t in map(check_tolerance, asked)
        ]
        return torch.tensor(rows, dtype=torch.float64, device=self.block.device)

    def differences(self, counts: Tensor, options: PenaltyOptions) -> tuple[Tensor, Tensor]:
        """How much the first rate of each comparison exceeds the second.

        Parameters
        ----------
        counts : Tensor, shape (k, g, 2, 2)
            Of decisions, or soft ones for a gradient.
        options : PenaltyOptions
            How far small groups are trusted.

        Returns
        -------
        differences, trust : Tensor, shape (k, m)
            Trust is the product of n / (n + small_group) of both sides, without gradient. It is 0
            where a rate is undefined, and the difference is then finite and means nothing.
        """
        rate, people = self._profile(counts)
        rate, believed = rate.flatten(1), trust(people.flatten(1).detach(), options)
        return (
            rate[:, self._first] - rate[:, self._second],
            believed[:, self._first] * believed[:, self._second],
        )

    def violations(self, counts: Tensor, tolerances: Tensor, options: PenaltyOptions) -> Tensor:
        """What multipliers follow, (k, g, 2, 2) and (k, b) to (k, m).

        The difference less the tolerance, or the difference itself where the two should be equal,
        in units of what it costs to change it; NaN where a rate is undefined or nothing is asked.

        Notes
        -----
        Moving the rate of a share s of the rows by x costs the mean loss about s · x², so closing
        a gap between shares s and t costs about s · t / (s + t) · x². Multipliers are of that size
        at the optimum. With steps in this unit, those of a small group neither jump over it nor
        those of a large one crawl: it is Newton's step on the dual of that quadratic. A pair is
        moved by its share of the violated pairs it shares a group with, so that a group far from
        all others is not pushed harder the more others there are.
        """
        differences, believed = self.differences(counts, options)
        allowed = tolerances[:, self.block]
        excess = torch.where(self.signed, differences, differences - allowed)
        nothing = (believed <= 0) | (self.signed & (allowed >= UNCONSTRAINED))
        start = self.blocks[0].partition.groups
        people = self._profile(counts)[1].flatten(1) / counts[:, start].sum((1, 2, 3))[:, None]
        first, second = people[:, self._first], people[:, self._second]
        violated = ((excess > 0) & ~nothing & ~self.signed).to(people)
        near = torch.zeros_like(people)
        for side in (self._first, self._second):
            near = near.index_add(1, side, violated)
        near = torch.maximum(near[:, self._first], near[:, self._second]).clamp_min(1)
        unit = first * second / ((first + second) * near).clamp_min(TINY)
        return torch.where(nothing, torch.nan, excess * believed * unit)

    def gaps(self, counts: Tensor, *, min_people: float) -> Tensor:
        """Largest minus smallest group rate of each block, (k, g, 2, 2) to (k, b).

        A rate over fewer people takes no part; NaN where fewer than two do.
        """
        rate, people = self._profile(counts)
        judged = people >= max(min_people * (1 - 1e-9), TINY)
        found = []
        for block in self.blocks:
            at = (slice(None), block.partition.groups, self._rates.index(block.rate))
            high = torch.where(judged[at], rate[at], -torch.inf).amax(1)
            low = torch.where(judged[at], rate[at], torch.inf).amin(1)
            found.append(torch.where(judged[at].sum(1) >= 2, high - low, torch.nan))
        return torch.stack(found, dim=1)

    def left_out(self, counts: Tensor, *, min_people: float) -> list[str]:
        """Name groups with a rate over too few people, for counts of one candidate (g, 2, 2)."""
        people = self._profile(counts[None])[1][0]
        names: dict[str, None] = {}
        for block in self.blocks:
            own = people[block.partition.groups, self._rates.index(block.rate)]
            for name, n in zip(block.partition.group_names, own.tolist(), strict=True):
                if n < min_people * (1 - 1e-9):
                    names[f"{name} ({block.partition.name})"] = None
        return list(names)

    def say(self, counts: Tensor, gaps: Tensor, tolerances: Tensor, *, min_people: float) -> str:
        """What is not met, and what could not be judged, of one candidate; empty if nothing.

        Parameters
        ----------
        counts : Tensor, shape (g, 2, 2)
        gaps, tolerances : Tensor, shape (b,)
        min_people : float
        """
        excess, told = gaps - tolerances, []
        if widest(excess[None]) > ROUNDING:
            worst = int(torch.nan_to_num(excess, nan=-torch.inf).argmax())
            told.append(
                f"Infeasible: the smallest gap reached is {_points(gaps[worst])} points where at "
                f"most {_points(tolerances[worst])} was asked for ({self.blocks[worst].label})."
            )
        unjudged = [self.blocks[i].label for i in torch.nonzero(gaps.isnan()).flatten().tolist()]
        if unjudged:
            told.append(f"Could not be judged: {'; '.join(dict.fromkeys(unjudged))}.")
        few = self.left_out(counts, min_people=min_people)
        if few:
            names = ", ".join(few[:_NAMED]) + (
                f" and {len(few) - _NAMED} more" * (len(few) > _NAMED)
            )
            told.append(
                f"Not judged, for a rate over fewer than {min_people:g} people on the select "
                f"split: {names}."
            )
        return " ".join(told)

    def largest(self, multipliers: Tensor) -> dict[str, Tensor]:
        """Largest absolute multiplier of each constraint and partition, (k, m) to (k,) each.

        Where they are many, of all together.
        """
        labels = [block.label for block in self.blocks]
        names, size = list(dict.fromkeys(labels)), multipliers.abs()
        if len(names) == 1 or len(names) > _MOST_COLUMNS:
            return {"multiplier": size.amax(1)}
        of = torch.tensor([names.index(label) for label in labels], device=self.block.device)
        return {
            f"multiplier: {name}": size[:, of[self.block] == i].amax(1)
            for i, name in enumerate(names)
        }

    def _profile(self, counts: Tensor) -> tuple[Tensor, Tensor]:
        """Each rate of each group and of everybody, and over how many people, (k, g + p, r)."""
        rows, coefficients = self._rows.to(counts.dtype), self._coefficients.to(counts.dtype)
        parts = (rows @ counts.flatten(-2)) @ coefficients
        numerator, people = parts.view(*parts.shape[:-1], -1, 2).unbind(-1)
        # A group without a rate has numerator 0: 0/0 becomes 0, which nobody trusts.
        return numerator / people.clamp_min(TINY), people

    def _compare(self, block: Block, n_groups: int) -> tuple[Tensor, Tensor]:
        """Places, in a flattened profile, of the first and second rate of each comparison."""
        size, start = len(block.partition.labels), block.partition.start
        if block.constraint.kind == "equality":
            first = torch.arange(size) + start
            second = torch.full_like(first, n_groups + self._starts.index(start))
        else:
            first, second = (~torch.eye(size, dtype=torch.bool)).nonzero(as_tuple=True)
            first, second = first + start, second + start
        width, at = len(self._rates), self._rates.index(block.rate)
        return first * width + at, second * width + at


def _chosen(constraint: Constraint, partitions: Sequence[Partition]) -> Sequence[Partition]:
    if not constraint.partitions:
        return partitions
    return [find_partition(partitions, name) for name in constraint.partitions]


def widest(of_blocks: Tensor) -> Tensor:
    """Largest of each row, (k, b) to (k,), leaving out NaN; NaN where there is nothing else."""
    largest = torch.nan_to_num(of_blocks, nan=-torch.inf).amax(-1)
    return torch.where(largest == -torch.inf, torch.nan, largest)


def _points(share: Tensor) -> str:
    return hundredths(float(share), None)
