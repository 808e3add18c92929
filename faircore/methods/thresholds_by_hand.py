"""Thresholds of each group as somebody set them: a candidate of its own, with nothing fitted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from faircore.errors import InputError
from faircore.groups import Partition
from faircore.methods.method import Method, Work
from faircore.methods.sources import SCORE, model_there, named, names_of, origin_note, there_text
from faircore.methods.thresholds import CAUTION
from faircore.metrics import hidden_groups
from faircore.penalties import PENALTIES
from faircore.predictors import (
    Calibrated,
    Corrected,
    GroupKey,
    GroupRule,
    Predictor,
    Thresholded,
    layers,
)
from faircore.predictors.group_key import Unseen
from faircore.training import Prepared, Trained

SET_ON = "select"
"""Split that somebody watches while setting them: the one that candidates are compared on."""

NOTE = (
    "Its thresholds were set by hand, on the rows that models are compared on, so its figures on "
    "those rows flatter it."
)
TWICE = (
    "The score it cuts was cut or calibrated before, so the rows kept for calibrators may not be "
    "new to it either."
)


@dataclass(frozen=True)
class HandConfig:
    """Which score is cut, and where.

    Attributes
    ----------
    source : str
        The reference of a stored model, or ``"score"`` for the existing score of the data.
    attributes : tuple of str
        Attributes whose groups, crossed where there are several, have thresholds. Text with
        commas is read as names.
    cuts : mapping of str to float
        What a score must reach, by the name of the group: whole hundredths in [0, 1]. Groups too
        small to be shown may not have one; see :func:`may_be_set`.
    threshold : float
        That of groups without one of their own, and of rows of no known group: a whole hundredth
        in [0, 1].
    unseen : {"pooled", "refuse"}
        What becomes of a row whose group is in no split: it gets ``threshold``, or is refused.

    Raises
    ------
    InputError
        When a threshold is no whole hundredth in [0, 1], or ``cuts`` is no mapping.
    """

    source: str = SCORE
    attributes: tuple[str, ...] = ()
    cuts: Mapping[str, float] = field(default_factory=dict, hash=False)
    threshold: float = 0.5
    unseen: Unseen = "pooled"

    def __post_init__(self) -> None:
        given: Any = self.cuts
        if not isinstance(given, Mapping):
            raise InputError(
                "cuts must give groups their thresholds by name; it is a "
                f'{type(given).__name__}. Write it as {{"name": 0.45}}.'
            )
        cuts = {str(name): _hundredth("cuts", cut) for name, cut in given.items()}
        object.__setattr__(self, "cuts", dict(sorted(cuts.items())))
        object.__setattr__(self, "threshold", _hundredth("threshold", self.threshold))
        object.__setattr__(self, "attributes", names_of(self.attributes))
        GroupKey((), (), self.unseen)  # refuses what is no way to treat a row of no known group

    @property
    def how(self) -> str:
        """How it is cut, in words."""
        ends = sorted({min(self.cuts.values()), max(self.cuts.values())}) if self.cuts else []
        between = f" ({' to '.join(f'{cut:.2f}' for cut in ends)})" if ends else ""
        return f"thresholds of {' × '.join(self.attributes) or 'no group'} by hand{between}"


def _hundredth(name: str, value: Any) -> float:
    """Read one threshold; the nearest hundredth, where nothing but rounding is between them."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not 0 <= value <= 1 or abs(value - round(value, 2)) > 1e-9:
        raise InputError(
            f"{name} takes thresholds that are whole hundredths from 0 to 1; one is {value!r}. "
            "Change it."
        )
    return round(float(value), 2)


def may_be_set(
    partitions: Sequence[Partition], sizes: NDArray[np.int64], partition: Partition
) -> tuple[str, ...]:
    """Names of the groups whose thresholds may be set by somebody who watches the figures.

    Moving the threshold of a few people alone would tell their outcomes, so a group that may not
    be shown has none of its own; nor has one nobody watched is in.

    Parameters
    ----------
    partitions : sequence of Partition
        All of them.
    sizes : ndarray of int, shape (g,)
        Rows per group that are watched, over all partitions.
    partition : Partition
        Whose groups are asked about.
    """
    shown = ~hidden_groups(tuple(partitions), sizes) & (sizes > 0)
    return tuple(
        name
        for name, may in zip(partition.group_names, shown[partition.groups], strict=True)
        if may
    )


def cut_by_hand(work: Work) -> Iterator[Trained]:
    """Cut the score there is; nothing is fitted.

    Raises
    ------
    InputError
        When a threshold is for no group there is, or for one too small to be shown: that is a
        wrong request, and no model that came to nothing.
    """
    one = _cut(model_there(work), work.prepared, work.config)
    for position in range(len(work.trials)):
        yield replace(one, position=position)
    if work.on_progress is not None:
        work.on_progress(1.0)


def _cut(model: Predictor, prepared: Prepared, config: HandConfig) -> Trained:
    used = any(isinstance(one, Thresholded | Calibrated | Corrected) for one in layers(model))
    notes = (origin_note(model, prepared.dataset.spec), NOTE, TWICE if used else "")
    return Trained(
        0,
        Thresholded(model, _rule(prepared, config)),
        note=" ".join(note for note in notes if note),
        shape=f"{named(model)}; {config.how}",
    )


def _rule(prepared: Prepared, config: HandConfig) -> GroupRule:
    """The rule that was set; every group of the partition is known to it."""
    groups = prepared.groups
    whole = groups.partition(" × ".join(config.attributes))
    may = may_be_set(groups.partitions, prepared.sizes(SET_ON), whole)
    unknown = len(config.cuts.keys() - {*whole.group_names})
    hidden = len(config.cuts.keys() & {*whole.group_names} - {*may})
    if not config.cuts:
        raise InputError(
            f"No group of {whole.name} was given a threshold as cuts. Give one to a group at least."
        )
    if unknown:
        raise InputError(
            f"{unknown} of {len(config.cuts)} thresholds are for no group of {whole.name}. Name "
            "groups as the Frontier page does."
        )
    if hidden:
        raise InputError(
            f"{hidden} of {len(config.cuts)} thresholds are for groups of {whole.name} too small "
            "to be shown, whose outcomes they would give away. Leave them out: such a group gets "
            "the threshold for everybody."
        )
    cuts = [config.cuts.get(name, config.threshold) for name in whole.group_names]
    column = np.array([*cuts, config.threshold])[:, None]
    return GroupRule(GroupKey.of(whole, unseen=config.unseen), column, np.ones_like(column))


BY_HAND = Method(
    title="Set thresholds per group by hand",
    sentence="Leaves the score as it is and keeps the thresholds that somebody tried on the "
    "Frontier page.",
    stage="by hand",
    caution=CAUTION,
    needs_groups=True,
    strength="One set of thresholds after another",
    strength_text=lambda _: "as they were set",
    plain=0.0,
    strengths=lambda _: (0.0, 0.0),
    goals=tuple(PENALTIES),
    config=HandConfig,
    describe=lambda config: f"{there_text(config.source)}; {config.how}",
    run=cut_by_hand,
    work=lambda *_: 0.05,
    largest=0.0,
    takes_options=False,
    fixed=True,
)
