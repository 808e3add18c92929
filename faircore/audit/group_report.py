"""One call from labels, decisions and scores to everything an audit says about groups."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from faircore.audit.estimates import Estimates, estimate
from faircore.audit.gaps import gaps_to_group, gaps_to_overall
from faircore.audit.inequality import inequalities
from faircore.audit.report import GroupReport
from faircore.errors import InputError
from faircore.groups import Groups, Partition, find_partition
from faircore.metrics import MIN_PEOPLE, hidden_groups
from faircore.metrics.intervals import Array
from faircore.metrics.resampling import REPLICATES
from faircore.metrics.shrinkage import parent_rates, shrink
from faircore.metrics.tally import Tally, tally_rows

_MAX_GROUPS = 1_000


def group_report(
    y_true: Any,
    y_pred: Any = None,
    *,
    y_score: Any = None,
    sensitive_features: Any,
    cross: Sequence[Sequence[str]] = (),
    sample_weight: Any = None,
    threshold: float = 0.5,
    reference: dict[str, str] | None = None,
    confidence: float = 0.95,
    min_people: float = MIN_PEOPLE,
    seed: int = 0,
) -> GroupReport:
    """Measure a system per group, with intervals, and say which differences are more than chance.

    Parameters
    ----------
    y_true : array of 0 and 1, shape (n,)
        1 is the good outcome.
    y_pred : array of 0 and 1, shape (n,), optional
        Decisions, 1 is selected; from ``y_score`` and ``threshold`` when left out.
    y_score : array, shape (n,), optional
        Probabilities of the good outcome. Without them there is no AUC, loss or calibration.
    sensitive_features : array, Series, DataFrame or Groups, n rows
        One attribute, or one column per attribute. A missing value is a group.
    cross : sequence of sequence of str
        Attributes to cross, beside each alone.
    sample_weight : array, shape (n,), optional
    threshold : float
    reference : dict of str to str, optional
        Group that others are compared with, by partition (``{"sex": "Male"}``); everybody where
        left out.
    confidence : float
    min_people : float
        A figure over fewer rows is not shown, nor is a group that would give it away.
    seed : int
        Of the simulated no-difference bands.

    Raises
    ------
    InputError
        When lengths differ, values are not 0 and 1, scores are not probabilities, there are more
        than 1,000 groups, or a reference is unknown.

    Examples
    --------
    >>> import numpy as np
    >>> sex = np.repeat(["f", "m"], 200)
    >>> chosen = np.tile([1, 0, 0, 0], 100) | (sex == "m") & np.tile([0, 1], 200)
    >>> report = group_report(np.tile([0, 1], 200), chosen, sensitive_features={"sex": sex})
    >>> row = report.disparities.loc[("sex", "demographic_parity_difference")]
    >>> float(row["value"]), bool(row["value"] > row["by_chance"])
    (0.5, True)
    """
    groups = Groups.of(sensitive_features)
    if cross:
        alone = [p.attributes for p in groups.partitions]
        crossed = [tuple(attributes) for attributes in cross]
        if any(isinstance(c, str) or len(set(c)) < 2 for c in cross) or len(set(crossed)) < len(
            crossed
        ):
            raise InputError(
                "cross must list crossings of two or more attributes each, such as "
                '[("race", "sex")], none of them twice. Correct it.'
            )
        groups = Groups.of(sensitive_features, partitions=[*alone, *crossed])
    _check_groups(groups.partitions)
    tally = tally_rows(
        y_true,
        y_pred,
        y_score=y_score,
        groups=groups,
        sample_weight=sample_weight,
        threshold=threshold,
    )
    return report_tally(
        tally, reference=reference, confidence=confidence, min_people=min_people, seed=seed
    )


def report_tally(
    tally: Tally,
    *,
    reference: dict[str, str] | None = None,
    confidence: float = 0.95,
    min_people: float = MIN_PEOPLE,
    replicates: int = REPLICATES,
    seed: int = 0,
) -> GroupReport:
    """Measure counts, such as those of a file larger than memory; see :func:`group_report`."""
    reference = reference or {}
    _check_groups(tally.partitions)
    if not 0.5 <= confidence < 1 or not 0 <= min_people < math.inf:
        raise InputError(
            "confidence must be from 0.5 to below 1 and min_people zero or more; they are "
            f"{confidence:g} and {min_people:g}. Write 0.95 and 10, or close to it."
        )
    for name in reference:
        find_partition(tally.partitions, name)
    # The matrices are small: a second thread would cost more in waiting than it brings.
    with threadpool_limits(1, user_api="blas"):
        return _measure(tally, reference, confidence, min_people, replicates=replicates, seed=seed)


def _measure(
    tally: Tally,
    reference: dict[str, str],
    confidence: float,
    min_people: float,
    *,
    replicates: int,
    seed: int,
) -> GroupReport:
    hidden = hidden_groups(tally.partitions, tally.sizes, minimum=int(min_people))
    own = estimate(tally, confidence=confidence, min_people=min_people, hidden=hidden)
    everyone = tally.everybody()
    everybody = estimate(everyone, confidence=confidence)
    rest = estimate(tally.rest(), confidence=confidence, min_people=min_people, calibration=False)
    gaps, unequal = {}, {}
    for partition in tally.partitions:
        part = own.take(partition.groups)
        named = reference.get(partition.name)
        gaps[partition.name] = (
            gaps_to_overall(part, rest.take(partition.groups), everybody, confidence=confidence)
            if named is None
            else gaps_to_group(part, _position(partition, named), confidence=confidence)
        )
        unequal[partition.name] = tuple(
            inequalities(
                part,
                scores=tally.of(partition).scores,
                everybody=everyone.scores,
                confidence=confidence,
                replicates=replicates,
                seed=seed,
            )
        )
    return GroupReport(
        tally,
        own,
        everybody,
        gaps,
        unequal,
        _shrunken(tally, own, confidence),
        hidden,
        confidence,
        min_people,
        reference,
    )


def _shrunken(
    tally: Tally, own: Estimates, confidence: float
) -> dict[str, tuple[Array, Array, Array]]:
    found = {}
    for metric, (k, n) in own.trials.items():
        parts = []
        for partition in tally.partitions:
            at = partition.groups
            expected = parent_rates(partition, tally.partitions, k, n)
            value, limits, _ = shrink(k[at], n[at], expected, confidence=confidence)
            parts.append(np.where(n[at] > 0, np.stack([value, *limits]), np.nan))
        value, low, high = np.concatenate(parts, axis=1)
        found[metric] = (value, low, high)
    return found


def _position(partition: Partition, group: str) -> int:
    if group not in partition.group_names:
        raise InputError(
            f"The reference must be one of the {len(partition.labels)} groups of "
            f"{partition.name!r}, and it is not. Check its spelling."
        )
    return partition.group_names.index(group)


def _check_groups(partitions: tuple[Partition, ...]) -> None:
    for partition in partitions:
        if len(partition.labels) > _MAX_GROUPS:
            raise InputError(
                f"{partition.name!r} may have {_MAX_GROUPS:,} groups, and it has "
                f"{len(partition.labels):,}. Bin it, merge rare values or choose another column."
            )
