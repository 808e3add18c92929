"""Testing options against a policy: on rows that are given, or on figures that are counted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from faircore.decide.certificate import Certificate
from faircore.decide.certify_counts import fixed_sequence, holm_passed
from faircore.decide.checklist import check, largest_p
from faircore.decide.figures import Figures
from faircore.decide.policy import Policy
from faircore.decide.thinning import moments_of
from faircore.errors import InputError
from faircore.frontier import SplitRows
from faircore.frontier.cuts import counts_of
from faircore.frontier.objectives import BETWEEN
from faircore.groups import Groups, Partition
from faircore.metrics.inputs import as_binary, as_weights, same_length


def certify(
    candidates: Mapping[str, Any] | pd.DataFrame,
    policy: Policy,
    *,
    y_true: Any,
    sensitive_features: Any,
    order: Sequence[str] | None = None,
    sample_weight: Any | None = None,
    entities: Any | None = None,
    openings: int | None = None,
) -> Certificate:
    """Test which candidates keep a policy, on rows that chose and trained nothing.

    Parameters
    ----------
    candidates : mapping of str to array of 0 and 1, shape (n,), or DataFrame
        Decisions of each candidate about the same rows. All of them were chosen before these rows
        were looked at.
    policy : Policy
        Its gaps name partitions by their attributes: ``sex``, ``race × sex``.
    y_true : array of 0 and 1, shape (n,)
    sensitive_features : array, Series, mapping or DataFrame, n rows
    order : sequence of str, optional
        Every candidate, safest first, an order fixed without these rows. Without one all are
        tested at once and corrected by Holm, which certifies less.
    sample_weight : array, shape (n,), optional
        Each rate is of as many people as its weights leave: see :mod:`faircore.decide.thinning`.
    entities : array, shape (n,), optional
        Which person each row belongs to, where people have several.
    openings : int, optional
        How many times these rows are looked at in all; the policy's number by default. Each look
        tests at the policy's level divided by it.

    Returns
    -------
    Certificate

    Raises
    ------
    InputError
        When lengths differ, decisions are not 0 and 1, the order is not one of all candidates,
        there is no look at all, or a partition names an attribute that is not there.

    Examples
    --------
    >>> from faircore.frontier import Limit
    >>> rng = np.random.default_rng(0)
    >>> sex = np.repeat(["f", "m"], 5_000)
    >>> y = rng.integers(0, 2, 10_000)
    >>> yes = {
    ...     "fair": rng.random(10_000) < 0.3,
    ...     "unfair": rng.random(10_000) < np.where(sex == "m", 0.4, 0.2),
    ... }
    >>> policy = Policy(
    ...     "demographic_parity_difference",
    ...     (Limit("demographic_parity_difference@sex", 0.05),),
    ...     reason="An example.",
    ... )
    >>> found = certify(
    ...     yes, policy, y_true=y, sensitive_features={"sex": sex}, order=["fair", "unfair"]
    ... )
    >>> found.certified
    ('fair',)
    """
    truth = as_binary(y_true, name="y_true")
    partitions = dict.fromkeys(
        tuple(limit.key.partition(BETWEEN)[2].split(" × ")) for limit in policy.gaps
    )
    groups = Groups.of(sensitive_features, partitions=list(partitions))
    same_length("sensitive_features", groups.codes[0], len(truth))
    weights = as_weights(sample_weight, n_rows=len(truth))
    rows = SplitRows(truth, groups, weights)
    codes = None
    if entities is not None:
        same_length("entities", entities, len(truth))
        codes = np.asarray(pd.factorize(np.asarray(entities))[0], np.int64)
    counts, moments = {}, {}
    for name, given in candidates.items():
        decided = as_binary(given, name=f"candidates[{name!r}]")
        same_length(f"candidates[{name!r}]", decided, len(truth))
        counts[str(name)] = counts_of(rows, decided)
        moments[str(name)] = moments_of(rows, decided, codes)
    looks = policy.openings if openings is None else openings
    if looks < 1:
        raise InputError(
            f"Rows are looked at once or more often; `openings` is {openings}. Count this look too."
        )
    return _certificate(
        counts,
        policy,
        partitions=groups.partitions,
        sizes=groups.sizes,
        moments=moments,
        order=order,
        level=policy.level / looks,
        tested_at=policy.level / looks,
        people=len(truth),
    )


def certify_figures(
    figures: Figures,
    policy: Policy,
    *,
    partitions: tuple[Partition, ...],
    order: Sequence[str] | None,
    level: float,
    tested_at: float,
) -> Certificate:
    """:func:`certify` from options that are counted already."""
    return _certificate(
        figures.counts,
        policy,
        partitions=partitions,
        sizes=figures.sizes,
        moments=figures.moments,
        order=order,
        level=level,
        tested_at=tested_at,
        people=figures.people,
    )


def _certificate(
    counts: Mapping[str, NDArray[np.float64]],
    policy: Policy,
    *,
    partitions: tuple[Partition, ...],
    sizes: NDArray[np.int64],
    moments: Mapping[str, NDArray[np.float64]],
    order: Sequence[str] | None,
    level: float,
    tested_at: float,
    people: int,
) -> Certificate:
    names = list(counts)
    if not names or (order is not None and sorted(order) != sorted(names)):
        raise InputError(
            "The order names every candidate once, and there is at least one; it names "
            f"{0 if order is None else len(order)}, and there are {len(names)}. Correct it."
        )
    lines = {}
    for name, found in counts.items():
        lines[name] = check(
            found, policy, partitions=partitions, sizes=sizes, level=tested_at,
            moments=moments[name],
        )  # fmt: skip
    p_values = np.array([largest_p(lines[name]) for name in names])
    if order is None:
        passed, reached = holm_passed(p_values, tested_at), names
    else:
        walk = [names.index(name) for name in order]
        passed = fixed_sequence(p_values, walk, tested_at)
        n_reached = min(int(passed.sum()) + 1, len(walk))
        reached = [names[k] for k in walk[:n_reached]]
    walked = names if order is None else list(order)
    return Certificate(
        level,
        None if order is None else tuple(order),
        lines,
        tuple(name for name in walked if passed[names.index(name)]),
        tuple(reached),
        people,
        tested_at,
    )
