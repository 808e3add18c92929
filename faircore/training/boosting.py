"""Boosted trees whose gradient is that of the log loss plus eta times a penalty of all rows."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import expit

from faircore.errors import InputError
from faircore.penalties import Penalty, PenaltyOptions
from faircore.penalties.options import DEFAULT
from faircore.predictors.trees import Trees
from faircore.training.batches import DeviceRows
from faircore.training.charges import Charge, PenaltyCharge
from faircore.training.config import TrainingConfig
from faircore.training.parallel import OnProgress, train_in_threads
from faircore.training.rows import EncodedRows, Trained

Row = dict[str, float]
OnEpoch = Callable[[int, Row], None]
Floats = NDArray[np.floating]

_ROWS = 48  # rounds kept in a history, beside the best and the last
_FASTER = 1.2  # a learning rate that was halved grows again, round by round
_CERTAIN = 1e-6  # no base rate is nearer to 0 or 1, so that its log-odds are finite


@dataclass(frozen=True)
class BoostingConfig:
    """How boosted trees are trained.

    Attributes
    ----------
    n_rounds, n_leaves, learning_rate : int, int, float
        Trees, at most; leaves per tree, 2 or more; share of each tree's step that is taken.
    min_rows, l2 : int, float
        Fewest rows in a leaf; ridge penalty on its value, in units of the Hessian.
    patience : int
        Rounds without improvement on the select split after which a candidate stops, counted from
        the end of the warm-up; 0 to never stop early.
    warmup_rounds : int
        Fewer than ``n_rounds``. In round r of them eta is ``eta * r / (warmup_rounds + 1)``.
    sharpness : float
        The penalty sees ``sigmoid(sharpness * score)``: above 1, closer to hard decisions.
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
    row_share: float = 1.0
    column_share: float = 1.0
    fine_tune_rate: float = 0.1

    def __post_init__(self) -> None:
        # Plain types, so that equal configurations have equal JSON and equal trial ids.
        for name in ("n_rounds", "n_leaves", "min_rows", "patience", "warmup_rounds"):
            object.__setattr__(self, name, int(getattr(self, name)))
        shares = ("row_share", "column_share", "fine_tune_rate")
        for name in ("learning_rate", "l2", "sharpness", *shares):
            object.__setattr__(self, name, float(getattr(self, name)))
        for name, least in (("n_rounds", 1), ("n_leaves", 2), ("min_rows", 1), ("patience", 0)):
            self._check(name, getattr(self, name) >= least, f"{least} or more")
        self._check("warmup_rounds", 0 <= self.warmup_rounds < self.n_rounds, "0 to n_rounds - 1")
        for name in ("learning_rate", "sharpness"):
            self._check(name, 0 < getattr(self, name) < math.inf, "above 0")
        self._check("l2", 0 <= self.l2 < math.inf, "zero or more")
        for name in shares:
            self._check(name, 0 < getattr(self, name) <= 1, "above 0 and at most 1")

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
        Rows to learn from; rows each candidate's best round is chosen on. NaN is missing.
    penalty, options, on_epoch, on_progress, threads
        As in :func:`faircore.training.train_stacks`; ``options.memory`` means nothing here.
    trials : sequence of (eta, seed)
        Strength of the penalty, zero or more; seed of what is drawn at random.
    config : BoostingConfig
    start : Trees or lightgbm.Booster, optional
        A fitted model of the same columns to go on from, instead of from the base rate. The
        predictors hold its trees and the new ones.

    Yields
    ------
    Trained
        As soon as each is done. ``history`` holds at most 50 rounds, from 0, the start.

    Raises
    ------
    InputError
        When a strength is negative or ``start`` is of another kind or of other columns.
    """
    if not all(0 <= eta < math.inf for eta, _ in trials):
        found = [eta for eta, _ in trials]
        raise InputError(f"The strengths must be zero or more; they are {found}. Change them.")
    start = start if start is None or isinstance(start, Trees) else Trees.from_booster(start)
    forest = _Forest(train, select, config, options.crossed_weight, start)
    threads = threads or len(os.sched_getaffinity(0))
    schedule = TrainingConfig(
        epochs=config.n_rounds, warmup_epochs=config.warmup_rounds, sharpness=config.sharpness
    )
    whole = replace(options, memory=0.0)  # every round sees all rows

    def some(part: Sequence[tuple[float, int]], report: OnEpoch) -> Iterator[Trained]:
        for position, (eta, seed) in enumerate(part):
            charge = PenaltyCharge(
                penalty, torch.tensor([float(eta)]), schedule, select.groups.partitions, whole
            )
            one = forest.grow(charge, seed, partial(report, position))
            yield one

    yield from train_in_threads(
        some, trials, config.n_rounds, on_progress=on_progress, on_epoch=on_epoch,
        threads=threads, together=1,
    )  # fmt: skip


class _Forest:
    """What all candidates share: binned rows, groups, and where they start."""

    def __init__(
        self,
        train: EncodedRows,
        select: EncodedRows,
        config: BoostingConfig,
        crossed_weight: float,
        start: Trees | None,
    ) -> None:
        import lightgbm as lgb  # with scikit-learn, 2 s that not every program need pay

        rate = np.average(train.y, weights=train.unit_weights).clip(_CERTAIN, 1 - _CERTAIN)
        constant = Trees.constant(float(np.log(rate / (1 - rate))), train.X.shape[1])
        self.config, self.start = config, constant if start is None else start
        self._rate = config.learning_rate * (1.0 if start is None else config.fine_tune_rate)
        self._learn = _Rows(train, self.start, crossed_weight)
        self._judge = _Rows(select, self.start, crossed_weight)
        # Binned once: boosters only read it, so all of them may at the same time.
        given = {"feature_pre_filter": False, "verbosity": -1, "num_threads": 1}
        self._binned = lgb.Dataset(train.X, train.y, params=given).construct()
        self._judged = self._binned.create_valid(select.X, select.y, params=given).construct()
        # It refuses to boost when no column has two bins.
        self._splits = any(map(self._binned.feature_num_bin, range(train.X.shape[1])))

    def grow(self, charge: Charge, seed: int, report: Callable[[Row], None]) -> Trained:
        """Train one candidate."""
        started, warm, booster = time.perf_counter(), self.config.warmup_rounds, self._booster(seed)
        one = Trained(0, failure="it never reached a finite loss")
        best, trees, stuck, rate, low = math.inf, 0, not self._splits, self._rate, math.inf
        for epoch in range(self.config.n_rounds + 1):
            if epoch and self._splits:
                stuck = booster.update(fobj=partial(self._learn.gradient, charge, epoch))
            now = _judged(booster.eval_train, self._learn, charge, epoch)[0]
            # The Hessian ignores the charge: steps that overshoot are taken back, and made shorter.
            before = rate
            if now > low and epoch > warm and not stuck:
                booster.rollback_one_iter()
                rate /= 2
            else:
                low, rate = now, min(self._rate, rate * _FASTER)
            if rate != before:
                booster.reset_parameter({"learning_rate": rate})
            score, row = _judged(booster.eval_valid, self._judge, charge, epoch)
            one.history.append(row)
            if epoch:
                report(row)
            # Where it starts is a model too; other rounds count once the warm-up is over.
            if score < best and (epoch > warm or epoch == 0):
                best, trees = score, booster.num_trees()
                one.best_epoch, one.failure = epoch, None
            if not math.isfinite(score):
                one.note = f"Its loss was no number after round {epoch}; the best before is kept."
            waited = epoch - max(one.best_epoch, warm)
            if one.note or (stuck and waited > 0) or 0 < self.config.patience <= waited:
                break
        if one.failure is None:
            one.predictor = self.start.followed_by(Trees.from_booster(booster, 0.0, trees))
        one.history = _thinned(one.history, one.best_epoch)
        one.fit_seconds = time.perf_counter() - started
        return one

    def _booster(self, seed: int) -> Any:
        import lightgbm as lgb

        config = self.config
        given = {
            "objective": "none", "learning_rate": self._rate, "num_leaves": config.n_leaves,
            "min_data_in_leaf": config.min_rows, "lambda_l2": config.l2, "seed": seed,
            "bagging_fraction": config.row_share, "bagging_freq": int(config.row_share < 1),
            "feature_fraction": config.column_share, "verbosity": -1,
            # Candidates are trained side by side, and sums keep their order.
            "num_threads": 1, "deterministic": True, "force_row_wise": True,
        }  # fmt: skip
        return lgb.Booster(given, self._binned).add_valid(self._judged, "select")


class _Rows:
    """Rows of a split, and the scores they start from."""

    def __init__(self, rows: EncodedRows, start: Trees, crossed: float) -> None:
        self.y, self.weights = rows.y, rows.unit_weights
        self.total = float(self.weights.sum())
        self.offset = start.raw_scores(rows.X)
        # A charge looks at scores alone. Who is in which group is worked out once for all rounds.
        self.tensors = t = DeviceRows(replace(rows, X=rows.X[:, :0]), "cpu", crossed_weight=crossed)
        t.groups = t.groups.with_member(t.y, t.weights)

    @np.errstate(all="ignore")  # a score that is no number ends the training with a sentence
    def gradient(self, charge: Charge, epoch: int, raw: Floats, _: Any) -> tuple[Floats, Floats]:
        """Gradient and Hessian of the summed log loss plus what is charged, (n,) each."""
        raw = raw + self.offset
        score = expit(raw)
        gradient = self.weights * (score - self.y)
        extra = charge.gradient(
            torch.as_tensor(raw, dtype=torch.float32)[None], self.tensors, epoch
        )
        if extra is not None:
            # The log loss is summed here and a mean elsewhere, so what is charged is scaled alike.
            gradient += self.total * extra[0].numpy()
        return gradient.astype(np.float32), (self.weights * score * (1 - score)).astype(np.float32)

    @np.errstate(all="ignore")
    def judged(self, raw: Floats, charge: Charge, epoch: int) -> tuple[float, Row]:
        """What the best round is chosen by, and the row of history."""
        raw = raw + self.offset
        # Summed, as a product of vectors would wake threads of BLAS.
        loss = float(((np.logaddexp(0, raw) - self.y * raw) * self.weights).sum()) / self.total
        found = charge.judge(
            torch.as_tensor(raw, dtype=torch.float32)[None],
            self.tensors,
            torch.tensor([loss]),
            epoch,
        )
        row = {"epoch": float(epoch), "loss": loss}
        return float(found.score[0]), row | {k: float(v[0]) for k, v in found.columns.items()}


def _judged(evaluate: Any, rows: _Rows, charge: Charge, epoch: int) -> tuple[float, Row]:
    """Judge a booster on a split, whose scores LightGBM keeps up to date."""
    found: list[tuple[float, Row]] = []

    def judge(raw: Floats, _: Any) -> tuple[str, float, bool]:
        found.append(rows.judged(raw, charge, epoch))
        return "judged", 0.0, False

    evaluate(judge)
    return found[0]


def _thinned(history: list[Row], best: int) -> list[Row]:
    """Rows at even distances, the best and the last."""
    kept = {*range(0, len(history), -(-len(history) // _ROWS)), len(history) - 1}
    return [row for i, row in enumerate(history) if i in kept or row["epoch"] == best]
