"""The certificate: which frozen options keep the policy in the population, at a known risk.

Options are walked in an order that was fixed without the rows at hand, the safest first, and the
walk stops at the first that cannot be shown to keep every rule (fixed-sequence testing). The risk
that any option is certified wrongly is then at most the level, however many there are.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import pandas as pd

from faircore.decide.certificate_words import promise, refusal
from faircore.decide.checklist import Line
from faircore.errors import InputError
from faircore.frontier import Limit
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
