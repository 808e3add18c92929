"""A policy as it stands: when it was locked, what was known by then, what changed since."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from faircore.decide.policy import Policy
from faircore.errors import InputError
from faircore.records import Act, Event, Review, ReviewStore, checked_name

Known = Literal["nothing", "models", "sealed rows"]

KNOWN_WORDS: dict[Known, str] = {
    "nothing": "before any model was asked for",
    "models": "after models had been asked for",
    "sealed rows": "after the sealed rows had been opened",
}


@dataclass(frozen=True)
class Version:
    """A policy as somebody wrote it.

    Attributes
    ----------
    policy : Policy
    who, at : str
    why : str
        Why it was amended; empty for the first.
    known : {"nothing", "models", "sealed rows"}
        What had been seen of this review by then.
    elsewhere : int
        Other reviews of the same data in which models had been asked for by then.
    """

    policy: Policy
    who: str
    at: str
    why: str
    known: Known
    elsewhere: int = 0


@dataclass(frozen=True)
class Standing:
    """Every version of a review's policy, oldest first.

    Attributes
    ----------
    versions : tuple of Version
    """

    versions: tuple[Version, ...]

    @property
    def policy(self) -> Policy:
        """The one that holds."""
        return self.versions[-1].policy

    @property
    def amendments(self) -> tuple[tuple[Version, tuple[str, ...]], ...]:
        """Every later version, with what it says differently."""
        pairs = zip(self.versions, self.versions[1:], strict=False)
        return tuple((new, old.policy.changes(new.policy)) for old, new in pairs)


def standing_policy(review: Review) -> Standing | None:
    """The policy of a review, with its history; None when none was locked."""
    found = [
        Version(
            Policy.from_dict(event.body["policy"]),
            event.who,
            event.at,
            event.body.get("why", ""),
            _known_by(review, event),
            event.body.get("elsewhere", 0),
        )
        for event in review.all(Act.LOCKED, Act.AMENDED)
    ]
    return Standing(tuple(found)) if found else None


def is_exploratory(review: Review) -> bool:
    """Whether models were asked for before a policy was locked: this never changes again."""
    first = next((e for e in review.history if e.kind in (Act.SWEEP, Act.LOCKED)), None)
    return first is not None and first.kind is Act.SWEEP


def provenance(review: Review) -> str:
    """How far the limits can have been chosen to suit a model: one sentence for the record."""
    standing = standing_policy(review)
    if standing is None:
        return "Exploratory: no policy was locked."
    last = standing.versions[-1]
    others = max(version.elsewhere for version in standing.versions)
    seen = (
        f" Models of the same data had been asked for in {others} other "
        f"{'review' if others == 1 else 'reviews'} by then."
        if others
        else ""
    )
    if is_exploratory(review):
        done = "locked" if len(standing.versions) == 1 else "amended"
        late = f" It was {done} {KNOWN_WORDS[last.known]}." if last.known == "sealed rows" else ""
        return f"Exploratory: models had been asked for before the policy was locked.{late}{seen}"
    if last.known == "nothing":
        return f"The policy was locked {KNOWN_WORDS['nothing']}.{seen}"
    return (
        f"The policy was locked {KNOWN_WORDS['nothing']} and amended {KNOWN_WORDS[last.known]}."
        f"{seen}"
    )


def lock_policy(
    workspace: str | Path, review_id: str, policy: Policy, *, who: str | None = None
) -> Review:
    """Write a review's policy into its record, for good.

    Raises
    ------
    InputError
        When one is locked already: amend that.
    """

    def body(review: Review, kin: tuple[Review, ...]) -> dict[str, Any]:
        if standing_policy(review) is not None:
            raise InputError(
                "This review has a locked policy. Amend it, with a reason: both versions stay "
                "visible."
            )
        return _as_body(policy, review, kin)

    return ReviewStore(workspace).record_among(review_id, Act.LOCKED, body, who=who)


def amend_policy(
    workspace: str | Path, review_id: str, policy: Policy, *, why: str, who: str | None = None
) -> Review:
    """Replace a locked policy; what was said before stays in the record.

    Raises
    ------
    InputError
        When there is nothing to amend, no reason, or no change.
    """
    if not why.strip():
        raise InputError("An amendment needs a reason. Write why the policy changes.")
    if who is not None:
        checked_name(who)

    def body(review: Review, kin: tuple[Review, ...]) -> dict[str, Any]:
        standing = standing_policy(review)
        if standing is None:
            raise InputError("This review has no policy to amend. Lock one first.")
        if not standing.policy.changes(policy):
            raise InputError("Nothing in this policy is changed. Change something, or leave it.")
        return {**_as_body(policy, review, kin), "why": why.strip()}

    return ReviewStore(workspace).record_among(review_id, Act.AMENDED, body, who=who)


def _as_body(policy: Policy, review: Review, kin: tuple[Review, ...]) -> dict[str, Any]:
    """A version for the record, with how many other reviews of these people had models by then."""
    elsewhere = sum(1 for one in kin if one.id != review.id and one.sweeps)
    return {"policy": policy.to_dict(), "sha256": policy.sha256, "elsewhere": elsewhere}


def _known_by(review: Review, moment: Event) -> Known:
    before = {e.kind for e in review.history if e.number < moment.number}
    if Act.OPENED in before:
        return "sealed rows"
    return "models" if Act.SWEEP in before else "nothing"
