from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from faircore.errors import InputError
from faircore.groups import Groups
from faircore.metrics import RATES, confusion_counts
from faircore.plots import group_bars

# a: 20 rows, 5 selected; b: 9 rows, 9 selected; c: 12 rows, none selected or good.
GROUPS = Groups.of({"other": ["z"] * 41, "g": ["a"] * 20 + ["b"] * 9 + ["c"] * 12})
Y_TRUE = np.array([1] * 10 + [0] * 10 + [1] * 9 + [0] * 12, np.int8)
Y_PRED = np.array([1] * 5 + [0] * 15 + [1] * 9 + [0] * 12, np.int8)
COUNTS = confusion_counts(Y_TRUE, Y_PRED, GROUPS)


def _bars(**options: Any) -> tuple[list[str], list[float], list[str]]:
    """Labels, lengths and texts of all bars, from the top."""
    figure = group_bars(COUNTS, GROUPS.partition("g"), sizes=GROUPS.sizes, **options)
    traces = json.loads(figure.to_json())["data"]
    values = [[v for t in traces for v in t[axis]] for axis in ("x", "text")]
    return [t["name"] for t in traces], values[0], values[1]


def test_bars_start_at_zero_and_say_their_value_and_size() -> None:
    names, lengths, texts = _bars(min_people=1)
    assert lengths == [0.25, 1.0, 0.0]
    assert texts == ["25.0%", "100.0%", "0.0%"]
    assert [name.split("<br>")[0] for name in names] == ["a", "b", "c"]
    assert [name.split("<br>")[1] for name in names] == ["n = 20", "n = 9", "n = 12"]


def test_a_small_group_keeps_its_place_and_shows_neither_value_nor_size() -> None:
    names, lengths, texts = _bars()
    assert names[1].startswith("b<br>")
    assert "9" not in names[1]
    assert lengths == [0.25, 0.0, 0.0]
    assert (texts[0], texts[2]) == ("25.0%", "0.0%")
    assert texts[1].startswith("too few")
    assert "few people" in names[1]
    assert _bars(min_people=9)[2][1] == "100.0%"


def test_a_group_withheld_for_the_sake_of_another_has_no_bar() -> None:
    _, lengths, texts = _bars(hidden=np.array([False, True, False, False]), min_people=1)
    assert lengths == [0.0, 1.0, 0.0]
    assert texts == ["too few people to judge", "100.0%", "0.0%"]


def test_the_value_of_a_small_group_is_nowhere_in_the_figure() -> None:
    figure = group_bars(COUNTS, GROUPS.partition("g"), sizes=GROUPS.sizes)
    bars = [{k: v for k, v in t.items() if k in ("x", "text", "customdata", "hovertext")}
            for t in json.loads(figure.to_json())["data"]]  # fmt: skip
    assert "100" not in json.dumps(bars)


def test_an_undefined_rate_is_a_dash() -> None:
    assert _bars(rate="true_positive_rate")[2][0] == "50.0%"
    assert _bars(rate="true_positive_rate", min_people=11)[2][0].startswith("too few")
    assert _bars(rate="true_positive_rate")[2][2] == "–"


@pytest.mark.parametrize("rate", RATES)
def test_every_rate_has_a_figure_that_is_the_same_again(rate: str) -> None:
    first, again = (
        group_bars(COUNTS, GROUPS.partition("g"), sizes=GROUPS.sizes, rate=rate).to_json()
        for _ in range(2)
    )
    assert first == again


def test_an_unknown_rate_is_refused() -> None:
    with pytest.raises(InputError, match="selection_rate"):
        _bars(rate="profit")


def test_a_hostile_or_long_name_is_text_and_is_cut() -> None:
    groups = Groups.of(["<b>x</b>"] * 10 + ["n" * 60] * 10)
    counts = confusion_counts(np.ones(20, np.int8), np.ones(20, np.int8), groups)
    figure = group_bars(counts, groups.partitions[0], sizes=groups.sizes)
    names = [trace.name.split("<br>")[0] for trace in figure.data]
    assert names == ["&lt;b&gt;x&lt;/b&gt;", "n" * 23 + "…"]
    assert figure.data[1].customdata[0] == "n" * 60
