"""What a method of a sweep is: how it trains, what its strength means, how long it takes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import MISSING, Field, dataclass, fields, is_dataclass
from typing import Any, Protocol

from faircore.penalties import PenaltyOptions
from faircore.training import Prepared, Trained
from faircore.training.loop import OnEpoch
from faircore.training.parallel import OnProgress


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
    """

    penalty: str
    partitions: tuple[str, ...]
    config: Any
    options: PenaltyOptions


class Train(Protocol):
    """How a method trains."""

    def __call__(
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
    train : Train
    work : callable
        Seconds per trial at the speed of the reference machine, from a configuration, the
        training rows, the encoded columns and the penalty.
    targets : bool
        Whether the strength is the gap that is asked for.
    takes_options : bool
        Whether the options of penalties apply.
    steps : str
        What it counts its training in.
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
    train: Train
    work: Callable[[Any, int, int, str], float]
    largest: float = 1e6
    targets: bool = False
    takes_options: bool = True
    steps: str = "passes"

    def read_config(self, raw: Mapping[str, Any]) -> Any:
        """Configuration from plain data."""
        return _read(self.config, raw)


def _read(kind: type, raw: Mapping[str, Any]) -> Any:
    values: dict[str, Any] = {}
    for one in fields(kind):
        if one.name in raw:
            value = raw[one.name]
            nested = _nested(one)
            if nested is not None:
                value = _read(nested, value)
            values[one.name] = tuple(value) if isinstance(value, list) else value
    return kind(**values)


def _nested(one: Field[Any]) -> type | None:
    if one.default_factory is MISSING:
        return None
    made = one.default_factory()
    return type(made) if is_dataclass(made) else None
