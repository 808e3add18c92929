"""The certificate: which frozen options keep the policy in the population, at a known risk.

Options are walked in an order that was fixed without the rows at hand, the safest first, and the
walk stops at the first that cannot be shown to keep every rule (fixed-sequence testing). The risk
that any option is certified wrongly is then at most the level, however many there are.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from faircore.decide.certificate_words import promise, refusal
from faircore.decide.certify_counts import fixed_sequence, holm_passed
from faircore.decide.checklist import Line, check, largest_p
from faircore.decide.figures import Figures, design_effects
from faircore.decide.policy import Policy
from faircore.errors import InputError
from faircore.frontier import Limit, SplitRows
from faircore.frontier.cuts import counts_of
from faircore.frontier.objectives import BETWEEN
from faircore.groups import Groups, Partition
from faircore.metrics.inputs import as_binary, as_weights, same_length
from faircore.numerals import percent


@dataclass(frozen=True)
class Certificate:
    """What can be promised of each option, and what cannot.

    Attributes
    ----------
    level : float
        Risk that any option is certified wrongly at this look.
    order : tuple of str or None
        In which options were tested, safest first; None: all at once, by Holm.
    lines : mapping of str to tuple of Line
        By option: every rule.
    certified : tuple of str
        Options that keep every rule, in the order of the walk.
    reached : tuple of str
        Options the walk came to; all of them without an order.
    people : int
        Rows they were tested on.
    tested_at : float
        Level of each test: below ``level`` where figures of these rows had been seen before, which
        buys no more confidence, but pays for what could be picked with them.
    """

    level: float
    order: tuple[str, ...] | None
    lines: Mapping[str, tuple[Line, ...]]
    certified: tuple[str, ...]
    reached: tuple[str, ...]
    people: int
    tested_at: float

    def in_words(self, option: str) -> list[str]:
        """What is promised of an option, or why nothing is, one sentence each."""
        lines = self._lines(option)
        sure = f"{percent(1 - self.level, None)} confidence"
        if option in self.certified:
            return [f"With {sure}, in the population: {promise(line)}." for line in lines]
        refused = [refusal(line) for line in lines if line.verdict != "pass"]
        if option not in self.reached:
            return [
                "No certificate: a safer option could not be certified, and the walk ends there, "
                "so that the risk of a false certificate stays what the policy allows.",
                *refused,
            ]
        return [f"No certificate. {text}" for text in refused]

    def rows_needed(self, option: str) -> float:
        """Rows of the smallest group at which the rule that needs most would pass 4 of 5 times."""
        return max(
            (x.rows_needed for x in self._lines(option) if not math.isnan(x.rows_needed)),
            default=math.nan,
        )

    def to_frame(self) -> pd.DataFrame:
        """One row per option and rule."""
        return pd.DataFrame(
            [
                {
                    "option": option, "rule": line.rule.key, "limit": line.rule.at,
                    "value": line.value, "bound": line.bound, "p_value": line.p_value,
                    "verdict": line.verdict, "rows_needed": line.rows_needed,
                    "certified": option in self.certified,
                }
                for option, lines in self.lines.items() for line in lines
            ]
        )  # fmt: skip

    def to_dict(self) -> dict[str, Any]:
        """Plain data for the record."""
        return {
            **asdict(self),
            "lines": {name: [asdict(x) for x in lines] for name, lines in self.lines.items()},
        }

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> Certificate:
        """Read what :meth:`to_dict` wrote, with NaN where a file has null."""
        lines = {name: tuple(map(_line, found)) for name, found in raw["lines"].items()}
        order = raw["order"]
        return cls(
            raw["level"],
            None if order is None else tuple(order),
            lines,
            tuple(raw["certified"]),
            tuple(raw["reached"]),
            raw["people"],
            raw.get("tested_at", raw["level"]),
        )

    def _lines(self, option: str) -> tuple[Line, ...]:
        if option not in self.lines:
            raise InputError(
                f"There is no option {option!r} in this certificate. Choose one of: "
                f"{', '.join(self.lines)}."
            )
        return self.lines[option]


def _line(raw: Mapping[str, Any]) -> Line:
    known: dict[str, Any] = {k: math.nan if value is None else value for k, value in raw.items()}
    groups = {name: tuple(raw.get(name, ())) for name in ("left_out", "too_few")}  # older: neither
    return Line(**{**known, "rule": Limit(**raw["rule"]), **groups})


def certify(
    candidates: Mapping[str, Any] | pd.DataFrame,
    policy: Policy,
    *,
    y_true: Any,
    sensitive_features: Any,
    order: Sequence[str] | None = None,
    sample_weight: Any | None = None,
    entities: Any | None = None,
    openings: int | None = None,
) -> Certificate:
    """Test which candidates keep a policy, on rows that chose and trained nothing.

    Parameters
    ----------
    candidates : mapping of str to array of 0 and 1, shape (n,), or DataFrame
        Decisions of each candidate about the same rows. All of them were chosen before these rows
        were looked at.
    policy : Policy
        Its gaps name partitions by their attributes: ``sex``, ``race × sex``.
    y_true : array of 0 and 1, shape (n,)
    sensitive_features : array, Series, mapping or DataFrame, n rows
    order : sequence of str, optional
        Every candidate, safest first, an order fixed without these rows. Without one all are
        tested at once and corrected by Holm, which certifies less.
    sample_weight : array, shape (n,), optional
        Rows are thinned to Kish's effective number.
    entities : array, shape (n,), optional
        Which person each row belongs to, where people have several.
    openings : int, optional
        How many times these rows are looked at in all; the policy's number by default. Each look
        tests at the policy's level divided by it.

    Returns
    -------
    Certificate

    Raises
    ------
    InputError
        When lengths differ, decisions are not 0 and 1, the order is not one of all candidates,
        there is no look at all, or a partition names an attribute that is not there.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> sex = np.repeat(["f", "m"], 5_000)
    >>> y = rng.integers(0, 2, 10_000)
    >>> yes = {
    ...     "fair": rng.random(10_000) < 0.3,
    ...     "unfair": rng.random(10_000) < np.where(sex == "m", 0.4, 0.2),
    ... }
    >>> policy = Policy(
    ...     "demographic_parity_difference",
    ...     (Limit("demographic_parity_difference@sex", 0.05),),
    ...     reason="An example.",
    ... )
    >>> found = certify(
    ...     yes, policy, y_true=y, sensitive_features={"sex": sex}, order=["fair", "unfair"]
    ... )
    >>> found.certified
    ('fair',)
    """
    truth = as_binary(y_true, name="y_true")
    partitions = dict.fromkeys(
        tuple(limit.key.partition(BETWEEN)[2].split(" × ")) for limit in policy.gaps
    )
    groups = Groups.of(sensitive_features, partitions=list(partitions))
    same_length("sensitive_features", groups.codes[0], len(truth))
    weights = as_weights(sample_weight, n_rows=len(truth))
    rows = SplitRows(truth, groups, weights)
    codes = None
    if entities is not None:
        same_length("entities", entities, len(truth))
        codes = np.asarray(pd.factorize(np.asarray(entities))[0], np.int64)
    counts = {}
    for name, given in candidates.items():
        decided = as_binary(given, name=f"candidates[{name!r}]")
        same_length(f"candidates[{name!r}]", decided, len(truth))
        counts[str(name)] = counts_of(rows, decided)
    looks = policy.openings if openings is None else openings
    if looks < 1:
        raise InputError(
            f"Rows are looked at once or more often; `openings` is {openings}. Count this look too."
        )
    return _certificate(
        counts,
        policy,
        partitions=groups.partitions,
        sizes=groups.sizes,
        effects=design_effects(rows, codes),
        order=order,
        level=policy.level / looks,
        tested_at=policy.level / looks,
        people=len(truth),
    )


def certify_figures(
    figures: Figures,
    policy: Policy,
    *,
    partitions: tuple[Partition, ...],
    order: Sequence[str] | None,
    level: float,
    tested_at: float,
) -> Certificate:
    """:func:`certify` from options that are counted already."""
    return _certificate(
        figures.counts,
        policy,
        partitions=partitions,
        sizes=figures.sizes,
        effects=figures.effects,
        order=order,
        level=level,
        tested_at=tested_at,
        people=figures.people,
    )


def _certificate(
    counts: Mapping[str, NDArray[np.float64]],
    policy: Policy,
    *,
    partitions: tuple[Partition, ...],
    sizes: NDArray[np.int64],
    effects: NDArray[np.float64],
    order: Sequence[str] | None,
    level: float,
    tested_at: float,
    people: int,
) -> Certificate:
    names = list(counts)
    if not names or (order is not None and sorted(order) != sorted(names)):
        raise InputError(
            "The order names every candidate once, and there is at least one; it names "
            f"{0 if order is None else len(order)}, and there are {len(names)}. Correct it."
        )
    lines = {
        name: check(
            found, policy, partitions=partitions, sizes=sizes, level=tested_at, effects=effects
        )
        for name, found in counts.items()
    }
    p_values = np.array([largest_p(lines[name]) for name in names])
    if order is None:
        passed, reached = holm_passed(p_values, tested_at), names
    else:
        walk = [names.index(name) for name in order]
        passed = fixed_sequence(p_values, walk, tested_at)
        n_reached = min(int(passed.sum()) + 1, len(walk))
        reached = [names[k] for k in walk[:n_reached]]
    walked = names if order is None else list(order)
    return Certificate(
        level,
        None if order is None else tuple(order),
        lines,
        tuple(name for name in walked if passed[names.index(name)]),
        tuple(reached),
        people,
        tested_at,
    )
