"""What options do on the rows of a split: counts, and who changes between neighbours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from faircore.decide.options import Option
from faircore.decide.people import people_impact
from faircore.decide.thinning import moments_of, moments_of_effects, rate_effects
from faircore.errors import InputError
from faircore.frontier import SplitRows
from faircore.frontier.cuts import counts_of
from faircore.metrics import find_disparity
from faircore.records import Act, Event
from faircore.shelf import read_predictor
from faircore.training import Prepared

SEALED = "certify"

Decisions = dict[str, NDArray[np.int8]]


@dataclass(frozen=True)
class Move:
    """What going from one option to its neighbour does to people.

    Attributes
    ----------
    before, after : str
        Letters.
    people : str
        How many decisions change of 1,000, in a sentence.
    groups : tuple of str
        The same for each group that is shown.
    """

    before: str
    after: str
    people: str
    groups: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Figures:
    """Options on the rows of one split; sums only.

    Attributes
    ----------
    split : str
    people : int
        Rows.
    counts : mapping of str to ndarray, shape (g, 2, 2)
        By letter, over the groups of all partitions.
    sizes : ndarray of int, shape (g,)
        Rows per group.
    moments : mapping of str to ndarray, shape (g, 4, 4)
        By letter, what weights and repeated entities do; see :mod:`faircore.decide.thinning`.
    moves : tuple of Move
    """

    split: str
    people: int
    counts: Mapping[str, NDArray[np.float64]]
    sizes: NDArray[np.int64]
    moments: Mapping[str, NDArray[np.float64]]
    moves: tuple[Move, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain data for the record."""
        return {
            "split": self.split,
            "people": self.people,
            "counts": {letter: found.tolist() for letter, found in self.counts.items()},
            "sizes": self.sizes.tolist(),
            "moments": {letter: found.tolist() for letter, found in self.moments.items()},
            "moves": [asdict(move) for move in self.moves],
        }

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> Figures:
        """Read what :meth:`to_dict` wrote, an older version of it too."""
        counts = _by_letter(raw["counts"])
        older = np.array(raw.get("effects", ()), np.float64)
        return cls(
            raw["split"],
            raw["people"],
            counts,
            np.array(raw["sizes"], np.int64),
            _by_letter(raw["moments"])
            if "moments" in raw
            else {letter: moments_of_effects(older, found) for letter, found in counts.items()},
            tuple(Move(**{**m, "groups": tuple(m["groups"])}) for m in raw["moves"]),
        )


def _by_letter(raw: Mapping[str, Any]) -> dict[str, NDArray[np.float64]]:
    return {letter: np.array(found, np.float64) for letter, found in raw.items()}


def decisions_of(
    options: Sequence[Option], split: str, *, workspace: str | Path, prepared: Prepared
) -> Decisions:
    """Whom each option selects among a split's rows, by letter. No outcome is looked at.

    Raises
    ------
    InputError
        When an option is the decisions in the data, and there are none.
    """
    found: Decisions = {}
    scored: dict[str, NDArray[np.floating]] = {}
    for option in options:
        if option.point is None:
            if prepared.dataset.decision is None:
                raise InputError(
                    "The data hold no decisions made until now. Name the column on the Data page, "
                    "or leave that option out."
                )
            found[option.letter] = np.asarray(
                prepared.dataset.decision[prepared.rows(split)], np.int8
            )
            continue
        name = option.point.candidate
        if name not in scored:
            scored[name] = read_predictor(name, workspace=workspace).scores(prepared.inputs(split))
        found[option.letter] = (scored[name] >= option.point.threshold).astype(np.int8)
    return found


def figures_of(
    decisions: Mapping[str, NDArray[np.int8]],
    split: str,
    *,
    prepared: Prepared,
    partition: str,
    opening: Event | None = None,
) -> Figures:
    """Count decisions against outcomes.

    Parameters
    ----------
    decisions : mapping of letter to ndarray, shape (n,)
        As :func:`decisions_of` found them.
    split : str
    prepared : Prepared
    partition : str
        Whose groups are told of between neighbours.
    opening : Event, optional
        The recorded opening, for the sealed split.

    Raises
    ------
    InputError
        When the sealed split is asked for without a recorded opening.
    """
    only_opened(split, opening)
    rows, entity = prepared.split_rows(split), prepared.dataset.entity
    whose = None if entity is None else entity[prepared.rows(split)]
    return Figures(
        split,
        len(rows),
        {letter: counts_of(rows, found) for letter, found in decisions.items()},
        rows.groups.sizes,
        {letter: moments_of(rows, found, whose) for letter, found in decisions.items()},
        _moves(decisions, rows, partition),
    )


def only_opened(split: str, opening: Event | None) -> None:
    """Refuse a figure of the sealed split for which the record holds no opening.

    Raises
    ------
    InputError
        Without one.
    """
    if split == SEALED and (opening is None or opening.kind is not Act.OPENED):
        raise InputError(
            "Figures of the sealed rows are made for a recorded opening only. Propose a point and "
            "use `open_sealed`."
        )


def worst_effects(figures: Figures, letter: str, disparity: str) -> NDArray[np.float64]:
    """Design effect of an option in each group, the largest of a disparity's rates, shape (g,)."""
    rates = find_disparity(disparity).rates
    found = rate_effects(rates, figures.counts[letter], figures.moments[letter])
    largest: NDArray[np.float64] = found.max(axis=0)
    return largest


def _moves(
    decisions: Mapping[str, NDArray[np.int8]], rows: SplitRows, partition: str
) -> tuple[Move, ...]:
    letters = sorted(decisions)
    found = []
    for before, after in pairwise(letters):
        impact = people_impact(decisions[before], decisions[after], rows=rows)
        first, *others = impact.in_words(partition)
        found.append(Move(before, after, first, tuple(others)))
    return tuple(found)
