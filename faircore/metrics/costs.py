"""What decisions are worth (placeholder by the lead so that imports work; its owner replaces it)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Costs:
    """What each outcome of a decision is worth, per person."""

    true_positive: float = 1.0
    false_positive: float = -1.0
    false_negative: float = 0.0
    true_negative: float = 0.0
    unit: str = ""

    def per_person(self, counts: NDArray[np.float64]) -> NDArray[np.float64]:
        """Mean worth per person."""
        worth = np.array(
            [[self.true_negative, self.false_positive], [self.false_negative, self.true_positive]]
        )
        total = counts.sum((-2, -1))
        out: NDArray[np.float64] = np.full(np.shape(total), np.nan)
        np.divide((counts * worth).sum((-2, -1)), total, where=total > 0, out=out)
        return out
