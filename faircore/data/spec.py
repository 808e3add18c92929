"""Column roles: what each column of a table means to a review."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from typing import Any

from faircore.errors import SpecError


@dataclass(frozen=True)
class Sensitive:
    """A sensitive attribute and, where it is numeric, how it is cut into groups.

    Attributes
    ----------
    column : str
        Name of the column.
    bins : tuple of float, optional
        Inner edges, strictly increasing. ``(25, 60)`` makes the groups ``< 25``, ``25–60`` (60
        excluded) and ``≥ 60``. ``None`` keeps each distinct value as a group.
    """

    column: str
    bins: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        if self.bins is not None and (
            not self.bins or any(a >= b for a, b in zip(self.bins, self.bins[1:], strict=False))
        ):
            raise SpecError(
                f"The bin edges of {self.column!r} must be given and increase. Write them from the "
                "lowest to the highest, each once."
            )


@dataclass(frozen=True)
class DataSpec:
    """Which column plays which role.

    Attributes
    ----------
    target : str
        The outcome to predict.
    positive : str
        The value of the target that is the good outcome (1 in ``y_true``), as text.
    features : tuple of str
        Columns a model may see; none when only an existing system is audited. A sensitive column
        among them makes every model need the attribute at prediction time.
    categorical : tuple of str
        Features that look like numbers but are codes (a postcode, an occupation code). Features
        that are not numbers are categories anyway and need not be listed.
    sensitive : tuple of Sensitive
        The attributes to be fair about.
    intersections : tuple of tuple of str
        Which attributes are also crossed, for example ``(("race", "sex"),)``.
    weight, entity, time : str, optional
        Sample weight; identifier of a person who may have several rows; order in time.
    score, decision : str, optional
        An existing system's probability and 0/1 decision.

    Raises
    ------
    SpecError
        When one column has two roles that exclude each other, or an intersection names an
        attribute that is not sensitive.
    """

    target: str
    positive: str
    features: tuple[str, ...]
    sensitive: tuple[Sensitive, ...]
    categorical: tuple[str, ...] = ()
    intersections: tuple[tuple[str, ...], ...] = ()
    weight: str | None = None
    entity: str | None = None
    time: str | None = None
    score: str | None = None
    decision: str | None = None

    def __post_init__(self) -> None:
        names = self.attributes
        if not names:
            raise SpecError(
                "No sensitive attribute is chosen. Choose at least one to be fair about."
            )
        for what, columns in (("feature", self.features), ("sensitive attribute", names)):
            if len(set(columns)) < len(columns):
                raise SpecError(f"A {what} is named twice. Name each column once.")
        alone = {
            role: column
            for role in ("target", "weight", "entity", "time", "score", "decision")
            if (column := getattr(self, role)) is not None
        }
        for role, column in alone.items():
            if column in self.features:
                raise SpecError(
                    f"Column {column!r} is both the {role} and a feature. "
                    f"Take it out of the features, or give the {role} another column."
                )
        if self.target in names:
            raise SpecError(f"Column {self.target!r} is both the target and sensitive. Choose one.")
        if len(set(alone.values())) < len(alone):
            raise SpecError(
                f"One column has two roles among {', '.join(alone)}. Give each its own."
            )
        for crossed in self.intersections:
            if len(crossed) < 2 or len(set(crossed)) < len(crossed) or set(crossed) - set(names):
                raise SpecError(
                    f"The intersection {' × '.join(crossed)} must cross two or more different "
                    f"sensitive attributes. There are: {', '.join(names)}."
                )

    @property
    def attributes(self) -> tuple[str, ...]:
        """Names of the sensitive columns."""
        return tuple(s.column for s in self.sensitive)

    @property
    def partitions(self) -> tuple[tuple[str, ...], ...]:
        """Every partition under audit: each attribute alone, then each intersection."""
        return tuple((a,) for a in self.attributes) + self.intersections

    @property
    def needs_groups(self) -> bool:
        """Whether a model with these features must know a sensitive attribute to predict."""
        return bool(set(self.features) & set(self.attributes))

    def with_(self, **changes: Any) -> DataSpec:
        """Return a copy with some roles changed."""
        return replace(self, **changes)

    def to_json(self) -> str:
        """Canonical JSON: equal specs give equal text."""
        return json.dumps(asdict(self), sort_keys=True, ensure_ascii=False, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> DataSpec:
        """Read what :meth:`to_json` wrote."""
        try:
            raw = json.loads(text)
            raw["sensitive"] = tuple(
                Sensitive(s["column"], None if s["bins"] is None else tuple(s["bins"]))
                for s in raw["sensitive"]
            )
            for key in ("features", "categorical"):
                raw[key] = tuple(raw[key])
            raw["intersections"] = tuple(tuple(i) for i in raw["intersections"])
            return cls(**raw)
        except (KeyError, TypeError, json.JSONDecodeError) as error:
            raise SpecError(f"The column roles cannot be read: {error}.") from error
