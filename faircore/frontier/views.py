"""An objective of counts: the same for candidates, replicates of them, and thresholds by group."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from faircore.errors import InputError
from faircore.frontier.objectives import Objective
from faircore.groups import Partition, find_partition
from faircore.metrics import DISPARITIES, MIN_PEOPLE, PERFORMANCES, overall_counts
from faircore.metrics.costs import Costs

WORTH_OF = 1_000
"""Worth is told for so many people."""


def measure_counts(
    objective: Objective,
    counts: NDArray[np.float64],
    partitions: tuple[Partition, ...],
    *,
    costs: Costs | None = None,
    min_people: float = MIN_PEOPLE,
) -> NDArray[np.float64]:
    """Objective of counts over every partition, shape (..., g, 2, 2) to (...).

    Raises
    ------
    InputError
        When the objective is one of scores, or worth without costs.
    """
    if objective.source == "gap":
        own = counts[..., find_partition(partitions, objective.partition).groups, :, :]
        return DISPARITIES[objective.name](own, min_people=min_people)
    everybody = overall_counts(counts, partitions[0])
    if objective.source == "costs" and costs is not None:
        return WORTH_OF * costs.per_person(everybody)
    if objective.source != "counts":
        raise InputError(
            f"{objective.title} is not told by counts. Choose an objective of decisions, or pass "
            "costs where it is worth."
        )
    return PERFORMANCES[objective.name](everybody)
