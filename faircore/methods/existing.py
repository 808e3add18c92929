"""A model somebody has already, as it is: the baseline to compare with."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from faircore.methods.method import Method, Work
from faircore.methods.sources import SCORE, model_there, named, origin_note
from faircore.penalties import PENALTIES
from faircore.training import Trained


@dataclass(frozen=True)
class ExistingConfig:
    """Which model.

    Attributes
    ----------
    source : str
        ``"score"`` for the existing score of the data, or the reference of a stored model.
    """

    source: str = SCORE


def take_existing(work: Work) -> Iterator[Trained]:
    """Train nothing."""
    model = model_there(work)
    note = origin_note(model, work.prepared.dataset.spec)
    for position in range(len(work.trials)):
        yield Trained(position, model, note=note, shape=named(model))
    if work.on_progress is not None:
        work.on_progress(1.0)


EXISTING = Method(
    title="Compare with a model you have",
    sentence="Puts the model in use beside the others, unchanged: a score in your data, or a file "
    "you bring.",
    stage="after",
    strength="Nothing to choose",
    strength_text=lambda _: "as it is",
    plain=0.0,
    strengths=lambda _: (0.0, 0.0),
    goals=tuple(PENALTIES),
    config=ExistingConfig,
    describe=lambda config: "existing score" if config.source == SCORE else "model you brought",
    run=take_existing,
    work=lambda *_: 0.05,
    largest=0.0,
    takes_options=False,
    fixed=True,
)
