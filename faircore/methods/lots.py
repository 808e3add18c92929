"""What a rule that decides by lot means for people, told beside its model."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from faircore.groups import find_partition
from faircore.methods.method import Work
from faircore.metrics import MIN_PEOPLE, confusion_counts, find_disparity
from faircore.numerals import hundredths, points
from faircore.penalties import find_penalty
from faircore.predictors import Inputs, Thresholded

_SLACK = 0.005  # a limit missed by less by the lots that fell is not worth a sentence


def lots_note(
    work: Work,
    model: Thresholded,
    scores: NDArray[np.float64],
    inputs: Inputs,
    rows: NDArray[np.int64],
    target: float,
) -> str:
    """How many of some rows are decided by lot, and what their lots made of the limit.

    Empty where nobody is decided by lot. A rule keeps its limit on average over lots; the lots
    that fell can miss it where groups are small, or where many rows are alike and so share a draw.
    """
    prepared, rule = work.prepared, model.rule
    if not rule.randomised:
        return ""
    codes = rule.key.codes(inputs.attributes(rule.key.attributes))
    chance = rule.probability(scores, codes)
    drawn = int(((chance > 1e-9) & (chance < 1 - 1e-9)).sum())
    if not drawn:
        return ""
    text = (
        f"{drawn:,} of {len(rows):,} people whose rows set the thresholds fall between two cuts of "
        "their group and are decided by lot. A person's lot is fixed by their own data: asking "
        "again gives the same answer, and people with equal data share it."
    )
    chosen = (model.cut(scores, inputs) >= 0.5).astype(np.int8)
    counts = confusion_counts(
        prepared.dataset.y_true[rows], chosen, prepared.groups.take(rows), prepared.weights[rows]
    )
    measure = find_disparity(find_penalty(work.request.penalty).disparity)
    gaps = [
        float(measure(counts[find_partition(prepared.groups.partitions, name).groups],
                      min_people=MIN_PEOPLE))
        for name in (" × ".join(attributes) for attributes in work.partitions)
    ]  # fmt: skip
    gap = max((g for g in gaps if math.isfinite(g)), default=0.0)
    if gap <= target + _SLACK:
        return text
    return (
        f"{text} The lots that fell there make a gap of {points(gap, None)}, where "
        f"{hundredths(target, None)} is kept on average."
    )
