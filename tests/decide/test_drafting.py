from __future__ import annotations

import re
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from faircore.decide import Policy
from faircore.decide.drafting import amended, as_stood, promise_words, smallest_promise
from faircore.errors import InputError
from faircore.frontier import Limit
from faircore.groups import Groups
from tests.decide.committee import GAP, policy_of
from tests.decide.test_policy import policies


def prepared(**sizes: int) -> Any:
    """Rows of which so many are sealed, by group; the type of real ones is not needed."""
    sex = np.repeat(list(sizes), list(sizes.values()))
    return SimpleNamespace(
        groups=Groups.of({"sex": sex}, partitions=[("sex",)]),
        rows=lambda split: np.arange(len(sex)) if split == "certify" else np.arange(0),
    )


@given(policies())
def test_a_form_that_changes_nothing_changes_nothing(policy: Policy) -> None:
    shown = {x.key: 100 * x.at for x in policy.limits}
    assert amended(policy, {key: at / 100 for key, at in shown.items()}) == policy


def test_what_is_not_named_stays_and_what_is_emptied_goes() -> None:
    rules = (Limit(f"{GAP}@sex", 0.1), Limit("equal_opportunity_difference@race", 0.2),
             Limit("true_positive_rate", 0.6), Limit("accuracy", 0.8))  # fmt: skip
    old = policy_of(limits=rules, level=0.01, answers={"harm": "both"})
    new = amended(old, {"accuracy": None, f"{GAP}@sex": 0.05, f"{GAP}@race": 0.06}, reason="New.")
    assert new == replace(
        old, reason="New.",
        limits=(Limit(f"{GAP}@sex", 0.05), *rules[1:3], Limit(f"{GAP}@race", 0.06)),
    )  # fmt: skip
    with pytest.raises(InputError, match="sets none"):
        amended(old, {f"{GAP}@sex": None})


def test_rounding_is_no_change() -> None:
    assert as_stood(0.07 * 100 / 100, 0.07) == 0.07
    assert as_stood(0.08, 0.07) == 0.08
    assert as_stood(0.08, None) == 0.08


@given(st.integers(1, 9), st.integers(0, 9))
def test_the_size_of_a_small_group_is_never_told(few: int, smallest: int) -> None:
    told = promise_words(prepared(f=900, m=500, x=few), ["sex"], smallest_group=smallest)
    other = promise_words(prepared(f=900, m=500, x=9), ["sex"], smallest_group=0)
    assert told == other
    assert "fewer than 10" in told
    assert not re.search(r"\b[1-9] ", told)


def test_no_smallest_group_spoken_of_gives_a_size_away() -> None:
    """Of 900, 30 and 4 people the 30 are hidden too: all together are known."""
    told = {
        promise_words(prepared(f=900, m=30, x=4), ["sex"], smallest_group=n) for n in range(901)
    }
    assert len(told) == 2
    assert not any("30 " in text for text in told)
    assert any("The smallest group whose size is shown has 900 sealed rows" in t for t in told)


def test_groups_that_no_rule_speaks_of_are_not_counted() -> None:
    rows = prepared(f=900, m=500, x=20, nobody=1)
    empty = SimpleNamespace(groups=rows.groups, rows=lambda split: np.arange(1420))
    words = promise_words(empty, ["sex"])  # type: ignore[arg-type]
    assert "The smallest group has 20 sealed rows" in words
    spoken = promise_words(empty, ["sex"], smallest_group=21)  # type: ignore[arg-type]
    assert "The smallest group has 500 sealed rows" in spoken
    assert promise_words(empty, ["sex"], smallest_group=901) == ""  # type: ignore[arg-type]


def test_a_stricter_test_promises_less() -> None:
    assert smallest_promise(500, level=0.01) > smallest_promise(500)
    loose, strict = (promise_words(prepared(f=900, m=500), ["sex"], level=x) for x in (0.05, 0.005))
    assert loose != strict
