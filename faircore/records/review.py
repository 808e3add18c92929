"""What a review is: what follows from everything done in it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from faircore.audit.words import Wording
from faircore.data import DataSpec
from faircore.records.history import Act, Event


@dataclass(frozen=True)
class Opening:
    """The sealed rows were looked at: when, by whom, for which operating point.

    Attributes
    ----------
    at, who : str
    candidate : str
    threshold : float
    level : float or None
        Share of the risk of a false certificate that this look spends; None buys no certificate.
    """

    at: str
    who: str
    candidate: str
    threshold: float
    level: float | None = None


@dataclass(frozen=True)
class Review:
    """The record of one review.

    Attributes
    ----------
    id : str
        Twelve hexadecimal digits.
    name, source : str
        What people call it; the name of the file the data came from.
    created_at : str
        ISO 8601, UTC.
    spec : str
        Column roles as canonical JSON.
    fingerprint : str
        SHA-256 of the data and the roles.
    rows : str
        SHA-256 of the whole table, whatever its columns are used for: reviews that share it are
        about the same people.
    history : tuple of Event
        Everything done since, oldest first.
    """

    id: str
    name: str
    source: str
    created_at: str
    spec: str
    fingerprint: str
    rows: str
    history: tuple[Event, ...] = ()

    def all(self, *kinds: Act) -> tuple[Event, ...]:
        """Events of some kinds, oldest first."""
        return tuple(event for event in self.history if event.kind in kinds)

    def last(self, *kinds: Act) -> Event | None:
        """The newest event of some kinds."""
        found = self.all(*kinds)
        return found[-1] if found else None

    @cached_property
    def sweeps(self) -> tuple[str, ...]:
        """Requests launched, as canonical JSON, each where it was asked for last."""
        asked = (event.body["sweep"] for event in reversed(self.all(Act.SWEEP)))
        return tuple(reversed(dict.fromkeys(asked)))

    @cached_property
    def openings(self) -> tuple[Opening, ...]:
        """Every look at the sealed rows."""
        return tuple(
            Opening(e.at, e.who, e.body["candidate"], e.body["threshold"], e.body.get("level"))
            for e in self.all(Act.OPENED)
        )

    @cached_property
    def decisions(self) -> tuple[dict[str, Any], ...]:
        """Every choice recorded; the last one stands."""
        return tuple(event.body for event in self.all(Act.DECIDED))

    @cached_property
    def outcome_checks(self) -> tuple[dict[str, Any], ...]:
        """Answers to the checklist about the outcome, and how people speak of it."""
        return tuple(
            {"at": event.at, "who": event.who, **event.body} for event in self.all(Act.OUTCOME)
        )

    @property
    def wording(self) -> Wording:
        """How people speak of outcomes and decisions here."""
        said = self.outcome_checks[-1]["wording"] if self.outcome_checks else {}
        return Wording(**{name: words for name, words in said.items() if words})

    @property
    def data_spec(self) -> DataSpec:
        """Column roles."""
        return DataSpec.from_json(self.spec)

    @property
    def state(self) -> str:
        """Where the review stands, in two or three words."""
        told = {
            Act.DECIDED: "decided",
            Act.DECLINED: "no model chosen",
            Act.PACKET: "being voted on",
            Act.MEASURED: "sealed rows opened",
            Act.OPENED: "opening unfinished",
            Act.PROPOSED: "point proposed",
        }
        changed = False  # the policy, since the last step: what was voted on or tested is another
        for event in reversed(self.history):
            if event.kind in told:
                over = event.kind in (Act.DECIDED, Act.DECLINED)
                return told[event.kind] if over or not changed else "policy changed"
            changed = changed or event.kind in (Act.LOCKED, Act.AMENDED)
        if self.sweeps:
            return "models requested"
        return "policy locked" if self.last(Act.LOCKED) else "data ready"
