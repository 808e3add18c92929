"""Boosted trees that are charged for unfairness while they grow.

Each round LightGBM fits a tree to the gradient of the log loss plus that of eta times a penalty,
both with respect to the scores of all rows at once. Rounds are full batches, so nothing has to be
remembered between them.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import expit
from torch import Tensor

from faircore.errors import InputError
from faircore.metrics import confusion_counts
from faircore.penalties import GroupTensor, Penalty, PenaltyOptions
from faircore.penalties.options import DEFAULT
from faircore.predictors.trees import Trees
from faircore.training.charges import widest_gap
from faircore.training.parallel import OnProgress, train_in_threads
from faircore.training.rows import EncodedRows, Trained

Row = dict[str, float]
OnEpoch = Callable[[int, Row], None]

_ROWS = 48  # rounds kept in a history, beside the best and the last
_CERTAIN = 1e-6  # no base rate is nearer to 0 or 1, so that its log-odds are finite


@dataclass(frozen=True)
class BoostingConfig:
    """How boosted trees are trained.

    Attributes
    ----------
    n_rounds : int
        Trees, at most.
    n_leaves : int
        Leaves per tree, 2 or more.
    learning_rate : float
        Share of each tree's step that is taken.
    min_rows : int
        Fewest rows in a leaf.
    l2 : float
        Ridge penalty on a leaf's value, in units of the Hessian.
    patience : int
        Rounds without improvement on the select split after which a candidate stops, counted from
        the end of the warm-up; 0 to never stop early.
    warmup_rounds : int
        Rounds before eta is reached in full: in round r it is ``eta * r / (warmup_rounds + 1)``.
        Fewer than ``n_rounds``.
    sharpness : float
        The penalty sees ``sigmoid(sharpness * score)``: above 1, closer to hard decisions.
    damping : float
        So many times the size of the penalty's gradient is added to the Hessian, so that the
        penalty alone moves no leaf by more than ``1 / damping`` before the learning rate.
    row_share, column_share : float
        Share of rows and columns drawn for each tree, above 0 and at most 1. With 1 for both, a
        candidate's seed changes nothing.
    fine_tune_rate : float
        Share of the learning rate that is used on top of a given model, above 0 and at most 1.

    Raises
    ------
    InputError
        When a value is outside its range.
    """

    n_rounds: int = 200
    n_leaves: int = 31
    learning_rate: float = 0.1
    min_rows: int = 20
    l2: float = 0.0
    patience: int = 20
    warmup_rounds: int = 0
    sharpness: float = 1.0
    damping: float = 0.0
    row_share: float = 1.0
    column_share: float = 1.0
    fine_tune_rate: float = 0.1

    def __post_init__(self) -> None:
        # Plain types, so that equal configurations have equal JSON and equal trial ids.
        for name in ("n_rounds", "n_leaves", "min_rows", "patience", "warmup_rounds"):
            object.__setattr__(self, name, int(getattr(self, name)))
        shares = ("row_share", "column_share", "fine_tune_rate")
        for name in ("learning_rate", "l2", "sharpness", "damping", *shares):
            object.__setattr__(self, name, float(getattr(self, name)))
        for name, least in (("n_rounds", 1), ("n_leaves", 2), ("min_rows", 1), ("patience", 0)):
            self._check(name, getattr(self, name) >= least, f"{least} or more")
        self._check("warmup_rounds", 0 <= self.warmup_rounds < self.n_rounds, "0 to n_rounds - 1")
        for name in ("learning_rate", "sharpness"):
            self._check(name, 0 < getattr(self, name) < math.inf, "above 0")
        for name in ("l2", "damping"):
            self._check(name, 0 <= getattr(self, name) < math.inf, "zero or more")
        for name in shares:
            self._check(name, 0 < getattr(self, name) <= 1, "above 0 and at most 1")

    def share_of_eta(self, epoch: int) -> float:
        """Share of eta that is charged in a round, counted from 1."""
        return min(1.0, epoch / (self.warmup_rounds + 1))

    def _check(self, name: str, holds: bool, rule: str) -> None:
        if not holds:
            raise InputError(f"{name} must be {rule}; it is {getattr(self, name)!r}. Change it.")


def train_trees(
    train: EncodedRows,
    select: EncodedRows,
    *,
    penalty: Penalty,
    trials: Sequence[tuple[float, int]],
    config: BoostingConfig,
    options: PenaltyOptions = DEFAULT,
    start: Any = None,
    on_epoch: OnEpoch | None = None,
    on_progress: OnProgress | None = None,
    threads: int | None = None,
) -> Iterator[Trained]:
    """Train boosted trees per (eta, seed), over all cores; each is what it would be alone.

    Parameters
    ----------
    train, select : EncodedRows
        Rows to learn from; rows on which each candidate's best round is chosen. NaN is a missing
        value.
    penalty : Penalty
        One of :data:`faircore.penalties.PENALTIES`.
    trials : sequence of (eta, seed)
        Strength of the penalty, zero or more; seed of what is drawn at random.
    config : BoostingConfig
    options : PenaltyOptions
        ``memory`` means nothing here.
    start : Trees or lightgbm.Booster, optional
        A fitted model of the same columns to go on from, itself one of the rounds to choose from
        (round 0). The predictors hold its trees and the new ones.
    on_epoch : callable, optional
        Called after each round with a candidate's position and its row of history.
    on_progress : callable, optional
        Called with the share of the work done; either may raise to stop.
    threads : int, optional
        One per core by default.

    Yields
    ------
    Trained
        With ``position`` counting through ``trials``, as soon as each is done. ``history`` holds
        at most 50 rounds.

    Raises
    ------
    InputError
        When a strength is negative or ``start`` is of another kind or of other columns.
    """
    if not all(0 <= eta < math.inf for eta, _ in trials):
        raise InputError(
            f"The strengths of the penalty must be zero or more; they are {[e for e, _ in trials]}."
            " Change them."
        )
    if start is not None and not isinstance(start, Trees):
        start = Trees.from_booster(start)
    forest = _Forest(train, select, penalty, config, options, start)
    threads = threads or len(os.sched_getaffinity(0))

    def some(part: Sequence[tuple[float, int]], report: OnEpoch) -> Iterator[Trained]:
        for position, (eta, seed) in enumerate(part):
            one = forest.grow(eta, seed, partial(report, position))
            one.fit_seconds /= max(1, min(len(trials), threads))
            yield one

    yield from train_in_threads(
        some,
        trials,
        config.n_rounds,
        on_progress=on_progress,
        on_epoch=on_epoch,
        threads=threads,
        together=1,
    )


class _Forest:
    """What all candidates share: binned rows, groups, and where they start."""

    def __init__(
        self,
        train: EncodedRows,
        select: EncodedRows,
        penalty: Penalty,
        config: BoostingConfig,
        options: PenaltyOptions,
        start: Trees | None,
    ) -> None:
        import lightgbm as lgb  # with scikit-learn, 2 s that not every program need pay

        rate = np.average(train.y, weights=train.unit_weights).clip(_CERTAIN, 1 - _CERTAIN)
        self.base = float(np.log(rate / (1 - rate)))
        self.start, self.config = start, config
        self.learn, self.judge = (
            _Rows(
                rows,
                penalty,
                config,
                options,
                self.base if start is None else start.raw_scores(rows.X),
            )
            for rows in (train, select)
        )
        # Binned once: boosters only read it, so all of them may at the same time.
        given = {"feature_pre_filter": False, "verbosity": -1, "num_threads": 1}
        self._binned = lgb.Dataset(train.X, train.y, params=given).construct()
        self._judged = self._binned.create_valid(select.X, select.y, params=given).construct()

    def grow(self, eta: float, seed: int, report: Callable[[Row], None]) -> Trained:
        """Train one candidate."""
        started = time.perf_counter()
        booster, warm = self._booster(seed), self.config.warmup_rounds
        one = Trained(0, failure="it never reached a finite loss")
        best, trees = math.inf, 0
        for epoch in range(0 if self.start else 1, self.config.n_rounds + 1):
            stuck = epoch > 0 and self._round(booster, eta * self.config.share_of_eta(epoch))
            row = self._row(booster, epoch)
            one.history.append(row)
            score = row["loss"] + eta * row["penalty"]
            if not math.isfinite(score):
                one.note = (
                    f"Its loss was no longer a number after round {epoch}; the best before is kept."
                )
                break
            # Before the warm-up is over it is not yet what it is meant to be.
            if score < best and (epoch > warm or epoch == 0):
                best, trees = score, booster.num_trees()
                one.best_epoch, one.failure = epoch, None
            if epoch:
                report(row)
            if self._stops(epoch, one.best_epoch, stuck=stuck):
                break
        if one.failure is None:
            more = Trees.from_booster(booster, self.base, best_iteration=trees)
            one.predictor = more if self.start is None else self.start.followed_by(more)
        one.history = _thinned(one.history, one.best_epoch)
        one.fit_seconds = time.perf_counter() - started
        return one

    def _booster(self, seed: int) -> Any:
        import lightgbm as lgb

        config = self.config
        given = {
            "objective": "none",
            "metric": "none",
            "num_leaves": config.n_leaves,
            "learning_rate": config.learning_rate * (config.fine_tune_rate if self.start else 1.0),
            "min_data_in_leaf": config.min_rows,
            "lambda_l2": config.l2,
            "bagging_fraction": config.row_share,
            "bagging_freq": int(config.row_share < 1),
            "feature_fraction": config.column_share,
            "seed": seed,
            # One thread: candidates are trained side by side, and sums keep their order.
            "num_threads": 1,
            "deterministic": True,
            "force_row_wise": True,
            "verbosity": -1,
        }
        return lgb.Booster(given, self._binned).add_valid(self._judged, "select")

    def _round(self, booster: Any, eta: float) -> bool:
        """Grow a tree; whether no leaf could be split."""
        return bool(booster.update(fobj=lambda raw, _: self.learn.gradient(raw, eta)))

    def _row(self, booster: Any, epoch: int) -> Row:
        """Judge a booster on the select split, whose scores LightGBM keeps up to date."""
        rows: list[Row] = []

        def judge(raw: NDArray[np.float64], _: Any) -> tuple[str, float, bool]:
            rows.append({"epoch": float(epoch), **self.judge.judged(raw)})
            return "judged", 0.0, False

        booster.eval_valid(judge)
        return rows[0]

    def _stops(self, epoch: int, best_epoch: int, *, stuck: bool) -> bool:
        config, waited = self.config, epoch - max(best_epoch, self.config.warmup_rounds)
        random = config.row_share < 1 or config.column_share < 1  # another draw may split
        return (config.patience > 0 and waited >= config.patience) or (
            stuck and not random and waited > 0
        )


class _Rows:
    """Rows of a split as loss and penalty see them; raw scores come without the offset."""

    def __init__(
        self,
        rows: EncodedRows,
        penalty: Penalty,
        config: BoostingConfig,
        options: PenaltyOptions,
        offset: float | NDArray[np.float64],
    ) -> None:
        self.rows, self.penalty, self.options, self.offset = rows, penalty, options, offset
        self.damping = config.damping
        self.sharpness = 1.0 if penalty.on_scores else config.sharpness
        self.weights = rows.unit_weights
        self.total = float(self.weights.sum())
        self._y = torch.as_tensor(rows.y, dtype=torch.float32)
        self._weights = torch.as_tensor(self.weights, dtype=torch.float32)
        groups = GroupTensor.of(rows.groups, crossed_weight=options.crossed_weight)
        self._groups = groups.with_member(self._y, self._weights)

    def gradient(
        self, raw: NDArray[np.float64], eta: float
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Gradient and Hessian of the summed log loss plus eta times the penalty, (n,) each."""
        raw = raw + self.offset
        score = expit(raw)
        gradient = self.weights * (score - self.rows.y)
        hessian = self.weights * score * (1 - score)
        if eta:
            leaf = torch.as_tensor(raw, dtype=torch.float32).requires_grad_()
            (slope,) = torch.autograd.grad(self._charge(leaf), leaf)
            # The log loss is summed here and a mean elsewhere, so the penalty is scaled alike.
            push = eta * self.total * slope.numpy().astype(np.float64)
            gradient += push
            hessian += self.damping * np.abs(push)
        return gradient.astype(np.float32), hessian.astype(np.float32)

    def judged(self, raw: NDArray[np.float64]) -> Row:
        """Mean log loss in nats, penalty, and the widest hard gap."""
        raw, rows = raw + self.offset, self.rows
        losses = np.logaddexp(0, raw) - rows.y * raw
        with torch.no_grad():
            penalty = float(self._charge(torch.as_tensor(raw, dtype=torch.float32)))
        chosen = (raw >= 0).astype(np.int8)
        counts = confusion_counts(rows.y, chosen, rows.groups, self.weights)
        gap = widest_gap(counts, rows.groups.partitions, self.penalty.disparity)
        loss = float(losses @ self.weights) / self.total
        return {"loss": loss, "penalty": penalty, "gap": float(gap)}

    def _charge(self, raw: Tensor) -> Tensor:
        probs = torch.sigmoid(raw * self.sharpness)
        return self.penalty.function(probs, self._y, self._groups, self._weights, self.options)


def _thinned(history: list[Row], best_epoch: int) -> list[Row]:
    """Rows at even distances, the best and the last."""
    step = -(-len(history) // _ROWS)
    last = len(history) - 1
    return [
        row
        for i, row in enumerate(history)
        if i % step == 0 or i == last or row["epoch"] == best_epoch
    ]
