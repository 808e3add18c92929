from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from faircore.errors import InputError
from faircore.thresholds import ThresholdFrontier
from tests.thresholds.reference import table


def _fit(scores: Any, y: Any, group: Any, *args: Any, **more: Any) -> ThresholdFrontier:
    weights = more.pop("sample_weight", None)
    return ThresholdFrontier(*args, **more).fit(
        scores, y, sensitive_features=group, sample_weight=weights
    )


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"constraint": "parity"}, "There is no constraint parity"),
        ({"constraint": {"equalized_odds": 0.1}}, "none runs over the tolerances"),
        ({"constraint": {}}, "none runs over the tolerances"),
        ({"constraint": {"equalized_odds": None, "demographic_parity": -1}}, "zero or more"),
        ({"tolerances": ()}, "tolerances must be one or more"),
        ({"tolerances": (0.1, 0.1)}, "tolerances must be one or more"),
        ({"tolerances": 0.1}, "tolerances must be one or more"),
        ({"tolerances": (0.1, np.nan)}, "a tolerance must be a number"),
        ({"norm": "l2"}, "norm must be"),
        ({"costs": (0, 0)}, "costs must be not both zero"),
        ({"costs": (1, -1)}, "costs must be two numbers"),
        ({"costs": (1, np.inf)}, "costs must be two numbers"),
        ({"costs": 1}, "costs must be two numbers"),
        ({"selection": (0.5, 0.2)}, "selection must be least share first"),
        ({"selection": (0, 1.1)}, "selection must be two numbers from 0 to 1"),
        ({"min_people": -1}, "min_people must be zero or more"),
        ({"partitions": [("race",)]}, "unknown attributes race"),
    ],
)  # fmt: skip
def test_parameters_outside_their_range_are_refused(
    parameters: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        ThresholdFrontier(**parameters).fit(**table(30, 0).fit)


def test_columns_that_cannot_be_used_are_refused() -> None:
    def fit(
        scores: Any = (0.1, 0.2), y: Any = (0, 1), group: Any = ("a", "b"), **more: Any
    ) -> None:
        _fit(scores, y, list(group), **more)

    for scores in ((0.1, np.nan), (0.1, np.inf)):
        with pytest.raises(InputError, match="1 of 2 are missing or infinite"):
            fit(scores)
    with pytest.raises(InputError, match="scores must have one value per row of y_true"):
        fit((0.1, 0.2, 0.3))
    with pytest.raises(InputError, match="y_true must hold only 0 and 1"):
        fit(y=(1, 2))
    with pytest.raises(InputError, match="sensitive_features must have one row per row"):
        fit(group="abc")
    with pytest.raises(InputError, match="sample_weight must be zero or more"):
        fit(sample_weight=[0, 0])
    fitted = _fit([0.1, 0.2], [0, 1], ["a", "b"])
    with pytest.raises(InputError, match="sensitive_features must have one row per score"):
        fitted.predict([0.1, 0.2], ["a"])
