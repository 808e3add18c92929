"""The score that is cut or calibrated: a plain model trained here, or one there is already."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, Protocol

from faircore.data import DataSpec
from faircore.methods.bases import BaseConfig, train_base
from faircore.methods.method import Work
from faircore.predictors import BroughtModel, Predictor, layers
from faircore.predictors.existing import ExistingScore
from faircore.training import Trained, train_in_threads
from faircore.training.loop import OnEpoch

OWN, SCORE = "own", "score"

NOTE = (
    "It was not trained here. If it learned from some of these very people, it looks better on "
    "them than it is."
)
SHOWN = (
    "The audit of a review without features shows all rows, so the rows of the final check are "
    "not sealed: their figures before any change were seen."
)


class SourceConfig(Protocol):
    """Which score: ``"own"``, ``"score"``, or the reference of a stored model."""

    @property
    def source(self) -> str:
        """Which it is."""

    @property
    def base(self) -> BaseConfig:
        """The plain model, for ``"own"``."""


def source_text(config: SourceConfig) -> str:
    """What is worked around, in words."""
    return config.base.text if config.source == OWN else there_text(config.source)


def there_text(source: str) -> str:
    """What a score is that there is already, in words."""
    return "existing score" if source == SCORE else "stored model"


def model_there(work: Work) -> Predictor:
    """The score that there is already: that of the data, or a stored model's."""
    source = work.config.source
    if source == SCORE:
        return ExistingScore(work.prepared.dataset.spec.score or "")
    return work.request.model_of(source)


def names_of(given: Any) -> tuple[str, ...]:
    """Attributes of a setting; text with commas is read as names."""
    if not isinstance(given, str):
        return tuple(given)
    return tuple(name.strip() for name in given.split(",") if name.strip())


def scores_per_seed(work: Work, *, stop_on: str) -> Iterator[tuple[Trained, list[int]]]:
    """One score per seed asked for, with the positions of the trials that work around it.

    ``stop_on`` is the split that stops its training, where it is trained here.
    """
    trials = work.trials
    seeds = list(dict.fromkeys(seed for _, seed in trials))
    of = [[i for i, (_, own) in enumerate(trials) if own == seed] for seed in seeds]

    def tell(number: int, row: dict[str, float]) -> None:
        if work.on_epoch is not None:
            for position in of[number]:
                work.on_epoch(position, row)

    for base in _models(work, seeds, stop_on, tell):
        yield base, of[base.position]
    if work.on_progress is not None:
        work.on_progress(1.0)


def _models(work: Work, seeds: list[int], stop_on: str, tell: OnEpoch) -> Iterator[Trained]:
    config: SourceConfig = work.config
    spec = work.prepared.dataset.spec
    if config.source != OWN:
        model = model_there(work)
        note, shape = origin_note(model, spec), named(model)
        yield from (Trained(n, model, note=note, shape=shape) for n in range(len(seeds)))
        return
    learn, judge = work.rows("train"), work.rows(stop_on)

    def some(part: Sequence[tuple[float, int]], report: OnEpoch) -> Iterator[Trained]:
        for number, (_, seed) in enumerate(part):

            def tell_one(_: int, row: dict[str, float], number: int = number) -> None:
                report(number, row)

            yield replace(train_base(config.base, learn, judge, seed, tell_one), position=number)

    yield from train_in_threads(
        some, [(0.0, seed) for seed in seeds], config.base.epochs,
        on_progress=work.on_progress, on_epoch=tell, together=1,
    )  # fmt: skip


def origin_note(model: Predictor, spec: DataSpec) -> str:
    """What somebody should know of a model that was there before; empty when it learned here."""
    told = [NOTE] if isinstance(layers(model)[-1], ExistingScore | BroughtModel) else []
    return " ".join(told + ([] if spec.features else [SHOWN]))


def named(model: Predictor) -> str:
    """What a model is, with the name of who brought it."""
    return model.described if isinstance(model, BroughtModel) else model.shape_text
