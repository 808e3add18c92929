from __future__ import annotations

from typing import Any

import pytest

from faircore.errors import InputError
from faircore.penalties import PenaltyOptions


@pytest.mark.parametrize(
    ("name", "value", "rule"),
    [
        ("versus", "all", "overall or pairs"),
        ("versus", None, "overall or pairs"),
        ("small_group", -1, "zero or more"),
        ("small_group", float("inf"), "zero or more"),
        ("small_group", "many", "a number"),
        ("shrinkage", -0.1, "zero or more"),
        ("shrinkage", None, "a number"),
        ("crossed_weight", -1, "zero or more"),
        ("crossed_weight", None, "a number"),
        ("memory", 1, "at least 0 and below 1"),
        ("memory", -0.1, "at least 0 and below 1"),
        ("memory", float("nan"), "at least 0 and below 1"),
        ("memory", [0.5, 0.6], "a number"),
        ("bound", -0.1, "zero or more"),
        ("bound", float("nan"), "zero or more"),
        ("tail", 0, "above 0 and below 1"),
        ("tail", 1, "above 0 and below 1"),
    ],
)
def test_an_option_outside_its_range_is_named_with_its_rule(
    name: str, value: Any, rule: str
) -> None:
    with pytest.raises(InputError, match=rf"The option {name} must be {rule}; it is "):
        PenaltyOptions(**{name: value})


def test_whole_numbers_are_equal_to_fractions() -> None:
    whole = PenaltyOptions(small_group=5, shrinkage=1, crossed_weight=0, bound=1)
    assert whole == PenaltyOptions(small_group=5.0, shrinkage=1.0, crossed_weight=0.0, bound=1.0)
    assert repr(whole).count(".0") == 5
    assert whole.small_group == 5


def test_without_a_bound_or_a_small_group_the_penalty_decides() -> None:
    assert PenaltyOptions().bound is None
    assert PenaltyOptions().small_group is None
