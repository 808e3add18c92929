"""How groups are compared and how far small ones are trusted: options of every penalty."""

from __future__ import annotations

from dataclasses import dataclass, fields

from faircore.errors import InputError

VERSUS = ("overall", "pairs")


@dataclass(frozen=True)
class PenaltyOptions:
    """Options that mean the same for every penalty.

    Attributes
    ----------
    versus : str
        ``overall`` compares each group with everybody in its partition, ``pairs`` each group with
        each other one.
    small_group : float, optional
        A group of n rows counts by ``n / (n + small_group)``: below so many its rate is mostly
        noise. 0 trusts every group in full. By default 20 where all groups count alike, and 0
        where a penalty counts a group by its share of the rows anyway.
    shrinkage : float
        So many imagined rows at the rate of everybody are added to each group before it is
        compared. 0 for none.
    crossed_weight : float
        Weight of the groups of two crossed attributes beside those of one; of three, its square.
        1 treats all alike, 0 looks at the marginals alone.
    memory : float
        Share of the sums of earlier minibatches that is carried into the next, at least 0 and
        below 1; about ``1 / (1 - memory)`` batches are then looked at together, so that a group
        that is rare in a batch still has a rate.
    bound : float, optional
        Bounded group loss only: log loss in nats that no group should exceed. By default that of
        everybody.
    tail : float
        Group DRO only: share of the people who are worst served that is looked at, above 0 and
        below 1.

    Raises
    ------
    InputError
        When a value is outside its range.
    """

    versus: str = "overall"
    small_group: float | None = None
    shrinkage: float = 0.0
    crossed_weight: float = 1.0
    memory: float = 0.0
    bound: float | None = None
    tail: float = 0.2

    def __post_init__(self) -> None:
        for one in fields(self):
            value = getattr(self, one.name)
            if one.name == "versus" or (value is None and one.default is None):
                continue
            try:
                object.__setattr__(self, one.name, float(value))
            except (TypeError, ValueError):
                self._check(one.name, False, "a number")
        self._check("versus", self.versus in VERSUS, " or ".join(VERSUS))
        for name in ("small_group", "shrinkage", "crossed_weight", "bound"):
            value = getattr(self, name)
            self._check(name, value is None or 0 <= value < float("inf"), "zero or more")
        self._check("memory", 0 <= self.memory < 1, "at least 0 and below 1")
        self._check("tail", 0 < self.tail < 1, "above 0 and below 1")

    def _check(self, name: str, holds: bool, rule: str) -> None:
        if not holds:
            raise InputError(
                f"The option {name} must be {rule}; it is {getattr(self, name)!r}. Change it."
            )


DEFAULT = PenaltyOptions()
