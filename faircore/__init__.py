"""Which model could be deployed, how fair is it, at what cost, and how sure are we.

Everything public is importable from here. Names load on first use, so ``import faircore`` stays
light: torch comes only with what trains.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from faircore.audit import GroupReport as GroupReport
    from faircore.audit import Wording as Wording
    from faircore.audit import group_report as group_report
    from faircore.audit import impossibility as impossibility
    from faircore.audit.baseline import train_baseline as train_baseline
    from faircore.audit.effect import score_effect as score_effect
    from faircore.audit.flips import switch_test as switch_test
    from faircore.audit.imitation import stand_in as stand_in
    from faircore.audit.individual import consistency as consistency
    from faircore.audit.multicalibration import MulticalibrationAudit as MulticalibrationAudit
    from faircore.audit.multicalibration import audit_multicalibration as audit_multicalibration
    from faircore.audit.multicalibration import walk_multicalibration as walk_multicalibration
    from faircore.audit.proxies import find_proxies as find_proxies
    from faircore.audit.similar import similar_people as similar_people
    from faircore.calibrators import GroupFairnessCalibrator as GroupFairnessCalibrator
    from faircore.calibrators.multicalibrated import (
        MulticalibratedCorrection as MulticalibratedCorrection,
    )
    from faircore.data import Dataset as Dataset
    from faircore.data import DataSpec as DataSpec
    from faircore.data import Sensitive as Sensitive
    from faircore.data import read_dataset as read_dataset
    from faircore.decide import Advice as Advice
    from faircore.decide import CalibrationLimit as CalibrationLimit
    from faircore.decide import Certificate as Certificate
    from faircore.decide import Decision as Decision
    from faircore.decide import MitigationPlan as MitigationPlan
    from faircore.decide import OperatingPoint as OperatingPoint
    from faircore.decide import Packet as Packet
    from faircore.decide import PeopleImpact as PeopleImpact
    from faircore.decide import Policy as Policy
    from faircore.decide import advise as advise
    from faircore.decide import amend_policy as amend_policy
    from faircore.decide import certify as certify
    from faircore.decide import conclude as conclude
    from faircore.decide import lock_policy as lock_policy
    from faircore.decide import open_sealed as open_sealed
    from faircore.decide import people_impact as people_impact
    from faircore.decide import propose as propose
    from faircore.decide import send_packet as send_packet
    from faircore.decide import vote as vote
    from faircore.decide.required_rows import required_rows as required_rows
    from faircore.errors import FaircoreError as FaircoreError
    from faircore.estimators.adversarial import (
        AdversarialDebiasingTrainer as AdversarialDebiasingTrainer,
    )
    from faircore.estimators.boosting import FairBoostingClassifier as FairBoostingClassifier
    from faircore.estimators.calibrated import CalibratedFairClassifier as CalibratedFairClassifier
    from faircore.estimators.lagrangian import (
        LagrangianFairnessTrainer as LagrangianFairnessTrainer,
    )
    from faircore.estimators.networks import FairNetClassifier as FairNetClassifier
    from faircore.estimators.reductions import ReductionsWrapper as ReductionsWrapper
    from faircore.export.bundle import export_bundle as export_bundle
    from faircore.export.bundle import load_bundle as load_bundle
    from faircore.frontier import OBJECTIVES as OBJECTIVES
    from faircore.frontier import Candidate as Candidate
    from faircore.frontier import Frontier as Frontier
    from faircore.frontier import Limit as Limit
    from faircore.frontier import Objective as Objective
    from faircore.frontier import SplitRows as SplitRows
    from faircore.frontier import Uncertainty as Uncertainty
    from faircore.frontier import decisions_at as decisions_at
    from faircore.frontier import recommend as recommend
    from faircore.frontier import uncertainty as uncertainty
    from faircore.groups import Groups as Groups
    from faircore.metrics import Report as Report
    from faircore.metrics import evaluate as evaluate
    from faircore.metrics.calibration_report import CalibrationReport as CalibrationReport
    from faircore.metrics.calibration_report import calibration_report as calibration_report
    from faircore.metrics.costs import Costs as Costs
    from faircore.pareto import pareto_frontier as pareto_frontier
    from faircore.penalties import PENALTIES as PENALTIES
    from faircore.penalties import PenaltyOptions as PenaltyOptions
    from faircore.plans import SweepPlan as SweepPlan
    from faircore.plans import SweepSpec as SweepSpec
    from faircore.plots import calibration_bars as calibration_bars
    from faircore.plots import certificate_figure as certificate_figure
    from faircore.plots import convergence_figure as convergence_figure
    from faircore.plots import frontier_figure as frontier_figure
    from faircore.plots import group_intervals as group_intervals
    from faircore.plots import impossibility_figure as impossibility_figure
    from faircore.plots import parallel_figure as parallel_figure
    from faircore.plots import people_figure as people_figure
    from faircore.plots import reliability_figure as reliability_figure
    from faircore.plots import save_figure as save_figure
    from faircore.predictors.brought import BroughtModel as BroughtModel
    from faircore.records import ReviewStore as ReviewStore
    from faircore.repair import Decorrelator as Decorrelator
    from faircore.repair import DisparateImpactRepairer as DisparateImpactRepairer
    from faircore.repair import Massager as Massager
    from faircore.repair import Resampler as Resampler
    from faircore.repair import ReweighedClassifier as ReweighedClassifier
    from faircore.repair import Reweigher as Reweigher
    from faircore.shelf import bring_model as bring_model
    from faircore.sweep import run_plan as run_plan
    from faircore.sweep import run_sweep as run_sweep
    from faircore.thresholds import RejectOption as RejectOption
    from faircore.thresholds import ThresholdFrontier as ThresholdFrontier
    from faircore.thresholds import unprocess as unprocess
    from faircore.training import FairnessRegularizer as FairnessRegularizer
    from faircore.training import TrainingConfig as TrainingConfig
    from faircore.training.adversarial import AdversarialConfig as AdversarialConfig
    from faircore.training.boosting import BoostingConfig as BoostingConfig
    from faircore.training.constraints import Constraint as Constraint
    from faircore.training.lagrangian import LagrangianConfig as LagrangianConfig
    from faircore.training.reversal import GradientReversalLayer as GradientReversalLayer

_HOMES = {
    "AdversarialConfig": "faircore.training.adversarial",
    "AdversarialDebiasingTrainer": "faircore.estimators.adversarial",
    "Advice": "faircore.decide",
    "BoostingConfig": "faircore.training.boosting",
    "BroughtModel": "faircore.predictors.brought",
    "CalibratedFairClassifier": "faircore.estimators.calibrated",
    "CalibrationLimit": "faircore.decide",
    "CalibrationReport": "faircore.metrics.calibration_report",
    "Candidate": "faircore.frontier",
    "Certificate": "faircore.decide",
    "Constraint": "faircore.training.constraints",
    "Costs": "faircore.metrics.costs",
    "DataSpec": "faircore.data",
    "Dataset": "faircore.data",
    "Decision": "faircore.decide",
    "Decorrelator": "faircore.repair",
    "DisparateImpactRepairer": "faircore.repair",
    "FairBoostingClassifier": "faircore.estimators.boosting",
    "FairNetClassifier": "faircore.estimators.networks",
    "FaircoreError": "faircore.errors",
    "FairnessRegularizer": "faircore.training",
    "Frontier": "faircore.frontier",
    "GradientReversalLayer": "faircore.training.reversal",
    "GroupFairnessCalibrator": "faircore.calibrators",
    "GroupReport": "faircore.audit",
    "Groups": "faircore.groups",
    "LagrangianConfig": "faircore.training.lagrangian",
    "LagrangianFairnessTrainer": "faircore.estimators.lagrangian",
    "Limit": "faircore.frontier",
    "Massager": "faircore.repair",
    "MitigationPlan": "faircore.decide",
    "MulticalibratedCorrection": "faircore.calibrators.multicalibrated",
    "MulticalibrationAudit": "faircore.audit.multicalibration",
    "OBJECTIVES": "faircore.frontier",
    "Objective": "faircore.frontier",
    "OperatingPoint": "faircore.decide",
    "PENALTIES": "faircore.penalties",
    "Packet": "faircore.decide",
    "PenaltyOptions": "faircore.penalties",
    "PeopleImpact": "faircore.decide",
    "Policy": "faircore.decide",
    "ReductionsWrapper": "faircore.estimators.reductions",
    "RejectOption": "faircore.thresholds",
    "Report": "faircore.metrics",
    "Resampler": "faircore.repair",
    "ReviewStore": "faircore.records",
    "ReweighedClassifier": "faircore.repair",
    "Reweigher": "faircore.repair",
    "Sensitive": "faircore.data",
    "SplitRows": "faircore.frontier",
    "SweepPlan": "faircore.plans",
    "SweepSpec": "faircore.plans",
    "ThresholdFrontier": "faircore.thresholds",
    "TrainingConfig": "faircore.training",
    "Uncertainty": "faircore.frontier",
    "Wording": "faircore.audit",
    "advise": "faircore.decide",
    "amend_policy": "faircore.decide",
    "audit_multicalibration": "faircore.audit.multicalibration",
    "bring_model": "faircore.shelf",
    "calibration_bars": "faircore.plots",
    "calibration_report": "faircore.metrics.calibration_report",
    "certificate_figure": "faircore.plots",
    "certify": "faircore.decide",
    "conclude": "faircore.decide",
    "consistency": "faircore.audit.individual",
    "convergence_figure": "faircore.plots",
    "decisions_at": "faircore.frontier",
    "evaluate": "faircore.metrics",
    "export_bundle": "faircore.export.bundle",
    "find_proxies": "faircore.audit.proxies",
    "frontier_figure": "faircore.plots",
    "group_intervals": "faircore.plots",
    "group_report": "faircore.audit",
    "impossibility": "faircore.audit",
    "impossibility_figure": "faircore.plots",
    "load_bundle": "faircore.export.bundle",
    "lock_policy": "faircore.decide",
    "open_sealed": "faircore.decide",
    "parallel_figure": "faircore.plots",
    "pareto_frontier": "faircore.pareto",
    "people_figure": "faircore.plots",
    "people_impact": "faircore.decide",
    "propose": "faircore.decide",
    "read_dataset": "faircore.data",
    "recommend": "faircore.frontier",
    "reliability_figure": "faircore.plots",
    "required_rows": "faircore.decide.required_rows",
    "run_plan": "faircore.sweep",
    "run_sweep": "faircore.sweep",
    "save_figure": "faircore.plots",
    "score_effect": "faircore.audit.effect",
    "send_packet": "faircore.decide",
    "similar_people": "faircore.audit.similar",
    "stand_in": "faircore.audit.imitation",
    "switch_test": "faircore.audit.flips",
    "train_baseline": "faircore.audit.baseline",
    "uncertainty": "faircore.frontier",
    "unprocess": "faircore.thresholds",
    "vote": "faircore.decide",
    "walk_multicalibration": "faircore.audit.multicalibration",
}

__all__ = sorted(_HOMES)
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'faircore' has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
