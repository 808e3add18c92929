"""Ways of making a fairer model, each a line in :data:`METHODS`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from faircore.methods.regularized import train_regularized
from faircore.training.loop import Trained


@dataclass(frozen=True)
class Method:
    """A method, what its strength means, and what it does in plain words."""

    title: str
    sentence: str
    strength: str
    train: Callable[..., Iterator[Trained]]


METHODS: dict[str, Method] = {
    "regularized": Method(
        "Penalise a gap while learning",
        "Trains networks that are charged for the gap as well as for their mistakes. "
        "Strength 0 is the plain model.",
        "eta, the weight of the penalty beside the accuracy loss",
        train_regularized,
    ),
}

__all__ = ["METHODS", "Method", "train_regularized"]
