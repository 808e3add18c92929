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
    if not 0 < line.rule.at < 1:
        return f"{rule}: no test can show this. Amend the policy: limits lie between 0 and 1."
    if not math.isfinite(line.value):
        return f"{rule}: too few people to measure it{_whose(line)}."
    seen = f"{rule}: it was {objective.text(line.value)} on these rows"
    if line.verdict == "fail":
        return f"{seen}, which breaks the rule by more than chance."
    if line.too_few:
        return (
            f"{seen}. A group has too few people to be judged{_whose(line)}. Nothing can be shown "
            "before it has more, or the policy leaves small groups out."
        )
    if math.isnan(
        line.rows_needed
    ):  # a group is hidden; in older records also: has nobody to be judged by
        return (
            f"{seen}, and that is not enough to show it. A group has too few people to be judged "
            "or to be shown, so no more is told."
        )
    whom = "rows of the smallest group" if objective.source == "gap" else "rows"
    if math.isinf(line.rows_needed):
        if math.isnan(line.rows_at_best):
            return f"{seen}, so that more rows of the same kind would not help."
        if math.isinf(line.rows_at_best):
            return (
                f"{seen}; with so few people that can be chance, and no number of rows is enough."
            )
        return (
            f"{seen}; with so few people that can be chance. Even if there were no gap at all, "
            f"about {line.rows_at_best:,.0f} {whom} would be needed."
        )
    worst = "as little as" if objective.better > 0 else "as much as"
    known = math.isfinite(line.bound)
    chance = f", and by chance the truth could be {worst} {objective.text(line.bound)}"
    return f"{seen}{chance if known else ''}. About {line.rows_needed:,.0f} {whom} would be needed."


def _whose(line: Line) -> str:
    """Groups that are too small by name, where they are known; never how small."""
    return f": {', '.join(line.too_few)}" if line.too_few else ""
