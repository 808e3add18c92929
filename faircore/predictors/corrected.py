"""A model's score, moved by trees that see the row and the score itself."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from faircore.errors import InputError
from faircore.predictors.inputs import Inputs
from faircore.predictors.score_map import log_odds, probability
from faircore.predictors.thresholded import BASE, below
from faircore.predictors.trees import Trees

if TYPE_CHECKING:
    from faircore.predictors import Predictor

_SLOPES = "correct.slopes"


@dataclass(frozen=True, eq=False)
class Corrected:
    """A model whose log-odds are stretched, shifted and moved by boosted trees, round by round.

    The trees of a round see the encoded columns and, as their last column, the log-odds that the
    rounds before have arrived at. The round makes of these ``slope * log-odds + trees``, the
    trees' own base being the shift. They are told no group that is not among the columns. Without
    a round the scores stay as they are, bit for bit.

    Attributes
    ----------
    base : Predictor
    rounds : tuple of Trees
        Each of one column more than the rows have. Empty: nothing is corrected.
    slopes : tuple of float
        One per round, above 0; 1 for all when left out.

    Raises
    ------
    InputError
        When the rounds, or the base, expect different numbers of columns, or the slopes are not
        one per round, finite and above 0.
    """

    base: Predictor
    rounds: tuple[Trees, ...]
    slopes: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "rounds", tuple(self.rounds))
        slopes = tuple(map(float, self.slopes)) or (1.0,) * len(self.rounds)
        object.__setattr__(self, "slopes", slopes)
        if len(slopes) != len(self.rounds) or not all(0 < s < math.inf for s in slopes):
            raise InputError(
                f"A correction needs one slope above 0 per round; {len(self.rounds)} rounds have "
                f"{len(slopes)} slopes, of which {sum(0 < s < math.inf for s in slopes)} are. "
                "Fit the correction again."
            )
        found = {trees.n_features - 1 for trees in self.rounds}
        if self.base.n_features is not None:
            found.add(self.base.n_features)
        if len(found) > 1 or min(found, default=0) < 0:
            raise InputError(
                "A correction and the model it corrects must read the same encoded columns; they "
                f"read {' and '.join(map(str, sorted(found)))}. Fit the correction with the "
                "encoder of the model."
            )

    @property
    def needs_groups(self) -> tuple[str, ...]:
        """Sensitive attributes it must be told: those of the base, as the trees need none."""
        return self.base.needs_groups

    @property
    def n_features(self) -> int | None:
        """Encoded columns it expects; None when neither it nor the base reads any."""
        return self.rounds[0].n_features - 1 if self.rounds else self.base.n_features

    @property
    def n_trees(self) -> int:
        """Trees of all rounds."""
        return sum(trees.n_trees for trees in self.rounds)

    @property
    def shape_text(self) -> str:
        """Its shape in words, such as ``200 trees, corrected by 35 more``."""
        if not self.n_trees:
            return f"{self.base.shape_text}, {'rescaled' if self.rounds else 'uncorrected'}"
        kind = "more" if isinstance(self.base, Trees) else ("tree", "trees")[self.n_trees > 1]
        return f"{self.base.shape_text}, corrected by {self.n_trees} {kind}"

    def scores(self, inputs: Inputs) -> NDArray[np.float64]:
        """Corrected score of each row, (n,) in [0, 1]."""
        return self.correct(self.base.scores(inputs), inputs)

    def correct(self, scores: NDArray[np.float64], inputs: Inputs) -> NDArray[np.float64]:
        """Correct scores of the base that are known already, (n,) to (n,)."""
        return corrected_scores(self.rounds, self.slopes, inputs.encoded, scores)

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Named arrays, for safetensors."""
        arrays: dict[str, NDArray[Any]] = {_SLOPES: np.array(self.slopes, np.float64)}
        for i, trees in enumerate(self.rounds):
            arrays |= {f"{_round(i)}{name}": array for name, array in trees.to_arrays().items()}
        return arrays | {BASE + name: array for name, array in self.base.to_arrays().items()}

    @classmethod
    def from_arrays(
        cls, arrays: Mapping[str, NDArray[Any]], read: Callable[[dict[str, Any]], Predictor]
    ) -> Corrected:
        """Read what :meth:`to_arrays` wrote; ``read`` reads the base.

        Raises
        ------
        InputError
            When the arrays are not those of a correction.
        """
        slopes = np.asarray(arrays.get(_SLOPES))
        if slopes.ndim != 1 or slopes.dtype != np.float64:
            raise InputError(
                f"These are not the arrays of a correction: {_SLOPES} is missing, or of another "
                "shape or type. Save the model again."
            )
        rounds = tuple(Trees.from_arrays(below(arrays, _round(i))) for i in range(len(slopes)))
        return cls(read(below(arrays, BASE)), rounds, tuple(slopes.tolist()))


def corrected_scores(
    rounds: Sequence[Trees],
    slopes: Sequence[float],
    X: NDArray[np.floating],
    scores: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Move scores by the trees of each round.

    Parameters
    ----------
    rounds : sequence of Trees
    slopes : sequence of float
        One per round.
    X : ndarray, shape (n, d)
        Encoded columns; NaN is missing. They are read in single precision.
    scores : ndarray, shape (n,)
        In [0, 1].

    Returns
    -------
    ndarray, shape (n,)
        In [0, 1]; the very scores when no round changes anything.
    """
    moving = any(trees.n_trees or trees.base for trees in rounds)
    if not moving and all(slope == 1 for slope in slopes):
        return np.array(scores, np.float64)
    raw = log_odds(scores)
    for trees, slope in zip(rounds, slopes, strict=True):
        raw = slope * raw + trees.raw_scores(with_log_odds(X, raw))
    return probability(raw)


def with_log_odds(X: NDArray[np.floating], raw: NDArray[np.float64]) -> NDArray[np.float32]:
    """Append log-odds to columns, (n, d) and (n,) to (n, d + 1): what the trees of a round see."""
    columns = np.empty((len(X), X.shape[1] + 1), np.float32)
    columns[:, :-1] = X
    # Rounded, so that the last bits of a score, which depend on who else is asked, move nobody.
    columns[:, -1] = raw
    return columns


def _round(i: int) -> str:
    return f"correct.{i}."
