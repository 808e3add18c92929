"""More strengths around one that somebody likes."""

from __future__ import annotations

from dataclasses import replace

from faircore.plans import SweepPlan, SweepSpec
from faircore.records.candidates import ids_of
from faircore.records.review import Review

BETWEEN = 3
"""New strengths on each side of the one that is liked."""


def request_of(review: Review, candidate_id: str) -> SweepSpec | None:
    """The request a candidate was trained for, with the strengths of all requests like it.

    None when the review asked for no such candidate.
    """
    specs = [spec for text in review.sweeps for spec in SweepPlan.from_json(text).sweeps]
    wanted = [s for s in specs if candidate_id in ids_of(s.to_json(), review.fingerprint)]
    if not wanted:
        return None
    found = wanted[0]
    alike = [s for s in specs if s.method == found.method and _same(s, found)]
    return replace(found, strengths=tuple(sorted({x for s in alike for x in s.strengths})))


def _same(one: SweepSpec, other: SweepSpec) -> bool:
    """Whether two requests of a method differ in strengths and seeds alone."""
    return replace(one, strengths=other.strengths, seeds=other.seeds) == other


def strengths_around(spec: SweepSpec, strength: float) -> tuple[float, ...]:
    """Strengths between a model's neighbours, evenly spaced, in steps of ratio where they can be.

    At the end of the range the side without a neighbour is left alone.
    """
    known = sorted(set(spec.strengths) | {strength})
    place = known.index(strength)
    new: list[float] = []
    for a, b in zip(known[max(place - 1, 0) : place + 1], known[max(place, 1) : place + 2],
                    strict=False):  # fmt: skip
        for i in range(1, BETWEEN + 1):
            share = i / (BETWEEN + 1)
            value = a * (b / a) ** share if a > 0 else a + (b - a) * share
            # As short as it can be said without leaving the place between the two.
            short = (float(f"{value:.{digits}g}") for digits in range(3, 17))
            new.append(next((x for x in short if a < x < b), value))
    return tuple(sorted(set(new) - set(known)))
