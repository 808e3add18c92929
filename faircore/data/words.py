"""How messages count and list things: at most five, never a cell."""

from __future__ import annotations

from collections.abc import Iterable

SHOWN = 5


def listed(items: Iterable[object], *, total: int | None = None) -> str:
    """Join up to five items, saying how many more there are.

    >>> listed([2, 3, 5, 7, 11, 13, 17])
    '2, 3, 5, 7, 11 and 2 more'
    """
    found = [str(item) for item in items]
    more = (len(found) if total is None else total) - len(found[:SHOWN])
    shown = ", ".join(found[:SHOWN])
    return f"{shown} and {more:,} more" if more > 0 else shown


def counted(number: int, noun: str) -> str:
    """Write a number with its noun in the singular or plural.

    >>> counted(1, "row"), counted(1200, "row")
    ('1 row', '1,200 rows')
    """
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
