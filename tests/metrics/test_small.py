from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from faircore.groups import Groups
from faircore.metrics import hidden_groups


def _groups(table: list[list[int]]) -> Groups:
    """Rows of two crossed attributes with so many people in each cell."""
    a = [str(i) for i, row in enumerate(table) for n in row for _ in range(n)]
    b = [str(j) for row in table for j, n in enumerate(row) for _ in range(n)]
    return Groups.of({"a": a, "b": b}, partitions=["a", "b", ["a", "b"]])


def test_nobody_hides_when_all_are_large() -> None:
    groups = _groups([[20, 30], [40, 50]])
    assert not hidden_groups(groups.partitions, groups.sizes).any()


def test_a_lone_small_group_takes_the_next_smallest_with_it() -> None:
    groups = Groups.of(["a"] * 68 + ["b"] * 157 + ["c"] * 139 + ["d"] * 6)
    assert hidden_groups(groups.partitions, groups.sizes).tolist() == [True, False, False, True]


def test_a_small_crossed_group_does_not_follow_from_the_groups_around_it() -> None:
    groups = _groups([[79, 73, 5], [120, 130, 140], [90, 95, 99]])
    hidden = hidden_groups(groups.partitions, groups.sizes)
    crossed = groups.partitions[2]
    cells = dict(zip(crossed.labels, hidden[crossed.groups], strict=True))
    assert cells["0", "2"]
    assert cells["0", "0"] or cells["0", "1"]  # else 157 - 79 - 73 gives it
    assert cells["1", "2"] or cells["2", "2"]


@given(st.lists(st.lists(st.integers(0, 30), min_size=3, max_size=3), min_size=2, max_size=4))
def test_no_sum_has_exactly_one_hidden_part(table: list[list[int]]) -> None:
    if sum(map(sum, table)) == 0:
        return
    groups = _groups(table)
    hidden = hidden_groups(groups.partitions, groups.sizes)
    assert hidden[(groups.sizes < 10) & (groups.sizes > 0)].all()
    for partition in groups.partitions:
        own = hidden[partition.groups]
        sizes = groups.sizes[partition.groups]
        if own.sum() == 1:
            assert (sizes > 0).sum() == 1  # there is no other group to hide
        for position, group in enumerate(range(partition.groups.start, partition.groups.stop)):
            inside = [g for g in range(groups.n_groups) if group in groups.parents(g)]
            members = np.array([group, *inside])
            if inside and hidden[members].sum() == 1:
                pytest.fail(f"group {position} of {partition.name} can be worked out")
