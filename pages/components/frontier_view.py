"""The view of the Frontier page: what is compared, what is greyed, what is left out."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from faircore.frontier import PROFIT, Frontier, Limit, find_objective, keeps
from faircore.metrics.costs import Costs
from pages.components.session import ReviewSession

CALIBRATION = "calibration_error"


def costs_of(current: ReviewSession) -> Costs | None:
    """What decisions are worth, where somebody has said it."""
    if current.worth is None:
        return None
    yes_good, yes_bad, no_good, no_bad = current.worth
    return Costs(
        true_positive=yes_good,
        false_positive=yes_bad,
        false_negative=no_good,
        true_negative=no_bad,
        unit=current.unit,
    )


def view_of(frontier: Frontier, current: ReviewSession) -> Frontier:
    """The same candidates as this session looks at them, those of hidden methods left out."""
    costs = costs_of(current)

    def known(key: str, otherwise: str) -> str:
        return otherwise if costs is None and key == PROFIT else key

    view = frontier.view(
        partition=current.partition,
        threshold=current.threshold,
        costs=costs,
        performance=known(current.performance, "accuracy"),
        disparity=known(current.disparity, "demographic_parity_difference"),
        third=known(current.third, ""),
    )
    chosen = set(current.methods)
    keep = np.array([not chosen or c.method in chosen for c in view.candidates])
    return view if keep.all() or not keep.any() else view.only(keep)


def limits_of(frontier: Frontier, current: ReviewSession) -> tuple[Limit, ...]:
    """The limits somebody has set, each on its objective."""
    first, second = frontier.objectives[:2]
    given = [
        (first.key, current.limit_first),
        (second.key, current.limit_second),
        (CALIBRATION, current.limit_calibration),
    ]
    return tuple(Limit(key, at) for key, at in dict(given).items() if at is not None)


def kept_of(frontier: Frontier, current: ReviewSession) -> NDArray[np.bool_] | None:
    """Which candidates keep every limit; None where there is none."""
    limits = limits_of(frontier, current)
    if not limits and not current.no_groups:
        return None
    return keeps(frontier, limits, may_need_groups=not current.no_groups)


def objective_choices(frontier: Frontier) -> dict[str, str]:
    """Every objective of any partition by its key, with its name: performances first."""
    from faircore.frontier import OBJECTIVES

    found = {o.key: o.title for o in OBJECTIVES.values() if o.source != "gap"}
    for partition in frontier.partitions:
        for one in OBJECTIVES.values():
            if one.source == "gap":
                gap = find_objective(one.name, partition.name)
                found[gap.key] = gap.full_title
    return found
