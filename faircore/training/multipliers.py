"""Lagrange multipliers: the price of each violation, which rises while it lasts and then falls."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import torch
from torch import Tensor

from faircore.errors import InputError
from faircore.training.config import TrainingConfig


@dataclass(frozen=True)
class LagrangianConfig:
    """How models are trained under constraints.

    Attributes
    ----------
    training : TrainingConfig
        Its ``sharpness`` is that of the smooth rates. During its warm-up multipliers stay 0. Its
        ``patience`` counts epochs that meet the constraints without being better than an earlier
        one; an epoch that does not meet them is not held against a candidate.
    dual_rate : float
        How fast multipliers move, above 0: their rise per epoch and unit of violation, in the unit
        of :meth:`faircore.training.comparisons.Comparisons.violations`. About 1 is one Newton step
        on the dual per epoch.
    margin : float
        Share of a tolerance that multipliers keep in hand, at least 0 and below 1: they let go
        once the gap of the rows learned from is that much narrower, because that of other rows
        scatters around it. Whether a constraint is met is judged without it.
    dual_update : str
        ``gradient`` for plain ascent, or ``pi`` for the νPI controller, which swings less: on a
        small table where plain ascent at this rate still swings after 40 epochs, it settles within
        20.
    kappa_p, nu : float
        Of the νPI controller: weight of the change of the violation, 0 or more; share of its
        running mean that is carried on, at least 0 and below 1.
    dual_every : "epoch" or int
        When multipliers move: after each epoch, by the rates over its rows; or after so many
        steps, by running rates.
    follow : str
        What multipliers follow: ``hard`` rates of decisions, or the ``soft`` ones whose gradient
        the model sees.
    memory : float
        Share of the counts of earlier minibatches that is carried into the next, at least 0 and
        below 1, so that a group that is rare in a batch still has a rate.
    small_group : float
        A group of n rows counts by ``n / (n + small_group)``; 0 trusts every group in full.
    stop_when_satisfied : int
        Epochs in a row that meet the constraints on the select split after which a candidate
        stops; 0 for never.
    max_multiplier : float
        Bound of the multipliers, above 0.

    Raises
    ------
    InputError
        When a value is outside its range.
    """

    training: TrainingConfig = field(
        default_factory=lambda: TrainingConfig(epochs=60, patience=20, sharpness=2.0)
    )
    dual_rate: float = 4.0
    margin: float = 0.1
    dual_update: Literal["gradient", "pi"] = "pi"
    kappa_p: float = 4.0
    nu: float = 0.0
    dual_every: Literal["epoch"] | int = "epoch"
    follow: Literal["hard", "soft"] = "hard"
    memory: float = 0.9
    small_group: float = 20.0
    stop_when_satisfied: int = 0
    max_multiplier: float = 100.0

    def __post_init__(self) -> None:
        for name in (
            "dual_rate",
            "margin",
            "kappa_p",
            "nu",
            "memory",
            "small_group",
            "max_multiplier",
        ):
            object.__setattr__(self, name, float(getattr(self, name)))
        object.__setattr__(self, "stop_when_satisfied", int(self.stop_when_satisfied))
        for name in ("dual_rate", "max_multiplier"):
            self._check(name, 0 < getattr(self, name) < float("inf"), "above 0")
        for name in ("kappa_p", "small_group", "stop_when_satisfied"):
            self._check(name, 0 <= getattr(self, name) < float("inf"), "0 or more")
        for name in ("margin", "nu", "memory"):
            self._check(name, 0 <= getattr(self, name) < 1, "at least 0 and below 1")
        self._check("dual_update", self.dual_update in ("gradient", "pi"), "gradient or pi")
        self._check("follow", self.follow in ("hard", "soft"), "hard or soft")
        steps = self.dual_every
        whole = isinstance(steps, int) and not isinstance(steps, bool) and steps >= 1
        self._check("dual_every", steps == "epoch" or whole, "'epoch' or steps of 1 or more")

    def _check(self, name: str, holds: bool, rule: str) -> None:
        if not holds:
            raise InputError(f"{name} must be {rule}; it is {getattr(self, name)!r}. Change it.")


class Multipliers:
    """One multiplier per candidate and comparison, moved by projected gradient ascent.

    With e the violation (negative where there is slack), a step is ``λ ← clip(λ + rate · e)``: a
    multiplier falls again as soon as its constraint has slack. With ``kappa_p`` it is the νPI
    controller instead, ``λ ← clip(λ + rate · e + kappa_p · (ξ - ξ'))`` with ξ a running mean of e
    and ξ' the one before: the second term brakes while the violation is already shrinking, so that
    the multiplier overshoots less.

    Parameters
    ----------
    n_candidates : int
    signed : Tensor of bool, shape (m,)
        Multipliers that may be negative: those of equalities.
    rate : float
        Rise per step and unit of violation.
    bound : float
        Largest absolute value.
    kappa_p : float
        Weight of the change of the violation; 0 for plain ascent.
    nu : float
        Share of the running mean that is carried on, at least 0 and below 1.

    Attributes
    ----------
    values : Tensor of float64, shape (k, m)
        In [0, bound], or [-bound, bound] where signed; 0 at the start.

    References
    ----------
    Sohrabi, Ramirez, Zhang, Lacoste-Julien & Gallego-Posada (2024), On PI controllers for updating
    Lagrange multipliers in constrained optimization, ICML.
    """

    def __init__(
        self,
        n_candidates: int,
        signed: Tensor,
        *,
        rate: float,
        bound: float,
        kappa_p: float = 0.0,
        nu: float = 0.0,
    ) -> None:
        self.rate, self.bound, self.kappa_p, self.nu = rate, bound, kappa_p, nu
        shape = (n_candidates, len(signed))
        self.values = torch.zeros(shape, dtype=torch.float64, device=signed.device)
        self._low = torch.where(signed, -bound, 0.0).to(self.values)
        self._mean = torch.full_like(self.values, torch.nan)

    @property
    def any(self) -> bool:
        """Whether any constraint has a price."""
        return bool(self.values.any())

    def step(self, violation: Tensor, *, share: float = 1.0) -> None:
        """Move every multiplier once.

        Parameters
        ----------
        violation : Tensor, shape (k, m)
            Above 0 where a constraint is violated, below where there is slack. NaN, where there is
            nothing to measure, leaves the multiplier as it is.
        share : float
            Part of a step this is: the rate is per whole step.
        """
        known = torch.isfinite(violation)
        error = torch.where(known, violation, 0.0).to(self.values)
        move = self.rate * share * error
        if self.kappa_p:
            # The running mean starts at the first violation, so that the first step is plain.
            before = torch.where(torch.isnan(self._mean), error, self._mean)
            now = self.nu * before + (1 - self.nu) * error
            move = torch.where(known, move + self.kappa_p * (now - before), 0.0)
            self._mean = torch.where(known, now, self._mean)
        self.values = torch.clamp(self.values + move, min=self._low).clamp_max(self.bound)

    def keep(self, candidates: Tensor) -> None:
        """Go on with some of the candidates only."""
        self.values, self._mean = self.values[candidates], self._mean[candidates]
