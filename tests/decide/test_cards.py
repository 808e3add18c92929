from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from faircore.audit.words import Wording
from faircore.decide.cards import cards, right_of
from faircore.decide.thinning import moments_of_effects
from faircore.frontier.cuts import counts_of
from faircore.frontier.rows import SplitRows
from faircore.groups import Groups
from faircore.metrics import DISPARITIES, MIN_PEOPLE

ODDS = "equalized_odds_difference"


def rows_of(sizes: list[int], seed: int = 0) -> tuple[SplitRows, np.ndarray]:
    """Groups of some sizes, half of each deserving; whom a coin selects."""
    rng = np.random.default_rng(seed)
    names = np.repeat([f"g{i}" for i in range(len(sizes))], sizes)
    truth = (np.arange(len(names)) % 2).astype(np.int8)
    decided = rng.integers(0, 2, len(names)).astype(np.int8)
    return SplitRows(truth, Groups.of({"x": names})), decided


def told(rows: SplitRows, decided: np.ndarray, disparity: str = ODDS, **more: object) -> list:
    (whole,) = rows.groups.partitions
    return list(
        cards(
            counts_of(rows, decided), partitions=rows.groups.partitions, partition=whole,
            sizes=rows.groups.sizes, disparity=disparity, **more,  # type: ignore[arg-type]
        )
    )  # fmt: skip


def test_a_card_says_how_many_of_1000_by_hand() -> None:
    rows = SplitRows(np.ones(100, np.int8), Groups.of({"x": np.repeat("g", 100)}))
    decided = (np.arange(100) < 61).astype(np.int8)
    wording = Wording("who would repay", "who would not", "approved", "refused")
    (card,) = told(rows, decided, "equal_opportunity_difference", wording=wording)
    # Wilson's 95 % limits of 61 of 100 are .512 and .700.
    assert card.sentences == (
        "Of 1,000 people who would repay in group g, 610 (512 to 700) are approved",
    )
    assert card.rows[0].people == 100
    assert right_of(counts_of(rows, decided), rows.groups.partitions[0]) == pytest.approx(610)


@pytest.mark.parametrize("disparity", list(DISPARITIES))
def test_there_is_a_card_for_each_rate_that_is_compared(disparity: str) -> None:
    found = told(*rows_of([100, 100]), disparity)
    assert [card.rate for card in found] == list(DISPARITIES[disparity].rates)
    assert all(card.whom and card.what for card in found)


@given(st.lists(st.integers(1, 60), min_size=2, max_size=5), st.integers(0, 9))
def test_what_must_be_hidden_is(sizes: list[int], seed: int) -> None:
    rows, decided = rows_of(sizes, seed)
    hidden = 0
    for card in told(rows, decided, "demographic_parity_difference"):
        for size, row, text in zip(sizes, card.rows, card.sentences, strict=True):
            if size < MIN_PEOPLE:
                assert np.isnan([row.people, row.share, row.low, row.high]).all()
            if np.isnan(row.share):
                hidden += 1
                assert np.isnan([row.people, row.low, row.high]).all()
                assert text.endswith("too few people to judge")
                assert not any(c.isdigit() for c in text.replace(row.group, ""))
            else:
                assert 0 <= row.low <= row.share <= row.high <= 1
    # One alone could be worked out from the total.
    assert hidden != 1


def test_few_people_of_whom_a_rate_is_counted_are_not_told_of() -> None:
    truth = np.array([1] * 5 + [0] * 95 + [1] * 50 + [0] * 50, np.int8)
    rows = SplitRows(truth, Groups.of({"x": np.repeat(["a", "b"], 100)}))
    true, false = told(rows, np.ones(200, np.int8))
    assert [card.rate for card in (true, false)] == ["true_positive_rate", "false_positive_rate"]
    assert np.isnan(true.rows[0].share)
    assert not np.isnan([true.rows[1].share, *(row.share for row in false.rows)]).any()


def test_a_design_effect_widens_and_moves_nothing() -> None:
    rows, decided = rows_of([80, 80])
    moments = moments_of_effects(np.array([4.0, 1.0]), counts_of(rows, decided))
    for one, wide in zip(told(rows, decided), told(rows, decided, moments=moments), strict=True):
        assert [r.share for r in one.rows] == [r.share for r in wide.rows]
        assert wide.rows[0].low < one.rows[0].low < one.rows[0].high < wide.rows[0].high
        assert wide.rows[1] == one.rows[1]
