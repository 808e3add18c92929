"""More strengths around one that somebody likes."""

from __future__ import annotations

from dataclasses import replace

from faircore.plans import SweepPlan, SweepSpec
from faircore.records.reviews import Review

BETWEEN = 3
"""New strengths on each side of the one that is liked."""


def request_of(review: Review, candidate_id: str) -> SweepSpec | None:
    """The request a candidate was trained for, with the strengths of all requests like it.

    None when the review asked for no such candidate.
    """
    found, strengths = None, set()
    for text in review.sweeps:
        for spec in SweepPlan.from_json(text).sweeps:
            ids = spec.trial_ids(review.fingerprint)
            if candidate_id in ids:
                found = found or spec
    if found is None:
        return None
    for text in review.sweeps:
        for spec in SweepPlan.from_json(text).sweeps:
            if replace(spec, strengths=found.strengths, seeds=found.seeds) == found:
                strengths |= {strength for strength, _ in spec.trials}
    return replace(found, strengths=tuple(sorted(strengths)))


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
            new.append(float(f"{value:.3g}"))
    return tuple(sorted(set(new) - set(known)))
