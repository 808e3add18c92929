"""Cuts of a score that differ by group, some of them drawn by lot."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from faircore.errors import InputError
from faircore.numerals import percent
from faircore.predictors.group_key import GroupKey

_HALF = 0.5
_BELOW_HALF = np.nextafter(0.5, 0.0)


@dataclass(frozen=True, eq=False)
class GroupRule:
    """Who is selected: a row whose score is at least the cut drawn for its group.

    Attributes
    ----------
    key : GroupKey
    cuts : ndarray, shape (g + 1, m)
        Cuts of each group; ``-inf`` selects everybody and ``inf`` nobody. The last row is for
        rows of no known group.
    shares : ndarray, shape (g + 1, m)
        Probability of each cut; a row sums to 1. A group with one share of 1 is not drawn at all.
    seed : int
        Of the draws; see :func:`faircore.predictors.row_draws`.
    """

    key: GroupKey
    cuts: NDArray[np.float64]
    shares: NDArray[np.float64]
    seed: int = 0

    def __post_init__(self) -> None:
        shape = (self.key.n_groups + 1, self.cuts.shape[-1])
        fits = self.cuts.shape == self.shares.shape == shape
        if not fits or np.isnan(self.cuts).any() or not self._shares_are():
            raise InputError(
                f"A rule for {self.key.n_groups} groups needs cuts and shares of shape {shape}, "
                "no cut missing and the shares of each group summing to 1. Fit it again."
            )

    def _shares_are(self) -> bool:
        return bool((self.shares >= 0).all() and np.allclose(self.shares.sum(axis=1), 1))

    @property
    def randomised(self) -> bool:
        """Whether any group is decided by lot."""
        return bool((self.shares.max(axis=1) < 1).any())

    def in_words(self) -> dict[str, str]:
        """What a score must reach to be selected, by group; the last is for groups not known."""
        names = [" · ".join(label) for label in self.key.labels]
        last = {"any other group": len(names)} if self.key.unseen == "pooled" else {}
        places = {name: i for i, name in enumerate(names)} | last
        return {name: self._cut_text(i) for name, i in places.items()}

    def _cut_text(self, group: int) -> str:
        told = [
            (share, "nobody" if cut > 1 else "everybody" if cut <= 0 else f"{cut:.3f}")
            for share, cut in zip(self.shares[group], self.cuts[group], strict=True)
            if share > 0
        ]
        if len(told) == 1:
            return told[0][1]
        return ", ".join(f"{text} for {percent(share, None)}" for share, text in told) + ", by lot"

    def probability(
        self, scores: NDArray[np.floating], codes: NDArray[np.intp]
    ) -> NDArray[np.float64]:
        """Probability that each row is selected, (n,)."""
        chosen = np.asarray(scores, np.float64)[:, None] >= self.cuts[codes]
        probability: NDArray[np.float64] = (self.shares[codes] * chosen).sum(axis=1)
        return probability

    def drawn_cuts(
        self, codes: NDArray[np.intp], draws: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Cut each row is held to, (n,), given its draw in [0, 1)."""
        ends = np.cumsum(self.shares, axis=1)
        ends[:, -1] = 1.0  # rounding must leave no draw without a cut
        which = (draws[:, None] >= ends[codes]).sum(axis=1)
        cuts: NDArray[np.float64] = self.cuts[codes, np.minimum(which, self.cuts.shape[1] - 1)]
        return cuts

    def shifted(
        self,
        scores: NDArray[np.floating],
        codes: NDArray[np.intp],
        draws: NDArray[np.float64],
    ) -> NDArray[np.float64]:
        """Scores moved, group by group, so that the rule is to cut at one half, (n,) in [0, 1].

        The log-odds of a score move by those of its cut: at another cut than one half, every
        group's own cut moves equally far in log-odds. ``scores`` are probabilities.
        """
        scores, cuts = np.asarray(scores, np.float64), self.drawn_cuts(codes, draws)
        chosen = scores >= cuts
        with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
            odds = scores * (1 - cuts) / ((1 - scores) * cuts)
            moved = np.where(np.isinf(odds), 1.0, odds / (1 + odds))
        moved = np.where(cuts <= 0, 1.0, np.where(cuts > 1, 0.0, moved))
        moved = np.where(np.isnan(moved), np.where(chosen, 1.0, 0.0), moved)
        # Rounding must not turn a decision.
        exact: NDArray[np.float64] = np.where(
            chosen, np.maximum(moved, _HALF), np.minimum(moved, _BELOW_HALF)
        )
        return exact
