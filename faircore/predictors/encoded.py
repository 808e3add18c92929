"""What models that read encoded columns and nothing else have in common."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from faircore.predictors.inputs import Inputs


class ReadsEncoded:
    """A model with ``predict_proba(X)`` over encoded columns; it is never told a group."""

    needs_groups: ClassVar[tuple[str, ...]] = ()

    def predict_proba(self, X: NDArray[np.float32]) -> NDArray[np.floating]:
        """Probability of the good outcome, (n, d) to (n,)."""
        raise NotImplementedError

    def scores(self, inputs: Inputs) -> NDArray[np.float64]:
        """Probability of the good outcome of each row, (n,)."""
        return np.asarray(self.predict_proba(inputs.encoded), np.float64)
