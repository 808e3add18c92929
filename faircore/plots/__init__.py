"""Plotly figures as plain functions."""

from faircore.plots.frontier import frontier_figure
from faircore.plots.groups import group_bars
from faircore.plots.save import save_figure

__all__ = ["frontier_figure", "group_bars", "save_figure"]
