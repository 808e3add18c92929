"""What is done in a review, one event at a time."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any


class Act(StrEnum):
    """Kinds of event. The words are stored: they may be added to, never changed."""

    SWEEP = "models asked for"
    OUTCOME = "outcome checked"
    LOCKED = "policy locked"
    AMENDED = "policy amended"
    PROPOSED = "point proposed"
    OPENED = "sealed rows opened"
    MEASURED = "sealed rows measured"
    PACKET = "packet sent"
    VOTED = "vote cast"
    DECIDED = "decision recorded"
    DECLINED = "no model chosen"


@dataclass(frozen=True)
class Event:
    """One line of the history.

    Attributes
    ----------
    at : str
        ISO 8601, UTC.
    who : str
        Name of the person; empty in records of older versions.
    kind : Act
    body : dict
        What was done, as plain data.
    number : int
        Its place in the record of the whole workspace; grows.
    """

    at: str
    who: str
    kind: Act
    body: dict[str, Any]
    number: int = 0


def canonical(body: Mapping[str, Any]) -> str:
    """One text for equal content: sorted keys, no spaces."""
    return json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def now() -> str:
    """The time, ISO 8601 in UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")
