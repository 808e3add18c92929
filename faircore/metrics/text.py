"""Disparities in words, the same on every page and in every export."""

from __future__ import annotations

from faircore.metrics.disparities import Disparity
from faircore.numerals import number, points


def disparity_text(disparity: Disparity, value: float) -> str:
    """A difference as ``3.2 points``, a ratio as ``0.84``; a dash where it is undefined."""
    return number(value, 2) if disparity.kind == "ratio" else points(value)
