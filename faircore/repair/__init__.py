"""Repairing the data before anybody learns from them."""

from __future__ import annotations

from faircore.repair.decorrelation import Decorrelator
from faircore.repair.disparate_impact import DisparateImpactRepairer
from faircore.repair.massaging import Massager, massaging
from faircore.repair.resampling import Resampler, resampling
from faircore.repair.reweighing import ReweighedClassifier, Reweigher, reweighing

__all__ = [
    "Decorrelator",
    "DisparateImpactRepairer",
    "Massager",
    "Resampler",
    "ReweighedClassifier",
    "Reweigher",
    "massaging",
    "resampling",
    "reweighing",
]
