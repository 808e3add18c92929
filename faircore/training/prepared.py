"""A dataset made ready for training: groups, splits, and rows encoded from the train split."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from faircore.data import Dataset, Encoder, Splits, split_dataset
from faircore.frontier import SplitRows
from faircore.groups import Groups
from faircore.metrics import count_cube, passed_thresholds
from faircore.metrics.score_measures import score_measures
from faircore.predictors import Inputs
from faircore.training.rows import EncodedRows


def inputs_of(
    dataset: Dataset, rows: NDArray[np.int64], encoded: NDArray[np.float32] | None = None
) -> Inputs:
    """Rows of a dataset as models may ask for them; without encoded columns unless given."""
    return Inputs(
        np.empty((len(rows), 0), np.float32) if encoded is None else encoded,
        dataset.sensitive.iloc[rows],
        dataset.features.iloc[rows],
        None if dataset.score is None else dataset.score[rows],
    )


class Measured(NamedTuple):
    """What is kept of a model's scores of a split: all that a frontier needs of them.

    Attributes
    ----------
    cube : ndarray, shape (t, g, 2, 2)
    measures : ndarray, shape (g + 1, 3)
        :func:`faircore.metrics.score_measures`.
    passed : ndarray of uint8, shape (n,)
        How many thresholds each row's score reaches.
    """

    cube: NDArray[np.float64]
    measures: NDArray[np.float64]
    passed: NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Prepared:
    """What every method of a sweep shares.

    Attributes
    ----------
    dataset : Dataset
    groups : Groups
        Every partition under audit, over all rows.
    splits : Splits
    encoder : Encoder
        Fitted on the train split alone.
    """

    dataset: Dataset
    groups: Groups
    splits: Splits
    encoder: Encoder
    _encoded: dict[str, NDArray[np.float32]] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, dataset: Dataset, *, split_seed: int = 0, splits: Splits | None = None) -> Prepared:
        """Split a dataset and fit the encoder."""
        splits = split_dataset(dataset, seed=split_seed) if splits is None else splits
        encoder = Encoder.fit(dataset.features.iloc[splits.train])
        return cls(dataset, Groups.of_dataset(dataset), splits, encoder)

    def rows(self, split: str) -> NDArray[np.int64]:
        """Row numbers of a split."""
        return self.splits.as_dict()[split]

    @cached_property
    def weights(self) -> NDArray[np.float64]:
        """Sample weights of mean 1, so that a weighted count reads as a number of people, (n,)."""
        return np.asarray(self.dataset.weights / self.dataset.weights.mean())

    def encoded(self, split: str) -> NDArray[np.float32]:
        """Encoded features of a split, (n, d)."""
        if split not in self._encoded:
            self._encoded[split] = self.encoder.transform(
                self.dataset.features.iloc[self.rows(split)]
            )
        return self._encoded[split]

    def inputs(self, split: str) -> Inputs:
        """Rows of a split as models may ask for them."""
        return inputs_of(self.dataset, self.rows(split), self.encoded(split))

    def attributes_of(self, partitions: Sequence[str]) -> list[tuple[str, ...]]:
        """Attributes of the named partitions (of all if none), in their order."""
        return [
            p.attributes for p in self.groups.partitions if not partitions or p.name in partitions
        ]

    def sample(self, split: str, *, partitions: Sequence[str] = ()) -> EncodedRows:
        """Rows of a split to train on, with the groups of the named partitions (all if none)."""
        rows = self.rows(split)
        groups = Groups.of(
            self.dataset.sensitive,
            partitions=self.attributes_of(partitions),
            levels=self.dataset.levels,
        )
        return EncodedRows(
            self.encoded(split),
            self.dataset.y_true[rows],
            groups.take(rows),
            self.dataset.weights[rows],
        )

    def cube(self, split: str, scores: NDArray[np.floating]) -> NDArray[np.float64]:
        """Count cube of scores of a split's rows, over every partition."""
        rows = self.rows(split)
        return count_cube(
            self.dataset.y_true[rows],
            scores,
            self.groups.take(rows),
            weights=self.weights[rows],
        )

    def measured(self, split: str, scores: NDArray[np.floating]) -> Measured:
        """Everything that is kept of scores of a split's rows."""
        rows = self.split_rows(split)
        measures = score_measures(rows.y_true, scores, rows.groups, rows.weights)
        return Measured(self.cube(split, scores), measures, passed_thresholds(scores))

    def split_rows(self, split: str) -> SplitRows:
        """Outcomes, groups and weights of a split's rows."""
        return SplitRows.of(self.dataset, self.groups, self.rows(split))

    def sizes(self, split: str) -> NDArray[np.int64]:
        """Rows per group of a split, shape (g,)."""
        return self.groups.take(self.rows(split)).sizes
