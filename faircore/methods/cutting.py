"""One score per seed, and the rules that cut it: what thresholds and reject option share."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import pandas as pd

from faircore.errors import FaircoreError, InputError
from faircore.methods.bases import BaseConfig
from faircore.methods.lots import lots_note
from faircore.methods.method import Work
from faircore.methods.sources import OWN, scores_per_seed, source_text
from faircore.numerals import hundredths, points
from faircore.predictors import (
    Calibrated,
    Corrected,
    GroupKey,
    GroupRule,
    Predictor,
    Thresholded,
    layers,
)
from faircore.predictors.group_key import Unseen
from faircore.training import Trained

CUT_ON = "calibrate"
"""Split that cuts are set on, and that stops the training of the score they cut. The select split
then is one they never saw."""


@dataclass(frozen=True)
class CutConfig:
    """Which score is cut, and how.

    Attributes
    ----------
    source : str
        ``"own"`` for a plain model trained here, ``"score"`` for the existing score of the data,
        or the reference of a stored model.
    base : BaseConfig
        The plain model, for ``"own"``.
    by_lot : bool, optional
        Whether people between two cuts may be decided by lot: then a limit is met exactly, on
        average over lots. By default for equalized odds alone, which can hardly be had without.
    norm : {"linf", "l1"}
        For equalized odds: each of both gaps, or their sum.
    cost_false_yes, cost_false_no : float
        What either mistake costs.
    min_people : int
        Groups with fewer rows share one cut.
    unseen : {"pooled", "refuse"}
        What becomes of a row whose group was not there when the cuts were set.
    """

    source: str = OWN
    base: BaseConfig = field(default_factory=BaseConfig)
    by_lot: bool | None = None
    norm: str = "linf"
    cost_false_yes: float = 1.0
    cost_false_no: float = 1.0
    min_people: int = 20
    unseen: Unseen = "pooled"

    def __post_init__(self) -> None:
        if self.source != OWN:  # what is not used must not make equal requests unequal
            object.__setattr__(self, "base", BaseConfig())
        for name in ("cost_false_yes", "cost_false_no"):
            cost = float(getattr(self, name))
            object.__setattr__(self, name, cost)
            if not 0 < cost < float("inf"):
                raise InputError(f"{name} must be a number above 0; it is {cost}. Change it.")
        if not isinstance(self.by_lot, bool | None):
            raise InputError(f"by_lot must be true or false; it is {self.by_lot!r}. Change it.")
        if self.norm not in ("linf", "l1"):
            raise InputError(f"norm must be linf or l1; it is {self.norm!r}. Change it.")
        if not 0 <= self.min_people < float("inf"):
            raise InputError(f"min_people must be 0 or more; it is {self.min_people!r}. Change it.")
        object.__setattr__(self, "min_people", int(self.min_people))
        GroupKey((), (), self.unseen)  # refuses what is no way to treat a row of no known group

    @property
    def text(self) -> str:
        """What is cut, in words."""
        return source_text(self)


def settled(config: CutConfig, *, norm: bool, exact: bool) -> CutConfig:
    """Leave out what does not count: equal requests then have equal ids."""
    usual = CutConfig()
    if exact and config.by_lot is None:
        config = replace(config, by_lot=norm)  # the norm is that of equalized odds
    if not exact:
        config = replace(
            config,
            by_lot=usual.by_lot,
            cost_false_yes=usual.cost_false_yes,
            cost_false_no=usual.cost_false_no,
            min_people=usual.min_people,
        )
    return config if norm else replace(config, norm=usual.norm)


def bare(config: CutConfig) -> CutConfig:
    """The same score, cut in no particular way."""
    return CutConfig(source=config.source, base=config.base)


class Fitted(Protocol):
    """Rules, one per strength asked for; none where it cannot be met."""

    rules_: list[GroupRule | None]
    points_: pd.DataFrame


class Cutter(Protocol):
    """Finds rules for a score; not fitted yet."""

    def fit(
        self, scores: Any, y_true: Any, *, sensitive_features: Any, sample_weight: Any
    ) -> Fitted:
        """Find them."""


Make = Callable[[Sequence[float], int], Cutter]
"""A cutter for the strengths asked for, with the seed of its lots."""


def cut_score(work: Work, make: Make, *, plain: float) -> Iterator[Trained]:
    """Cut one score per seed in all ways asked for; ``plain`` leaves it as it is."""
    for base, positions in scores_per_seed(work, stop_on=CUT_ON):
        own = {i: work.trials[i][0] for i in positions}
        strengths = sorted(set(own.values()) - {plain})
        made: dict[float, Trained] = {plain: base}
        if base.predictor is None:
            made |= dict.fromkeys(strengths, base)
        elif strengths:
            made |= _cuts(work, base, base.predictor, make, strengths, work.trials[positions[0]][1])
        for position, strength in own.items():
            yield replace(made[strength], position=position)


def _cuts(
    work: Work,
    base: Trained,
    model: Predictor,
    make: Make,
    strengths: list[float],
    seed: int,
) -> dict[float, Trained]:
    """What becomes of each strength: a model, or why there is none."""
    started, prepared = time.perf_counter(), work.prepared
    rows, inputs = prepared.rows(CUT_ON), prepared.inputs(CUT_ON)
    try:
        scores = model.scores(inputs)
        fitted = make(strengths, seed).fit(
            scores,
            prepared.dataset.y_true[rows],
            sensitive_features=prepared.dataset.sensitive.iloc[rows],
            sample_weight=prepared.weights[rows],
        )
    except FaircoreError as error:
        return {s: Trained(0, failure=str(error), history=base.history) for s in strengths}
    seconds = base.fit_seconds + (time.perf_counter() - started) / len(strengths)
    found = {}
    for number, strength in enumerate(strengths):
        rule, point = fitted.rules_[number], fitted.points_.iloc[number]
        one = replace(base, fit_seconds=seconds)
        if rule is None:
            one.predictor = None
            one.failure = (
                f"Infeasible: no thresholds keep a gap of {points(strength, None)}; the "
                f"smallest they reach is {hundredths(point['smallest_gap'], None)}."
            )
        else:
            one.predictor = cut = Thresholded(model, rule)
            one.shape = f"{base.shape} with thresholds by group" if base.shape else ""
            notes = (base.note, _twice(model), lots_note(work, cut, scores, inputs, rows, strength))
            one.note = " ".join(note for note in notes if note)
        found[strength] = one
    return found


def _twice(model: Predictor) -> str:
    """Say that thresholds were set on rows that are not new to the score; empty when they are."""
    if not any(isinstance(one, Calibrated | Corrected) for one in layers(model)):
        return ""
    return (
        "Its thresholds were set on the rows its calibrator learned from, so the gap on them looks "
        "smaller than it is; the rows kept for choosing are new to both."
    )
