"""A monotone map of scores, as plain numbers: what a calibrator is once it is fitted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from faircore.errors import InputError

Floats = NDArray[np.float64]
Kind = Literal["identity", "platt", "temperature", "beta", "isotonic", "chain"]

NEAREST = 1e-6
"""A score nearer to 0 or 1 than this is read as this far away, so that no log-odds are infinite."""

_N_NUMBERS = {"identity": 0, "platt": 2, "temperature": 1, "beta": 3, "isotonic": 0, "chain": 0}
_N_SLOPES = {"platt": 1, "temperature": 1, "beta": 2}


@dataclass(frozen=True)
class ScoreMap:
    """A map of scores in [0, 1] to [0, 1] that never turns two scores round.

    Make one with :meth:`identity`, :meth:`platt`, :meth:`temperature`, :meth:`beta`,
    :meth:`isotonic` or :meth:`chain`. It is monotone up to rounding of about 1e-15.

    Attributes
    ----------
    kind : {"identity", "platt", "temperature", "beta", "isotonic", "chain"}
    numbers : tuple of float
        ``slope, offset`` of Platt's, ``slope`` of a temperature, ``a, b, c`` of a beta map.
    knots : tuple of pair of float
        Score and value of an isotonic map: linear between them, flat outside.
    parts : tuple of ScoreMap
        Of a chain, the first to be applied first.

    Notes
    -----
    With s the score and logit(s) = log s − log(1 − s), for results p: ``platt`` logit p = slope ·
    logit s + offset (Platt 1999); ``temperature`` the same without offset (Guo et al. 2017);
    ``beta`` logit p = a log s − b log(1 − s) + c (Kull, Silva Filho & Flach 2017). These read a
    score of exactly 0 or 1 as ``NEAREST`` away from it. ``identity`` and ``isotonic`` are exact.

    Examples
    --------
    >>> up = ScoreMap.platt(0.5, 1.0)
    >>> up([0.0, 0.5, 1.0]).round(3).tolist()
    [0.003, 0.731, 1.0]
    >>> ScoreMap.chain(up, ScoreMap.platt(2.0, -2.0)).in_words()
    'scores as they are'
    """

    kind: Kind = "identity"
    numbers: tuple[float, ...] = ()
    knots: tuple[tuple[float, float], ...] = ()
    parts: tuple[ScoreMap, ...] = ()

    def __post_init__(self) -> None:
        if self.kind not in get_args(Kind):
            raise InputError(
                f"A map of scores is one of {', '.join(get_args(Kind))}; it is {self.kind!r}. "
                "Fit it again."
            )
        fits = (
            len(self.numbers) == _N_NUMBERS[self.kind]
            and bool(np.isfinite(self.numbers).all())
            and min(self.numbers[: _N_SLOPES.get(self.kind, 0)], default=0.0) >= 0
            and bool(self.knots) == (self.kind == "isotonic")
            and _knots_rise(self.knots)
            and (len(self.parts) >= 2) == bool(self.parts) == (self.kind == "chain")
        )
        if not fits:
            raise InputError(
                f"A map of kind {self.kind} has {_N_NUMBERS[self.kind]} finite numbers with slopes "
                "of zero or more, knots in [0, 1] that rise only where it is isotonic, and two "
                "parts or more only where it is a chain. Fit it again."
            )

    @classmethod
    def identity(cls) -> ScoreMap:
        """Scores as they are."""
        return cls()

    @classmethod
    def platt(cls, slope: float, offset: float) -> ScoreMap:
        """Log-odds times a slope, zero or more, plus an offset."""
        return cls("platt", (float(slope), float(offset)))

    @classmethod
    def temperature(cls, slope: float) -> ScoreMap:
        """Log-odds times a slope, zero or more: one over the temperature."""
        return cls("temperature", (float(slope),))

    @classmethod
    def beta(cls, a: float, b: float, c: float) -> ScoreMap:
        """Map by ``a log s − b log(1 − s) + c``; a and b zero or more."""
        return cls("beta", (float(a), float(b), float(c)))

    @classmethod
    def isotonic(cls, scores: ArrayLike, values: ArrayLike) -> ScoreMap:
        """Straight lines between knots, flat outside; values are cut to [0, 1].

        Parameters
        ----------
        scores : array, shape (k,)
            Strictly rising, in [0, 1].
        values : array, shape (k,)
            Never falling.
        """
        x, y = np.asarray(scores, np.float64), np.clip(np.asarray(values, np.float64), 0.0, 1.0)
        if x.ndim != 1 or x.shape != y.shape:
            raise InputError(
                f"An isotonic map has one value per knot; the shapes are {x.shape} and {y.shape}. "
                "Pass columns of the same length."
            )
        return cls("isotonic", knots=tuple(zip(x.tolist(), y.tolist(), strict=True)))

    @classmethod
    def chain(cls, *maps: ScoreMap) -> ScoreMap:
        """Apply maps one after the other, the first first; neighbours become one where they can.

        Platt's maps and temperatures in a row are one map, so that nothing is lost between them
        where scores come near 0 or 1.
        """
        parts: list[ScoreMap] = []
        for one in (part for given in maps for part in (given.parts or (given,))):
            before = parts[-1].line if parts else None
            if before and one.line:
                (s, o), (slope, offset) = before, one.line
                parts[-1] = cls._of_line(slope * s, slope * o + offset)
            else:
                parts.append(one)
            if parts[-1].kind == "identity":
                parts.pop()
        if len(parts) < 2:
            return parts[0] if parts else cls.identity()
        return cls("chain", parts=tuple(parts))

    @classmethod
    def _of_line(cls, slope: float, offset: float) -> ScoreMap:
        if offset:
            return cls.platt(slope, offset)
        return cls.identity() if slope == 1 else cls.temperature(slope)

    @property
    def line(self) -> tuple[float, float] | None:
        """Slope and offset on the log-odds; None where it is no straight line there."""
        if self.kind == "platt":
            return self.numbers[0], self.numbers[1]
        if self.kind == "temperature":
            return self.numbers[0], 0.0
        return (1.0, 0.0) if self.kind == "identity" else None

    def __call__(self, scores: ArrayLike) -> Floats:
        """Map scores of any shape; the result has the same.

        Raises
        ------
        InputError
            When a score is missing or outside [0, 1].
        """
        found = np.asarray(scores, np.float64)
        bad = int((~((found >= 0) & (found <= 1))).sum())
        if bad:
            raise InputError(
                f"A score must be a probability between 0 and 1; {bad:,} of {found.size:,} are "
                "missing or outside. Rescale them, or leave these rows out."
            )
        return self._of(found)

    def _of(self, scores: Floats) -> Floats:
        if self.parts:
            for part in self.parts:
                scores = part._of(scores)
            return scores
        return _APPLY[self.kind](self, scores)

    def in_words(self) -> str:
        """What it does, such as ``log-odds × 0.83 + 0.21`` or ``steps at 14 scores``."""
        if self.parts:
            return ", then ".join(part.in_words() for part in self.parts)
        if self.kind == "isotonic":
            levels = len({value for _, value in self.knots})
            return "the same value for all" if levels == 1 else f"steps at {levels} scores"
        if self.kind == "beta":
            a, b, c = self.numbers
            return f"{a:.2f} × log s − {b:.2f} × log(1 − s){_signed(c)}"
        slope, offset = self.line or (1.0, 0.0)
        plain = self.kind == "identity"
        return "scores as they are" if plain else f"log-odds × {slope:.2f}{_signed(offset)}"

    def to_dict(self) -> dict[str, Any]:
        """Plain data that :meth:`from_dict` reads, fit for JSON."""
        found: dict[str, Any] = {"kind": self.kind}
        if self.numbers:
            found["numbers"] = list(self.numbers)
        if self.knots:
            found["knots"] = [list(knot) for knot in self.knots]
        if self.parts:
            found["parts"] = [part.to_dict() for part in self.parts]
        return found

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> ScoreMap:
        """Read what :meth:`to_dict` wrote."""
        return cls(
            raw["kind"],
            tuple(float(number) for number in raw.get("numbers", ())),
            tuple((float(x), float(y)) for x, y in raw.get("knots", ())),
            tuple(cls.from_dict(part) for part in raw.get("parts", ())),
        )


def log_odds(scores: Floats) -> Floats:
    """Log-odds of scores, those nearer to 0 or 1 than ``NEAREST`` taken as that far away."""
    near = np.clip(scores, NEAREST, 1 - NEAREST)
    odds: Floats = np.log(near) - np.log1p(-near)
    return odds


def probability(odds: Floats) -> Floats:
    """Probability of log-odds, in [0, 1] and without overflow."""
    found: Floats = np.exp(-np.logaddexp(0.0, -odds))
    return found


def _on_line(score_map: ScoreMap, scores: Floats) -> Floats:
    slope, offset = score_map.line or (1.0, 0.0)
    return probability(slope * log_odds(scores) + offset)


def _beta(score_map: ScoreMap, scores: Floats) -> Floats:
    a, b, c = score_map.numbers
    near = np.clip(scores, NEAREST, 1 - NEAREST)
    return probability(a * np.log(near) - b * np.log1p(-near) + c)


def _isotonic(score_map: ScoreMap, scores: Floats) -> Floats:
    x, y = np.array(score_map.knots).T
    values: Floats = np.asarray(np.interp(scores, x, y), np.float64)
    return values


_APPLY: dict[str, Callable[[ScoreMap, Floats], Floats]] = {
    "identity": lambda _, scores: scores.copy(),
    "platt": _on_line,
    "temperature": _on_line,
    "beta": _beta,
    "isotonic": _isotonic,
}


def _knots_rise(knots: tuple[tuple[float, float], ...]) -> bool:
    if not knots:
        return True
    x, y = np.array(knots, np.float64).T
    inside = bool(((x >= 0) & (x <= 1) & (y >= 0) & (y <= 1)).all())
    return inside and bool((np.diff(x) > 0).all() and (np.diff(y) >= 0).all())


def _signed(number: float) -> str:
    if not round(number, 2):
        return ""
    return f" {'+' if number > 0 else '−'} {abs(number):.2f}"
