"""Numbers in words, written one way on every page, picture, report and line of the terminal."""

from __future__ import annotations

import math


def number(value: float, digits: int | None = 1, *, signed: bool = False) -> str:
    """A number with commas between thousands, a dash where it is undefined.

    Parameters
    ----------
    value : float
    digits : int, optional
        After the point. None writes as few as it takes, three in all: for what somebody set.
    signed : bool
        With its plus where it is above zero; a minus is always there, as wide as a plus.

    Returns
    -------
    str
        What is rounded to zero has no sign.

    Examples
    --------
    >>> number(-3.21), number(1234, 0, signed=True), number(-0.01), number(float("nan"))
    ('−3.2', '+1,234', '0.0', '–')
    """
    if not math.isfinite(value):
        return "–"
    told = f"{value:{'+' if signed else ''},{'.3g' if digits is None else f'.{digits}f'}}"
    return told.lstrip("+-") if not told.strip("+-0.") else told.replace("-", "−")


def hundredths(value: float, digits: int | None = 1, *, signed: bool = False) -> str:
    """A share, or a difference of shares, times 100 and without its unit, as :func:`number`."""
    return number(100 * value, digits, signed=signed)


def percent(value: float, digits: int | None = 1) -> str:
    """A share as ``84.1%``, the rest as :func:`number`.

    One digit is for what was measured; none for a chance or a progress, which is not known better.
    What somebody set, such as 99.95%, is never rounded up to all.
    """
    if digits is None and 0.9995 <= value < 1:
        digits = 3
    return _with_unit(hundredths(value, digits), "%")


def points(value: float, digits: int | None = 1) -> str:
    """A difference of shares as ``3.2 points``, the rest as :func:`number`."""
    return _with_unit(hundredths(value, digits), " points")


def _with_unit(told: str, unit: str) -> str:
    return told if told == "–" else f"{told}{unit}"
