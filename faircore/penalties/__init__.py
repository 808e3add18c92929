"""Differentiable unfairness: what a model is charged for while it learns.

A penalty is a function ``(probs (..., n), y (n,), groups, weights) -> (...)``: never negative,
zero when the groups do not differ in what it is about, with a finite gradient even where a batch
lacks a group. It is made of sums over the rows of each group and of a distance between groups, so
that sums can be carried from one minibatch to the next. Adding one is a file here and a line in
:data:`PENALTIES`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from faircore.errors import InputError
from faircore.penalties.bounded_group_loss import bounded_group_loss
from faircore.penalties.covariance import covariance
from faircore.penalties.demographic_parity import demographic_parity
from faircore.penalties.distribution_parity import distribution_parity, score_bands
from faircore.penalties.equal_opportunity import equal_opportunity
from faircore.penalties.equalized_odds import equalized_odds
from faircore.penalties.ermi import ermi
from faircore.penalties.group_dro import group_dro
from faircore.penalties.group_loss import loss_sums
from faircore.penalties.hsic import hsic, score_waves
from faircore.penalties.mutual_information import mutual_information
from faircore.penalties.options import DEFAULT, PenaltyOptions
from faircore.penalties.predictive_parity import predictive_parity
from faircore.penalties.soft import GroupTensor, soft_counts

Sums = Callable[[Tensor, Tensor, GroupTensor, Tensor | None], Tensor]
Distance = Callable[[Tensor, GroupTensor, PenaltyOptions], Tensor]


@dataclass(frozen=True)
class Penalty:
    """A penalty, the disparity it works on, and what it says in plain words.

    Attributes
    ----------
    title, sentence : str
        Plain words.
    disparity : str
        A name in :data:`faircore.metrics.DISPARITIES`: the hard gap it is meant to narrow.
    distance : callable
        (sums, groups, options) to a value per candidate.
    sums : callable
        (probs, y, groups, weights) to sums over the rows of each group, (..., g, ...).
    strengths : (float, float)
        Weakest and strongest eta worth trying on standardised data.
    on_scores : bool
        Whether it judges scores as probabilities, so that sharpening them would be wrong.
    by_share : bool
        Whether a group counts by its share of the rows, so that small ones need no less trust.
    """

    title: str
    sentence: str
    disparity: str
    distance: Distance
    sums: Sums = soft_counts
    strengths: tuple[float, float] = (0.1, 3.0)
    on_scores: bool = False
    by_share: bool = False

    def function(
        self,
        probs: Tensor,
        y: Tensor,
        groups: GroupTensor,
        weights: Tensor | None = None,
        options: PenaltyOptions = DEFAULT,
    ) -> Tensor:
        """Value of the penalty.

        Parameters
        ----------
        probs : Tensor, shape (..., n)
            Probabilities of being selected.
        y : Tensor of 0 and 1, shape (n,)
        groups : GroupTensor, n rows
        weights : Tensor, shape (n,), optional
            Of mean about 1: a group is trusted by its weight in rows.
        options : PenaltyOptions

        Returns
        -------
        Tensor, shape (...)
        """
        return self.distance(self.sums(probs, y, groups, weights), groups, options)


class RunningPenalty:
    """A penalty that remembers the minibatches before.

    Its value is that of all rows remembered. Its gradient flows through the current batch and is
    scaled up, so that over many batches it is the gradient of the whole.

    Parameters
    ----------
    penalty : Penalty
    options : PenaltyOptions
        With ``memory`` 0 nothing is remembered.
    """

    def __init__(self, penalty: Penalty, options: PenaltyOptions = DEFAULT) -> None:
        self.penalty, self.options = penalty, options
        self._sums: Tensor | None = None
        self._batches = 0.0

    def __call__(
        self, probs: Tensor, y: Tensor, groups: GroupTensor, weights: Tensor | None = None
    ) -> Tensor:
        """Value over the rows remembered, this batch included."""
        now = self.penalty.sums(probs, y, groups, weights)
        memory = self.options.memory
        if memory:
            fixed = now.detach()
            before = torch.zeros_like(fixed) if self._sums is None else self._sums
            self._sums = memory * before + fixed
            self._batches = memory * self._batches + 1
            now = self._sums + (now - fixed) * self._batches
        return self.penalty.distance(now, groups, self.options)

    def keep(self, candidates: Tensor) -> None:
        """Go on with some of the candidates only."""
        if self._sums is not None:
            self._sums = self._sums[candidates]


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
    "predictive_parity": Penalty(
        "To be selected means the same",
        "Of the people selected, the same share should have the good outcome in each group.",
        "predictive_parity_difference",
        predictive_parity,
    ),
    "covariance": Penalty(
        "No link between score and group",
        "The score should not move together with membership of a group.",
        "demographic_parity_difference",
        covariance,
        by_share=True,
        strengths=(0.3, 4.0),
    ),
    "mutual_information": Penalty(
        "The decision does not tell the group",
        "Knowing whether somebody was selected should say nothing about their group.",
        "demographic_parity_difference",
        mutual_information,
        by_share=True,
        strengths=(0.5, 20.0),
    ),
    "ermi": Penalty(
        "The decision does not tell the group, rare cases first",
        "As above, and a group that is hardly ever selected is charged more.",
        "demographic_parity_difference",
        ermi,
        by_share=True,
        strengths=(0.3, 15.0),
    ),
    "hsic": Penalty(
        "The score does not tell the group",
        "Scores of one group should be spread just like those of the others.",
        "demographic_parity_difference",
        hsic,
        score_waves,
        by_share=True,
        strengths=(2.0, 200.0),
    ),
    "distribution_parity": Penalty(
        "Equal shares selected at every threshold",
        "Wherever the threshold is put, each group should be selected at the same rate.",
        "demographic_parity_difference",
        distribution_parity,
        score_bands,
        strengths=(0.2, 10.0),
    ),
    "bounded_group_loss": Penalty(
        "Nobody predicted badly",
        "No group should be predicted worse than everybody together.",
        "accuracy_difference",
        bounded_group_loss,
        loss_sums,
        on_scores=True,
    ),
    "group_dro": Penalty(
        "Care for those predicted worst",
        "The fifth of the people whose groups are predicted worst should be predicted as well as "
        "everybody.",
        "accuracy_difference",
        group_dro,
        loss_sums,
        on_scores=True,
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
    "PenaltyOptions",
    "RunningPenalty",
    "find_penalty",
    "soft_counts",
]
