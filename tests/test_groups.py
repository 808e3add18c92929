from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from faircore.errors import InputError
from faircore.groups import MISSING, Groups, find_partition

# Five people; the last has no race.
PEOPLE = pd.DataFrame(
    {"sex": ["m", "f", "m", "f", "f"], "race": ["b", "a", "a", "b", None]}, index=[9, 8, 7, 6, 5]
)
BOTH = [("sex",), ("race",), ("race", "sex")]


def _names(groups: Groups) -> list[list[str]]:
    """Group names of each row, partition by partition."""
    flat = [name for p in groups.partitions for name in p.group_names]
    return [[flat[code] for code in codes] for codes in groups.codes]


def test_codes_run_through_all_partitions() -> None:
    groups = Groups.of(PEOPLE, partitions=BOTH)
    assert [p.name for p in groups.partitions] == ["sex", "race", "race × sex"]
    assert [p.start for p in groups.partitions] == [0, 2, 5]
    assert groups.codes.dtype == np.int32
    assert groups.codes.tolist() == [[1, 0, 1, 0, 0], [3, 2, 2, 3, 4], [8, 5, 6, 7, 9]]
    assert groups.partition("race × sex").labels == (
        *(("a", "f"), ("a", "m"), ("b", "f"), ("b", "m")),
        (MISSING, "f"),
    )
    assert groups.partition("race × sex").group_names[3] == "b · m"
    assert groups.partition("race").groups == slice(2, 5)
    assert (groups.n_rows, groups.n_groups) == (5, 10)
    assert groups.sizes.tolist() == [3, 2, 2, 2, 1, 1, 1, 1, 1, 1]


def test_by_default_each_attribute_is_a_partition_of_its_own() -> None:
    assert [p.attributes for p in Groups.of(PEOPLE).partitions] == [("sex",), ("race",)]


@pytest.mark.parametrize(
    "given_as",
    [
        ["x", "y", None, "x"],
        np.array(["x", "y", None, "x"], dtype=object),
        pd.Series(["x", "y", None, "x"], index=[3, 1, 2, 0]),
        pd.Series(["x", "y", np.nan, "x"], dtype=object),
        pd.Series(["x", "y", None, "x"], dtype="category"),
        {"a": ["x", "y", None, "x"]},
        pd.DataFrame({"a": ["x", "y", None, "x"]}, index=[1, 1, 1, 1]),
    ],
    ids=["list", "array", "series", "objects", "category", "mapping", "frame"],
)
def test_every_form_of_one_attribute_gives_the_same_groups(given_as: Any) -> None:
    groups = Groups.of(given_as)
    assert groups.partitions[0].group_names == ("x", "y", MISSING)
    assert groups.codes.tolist() == [[0, 1, 2, 0]]


def test_names_of_attributes_are_kept_or_made() -> None:
    assert Groups.of(pd.Series([1, 2], name="sex")).partitions[0].name == "sex"
    assert Groups.of([1, 2]).partitions[0].name == "group"
    assert [p.name for p in Groups.of(np.zeros((3, 2))).partitions] == ["group 0", "group 1"]
    assert [p.name for p in Groups.of(pd.DataFrame({0: [1], 1: [2]})).partitions] == ["0", "1"]


def test_a_mapping_with_numbers_for_names() -> None:
    assert [p.name for p in Groups.of({0: ["a", "b"], 1: ["c", "d"]}).partitions] == ["0", "1"]


def test_columns_of_a_mapping_are_taken_row_by_row() -> None:
    # As everywhere else, position counts and not the index; otherwise people change their race.
    sex = pd.Series(["f", "m", "m"])
    race = pd.Series(["x", "y", "z"], index=[2, 1, 0])
    assert _names(Groups.of({"sex": sex, "race": race})) == [["f", "m", "m"], ["x", "y", "z"]]


@pytest.mark.parametrize(
    ("values", "names"),
    [
        (np.array([10, 9, 100, 9]), ("9", "10", "100")),
        (np.array([10.0, 9.0, np.nan, 0.5]), ("0.5", "9", "10", MISSING)),
        (np.array([1.0, 0.0], dtype=np.float32), ("0", "1")),
        (np.array([True, False, True]), ("False", "True")),
        (pd.Series([2, None, 1], dtype="Int64"), ("1", "2", MISSING)),
        (["b", "B", "a"], ("B", "a", "b")),
    ],
    ids=["int", "float", "float32", "bool", "nullable", "text"],
)
def test_groups_stand_in_the_natural_order_of_their_values(
    values: Any, names: tuple[str, ...]
) -> None:
    assert Groups.of(values).partitions[0].group_names == names


def test_levels_come_first_in_their_order_and_need_not_occur() -> None:
    groups = Groups.of(
        {"age": ["old", "new", "young", None, "zzz"]},
        levels={"age": ("young", "middle", "old"), "unused": ("x",)},
    )
    assert groups.partitions[0].group_names == ("young", "old", "new", "zzz", MISSING)


def test_parents_lose_one_attribute_each() -> None:
    frame = PEOPLE.assign(age=["1", "1", "2", "2", "2"])
    groups = Groups.of(frame, partitions=[*BOTH, ("sex", "race", "age"), ("age",)])
    three, two = groups.partition("sex × race × age"), groups.partition("race × sex")
    m_b_1 = three.start + three.labels.index(("m", "b", "1"))
    assert groups.parents(m_b_1) == (two.start + two.labels.index(("b", "m")),)
    b_m = two.start + two.labels.index(("b", "m"))
    assert groups.parents(b_m) == (1, 3)
    assert groups.parents(two.start + two.labels.index((MISSING, "f"))) == (0, 4)
    assert groups.parents(0) == ()


def test_parents_of_a_value_that_reads_like_a_missing_one() -> None:
    race = [MISSING, None, MISSING]
    groups = Groups.of({"sex": list("fff"), "race": race}, partitions=[*BOTH[:2], ("sex", "race")])
    child = int(groups.codes[2, 1])
    assert groups.parents(child) == (int(groups.codes[0, 1]), int(groups.codes[1, 1]))


def test_no_two_groups_of_a_partition_have_one_name() -> None:
    # A number and its text, a missing value and the word for it.
    for values in ([1, "1", 2], [MISSING, None, "x"]):
        names = Groups.of(np.array(values, dtype=object)).partitions[0].group_names
        assert len(set(names)) == len(names)


def test_take_keeps_numbers_and_lets_groups_become_empty() -> None:
    groups = Groups.of(PEOPLE, partitions=BOTH)
    taken = groups.take(np.array([4, 1, 4]))
    assert taken.partitions == groups.partitions
    assert _names(taken)[2] == [f"{MISSING} · f", "a · f", f"{MISSING} · f"]
    assert taken.sizes.tolist() == [3, 0, 1, 0, 2, 1, 0, 0, 0, 2]
    assert groups.take(np.array([], dtype=np.int64)).sizes.tolist() == [0] * 10


def test_groups_of_groups_are_the_same() -> None:
    groups = Groups.of(PEOPLE)
    assert Groups.of(groups) is groups


@pytest.mark.parametrize(
    ("features", "partitions"),
    [
        ([], None),
        (pd.DataFrame({"sex": []}), None),
        (pd.DataFrame(index=range(3)), None),
        (PEOPLE, [("sex", "income")]),
        (PEOPLE, []),
        (PEOPLE, [()]),
        (np.zeros((2, 2, 2)), None),
        (None, None),
    ],
    ids=["empty", "no row", "no column", "unknown", "none", "no attribute", "3-d", "nothing"],
)
def test_what_cannot_be_grouped_is_refused(features: Any, partitions: Any) -> None:
    with pytest.raises(InputError):
        Groups.of(features, partitions=partitions)


def test_an_unknown_name_is_answered_with_the_known_ones() -> None:
    with pytest.raises(InputError, match=r"'age'.*sex, race"):
        find_partition(Groups.of(PEOPLE).partitions, "age")
    with pytest.raises(InputError, match=r"unknown attributes income"):
        Groups.of(PEOPLE, partitions=[("income",)])


@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(
        st.tuples(st.sampled_from(["u", "v", None]), st.sampled_from([1, 2, 3])), min_size=1
    )
)
def test_each_row_is_in_one_group_per_partition_named_by_its_values(
    rows: list[tuple[str | None, int]],
) -> None:
    frame = pd.DataFrame(rows, columns=["a", "b"])
    groups = Groups.of(frame, partitions=[("a",), ("b", "a")])
    named = [MISSING if a is None else a for a, _ in rows]
    crossed = [f"{b} · {a}" for a, (_, b) in zip(named, rows, strict=True)]
    assert _names(groups) == [named, crossed]
    for partition, codes in zip(groups.partitions, groups.codes, strict=True):
        assert ((codes >= partition.groups.start) & (codes < partition.groups.stop)).all()
        assert (groups.sizes[partition.groups] > 0).all()
        assert groups.sizes[partition.groups].sum() == len(rows)
