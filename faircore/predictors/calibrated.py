"""A model whose scores are calibrated, group by group or for everybody alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from faircore.predictors.group_maps import GroupMaps
from faircore.predictors.inputs import Inputs
from faircore.predictors.thresholded import BASE, below

if TYPE_CHECKING:
    from faircore.predictors import Predictor

MAPS = "calibrate.maps"


@dataclass(frozen=True, eq=False)
class Calibrated:
    """A model whose score is moved by the map of its row's group.

    Attributes
    ----------
    base : Predictor
        Its scores are probabilities.
    maps : GroupMaps
    """

    base: Predictor
    maps: GroupMaps

    @property
    def needs_groups(self) -> tuple[str, ...]:
        """Sensitive attributes it must be told; none where one map serves everybody."""
        return tuple(dict.fromkeys((*self.maps.attributes, *self.base.needs_groups)))

    @property
    def n_features(self) -> int | None:
        """Encoded columns it expects; None when it reads others."""
        return self.base.n_features

    @property
    def shape_text(self) -> str:
        """Its shape in words, such as ``200 trees, calibrated per group of race × sex``."""
        names = " × ".join(self.maps.attributes)
        how = f"calibrated per group of {names}" if names else "calibrated for everybody"
        return f"{self.base.shape_text}, {how}"

    def scores(self, inputs: Inputs) -> NDArray[np.float64]:
        """Calibrated score of each row, (n,) in [0, 1].

        Raises
        ------
        InputError
            When an attribute is missing, or a row's group is not known and such rows are refused.
        """
        return self.map_scores(self.base.scores(inputs), inputs)

    def map_scores(self, scores: NDArray[np.floating], inputs: Inputs) -> NDArray[np.float64]:
        """Map scores of the base that are known already, (n,) to (n,)."""
        names = self.maps.attributes
        return self.maps.apply(scores, inputs.attributes(names) if names else None)

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Named arrays, for safetensors."""
        return {
            MAPS: self.maps.to_array(),
            **{BASE + name: array for name, array in self.base.to_arrays().items()},
        }

    @classmethod
    def from_arrays(
        cls, arrays: Mapping[str, NDArray[Any]], read: Callable[[dict[str, Any]], Predictor]
    ) -> Calibrated:
        """Read what :meth:`to_arrays` wrote; ``read`` reads the base."""
        return cls(read(below(arrays, BASE)), GroupMaps.from_array(arrays[MAPS]))
