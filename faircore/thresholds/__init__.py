"""Thresholds that differ by group: the exact trade-off for a score there is."""

from faircore.thresholds.frontier import ThresholdFrontier
from faircore.thresholds.limits import CONSTRAINTS
from faircore.thresholds.reject_option import RejectOption
from faircore.thresholds.unprocessing import unprocess

__all__ = ["CONSTRAINTS", "RejectOption", "ThresholdFrontier", "unprocess"]
