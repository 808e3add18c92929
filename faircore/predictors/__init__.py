"""Trained models as plain arrays: predicting with them needs NumPy alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from faircore.predictors.draws import row_draws
from faircore.predictors.group_key import GroupKey
from faircore.predictors.group_rule import GroupRule
from faircore.predictors.inputs import Inputs
from faircore.predictors.network import Network
from faircore.predictors.trees import Trees

Arrays = Mapping[str, NDArray[Any]]


class Predictor(Protocol):
    """What every trained model can do, whatever method it comes from."""

    @property
    def n_features(self) -> int:
        """Encoded columns it expects."""

    @property
    def shape_text(self) -> str:
        """Its shape in words, such as ``layers of 64`` or ``200 trees``."""

    def predict_proba(self, X: NDArray[np.float32]) -> NDArray[np.floating]:
        """Probability of the good outcome, (n, d) to (n,)."""

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Named arrays that :func:`predictor_from_arrays` reads."""


def predictor_from_arrays(arrays: Arrays) -> Predictor:
    """Read what ``to_arrays`` of any predictor wrote."""
    return Trees.from_arrays(arrays) if "tree.feature" in arrays else Network.from_arrays(arrays)


__all__ = [
    "GroupKey",
    "GroupRule",
    "Inputs",
    "Network",
    "Predictor",
    "Trees",
    "predictor_from_arrays",
    "row_draws",
]
