"""Training under constraints: the loss falls while multipliers price what is violated.

Two players on two time-scales (Cotter et al. 2019). The model follows the gradient of the loss
plus multipliers times smooth rates, each batch. The multipliers follow the *hard* rates, those of
decisions, over the rows of an epoch. Both are of the same rates, so that a multiplier never grows
on something the model has no gradient for.

References
----------
Cotter, Jiang & Sridharan (2019), Two-player games for efficient non-convex constrained
optimization, ALT.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn

from faircore.groups import Partition
from faircore.metrics import MIN_PEOPLE
from faircore.penalties import Penalty, PenaltyOptions, RunningPenalty, soft_counts
from faircore.training.batches import DeviceRows
from faircore.training.charges import Judgement, hard_counts
from faircore.training.comparisons import ROUNDING, Comparisons, widest
from faircore.training.constraints import UNCONSTRAINED, Constraint
from faircore.training.learners import Learner, ModuleLearner, StackLearner
from faircore.training.loop import OnEpoch, default_device, train
from faircore.training.multipliers import LagrangianConfig, Multipliers
from faircore.training.parallel import OnProgress, fit_threads, train_in_threads
from faircore.training.rows import EncodedRows, Trained

DEFAULT = LagrangianConfig()
__all__ = ["DEFAULT", "LagrangianCharge", "LagrangianConfig", "train_lagrangian", "train_module"]


class LagrangianCharge:
    """Multipliers times violations.

    Parameters
    ----------
    constraints : sequence of Constraint
    tolerances : sequence of float, k of them
        For constraints without one of their own; 1 lifts all constraints.
    partitions : sequence of Partition
        Of the rows learned from and judged on.
    config : LagrangianConfig
    steps : int
        Minibatches per epoch.
    device : str

    Attributes
    ----------
    multipliers : Multipliers
    """

    def __init__(
        self,
        constraints: Sequence[Constraint],
        tolerances: Sequence[float],
        partitions: Sequence[Partition],
        config: LagrangianConfig,
        *,
        steps: int,
        device: str = "cpu",
    ) -> None:
        self._config, self._steps = config, steps
        self._options = PenaltyOptions(small_group=config.small_group, memory=config.memory)
        self._comparisons = Comparisons(constraints, partitions, device)
        self._tolerances = self._comparisons.tolerances(tolerances)  # (k, b)
        self.multipliers = Multipliers(
            len(tolerances),
            self._comparisons.signed,
            rate=config.dual_rate,
            bound=config.max_multiplier,
            kappa_p=config.kappa_p if config.dual_update == "pi" else 0.0,
            nu=config.nu,
        )
        self._running = RunningPenalty(Penalty("", "", "", self._price), self._options)
        self._seen: Tensor | None = None  # hard counts of the epoch so far
        self._followed: Tensor | None = None  # counts that multipliers follow
        self._taken = 0  # steps so far
        self._positions = torch.arange(len(tolerances))
        self._notes = [""] * len(tolerances)
        self._best = torch.full((len(tolerances),), torch.inf, dtype=torch.float64, device=device)
        self._idle = torch.zeros_like(self._best)
        self._streak = torch.zeros_like(self._best)

    def gradient(self, logits: Tensor, rows: DeviceRows, epoch: int) -> Tensor | None:
        """Gradient of multipliers times smooth violations, (k, n)."""
        grad = None
        if self.multipliers.any:
            leaf = logits.detach().requires_grad_()
            price = self._running(self._probs(leaf), rows.y, rows.groups, rows.weights)
            (grad,) = torch.autograd.grad(price.sum(), leaf)
        elif self._config.memory:
            self._running(self._probs(logits), rows.y, rows.groups, rows.weights)
        self._follow(logits, rows)
        self._taken, every = self._taken + 1, self._config.dual_every
        warm = epoch > self._config.training.warmup_epochs
        if every != "epoch" and warm and self._taken % every == 0:
            self._move(share=every / self._steps)
        return grad

    def judge(self, logits: Tensor, rows: DeviceRows, loss: Tensor, epoch: int) -> Judgement:
        """Rank epochs that meet the constraints by loss, before all that do not, by violation.

        Epochs in which nothing could be judged come last.
        """
        counts = hard_counts(logits, rows.y, rows.groups, rows.weights).double()
        soft = soft_counts(self._probs(logits), rows.y, rows.groups, rows.weights).double()
        seen = torch.zeros_like(counts) if self._seen is None else self._seen  # nothing at epoch 0
        gaps, soft_gaps, seen_gaps = (
            self._comparisons.gaps(one, min_people=MIN_PEOPLE) for one in (counts, soft, seen)
        )
        self._seen = None
        if self._config.dual_every == "epoch":
            if epoch >= self._config.training.warmup_epochs:
                self._move()
            self._followed = None
        violation = widest(gaps - self._tolerances)
        free = (self._tolerances >= UNCONSTRAINED).all(1)
        met = (violation <= ROUNDING) | free
        # Both parts are in [-1, 0): a loss, whatever its size, never outranks a violation.
        rank = -1 / (1 + loss.double())
        score = torch.where(met, rank, torch.where(torch.isnan(violation), 2 + rank, violation))
        score = torch.where(torch.isfinite(loss), score, torch.nan)
        columns = {
            "violation": violation,
            "train_violation": widest(seen_gaps - self._tolerances),
            "gap": widest(gaps),
            "train_gap": widest(seen_gaps),
            "soft_gap": widest(soft_gaps),
            "satisfied": met.to(loss.dtype),
        }
        done = self._wait(score, met, violation, free, counts, gaps, epoch)
        return Judgement(score, columns | self._comparisons.largest(self.multipliers.values), done)

    def keep(self, candidates: Tensor) -> None:
        """Go on with some of the candidates only."""
        self.multipliers.keep(candidates)
        self._running.keep(candidates)
        self._tolerances, self._best = self._tolerances[candidates], self._best[candidates]
        self._idle, self._streak = self._idle[candidates], self._streak[candidates]
        self._positions = self._positions[candidates.cpu()]
        if self._followed is not None:
            self._followed = self._followed[candidates]

    def note(self, position: int) -> str:
        """What somebody should know of the best epoch of a candidate, by its place at the start."""
        return self._notes[position]

    def _probs(self, logits: Tensor) -> Tensor:
        return torch.sigmoid(self._config.training.sharpness * logits)

    def _price(self, counts: Tensor, _: object, options: PenaltyOptions) -> Tensor:
        """Sum of multipliers times differences, (k, g, 2, 2) to (k,); tolerances have no slope."""
        differences, trust = self._comparisons.differences(counts, options)
        return (self.multipliers.values.to(counts.dtype) * trust * differences).sum(-1)

    def _follow(self, logits: Tensor, rows: DeviceRows) -> None:
        counts = hard_counts(logits, rows.y, rows.groups, rows.weights).double()
        self._seen = counts if self._seen is None else self._seen + counts
        if self._config.follow == "soft":
            probs = self._probs(logits)
            counts = soft_counts(probs, rows.y, rows.groups, rows.weights).double()
        carried = 1.0 if self._config.dual_every == "epoch" else self._config.memory
        self._followed = counts if self._followed is None else carried * self._followed + counts

    def _move(self, *, share: float = 1.0) -> None:
        """Move the multipliers by what they follow."""
        if self._followed is None:
            return
        aim = self._tolerances * (1 - self._config.margin)
        aim = torch.where(self._tolerances < UNCONSTRAINED, aim, self._tolerances)
        violation = self._comparisons.violations(self._followed, aim, self._options)
        self.multipliers.step(violation, share=share)

    def _wait(
        self, score: Tensor, met: Tensor, violation: Tensor, free: Tensor,
        counts: Tensor, gaps: Tensor, epoch: int,
    ) -> Tensor:  # fmt: skip
        """Note what is best so far; say which candidates need no further epoch, (k,)."""
        training = self._config.training
        if 0 < epoch <= training.warmup_epochs:
            return torch.zeros_like(met)
        better = score < self._best
        self._best = torch.minimum(self._best, torch.nan_to_num(score, nan=torch.inf))
        for i in torch.nonzero(better & ~free).flatten().tolist():
            self._notes[int(self._positions[i])] = self._comparisons.say(
                counts[i], gaps[i], self._tolerances[i], min_people=MIN_PEOPLE
            )
        counted = met | torch.isnan(violation)
        self._idle = torch.where(better, 0.0, self._idle + counted)
        self._streak = torch.where(met & ~free, self._streak + 1, 0.0)
        enough = self._config.stop_when_satisfied
        stop = self._streak >= enough if enough else torch.zeros_like(met)
        return stop | (self._idle >= training.patience)


def train_lagrangian(
    train_rows: EncodedRows,
    select: EncodedRows,
    *,
    constraints: Sequence[Constraint],
    trials: Sequence[tuple[float, int]],
    config: LagrangianConfig = DEFAULT,
    on_progress: OnProgress | None = None,
    on_epoch: OnEpoch | None = None,
    threads: int | None = None,
) -> Iterator[Trained]:
    """Train one network per (tolerance, seed) under constraints, over all cores or on the GPU.

    Parameters
    ----------
    train_rows, select : EncodedRows
        Rows to learn from; rows on which each candidate's best epoch is chosen.
    constraints : sequence of Constraint
        One without a tolerance takes that of the trial.
    trials : sequence of (tolerance, seed)
        A tolerance of 1 lifts all constraints: that is plain training.
    config : LagrangianConfig
    on_progress, on_epoch : callable, optional
        As in :func:`faircore.training.train_in_threads`; what they raise stops.
    threads : int, optional
        One per core by default.

    Yields
    ------
    Trained
        With ``position`` counting through ``trials``, as soon as each has stopped. Its best epoch
        is the one of lowest loss among those that meet the constraints on the select split; where
        none does, that of the smallest violation, and its ``note`` says so.
    """

    def some(part: Sequence[tuple[float, int]], report: OnEpoch) -> Iterator[Trained]:
        device, seeds = default_device(), [seed for _, seed in part]
        learner = StackLearner(train_rows.X.shape[1], seeds, config.training, device)
        tolerances = [tolerance for tolerance, _ in part]
        rows = (train_rows, select)
        yield from _train(learner, *rows, constraints, tolerances, config, report, device)

    return train_in_threads(
        some, trials, config.training.epochs, on_progress=on_progress, on_epoch=on_epoch,
        threads=threads,
    )  # fmt: skip


def train_module(
    module: nn.Module,
    train_rows: EncodedRows,
    select: EncodedRows,
    *,
    constraints: Sequence[Constraint],
    tolerance: float = 0.02,
    config: LagrangianConfig = DEFAULT,
    on_epoch: OnEpoch | None = None,
) -> Trained:
    """Train a copy of a module under constraints; the module itself is left as it is.

    Parameters
    ----------
    module : nn.Module
        Takes (n, d) and returns logits of shape (n,) or (n, 1).
    train_rows, select : EncodedRows
    constraints : sequence of Constraint
    tolerance : float
        For constraints without one.
    config : LagrangianConfig
        The layers of ``training`` are not used.
    on_epoch : callable, optional
    """
    device = default_device()
    learner = ModuleLearner(copy.deepcopy(module), config.training, device)
    with fit_threads(module):
        (trained,) = _train(
            learner, train_rows, select, constraints, [tolerance], config, on_epoch, device
        )
    return trained


def _train(
    learner: Learner, train_rows: EncodedRows, select: EncodedRows,
    constraints: Sequence[Constraint], tolerances: Sequence[float],
    config: LagrangianConfig, on_epoch: OnEpoch | None, device: str,
) -> Iterator[Trained]:  # fmt: skip
    learn, judge = DeviceRows(train_rows, device), DeviceRows(select, device)
    steps = -(-learn.n // config.training.batch_size_for(learn.n))
    charge = LagrangianCharge(
        constraints, tolerances, select.groups.partitions, config, steps=steps, device=device
    )
    # The charge is patient by itself: it knows which epochs are to be held against a candidate.
    training = replace(config.training, patience=config.training.epochs)
    for one in train(learner, charge, learn, judge, config=training, on_epoch=on_epoch):
        if one.predictor is not None:
            one.note = " ".join(filter(None, [charge.note(one.position), one.note]))
        yield one
