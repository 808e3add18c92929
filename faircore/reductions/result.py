"""What a reduction finds: models, how much each counts, and which bounds they keep."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from fairlearn.reductions import ExponentiatedGradient, GridSearch, Moment
from numpy.typing import NDArray

from faircore.groups import Groups
from faircore.reductions.gaps import SLACK, blend, excess, gap_table, note_of, worst
from faircore.reductions.members import Oracle, forget_rows


@dataclass(frozen=True, eq=False)
class Reduced:
    """Models and how they are mixed. It holds no row it was trained on.

    Attributes
    ----------
    predictors : tuple of fitted estimators
        On the classes 0 and 1. Those of weight above 0; all of them after a grid search.
    weights : ndarray, shape (m,)
        Sum to 1; after a grid search, 1 for the model chosen and 0 for others.
    convergence : DataFrame
        After the exponentiated gradient a row per iteration: ``iteration``, ``lambda_norm`` (sum
        of the multipliers), ``linprog_lambda_norm`` (the same where the linear programme was
        solved, else NaN) and ``kept``, the iteration whose mixture it is. After a grid search a
        row per model: ``model``, ``lambda_norm``, ``error``, ``gap``, ``seconds`` and ``kept``.
    best_gap : float
        Duality gap of the mixture, as Fairlearn has it; NaN after a grid search.
    n_oracle_calls : int
        Fits Fairlearn asked for, constant models included.
    gaps : DataFrame
        Of the mixture on the rows learned from, see :func:`faircore.reductions.gaps.gap_table`.
    gap, smallest_gap : float
        Gap where the bounds are missed most, or met most narrowly: of the mixture, and of
        whatever was found nearest to the bounds.
    feasible : bool
        Whether every bound is met, but for 0.001.
    note : str
        What is not met, in sentences; else empty.
    fit_seconds : float
    """

    predictors: tuple[Any, ...]
    weights: NDArray[np.float64]
    convergence: pd.DataFrame
    best_gap: float
    n_oracle_calls: int
    gaps: pd.DataFrame
    gap: float
    smallest_gap: float
    feasible: bool
    note: str
    fit_seconds: float


def collect(search: Any, groups: Groups, started: float) -> Reduced:
    """Take out of Fairlearn's search what is worth keeping, and let go of the rest."""
    gradient = isinstance(search, ExponentiatedGradient)
    found = list(search.predictors_)
    weights = np.zeros(len(found))
    if gradient:
        weights[search.weights_.index] = search.weights_.to_numpy()
    else:
        weights[search.best_idx_] = 1.0
    moment = search.constraints_
    table = partial(gap_table, bound=_bound(moment), groups=groups)
    used = np.flatnonzero(weights > 0)
    share = weights[used] / weights[used].sum()
    gaps = table(blend([moment.gamma(found[i].predict) for i in used], share))
    closest = gaps
    if excess(gaps) > SLACK:
        alone = (table(moment.gamma(member.predict)) for member in found)
        closest = min([gaps, *alone], key=excess)
    kept = [found[i] for i in used] if gradient else found
    predictors = tuple(m.model if isinstance(m, Oracle) else m for m in kept)
    for predictor in predictors:
        forget_rows(predictor)
    return Reduced(
        predictors=predictors,
        weights=weights[used] if gradient else weights,
        convergence=_iterations(search) if gradient else _grid(search),
        best_gap=float(search.best_gap_) if gradient else math.nan,
        n_oracle_calls=int(search.n_oracle_calls_) if gradient else len(found),
        gaps=gaps,
        gap=worst(gaps)[0],
        smallest_gap=worst(closest)[0],
        feasible=excess(gaps) <= SLACK,
        note=note_of(gaps, closest),
        fit_seconds=time.perf_counter() - started,
    )


def _bound(moment: Moment) -> pd.Series[float]:
    """Bounds of a loaded moment; a moment without any allows everything."""
    try:
        bound: pd.Series[float] = moment.bound()
    except ValueError:
        bound = pd.Series(np.inf, moment.index)
    return bound


def _iterations(search: ExponentiatedGradient) -> pd.DataFrame:
    norms = search.lambda_vecs_EG_.abs().sum()
    linprog = search.lambda_vecs_LP_.abs().sum() if len(search.lambda_vecs_LP_.columns) else None
    table = pd.DataFrame({"iteration": norms.index, "lambda_norm": norms.to_numpy()})
    found = np.full(len(table), np.nan) if linprog is None else linprog.reindex(norms.index)
    table["linprog_lambda_norm"] = np.asarray(found, np.float64)
    table["kept"] = table["iteration"] == search.best_iter_
    return table


def _grid(search: GridSearch) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "model": np.arange(len(search.predictors_)),
            "lambda_norm": search.lambda_vecs_.abs().sum().to_numpy(),
            "error": np.asarray(search.objectives_, np.float64),
            "gap": search.gammas_.max().to_numpy(),
            "seconds": np.asarray(search.oracle_execution_times_, np.float64),
            "kept": np.arange(len(search.predictors_)) == search.best_idx_,
        }
    )
