"""What candidates are compared by: performances, scores, worth, and gaps between groups."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from faircore.errors import InputError
from faircore.metrics import DISPARITIES, PERFORMANCES, RATES, disparity_text
from faircore.metrics.score_measures import SCORE_MEASURES
from faircore.numerals import number, percent, points

Source = Literal["counts", "scores", "costs", "gap"]

PROFIT = "profit"
BETWEEN = "@"
"""Stands between a disparity and a partition of its own: ``accuracy_difference@race × sex``."""


@dataclass(frozen=True)
class Objective:
    """One axis of a frontier.

    Attributes
    ----------
    name : str
        A name in :data:`OBJECTIVES`.
    title, sentence : str
        What it is called, and what it says to somebody who is no statistician.
    better : {1, -1}
        1 where higher is better, -1 where lower is.
    source : {"counts", "scores", "costs", "gap"}
        What it is computed from: counts of everybody, scores, counts and costs, counts by group.
    partition : str
        Partition a gap is taken over; empty for others.
    """

    name: str
    title: str
    sentence: str
    better: int
    source: Source
    partition: str = ""

    @property
    def key(self) -> str:
        """Name and partition in one, as :func:`find_objective` reads it."""
        return f"{self.name}{BETWEEN}{self.partition}" if self.partition else self.name

    @property
    def full_title(self) -> str:
        """Title with the partition, such as ``Gap in selection by sex``."""
        return f"{self.title} by {self.partition}" if self.partition else self.title

    @property
    def is_share(self) -> bool:
        """Whether values are shares, told as percent (or points, for a difference)."""
        return self.name not in ("log_loss", PROFIT, "demographic_parity_ratio")

    @property
    def of_lots(self) -> Literal["linear", "at most", ""]:
        """What a lottery between two models has, against the line between their values.

        ``"linear"``: what the line says, as of rates over people whom no decision changes, and
        worth. ``"at most"``: a difference of such rates is at most what the line says, since the
        largest difference is convex. Empty: neither, as of scores, ratios, and rates among those
        selected.
        """
        if self.source == "gap":
            gap = DISPARITIES[self.name]
            fixed = gap.kind == "difference" and all(_fixed(name) for name in gap.rates)
            return "at most" if fixed else ""
        if self.source == "counts":
            return "linear" if self.name not in RATES or _fixed(self.name) else ""
        return "linear" if self.source == "costs" else ""

    @property
    def tickformat(self) -> str:
        """How Plotly writes its values on an axis."""
        if self.name == PROFIT:
            return ",.0f"
        return ".1%" if self.is_share else ".2f"

    def text(self, value: float) -> str:
        """A value in words: ``84.1%``, ``3.2 points``, ``0.84``; a dash where undefined."""
        if not math.isfinite(value):
            return "–"
        if self.source == "gap":
            return disparity_text(DISPARITIES[self.name], value)
        if self.name == "calibration_error":
            return points(value)
        if self.name == "log_loss":
            return number(value, 3)
        return number(value, 0) if self.name == PROFIT else percent(value)

    def change_text(self, change: float) -> str:
        """A difference of two values with its sign: ``+1.3 points``, ``−0.02``."""
        if not math.isfinite(change):
            return "–"
        digits = {"log_loss": 3, PROFIT: 0}.get(self.name, 2)
        told = points(abs(change)) if self.is_share else number(abs(change), digits)
        return f"{'+' if change > 0 else '−' if change < 0 else '±'}{told}"


def _fixed(rate: str) -> bool:
    """Whether no decision changes whom a rate is about."""
    cells = RATES[rate].denominator
    return all((true, 1 - predicted) in cells for true, predicted in cells)


def _of_tables() -> dict[str, Objective]:
    counts = [
        Objective(p.name, p.title, p.sentence, 1, "counts")
        for p in PERFORMANCES.values()
    ]  # fmt: skip
    auc, loss, calibration = SCORE_MEASURES
    scores = [
        Objective(auc, "Ranking (AUC)",
                  "how often a person with the good outcome scores higher than one without, of all "
                  "such pairs", 1, "scores"),
        Objective(loss, "Log loss",
                  "how far the scores are from what happened, certain mistakes counting most", -1,
                  "scores"),
        Objective(calibration, "Calibration error",
                  "how far scores are from the shares that happened, on average; above 0 by chance "
                  "alone", -1, "scores"),
    ]  # fmt: skip
    worth = [
        Objective(PROFIT, "Worth per 1,000 people",
                  "what the decisions are worth to the organisation, in the unit of its costs",
                  1, "costs"),
    ]  # fmt: skip
    gaps = [
        Objective(d.name, d.title, d.sentence, 1 if d.kind == "ratio" else -1, "gap")
        for d in DISPARITIES.values()
    ]  # fmt: skip
    return {one.name: one for one in (*counts, *scores, *worth, *gaps)}


OBJECTIVES: dict[str, Objective] = _of_tables()


def find_objective(key: str, partition: str = "") -> Objective:
    """Look an objective up by its key.

    Parameters
    ----------
    key : str
        A name in :data:`OBJECTIVES`; of a disparity, ``name@partition`` takes it over a partition
        of its own.
    partition : str
        Partition of a disparity whose key names none.
    """
    name, _, own = key.partition(BETWEEN)
    if name not in OBJECTIVES or (own and OBJECTIVES[name].source != "gap"):
        raise InputError(
            f"There is no objective {key!r}. Choose one of: {', '.join(OBJECTIVES)}; of a "
            f"disparity, name{BETWEEN}partition takes it over a partition of its own."
        )
    found = OBJECTIVES[name]
    if found.source != "gap":
        return found
    return Objective(
        found.name, found.title, found.sentence, found.better, found.source, own or partition
    )
