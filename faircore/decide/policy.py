"""What a fair enough model is, written down before any model is seen.

A policy names a definition of fairness and its reasons, the worst values allowed, whether a model
may ask for a sensitive attribute, how much risk of a false certificate is taken, and what happens
once the model is in use. Its hash names it in every later record.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from typing import Any

from faircore.errors import InputError
from faircore.frontier import Limit, find_objective
from faircore.frontier.objectives import BETWEEN
from faircore.metrics import DISPARITIES, PERFORMANCES, RATES
from faircore.numerals import percent, points
from faircore.records import canonical

MOST_OPENINGS = 10


@dataclass(frozen=True)
class CalibrationLimit:
    """How far scores may be from what happens.

    Attributes
    ----------
    error : float
        Expected calibration error allowed in any group, in (0, 1).
    apart : float
        Largest minus smallest error over the groups, in (0, 1).
    partition : str
        Whose groups.
    """

    error: float = 0.05
    apart: float = 0.02
    partition: str = ""

    def __post_init__(self) -> None:
        for name in ("error", "apart"):
            if not 0 < getattr(self, name) < 1:
                raise InputError(
                    f"The calibration limit “{name}” must lie between 0 and 1; it is "
                    f"{getattr(self, name)}. Change it: .05 and .02 are usual."
                )


@dataclass(frozen=True)
class MitigationPlan:
    """What happens once the model is in use. Free text; empty where nobody has said.

    Attributes
    ----------
    watched : str
        What will be measured, how often.
    triggers : str
        What calls for a person to look, or for going back to how it was.
    response : str
        What is done then.
    answers : str
        Who answers for it.
    """

    watched: str = ""
    triggers: str = ""
    response: str = ""
    answers: str = ""

    @property
    def missing(self) -> tuple[str, ...]:
        """Parts nobody has written."""
        return tuple(name for name, text in asdict(self).items() if not text.strip())


@dataclass(frozen=True)
class Policy:
    r"""Limits a chosen model must keep, and why these.

    Attributes
    ----------
    definition : str
        Name of the disparity that says what fair means here; a key of
        :data:`faircore.metrics.DISPARITIES`.
    limits : tuple of Limit
        Worst values allowed: gaps of that definition and of others, each over a partition named
        in its key (``name@partition``), and performances, each above 0 and below 1. At least one
        is of ``definition``.
    reason : str
        Why this definition and these limits.
    answers : mapping of str to str
        What was answered in the interview; see :mod:`faircore.decide.interview`.
    calibration : CalibrationLimit or None
        Where scores are read as chances.
    may_need_groups : bool
        Whether a model may ask for a sensitive attribute when it predicts.
    plan : MitigationPlan
    level : float
        Risk of a false certificate, over all openings of the sealed rows together, in (0, .5).
    openings : int
        How many openings share that risk: each tests at ``level / openings``.
    smallest_group : int
        Groups with fewer of the rows at hand are promised nothing, and named. 0: every group must
        be shown to be close, however small, and one of fewer than 10 then makes a certificate
        impossible.

    Examples
    --------
    >>> policy = Policy(
    ...     "demographic_parity_difference",
    ...     (Limit("demographic_parity_difference@sex", 0.05), Limit("accuracy", 0.8)),
    ...     reason="Who is invited must not depend on sex.",
    ... )
    >>> print(*policy.in_words(), sep="\n")
    Gap in selection by sex at most 5.0 points
    Accuracy at least 80.0%
    A model may not ask for a sensitive attribute
    """

    definition: str
    limits: tuple[Limit, ...]
    reason: str
    answers: Mapping[str, str] = field(default_factory=dict)
    calibration: CalibrationLimit | None = None
    may_need_groups: bool = False
    plan: MitigationPlan = field(default_factory=MitigationPlan)
    level: float = 0.05
    openings: int = 1
    smallest_group: int = 0

    def __post_init__(self) -> None:
        if self.definition not in DISPARITIES:
            raise InputError(
                f"A policy's definition of fairness is one of {', '.join(DISPARITIES)}; it is "
                f"{self.definition!r}. Choose one."
            )
        if not self.reason.strip():
            raise InputError(
                "A policy needs a reason. Write why this definition and these limits: the record "
                "is read by people who were not there."
            )
        names = [limit.key.partition(BETWEEN)[0] for limit in self.limits]
        if self.definition not in names:
            raise InputError(
                f"A policy sets a limit for what it calls fair, {self.definition!r}, and this one "
                "sets none. Add one, such as .05 for a gap or .80 for a ratio."
            )
        if len({x.key for x in self.limits}) < len(self.limits):
            raise InputError("A policy limits each measure once. Remove one of the two limits.")
        for limit in self.limits:
            _check(limit)
        if not 0 < self.level < 0.5:
            raise InputError(
                f"The risk of a false certificate lies between 0 and .5; it is {self.level}. "
                ".05 is usual."
            )
        if not 1 <= self.openings <= MOST_OPENINGS or int(self.openings) != self.openings:
            raise InputError(
                f"The sealed rows may be opened 1 to {MOST_OPENINGS} times; the policy says "
                f"{self.openings}. Each opening makes every certificate harder to get."
            )
        if self.smallest_group < 0:
            raise InputError(
                f"The smallest group spoken of has 0 or more people; it has {self.smallest_group}."
            )
        object.__setattr__(self, "limits", tuple(self.limits))
        object.__setattr__(self, "answers", dict(self.answers))

    @property
    def level_each(self) -> float:
        """Risk that one opening may spend."""
        return self.level / self.openings

    @property
    def gaps(self) -> tuple[Limit, ...]:
        """Limits between groups."""
        return tuple(x for x in self.limits if find_objective(x.key).source == "gap")

    @property
    def floors(self) -> tuple[Limit, ...]:
        """Limits over everybody."""
        return tuple(x for x in self.limits if find_objective(x.key).source != "gap")

    @property
    def partitions(self) -> tuple[str, ...]:
        """Names of those whose groups a rule speaks of, each once."""
        named = [limit.key.partition(BETWEEN)[2] for limit in self.gaps]
        if self.calibration is not None and self.calibration.partition:
            named.append(self.calibration.partition)
        return tuple(dict.fromkeys(named))

    @property
    def untestable(self) -> tuple[Limit, ...]:
        """Limits of 0 or 1, which older records have: no test can show them to be kept."""
        return tuple(x for x in self.limits if not 0 < x.at < 1)

    def in_words(self) -> tuple[str, ...]:
        """One sentence per rule, without full stops."""
        told = [text[:1].upper() + text[1:] for text in (x.in_words() for x in self.limits)]
        if self.calibration is not None:
            of = f" of {self.calibration.partition}" if self.calibration.partition else ""
            told.append(
                f"Scores wrong by at most {percent(self.calibration.error, None)} on average in "
                f"every group{of}, and at most {points(self.calibration.apart, None)} apart"
            )
        may = "may" if self.may_need_groups else "may not"
        return (*told, f"A model {may} ask for a sensitive attribute")

    def to_dict(self) -> dict[str, Any]:
        """Plain data for the record."""
        return {**asdict(self), "limits": [asdict(x) for x in self.limits]}

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> Policy:
        """Read what :meth:`to_dict` wrote, by an older version too: see :attr:`untestable`."""
        calibration = raw["calibration"]
        limits = tuple(Limit(**x) for x in raw["limits"])
        made = cls(
            **{
                **raw,
                "limits": tuple(replace(x, at=0.5) if x.at in (0, 1) else x for x in limits),
                "calibration": None if calibration is None else CalibrationLimit(**calibration),
                "plan": MitigationPlan(**raw["plan"]),
            }
        )
        object.__setattr__(made, "limits", limits)
        return made

    @cached_property
    def sha256(self) -> str:
        """Hash of everything in it."""
        return hashlib.sha256(canonical(self.to_dict()).encode()).hexdigest()

    def changes(self, new: Policy) -> tuple[str, ...]:
        """What another policy says differently, one sentence without a full stop each."""
        told = []
        old_limits, new_limits = ({x.key: x for x in p.limits} for p in (self, new))
        for key, limit in old_limits.items():
            if key not in new_limits:
                told.append(f"no longer: {limit.in_words()}")
            elif new_limits[key] != limit:
                text = find_objective(key).text
                told.append(
                    f"{find_objective(key).full_title}: {text(limit.at)} became "
                    f"{text(new_limits[key].at)}"
                )
        told += [f"new: {x.in_words()}" for key, x in new_limits.items() if key not in old_limits]
        names = {
            "definition": "what fair means", "reason": "the reason", "answers": "the answers",
            "calibration": "how far scores may be off", "plan": "the plan",
            "may_need_groups": "whether a model may ask for an attribute",
            "level": "the risk of a false certificate", "openings": "the number of openings",
            "smallest_group": "the smallest group spoken of",
        }  # fmt: skip
        told += [
            f"{text} changed" for name, text in names.items()
            if getattr(self, name) != getattr(new, name)
        ]  # fmt: skip
        return tuple(told)


def _check(limit: Limit) -> None:
    objective = find_objective(limit.key)
    if objective.source != "gap" and limit.key not in RATES:
        known = ", ".join(name for name in PERFORMANCES if name in RATES)
        raise InputError(
            "A policy limits gaps between groups and shares of people, which can be tested; "
            f"{limit.key!r} is neither. Choose among {known}, or a gap."
        )
    if objective.source == "gap" and BETWEEN not in limit.key:
        raise InputError(
            f"A limit between groups names whose: {limit.key}{BETWEEN}sex, for instance. "
            f"{limit.key!r} names none."
        )
    if not 0 < limit.at < 1:  # shares, and differences and ratios of shares
        raise InputError(
            f"A limit of {objective.full_title} must lie between 0 and 1 and be neither, since no "
            f"test can show those to be kept; it is {limit.at}. Write .05 for five points, .999 "
            "for nearly all."
        )
