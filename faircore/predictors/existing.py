"""The score of a system that is there already, as a model like any other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from faircore.errors import InputError
from faircore.predictors.inputs import Inputs


@dataclass(frozen=True)
class ExistingScore:
    """A model that says what a column of the data says.

    Attributes
    ----------
    column : str
        Name of the column of scores.
    """

    column: str
    needs_groups: ClassVar[tuple[str, ...]] = ()
    n_features: ClassVar[None] = None

    @property
    def shape_text(self) -> str:
        """What it is."""
        return "the existing score"

    def scores(self, inputs: Inputs) -> NDArray[np.float64]:
        """Score of each row, (n,).

        Raises
        ------
        InputError
            When there is none, or one is missing or no probability.
        """
        if inputs.score is None:
            raise InputError(
                f"This model is the score in the column {self.column!r}, and the rows have none. "
                "Add the column."
            )
        scores = np.asarray(inputs.score, np.float64)
        wrong = int((~((scores >= 0) & (scores <= 1))).sum())
        if wrong:
            raise InputError(
                f"The score in the column {self.column!r} must be a number from 0 to 1, and "
                f"{wrong:,} of {len(scores):,} rows have another or none. Correct them."
            )
        return scores

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Named arrays, for safetensors."""
        return {"score.column": np.frombuffer(self.column.encode(), np.uint8).copy()}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> ExistingScore:
        """Read what :meth:`to_arrays` wrote."""
        return cls(arrays["score.column"].astype(np.uint8).tobytes().decode())
