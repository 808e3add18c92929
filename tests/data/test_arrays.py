from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pytest

from faircore.data import as_frame, dataset_from_arrays
from faircore.errors import InputError

N = 40
Y = (np.arange(N) % 3 == 0).astype(np.int8)
FRAME = pd.DataFrame({"age": np.arange(N) + 0.5, "job": ["cook", "baker"] * (N // 2)})
SEX = ["f", "m", "m", "f"] * (N // 4)


def test_pandas_polars_and_mappings_give_the_same_dataset() -> None:
    given = [FRAME, pl.from_pandas(FRAME), {c: FRAME[c].to_list() for c in FRAME}]
    made = [dataset_from_arrays(X, Y, pl.Series("sex", SEX).to_frame()) for X in given]
    for one in made:
        pd.testing.assert_frame_equal(one.features, made[0].features)
        assert one.sensitive["sex"].tolist() == SEX
        assert one.fingerprint == made[0].fingerprint


def test_other_content_has_another_fingerprint() -> None:
    base = dataset_from_arrays(FRAME, Y, SEX)
    older = FRAME.assign(age=FRAME["age"] + 1)
    others = [
        dataset_from_arrays(older, Y, SEX),
        dataset_from_arrays(FRAME, 1 - Y, SEX),
        dataset_from_arrays(FRAME, Y, SEX[1:] + SEX[:1]),
        dataset_from_arrays(FRAME, Y, SEX, weights=np.full(N, 2.0)),
    ]
    assert len({d.fingerprint for d in [base, *others]}) == 5


def test_numbers_stay_numbers_and_labels_read_naturally() -> None:
    made = dataset_from_arrays(np.ones((N, 2)), Y, np.tile([3.0, 10.0, np.nan, 3.0], N // 4))
    assert list(made.features) == ["X:x 0", "X:x 1"]
    assert made.features.dtypes.tolist() == [np.float64, np.float64]
    assert made.levels == {"group": ("3", "10")}
    assert made.sensitive["group"].isna().sum() == N // 4


def test_series_of_a_mapping_are_taken_by_position() -> None:
    a, b = pd.Series([1, 2, 3], index=[2, 1, 0]), pd.Series([1, 2, 3])
    frame = as_frame({"a": a, "b": b}, prefix="x")
    assert frame["a"].tolist() == frame["b"].tolist() == [1, 2, 3]


@pytest.mark.parametrize(
    ("X", "y", "message"),
    [
        (FRAME.iloc[:-1], Y, "one row per person"),
        (FRAME, np.zeros(N, np.int8), "both outcomes"),
        (np.ones((N, 1, 1)), Y, "one or two dimensions"),
    ],
)
def test_what_does_not_fit_is_refused(X: object, y: np.ndarray, message: str) -> None:
    with pytest.raises(InputError, match=message):
        dataset_from_arrays(X, y, SEX)
