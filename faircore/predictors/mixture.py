"""Several models and how much each counts: by their mean, by their vote, or by lot."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol, get_args

import numpy as np
from numpy.typing import NDArray

from faircore.errors import InputError
from faircore.predictors.draws import row_draws
from faircore.predictors.encoded import ReadsEncoded

Mode = Literal["mean", "vote", "drawn"]
MODES: tuple[Mode, ...] = get_args(Mode)


class Member(Protocol):
    """A predictor of encoded columns, such as Trees or Network."""

    @property
    def n_features(self) -> int:
        """Encoded columns it expects."""

    def predict_proba(self, X: NDArray[np.float32], /) -> NDArray[np.floating]:
        """Probability of the good outcome, (n, d) to (n,)."""

    def to_arrays(self) -> Mapping[str, NDArray[Any]]:
        """Named arrays."""


def check_mode(mode: object) -> Mode:
    """Refuse what is no way of mixing."""
    for known in MODES:
        if mode == known:
            return known
    raise InputError(
        f"A mixture is decided by one of {', '.join(MODES)}; got {mode!r}. Choose one of them."
    )


def drawn_members(weights: NDArray[np.float64], draws: NDArray[np.float64]) -> NDArray[np.intp]:
    """Position of the member that decides each row, (n,), given its draw in [0, 1)."""
    ends = np.cumsum(weights)
    ends /= ends[-1]
    ends[np.flatnonzero(weights)[-1] :] = 1.0  # rounding must leave no draw without a member
    found: NDArray[np.intp] = np.searchsorted(ends, draws, side="right")
    return found


@dataclass(frozen=True, eq=False)
class Mixture(ReadsEncoded):
    """Weighted models of the same columns that are used as one.

    Attributes
    ----------
    members : tuple of Predictor
        Of encoded columns, such as Trees and Network.
    weights : ndarray, shape (m,)
        Zero or more, summing to 1.
    mode : {"mean", "vote", "drawn"}
        What :meth:`predict_proba` is: the weighted mean of the members' probabilities, the
        weighted share of members whose probability is at least one half, or the probability by the
        one member that is drawn for the row.
    seed : int
        Of the draws; see :func:`faircore.predictors.row_draws`.

    Raises
    ------
    InputError
        When there is no member, weights do not fit, or members expect different columns.

    Examples
    --------
    >>> from faircore.predictors import Trees
    >>> surely, hardly = Trees.constant(30.0, 2), Trees.constant(-30.0, 2)
    >>> mixed = Mixture((surely, hardly), np.array([0.75, 0.25]), "mean")
    >>> mixed.predict_proba(np.zeros((1, 2), np.float32)).round(3).tolist()
    [0.75]
    """

    members: tuple[Member, ...]
    weights: NDArray[np.float64]
    mode: Mode
    seed: int = 0

    def __post_init__(self) -> None:
        check_mode(self.mode)
        weights = np.asarray(self.weights, np.float64)
        columns = {member.n_features for member in self.members}
        fits = weights.shape == (len(self.members),) and len(columns) == 1
        if not fits or not (weights >= 0).all() or not np.isclose(weights.sum(), 1):
            raise InputError(
                "A mixture needs at least one member, members of the same columns, and one weight "
                f"of zero or more per member, summing to 1; got {len(self.members)} members of "
                f"{sorted(columns)} columns and weights of shape {weights.shape}. Fit it again."
            )

    @property
    def n_features(self) -> int:
        """Encoded columns it expects."""
        return self.members[0].n_features

    @property
    def shape_text(self) -> str:
        """Its shape in words, such as ``a mixture of 7 models``."""
        m = len(self.members)
        return f"a mixture of {m} model{'' if m == 1 else 's'}"

    def predict_proba(self, X: NDArray[np.float32]) -> NDArray[np.float64]:
        """Probability of the good outcome, (n, d) to (n,); what it means is up to ``mode``."""
        if X.ndim != 2 or X.shape[1] != self.n_features:
            raise InputError(
                f"The model expects {self.n_features} encoded columns; got an array of shape "
                f"{X.shape}. Encode the rows with the encoder the model was trained with."
            )
        out = np.zeros(len(X))
        if self.mode == "drawn" and len(X):
            which = drawn_members(self.weights, row_draws(X, seed=self.seed))
            for i in np.unique(which):
                rows = np.flatnonzero(which == i)
                out[rows] = self.members[i].predict_proba(X[rows])
            return out
        for member, weight in zip(self.members, self.weights.tolist(), strict=True):
            if weight:
                found = member.predict_proba(X)
                out += weight * (found >= 0.5 if self.mode == "vote" else found)
        # Weights that sum to 1 but for rounding must not carry a sure row past 1.
        return np.minimum(out, 1.0)

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Named arrays, for safetensors: those of member i are called ``mix.<i>.<name>``."""
        own: dict[str, NDArray[Any]] = {
            "mix.weights": np.ascontiguousarray(self.weights, np.float64),
            "mix.mode": np.array([MODES.index(self.mode)], np.uint8),
            "mix.seed": np.array([self.seed], np.int64),
        }
        return own | {
            f"mix.{i}.{name}": array
            for i, member in enumerate(self.members)
            for name, array in member.to_arrays().items()
        }

    @classmethod
    def from_arrays(
        cls,
        arrays: Mapping[str, NDArray[Any]],
        read: Callable[[dict[str, NDArray[Any]]], Any],
    ) -> Mixture:
        """Read what :meth:`to_arrays` wrote.

        Parameters
        ----------
        arrays : mapping of str to ndarray
        read : callable
            Reads the arrays of one member.

        Raises
        ------
        InputError
            When the arrays are not those of a mixture.
        """
        weights = np.asarray(arrays.get("mix.weights"))
        mode, seed = (np.asarray(arrays.get(f"mix.{name}")) for name in ("mode", "seed"))
        whole = (
            weights.dtype == np.float64 and weights.ndim == 1
            and mode.dtype == np.uint8 and mode.shape == (1,) and mode[0] < len(MODES)
            and seed.dtype == np.int64 and seed.shape == (1,)
        )  # fmt: skip
        parts: dict[int, dict[str, NDArray[Any]]] = {i: {} for i in range(weights.size)}
        for name, array in arrays.items():
            place, _, rest = name.removeprefix("mix.").partition(".")
            if rest and place.isdecimal() and int(place) in parts:
                parts[int(place)][rest] = array
        complete = whole and all(parts.values())
        members = tuple(read(part) for part in parts.values()) if complete else ()
        if not members or not all(hasattr(m, "predict_proba") for m in members):
            raise InputError(
                "These are not the arrays of a mixture: its weights, its mode, its seed or a "
                "member is missing, or of another shape or type. Save the model again."
            )
        return cls(members, weights, MODES[int(mode[0])], int(seed[0]))
