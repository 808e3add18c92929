"""Which group a row belongs to, by its labels, long after training."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from faircore.errors import InputError
from faircore.groups import Groups, Partition

Unseen = Literal["refuse", "pooled"]


@dataclass(frozen=True)
class GroupKey:
    """The groups a model knows.

    Attributes
    ----------
    attributes : tuple of str
        The attribute, or the attributes crossed.
    labels : tuple of tuple of str
        A value of each attribute, group by group. A missing value is a label like others.
    unseen : {"refuse", "pooled"}
        What becomes of a row of no known group: it is refused, or treated as everybody is.
    """

    attributes: tuple[str, ...]
    labels: tuple[tuple[str, ...], ...]
    unseen: Unseen = "refuse"

    def __post_init__(self) -> None:
        if self.unseen not in ("refuse", "pooled"):
            raise InputError(
                f"unseen must be 'refuse' or 'pooled'; it is {self.unseen!r}. Say what becomes of "
                "a row whose group was not there while learning."
            )
        if len({*self.attributes}) < len(self.attributes) or len({*self.labels}) < len(self.labels):
            raise InputError("A key names an attribute or a group twice. Fit the model again.")

    @classmethod
    def of(cls, partition: Partition, *, unseen: Unseen = "refuse") -> GroupKey:
        """Key of a partition's groups."""
        return cls(partition.attributes, partition.labels, unseen)

    @property
    def n_groups(self) -> int:
        """Number of groups known."""
        return len(self.labels)

    def codes(self, sensitive: Any) -> NDArray[np.intp]:
        """Group of each row, shape (n,): its position among ``labels``, or -1 for none of them.

        Parameters
        ----------
        sensitive : DataFrame or mapping, n rows
            With every attribute of the key; or Groups that have its partition.

        Raises
        ------
        InputError
            When rows of unknown groups are to be refused, and there are some.
        """
        if isinstance(sensitive, Groups):
            partition = sensitive.partition(" × ".join(self.attributes))
            codes = sensitive.codes[sensitive.partitions.index(partition)] - partition.start
        elif not len(sensitive):
            return np.empty(0, np.intp)
        else:
            found = Groups.of(sensitive, partitions=[self.attributes])
            partition, codes = found.partitions[0], found.codes[0]
        place = {_plain(label): i for i, label in enumerate(self.labels)}
        place |= {label: i for i, label in enumerate(self.labels)}  # "1" is "1.0" only without one
        known: NDArray[np.intp] = np.array(
            [place.get(label, place.get(_plain(label), -1)) for label in partition.labels], np.intp
        )[codes]
        n_unknown = int((known < 0).sum())
        if n_unknown and self.unseen == "refuse":
            raise InputError(
                f"{n_unknown:,} of {len(known):,} rows belong to a group of "
                f"{' × '.join(self.attributes)} that was not there while the model learned, and "
                "the model is set to refuse them. Correct the labels, leave these rows out, or "
                "use a model set to treat them as everybody is treated (unseen='pooled')."
            )
        return known

    def to_array(self) -> NDArray[np.uint8]:
        """Bytes that :meth:`from_array` reads."""
        raw = [self.attributes, self.labels, self.unseen]
        return np.frombuffer(json.dumps(raw, ensure_ascii=False).encode(), np.uint8).copy()

    @classmethod
    def from_array(cls, array: NDArray[np.uint8]) -> GroupKey:
        """Read what :meth:`to_array` wrote."""
        attributes, labels, unseen = json.loads(array.astype(np.uint8).tobytes())
        return cls(tuple(map(str, attributes)), tuple(tuple(map(str, x)) for x in labels), unseen)


def _plain(label: tuple[str, ...]) -> tuple[str, ...]:
    """A label whose whole numbers read alike: a file with a missing cell writes 1 as 1.0."""
    return tuple(v.removesuffix(".0") if v.removesuffix(".0").isdecimal() else v for v in label)
