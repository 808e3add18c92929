"""The trade-off between objectives over many candidates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from faircore.errors import InputError
from faircore.frontier.candidate import Candidate
from faircore.frontier.dominance import non_dominated
from faircore.frontier.objectives import Objective, find_objective
from faircore.frontier.rows import SplitRows
from faircore.frontier.views import measure_counts
from faircore.groups import Partition, find_partition
from faircore.metrics import MIN_PEOPLE, THRESHOLDS, threshold_index
from faircore.metrics.costs import Costs
from faircore.metrics.score_measures import SCORE_MEASURES


@dataclass(frozen=True, eq=False)
class Frontier:
    """Candidates seen under two or three objectives, a partition and a threshold.

    Everything is computed from count cubes, so another view costs milliseconds and no training.

    Attributes
    ----------
    candidates : tuple of Candidate
    partitions : tuple of Partition
        Every partition the cubes cover.
    sizes : mapping of str to ndarray of int, shape (g,)
        Rows per group of each split.
    performance, disparity : str
        The first and the second objective, by default a performance and a disparity: keys as
        :func:`faircore.frontier.find_objective` reads them.
    partition : str
        The partition a disparity is taken over, unless its key names another.
    threshold : float
        A row is selected when its score is at least this; the nearest of
        :data:`faircore.metrics.THRESHOLDS` to what was given.
    split : str
        The rows all figures are measured on.
    min_people : int
        A rate over fewer people takes no part in the disparity: it is noise.
    third : str
        Key of a third objective; empty for two.
    costs : Costs, optional
        What decisions are worth; needed where an objective is ``profit``.
    rows : mapping of str to SplitRows
        Outcomes and groups of the rows of some splits, by which chance is judged.
    among : tuple of Candidate
        All candidates, where these are some of them; empty where none is left out.
    """

    candidates: tuple[Candidate, ...]
    partitions: tuple[Partition, ...]
    sizes: Mapping[str, NDArray[np.int64]]
    performance: str = "accuracy"
    disparity: str = "demographic_parity_difference"
    partition: str = ""
    threshold: float = 0.5
    split: str = "select"
    min_people: int = MIN_PEOPLE
    third: str = ""
    costs: Costs | None = None
    rows: Mapping[str, SplitRows] = field(default_factory=dict, repr=False)
    among: tuple[Candidate, ...] = field(default=(), repr=False)
    _shared: dict[tuple[str, int], NDArray[np.float64]] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        if not self.partition:
            object.__setattr__(self, "partition", self.partitions[0].name)
        find_partition(self.partitions, self.partition)
        for objective in self.objectives:
            if objective.partition:
                find_partition(self.partitions, objective.partition)
            if objective.source == "costs" and self.costs is None:
                raise InputError(
                    "Worth needs to know what each decision is worth, and no costs are given. "
                    "Pass costs=Costs(...), or choose another objective."
                )
        if not 0 <= self.threshold <= 1:
            raise InputError(
                f"The threshold must lie between 0 and 1; it is {self.threshold}. Change it."
            )
        # Counts exist on a grid: what is named must be what was counted.
        grid = float(THRESHOLDS[threshold_index(self.threshold)])
        object.__setattr__(self, "threshold", grid)
        if self.split not in self.sizes:
            raise InputError(
                f"There are no counts on split {self.split!r}. Choose one of: "
                f"{', '.join(self.sizes)}."
            )

    def view(
        self,
        *,
        performance: str | None = None,
        disparity: str | None = None,
        partition: str | None = None,
        threshold: float | None = None,
        split: str | None = None,
        third: str | None = None,
        costs: Costs | None = None,
    ) -> Frontier:
        """Look at the same candidates otherwise; what is not given stays."""
        given = {
            "performance": performance,
            "disparity": disparity,
            "partition": partition,
            "threshold": threshold,
            "split": split,
            "third": third,
            "costs": costs,
        }
        return replace(self, **{k: v for k, v in given.items() if v is not None})  # type: ignore[arg-type]

    def of_decisions(self) -> Frontier:
        """The view a decision is made in: a performance and a gap, both of decisions.

        A performance that is one of scores or worth gives way to accuracy.
        """
        first = self.objectives[0]
        return replace(
            self,
            performance=first.name if first.source == "counts" else "accuracy",
            disparity=self.gap.name,
            partition=self.gap.partition,
            third="",
        )

    def only(self, keep: NDArray[np.bool_]) -> Frontier:
        """Some of the candidates, in the same view; at least one."""
        chosen = tuple(c for c, kept in zip(self.candidates, keep, strict=True) if kept)
        return replace(self, candidates=chosen, among=self.everyone, _shared={})

    @property
    def everyone(self) -> tuple[Candidate, ...]:
        """Every candidate there is, those left out as well."""
        return self.among or self.candidates

    @cached_property
    def objectives(self) -> tuple[Objective, ...]:
        """What the candidates are compared by, two or three."""
        keys = (self.performance, self.disparity, *filter(None, [self.third]))
        return tuple(find_objective(key, self.partition) for key in keys)

    @property
    def gap(self) -> Objective:
        """The first objective that is a gap between groups; selection's where none is."""
        for objective in self.objectives[1:] + self.objectives[:1]:
            if objective.source == "gap":
                return objective
        return find_objective("demographic_parity_difference", self.partition)

    @cached_property
    def counts(self) -> NDArray[np.float64]:
        """Counts at the threshold, shape (k, g, 2, 2).

        NaN for a candidate that failed, or was not counted on the split.
        """
        key = (self.split, threshold_index(self.threshold))
        if key not in self._shared:
            n_groups = sum(len(p.labels) for p in self.partitions)
            counts = np.full((len(self.candidates), n_groups, 2, 2), np.nan)
            for k, candidate in enumerate(self.candidates):
                if candidate.failure is None and self.split in candidate.cubes:
                    counts[k] = candidate.cubes[self.split][key[1]]
            self._shared[key] = counts
        return self._shared[key]

    @cached_property
    def values(self) -> NDArray[np.float64]:
        """Objectives of each candidate, shape (k, m); m is 2 or 3."""
        return np.stack([self.measure(objective) for objective in self.objectives], axis=1)

    def measure(self, objective: Objective) -> NDArray[np.float64]:
        """Any objective of each candidate at the threshold, shape (k,); NaN where undefined."""
        if objective.source == "scores":
            column = SCORE_MEASURES.index(objective.name)
            found = [c.measures.get(self.split) for c in self.candidates]
            return np.array([np.nan if m is None else m[-1, column] for m in found])
        return measure_counts(
            objective, self.counts, self.partitions, costs=self.costs, min_people=self.min_people
        )

    @property
    def directions(self) -> tuple[int, ...]:
        """+1 where higher is better, -1 where lower is."""
        return tuple(objective.better for objective in self.objectives)

    @cached_property
    def non_dominated(self) -> NDArray[np.bool_]:
        """Candidates that no other beats in one objective without losing in the other, (k,)."""
        return non_dominated(self.values * np.array(self.directions))

    @property
    def front(self) -> NDArray[np.intp]:
        """Positions of the non-dominated candidates, from the least to the most equal."""
        positions = np.flatnonzero(self.non_dominated)
        order = np.lexsort(
            (-self.values[positions, 0], self.directions[1] * self.values[positions, 1])
        )
        return positions[order]

    @property
    def reference(self) -> tuple[float, ...]:
        """Worst value of each objective among the candidates; NaN when none has values."""
        comparable = self.values[np.isfinite(self.values).all(axis=1)]
        if not len(comparable):
            return (float("nan"),) * len(self.objectives)
        worst = (comparable * self.directions).min(axis=0) * self.directions
        return tuple(worst.tolist())

    def hypervolume(self, reference: Sequence[float] | None = None) -> float:
        """Area (volume, of three) between the front and a reference point, in their units.

        Parameters
        ----------
        reference : sequence of float, one per objective, optional
            By default :attr:`reference`. Give the same one to compare frontiers.
        """
        from moocore import hypervolume  # a quarter of a second that `import faircore` need not pay

        if not np.isfinite(self.values).all(axis=1).any():
            return 0.0
        signs = -np.array(self.directions, np.float64)  # moocore minimises
        points = self.values[np.isfinite(self.values).all(axis=1)] * signs
        corner = np.array(self.reference if reference is None else reference, np.float64) * signs
        return float(hypervolume(points, ref=corner))

    @property
    def columns(self) -> list[str]:
        """What :meth:`to_frame` calls the objectives: a name, or a key where two share it."""
        names = [objective.name for objective in self.objectives]
        return [
            name if names.count(name) == 1 else objective.key
            for name, objective in zip(names, self.objectives, strict=True)
        ]

    def position(self, candidate_id: str) -> int:
        """Position of a candidate by its id."""
        for k, candidate in enumerate(self.candidates):
            if candidate.id == candidate_id:
                return k
        raise InputError(f"There is no candidate {candidate_id!r} in this frontier.")

    def to_frame(self) -> pd.DataFrame:
        """One row per candidate: what it is, its objectives, whether it is non-dominated."""
        columns = ("id", "method", "penalty", "strength", "seed")
        later = ("target", "needs_groups", "fit_seconds", "best_epoch", "note", "failure")
        known = {name: [getattr(c, name) for c in self.candidates] for name in columns + later}
        return pd.DataFrame(
            {
                **{name: known[name] for name in columns},
                **dict(zip(self.columns, self.values.T, strict=True)),
                "non_dominated": self.non_dominated,
                **{name: known[name] for name in later},
            }
        )
