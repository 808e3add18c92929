"""Numbers and models in words, the same on every page."""

from __future__ import annotations

import math
import re
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from faircore.audit.words import USUAL, of_hundred, pair_sentence
from faircore.frontier import Candidate, Frontier, Objective
from faircore.groups import Partition, find_partition
from faircore.methods import METHODS
from faircore.metrics import (
    MIN_PEOPLE,
    RATES,
    disparity_text,
    find_disparity,
    hidden_groups,
)
from faircore.numerals import points
from faircore.penalties import PENALTIES
from faircore.plots import METHOD_NAMES

Evidence = tuple[NDArray[np.float64], NDArray[np.float64]]
"""Rows and squared weights behind counts, each of shape (g, 2, 2)."""


def disparity_value(name: str, value: float) -> str:
    """A disparity by its name, in words."""
    return disparity_text(find_disparity(name), value)


def labels(frontier: Frontier) -> dict[str, str]:
    """A name for each candidate by its id, unlike all others and the same in every view.

    Those that a filter leaves out have one as well: what tells two models apart does not depend on
    which are shown.
    """
    return _labels(frontier.everyone)


@lru_cache(maxsize=16)
def _labels(candidates: tuple[Candidate, ...]) -> dict[str, str]:
    methods = len({c.method for c in candidates}) > 1
    aims = len({(c.penalty, c.partitions) for c in candidates if not is_plain(c)}) > 1
    with_seed = len({c.seed for c in candidates}) > 1
    shapes = len({(c.method, c.shape) for c in candidates}) > len({c.method for c in candidates})
    known = {c.id: c for c in candidates}

    def name_of(c: Candidate) -> str:
        if METHODS[c.method].changes_one:
            made_from, (model, _, how) = known.get(c.source), c.shape.rpartition("; ")
            name = name_of(made_from) if made_from else model[:1].upper() + model[1:]
            return f"{name}, {how}"
        parts = [METHOD_NAMES[c.method]] if methods else []
        parts.append(METHODS[c.method].strength_text(c.strength))
        if with_seed:
            parts.append(f"seed {c.seed}")
        if aims and not is_plain(c):
            parts.append(
                f"{PENALTIES[c.penalty].title.lower()}, {' + '.join(c.partitions) or 'all'}"
            )
        if shapes:
            parts.append(c.shape)
        return " · ".join(parts)

    names: dict[str, str] = {}
    taken: set[str] = set()
    for c in candidates:
        name = name_of(c)
        names[c.id] = name if name not in taken else f"{name} · {c.id[:4]}"
        taken.add(names[c.id])
    return names


def is_plain(candidate: Candidate) -> bool:
    """Whether nothing was asked of it: the unconstrained baseline of its method."""
    return candidate.strength == METHODS[candidate.method].plain


def path_order(candidate: Candidate) -> tuple[object, ...]:
    """Sorts candidates along the slider: method by method, from plain to the most that is asked."""
    method = list(METHODS).index(candidate.method)
    away = abs(candidate.strength - METHODS[candidate.method].plain)
    same = (candidate.penalty, str(candidate.partitions), candidate.shape)
    return (method, *same, away, candidate.seed)


def duration(seconds: float) -> str:
    """About how long, in words."""
    if seconds < 90:
        return f"{max(1, round(seconds, -1 if seconds >= 20 else 0)):.0f} seconds"
    minutes = seconds / 60
    return f"{minutes:.0f} minutes" if minutes < 90 else f"{minutes / 60:.0f} hours"


def plain(text: str) -> str:
    """Text from data or people, so that Markdown shows it as it is and fetches nothing."""
    line = " ".join(text.split())
    return re.sub(r"([\\`*_\[\]()#|!$~<>:&])", r"\\\1", line)


def widget_label(text: str) -> str:
    """Text from data as the label of a slider, which screen readers say letter by letter.

    A backslash in a label is read out, so only what Markdown would take for markup gets one: not
    the brackets of ``(missing)``, nor the ``<`` of ``<25``.
    """
    line = re.sub(r"([\\`*\[$~])", r"\\\1", " ".join(text.split()))
    line = re.sub(r"(?<![^\W_])_|_(?![^\W_])", r"\\_", line)
    line = re.sub(r"<(?=[A-Za-z/!?])|&(?=#|\w+;)|^>|^[#+=-](?=[\s=-]|$)", r"\\\g<0>", line)
    line = re.sub(r"^(\d{1,9})([.)])(?=\s|$)", r"\1\\\2", line)
    return line.replace(":", r"\:") if re.search(r":[A-Za-z+_-]", line) else line


def readout(frontier: Frontier, position: int) -> str:
    """Every objective of a candidate in one line."""
    told = zip(frontier.objectives, frontier.values[position].tolist(), strict=True)
    return " · ".join(f"{_short(objective)} {objective.text(value)}" for objective, value in told)


def _short(objective: Objective) -> str:
    """A gap is a gap, whatever it is between: the line above says."""
    if objective.source == "gap":
        return "ratio" if objective.better > 0 else "gap"
    return lower_first(objective.title)


def lower_first(text: str) -> str:
    """A title within a sentence; abbreviations stay as they are."""
    return text if text[1:2].isupper() else f"{text[:1].lower()}{text[1:]}"


def finding(
    counts: NDArray[np.float64],
    partitions: tuple[Partition, ...],
    partition: Partition,
    disparity: str,
    *,
    sizes: NDArray[np.int64],
    evidence: Evidence | None = None,
) -> str:
    """The widest difference between two groups, in natural frequencies, and what may be chance.

    Parameters
    ----------
    counts : ndarray, shape (g, 2, 2)
        Counts over all partitions.
    partitions : tuple of Partition
    partition : Partition
        The one of them whose groups are compared. Groups whose size is not shown take no part.
    disparity : str
        Name of the disparity; of its rates the one that is furthest apart is told.
    sizes : ndarray of int, shape (g,)
        Rows per group.
    evidence : pair of ndarray, each of shape (g, 2, 2), optional
        As :func:`faircore.frontier.evidence_of` gives it. Without it, rows are taken to weigh
        alike within a group.
    """
    hidden = hidden_groups(partitions, sizes)
    own = np.where(hidden[:, None, None], 0.0, counts)[partition.groups]
    rows, squares = (x[partition.groups] for x in evidence or _alike(counts, sizes))
    rate = RATES[find_disparity(disparity).worst_rate(own, min_people=MIN_PEOPLE)]
    people = rate.people(rows)
    enough = people >= MIN_PEOPLE * (1 - 1e-9)
    values = np.where(enough, rate(own, min_people=MIN_PEOPLE), np.nan)
    if np.isfinite(values).sum() < 2:
        return f"Too few people to compare: a rate needs at least {MIN_PEOPLE}."
    low, high = int(np.nanargmin(values)), int(np.nanargmax(values))
    names = [plain(name) for name in partition.group_names]
    if values[low] == values[high]:
        whom, what = USUAL.parts(rate.name)
        which = "every group" if np.isfinite(values).all() else "every group with enough people"
        return f"In {which}, of 100 {whom}, {of_hundred(values[low])} {what}."
    told = pair_sentence(
        rate.name,
        (f"group **{names[low]}**", float(values[low])),
        (f"group **{names[high]}**", float(values[high])),
    )
    pair = np.array([low, high])
    known = rate.people(own)[pair] ** 2 / rate.people(squares)[pair]
    pooled = float(values[pair] @ known / known.sum())
    chance = 1.96 * math.sqrt(pooled * (1 - pooled) * float((1 / known).sum()))
    return (
        f"{told} With {people[low]:,.0f} and {people[high]:,.0f} people, a difference below about "
        f"{points(chance)} can be chance"
        + (
            "."
            if np.isfinite(values).sum() == 2
            else ", and more than that between the two furthest apart of several groups."
        )
    )


def _alike(counts: NDArray[np.float64], sizes: NDArray[np.int64]) -> Evidence:
    """Rows and squared weights where each row of a group weighs as the others do."""
    total = counts.sum(axis=(1, 2))
    each = np.where(total > 0, total, 1.0) / np.maximum(sizes, 1)
    return counts / each[:, None, None], counts * each[:, None, None]


def price(frontier: Frontier) -> str:
    """What the front says in one sentence: what fairer costs.

    Of a gap, the cheapest model that halves that of the best-performing one is looked for.
    """
    front = frontier.front
    first, second = frontier.objectives[:2]
    signed = frontier.values[front] * frontier.directions
    best, fairest = int(front[signed[:, 0].argmax()]), int(front[signed[:, 1].argmax()])
    title = lower_first(first.title)
    if first.source == "counts" or second.source == "gap":
        groups = find_partition(frontier.partitions, frontier.gap.partition).groups
        selected = RATES["selection_rate"](frontier.counts[:, groups].sum(axis=1))
        if selected[best] in (0.0, 1.0):
            whom = "nobody" if selected[best] == 0 else "everybody"
            shown = np.isfinite(frontier.values).all(axis=1)
            if (selected[shown] == selected[best]).all():
                return f"At this threshold {whom} is selected."
            return f"The model with the best {title} selects {whom}."
    start = second.text(float(frontier.values[best, 1]))

    def cost(position: int) -> str:
        lost = abs(float(frontier.values[best, 0] - frontier.values[position, 0]))
        return f"{first.change_text(lost).lstrip('+±')} of {title}"

    if np.isfinite(frontier.values).all(axis=1).sum() == 1:
        return "There is one model: nothing to compare it with yet."
    if best == fairest:
        return f"The model with the best {title} is also the best in the other respect: {start}."
    if second.source != "gap":
        other = second.text(float(frontier.values[fairest, 1]))
        return (
            f"The model with the best {title} has {lower_first(second.title)} {start}; the best "
            f"there is {other}, which costs {cost(fairest)}."
        )
    gap, ratio = float(frontier.values[best, 1]), second.better > 0
    reached = [
        k for k in front
        if (frontier.values[k, 1] >= 0.8 if ratio else frontier.values[k, 1] <= gap / 2)
    ]  # fmt: skip
    if not reached:
        smallest = second.text(float(frontier.values[fairest, 1]))
        return (
            f"The best {title} comes with {start}; the most equal model has {smallest} and costs "
            f"{cost(fairest)}."
        )
    if best in reached:
        return f"The model with the best {title} already has {start}."
    cheapest = int(max(reached, key=lambda k: first.better * frontier.values[k, 0]))
    end = second.text(float(frontier.values[cheapest, 1]))
    change = "Raising the ratio to four fifths" if ratio else "Halving the gap"
    return f"{change}, from {start} to {end}, costs {cost(cheapest)}."
