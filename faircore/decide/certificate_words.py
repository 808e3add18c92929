"""What a certificate says of a rule, in words."""

from __future__ import annotations

import math

from faircore.decide.checklist import Line
from faircore.frontier import find_objective


def promise(line: Line) -> str:
    """What a rule that is kept promises: its own limit, not the better one that was seen."""
    objective = find_objective(line.rule.key)
    told = line.rule.in_words()
    if objective.source == "gap":
        told += " between any two groups"
    left = f"; nothing is promised of {', '.join(line.left_out)}" if line.left_out else ""
    return told + left


def refusal(line: Line) -> str:
    """Why a rule is not certified, and how many rows would change that."""
    objective = find_objective(line.rule.key)
    rule = line.rule.in_words()
    rule = rule[:1].upper() + rule[1:]
    if math.isnan(line.value):
        return f"{rule}: too few people to measure it."
    seen = f"{rule}: it was {objective.text(line.value)} on these rows"
    if line.verdict == "fail":
        return f"{seen}, which breaks the rule by more than chance."
    if math.isinf(line.rows_needed):
        if math.isnan(line.rows_at_best):
            return f"{seen}, so that more rows of the same kind would not help."
        return (
            f"{seen}; with so few people that can be chance. Even if there were no gap at all, "
            f"about {line.rows_at_best:,.0f} rows in each group would be needed."
        )
    whom = "rows in each group" if objective.source == "gap" else "rows"
    worst = "as little as" if objective.better > 0 else "as much as"
    return (
        f"{seen}, and by chance the truth could be {worst} {objective.text(line.bound)}. About "
        f"{line.rows_needed:,.0f} {whom} would be needed."
    )
