"""Values in words, the same on every page and in every export."""

from __future__ import annotations

import math

from faircore.metrics.disparities import Disparity


def percent(value: float) -> str:
    """A share as ``84.1%``; a dash where it is undefined."""
    return f"{value:.1%}" if math.isfinite(value) else "–"


def disparity_text(disparity: Disparity, value: float) -> str:
    """A difference as ``3.2 points``, a ratio as ``0.84``; a dash where it is undefined."""
    if not math.isfinite(value):
        return "–"
    return f"{value:.2f}" if disparity.kind == "ratio" else f"{100 * value:.1f} points"
