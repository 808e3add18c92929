"""The same optimum by plain means: all cuts, all pairs of groups, dense; and tables to try."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import linprog

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Table:
    """Scores, outcomes, labels and weights of n rows."""

    scores: Array
    y: NDArray[np.int64]
    labels: pd.DataFrame
    weights: Array

    @property
    def fit(self) -> dict[str, Any]:
        """Arguments of ``fit``."""
        return {
            "scores": self.scores, "y_true": self.y,
            "sensitive_features": self.labels, "sample_weight": self.weights,
        }  # fmt: skip


def table(
    n: int,
    seed: int,
    *,
    attributes: int = 1,
    groups: int = 3,
    levels: int = 0,
    weighted: bool = True,
) -> Table:
    """Groups that differ in base rate and in how well they can be told apart.

    ``levels`` rounds the scores, so that there are ties.
    """
    rng = np.random.default_rng(seed)
    labels = pd.DataFrame({f"a{j}": rng.integers(0, groups, n) for j in range(attributes)})
    z = rng.normal(size=n) + 0.6 * labels.sum(axis=1).to_numpy()
    y = (rng.random(n) < 1 / (1 + np.exp(-1.5 * z + 0.5))).astype(int)
    scores = 1 / (1 + np.exp(-z - rng.normal(size=n)))
    scores = np.round(scores * levels) / levels if levels else scores
    return Table(scores, y, labels.astype(str), rng.exponential(1.0, n) if weighted else np.ones(n))


def _measures(constraint: str, norm: str) -> list[tuple[str, float, float]]:
    """Denominator and what false and true positive rates count."""
    return {
        "demographic_parity": [("selected", 1.0, 1.0)],
        "equal_opportunity": [("rates", 0.0, 1.0)],
        "predictive_equality": [("rates", 1.0, 0.0)],
        "equalized_odds": [("rates", 1.0, 0.0), ("rates", 0.0, 1.0)]
        if norm == "linf"
        else [
            ("rates", 1.0, 1.0),
            ("rates", 1.0, -1.0),
            ("rates", -1.0, 1.0),
            ("rates", -1.0, -1.0),
            # For pairs of which one group has one rate only.
            ("rates", 1.0, 0.0),
            ("rates", 0.0, 1.0),
        ],
    }[constraint]


@dataclass(frozen=True, eq=False)
class Cuts:
    """Every cut of every cell: whom it selects, one column each."""

    cells: list[tuple[str, ...]]
    cell: NDArray[np.intp]
    chosen: NDArray[np.bool_]  # (n, cuts)


def all_cuts(data: Table, attributes: Sequence[str], few: Sequence[tuple[str, ...]] = ()) -> Cuts:
    """Cuts of each cell; the cells of ``few`` share theirs."""
    rows = [tuple(row) for row in data.labels[list(attributes)].itertuples(index=False)]
    rows = [("few",) if row in few else row for row in rows]
    cells = sorted(set(rows))
    cell, columns = [], []
    for number, name in enumerate(cells):
        own = np.array([row == name for row in rows])
        for cut in [np.inf, *np.unique(data.scores[own & (data.weights > 0)])]:
            cell.append(number)
            columns.append(own & (data.scores >= cut))
    return Cuts(cells, np.array(cell), np.stack(columns, axis=1))


def pairs(
    data: Table, cuts: Cuts, partition: Sequence[str], constraint: str, norm: str
) -> Iterator[Array]:
    """Difference between two groups as a linear form of the shares, for all ordered pairs."""
    names = [tuple(row) for row in data.labels[list(partition)].itertuples(index=False)]
    good = data.y == 1
    for kind, of_fp, of_tp in _measures(constraint, norm):
        forms = []
        for group in sorted(set(names)):
            own = np.array([name == group for name in names]) * data.weights
            negatives, positives = own @ ~good, own @ good
            fp, tp = (own * ~good) @ cuts.chosen, (own * good) @ cuts.chosen
            if kind == "selected":
                forms.append((fp + tp) / (negatives + positives))
            elif (negatives or not of_fp) and (positives or not of_tp):
                form = np.zeros(cuts.chosen.shape[1])
                form += of_fp * fp / negatives if of_fp else 0.0
                form += of_tp * tp / positives if of_tp else 0.0
                forms.append(form)
        yield from (one - other for one, other in itertools.permutations(forms, 2))


def best_cost(
    data: Table,
    limits: dict[str, float],
    *,
    partitions: Sequence[Sequence[str]],
    norm: str = "linf",
    costs: tuple[float, float] = (1.0, 1.0),
    selection: tuple[float, float] = (0.0, 1.0),
    few: Sequence[tuple[str, ...]] = (),
) -> float:
    """Least cost of any mixture of cuts per cell within the limits."""
    attributes = list(dict.fromkeys(a for p in partitions for a in p))
    cuts, good, total = all_cuts(data, attributes, few), data.y == 1, data.weights.sum()
    cost = (costs[0] * (data.weights * ~good) - costs[1] * (data.weights * good)) @ cuts.chosen
    rows, ends = [], []
    for constraint, limit in limits.items():
        for partition in partitions:
            for form in pairs(data, cuts, partition, constraint, norm):
                rows.append(form)
                ends.append(limit)
    selected = data.weights @ cuts.chosen / total
    rows += [selected, -selected]
    ends += [selection[1], -selection[0]]
    one_each = np.equal.outer(np.arange(len(cuts.cells)), cuts.cell).astype(float)
    found = linprog(cost / total, A_ub=np.stack(rows), b_ub=ends, A_eq=one_each,
                    b_eq=np.ones(len(cuts.cells)), method="highs")  # fmt: skip
    assert found.status == 0
    return float(found.fun + costs[1] * (data.weights @ good) / total)


def best_single(
    data: Table,
    limits: dict[str, float],
    *,
    partitions: Sequence[Sequence[str]],
    norm: str = "linf",
    costs: tuple[float, float] = (1.0, 1.0),
    selection: tuple[float, float] = (0.0, 1.0),
) -> float:
    """Least cost of one cut per cell within the limits, by trying all; infinite without any."""
    attributes = list(dict.fromkeys(a for p in partitions for a in p))
    cuts, good, total = all_cuts(data, attributes), data.y == 1, data.weights.sum()
    cost = (costs[0] * (data.weights * ~good) - costs[1] * (data.weights * good)) @ cuts.chosen
    choices = np.array([*itertools.product(
        *(np.flatnonzero(cuts.cell == number) for number in range(len(cuts.cells)))
    )])  # fmt: skip
    allowed = np.ones(len(choices), bool)
    for constraint, limit in limits.items():
        for partition in partitions:
            for form in pairs(data, cuts, partition, constraint, norm):
                allowed &= form[choices].sum(axis=1) <= limit + 1e-9
    share = (data.weights @ cuts.chosen / total)[choices].sum(axis=1)
    allowed &= (share >= selection[0] - 1e-9) & (share <= selection[1] + 1e-9)
    if not allowed.any():
        return float("inf")
    least = (cost / total)[choices].sum(axis=1)[allowed].min()
    return float(least + costs[1] * (data.weights @ good) / total)
