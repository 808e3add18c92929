"""Training many times and mixing: reductions to plain weighted learning."""

from __future__ import annotations

from faircore.reductions.fit import Algorithm, reduce
from faircore.reductions.moments import CONSTRAINTS, PartitionParity, WeightedErrorRate
from faircore.reductions.result import Reduced

__all__ = [
    "CONSTRAINTS",
    "Algorithm",
    "PartitionParity",
    "Reduced",
    "WeightedErrorRate",
    "reduce",
]
