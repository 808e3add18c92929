"""Scores made to mean what they say, for everybody and for every group."""

from faircore.calibrators.fitting import MapMethod, fit_map
from faircore.calibrators.group import GroupFairnessCalibrator

__all__ = ["GroupFairnessCalibrator", "MapMethod", "fit_map"]
