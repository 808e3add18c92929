from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from faircore.data import Encoder, Table, build_dataset, load_sample
from faircore.errors import DataError


def _train() -> pd.DataFrame:
    job = ["cook"] * 12 + ["clerk"] * 10 + ["poet"] * 2 + [None]
    age = [np.nan, *range(20, 44)]
    return pd.DataFrame(
        {"age": age, "one": 3.0, "job": pd.array(job, dtype="str"), "none": np.full(25, np.nan)}
    )


def test_names_and_columns() -> None:
    encoder = Encoder.fit(_train())
    assert encoder.names == (
        *("age", "age (missing)", "one", "job=cook", "job=clerk", "job=(other)", "job=(missing)"),
        *("none", "none (missing)"),
    )
    encoded = encoder.transform(_train())
    assert encoded.dtype == np.float32
    assert encoded.flags.c_contiguous
    assert encoded.shape == (25, 9)
    np.testing.assert_allclose(encoded[:, 0].mean(), 0, atol=1e-6)
    np.testing.assert_allclose(encoded[:, 0].std(), 1, atol=1e-6)
    assert encoded[:, 1].sum() == 1
    assert (encoded[:, [2, 7]] == 0).all()
    assert encoded[:, 3:7].sum(axis=0).tolist() == [12, 10, 2, 1]


def test_only_training_rows_are_learned_from() -> None:
    encoder = Encoder.fit(_train())
    later = pd.DataFrame({"age": [1000.0, np.nan], "one": [9.0, np.nan], "job": ["spy", None]})
    later["none"] = [5.0, np.nan]
    encoded = encoder.transform(later)
    deviation = np.std([31.5, *range(20, 44)])
    np.testing.assert_allclose(encoded[:, 0], [(1000 - 31.5) / deviation, 0], rtol=1e-5)
    assert encoded[:, 2].tolist() == [0, 0]
    assert encoded[0, 3:7].tolist() == [0, 0, 1, 0]
    assert encoded[1, 3:7].tolist() == [0, 0, 0, 1]


def test_missing_that_training_never_saw() -> None:
    encoder = Encoder.fit(pd.DataFrame({"n": [1.0, 3.0], "c": ["a", "b"]}), min_count=1)
    encoded = encoder.transform(pd.DataFrame({"c": [None], "n": [np.nan]}).astype({"c": "str"}))
    assert encoded.tolist() == [[0, 0, 0, 1]]


def test_levels_are_capped_by_number_and_by_rows() -> None:
    labels = [f"l{i:02}" for i in range(30) for _ in range(10 + i)]
    features = pd.DataFrame({"c": pd.array(labels, dtype="str")})
    assert Encoder.fit(features).names[:2] == ("c=l29", "c=l28")
    assert len(Encoder.fit(features).names) == 21
    assert len(Encoder.fit(features, max_levels=99, min_count=25).names) == 16


def test_a_level_called_other_is_no_second_column() -> None:
    encoder = Encoder.fit(pd.DataFrame({"c": ["(other)", "a", "(missing)"]}), min_count=1)
    assert encoder.names == ("c=a", "c=(other)")


def test_dict_round_trip_through_json() -> None:
    encoder = Encoder.fit(_train())
    again = Encoder.from_dict(json.loads(json.dumps(encoder.to_dict(), allow_nan=False)))
    assert again == encoder
    np.testing.assert_array_equal(again.transform(_train()), encoder.transform(_train()))
    with pytest.raises(DataError, match="incomplete"):
        Encoder.from_dict({"columns": [{"kind": "number", "name": "x"}]})


@pytest.mark.parametrize("name", ["adult", "german_credit", "lending"])
def test_transform_table_equals_transform(name: str) -> None:
    table, spec = load_sample(name)
    features = build_dataset(table, spec).features
    encoder = Encoder.fit(features.iloc[::2])
    encoded = encoder.transform_table(table)
    np.testing.assert_array_equal(encoded, encoder.transform(features))
    assert np.isfinite(encoded).all()
    assert len(encoder.names) == encoded.shape[1] == len(set(encoder.names))


def test_other_dtypes_of_a_notebook() -> None:
    features = pd.DataFrame(
        {
            "i": [1, 2, 3],
            "b": [True, False, True],
            "c": pd.Categorical(["x", None, "x"]),
            "n": pd.array([1, None, 2], dtype="Int64"),
        }
    )
    encoder = Encoder.fit(features, min_count=1)
    assert encoder.names == ("i", "b", "c=x", "c=(other)", "c=(missing)", "n", "n (missing)")
    assert encoder.transform(features)[:, 4].tolist() == [0, 1, 0]


def test_errors_name_the_column_and_never_a_cell() -> None:
    encoder = Encoder.fit(_train())
    with pytest.raises(DataError, match="needs the column 'age', 'job'"):
        encoder.transform(_train()[["one", "none"]])
    frame = _train().astype("str")
    frame["age"] = "CANARY"
    with pytest.raises(DataError, match=r"'age' must hold finite numbers, and 25 rows") as caught:
        encoder.transform_table(Table(frame))
    assert "CANARY" not in str(caught.value)
    with pytest.raises(DataError, match="1 row hold text or an infinite"):
        encoder.transform(_train().assign(age=[np.inf, *range(24)]))
    with pytest.raises(DataError, match="needs training rows"):
        Encoder.fit(_train().iloc[:0])
