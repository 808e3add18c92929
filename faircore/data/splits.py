"""Four disjoint parts of a dataset: train, calibrate, select and the sealed certify."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from faircore.data.codes import column_codes, cross_codes
from faircore.data.dataset import Dataset
from faircore.data.quotas import round_quotas
from faircore.errors import InputError

PARTS = ("train", "calibrate", "select", "certify")
SHARES = (0.5, 0.15, 0.15, 0.2)

_Rows = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Splits:
    """Row numbers of each part; disjoint, sorted, together every row.

    Attributes
    ----------
    train, calibrate, select, certify : ndarray of int64
        Row numbers from 0.
    seed : int
    shares : tuple of float
        The shares asked for, in the same order.
    """

    train: _Rows
    calibrate: _Rows
    select: _Rows
    certify: _Rows
    seed: int
    shares: tuple[float, float, float, float]

    def as_dict(self) -> dict[str, _Rows]:
        """Row numbers by the name of the part."""
        return {part: getattr(self, part) for part in PARTS}


def split_dataset(
    dataset: Dataset, *, seed: int = 0, shares: tuple[float, float, float, float] = SHARES
) -> Splits:
    """Split a dataset; see :func:`split_rows`."""
    return split_rows(
        dataset.y_true,
        dataset.sensitive,
        entity=dataset.entity,
        time=dataset.time,
        seed=seed,
        shares=shares,
    )


def split_rows(
    y_true: NDArray[Any],
    sensitive: pd.DataFrame,
    *,
    entity: NDArray[Any] | None = None,
    time: NDArray[Any] | None = None,
    seed: int = 0,
    shares: tuple[float, float, float, float] = SHARES,
) -> Splits:
    """Split rows into four parts.

    Without ``entity`` and ``time``, every stratum (target × all sensitive attributes crossed) has
    its share of each part to within one row, and so has the whole.

    Parameters
    ----------
    y_true : ndarray, shape (n,)
    sensitive : pandas.DataFrame, shape (n, attributes)
        Group labels; missing is a group.
    entity : ndarray, shape (n,), optional
        Rows of one entity stay together. Entities, not rows, then have their shares.
    time : ndarray, shape (n,), optional
        Sortable, none missing. Earliest rows train, latest certify, and equal times stay
        together. With ``entity`` as well, each entity goes where its last row belongs, so that no
        training row is later than the cut.
    seed : int
        Seed of the random order; unused with ``time``.
    shares : tuple of four float
        Positive, with sum 1.

    Returns
    -------
    Splits

    Raises
    ------
    InputError
        When the shares are wrong or some part would be empty.
    """
    if len(shares) != 4 or min(shares) <= 0 or abs(sum(shares) - 1) > 1e-9:
        raise InputError(
            "The shares of train, calibrate, select and certify must be four numbers above 0 with "
            f"sum 1, and they are {shares}. Correct them."
        )
    n = len(y_true)
    unit = np.arange(n) if entity is None else pd.factorize(entity, use_na_sentinel=False)[0]
    if time is not None:
        part_of_unit = _by_time(unit, np.asarray(time), shares)
    else:
        strata = _strata(np.asarray(y_true), sensitive, unit, grouped=entity is not None)
        part_of_unit = _by_stratum(strata, shares, np.random.default_rng(seed))
    part = part_of_unit[unit]
    rows = [np.flatnonzero(part == k).astype(np.int64) for k in range(4)]
    for name, of_part in zip(PARTS, rows, strict=True):
        if len(of_part) == 0:
            what = "points in time" if time is not None else "rows" if entity is None else "people"
            raise InputError(
                f"The {name} part would be empty, since there are too few different {what}. "
                "Add data or change the shares."
            )
    return Splits(rows[0], rows[1], rows[2], rows[3], seed, shares)


def _strata(
    y_true: NDArray[Any], sensitive: pd.DataFrame, unit: NDArray[Any], *, grouped: bool
) -> NDArray[np.int64]:
    """Stratum of each unit (units,): its row's target × attributes, or those of its rows."""
    columns = [column_codes(sensitive[name]) for name in sensitive]
    positive = np.unique(y_true, return_inverse=True)[1].astype(np.int64)
    if not grouped:
        return cross_codes([positive, *columns])
    n_units = int(unit.max()) + 1
    ever = np.zeros(n_units, dtype=np.int64)
    np.maximum.at(ever, unit, positive)
    first = np.unique(unit, return_index=True)[1]
    # Entities of one size share a stratum, so that shares of entities are shares of rows too.
    size = np.minimum(np.bincount(unit, minlength=n_units), 5)
    return cross_codes([ever, size, *(column[first] for column in columns)])


def _by_stratum(
    strata: NDArray[np.int64], shares: tuple[float, ...], rng: np.random.Generator
) -> NDArray[np.int64]:
    """Part of each unit (units,), in random order within each stratum."""
    sizes = np.bincount(strata)
    ends = np.cumsum(round_quotas(sizes, shares, rng=rng), axis=1)  # (strata, 4)
    shuffled = rng.permutation(len(strata))
    order = shuffled[np.argsort(strata[shuffled], kind="stable")]
    starts = np.cumsum(sizes) - sizes
    place = np.arange(len(strata)) - starts[strata[order]]
    part = np.empty(len(strata), dtype=np.int64)
    part[order] = (place[:, None] >= ends[strata[order]]).sum(axis=1)
    return part


def _by_time(
    unit: NDArray[Any], time: NDArray[Any], shares: tuple[float, ...]
) -> NDArray[np.int64]:
    """Part of each unit (units,) by its latest time, cut where the row count is nearest."""
    times, of_row = np.unique(time, return_inverse=True)
    last = np.zeros(int(unit.max()) + 1, dtype=np.int64)
    np.maximum.at(last, unit, of_row)
    ends = np.cumsum(np.bincount(last[unit], minlength=len(times)))
    cuts = [np.abs(ends - share * len(unit)).argmin() for share in np.cumsum(shares)[:3]]
    return np.searchsorted(np.asarray(cuts), last, side="left").astype(np.int64)
