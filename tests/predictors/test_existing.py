from __future__ import annotations

import numpy as np
import pytest

from faircore.errors import InputError
from faircore.predictors import Inputs
from faircore.predictors.existing import ExistingScore

ROWS = np.zeros((3, 2), np.float32)


def test_it_says_what_the_column_says() -> None:
    model = ExistingScore("risk")
    score = np.array([0.0, 0.4, 1.0])
    np.testing.assert_array_equal(model.scores(Inputs(ROWS, score=score)), score)
    assert model.needs_groups == ()
    assert model.n_features is None
    assert "score" in model.shape_text


def test_it_is_kept_as_the_name_of_its_column() -> None:
    arrays = ExistingScore("Risiko für 1 Jahr").to_arrays()
    assert list(arrays) == ["score.column"]
    assert arrays["score.column"].dtype == np.uint8
    assert ExistingScore.from_arrays(arrays) == ExistingScore("Risiko für 1 Jahr")


def test_rows_without_a_score_are_refused() -> None:
    with pytest.raises(InputError, match="the column 'risk', and the rows have none"):
        ExistingScore("risk").scores(Inputs(ROWS))


@pytest.mark.parametrize("wrong", [np.nan, -0.01, 1.01, np.inf, 700.5])
def test_what_is_no_probability_is_refused_without_being_repeated(wrong: float) -> None:
    score = np.array([0.2, wrong, 0.9])
    with pytest.raises(InputError, match="from 0 to 1, and 1 of 3 rows have another") as raised:
        ExistingScore("risk").scores(Inputs(ROWS, score=score))
    assert str(wrong) not in str(raised.value)
