"""A score corrected afterwards, so that what it promises is what happens: a candidate of its own.

Calibrators learn on the *calibrate* split and are judged on *select*. A score trained here learned
from neither, but *select* stopped its training; of one from elsewhere nobody knows. What fits them
imports scikit-learn and LightGBM, which a page that lists methods need not wait for: it is imported
where it is used.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from faircore.errors import FaircoreError, InputError
from faircore.groups import Groups
from faircore.methods.bases import BaseConfig
from faircore.methods.method import Method, Work
from faircore.methods.sources import OWN, names_of, scores_per_seed, source_text
from faircore.metrics import MIN_PEOPLE
from faircore.penalties import PENALTIES
from faircore.predictors import Calibrated, Corrected, Inputs, Predictor, Thresholded, layers
from faircore.training import Trained

FITTED_ON = "calibrate"
"""Split that calibrators learn on."""

SCOPES = {
    "everybody": "for everybody",
    "groups": "per group",
    "features": "from the features",
}
LEFT_OUT = "The thresholds or the calibration it had before are left out. "
STOPPED = (
    "Where that score was trained to be cut, the rows that calibrate it had stopped its training. "
)
MAPS = ("automatic", "platt", "temperature", "beta", "isotonic")


@dataclass(frozen=True)
class CalibrationConfig:
    """Which score is calibrated, and how.

    Attributes
    ----------
    source : str
        ``"own"`` for a plain model trained here, ``"score"`` for the existing score of the data,
        or the reference of a stored model.
    base : BaseConfig
        The plain model, for ``"own"``.
    scope : {"everybody", "groups", "features"}
        One map for everybody, one per group, or a correction by the features alone that was fitted
        with an eye on the groups of all partitions and is applied without them.
    calibrator : {"automatic", "platt", "temperature", "beta", "isotonic"}
        The kind of map; not for ``"features"``.
    attributes : tuple of str
        Attributes whose crossed groups have maps of their own; those of the partition of most
        attributes when empty. Text with commas is read as names.
    min_group_size : int
        A group with fewer rows takes the calibrator of a parent.
    shrinkage : bool
        Whether small groups are drawn towards their parent.
    unseen : {"parent", "pooled", "refuse"}
        What becomes of a row whose group was not there while the maps were fitted.
    """

    source: str = OWN
    base: BaseConfig = field(default_factory=BaseConfig)
    scope: str = "groups"
    calibrator: str = "automatic"
    attributes: tuple[str, ...] = ()
    min_group_size: int = 30
    shrinkage: bool = True
    unseen: str = "parent"

    def __post_init__(self) -> None:
        object.__setattr__(self, "attributes", names_of(self.attributes))
        for name, known in (
            ("scope", tuple(SCOPES)),
            ("calibrator", MAPS),
            ("unseen", ("parent", "pooled", "refuse")),
        ):
            if getattr(self, name) not in known:
                raise InputError(
                    f"{name} must be one of {', '.join(known)}; it is {getattr(self, name)!r}. "
                    "Change it."
                )
        if not MIN_PEOPLE <= self.min_group_size < float("inf"):
            raise InputError(
                f"min_group_size must be {MIN_PEOPLE} or more, since a map of fewer people would "
                f"tell their outcomes; it is {self.min_group_size!r}. Change it."
            )
        object.__setattr__(self, "min_group_size", int(self.min_group_size))
        if self.source != OWN:
            object.__setattr__(self, "base", BaseConfig())
        # What is not used must not make equal requests unequal.
        if self.scope == "everybody":
            object.__setattr__(self, "attributes", ())
        if self.scope != "groups":
            for name in ("min_group_size", "shrinkage", "unseen"):
                object.__setattr__(self, name, type(self).__dataclass_fields__[name].default)
        if self.scope == "features":
            object.__setattr__(self, "calibrator", "automatic")
            object.__setattr__(self, "attributes", ())

    @property
    def text(self) -> str:
        """What is calibrated and how, in words."""
        return f"{source_text(self)}; {self.how}"

    @property
    def how(self) -> str:
        """How it is calibrated, in words."""
        kind = "" if self.calibrator == "automatic" else f" ({self.calibrator})"
        of = f" of {' × '.join(self.attributes)}" if self.scope == "groups" else ""
        verb = "corrected" if self.scope == "features" else "calibrated"
        return f"{verb} {SCOPES[self.scope]}{of if self.attributes else ''}{kind}"


def calibrate_score(work: Work) -> Iterator[Trained]:
    """Calibrate one score per seed."""
    for base, positions in scores_per_seed(work, stop_on="select"):
        seed = work.trials[positions[0]][1]
        one = base if base.predictor is None else _calibrated(work, base, base.predictor, seed)
        yield from (replace(one, position=position) for position in positions)


def _calibrated(work: Work, base: Trained, model: Predictor, seed: int) -> Trained:
    started, prepared, config = time.perf_counter(), work.prepared, work.config
    partitions = prepared.groups.partitions
    widest = max(partitions, key=lambda p: len(p.attributes)).attributes
    config = replace(config, attributes=config.attributes or widest)
    rows, inputs = prepared.rows(FITTED_ON), prepared.inputs(FITTED_ON)
    plain = plain_score(model)
    left = "" if plain is model else LEFT_OUT
    if any(isinstance(one, Thresholded) for one in layers(model)):
        left += STOPPED
    try:
        made, note = fit_calibration(
            plain,
            config,
            inputs,
            plain.scores(inputs),
            prepared.dataset.y_true[rows],
            prepared.weights[rows],
            partitions=[p.attributes for p in partitions],
            entity=None if prepared.dataset.entity is None else prepared.dataset.entity[rows],
            seed=seed,
        )
    except FaircoreError as error:
        return Trained(0, failure=str(error), history=base.history)
    return replace(
        base,
        predictor=made,
        fit_seconds=base.fit_seconds + time.perf_counter() - started,
        shape=f"{_named(base, model, plain, config)}; {config.how}",
        note=f"{base.note} {left}{note}".strip(),
    )


def _named(base: Trained, model: Predictor, plain: Predictor, config: CalibrationConfig) -> str:
    """What the score that is calibrated is, in words."""
    return plain.shape_text if plain is not model else base.shape or config.base.text


def plain_score(model: Predictor) -> Predictor:
    """The model whose score is to be calibrated, below thresholds and earlier calibrations.

    A score that was moved so that thresholds of groups meet at one half promises nothing, and what
    is calibrated already is calibrated anew from what it was made from.
    """
    return next(
        one for one in layers(model) if not isinstance(one, Thresholded | Calibrated | Corrected)
    )


def fit_calibration(
    model: Predictor,
    config: CalibrationConfig,
    inputs: Inputs,
    scores: Any,
    y_true: Any,
    weights: Any,
    *,
    partitions: list[tuple[str, ...]],
    entity: Any = None,
    seed: int = 0,
) -> tuple[Predictor, str]:
    """Fit what a configuration asks for to a model's ``scores`` of some rows.

    Returns
    -------
    predictor : Calibrated or Corrected
    note : str
        What somebody should know of it.
    """
    if config.scope == "features":
        return _corrected(model, scores, inputs, y_true, weights, partitions, entity, seed)
    from faircore.calibrators import GroupFairnessCalibrator

    calibrator = GroupFairnessCalibrator(
        config.calibrator,
        min_group_size=config.min_group_size,
        shrinkage=config.shrinkage,
        unseen=config.unseen,
        seed=seed,
    )
    told = inputs.attributes(config.attributes) if config.scope == "groups" else None
    calibrator.fit(scores, y_true, told, sample_weight=weights)
    return Calibrated(model, calibrator.maps_), ""


def _corrected(
    model: Predictor,
    scores: Any,
    inputs: Inputs,
    y_true: Any,
    weights: Any,
    partitions: list[tuple[str, ...]],
    entity: Any,
    seed: int,
) -> tuple[Predictor, str]:
    from faircore.calibrators.multicalibrated import MulticalibratedCorrection

    if inputs.encoded.shape[1] == 0:
        raise InputError(
            "A correction by the features needs features, and these data have none. Choose some on "
            "the Data page, or calibrate for everybody or per group."
        )
    groups = Groups.of(inputs.sensitive, partitions=partitions)
    fit = MulticalibratedCorrection(seed=seed)
    fit.fit(inputs.encoded, scores, y_true, groups, sample_weight=weights, entity=entity)
    return fit.corrected(model), fit.reason_


CALIBRATED = Method(
    title="Calibrate a score",
    sentence="Corrects the score itself, so that 30% means 30%: for everybody, in each group, or "
    "by the features alone where the group may not be used.",
    stage="score",
    strength="One calibration after another",
    strength_text=lambda _: "after calibration",
    plain=0.0,
    strengths=lambda _: (0.0, 0.0),
    goals=tuple(PENALTIES),
    config=CalibrationConfig,
    describe=lambda config: config.text,
    run=calibrate_score,
    work=lambda config, n_rows, n_columns, _: (
        (config.base.work(n_rows, n_columns) if config.source == OWN else 0.2)
        + (5.0 if config.scope == "features" else 0.5)
    ),
    largest=0.0,
    takes_options=False,
    unseen="select",
    fixed=True,
    caution="Per group, it must be told the group of everybody it scores.",
)
