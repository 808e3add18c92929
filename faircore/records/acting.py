"""Who is acting: the one place that answers it, and where accounts will stand."""

from __future__ import annotations

import getpass
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from faircore.errors import InputError

UNKNOWN = "unknown"
"""What the record says where nobody gave a name."""

MOST = 80
"""Longest name kept, in characters."""

_NAME: ContextVar[str] = ContextVar("acting", default="")


def who_is_acting() -> str:
    """Name of the person whose action is being carried out.

    A name given by :func:`acting_as`, as the dashboard does for the person at the page; else the
    user of this computer; else empty.
    """
    if name := _NAME.get():
        return name
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return ""


@contextmanager
def acting_as(name: str) -> Iterator[None]:
    """Do what follows in the name of a person."""
    token = _NAME.set(checked_name(name))
    try:
        yield
    finally:
        _NAME.reset(token)


def checked_name(name: str) -> str:
    """A name as it is kept: trimmed, single spaces, not empty, on one line, accents composed.

    Raises
    ------
    InputError
        When nothing is left of it, or it is longer than :data:`MOST` characters.
    """
    kept = spelled(name)
    if not kept or len(kept) > MOST:
        raise InputError(
            f"A name has 1 to {MOST} characters; this one has {len(kept)}. Write the name of who "
            "does this: the record is read by people who were not there."
        )
    return kept


def spelled(name: str) -> str:
    """The one spelling of a name; an accent typed as a character of its own changes nobody."""
    return unicodedata.normalize("NFC", " ".join(name.split()))
