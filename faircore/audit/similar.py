"""Individual fairness of a whole set of decisions: by neighbours, and by spread of benefit."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from faircore.audit.entropy import benefits_of, entropy_between_groups, generalized_entropy
from faircore.audit.individual import Lipschitz, decision_gaps, neighbour_differences
from faircore.audit.model_inputs import as_rows
from faircore.audit.undefined import mean, plain
from faircore.data import Dataset, Encoder
from faircore.data.codes import column_codes
from faircore.errors import InputError
from faircore.groups import MISSING
from faircore.metrics.inputs import as_binary, as_scores


@dataclass(frozen=True)
class GroupConsistency:
    """Consistency of the people with one value of an attribute; NaN when there are none.

    Their neighbours are looked for among everybody.
    """

    attribute: str
    value: str
    n: int
    consistency: float


@dataclass(frozen=True, eq=False)
class SimilarPeople:
    """Whether people who are alike are treated alike, and how unequally benefits are spread.

    Attributes
    ----------
    n_people, n_rows : int
        People sampled for everything about neighbours, out of the rows given.
    n_neighbors : int
    consistency : float
        In [0, 1]; 1 when everybody is decided like their neighbours.
    groups : tuple of GroupConsistency
        By attribute and value; missing is a value where it occurs.
    lipschitz : Lipschitz, optional
        Given scores.
    entropy, theil : float
        Generalised entropy of the benefits of all rows given, with alpha 2 and 1. At least 0, and
        0 when everybody benefits alike; NaN when nobody benefits.
    entropy_between : dict of str to float
        For each attribute, the part of ``entropy`` that lies between its groups.
    """

    n_people: int
    n_rows: int
    n_neighbors: int
    consistency: float
    groups: tuple[GroupConsistency, ...]
    lipschitz: Lipschitz | None
    entropy: float
    theil: float
    entropy_between: dict[str, float]

    def to_frame(self) -> pd.DataFrame:
        """One row per group, with the fields of :class:`GroupConsistency` as columns."""
        names = [field.name for field in fields(GroupConsistency)]
        return pd.DataFrame([asdict(group) for group in self.groups], columns=names)

    def to_dict(self) -> dict[str, Any]:
        """Plain data that JSON can hold; None where undefined or infinite."""
        stored: dict[str, Any] = plain(asdict(self))
        return stored


def similar_people(
    dataset: Dataset,
    rows: Any,
    *,
    y_pred: Any,
    y_score: Any = None,
    n_neighbors: int = 5,
    max_people: int = 5_000,
    seed: int = 0,
) -> SimilarPeople:
    """Measure individual fairness of decisions, where likeness is by features alone.

    A feature counts in standard deviations, and another category as the square root of 2. What
    counts as alike is a judgement; this one takes every feature as a legitimate reason.

    Parameters
    ----------
    dataset : Dataset
        Its weights are used in every mean.
    rows : array of int, shape (m,)
        Row numbers of the people to look at.
    y_pred : array of 0 and 1, shape (m,)
        Their decisions, in the order of ``rows``.
    y_score : array, shape (m,), optional
        Their scores in [0, 1], in the same order.
    n_neighbors : int
    max_people : int
        A random sample of this size stands for more people, since neighbours take long to find.
    seed : int
        Of the sample.

    Returns
    -------
    SimilarPeople

    Raises
    ------
    InputError
        When rows are wrong, lengths differ, or there are too few people.
    """
    chosen = as_rows(rows, n_rows=dataset.n_rows)
    pred = as_binary(y_pred, name="y_pred")
    score = None if y_score is None else as_scores(y_score)
    for name, values in (("y_pred", pred), ("y_score", score)):
        if values is not None and len(values) != len(chosen):
            raise InputError(
                f"{name} must have one value per row number in rows; it has {len(values):,}, rows "
                f"{len(chosen):,}. Pass the values of these rows, in their order."
            )
    part = np.arange(len(chosen))
    if len(chosen) > max_people:
        part = np.sort(np.random.default_rng(seed).choice(part, max_people, replace=False))
    encoder = Encoder.fit(dataset.features.iloc[chosen])
    X = encoder.transform(dataset.features.iloc[chosen[part]])
    gaps, weights = decision_gaps(X, pred[part].astype(float), n_neighbors), dataset.weights[chosen]
    benefits = benefits_of(dataset.y_true[chosen], pred)
    return SimilarPeople(
        n_people=len(part),
        n_rows=len(chosen),
        n_neighbors=n_neighbors,
        consistency=1 - mean(gaps, weights[part]),
        groups=_by_group(dataset, chosen[part], gaps),
        lipschitz=None
        if score is None
        else neighbour_differences(X, score[part], n_neighbors=n_neighbors),
        entropy=generalized_entropy(benefits, weights=weights),
        theil=generalized_entropy(benefits, alpha=1, weights=weights),
        entropy_between={
            name: entropy_between_groups(
                benefits, column_codes(dataset.sensitive[name].iloc[chosen]), weights=weights
            )
            for name in dataset.levels
        },
    )


def _by_group(
    dataset: Dataset, rows: NDArray[np.int64], gaps: NDArray[np.float64]
) -> tuple[GroupConsistency, ...]:
    """Consistency of each value of each attribute, from the gaps (n,) of the rows (n,)."""
    found = []
    for name, levels in dataset.levels.items():
        column, weights = dataset.sensitive[name].iloc[rows], dataset.weights[rows]
        members = {value: column.isin([value]).to_numpy() for value in levels}
        if column.isna().any():
            members[MISSING] = column.isna().to_numpy()
        found += [
            GroupConsistency(name, value, int(of.sum()), 1 - mean(gaps[of], weights[of]))
            for value, of in members.items()
        ]
    return tuple(found)
