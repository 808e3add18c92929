"""What chance does to a view of candidates: intervals, chances, bands."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from faircore.frontier.frontier import Frontier

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Uncertainty:
    low: Floats
    high: Floats
    chance: Floats
    band: tuple[Floats, Floats, Floats] | None
    hypervolumes: pd.DataFrame

    def difference(self, a: int, b: int) -> Floats:
        return np.full((2, 2), np.nan)


def uncertainty(frontier: Frontier) -> Uncertainty | None:
    return None
