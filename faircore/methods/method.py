"""What a method of a sweep is: how it trains, what its strength means, how long it takes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any, Protocol

from faircore.errors import InputError
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
    remembers : bool
        Whether it learns from minibatches, so that the memory of penalties applies.
    settle : callable
        The configuration a penalty leads to: equal requests then have equal ids.
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
    remembers: bool = True
    settle: Callable[[Any, str], Any] = lambda config, penalty: config
    steps: str = "passes"

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
