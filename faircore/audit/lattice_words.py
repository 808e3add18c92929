"""What a multicalibration audit found, in sentences."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from faircore.audit.lattice import EVERYBODY
from faircore.numerals import hundredths, percent, points

_MOSTLY = 0.7  # above it, the gap is what ECCE saw


def summary_sentence(counts: Mapping[str, int], n_findings: int) -> str:
    """How many cells there are, and what became of them.

    Parameters
    ----------
    counts : mapping of str to int
        As :attr:`faircore.audit.multicalibration.MulticalibrationAudit.skipped` gives them.
    n_findings : int
    """
    parts = [f"{counts['n_tested']:,} were tested"]
    if counts["n_too_small"]:
        parts.append(
            f"{counts['n_too_small']:,} have fewer than {counts['min_people']:,} people or nobody"
        )
    if counts["n_sampled_away"]:
        parts.append(f"{counts['n_sampled_away']:,} were not looked at, since they are too many")
    told = f"Of {counts['n_cells']:,} cells, {_joined(parts)}."
    if not n_findings:
        return f"{told} In none is the score wrong by more than chance."
    found = "1 is wrong" if n_findings == 1 else f"{n_findings:,} are wrong"
    told += f" By more than chance and by themselves, {found}"
    if counts["n_explained"]:
        told += f"; {counts['n_explained']:,} more only overlap with {_them(n_findings)}"
    if counts["n_open"]:
        told += f"; the list ends there, and {counts['n_open']:,} more are wrong"
    return f"{told}."


def finding_sentence(row: Mapping[Any, Any]) -> str:
    """One finding, as a row of the table of findings.

    >>> finding_sentence({"cell": "sex = Female", "people": 812, "score": .203, "outcome": .311,
    ...                   "gap": -.108, "gap_low": -.135, "gap_high": -.081, "ecce": 6.7,
    ...                   "shift_share": 1.0})
    'Of about 810 people with sex = Female, the score promises 20.3% and 31.1% have the good \
outcome: 10.8 points too low (8.1 to 13.5).'
    """
    # Exact numbers of people in cells that overlap would give a small one away.
    people = f"about {round(row['people'], -1):,} people"
    who = f"all {people}" if row["cell"] == EVERYBODY else f"{people} with {row['cell']}"
    told = (
        f"Of {who.replace(' · ', ' and ')}, the score promises {percent(row['score'])} and "
        f"{percent(row['outcome'])} have the good outcome"
    )
    low, high = sorted(abs(row[end]) for end in ("gap_low", "gap_high"))
    unsure = row["gap_low"] <= 0 <= row["gap_high"]
    if unsure and row["shift_share"] < _MOSTLY:
        return (
            f"{told}: about right on average, but too high for some scores and too low for others "
            f"(ECCE {row['ecce']:.1f} standard deviations, where chance gives about 1.5)."
        )
    much = "too high" if row["gap"] > 0 else "too low"
    limits = f"{hundredths(low)} to {hundredths(high)}"
    if unsure:
        low, high = (hundredths(row[end], signed=True) for end in ("gap_low", "gap_high"))
        limits = f"from {low} to {high}"
    return f"{told}: {points(abs(row['gap']))} {much} ({limits})."


def _joined(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def _them(n: int) -> str:
    return "it" if n == 1 else "them"
