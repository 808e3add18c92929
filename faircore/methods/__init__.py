"""Ways of making a fairer model, each a line in :data:`METHODS`."""

from __future__ import annotations

from faircore.errors import InputError
from faircore.methods.adversarial import ADVERSARIAL
from faircore.methods.boosted import BOOSTED
from faircore.methods.lagrangian import LAGRANGIAN
from faircore.methods.method import Method, Request
from faircore.methods.regularized import REGULARIZED

METHODS: dict[str, Method] = {
    "regularized": REGULARIZED,
    "boosted": BOOSTED,
    "lagrangian": LAGRANGIAN,
    "adversarial": ADVERSARIAL,
}


def find_method(name: str) -> Method:
    """Look a method up by name, or say which there are."""
    if name not in METHODS:
        raise InputError(f"There is no method {name!r}. Choose one of: {', '.join(METHODS)}.")
    return METHODS[name]


__all__ = ["METHODS", "Method", "Request", "find_method"]
