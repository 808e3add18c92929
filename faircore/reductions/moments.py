"""Constraints over several partitions at once and a weighted error, for Fairlearn's reductions.

Both follow the protocol of ``fairlearn.reductions.ClassificationMoment``: with one partition and
without weights they are what Fairlearn's own moments of the same name are. Formulas: Agarwal et
al. 2018, *A reductions approach to fair classification*, section 2 and examples 3 and 4.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from fairlearn.reductions import ClassificationMoment
from numpy.typing import NDArray

from faircore.errors import InputError
from faircore.groups import Groups

Floats = NDArray[np.float64]

_SIGNS = ("+", "-")
_NAMES = ("sign", "event", "group_id")

# Which outcomes the rows have whose selection rate is bounded; None for all rows.
CONSTRAINTS: dict[str, tuple[int | None, ...]] = {
    "demographic_parity": (None,),
    "equal_opportunity": (1,),
    "equalized_odds": (0, 1),
    "predictive_equality": (0,),
    "false_positive_rate_parity": (0,),
}


def find_constraint(name: str) -> tuple[int | None, ...]:
    """Outcomes a constraint looks at, or say which constraints there are."""
    if name not in CONSTRAINTS:
        raise InputError(
            f"There is no constraint {name!r}. Choose one of {', '.join(CONSTRAINTS)}, or pass a "
            "moment of fairlearn.reductions."
        )
    return CONSTRAINTS[name]


class PartitionParity(ClassificationMoment):  # type: ignore[misc]
    """Each group's selection rate is near that of everybody, in every partition.

    Row i counts ``w_i`` times. In an event e (all rows, or those of one outcome) group g has the
    rate ``r(e, g)``, and all rows of the event the rate ``r(e)``; both ``r(e, g) - r(e)`` and its
    negative are bounded by the tolerance of the partition g belongs to. A group without weight in
    an event has no constraint there.

    Parameters
    ----------
    constraint : str
        A name in :data:`CONSTRAINTS`.
    tolerances : sequence of float
        One bound per partition, 0 to 1.

    Attributes
    ----------
    index : MultiIndex (sign, event, group_id)
        A pair of constraints per event and group; ``group_id`` is the group's number in Groups.
    total_samples : float
        Sum of the weights: rows of weight 2 are two rows.
    """

    def __init__(self, constraint: str, tolerances: Sequence[float]) -> None:
        super().__init__()
        self.outcomes = find_constraint(constraint)
        self.tolerances = tuple(tolerances)

    def load_data(
        self,
        X: Any,
        y: NDArray[np.int64],
        *,
        sensitive_features: Groups,
        sample_weight: Floats | None = None,
    ) -> None:
        """Take the rows; once only.

        Parameters
        ----------
        X : array or DataFrame, n rows
        y : ndarray of 0 and 1, shape (n,)
        sensitive_features : Groups
        sample_weight : ndarray, shape (n,), optional
        """
        super().load_data(X, pd.Series(np.asarray(y)))
        self._weights = np.ones(len(y)) if sample_weight is None else np.asarray(sample_weight)
        self._total = float(self._weights.sum())
        self._groups = groups = sensitive_features
        # Weight of each row in each event, (e, n): zero for the rows that are not in it.
        inside = [np.ones(len(y), bool) if o is None else np.asarray(y) == o for o in self.outcomes]
        self._inside = np.where(np.stack(inside), self._weights, 0.0)
        self._share = np.stack([self._sums(row) for row in self._inside]) / self._total  # (e, g)
        self._event_share = self._inside.sum(axis=1) / self._total
        self._event, self._group = np.nonzero(self._share > 0)
        starts = [p.start for p in groups.partitions]
        self._partition = np.searchsorted(starts, self._group, side="right") - 1
        events = np.array(["all" if o is None else f"label={o}" for o in self.outcomes], object)
        one = [events[self._event].tolist(), self._group.tolist()]
        signs = np.repeat(_SIGNS, len(self._event)).tolist()
        self._index = pd.MultiIndex.from_arrays([signs, one[0] * 2, one[1] * 2], names=_NAMES)
        bounds = np.array(self.tolerances, np.float64)[np.tile(self._partition, 2)]
        self._bound = pd.Series(bounds, self._index)
        self.default_objective_lambda_vec = None
        self._set_basis()

    @property
    def index(self) -> pd.MultiIndex:
        """Names of the constraints."""
        return self._index

    @property
    def total_samples(self) -> float:
        """Sum of the weights."""
        return self._total

    def default_objective(self) -> WeightedErrorRate:
        """Objective that counts the rows alike."""
        return WeightedErrorRate()

    def bound(self) -> pd.Series[float]:
        """Largest value allowed of each constraint."""
        return self._bound

    def gamma(self, predictor: Callable[[Any], Any]) -> pd.Series[float]:
        """Distance of each group's rate from everybody's, and its negative."""
        said = np.asarray(predictor(self.X), np.float64).ravel()
        apart = np.empty(len(self._event))
        for e, inside in enumerate(self._inside):
            here, chosen = self._event == e, inside * said
            group = self._group[here]
            rate = self._sums(chosen)[group] / (self._share[e, group] * self._total)
            apart[here] = rate - chosen.sum() / (self._event_share[e] * self._total)
        return pd.Series(np.concatenate([apart, -apart]), self._index)

    def signed_weights(self, lambda_vec: pd.Series[float]) -> pd.Series[float]:
        """Gain of selecting each row under the multipliers, (n,)."""
        signed = self._signed(lambda_vec)
        gain = np.zeros(len(self._weights))
        for e, inside in enumerate(self._inside):
            here = self._event == e
            if not here.any():
                continue
            of_group = np.zeros(self._groups.n_groups)
            of_group[self._group[here]] = signed[here] / self._share[e, self._group[here]]
            charge = of_group[self._groups.codes].sum(axis=0)
            gain += inside * (signed[here].sum() / self._event_share[e] - charge)
        return pd.Series(gain)

    def project_lambda(self, lambda_vec: pd.Series[float]) -> pd.Series[float]:
        """Multipliers of smallest sum that say the same of every classifier.

        In an event, the rates of a partition's groups average to everybody's. Multipliers moved
        along the groups' shares therefore say the same; moved by a weighted median, their absolute
        values have the smallest sum.
        """
        signed = self._signed(lambda_vec)
        for e in range(len(self.outcomes)):
            for p in range(len(self._groups.partitions)):
                here = (self._event == e) & (self._partition == p)
                share = self._share[e, self._group[here]]
                if share.size:
                    signed[here] -= share * _median(signed[here] / share, share)
        both = np.concatenate([signed.clip(min=0.0), (-signed).clip(min=0.0)])
        return pd.Series(both, self._index)

    def _signed(self, lambda_vec: pd.Series[float]) -> Floats:
        """Multiplier of each pair: the first less the second."""
        both = lambda_vec.reindex(self._index).to_numpy(np.float64)
        half = len(both) // 2
        difference: Floats = both[:half] - both[half:]
        return difference

    def _sums(self, values: Floats) -> Floats:
        """Sum over each group's rows, (g,)."""
        found = np.zeros(self._groups.n_groups)
        for codes in self._groups.codes:
            found += np.bincount(codes, values, minlength=len(found))
        return found

    def _set_basis(self) -> None:
        """Directions a grid of multipliers runs along: all groups of a partition but the last."""
        place = {
            pair: k
            for k, pair in enumerate(zip(self._event.tolist(), self._group.tolist(), strict=True))
        }
        columns = [
            place[e, g]
            for e in _first_seen(self._inside.argmax(axis=0)[self._inside.any(axis=0)])
            for codes in self._groups.codes
            for g in _first_seen(codes)[:-1]
            if (e, g) in place
        ]
        self.pos_basis = pd.DataFrame(0.0, self._index, range(len(columns)))
        self.neg_basis = self.pos_basis.copy()
        for i, k in enumerate(columns):
            self.pos_basis.iloc[k, i] = self.neg_basis.iloc[len(place) + k, i] = 1.0
        self.neg_basis_present = pd.Series(True, range(len(columns)))


class WeightedErrorRate(ClassificationMoment):  # type: ignore[misc]
    """Share of the weight on rows that are predicted wrongly."""

    def load_data(
        self,
        X: Any,
        y: NDArray[np.int64],
        *,
        sensitive_features: Any = None,
        sample_weight: Floats | None = None,
    ) -> None:
        """Take the rows, as :meth:`PartitionParity.load_data` does; groups mean nothing here."""
        super().load_data(X, pd.Series(np.asarray(y)))
        self._weights = np.ones(len(y)) if sample_weight is None else np.asarray(sample_weight)
        self._total = float(self._weights.sum())

    @property
    def index(self) -> list[str]:
        """One value, of all rows."""
        return ["all"]

    @property
    def total_samples(self) -> float:
        """Sum of the weights."""
        return self._total

    def gamma(self, predictor: Callable[[Any], Any]) -> pd.Series[float]:
        """Weighted error rate, 0 to 1."""
        said = np.asarray(predictor(self.X), np.float64).ravel()
        wrong = np.abs(said - self._y_as_series.to_numpy())
        return pd.Series([float((self._weights * wrong).sum()) / self._total], self.index)

    def signed_weights(self, lambda_vec: pd.Series[float] | None = None) -> pd.Series[float]:
        """Gain of selecting each row, (n,)."""
        gain = self._weights * (2.0 * self._y_as_series.to_numpy() - 1.0)
        return pd.Series(gain if lambda_vec is None else lambda_vec["all"] * gain)


def _median(values: Floats, weights: Floats) -> float:
    """Smallest value below or at which half of the weight lies."""
    order = np.argsort(values, kind="stable")
    below = np.cumsum(weights[order])
    place = int(np.searchsorted(below, weights.sum() / 2))
    return float(values[order[min(place, len(order) - 1)]])


def _first_seen(codes: NDArray[Any]) -> list[int]:
    """Distinct codes in the order they appear."""
    found, place = np.unique(codes, return_index=True)
    return [int(c) for c in found[np.argsort(place)]]
