"""One trained model as its counts and scores show it, without a row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray


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
        Count cube per split, of unsigned integers where all are whole: :meth:`cube` gives one to
        compute with. The certify split is never among them: it stays sealed.
    family : str
        Hash of everything that was asked for but the seed; empty when it is not known.
    measures : mapping of str to ndarray, shape (g + 1, 3)
        :func:`faircore.metrics.score_measures` of each split: of every group, everybody last.
    passed : mapping of str to ndarray of uint8, shape (n,)
        Of some splits, how many of :data:`faircore.metrics.THRESHOLDS` each row's score reaches:
        whom a threshold selects. It is what chance is judged by, since candidates are compared on
        the same people.
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
    cubes: Mapping[str, NDArray[Any]]
    fit_seconds: float
    best_epoch: int = 0
    history: tuple[Mapping[str, float], ...] = ()
    failure: str | None = None
    note: str = ""
    shape: str = ""
    target: float | None = None
    partitions: tuple[str, ...] = ()
    source: str = ""
    family: str = ""
    measures: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)
    passed: Mapping[str, NDArray[np.uint8]] = field(default_factory=dict)

    def cube(self, split: str) -> NDArray[np.float64]:
        """Count cube of a split, shape (t, g, 2, 2)."""
        whole: NDArray[np.float64] = self.cubes[split].astype(np.float64)
        return whole

    @property
    def still_improving(self) -> bool:
        """Whether its best epoch was the last one, so that more might have helped."""
        return bool(self.history) and self.best_epoch == self.history[-1]["epoch"]
