"""What may differ between groups, and by how much."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from faircore.errors import InputError
from faircore.metrics.rates import RATES

CONSTRAINTS: dict[str, tuple[str, ...]] = {
    "demographic_parity": ("selection_rate",),
    "equal_opportunity": ("true_positive_rate",),
    "predictive_equality": ("false_positive_rate",),
    "equalized_odds": ("true_positive_rate", "false_positive_rate"),
    "predictive_parity": ("positive_predictive_value",),
    "accuracy_parity": ("accuracy",),
}
"""Rates that should be alike, by the name of the goal."""

UNCONSTRAINED = 1.0
"""Rates are shares, so a gap is never wider than this."""

Kind = Literal["inequality", "equality"]


@dataclass(frozen=True)
class Constraint:
    """How far apart the groups of a partition may be in some rates.

    Attributes
    ----------
    goal : str
        A name in :data:`CONSTRAINTS`, or any rate of :data:`faircore.metrics.RATES` that depends
        on decisions.
    tolerance : float, optional
        Widest gap (largest minus smallest group rate) allowed, 0 to 1; at 1 nothing is
        constrained. Left out, it is that of the trial or estimator.
    kind : str
        ``inequality`` lets go once the gap is within the tolerance. ``equality`` draws it to zero;
        the tolerance then only says when that counts as reached.
    partitions : sequence of str
        Names of the partitions it is about; all if none is named.

    Raises
    ------
    InputError
        When there is no such goal, or a value is outside its range.
    """

    goal: str = "demographic_parity"
    tolerance: float | None = None
    kind: Kind = "inequality"
    partitions: Sequence[str] = ()

    def __post_init__(self) -> None:
        names = (self.partitions,) if isinstance(self.partitions, str) else self.partitions
        object.__setattr__(self, "partitions", tuple(names))
        # The base rate is not the model's to change: its multiplier would only ever grow.
        known = [*CONSTRAINTS, *(name for name in RATES if name != "base_rate")]
        if self.goal not in known:
            raise InputError(
                f"There is no constraint {self.goal!r}. Choose one of: {', '.join(known)}."
            )
        if self.kind not in get_args(Kind):
            raise InputError(
                f"The kind of a constraint must be inequality or equality; it is {self.kind!r}. "
                "Change it."
            )
        if self.tolerance is not None:
            object.__setattr__(self, "tolerance", check_tolerance(self.tolerance))

    @property
    def rates(self) -> tuple[str, ...]:
        """Rates that should be alike."""
        return CONSTRAINTS.get(self.goal, (self.goal,))

    @property
    def title(self) -> str:
        """Goal in words."""
        return self.goal.replace("_", " ")


def check_tolerance(tolerance: float) -> float:
    """Refuse a tolerance that no gap can be measured by."""
    if not 0 <= tolerance <= 1:
        raise InputError(
            f"A tolerance is a share and must be 0 to 1, such as 0.02 for two points; it is "
            f"{tolerance!r}. Change it."
        )
    return float(tolerance)
