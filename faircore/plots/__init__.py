"""Plotly figures as plain functions."""

from faircore.plots.calibration_bars import calibration_bars
from faircore.plots.certificate import certificate_figure
from faircore.plots.convergence import convergence_figure
from faircore.plots.frontier import frontier_figure
from faircore.plots.groups import group_bars
from faircore.plots.impossibility import impossibility_figure
from faircore.plots.intervals import group_intervals
from faircore.plots.method_names import METHOD_NAMES
from faircore.plots.parallel import parallel_figure
from faircore.plots.people import people_figure
from faircore.plots.promises import generalisation_figure, promises_figure
from faircore.plots.reliability import reliability_figure
from faircore.plots.save import check_ending, save_figure
from faircore.plots.small_reliability import small_reliability

__all__ = [
    "METHOD_NAMES",
    "calibration_bars",
    "certificate_figure",
    "check_ending",
    "convergence_figure",
    "frontier_figure",
    "generalisation_figure",
    "group_bars",
    "group_intervals",
    "impossibility_figure",
    "parallel_figure",
    "people_figure",
    "promises_figure",
    "reliability_figure",
    "save_figure",
    "small_reliability",
]
