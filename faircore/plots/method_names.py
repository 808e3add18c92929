"""What methods are called, and how each is marked."""

from __future__ import annotations

from collections.abc import Mapping

from faircore.frontier import Candidate

METHOD_NAMES = {
    "regularized": "Penalised networks",
    "boosted": "Penalised trees",
    "lagrangian": "Networks under a limit",
    "adversarial": "Networks against an opponent",
    "reweighed": "Reweighted examples",
    "resampled": "Resampled examples",
    "massaged": "Relabelled examples",
    "repaired": "Repaired columns",
    "decorrelated": "Columns without the group",
    "reductions": "Mixtures",
    "thresholds": "Thresholds by group",
    "reject_option": "Reject option",
    "thresholds_by_hand": "Thresholds by hand",
    "calibrated": "Calibrated scores",
    "existing": "Model you have",
}
"""What methods are called in a legend."""

SYMBOLS = (
    "circle", "diamond", "square", "triangle-up", "cross", "star", "hexagon", "triangle-down",
    "pentagon", "x", "bowtie", "star-diamond", "star-square", "hourglass", "octagon",
)  # fmt: skip
"""Marks of methods, in the order in which their candidates come."""


def called(
    candidates: tuple[Candidate, ...], names: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Name of each candidate by its id, not escaped: the given one, or method and strength."""
    own = {
        c.id: f"{METHOD_NAMES.get(c.method, c.method)}, strength {c.strength:g}, seed {c.seed}"
        for c in candidates
    }
    return own | dict(names or {})


def methods_of(candidates: tuple[Candidate, ...]) -> list[str]:
    """Methods in the order in which they first come."""
    return list(dict.fromkeys(c.method for c in candidates))
