"""What a look at the sealed rows costs: a share of the risk of a false certificate.

The rows are the same people in every review of them, so all such reviews spend one budget. All
functions take *kin*: every review of the same rows, as :meth:`faircore.records.ReviewStore.\
of_same_rows` gives them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from faircore.decide.options import Option
from faircore.decide.policy import Policy
from faircore.decide.standing import standing_policy
from faircore.metrics import THRESHOLDS
from faircore.records import Act, Opening, Review
from faircore.records.candidates import ids_of

SEEN_FIRST = (
    "The policy was written or amended after these rows had been seen: a limit chosen with them in "
    "view cannot be tested on them."
)
SPENT = (
    "The risk of a false certificate that the policy allows is spent: these rows have been opened "
    "before. New rows would be needed."
)
SHAPED = (
    "One of the options was made after these rows had been seen, so that their figures may have "
    "shaped it: it cannot be tested on them."
)
NO_POLICY = "No policy was locked, so there is no limit to test."


@dataclass(frozen=True)
class Grant:
    """What an opening buys.

    Attributes
    ----------
    level : float or None
        Share of the risk that it spends; None where nothing is tested.
    tested_at : float or None
        Level of the tests themselves: the share, divided by ``family``.
    family : int
        How many ways to decide the figures seen before could have picked from; 1 at a first look.
    why : str
        Why nothing is tested; empty where something is.
    """

    level: float | None
    tested_at: float | None
    family: int = 1
    why: str = ""


def grant(review: Review, kin: Iterable[Review], options: Sequence[Option]) -> Grant:
    """What opening the sealed rows for these options would buy now.

    A share is granted whole, or not at all. Whoever has seen figures of these rows knows their
    luck, group by group, and can pick what it favours. So a later look tests only what was there
    before the first one, as many times stricter as there was to pick from (Bonferroni): among the
    options that were frozen then, or else among all models asked for before, at all thresholds.
    """
    kin = tuple(kin)
    standing = standing_policy(review)
    if standing is None:
        return Grant(None, None, why=NO_POLICY)
    if _seen_first(review, kin):
        return Grant(None, None, why=SEEN_FIRST)
    policy = standing.policy
    if policy.level_each > policy.level - _spent(policy, kin) + 1e-12:
        return Grant(None, None, why=SPENT)
    family = _family(review, kin, options)
    if not family:
        return Grant(None, None, why=SHAPED)
    return Grant(policy.level_each, policy.level_each / family, family)


def left_to_spend(review: Review, kin: Iterable[Review]) -> int:
    """How many openings with a certificate the policy still has; 0 without a policy."""
    kin = tuple(kin)
    standing = standing_policy(review)
    if standing is None or _seen_first(review, kin):
        return 0
    policy = standing.policy
    return max(int((policy.level - _spent(policy, kin)) / policy.level_each + 1e-9), 0)


def _family(review: Review, kin: tuple[Review, ...], options: Sequence[Option]) -> int:
    """Ways to decide that were there before the first look; 0 where an option was not."""
    openings = (event for one in kin for event in one.all(Act.OPENED))
    first = min(openings, key=lambda event: event.number, default=None)
    if first is None:
        return 1
    asked = {option.point for option in options}
    made = [e for e in review.all(Act.PROPOSED) if e.number == first.body.get("proposal")]
    frozen = {Option.from_dict(raw).point for event in made for raw in event.body["options"]}
    if asked <= frozen:
        return len(frozen)
    before = (e.body["sweep"] for e in review.all(Act.SWEEP) if e.number < first.number)
    known = {i for sweep in before for i in ids_of(sweep, review.fingerprint)}
    if not all(point is None or point.candidate in known for point in asked):
        return 0
    return len(known) * len(THRESHOLDS) + 1  # and the decisions made until now


def looks_at(kin: Iterable[Review]) -> tuple[Opening, ...]:
    """Every look at the sealed rows."""
    return tuple(opening for one in kin for opening in one.openings)


def _spent(policy: Policy, kin: Iterable[Review]) -> float:
    """Risk spent; a look that tested nothing showed figures all the same, and leaves nothing."""
    return sum(policy.level if look.level is None else look.level for look in looks_at(kin))


def _seen_first(review: Review, kin: Iterable[Review]) -> bool:
    """Whether the rows were opened before the policy was written."""
    written = review.last(Act.LOCKED, Act.AMENDED)
    return written is not None and any(
        event.number < written.number for one in kin for event in one.all(Act.OPENED)
    )
