"""From a frontier to one operating point, measured on rows that chose nothing."""

from faircore.decide.decision import Decision, OperatingPoint, decide
from faircore.decide.people import PeopleImpact, people_impact

__all__ = [
    "Decision",
    "OperatingPoint",
    "PeopleImpact",
    "decide",
    "people_impact",
]
