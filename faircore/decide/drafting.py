"""A policy drafted from an interview: what its form starts with, and what is made of it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from scipy.special import ndtri

from faircore.decide.policy import Policy
from faircore.frontier import Limit
from faircore.groups import Groups
from faircore.metrics import MIN_PEOPLE, RATES, confusion_counts, hidden_groups
from faircore.numerals import points
from faircore.training import Prepared


def base_rate_gap(prepared: Prepared) -> float | None:
    """How far apart the shares of good outcomes of any two groups of a partition are, at most.

    On the rows models learn from, so that nothing of the sealed ones is told. None with fewer than
    two groups of ten people.
    """
    rows = prepared.rows("train")
    groups = prepared.groups.take(rows)
    truth = prepared.dataset.y_true[rows]
    counts = confusion_counts(truth, truth, groups, prepared.weights[rows])
    rates = RATES["base_rate"](counts, min_people=MIN_PEOPLE)
    gaps = [
        float(np.nanmax(own) - np.nanmin(own))
        for own in (rates[p.groups] for p in groups.partitions)
        if np.isfinite(own).sum() > 1
    ]
    return max(gaps, default=None)


def smallest_promise(rows: int, *, level: float = 0.05) -> float:
    """The gap between two groups of so many rows that could just be certified if there were none.

    In 4 of 5 cases, for a rate of one in four, by the normal approximation; in (0, 1].
    """
    error = math.sqrt(2 * 0.25 * 0.75 / max(rows, 1))
    return float(min(error * (ndtri(1 - level) + ndtri(0.9)), 1.0))


def promise_words(
    prepared: Prepared,
    partitions: Sequence[str],
    *,
    smallest_group: int = 0,
    level: float = 0.05,
    split: str = "certify",
) -> str:
    """How small a gap the smallest group leaves to certify, in words; sizes tell no outcome.

    Parameters
    ----------
    prepared : Prepared
    partitions : sequence of str
        Whose groups a policy speaks of.
    smallest_group : int
        Groups with fewer rows are not spoken of, nor are empty ones.
    level : float
        Of each test.
    split : str
        Whose rows are counted.

    Returns
    -------
    str
        Sentences; empty where there is no group whose size is shown. Sizes under
        :data:`faircore.metrics.MIN_PEOPLE` are never told, nor those that would give one away,
        whatever the smallest group spoken of: trying all of its values tells nothing more.
    """
    groups: Groups = prepared.groups.take(prepared.rows(split))
    everyone = np.arange(len(groups.sizes))
    own = np.concatenate([everyone[groups.partition(name).groups] for name in partitions])
    hidden, sizes = hidden_groups(groups.partitions, groups.sizes)[own], groups.sizes[own]
    if smallest_group < MIN_PEOPLE and ((sizes > 0) & (sizes < MIN_PEOPLE)).any():
        return (
            f"The smallest group has fewer than {MIN_PEOPLE} sealed rows, too few to be judged: "
            "nothing can be certified unless groups so small are left out."
        )
    shown = sizes[~hidden & (sizes >= max(smallest_group, 1))]
    if not len(shown):
        return ""
    fewest = int(shown.min())
    which = "The smallest group whose size is shown" if hidden.any() else "The smallest group"
    return (
        f"{which} has {fewest:,} sealed rows: even without any gap, hardly less than "
        f"{points(smallest_promise(fewest, level=level), 0)} could be certified."
    )


def amended(old: Policy, limits: Mapping[str, float | None], **more: Any) -> Policy:
    """A policy with some limits set, and whatever is not named as it stood.

    Parameters
    ----------
    old : Policy
    limits : mapping of str to float or None
        By key; None: no limit any more. New ones come last.
    **more
        Other attributes of :class:`~faircore.decide.Policy`.

    Raises
    ------
    InputError
        When what comes of it is no policy.
    """
    before = {x.key: x.at for x in old.limits}
    wanted = {**before, **limits}
    kept = [Limit(k, as_stood(at, before.get(k))) for k, at in wanted.items() if at is not None]
    return replace(old, limits=tuple(kept), **more)


def as_stood(now: float, before: float | None) -> float:
    """A number from a form in percent; the one that stood where only rounding tells them apart."""
    return before if before is not None and math.isclose(now, before, abs_tol=1e-9) else now
