"""What a user may ask of group calibrators, checked once."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast, get_args

from faircore.calibrators.tally import Sample
from faircore.errors import InputError
from faircore.groups import Partition
from faircore.predictors.group_maps import UnseenMap

Method = Literal["none", "platt", "temperature", "beta", "isotonic", "automatic"]
Fallback = Literal["parent", "everybody", "refuse"]
Name = str | tuple[str, ...]

OTHERS = "*"


@dataclass(frozen=True)
class Rules:
    """When a group has a map of its own, and of which kind.

    Attributes are those of :class:`faircore.calibrators.GroupFairnessCalibrator`.
    """

    method: str | Mapping[Any, str] = "automatic"
    min_group_size: int = 30
    shrinkage: bool = True
    fallback: str = "parent"
    alpha: float = 0.05
    isotonic_rows: int = 1000
    isotonic_positives: int = 200
    unseen: str = "parent"
    seed: int = 0

    def __post_init__(self) -> None:
        given = self.method.values() if isinstance(self.method, Mapping) else [self.method]
        for method in given:
            _one_of("method", method, Method)
        _one_of("fallback", self.fallback, Fallback)
        _one_of("unseen", self.unseen, UnseenMap)
        for name in ("min_group_size", "isotonic_rows", "isotonic_positives", "seed"):
            value = getattr(self, name)
            if isinstance(value, bool) or not 0 <= value < math.inf or value != int(value):
                raise InputError(
                    f"{name} must be a whole number, zero or more; it is {value!r}. Change it."
                )
        if not 0 <= self.alpha <= 1:
            raise InputError(
                f"alpha must be a probability, 0 to 1; it is {self.alpha!r}. Change it."
            )

    @property
    def unseen_map(self) -> UnseenMap:
        """What becomes of rows of unknown groups."""
        return cast(UnseenMap, self.unseen)

    def method_of(self, name: str, labels: tuple[str, ...]) -> Method:
        """Method asked for a group; that of ``"*"`` where it is not named."""
        found = self.method
        if isinstance(found, Mapping):
            others = found.get(OTHERS, "automatic")
            found = found.get(labels, found.get(name, others))
        return cast(Method, found)

    def check_names(self, partitions: Iterable[Partition]) -> None:
        """Refuse methods for groups that are not there."""
        if not isinstance(self.method, Mapping):
            return
        known: set[Name] = {OTHERS}
        for partition in partitions:
            known.update(partition.group_names, partition.labels)
        unknown = [name for name in self.method if name not in known]
        if unknown:
            raise InputError(
                f"method names {len(unknown)} groups that are not among the rows: "
                f"{', '.join(map(repr, unknown[:5]))}. Name a group by its labels, such as "
                "'a · b' or ('a', 'b') in the order of the attributes, or all others by '*'."
            )

    def allows_flexible(self, sample: Sample) -> bool:
        """Whether a group is large enough for an isotonic or a beta map of its own."""
        if sample.one_outcome:
            return False
        scaled = sample.scaled
        positives = float(scaled.weights @ scaled.y)
        rarer = min(positives, scaled.n_effective - positives)
        return sample.n_effective >= self.isotonic_rows or rarer >= self.isotonic_positives

    def too_few(self, sample: Sample) -> bool:
        """Whether a group is too small for a map of its own, by what its rows are worth."""
        # Rounding of the weights must not make 30 rows 29.999….
        return sample.n_effective < self.min_group_size - 1e-6


def _one_of(name: str, value: Any, choices: Any) -> None:
    if value not in get_args(choices):
        known = ", ".join(repr(choice) for choice in get_args(choices))
        raise InputError(f"{name} must be one of {known}; it is {value!r}. Choose one.")
