"""What a look at the sealed rows costs: a share of the risk of a false certificate.

The rows are the same people in every review of them, so all such reviews spend one budget. All
functions take *kin*: every review of the same rows, as :meth:`faircore.records.ReviewStore.\
of_same_rows` gives them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from faircore.decide.policy import Policy
from faircore.decide.standing import standing_policy
from faircore.records import Act, Opening, Review

SEEN_FIRST = (
    "The policy was written or amended after these rows had been seen: a limit chosen with them in "
    "view cannot be tested on them."
)
SPENT = (
    "The risk of a false certificate that the policy allows is spent: these rows have been opened "
    "before. New rows would be needed."
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
        Level of the test itself: the share, divided by how many options' figures had been seen.
    why : str
        Why nothing is tested; empty where something is.
    """

    level: float | None
    tested_at: float | None
    why: str = ""


def grant(review: Review, kin: Iterable[Review]) -> Grant:
    """What an opening of the sealed rows would buy now. A share is granted whole, or not at all."""
    kin = tuple(kin)
    standing = standing_policy(review)
    if standing is None:
        return Grant(None, None, NO_POLICY)
    if _seen_first(review, kin):
        return Grant(None, None, SEEN_FIRST)
    policy = standing.policy
    if policy.level_each > policy.level - _spent(policy, kin) + 1e-12:
        return Grant(None, None, SPENT)
    return Grant(policy.level_each, policy.level_each / max(1, seen_before(kin)))


def left_to_spend(review: Review, kin: Iterable[Review]) -> int:
    """How many openings with a certificate the policy still has; 0 without a policy."""
    kin = tuple(kin)
    standing = standing_policy(review)
    if standing is None or _seen_first(review, kin):
        return 0
    policy = standing.policy
    return max(int((policy.level - _spent(policy, kin)) / policy.level_each + 1e-9), 0)


def seen_before(kin: Iterable[Review]) -> int:
    """Options whose sealed figures have been shown.

    Whoever has seen figures of that many can pick the luckiest of them, so a later test is as many
    times stricter. In simulation, five looks at a fifth of the level each, all figures of 30
    candidates seen at the first, certify wrongly in 24 of 100 reviews without this, and in fewer
    than one with it (``benchmarks/certify_sim.py``).
    """
    return sum(len(e.body["figures"]["counts"]) for one in kin for e in one.all(Act.MEASURED))


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
