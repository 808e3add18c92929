"""A plain model that learns from repaired data: weights, rows, outcomes or columns.

The repairs import scikit-learn, which a page that lists methods need not wait for: they are
imported where they are used.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from faircore.errors import InputError
from faircore.methods.bases import BaseConfig, Wrap, train_base
from faircore.methods.method import Method, Run, Work
from faircore.numerals import percent
from faircore.predictors.group_key import Unseen
from faircore.training import EncodedRows, Trained, train_in_threads
from faircore.training.loop import OnEpoch


@dataclass(frozen=True)
class RepairConfig:
    """What learns from the repaired data.

    Attributes
    ----------
    base : BaseConfig
    """

    base: BaseConfig = field(default_factory=BaseConfig)


@dataclass(frozen=True)
class SampleConfig(RepairConfig):
    """What learns from resampled rows.

    Attributes
    ----------
    how : {"uniform", "preferential"}
        Whether rows are drawn at random, or those nearest the border are repeated and left out.
    """

    how: str = "uniform"

    def __post_init__(self) -> None:
        if self.how not in ("uniform", "preferential"):
            raise InputError(f"how must be uniform or preferential; it is {self.how!r}. Change it.")


@dataclass(frozen=True)
class ColumnsConfig(RepairConfig):
    """What learns from repaired columns.

    Attributes
    ----------
    unseen : {"pooled", "refuse"}
        What becomes of a row whose group was not there while it learned.
    """

    unseen: Unseen = "pooled"


@dataclass(frozen=True, eq=False)
class Told:
    """Rows with the attributes that groups are made of, crossed where there are several."""

    rows: EncodedRows
    sensitive: pd.DataFrame

    @property
    def parts(self) -> tuple[Any, pd.DataFrame, Any]:
        """Outcome, groups and weights, as the repairs take them."""
        return self.rows.y, self.sensitive, self.rows.unit_weights


Repair = Callable[[Told, Told, float, int, Any], tuple[EncodedRows, EncodedRows, Wrap]]
"""Rows to learn from and rows to stop on, an amount, a seed and a configuration; to both repaired,
and what a model of them must be wrapped in."""


def reweighed(told: Told, amount: float, _: int, __: Any) -> EncodedRows:
    """Rows whose weights make group and outcome independent."""
    from faircore.repair import reweighing

    return replace(told.rows, weights=reweighing(*told.parts, amount))


def resampled(told: Told, amount: float, seed: int, config: SampleConfig) -> EncodedRows:
    """Rows drawn so that group and outcome are independent."""
    from faircore.repair import resampling

    scores = _ranks(told) if config.how == "preferential" else None
    return told.rows.take(resampling(*told.parts, amount, seed, scores=scores).astype(np.int64))


def massaged(told: Told, amount: float, _: int, __: Any) -> EncodedRows:
    """Rows some of whose outcomes were changed until base rates are equal."""
    from faircore.repair import massaging

    y, sensitive, weights = told.parts
    return replace(told.rows, y=massaging(y, sensitive, _ranks(told), weights, amount))


def _ranks(told: Told) -> NDArray[np.float64]:
    """Probability of the good outcome, by a simple model of the same rows."""
    from faircore.repair.ranking import rank_scores

    y, _, weights = told.parts
    return rank_scores(None, told.rows.X.astype(np.float64), y, weights)


def _of_rows(one: Callable[[Told, float, int, Any], EncodedRows]) -> Repair:
    """Rows to stop on are repaired as those to learn from are: by themselves."""

    def repair(
        learn: Told, judge: Told, amount: float, seed: int, config: Any
    ) -> tuple[EncodedRows, EncodedRows, Wrap]:
        first, second = (one(told, amount, seed, config) for told in (learn, judge))
        return first, second, lambda model: model

    return repair


def _of_columns(kind: Literal["Decorrelator", "DisparateImpactRepairer"]) -> Repair:
    """Rows to stop on are moved as new rows will be."""

    def repair(
        learn: Told, judge: Told, amount: float, _: int, config: ColumnsConfig
    ) -> tuple[EncodedRows, EncodedRows, Wrap]:
        from faircore import repair

        mover = getattr(repair, kind)(amount, unseen=config.unseen)
        mover.fit(
            learn.rows.X,
            sensitive_features=learn.sensitive,
            sample_weight=learn.rows.unit_weights,
        )
        moved = [
            replace(
                told.rows,
                X=mover.transform(told.rows.X, sensitive_features=told.sensitive).astype(
                    np.float32
                ),
            )
            for told in (learn, judge)
        ]
        return moved[0], moved[1], mover.to_predictor

    return repair


def train_repaired(repair: Repair) -> Run:
    """Make the training function of one repair."""

    def train(work: Work) -> Iterator[Trained]:
        learn, judge = _told(work, "train"), _told(work, "select")
        base: BaseConfig = work.config.base

        def some(part: Sequence[tuple[float, int]], report: OnEpoch) -> Iterator[Trained]:
            for position, (amount, seed) in enumerate(part):
                try:
                    rows, stop, wrap = (
                        repair(learn, judge, amount, seed, work.config)
                        if amount
                        else (learn.rows, judge.rows, lambda model: model)
                    )
                except InputError as error:
                    yield Trained(position, failure=str(error))
                    continue

                def tell(_: int, row: dict[str, float], position: int = position) -> None:
                    report(position, row)

                one = train_base(base, rows, stop, seed, tell)
                wrapped = None if one.predictor is None else wrap(one.predictor)
                yield replace(one, position=position, predictor=wrapped)

        return train_in_threads(some, work.trials, base.epochs, together=1, **work.told)

    return train


def _told(work: Work, split: str) -> Told:
    sensitive = work.prepared.dataset.sensitive.iloc[work.prepared.rows(split)]
    sensitive = sensitive[list(work.attributes)]
    return Told(work.rows(split), sensitive.reset_index(drop=True))


def _method(
    title: str,
    sentence: str,
    repair: Repair,
    doing: str,
    *,
    caution: str = "",
    config: type[RepairConfig] = RepairConfig,
) -> Method:
    return Method(
        title=title,
        sentence=sentence,
        stage="before",
        caution=caution,
        needs_groups=config is ColumnsConfig,
        strength="Share of the repair",
        strength_text=lambda amount: f"{percent(amount, None)} repaired" if amount else "as it is",
        plain=0.0,
        strengths=lambda _: (0.2, 1.0),
        goals=("demographic_parity",),
        config=config,
        bare=lambda own: config(own.base),
        describe=lambda config: f"{config.base.text} on {doing}",
        run=train_repaired(repair),
        work=lambda config, n_rows, n_columns, _: config.base.work(n_rows, n_columns),
        largest=1.0,
        takes_options=False,
        steps="rounds",
    )


REWEIGHED = _method(
    "Reweight the examples before learning",
    "Examples count more where a group has too few good outcomes on record, and less where it has "
    "too many, until group and outcome are independent. Works with any learner.",
    _of_rows(reweighed),
    "reweighted examples",
    caution="Promises nothing about the gap of the model; it is measured.",
)
RESAMPLED = _method(
    "Resample the examples before learning",
    "The same by repeating and leaving out examples, for learners that take no weights.",
    _of_rows(resampled),
    "resampled examples",
    caution="Draws by chance unless the doubtful are preferred: look at several seeds.",
    config=SampleConfig,
)
MASSAGED = _method(
    "Relabel doubtful examples before learning",
    "Changes the recorded outcome of the examples closest to the border until all groups have the "
    "same share of good outcomes (massaging).",
    _of_rows(massaged),
    "relabelled examples",
    caution="It learns from outcomes that did not happen: for learning only, never for judging, "
    "and not where changing records is forbidden.",
)
REPAIRED = _method(
    "Make the columns alike in every group",
    "Moves each number to where it would be if its group had everybody's distribution, keeping "
    "the order within a group (disparate-impact repair).",
    _of_columns("DisparateImpactRepairer"),
    "repaired columns",
    caution="Leaves yes-no columns as they are: where those tell the groups apart it does little. "
    "People with equal records are treated differently by group; a law may forbid that.",
    config=ColumnsConfig,
)
DECORRELATED = _method(
    "Take the group out of the columns",
    "Subtracts from every column what the group says about it, so that no column goes with the "
    "group on average.",
    _of_columns("Decorrelator"),
    "columns without the group",
    caution="Only averages are made equal. People with equal records are treated differently by "
    "group; a law may forbid that.",
    config=ColumnsConfig,
)
