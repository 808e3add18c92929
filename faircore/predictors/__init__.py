"""Trained models as plain arrays: predicting with them needs NumPy and pandas alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from faircore.predictors.brought import BroughtModel
from faircore.predictors.calibrated import Calibrated
from faircore.predictors.corrected import Corrected
from faircore.predictors.draws import row_draws
from faircore.predictors.existing import ExistingScore
from faircore.predictors.group_key import GroupKey
from faircore.predictors.group_rule import GroupRule
from faircore.predictors.inputs import Inputs
from faircore.predictors.mixture import Mixture
from faircore.predictors.network import Network
from faircore.predictors.repaired import Decorrelated, Repaired, repaired_from_arrays
from faircore.predictors.thresholded import Thresholded
from faircore.predictors.trees import Trees

Arrays = Mapping[str, NDArray[Any]]


class Predictor(Protocol):
    """What every trained model can do, whatever method it comes from."""

    @property
    def n_features(self) -> int | None:
        """Encoded columns it expects; None when it reads others."""

    @property
    def needs_groups(self) -> tuple[str, ...]:
        """Sensitive attributes it must be told beside its columns; empty for most."""

    @property
    def shape_text(self) -> str:
        """Its shape in words, such as ``layers of 64`` or ``200 trees``."""

    def scores(self, inputs: Inputs) -> NDArray[np.float64]:
        """Score of the good outcome of each row, (n,) in [0, 1]."""

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Named arrays that :func:`predictor_from_arrays` reads."""


def layers(model: Predictor) -> tuple[Predictor, ...]:
    """Return a model and what it stands on, the innermost last."""
    inner: Any = getattr(model, "base", None)
    # Trees call the log-odds they start from their base, which is no model.
    return (model, *layers(inner)) if hasattr(inner, "to_arrays") else (model,)


def calibrator_words(model: Predictor) -> dict[str, str]:
    """What calibrates each group and why, by group; empty where no map does."""
    for one in layers(model):
        if isinstance(one, Calibrated):
            report = one.maps.report
            plain = Counter(fit.name for fit in report)  # both "race" and "sex" may have an "x"
            return {
                f"{fit.name} ({' × '.join(fit.attributes)})"
                if plain[fit.name] > 1 and fit.attributes
                else fit.name: fit.in_words()
                for fit in report
            }
        if isinstance(one, Corrected):
            return {
                "everybody": "by the features alone, without being told a group: "
                + (f"{one.n_trees} trees" if one.n_trees else "nothing was corrected")
            }
    return {}


def predictor_from_arrays(arrays: Arrays) -> Predictor:
    """Read what ``to_arrays`` of any predictor wrote."""
    if "rule.key" in arrays:
        return Thresholded.from_arrays(arrays, predictor_from_arrays)
    if "calibrate.maps" in arrays:
        return Calibrated.from_arrays(arrays, predictor_from_arrays)
    if any(name.startswith("correct.") for name in arrays):
        return Corrected.from_arrays(arrays, predictor_from_arrays)
    if "repair.kind" in arrays:
        return repaired_from_arrays(arrays, predictor_from_arrays)
    if "mix.weights" in arrays:
        return Mixture.from_arrays(arrays, predictor_from_arrays)
    if "score.column" in arrays:
        return ExistingScore.from_arrays(arrays)
    if "brought.file" in arrays:
        return BroughtModel.from_arrays(arrays)
    return Trees.from_arrays(arrays) if "tree.feature" in arrays else Network.from_arrays(arrays)


__all__ = [
    "BroughtModel",
    "Calibrated",
    "Corrected",
    "Decorrelated",
    "ExistingScore",
    "GroupKey",
    "GroupRule",
    "Inputs",
    "Mixture",
    "Network",
    "Predictor",
    "Repaired",
    "Thresholded",
    "Trees",
    "calibrator_words",
    "layers",
    "predictor_from_arrays",
    "row_draws",
]
