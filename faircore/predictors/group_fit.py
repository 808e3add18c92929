"""How one group came by its map of scores, for people."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

from faircore.numerals import percent

Reason = Literal[
    "everybody", "own", "few_for_flexible", "as_asked", "too_few", "one_outcome", "not_different"
]

EVERYBODY = "everybody"
FEWEST_TOLD = 10
"""A smaller number of rows is not put into words: it may name somebody."""

_TESTED = (
    "statistic", "p_value", "raw_slope", "raw_offset", "slope_error", "offset_error", "weight",
    "slope_weight", "slope", "offset",
)  # fmt: skip
_NAMES = {"platt": "Platt", "identity": "none"}


@dataclass(frozen=True)
class GroupFit:
    """How one group came by its map.

    Attributes
    ----------
    attributes, labels : tuple of str
        Empty for everybody.
    n : int
        Rows.
    n_effective : float
        Rows that their weights are worth, (Σw)² / Σw².
    n_positive : int
        Rows of the good outcome.
    method : str
        Kind of map in use: of its own, or of the group it is taken from.
    own : bool
        Whether something was fitted to its own rows.
    parent : str
        Name of the group it stands on, ``"everybody"``, or empty for everybody.
    reason : str
        ``everybody``; ``own``; ``few_for_flexible`` (Platt of its own, as it is too small for what
        was asked); ``as_asked`` (told to leave its scores); or why it uses its parent's map:
        ``too_few``, ``one_outcome``, ``not_different``.
    least : int
        Rows a group needs for a map of its own.
    statistic, p_value : float, optional
        Likelihood-ratio test that its own slope and offset are no better than its parent's map.
    raw_slope, raw_offset, slope_error, offset_error : float, optional
        Fitted on the log-odds of the parent's map, and standard errors; no deviation is 1 and 0.
    weight, slope_weight : float, optional
        Share of its own deviation that is kept: of the offset where its scores are, and of the
        slope.
    slope, offset : float, optional
        In use, on top of the parent's map; None where its own map is none of this form.
    hidden : bool
        Whether its numbers of rows may not leave: they are few, or would give few away.
    """

    attributes: tuple[str, ...]
    labels: tuple[str, ...]
    n: int
    n_effective: float
    n_positive: int
    method: str
    own: bool
    parent: str
    reason: Reason
    least: int = 30
    statistic: float | None = None
    p_value: float | None = None
    raw_slope: float | None = None
    raw_offset: float | None = None
    slope_error: float | None = None
    offset_error: float | None = None
    weight: float | None = None
    slope_weight: float | None = None
    slope: float | None = None
    offset: float | None = None
    hidden: bool = False

    @property
    def name(self) -> str:
        """Name such as ``Black · Female``, or ``everybody``."""
        alone = len(self.labels) == 1
        told = (f"“{v}”" if " · " in v and not alone else v for v in self.labels)
        return " · ".join(told) or EVERYBODY

    def in_words(self) -> str:
        """What it uses and why, in one line; a number of rows below 10 is not told."""
        small = self.hidden or self.n < FEWEST_TOLD
        few_rows = f"fewer than {FEWEST_TOLD} rows"
        rows = few_rows if self.n < FEWEST_TOLD else f"{self.n:,} rows"
        rows = "rows not shown" if self.hidden and self.n >= FEWEST_TOLD else rows
        if self.reason in ("too_few", "one_outcome", "not_different"):
            p = _p_text(self.p_value or 0.0)
            worth = "" if self.n < self.least else f" worth {self.n_effective:,.0f}"
            few = "" if small else f"{worth}, fewer than {self.least}"
            few = "" if self.hidden else few
            before = {"too_few": few, "one_outcome": " of one outcome"}.get(self.reason, "")
            after = f", likelihood-ratio p {p}" if self.reason == "not_different" else ""
            return f"{rows}{before}: uses the calibrator of {self.parent}{after}"
        if self.method == "identity":
            return f"{rows}: scores as they are"
        whole = self.reason == EVERYBODY or not self.labels
        whose = "for everybody" if whole else "of its own"
        few = ", too few for a more flexible one" if self.reason == "few_for_flexible" else ""
        return f"{rows}: {_NAMES.get(self.method, self.method)} {whose}{few}{self._drawn()}"

    def shown(self) -> GroupFit:
        """The same without numbers of rows that may not leave."""
        if not self.hidden:
            return self
        n = 0 if self.n < FEWEST_TOLD else FEWEST_TOLD
        unknown: dict[str, Any] = dict.fromkeys(_TESTED)
        if self.reason == "one_outcome":
            unknown["reason"] = "too_few"
        return replace(self, n=n, n_effective=float(n), n_positive=0, **unknown)

    def _drawn(self) -> str:
        """How far it is drawn to its parent, in words."""
        parts = {"offset": self.weight, "slope": self.slope_weight}
        told = {k: percent(1 - w, 0) for k, w in parts.items() if w is not None}
        alike = set(told.values())
        if alike <= {"0%"}:
            return ""
        each = " and ".join(f"{part} {share}" for part, share in told.items())
        how = f"drawn {alike.pop()}" if len(alike) == 1 else f"drawn {each}"
        return f", {how} towards that of {self.parent}"


def _p_text(p: float) -> str:
    """A p-value as ``= .41``, without the zero that says nothing."""
    if not 0.001 <= p <= 0.99:
        return "< .001" if p < 0.001 else "> .99"
    return "= " + f"{p:.{2 if p >= 0.1 else 3}f}"[1:]
