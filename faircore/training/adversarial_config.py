"""How a model and its adversary are trained."""

from __future__ import annotations

import math
from dataclasses import dataclass

from faircore.errors import InputError

GOALS = {
    "demographic_parity": "demographic_parity_difference",
    "equalized_odds": "equalized_odds_difference",
}


@dataclass(frozen=True)
class AdversarialConfig:
    """How a model and its adversary are trained.

    Attributes
    ----------
    goal : str
        ``demographic_parity``, or ``equalized_odds``: the adversary is told the outcome.
    on : str
        What the adversary sees: ``output``, the logit and the probability; ``representation``,
        what goes into the model's last ``nn.Linear``; or what a named submodule returns.
    epochs, warmup_epochs, ramp_epochs : int
        Passes in all; the first of them, in which the adversary learns but does not act; those
        after, in which the strength rises. At least one pass follows the warm-up.
    ramp : str
        How it rises: ``linear``, or ``sigmoid``, Ganin & Lempitsky's ``2 / (1 + exp(-10 p)) - 1``.
    coupling : str
        ``reversal``, or ``projection``: the model also forgoes whatever would help the adversary
        (Zhang, Lemoine & Mitchell 2018).
    batch_size : int, optional
        As in :class:`faircore.TrainingConfig`.
    learning_rate, adversary_learning_rate : float
        Adam's steps. The adversary's is larger: its answer must be near its best for the reversed
        gradient to point away from what it knows.
    adversary_hidden : tuple of int
        Hidden units of the adversary; empty for a linear one.
    adversary_steps : int
        Steps of the adversary per step of the model, 1 or more.
    pretraining_epochs : int
        Passes of the adversary alone, between warm-up and ramp.
    clip_norm : float
        Largest gradient norm of either.
    patience : int
        As in :class:`faircore.TrainingConfig`, counted from the end of the ramp.
    stream_seed : int
        Order of the minibatches.

    Raises
    ------
    InputError
        When a value is outside its range.
    """

    goal: str = "demographic_parity"
    on: str = "output"
    epochs: int = 20
    warmup_epochs: int = 2
    ramp_epochs: int = 3
    ramp: str = "linear"
    coupling: str = "reversal"
    batch_size: int | None = None
    learning_rate: float = 0.002
    adversary_learning_rate: float = 0.01
    adversary_hidden: tuple[int, ...] = (32,)
    adversary_steps: int = 3
    pretraining_epochs: int = 0
    clip_norm: float = 1.0
    patience: int = 8
    stream_seed: int = 0

    def __post_init__(self) -> None:
        whole = ("epochs", "adversary_steps", "patience", "warmup_epochs", "ramp_epochs",
                 "pretraining_epochs", "stream_seed")  # fmt: skip
        # Plain types, so that equal configurations have equal JSON and equal trial ids.
        object.__setattr__(self, "adversary_hidden", tuple(int(u) for u in self.adversary_hidden))
        if self.batch_size is not None:
            object.__setattr__(self, "batch_size", int(self.batch_size))
            self._check("batch_size", self.batch_size >= 1, "1 or more")
        for name in whole:
            object.__setattr__(self, name, int(getattr(self, name)))
            least = 1 if name in whole[:3] else 0
            self._check(name, getattr(self, name) >= least, f"{least} or more")
        for name in ("learning_rate", "adversary_learning_rate", "clip_norm"):
            object.__setattr__(self, name, float(getattr(self, name)))
            self._check(name, 0 < getattr(self, name) < math.inf, "above 0")
        self._check("adversary_hidden", all(u >= 1 for u in self.adversary_hidden),
                    "units of 1 or more")  # fmt: skip
        self._check("warmup_epochs", self.warmup_epochs < self.epochs, "0 to epochs - 1")
        self._check("goal", self.goal in GOALS, " or ".join(GOALS))
        self._check("ramp", self.ramp in ("linear", "sigmoid"), "linear or sigmoid")
        self._check("coupling", self.coupling in ("reversal", "projection"),
                    "reversal or projection")  # fmt: skip

    def batch_size_for(self, n_rows: int) -> int:
        """Rows per step for so many training rows."""
        return self.batch_size or min(512, max(64, n_rows // 16))

    def share_of_strength(self, passes: float) -> float:
        """Share of the strength that acts after so many passes, fractions of one included."""
        if passes < self.warmup_epochs:
            return 0.0
        risen = min(1.0, (passes - self.warmup_epochs) / max(self.ramp_epochs, 1e-9))
        if self.ramp_epochs == 0 or risen == 1.0:
            return 1.0
        return risen if self.ramp == "linear" else 2 / (1 + math.exp(-10 * risen)) - 1

    def _check(self, name: str, holds: bool, rule: str) -> None:
        if not holds:
            raise InputError(f"{name} must be {rule}; it is {getattr(self, name)!r}. Change it.")
