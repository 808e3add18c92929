"""The view of the Frontier page: what is compared, what is greyed, what is left out."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from faircore.frontier import (
    OBJECTIVES,
    PROFIT,
    Frontier,
    Limit,
    Objective,
    find_objective,
    keeps,
)
from faircore.metrics.costs import Costs
from pages.components.session import ReviewSession

CALIBRATION = "calibration_error"


def costs_of(current: ReviewSession) -> Costs | None:
    """What decisions are worth, where somebody has said it."""
    return None if current.worth is None else Costs(*current.worth, unit=current.unit)


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
    if view.third and view.objectives[2] in view.objectives[:2]:
        view = view.view(third="")  # the same axis twice says nothing
    chosen = set(current.methods)
    keep = np.array([not chosen or c.method in chosen for c in view.candidates])
    return view if keep.all() or not keep.any() else view.only(keep)


def limited(frontier: Frontier) -> tuple[Objective, ...]:
    """Objectives that can have a limit in a view: those on its axes, and the calibration error."""
    whole = (*frontier.objectives, find_objective(CALIBRATION))
    return tuple({objective.key: objective for objective in whole}.values())


def limits_of(frontier: Frontier, current: ReviewSession) -> tuple[Limit, ...]:
    """The limits somebody has set on what is seen; one set on something else waits for it."""
    return tuple(
        Limit(objective.key, current.limits[objective.key])
        for objective in limited(frontier)
        if objective.key in current.limits
    )


def kept_of(frontier: Frontier, current: ReviewSession) -> NDArray[np.bool_] | None:
    """Which candidates keep every limit; None where there is none."""
    limits = limits_of(frontier, current)
    if not limits and not current.no_groups:
        return None
    return keeps(frontier, limits, may_need_groups=not current.no_groups)


def objective_choices(frontier: Frontier) -> dict[str, str]:
    """Every objective of any partition by its key, with its name: performances first."""
    found = {o.key: o.title for o in OBJECTIVES.values() if o.source != "gap"}
    for partition in frontier.partitions:
        for one in OBJECTIVES.values():
            if one.source == "gap":
                gap = find_objective(one.name, partition.name)
                found[gap.key] = gap.full_title
    return found
