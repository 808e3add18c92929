"""Counts, rates and disparities: what is measured, each defined once."""

from faircore.metrics.counts import (
    THRESHOLDS,
    confusion_counts,
    count_cube,
    passed_thresholds,
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
from faircore.metrics.small import MIN_PEOPLE, hidden_groups
from faircore.metrics.text import disparity_text

__all__ = [
    "DISPARITIES",
    "MIN_PEOPLE",
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
    "disparity_text",
    "evaluate",
    "find_disparity",
    "find_performance",
    "find_rate",
    "group_table",
    "hidden_groups",
    "overall_counts",
    "passed_thresholds",
    "ratio",
    "threshold_index",
]
