"""One learner trained many times on reweighted rows, and mixed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from faircore.errors import InputError
from faircore.methods.bases import BaseConfig
from faircore.methods.method import Method, Request, Work, limit_text
from faircore.numerals import hundredths, points
from faircore.predictors.converted import predictor_of
from faircore.predictors.mixture import Mixture, Mode, check_mode
from faircore.training import EncodedRows, Trained, train_in_threads
from faircore.training.constraints import UNCONSTRAINED
from faircore.training.loop import OnEpoch

if TYPE_CHECKING:
    from faircore.reductions import Reduced

SLACK = 0.001  # a limit missed by less counts as kept
_FITS_PER_ROUND = 2  # of the search: the gradient's model and the linear programme's


@dataclass(frozen=True)
class ReductionsConfig:
    """What is trained many times, how often, and how the mixture decides.

    Attributes
    ----------
    base : BaseConfig
        Trees, without early stopping; for a network, logistic regression.
    rounds : int
        Of the search, at most; each trains about twice.
    crossed : float
        How many times the limit a gap between crossed groups may be, 1 or more.
    mixture : {"mean", "vote", "drawn"}
        See :class:`faircore.predictors.mixture.Mixture`.

    Raises
    ------
    InputError
    """

    base: BaseConfig = field(default_factory=BaseConfig)
    rounds: int = 20
    crossed: float = 1.0
    mixture: Mode = "drawn"

    def __post_init__(self) -> None:
        check_mode(self.mixture)
        object.__setattr__(self, "rounds", int(self.rounds))
        object.__setattr__(self, "crossed", float(self.crossed))
        for name in ("rounds", "crossed"):
            if not 1 <= getattr(self, name) < float("inf"):
                raise InputError(
                    f"{name} must be 1 or more; it is {getattr(self, name)}. Change it."
                )

    @property
    def text(self) -> str:
        """What is mixed, in words."""
        return self.base.text if self.base.kind == "trees" else "logistic regression"


def train_reduced(work: Work) -> Iterator[Trained]:
    """Search one mixture per (tolerance, seed).

    There are no passes to tell ``on_epoch`` of: it is asked, with a row that counts fits alone,
    whether to go on.
    """
    learn, config = work.rows("train"), work.config
    most = config.rounds * _FITS_PER_ROUND

    def some(part: Sequence[tuple[float, int]], report: OnEpoch) -> Iterator[Trained]:
        for position, (tolerance, seed) in enumerate(part):

            def tell(fits: int, position: int = position) -> None:
                report(position, {"epoch": float(min(fits, most))})

            yield _search(position, learn, tolerance, seed, work.request, tell)

    return train_in_threads(some, work.trials, most, together=1, **work.told)


def _search(
    position: int, learn: EncodedRows, tolerance: float, seed: int, request: Request, tell: Any
) -> Trained:
    """One mixture, or why there is none."""
    from faircore.reductions import reduce  # with Fairlearn, a second that no page need wait for

    config: ReductionsConfig = request.config
    weights = learn.unit_weights
    plain = tolerance >= UNCONSTRAINED
    try:
        found = reduce(
            learn.X, learn.y, learn.groups, weights if np.ptp(weights) > 0 else None,
            estimator=_estimator(config.base, seed),
            constraint=request.penalty,
            # It bounds each group's distance to everybody: two of them make a gap.
            tolerance=1.0 if plain else tolerance / 2,
            crossed_tolerance=1.0 if plain else min(1.0, config.crossed * tolerance / 2),
            max_iter=config.rounds if not plain else 1,
            on_fit=tell,
        )  # fmt: skip
    except (ArithmeticError, LookupError, RuntimeError, ValueError) as error:
        # Fairlearn and learners speak of data in their own words, which are not repeated.
        said = str(error) if isinstance(error, InputError) else (
            f"The search ended with an error ({type(error).__name__}). Try another learner, fewer "
            "groups or a wider gap."
        )  # fmt: skip
        return Trained(position, failure=said)
    members = tuple(predictor_of(p, n_features=learn.X.shape[1]) for p in found.predictors)
    return Trained(
        position,
        Mixture(members, found.weights, config.mixture, seed),
        best_epoch=found.n_oracle_calls,
        fit_seconds=found.fit_seconds,
        note="" if plain else _note(found),
    )


def _note(found: Reduced) -> str:
    """Whether the mixture keeps what was asked for, on the rows learned from."""
    table = found.gaps
    missed = table["difference"] - 2 * table["tolerance"]
    if float(missed.max()) <= SLACK:
        return ""
    row: Any = table.iloc[int(missed.to_numpy().argmax())]
    return (
        f"Infeasible: asked for a gap of {points(2 * row['tolerance'], None)}; the smallest the "
        f"mixture reaches is {hundredths(row['difference'], None)} ({row['partition']}), on the "
        "rows it learned from. Allow a wider gap, or more rounds."
    )


def _estimator(base: BaseConfig, seed: int) -> Any:
    """An unfitted estimator that takes weights."""
    if base.kind == "network":
        from sklearn.linear_model import LogisticRegression

        return LogisticRegression(max_iter=1000)
    from lightgbm import LGBMClassifier

    trees = base.trees
    return LGBMClassifier(
        n_estimators=trees.n_rounds,
        num_leaves=trees.n_leaves,
        learning_rate=trees.learning_rate,
        min_child_samples=trees.min_rows,
        reg_lambda=trees.l2,
        subsample=trees.row_share,
        subsample_freq=int(trees.row_share < 1),
        colsample_bytree=trees.column_share,
        random_state=seed,
        n_jobs=1,
        deterministic=True,
        force_row_wise=True,
        verbosity=-1,
    )


REDUCTIONS = Method(
    title="Train many times and mix",
    sentence="Trains one kind of model again and again on examples whose weights follow the gap, "
    "and mixes the models so that the limit holds on the rows learned from (exponentiated "
    "gradient). Needs no group to decide.",
    stage="around",
    caution="Takes minutes. What keeps the limit is a lot among models: two equal people may get "
    "different answers.",
    strength="Widest gap allowed",
    strength_text=limit_text,
    plain=UNCONSTRAINED,
    strengths=lambda _: (0.1, 0.01),
    goals=("demographic_parity", "equal_opportunity", "equalized_odds"),
    config=ReductionsConfig,
    describe=lambda config: f"mixture of {config.text}",
    run=train_reduced,
    steps="fits",
    work=lambda config, n_rows, n_columns, _: (
        config.rounds * _FITS_PER_ROUND * config.base.work(n_rows, n_columns)
    ),
    bare=lambda config: ReductionsConfig(config.base, rounds=1),
    largest=UNCONSTRAINED,
    targets=True,
    takes_options=False,
)
