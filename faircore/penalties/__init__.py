"""Differentiable unfairness: what a network is charged for while it learns.

A penalty is a function ``(probs (..., n), y (n,), groups, weights) -> (...)``: zero at parity,
never negative, with a finite gradient even where a batch lacks a group. Adding one is a file here
and a line in :data:`PENALTIES`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from faircore.errors import InputError
from faircore.penalties.covariance import covariance
from faircore.penalties.demographic_parity import demographic_parity
from faircore.penalties.equal_opportunity import equal_opportunity
from faircore.penalties.equalized_odds import equalized_odds
from faircore.penalties.soft import GroupTensor, soft_counts

PenaltyFunction = Callable[[Tensor, Tensor, GroupTensor, Tensor | None], Tensor]


@dataclass(frozen=True)
class Penalty:
    """A penalty, the disparity it works on, and what it says in plain words."""

    title: str
    sentence: str
    disparity: str
    function: PenaltyFunction


PENALTIES: dict[str, Penalty] = {
    "demographic_parity": Penalty(
        "Equal shares selected",
        "Each group should be selected at the same rate, whatever the outcome.",
        "demographic_parity_difference",
        demographic_parity,
    ),
    "equal_opportunity": Penalty(
        "Equal chances for the good",
        "Among people with the good outcome, each group should be selected at the same rate.",
        "equal_opportunity_difference",
        equal_opportunity,
    ),
    "equalized_odds": Penalty(
        "Equal errors of both kinds",
        "Wrong refusals and wrong selections should be as frequent in each group.",
        "equalized_odds_difference",
        equalized_odds,
    ),
    "covariance": Penalty(
        "No link between score and group",
        "The score should not move together with membership of a group.",
        "demographic_parity_difference",
        covariance,
    ),
}


def find_penalty(name: str) -> Penalty:
    """Look a penalty up by name, or say which there are."""
    if name not in PENALTIES:
        raise InputError(f"There is no penalty {name!r}. Choose one of: {', '.join(PENALTIES)}.")
    return PENALTIES[name]


__all__ = [
    "PENALTIES",
    "GroupTensor",
    "Penalty",
    "PenaltyFunction",
    "covariance",
    "demographic_parity",
    "equal_opportunity",
    "equalized_odds",
    "find_penalty",
    "soft_counts",
]
