"""The trade-off between performance and fairness over many candidates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from faircore.errors import InputError
from faircore.groups import Partition, find_partition
from faircore.metrics import (
    MIN_PEOPLE,
    THRESHOLDS,
    find_disparity,
    find_performance,
    overall_counts,
    threshold_index,
)


@dataclass(frozen=True, eq=False)
class Candidate:
    """One trained model, as its counts show it.

    Attributes
    ----------
    id : str
        Hash of the data, the configuration, the strength and the seed.
    method, penalty : str
    strength : float
        What its method makes of it: a weight of the penalty, or the gap that was asked for.
    seed : int
    needs_groups : bool
        Whether predicting needs a sensitive attribute.
    cubes : mapping of str to ndarray, shape (t, g, 2, 2)
        Count cube per split. The certify split is never among them: it stays sealed.
    fit_seconds : float
        Time one core worked on it; of a stack, its share.
    best_epoch : int
    history : tuple of dict
        One row per epoch, on the select split: ``epoch``, ``loss``, ``penalty``, ``gap`` and what
        else the method follows.
    failure : str, optional
        Why there is no model.
    note : str
        What somebody should know of it, such as a constraint it does not meet.
    shape : str
        What kind of model it is, in words.
    target : float, optional
        The gap that was asked for, where the method takes one.
    partitions : tuple of str
        What the penalty acted on; every partition when empty.
    source : str
        Id of the stored model it works around; empty, ``"own"`` or ``"score"`` when there is none.
    """

    id: str
    method: str
    penalty: str
    strength: float
    seed: int
    needs_groups: bool
    cubes: Mapping[str, NDArray[np.float64]]
    fit_seconds: float
    best_epoch: int = 0
    history: tuple[Mapping[str, float], ...] = ()
    failure: str | None = None
    note: str = ""
    shape: str = ""
    target: float | None = None
    partitions: tuple[str, ...] = ()
    source: str = ""

    @property
    def still_improving(self) -> bool:
        """Whether its best epoch was the last one, so that more might have helped."""
        return bool(self.history) and self.best_epoch == self.history[-1]["epoch"]


@dataclass(frozen=True, eq=False)
class Frontier:
    """Candidates seen under one performance measure, disparity, partition and threshold.

    Everything is computed from count cubes, so another view costs milliseconds and no training.

    Attributes
    ----------
    candidates : tuple of Candidate
    partitions : tuple of Partition
        Every partition the cubes cover.
    sizes : mapping of str to ndarray of int, shape (g,)
        Rows per group of each split.
    performance, disparity, partition : str
        Names of the two objectives and of the partition the disparity is taken over.
    threshold : float
        A row is selected when its score is at least this; the nearest of
        :data:`faircore.metrics.THRESHOLDS` to what was given.
    split : str
        The rows all figures are measured on.
    min_people : int
        A rate over fewer people takes no part in the disparity: it is noise.
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
    _shared: dict[tuple[str, int], NDArray[np.float64]] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        if not self.partition:
            object.__setattr__(self, "partition", self.partitions[0].name)
        find_performance(self.performance)
        find_disparity(self.disparity)
        find_partition(self.partitions, self.partition)
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
    ) -> Frontier:
        """Look at the same candidates otherwise; what is not given stays."""
        given = {
            "performance": performance,
            "disparity": disparity,
            "partition": partition,
            "threshold": threshold,
            "split": split,
        }
        return replace(self, **{k: v for k, v in given.items() if v is not None})  # type: ignore[arg-type]

    @cached_property
    def counts(self) -> NDArray[np.float64]:
        """Counts at the threshold, shape (k, g, 2, 2); NaN for a candidate that failed."""
        key = (self.split, threshold_index(self.threshold))
        if key not in self._shared:
            n_groups = sum(len(p.labels) for p in self.partitions)
            counts = np.full((len(self.candidates), n_groups, 2, 2), np.nan)
            for k, candidate in enumerate(self.candidates):
                if candidate.failure is None:
                    counts[k] = candidate.cubes[self.split][key[1]]
            self._shared[key] = counts
        return self._shared[key]

    @cached_property
    def values(self) -> NDArray[np.float64]:
        """Performance and disparity of each candidate, shape (k, 2)."""
        partition = find_partition(self.partitions, self.partition)
        performance = find_performance(self.performance)(overall_counts(self.counts, partition))
        disparity = find_disparity(self.disparity)
        gaps = disparity(self.counts[:, partition.groups], min_people=self.min_people)
        return np.stack([performance, gaps], axis=1)

    @property
    def directions(self) -> tuple[int, int]:
        """+1 where higher is better, -1 where lower is."""
        return (1, 1 if find_disparity(self.disparity).kind == "ratio" else -1)

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
    def reference(self) -> tuple[float, float]:
        """Worst value of each objective among the candidates; NaN when none has values."""
        comparable = self.values[np.isfinite(self.values).all(axis=1)]
        if not len(comparable):
            return (float("nan"), float("nan"))
        worst = (comparable * self.directions).min(axis=0) * self.directions
        return (float(worst[0]), float(worst[1]))

    def hypervolume(self, reference: Sequence[float] | None = None) -> float:
        """Area between the front and a reference point, in units of both objectives.

        Parameters
        ----------
        reference : (performance, disparity), optional
            By default :attr:`reference`. Give the same one to compare frontiers.
        """
        from moocore import hypervolume  # a quarter of a second that `import faircore` need not pay

        if not np.isfinite(self.values).all(axis=1).any():
            return 0.0
        signs = -np.array(self.directions, np.float64)  # moocore minimises
        points = self.values[np.isfinite(self.values).all(axis=1)] * signs
        corner = np.array(self.reference if reference is None else reference, np.float64) * signs
        return float(hypervolume(points, ref=corner))

    def position(self, candidate_id: str) -> int:
        """Position of a candidate by its id."""
        for k, candidate in enumerate(self.candidates):
            if candidate.id == candidate_id:
                return k
        raise InputError(f"There is no candidate {candidate_id!r} in this frontier.")

    def to_frame(self) -> pd.DataFrame:
        """One row per candidate: what it is, its two objectives, whether it is non-dominated."""
        columns = ("id", "method", "penalty", "strength", "seed")
        later = ("target", "needs_groups", "fit_seconds", "best_epoch", "note", "failure")
        known = {name: [getattr(c, name) for c in self.candidates] for name in columns + later}
        return pd.DataFrame(
            {
                **{name: known[name] for name in columns},
                self.performance: self.values[:, 0],
                self.disparity: self.values[:, 1],
                "non_dominated": self.non_dominated,
                **{name: known[name] for name in later},
            }
        )


def non_dominated(values: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which points no other point beats, both objectives to be maximised.

    Parameters
    ----------
    values : ndarray, shape (k, 2)
        A row with NaN is never non-dominated. Equal points do not beat each other.

    Returns
    -------
    ndarray of bool, shape (k,)

    Examples
    --------
    >>> non_dominated(np.array([[1.0, 0.0], [0.5, 0.5], [0.4, 0.4], [0.0, 1.0]])).tolist()
    [True, True, False, True]
    """
    keep: NDArray[np.bool_] = np.asarray(np.isfinite(values).all(axis=1))
    # Best first objective first, ties by the second. A point is beaten by an earlier one with a
    # higher first and no lower second objective, or with an equal first and a higher second.
    order = np.lexsort((-values[:, 1], -values[:, 0]))
    order = order[keep[order]]
    x, y = values[order, 0], values[order, 1]
    starts = np.flatnonzero(np.r_[True, x[1:] != x[:-1]]) if len(x) else np.empty(0, np.intp)
    block = np.searchsorted(starts, np.arange(len(x)), side="right") - 1
    best_before = np.r_[-np.inf, np.maximum.accumulate(y)][starts]
    beaten = (y <= best_before[block]) | (y < y[starts][block])
    keep[order[beaten]] = False
    return keep
