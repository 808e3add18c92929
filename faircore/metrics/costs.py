"""What decisions are worth to the organisation that makes them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from faircore.errors import InputError

_OUTCOMES = ("true_positive", "false_positive", "false_negative", "true_negative")


@dataclass(frozen=True)
class Costs:
    """What each outcome of a decision is worth, per person, in one unit; a cost is negative.

    Attributes
    ----------
    true_positive, false_positive : float
        A yes to somebody with the good outcome, and to somebody without.
    false_negative, true_negative : float
        A no to somebody with the good outcome, and to somebody without.
    unit : str
        What it is counted in, such as ``"EUR"``; for people, nothing is computed from it.

    Raises
    ------
    InputError
        When a number is not a finite one, or a yes is worth no more to those it turns out well for
        than to the others, a no as the yardstick: no score could then be of use.

    Examples
    --------
    >>> loans = Costs(true_positive=1.0, false_positive=-4.0)
    >>> float(loans.per_person(np.array([[50.0, 10.0], [5.0, 35.0]])))
    -0.05
    >>> loans.best_threshold
    0.8
    """

    true_positive: float = 1.0
    false_positive: float = -1.0
    false_negative: float = 0.0
    true_negative: float = 0.0
    unit: str = ""

    def __post_init__(self) -> None:
        wrong = [name for name in _OUTCOMES if not _is_finite(getattr(self, name))]
        if wrong:
            raise InputError(
                f"What a decision is worth must be a finite number; {', '.join(wrong)} is not. "
                "Give a number, negative where it costs."
            )
        if self._gain_good <= self._gain_bad:
            raise InputError(
                "A yes must gain more over a no where it turns out well than where it turns out "
                f"badly; it gains {self._gain_good:g} and {self._gain_bad:g}. Correct the four "
                "numbers: a cost is negative."
            )

    @property
    def _gain_good(self) -> float:
        return self.true_positive - self.false_negative

    @property
    def _gain_bad(self) -> float:
        return self.false_positive - self.true_negative

    @property
    def best_threshold(self) -> float:
        """Score from which a yes pays, when scores are right; in [0, 1] (Elkan 2001).

        0 where every yes pays; NaN where none does, not even a right one.
        """
        if self._gain_good <= 0:
            return float("nan")
        share = -self._gain_bad / (self._gain_good - self._gain_bad)
        return float(np.clip(share, 0.0, 1.0))

    @property
    def matrix(self) -> NDArray[np.float64]:
        """Worth by (true, predicted), shape (2, 2)."""
        return np.array(
            [[self.true_negative, self.false_positive], [self.false_negative, self.true_positive]]
        )

    def per_person(self, counts: NDArray[np.float64]) -> NDArray[np.float64]:
        """Mean worth of counts (..., 2, 2), shape (...); NaN without people."""
        total = counts.sum((-2, -1))
        found: NDArray[np.float64] = np.full(np.shape(total), np.nan)
        np.divide((counts * self.matrix).sum((-2, -1)), total, where=total > 0, out=found)
        return found

    def to_dict(self) -> dict[str, Any]:
        """Plain data that :meth:`from_dict` reads."""
        return asdict(self)

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> Costs:
        """Read what :meth:`to_dict` wrote.

        Raises
        ------
        InputError
            When one of the four numbers is missing, there is something else, or the numbers are
            refused as above.
        """
        missing, more = set(_OUTCOMES) - set(raw), set(raw) - {*_OUTCOMES, "unit"}
        if missing or more:
            raise InputError(
                f"The worth of decisions needs {', '.join(_OUTCOMES)}, and may name a unit; "
                f"{len(missing)} are missing and {len(more)} are something else. Correct the names."
            )
        worth = [raw[name] for name in _OUTCOMES]
        return cls(worth[0], worth[1], worth[2], worth[3], str(raw.get("unit", "")))


def _is_finite(value: Any) -> bool:
    number = isinstance(value, int | float | np.number) and not isinstance(value, bool)
    return number and bool(np.isfinite(value))
