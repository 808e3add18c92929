"""How networks are trained."""

from __future__ import annotations

import math
from dataclasses import dataclass

from faircore.errors import InputError

RAMPS = ("linear", "cosine", "step")


@dataclass(frozen=True)
class TrainingConfig:
    """How networks are trained.

    Attributes
    ----------
    hidden : tuple of int
        Units per hidden layer; empty for logistic regression.
    epochs : int
    batch_size : int, optional
        By default a sixteenth of the training rows, at least 64 and at most 512, so that a small
        table gets enough steps.
    learning_rate, clip_norm : float
        Adam's step; the largest gradient norm of one candidate.
    patience : int
        Epochs without improvement on the select split after which a candidate stops, 1 or more;
        they are counted from the end of the warm-up.
    warmup_epochs : int
        Epochs before eta is reached in full, so that a network first learns to predict. Fewer
        than ``epochs``.
    ramp : str
        How eta rises in epoch e of the warm-up: ``linear`` is ``e / (warmup_epochs + 1)``,
        ``cosine`` starts and ends gently, ``step`` is 0 until the warm-up is over.
    sharpness : float
        The penalty sees ``sigmoid(sharpness * logit)``: above 1, closer to hard decisions.
    stream_seed : int
        Order of the minibatches, shared by all candidates.

    Raises
    ------
    InputError
        When a value is outside its range.
    """

    hidden: tuple[int, ...] = (64,)
    epochs: int = 20
    batch_size: int | None = None
    learning_rate: float = 0.002
    clip_norm: float = 1.0
    patience: int = 5
    warmup_epochs: int = 0
    ramp: str = "linear"
    sharpness: float = 1.0
    stream_seed: int = 0

    def __post_init__(self) -> None:
        # Plain types, so that equal configurations have equal JSON and equal trial ids.
        object.__setattr__(self, "hidden", tuple(int(units) for units in self.hidden))
        if self.batch_size is not None:
            object.__setattr__(self, "batch_size", int(self.batch_size))
            self._check("batch_size", self.batch_size >= 1, "1 or more")
        for name in ("epochs", "patience", "warmup_epochs", "stream_seed"):
            object.__setattr__(self, name, int(getattr(self, name)))
        for name in ("learning_rate", "clip_norm", "sharpness"):
            object.__setattr__(self, name, float(getattr(self, name)))
        self._check("hidden", all(units >= 1 for units in self.hidden), "units of 1 or more")
        for name in ("epochs", "patience"):
            self._check(name, getattr(self, name) >= 1, "1 or more")
        for name in ("learning_rate", "clip_norm", "sharpness"):
            self._check(name, 0 < getattr(self, name) < float("inf"), "above 0")
        self._check("warmup_epochs", 0 <= self.warmup_epochs < self.epochs, "0 to epochs - 1")
        self._check("ramp", self.ramp in RAMPS, " or ".join(RAMPS))
        self._check("stream_seed", self.stream_seed >= 0, "0 or more")

    def batch_size_for(self, n_rows: int) -> int:
        """Rows per step for so many training rows."""
        return self.batch_size or min(512, max(64, n_rows // 16))

    def share_of_eta(self, epoch: int) -> float:
        """Share of eta that is charged in an epoch, counted from 1."""
        if epoch > self.warmup_epochs:
            return 1.0
        done = epoch / (self.warmup_epochs + 1)
        if self.ramp == "step":
            return 0.0
        return done if self.ramp == "linear" else (1 - math.cos(math.pi * done)) / 2

    def _check(self, name: str, holds: bool, rule: str) -> None:
        if not holds:
            raise InputError(f"{name} must be {rule}; it is {getattr(self, name)!r}. Change it.")
