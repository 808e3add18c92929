from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from faircore.data import (
    DataSpec,
    Sensitive,
    Table,
    build_dataset,
    load_sample,
    read_dataset,
    read_table,
)
from faircore.data.bins import attribute_groups, bin_labels
from faircore.data.fingerprint import fingerprint, rows_fingerprint
from faircore.errors import SpecError

SPEC = DataSpec(
    "y",
    "yes",
    ("x", "code", "job"),
    (Sensitive("sex"), Sensitive("age", (25, 45, 90))),
    categorical=("code",),
    weight="w",
    entity="person",
    time="day",
    score="s",
    decision="d",
)


def _frame(n: int = 200) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "y": rng.choice(["no", "yes"], n),
            "x": [None, *rng.normal(size=n - 1)],
            "code": rng.integers(1, 5, n),
            "job": [None, *rng.choice(["cook", "None"], n - 1)],
            "sex": [None, *rng.choice(["f", "m"], n - 1)],
            "age": [None, 25, 44, 45, *rng.integers(18, 70, n - 4)],
            "w": rng.random(n),
            "person": [None, None, *rng.integers(0, 50, n - 2)],
            "day": [f"2024-01-{1 + i % 28:02}" for i in range(n)],
            "s": rng.random(n),
            "d": rng.choice(["approved", "Denied"], n),
        }
    )


def test_columns_have_their_types() -> None:
    frame = _frame()
    data = build_dataset(Table.from_frame(frame, "mine"), SPEC)
    assert data.n_rows == len(data.features) == len(data.sensitive) == 200
    assert data.features.dtypes.map(str).to_dict() == {"x": "float64", "code": "str", "job": "str"}
    np.testing.assert_array_equal(data.features["x"], frame["x"].astype(float))
    assert data.features["job"].isna().tolist() == [True] + [False] * 199
    assert data.y_true.dtype == np.int8
    assert (data.y_true == (frame["y"] == "yes")).all()
    np.testing.assert_array_equal(data.weights, frame["w"])
    assert data.score is not None
    np.testing.assert_array_equal(data.score, frame["s"])
    assert data.decision is not None
    assert (data.decision == (frame["d"] == "approved")).all()
    assert data.time is not None
    assert str(data.time.dtype) == "datetime64[ns]"
    assert data.source == "mine"


def test_missing_identifiers_are_different_people() -> None:
    table = Table.from_frame(_frame())
    entity = build_dataset(table, SPEC).entity
    assert entity is not None
    assert entity.min() >= 0
    assert (entity[:2, None] != entity[None, 2:]).all()
    assert entity[0] != entity[1]
    assert len(np.unique(entity)) == _frame()["person"].nunique() + 2
    assert build_dataset(table, SPEC).entity_ids.equals(table.frame["person"])


def test_groups_have_ordered_labels_and_keep_missing() -> None:
    data = build_dataset(Table.from_frame(_frame()), SPEC)
    assert data.levels == {"sex": ("f", "m"), "age": ("< 25", "25–44", "45–89")}
    assert data.sensitive.isna().sum().tolist() == [1, 1]
    assert data.sensitive["age"].iloc[1:4].tolist() == ["25–44", "25–44", "45–89"]
    assert data.sensitive.dtypes.map(str).tolist() == ["str", "str"]


def test_bin_labels_of_whole_and_broken_numbers() -> None:
    assert bin_labels((1, 2, 5), whole=True) == ("< 1", "1", "2–4", "≥ 5")
    table = Table.from_frame(pd.DataFrame({"age": [24.5, 25.0, 50.0]}))
    labels, levels = attribute_groups(table, Sensitive("age", (25, 45)))
    assert labels.tolist() == ["< 25", "25 to < 45", "≥ 45"] == list(levels)


def test_codes_are_ordered_as_numbers() -> None:
    table = Table.from_frame(pd.DataFrame({"race": [10, 9, 1, 10]}))
    assert attribute_groups(table, Sensitive("race"))[1] == ("1", "9", "10")


def test_without_optional_roles() -> None:
    spec = SPEC.with_(weight=None, entity=None, time=None, score=None, decision=None)
    data = build_dataset(Table.from_frame(_frame()), spec)
    assert (data.weights == 1).all()
    assert (data.entity, data.time, data.score, data.decision) == (None,) * 4


def test_fingerprint_follows_content_and_roles_only() -> None:
    frame = _frame()
    base = fingerprint(Table.from_frame(frame), SPEC)
    shuffled = Table.from_frame(frame[frame.columns[::-1]].assign(unused=1), "other name")
    assert fingerprint(shuffled, SPEC) == base
    # The same cells at another offset of a larger buffer.
    longer = Table.from_frame(pd.concat([frame.tail(7), frame])).frame
    part = longer.iloc[7:].reset_index(drop=True)
    assert fingerprint(Table(part), SPEC) == base
    assert fingerprint(Table.from_frame(frame), SPEC.with_(positive="no")) != base
    assert fingerprint(Table.from_frame(frame.iloc[::-1]), SPEC) != base
    for column, value in (("job", "None"), ("job", ""), ("x", "0")):
        changed = Table.from_frame(frame).frame.copy()
        changed.loc[0, column] = value
        assert fingerprint(Table(changed), SPEC) != base


def test_the_rows_have_one_hash_whatever_they_are_used_for() -> None:
    frame = _frame()
    base = rows_fingerprint(Table.from_frame(frame))
    assert rows_fingerprint(Table.from_frame(frame[frame.columns[::-1]], "other name")) == base
    assert base != fingerprint(Table.from_frame(frame), SPEC)
    for other in (frame.iloc[::-1], frame.iloc[1:], frame.assign(unused=1)):
        assert rows_fingerprint(Table.from_frame(other)) != base


def test_fingerprint_does_not_confuse_cells_that_join_alike() -> None:
    spec = DataSpec("y", "1", ("a",), (Sensitive("b"),))
    tables = [
        Table.from_frame(pd.DataFrame({"a": a, "b": ["1", "2"], "y": ["1", "2"]}))
        for a in (["xy", "z"], ["x", "yz"], ["xyz", None], ["xyz", ""])
    ]
    assert len({fingerprint(table, spec) for table in tables}) == 4


def test_fingerprint_is_the_same_from_csv_and_parquet(tmp_path: Path) -> None:
    table, spec = load_sample("german_credit")
    table.frame.to_csv(tmp_path / "g.csv", index=False)
    assert fingerprint(read_table(tmp_path / "g.csv"), spec) == fingerprint(table, spec)


def test_read_dataset_guesses_or_obeys(tmp_path: Path) -> None:
    _frame().to_csv(tmp_path / "t.csv", index=False)
    assert read_dataset(tmp_path / "t.csv").spec.target == "y"
    assert read_dataset(tmp_path / "t.csv", SPEC).spec is SPEC
    with pytest.raises(SpecError, match=r"t\.csv has no column 'gone'"):
        read_dataset(tmp_path / "t.csv", SPEC.with_(target="gone"))


def test_decision_in_the_targets_own_words() -> None:
    frame = _frame().assign(d=_frame()["y"])
    data = build_dataset(Table.from_frame(frame), SPEC.with_(positive="no"))
    assert data.decision is not None
    assert (data.decision == data.y_true).all()
