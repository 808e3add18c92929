"""What a method of a sweep is: how it trains, what its strength means, how long it takes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any, Literal

import numpy as np

from faircore.errors import InputError
from faircore.numerals import points
from faircore.penalties import PenaltyOptions
from faircore.predictors import Predictor
from faircore.training import EncodedRows, Prepared, Trained
from faircore.training.constraints import UNCONSTRAINED
from faircore.training.loop import OnEpoch
from faircore.training.parallel import OnProgress

Stage = Literal["before", "during", "around", "after", "score", "by hand"]

ModelOf = Callable[[str], Predictor]
"""Reads a model that is stored already, by its reference."""


def no_models(reference: str) -> Predictor:
    """Refuse: nothing is stored where there is no workspace."""
    raise InputError(
        f"There is no stored model {reference!r} here. Launch the sweep from a workspace that "
        "holds it, or choose a model that is trained for it."
    )


def limit_text(tolerance: float) -> str:
    """Say what gap is asked for."""
    if tolerance >= UNCONSTRAINED:
        return "no limit"
    return f"asked: gap ≤ {points(tolerance, None)}"


@dataclass(frozen=True)
class Request:
    """What trials of a method are trained for.

    Attributes
    ----------
    penalty : str
        What fair means: a name in :data:`faircore.penalties.PENALTIES`.
    partitions : tuple of str
        Between the groups of which partitions; all when empty.
    config : object
        The method's own configuration.
    options : PenaltyOptions
    model_of : callable
        Reads a stored model, for methods that work around one.
    """

    penalty: str
    partitions: tuple[str, ...]
    config: Any
    options: PenaltyOptions
    model_of: ModelOf = no_models


@dataclass(frozen=True, eq=False)
class Work:
    """Trials to train, and whom to tell how far they are.

    Attributes
    ----------
    prepared : Prepared
    trials : sequence of (strength, seed)
    request : Request
    on_progress, on_epoch : callable, optional
        Both may raise to stop.
    """

    prepared: Prepared
    trials: Sequence[tuple[float, int]]
    request: Request
    on_progress: OnProgress | None = None
    on_epoch: OnEpoch | None = None

    @property
    def config(self) -> Any:
        """The method's own configuration."""
        return self.request.config

    @property
    def told(self) -> dict[str, Any]:
        """Both callables, by name."""
        return {"on_progress": self.on_progress, "on_epoch": self.on_epoch}

    @property
    def partitions(self) -> list[tuple[str, ...]]:
        """Attributes of each partition that the request is about."""
        return self.prepared.attributes_of(self.request.partitions)

    @property
    def attributes(self) -> tuple[str, ...]:
        """Every attribute that occurs in them."""
        return tuple(dict.fromkeys(a for names in self.partitions for a in names))

    def rows(self, split: str) -> EncodedRows:
        """Rows of a split, with the groups that the request is about."""
        return self.prepared.sample(split, partitions=self.request.partitions)


Run = Callable[[Work], Iterator[Trained]]
"""Trains one model per trial and yields each as soon as it is done, with its position."""


@dataclass(frozen=True)
class Method:
    """A method, what its strength means, and what it does in plain words.

    Attributes
    ----------
    title, sentence : str
        Plain words.
    strength : str
        What its strength is, for a form.
    strength_text : callable
        One strength in words, such as ``λ = 0.5``.
    plain : float
        The strength at which nothing is asked for: the unconstrained baseline.
    strengths : callable
        Weakest and strongest value worth trying for a penalty, in that order.
    largest : float
        No strength may exceed it.
    goals : tuple of str
        Names of the penalties it can pursue.
    config : type
        Dataclass of its configuration; its defaults are sensible.
    describe : callable
        A configuration in words: what tells its models from others.
    run : callable
        How it trains.
    work : callable
        Seconds per trial at the speed of the reference machine, from a configuration, the
        training rows, the encoded columns and the penalty.
    targets : bool
        Whether the strength is the gap that is asked for.
    takes_options : bool
        Whether the options of penalties apply.
    remembers : bool
        Whether it learns from minibatches, so that the memory of penalties applies.
    settle : callable
        The configuration a penalty leads to: equal requests then have equal ids.
    bare : callable
        A configuration without what the plain model does not depend on.
    steps : str
        What it counts its training in; ``rounds`` where that depends on the model.
    stage : {"before", "during", "around", "after", "score", "by hand"}
        Where it steps in: the data, the learning, a learner as a whole, its decisions, its score,
        or its decisions by what somebody has tried.
    caution : str
        What it may not be used for, or what somebody must know of it; empty when nothing.
    needs_groups : bool
        Whether its models must be told the groups of those they decide on.
    unseen : str
        Split whose rows neither taught its models nor chose anything about them.
    fixed : bool
        Whether there is no strength to choose.
    """

    title: str
    sentence: str
    strength: str
    strength_text: Callable[[float], str]
    plain: float
    strengths: Callable[[str], tuple[float, float]]
    goals: tuple[str, ...]
    config: type
    describe: Callable[[Any], str]
    run: Run
    work: Callable[[Any, int, int, str], float]
    largest: float = 1e6
    targets: bool = False
    takes_options: bool = True
    remembers: bool = True
    settle: Callable[[Any, str], Any] = lambda config, penalty: config
    bare: Callable[[Any], Any] = lambda config: config
    steps: str = "passes"
    stage: Stage = "during"
    caution: str = ""
    needs_groups: bool = False
    unseen: str = "calibrate"
    fixed: bool = False

    def train(
        self,
        prepared: Prepared,
        trials: Sequence[tuple[float, int]],
        request: Request,
        *,
        on_progress: OnProgress | None = None,
        on_epoch: OnEpoch | None = None,
    ) -> Iterator[Trained]:
        """Train one model per (strength, seed) and yield each as soon as it is done.

        ``position`` counts through the trials. Both callables may raise to stop.
        """
        return self.run(Work(prepared, trials, request, on_progress, on_epoch))

    @property
    def changes_one(self) -> bool:
        """Whether it changes one model there is, and is asked for where that is looked at."""
        return self.stage in ("score", "by hand")

    @property
    def is_share(self) -> bool:
        """Whether the strength is a share or a width, which steps evenly."""
        return self.largest <= 1 and not self.targets

    def grid(self, low: float, high: float, n: int, *, digits: int = 3) -> tuple[float, ...]:
        """Strengths between both ends, in steps that suit them, to so many digits."""
        if self.fixed:
            return (self.plain,)
        space = np.linspace if self.is_share else np.geomspace
        return tuple(float(f"{s:.{digits}g}") for s in space(low, high, n))

    def read_config(self, raw: Mapping[str, Any]) -> Any:
        """Configuration from plain data."""
        try:
            return _read(self.config(), raw)
        except InputError:
            raise
        except (AttributeError, TypeError, ValueError) as error:
            raise InputError(
                f"A setting of {self.config.__name__} has a value of the wrong kind. Give numbers "
                "where numbers are meant, and a list for hidden layers."
            ) from error


def _read(default: Any, raw: Mapping[str, Any]) -> Any:
    """Change a configuration; what is not given, or not known, stays as it is."""
    values: dict[str, Any] = {}
    for one in fields(default):
        if one.name in raw:
            value, own = raw[one.name], getattr(default, one.name)
            if is_dataclass(own):
                value = _read(own, value)
            values[one.name] = tuple(value) if isinstance(value, list) else value
    return replace(default, **values)
