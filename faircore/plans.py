"""What to train: requests for sweeps, as canonical JSON, and the ids of their trials."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from typing import Any

from faircore.errors import InputError, SweepError
from faircore.methods import METHODS, Method, find_method
from faircore.penalties import PenaltyOptions, find_penalty

RECIPE = 4
"""Part of every trial's id. Raise it when training gives other results for the same request."""


@dataclass(frozen=True)
class SweepSpec:
    """What to train.

    Attributes
    ----------
    strengths : tuple of float
        What they mean is the method's: an eta, or a gap that is not to be exceeded. The strength
        at which nothing is asked for (the unconstrained baseline) is added when it is missing.
    seeds : tuple of int
        Each strength is trained from each seed.
    method : str
        A name in :data:`faircore.methods.METHODS`.
    penalty : str
        What fair means: a name in :data:`faircore.penalties.PENALTIES` that the method can pursue.
    partitions : tuple of str
        Between the groups of these, such as ``("sex", "race × sex")``; of all when empty.
    config : object, optional
        The method's own configuration; its defaults when absent.
    options : PenaltyOptions
    split_seed : int
        Seed of the four-way split.

    Raises
    ------
    SweepError
        When a strength is out of range or missing, a name is unknown, or the method cannot pursue
        the penalty.
    """

    strengths: tuple[float, ...]
    seeds: tuple[int, ...] = (0,)
    method: str = "regularized"
    penalty: str = "demographic_parity"
    partitions: tuple[str, ...] = ()
    config: Any = None
    options: PenaltyOptions = field(default_factory=PenaltyOptions)
    split_seed: int = 0

    def __post_init__(self) -> None:
        try:
            method = find_method(self.method)
            find_penalty(self.penalty)
        except InputError as error:
            raise SweepError(str(error)) from None
        if self.penalty not in method.goals:
            raise SweepError(
                f"The method {self.method!r} cannot pursue {self.penalty!r}. Choose one of: "
                f"{', '.join(method.goals)}."
            )
        if not self.strengths or not all(0 <= s <= method.largest for s in self.strengths):
            raise SweepError(
                f"Every strength must be a number from 0 to {method.largest:g}, and there must be "
                "one at least. Correct the list of strengths."
            )
        if not self.seeds:
            raise SweepError("There must be one seed at least. Add one.")
        if self.config is None:
            object.__setattr__(self, "config", method.config())
        if not isinstance(self.config, method.config):
            raise SweepError(
                f"The configuration of {self.method!r} must be a {method.config.__name__}; it is "
                f"a {type(self.config).__name__}. Pass the right one, or none for the defaults."
            )
        object.__setattr__(self, "config", method.settle(self.config, self.penalty))
        if not method.takes_options:
            object.__setattr__(self, "options", PenaltyOptions())
        elif not method.remembers:
            object.__setattr__(self, "options", replace(self.options, memory=0.0))
        strengths = sorted({method.plain, *map(float, self.strengths)})
        object.__setattr__(self, "strengths", tuple(strengths))
        object.__setattr__(self, "seeds", tuple(sorted({int(seed) for seed in self.seeds})))
        object.__setattr__(self, "partitions", tuple(sorted(set(self.partitions))))
        object.__setattr__(self, "split_seed", int(self.split_seed))

    @property
    def kind(self) -> Method:
        """The method itself."""
        return METHODS[self.method]

    @property
    def trials(self) -> tuple[tuple[float, int], ...]:
        """Every (strength, seed), strength by strength."""
        return tuple((strength, seed) for strength in self.strengths for seed in self.seeds)

    @property
    def n_steps(self) -> int:
        """Number of trials."""
        return len(self.trials)

    def target(self, strength: float) -> float | None:
        """The gap that a strength asks for, where the method takes one."""
        return strength if self.kind.targets and strength != self.kind.plain else None

    def to_json(self) -> str:
        """Canonical JSON: equal requests give equal text."""
        return _canonical(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> SweepSpec:
        """Read what :meth:`to_json` wrote."""
        return cls.from_dict(json.loads(text))

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> SweepSpec:
        """Read plain data; what an older version did not know has its default."""
        values = dict(raw)
        try:
            values["config"] = find_method(values["method"]).read_config(values["config"])
        except InputError as error:
            raise SweepError(str(error)) from None
        values["options"] = PenaltyOptions(**values.get("options", {}))
        values |= {k: tuple(values[k]) for k in ("strengths", "seeds", "partitions")}
        return cls(**values)

    def trial_id(self, fingerprint: str, strength: float, seed: int) -> str:
        """Hash of the data and of everything that determines one trial."""
        whole = dict(self._common)
        if strength == self.kind.plain:  # the plain model is the same whatever is not asked of it
            bare = asdict(self.kind.bare(self.config))
            whole |= {"penalty": "", "partitions": (), "options": {}, "config": bare}
        whole |= {
            "data": fingerprint,
            "strength": float(strength),
            "seed": int(seed),
            "recipe": RECIPE,
        }
        return hashlib.sha256(_canonical(whole).encode()).hexdigest()[:32]

    @cached_property
    def _common(self) -> dict[str, Any]:
        """What all its trials share, as plain data: made once, for there may be thousands."""
        return {k: v for k, v in asdict(self).items() if k not in ("strengths", "seeds")}

    def trial_ids(self, fingerprint: str) -> tuple[str, ...]:
        """Ids of every trial, in their order."""
        return tuple(self.trial_id(fingerprint, *trial) for trial in self.trials)


@dataclass(frozen=True)
class SweepPlan:
    """Several sweeps launched together, one per method.

    Attributes
    ----------
    sweeps : tuple of SweepSpec
        In the order they are trained in; one at least, all over the same split.
    """

    sweeps: tuple[SweepSpec, ...]

    def __post_init__(self) -> None:
        if not self.sweeps:
            raise SweepError("There must be one method at least. Choose one.")
        if len({spec.split_seed for spec in self.sweeps}) > 1:
            raise SweepError("Sweeps that are compared must share one split_seed. Give them one.")

    @property
    def n_steps(self) -> int:
        """Number of trials over all sweeps."""
        return sum(spec.n_steps for spec in self.sweeps)

    def trial_ids(self, fingerprint: str) -> tuple[str, ...]:
        """Ids of every trial, each once."""
        found = (i for spec in self.sweeps for i in spec.trial_ids(fingerprint))
        return tuple(dict.fromkeys(found))

    def to_json(self) -> str:
        """Canonical JSON."""
        return _canonical({"sweeps": [asdict(spec) for spec in self.sweeps]})

    @classmethod
    def from_json(cls, text: str) -> SweepPlan:
        """Read what :meth:`to_json` wrote; a single sweep is a plan of one."""
        raw = json.loads(text)
        sweeps = raw.get("sweeps", [raw])
        return cls(tuple(SweepSpec.from_dict(one) for one in sweeps))

    def estimate_seconds(
        self, n_rows: int, n_columns: int, *, cores: int, speed: float = 1.0, new: int | None = None
    ) -> float:
        """About how long training takes.

        Parameters
        ----------
        n_rows, n_columns : int
            Training rows and encoded columns.
        cores : int
        speed : float
            Of this machine beside the reference; see :func:`faircore.methods.cost.machine_speed`.
        new : int, optional
            Trials that are not trained yet; all when absent.
        """
        total = sum(
            spec.n_steps * spec.kind.work(spec.config, n_rows, n_columns, spec.penalty)
            for spec in self.sweeps
        )
        left = 1.0 if new is None else new / self.n_steps
        return total * left / (cores * speed)


def _canonical(raw: Mapping[str, Any]) -> str:
    return json.dumps(raw, sort_keys=True, separators=(",", ":"))
