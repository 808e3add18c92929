"""Models that read repaired columns: each row is moved as its group was while they learned."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from faircore.errors import InputError
from faircore.predictors.group_key import GroupKey
from faircore.predictors.inputs import Inputs
from faircore.predictors.thresholded import BASE, below

if TYPE_CHECKING:
    from faircore.predictors import Predictor

Floats = NDArray[np.float64]
Codes = NDArray[np.intp]
Read = Callable[[dict[str, Any]], "Predictor"]

_KIND = "repair.kind"


def quantile_repair(
    X: NDArray[np.floating], codes: Codes, knots: Floats, target: Floats, amount: float
) -> Floats:
    """Move each value to the target's value at its rank within its group.

    Parameters
    ----------
    X : ndarray, shape (n, d)
    codes : ndarray of int, shape (n,)
        Group of each row; -1 for none, whose rank is that among everybody.
    knots : ndarray, shape (g + 1, d, q)
        Quantile functions of each group, and last of everybody, at q ranks evenly from 0 to 1.
    target : ndarray, shape (d, q)
        A column whose target is not finite is left alone.
    amount : float
        Share of the way that is gone, 0 to 1.

    Returns
    -------
    ndarray of float64, shape (n, d)
        A missing or infinite value stays what it is.

    Notes
    -----
    Feldman, Friedler, Moeller, Scheidegger and Venkatasubramanian 2015, geometric repair. Ranks are
    compared in single precision, so that a table read as float32 is moved as the same table in
    float64. A value that several knots share has the middle of their ranks, and so have those
    beyond the first and the last knot.
    """
    moved = np.array(X, np.float64)
    if not amount:
        return moved
    ranks = np.linspace(0.0, 1.0, target.shape[1])
    columns = np.flatnonzero(np.isfinite(target).all(axis=1))
    for group in np.unique(codes):
        rows = np.flatnonzero(codes == group)
        for j in columns:
            x = moved[rows, j]
            there = np.isfinite(x)
            at = np.interp(_rank(x[there], knots[group, j]), ranks, target[j])
            moved[rows[there], j] = (1 - amount) * x[there] + amount * at
    return moved


def _rank(x: Floats, knots: Floats) -> Floats:
    """Rank of each value in [0, 1], by the knots of its group."""
    values = x.astype(np.float32)
    levels, first, count = np.unique(
        knots.astype(np.float32), return_index=True, return_counts=True
    )
    step = 1 / max(len(knots) - 1, 1)
    left, right = first * step, (first + count - 1) * step
    place = np.clip(np.searchsorted(levels, values, side="right") - 1, 0, None)
    after = np.minimum(place + 1, len(levels) - 1)
    width = np.where(after > place, levels[after] - levels[place], 1.0)
    between = right[place] + (left[after] - right[place]) * ((values - levels[place]) / width)
    outside = (values <= levels[place]) | (after == place)
    ranks: Floats = np.where(outside, (left + right)[place] / 2, between)
    return ranks


def linear_repair(
    X: NDArray[np.floating], codes: Codes, mean: Floats, beta: Floats, amount: float
) -> Floats:
    """Take from each row what its group says of it: ``X - amount (onehot(group) - mean) @ beta``.

    Parameters
    ----------
    X : ndarray, shape (n, d)
    codes : ndarray of int, shape (n,)
        A row of no group, -1, is left as it is.
    mean : ndarray, shape (g,)
        Share of each group.
    beta : ndarray, shape (g, d)
    amount : float
        0 to 1.

    Returns
    -------
    ndarray of float64, shape (n, d)
    """
    shift = np.vstack([beta - mean @ beta, np.zeros(beta.shape[1])])
    moved: Floats = np.asarray(X, np.float64) - amount * shift[codes]
    return moved


@dataclass(frozen=True, eq=False)
class _Moved:
    """A model whose rows are moved before it reads them."""

    base: Predictor
    key: GroupKey

    _adjective: ClassVar[str] = "moved"

    @property
    def needs_groups(self) -> tuple[str, ...]:
        """Sensitive attributes it must be told."""
        return tuple(dict.fromkeys((*self.key.attributes, *self.base.needs_groups)))

    @property
    def n_features(self) -> int | None:
        """Encoded columns it expects."""
        return self.base.n_features

    @property
    def shape_text(self) -> str:
        """Its shape in words."""
        return f"{self.base.shape_text} over {self._adjective} columns"

    def scores(self, inputs: Inputs) -> Floats:
        """Score of the good outcome of each row, (n,): the base's of the moved row.

        Raises
        ------
        InputError
            When an attribute or the right number of encoded columns is missing, or a row's group
            is not known and such rows are to be refused.
        """
        d = self._width()
        if inputs.encoded.ndim != 2 or inputs.encoded.shape[1] != d:
            raise InputError(
                f"The repair expects {d} encoded columns; got an array of shape "
                f"{inputs.encoded.shape}. Encode the rows with the encoder it was learned with."
            )
        codes = self.key.codes(inputs.attributes(self.key.attributes))
        encoded = self._repair(inputs.encoded, codes).astype(np.float32)
        return self.base.scores(replace(inputs, encoded=encoded))

    def _width(self) -> int:
        raise NotImplementedError

    def _repair(self, X: NDArray[np.float32], codes: Codes) -> Floats:
        raise NotImplementedError

    def _arrays(self, kind: str, **own: Any) -> dict[str, NDArray[Any]]:
        """What both write."""
        return {
            _KIND: np.frombuffer(kind.encode(), np.uint8).copy(),
            "repair.key": self.key.to_array(),
            **{f"repair.{name}": np.asarray(value, np.float64) for name, value in own.items()},
            **{BASE + name: array for name, array in self.base.to_arrays().items()},
        }


@dataclass(frozen=True, eq=False)
class Repaired(_Moved):
    """A model over columns whose distribution was made alike in every group.

    Attributes
    ----------
    base : Predictor
    key : GroupKey
    knots : ndarray of float64, shape (g + 1, d, q)
        See :func:`quantile_repair`; the last is for rows of no known group.
    target : ndarray of float64, shape (d, q)
        NaN for a column that is left alone.
    amount : float
        0 to 1.
    kind : {"geometric"}
        How a part of the repair is made: that share of the way to the target.
    """

    knots: Floats
    target: Floats
    amount: float = 1.0
    kind: Literal["geometric"] = "geometric"

    _adjective: ClassVar[str] = "repaired"

    def __post_init__(self) -> None:
        shape = (self.key.n_groups + 1, *self.target.shape)
        if self.knots.shape != shape or self.kind != "geometric" or not 0 <= self.amount <= 1:
            raise InputError(
                f"A repair of {self.key.n_groups} groups needs knots of shape {shape}, the kind "
                "'geometric' and an amount between 0 and 1. Fit it again."
            )

    def _width(self) -> int:
        return len(self.target)

    def _repair(self, X: NDArray[np.float32], codes: Codes) -> Floats:
        return quantile_repair(X, codes, self.knots, self.target, self.amount)

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Named arrays, for safetensors."""
        own = {"knots": self.knots, "target": self.target, "amount": [self.amount]}
        return self._arrays(self.kind, **own)

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]], read: Read) -> Repaired:
        """Read what :meth:`to_arrays` wrote; ``read`` reads the base."""
        return cls(
            read(below(arrays, BASE)),
            GroupKey.from_array(arrays["repair.key"]),
            arrays["repair.knots"].astype(np.float64),
            arrays["repair.target"].astype(np.float64),
            float(arrays["repair.amount"][0]),
        )


@dataclass(frozen=True, eq=False)
class Decorrelated(_Moved):
    """A model over columns that are uncorrelated with the group.

    Attributes
    ----------
    base : Predictor
    key : GroupKey
    mean : ndarray of float64, shape (g,)
        Share of each group; see :func:`linear_repair`.
    beta : ndarray of float64, shape (g, d)
    amount : float
        0 to 1.
    """

    mean: Floats
    beta: Floats
    amount: float = 1.0

    _adjective: ClassVar[str] = "decorrelated"

    def __post_init__(self) -> None:
        g = self.key.n_groups
        if self.mean.shape != (g,) or self.beta.shape[:1] != (g,) or not 0 <= self.amount <= 1:
            raise InputError(
                f"A decorrelation by {g} groups needs a mean and a row of beta per group and an "
                "amount between 0 and 1. Fit it again."
            )

    def _width(self) -> int:
        return int(self.beta.shape[1])

    def _repair(self, X: NDArray[np.float32], codes: Codes) -> Floats:
        return linear_repair(X, codes, self.mean, self.beta, self.amount)

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Named arrays, for safetensors."""
        return self._arrays("linear", mean=self.mean, beta=self.beta, amount=[self.amount])

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]], read: Read) -> Decorrelated:
        """Read what :meth:`to_arrays` wrote; ``read`` reads the base."""
        return cls(
            read(below(arrays, BASE)),
            GroupKey.from_array(arrays["repair.key"]),
            arrays["repair.mean"].astype(np.float64),
            arrays["repair.beta"].astype(np.float64),
            float(arrays["repair.amount"][0]),
        )


def repaired_from_arrays(arrays: Mapping[str, NDArray[Any]], read: Read) -> Repaired | Decorrelated:
    """Read what ``to_arrays`` of either wrote: arrays with a ``repair.kind``."""
    linear = arrays[_KIND].astype(np.uint8).tobytes() == b"linear"
    return Decorrelated.from_arrays(arrays, read) if linear else Repaired.from_arrays(arrays, read)
