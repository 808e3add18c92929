"""A view in the address: whoever opens the link sees what its sender saw.

What is folded open, and what look is taken below the picture, is no part of it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit, urlunsplit

import numpy as np
import streamlit as st

from faircore.errors import InputError
from faircore.frontier import BETWEEN, Frontier, find_objective
from faircore.groups import find_partition
from faircore.metrics.costs import Costs
from pages.components.session import BEST, FIRST_CUT, LAST_CUT, QUOS, ReviewSession

ID_LENGTH = 16
"""So much of a candidate's id is in a link: enough to be one of a kind."""

OF_POLICY = ("limits", "no_groups")
"""What a locked policy sets in every session that opens its review."""

LONGEST = 2_000
"""Characters of one part of a view; more than any list of limits or thresholds needs."""


@dataclass(frozen=True)
class _Part:
    """A field of the session as a parameter of the address."""

    name: str
    write: Callable[[Any], str]
    read: Callable[[str], Any]


def _text(value: str) -> str:
    return value


def _flag(value: str) -> bool:
    return value == "1"


def _as_flag(value: bool) -> str:
    return "1" if value else "0"


def _number(text: str) -> float:
    value = float(text)
    if not np.isfinite(value):
        raise ValueError("a view has finite numbers alone")
    return value


def _share(text: str) -> float:
    value = _number(text)
    if not 0 <= value <= 1:
        raise ValueError("a threshold lies between 0 and 1")
    return value


def _limits(text: str) -> dict[str, float]:
    """Limits by the key of their objective, each in the range its box has."""
    raw = json.loads(text)
    if not isinstance(raw, dict):
        raise ValueError("limits have names")
    found = {str(key): _number(str(value)) for key, value in raw.items()}
    for key, value in found.items():
        try:
            if find_objective(key).is_share and not 0 <= value <= 1:
                raise ValueError("a limit of a share lies between 0 and 1")
        except InputError:
            raise ValueError("a limit is one of an objective") from None
    return found


def _cuts(text: str) -> dict[str, float]:
    """Thresholds by the name of their group."""
    raw = json.loads(text)
    if not isinstance(raw, dict):
        raise ValueError("thresholds have names")
    return {str(name): _share(str(value)) for name, value in raw.items()}


_PARTS: dict[str, _Part] = {
    "up": _Part("performance", _text, _text),
    "across": _Part("disparity", _text, _text),
    "third": _Part("third", _text, _text),
    "by": _Part("partition", _text, _text),
    "cut": _Part("threshold", repr, lambda text: min(max(_share(text), FIRST_CUT), LAST_CUT)),
    "limits": _Part("limits", json.dumps, _limits),
    "blind": _Part("no_groups", _as_flag, _flag),
    "methods": _Part("methods", ",".join, lambda text: tuple(text.split(","))),
    "seeds": _Part("by_seed", lambda v: "" if v else "mean", lambda text: text != "mean"),
    "bars": _Part("errors", _as_flag, _flag),
    "band": _Part("band", _as_flag, _flag),
    "worth": _Part(
        "worth",
        lambda v: "" if v is None else ",".join(map(repr, v)),
        lambda text: tuple(_number(x) for x in text.split(",")),
    ),
    "unit": _Part("unit", _text, lambda text: text[:20]),
    "along": _Part("along", _text, _text),
    "quo": _Part("quo", _text, _text),
    "each": _Part("cut_by", _text, _text),
    "cuts": _Part("cuts", json.dumps, _cuts),
    "model": _Part("candidate", lambda v: v[:ID_LENGTH], _text),
    "against": _Part("pinned", lambda v: v[:ID_LENGTH], _text),
}


def parameters(current: ReviewSession) -> dict[str, str]:
    """The view as parameters of an address; what is as it comes is left out."""
    plain, found = ReviewSession(), {"review": current.review}
    for key, part in _PARTS.items():
        value = getattr(current, part.name)
        text = part.write(value)
        # To whoever opens the link a locked policy gives its limits, unless the link has its own.
        told = current.limits_of and part.name in OF_POLICY
        if text and (told or value != getattr(plain, part.name)):
            found[key] = text
    return found


def link(current: ReviewSession) -> str:
    """The address of the page in the view of this session."""
    split = urlsplit(st.context.url or "")
    query = urlencode(parameters(current))
    return urlunsplit((split.scheme, split.netloc, split.path, query, ""))


def restore(frontier: Frontier, current: ReviewSession) -> None:
    """Take over the view a link carries, once; what no longer fits is left as it is."""
    if current.linked:
        return
    current.linked = True
    for name, value in read_parameters(st.query_params.to_dict(), frontier).items():
        setattr(current, name, value)


def read_parameters(given: Mapping[str, str], frontier: Frontier) -> dict[str, Any]:
    """Fields of the session that an address names, those that fit these candidates.

    A link may come from anywhere: whatever is not a known choice is passed over.
    """
    found: dict[str, Any] = {}
    for key, part in _PARTS.items():
        text = given.get(key, "")
        if not text or len(text) > LONGEST:
            continue
        try:
            value = part.read(text)
        except (ValueError, RecursionError):
            continue
        if _fits(part.name, value, frontier):
            found[part.name] = _full_id(value, frontier) if part.name in _IDS else value
    # One objective on both axes compares nothing.
    if found.get("performance") and found.get("performance") == found.get("disparity"):
        del found["disparity"]
    # The list of partitions stands beside the horizontal axis: it names that axis's.
    name, _, partition = found.get("disparity", "").partition(BETWEEN)
    if partition:
        found |= {"disparity": name, "partition": partition}
    # Thresholds are of the groups of one partition.
    cuts, by = set(found.get("cuts", {})), found.get("cut_by", "")
    if cuts and not (by and cuts <= set(find_partition(frontier.partitions, by).group_names)):
        del found["cuts"]
    return found


_IDS = ("candidate", "pinned")


def _fits(name: str, value: Any, frontier: Frontier) -> bool:
    if name in ("performance", "disparity", "third"):
        try:
            objective = find_objective(value, frontier.partition)
            if objective.partition:
                find_partition(frontier.partitions, objective.partition)
        except InputError:
            return False
        return True
    if name == "limits":
        return all(_fits("third", key, frontier) for key in value)
    if name == "along":
        return value in {BEST, *(c.method for c in frontier.candidates)}
    if name == "quo":
        return value in QUOS
    if name == "cut_by" and not frontier.rows:  # nobody knows whom they would select
        return False
    if name in ("partition", "cut_by"):
        return value in [p.name for p in frontier.partitions]
    if name == "methods":
        return set(value) <= {c.method for c in frontier.candidates}
    if name == "worth":
        try:
            Costs(*value)
        except (InputError, TypeError):
            return False
        return len(value) == 4
    return name not in _IDS or bool(_full_id(value, frontier))


def _full_id(start: str, frontier: Frontier) -> str:
    matches = [c.id for c in frontier.candidates if c.id.startswith(start)]
    return matches[0] if len(matches) == 1 else ""
