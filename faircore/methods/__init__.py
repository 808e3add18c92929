"""Ways of making a fairer model, each a line in :data:`METHODS`."""

from __future__ import annotations

from faircore.errors import InputError
from faircore.methods.adversarial import ADVERSARIAL
from faircore.methods.boosted import BOOSTED
from faircore.methods.calibrated import CALIBRATED
from faircore.methods.existing import EXISTING
from faircore.methods.lagrangian import LAGRANGIAN
from faircore.methods.method import Method, Request
from faircore.methods.reductions import REDUCTIONS
from faircore.methods.regularized import REGULARIZED
from faircore.methods.repaired import DECORRELATED, MASSAGED, REPAIRED, RESAMPLED, REWEIGHED
from faircore.methods.thresholds import REJECT, THRESHOLDS
from faircore.methods.thresholds_by_hand import BY_HAND

METHODS: dict[str, Method] = {
    "regularized": REGULARIZED,
    "boosted": BOOSTED,
    "lagrangian": LAGRANGIAN,
    "adversarial": ADVERSARIAL,
    "reweighed": REWEIGHED,
    "resampled": RESAMPLED,
    "massaged": MASSAGED,
    "repaired": REPAIRED,
    "decorrelated": DECORRELATED,
    "reductions": REDUCTIONS,
    "thresholds": THRESHOLDS,
    "reject_option": REJECT,
    "thresholds_by_hand": BY_HAND,
    "calibrated": CALIBRATED,
    "existing": EXISTING,
}


def find_method(name: str) -> Method:
    """Look a method up by name, or say which there are."""
    if name not in METHODS:
        raise InputError(f"There is no method {name!r}. Choose one of: {', '.join(METHODS)}.")
    return METHODS[name]


__all__ = ["METHODS", "Method", "Request", "find_method"]
