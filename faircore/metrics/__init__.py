"""Counts, rates and disparities: what is measured, each defined once."""

from faircore.metrics.counts import (
    THRESHOLDS,
    confusion_counts,
    count_cube,
    threshold_index,
)
from faircore.metrics.disparities import (
    DISPARITIES,
    Disparity,
    difference,
    find_disparity,
    overall_counts,
    ratio,
)
from faircore.metrics.performance import PERFORMANCES, Performance, find_performance
from faircore.metrics.rates import RATES, Rate, find_rate
from faircore.metrics.report import Report, disparity_table, evaluate, group_table

__all__ = [
    "DISPARITIES",
    "PERFORMANCES",
    "RATES",
    "THRESHOLDS",
    "Disparity",
    "Performance",
    "Rate",
    "Report",
    "confusion_counts",
    "count_cube",
    "difference",
    "disparity_table",
    "evaluate",
    "find_disparity",
    "find_performance",
    "find_rate",
    "group_table",
    "overall_counts",
    "ratio",
    "threshold_index",
]
