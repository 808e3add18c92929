"""From a frontier to one operating point, measured on rows that chose nothing."""

from faircore.decide.decision import Decision, OperatingPoint, decide, who_is_acting

__all__ = ["Decision", "OperatingPoint", "decide", "who_is_acting"]
