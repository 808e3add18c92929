from __future__ import annotations

import time
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest

from faircore.decide import people_impact
from faircore.errors import InputError
from faircore.frontier import SplitRows
from faircore.groups import Groups
from faircore.metrics.costs import Costs

BEFORE = np.repeat([0, 0, 1, 1], [300, 100, 60, 540])
AFTER = np.repeat([0, 1, 0, 1], [300, 100, 60, 540])
N = len(BEFORE)
SEX = np.tile(["f", "m"], N // 2)
TRUTH = np.tile([1, 1, 0], N)[:N].astype(np.int8)
ROWS = SplitRows(TRUTH, Groups.of({"sex": SEX}))


def test_everybody_by_hand() -> None:
    impact = people_impact(BEFORE, AFTER, rows=ROWS)
    assert impact.changed == 160
    assert impact.everybody["gained"] == 100
    assert impact.everybody["lost"] == 60
    assert impact.everybody["net"] == 40
    assert impact.everybody["net_low"] < 40 < impact.everybody["net_high"]
    assert impact.everybody["gained_good"] == pytest.approx(TRUTH[300:400].mean())
    exact = binomtest(60, 160).pvalue
    point = (
        2
        * 0.5
        * np.exp(
            np.log(np.arange(1, 161)).sum()
            - np.log(np.arange(1, 61)).sum()
            - np.log(np.arange(1, 101)).sum()
            - 160 * np.log(2)
        )
    )
    assert impact.everybody["p_value"] == pytest.approx(exact - point, abs=1e-9)


def test_groups_add_up_to_everybody() -> None:
    impact = people_impact(BEFORE, AFTER, rows=ROWS, costs=Costs(2.0, -3.0, 0.0, 0.0))
    table = impact.partition("sex")
    share = table["people"] / N
    for column in ("gained", "lost", "net", "worth"):
        assert (table[column] * share).sum() == pytest.approx(impact.everybody[column])


def test_worth_is_what_the_costs_say() -> None:
    costs = Costs(2.0, -3.0, -1.0, 0.5)
    impact = people_impact(BEFORE, AFTER, rows=ROWS, costs=costs)
    worth = {
        way: costs.matrix[TRUTH, decisions].mean() for way, decisions in
        (("before", BEFORE), ("after", AFTER))
    }  # fmt: skip
    assert impact.everybody["worth"] == pytest.approx(1_000 * (worth["after"] - worth["before"]))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.booleans())
def test_turning_it_round_mirrors_it(seed: int, weighted: bool) -> None:
    rng = np.random.default_rng(seed)
    n = 300
    before, after = rng.integers(0, 2, (2, n))
    rows = SplitRows(
        rng.integers(0, 2, n).astype(np.int8), Groups.of({"g": rng.choice(["a", "b", "c"], n)}),
        rng.exponential(1, n) if weighted else None,
    )  # fmt: skip
    there, back = people_impact(before, after, rows=rows), people_impact(after, before, rows=rows)
    for one, other in (
        ("gained", "lost"),
        ("gained_low", "lost_low"),
        ("gained_good", "lost_good"),
    ):
        pd.testing.assert_series_equal(there.groups[one], back.groups[other], check_names=False)
    np.testing.assert_allclose(there.groups["net"], -back.groups["net"])
    np.testing.assert_allclose(there.groups["net_low"], -back.groups["net_high"])
    np.testing.assert_allclose(there.groups["p_value"], back.groups["p_value"])
    assert (there.groups["net_low"].dropna() >= -1_000).all()
    order = rng.permutation(n)
    mixed = SplitRows(
        rows.y_true[order], rows.groups.take(order),
        None if rows.weights is None else rows.weights[order],
    )  # fmt: skip
    again = people_impact(before[order], after[order], rows=mixed)
    pd.testing.assert_frame_equal(there.groups, again.groups)


def test_a_weight_of_two_is_a_row_twice() -> None:
    weights = np.where(np.arange(N) % 3 == 0, 2.0, 1.0)
    twice = np.repeat(np.arange(N), weights.astype(int))
    heavy = people_impact(BEFORE, AFTER, rows=SplitRows(TRUTH, ROWS.groups, weights))
    many = people_impact(
        BEFORE[twice], AFTER[twice], rows=SplitRows(TRUTH[twice], ROWS.groups.take(twice))
    )
    for column in ("gained", "lost", "net", "gained_good"):
        np.testing.assert_allclose(heavy.groups[column], many.groups[column])
    assert (heavy.groups["net_high"] > many.groups["net_high"]).all()  # no more is known


def test_intervals_cover() -> None:
    rng = np.random.default_rng(5)
    true = np.array([0.50, 0.04, 0.02, 0.44])  # no-no, gained, lost, yes-yes
    n, held, inside = 2_000, 600, {"gained": 0, "net": 0}
    groups = Groups.of({"g": np.repeat("a", n)})
    for _ in range(held):
        cell = rng.choice(4, n, p=true)
        before, after = (cell >= 2).astype(int), (cell % 2).astype(int)
        rows = SplitRows(np.zeros(n, np.int8), groups)
        whole = people_impact(before, after, rows=rows).everybody
        for name, value in (("gained", 40.0), ("net", 20.0)):
            inside[name] += whole[f"{name}_low"] <= value <= whole[f"{name}_high"]
    for name, count in inside.items():
        assert 0.93 <= count / held <= 0.975, name


def test_intervals_cover_when_those_who_gain_weigh_more() -> None:
    rng = np.random.default_rng(6)
    true, heavy = np.array([0.50, 0.04, 0.02, 0.44]), np.array([1.0, 4.0, 1.0, 1.0])
    share = true * heavy / (true @ heavy)
    aim = {"gained": 1_000 * share[1], "net": 1_000 * (share[1] - share[2])}
    n, runs, inside = 2_000, 600, dict.fromkeys(aim, 0)
    groups = Groups.of({"g": np.repeat("a", n)})
    for _ in range(runs):
        cell = rng.choice(4, n, p=true)
        rows = SplitRows(np.zeros(n, np.int8), groups, heavy[cell])
        whole = people_impact((cell >= 2).astype(int), cell % 2, rows=rows).everybody
        for name, value in aim.items():
            inside[name] += whole[f"{name}_low"] <= value <= whole[f"{name}_high"]
    for name, count in inside.items():
        assert 0.925 <= count / runs <= 0.975, name  # Kish's number gives 0.78


def test_a_group_without_rows_in_the_split_is_left_out() -> None:
    whole = Groups.of({"sex": np.r_[SEX, ["x"] * 40]})
    rows = SplitRows(TRUTH, whole.take(np.arange(N)))
    impact = people_impact(BEFORE, AFTER, rows=rows)
    assert impact.partition("sex").loc["x", "people"] == 0
    assert impact.in_words("sex") == people_impact(BEFORE, AFTER, rows=ROWS).in_words("sex")
    np.testing.assert_allclose(
        impact.partition("sex").loc[["f", "m"]],
        people_impact(BEFORE, AFTER, rows=ROWS).partition("sex"),
    )


def test_weights_of_one_are_none_and_none_at_all_are_refused() -> None:
    one = people_impact(BEFORE, AFTER, rows=SplitRows(TRUTH, ROWS.groups, np.ones(N)))
    none = people_impact(BEFORE, AFTER, rows=ROWS)
    pd.testing.assert_frame_equal(one.groups, none.groups)
    with pytest.raises(InputError):
        people_impact(BEFORE, AFTER, rows=SplitRows(TRUTH, ROWS.groups, np.zeros(N)))


def test_per_hundred_is_a_tenth_of_per_thousand() -> None:
    of = {per: people_impact(BEFORE, AFTER, rows=ROWS, per=per) for per in (100, 1_000)}
    assert of[100].everybody["net_low"] == pytest.approx(of[1_000].everybody["net_low"] / 10)
    assert of[100].in_words("sex")[0].startswith("Of 100 applicants, ")
    with pytest.raises(InputError, match="per is 0"):
        people_impact(BEFORE, AFTER, rows=ROWS, per=0)


def test_a_hidden_group_is_withheld_whole() -> None:
    sex = np.array(["f"] * 300 + ["m"] * 300 + ["x"] * 5)
    rows = SplitRows(np.tile([0, 1], 303)[:605].astype(np.int8), Groups.of({"sex": sex}))
    rng = np.random.default_rng(0)
    impact = people_impact(rng.integers(0, 2, 605), rng.integers(0, 2, 605), rows=rows)
    hidden = impact.partition("sex").loc["x"]
    assert hidden.isna().all()
    assert not any(sentence.startswith("x:") for sentence in impact.in_words("sex"))


def test_words_tell_the_worst_affected_first() -> None:
    before, after = BEFORE.copy(), AFTER.copy()
    after[(before == 1) & (SEX == "m")] = 0
    first, *groups = people_impact(before, after, rows=ROWS).in_words("sex")
    assert first.startswith("Of 1,000 applicants, ")
    assert groups[0].startswith("m: ")
    assert "fewer are selected" in groups[0]
    assert people_impact(before, before, rows=ROWS).in_words("sex") == ["No decision changes."]


def test_a_balanced_change_may_be_chance() -> None:
    before = np.r_[np.zeros(30, int), np.ones(30, int), np.ones(140, int)]
    after = np.r_[np.ones(30, int), np.zeros(30, int), np.ones(140, int)]
    rows = SplitRows(np.ones(200, np.int8), Groups.of({"g": ["a"] * 200}))
    (_, told) = people_impact(before, after, rows=rows).in_words("g")
    assert "as many gain as lose" in told
    assert "chance" in told


def test_the_list_of_rows_is_that_of_the_changes() -> None:
    impact = people_impact(BEFORE, AFTER, rows=ROWS)
    rows = impact.changed_rows(np.arange(N) + 10_000)
    assert rows["row"].tolist() == (np.flatnonzero(BEFORE != AFTER) + 10_000).tolist()
    assert list(rows.columns) == ["row", "change", "sex"]
    assert set(rows["change"]) == {"no → yes", "yes → no"}
    assert (rows["sex"].to_numpy() == SEX[BEFORE != AFTER]).all()


def test_the_list_names_whose_rows_they_are_where_it_is_told() -> None:
    whose = pd.Series([f"p{i:04}" for i in range(N)], name="person")
    whose[350] = None
    rows = people_impact(BEFORE, AFTER, rows=ROWS).changed_rows(entity=whose)
    assert list(rows.columns) == ["row", "person", "change", "sex"]
    for row, person in zip(rows["row"], rows["person"], strict=True):
        assert (row == 350 and pd.isna(person)) or person == f"p{row:04}"


def test_no_column_of_the_data_hides_another_in_the_list() -> None:
    rows = SplitRows(TRUTH, Groups.of({"change": SEX, "row": SEX[::-1]}))
    found = people_impact(BEFORE, AFTER, rows=rows).changed_rows(
        entity=pd.Series(range(N), name="row")
    )
    assert list(found.columns) == [
        "row", "row (in the data)", "change", "change (in the data)",
        "row (in the data) (in the data)",
    ]  # fmt: skip
    assert set(found["change"]) == {"no → yes", "yes → no"}
    assert (found["row"] == found["row (in the data)"]).all()


@pytest.mark.parametrize("what", ["ids", "entity"])
def test_a_list_of_ids_of_another_length_is_refused(what: str) -> None:
    impact = people_impact(BEFORE, AFTER, rows=ROWS)
    given: dict[str, Any] = {what: pd.Series(range(N + 1))}
    with pytest.raises(InputError, match=what):
        impact.changed_rows(**given)


def test_a_million_people_are_counted_as_a_loop_counts() -> None:
    rng = np.random.default_rng(1)
    n = 1_000_000
    before, after, truth = rng.integers(0, 2, (3, n))
    groups = Groups.of({f"a{i}": rng.integers(0, 6, n) for i in range(5)})
    rows = SplitRows(truth.astype(np.int8), groups)
    start = time.perf_counter()
    impact = people_impact(before, after, rows=rows)
    assert time.perf_counter() - start < 1.0
    code = groups.partitions[3].start + 2
    gained = good = people = 0
    for i in np.flatnonzero(groups.codes[3] == code).tolist():
        people += 1
        if before[i] == 0 and after[i] == 1:
            gained += 1
            good += int(truth[i])
    row = impact.groups.iloc[code]
    assert row["people"] == people
    assert row["gained"] == pytest.approx(1_000 * gained / people)
    assert row["gained_good"] == pytest.approx(good / gained)


def test_what_cannot_be_compared_is_refused() -> None:
    with pytest.raises(InputError):
        people_impact(BEFORE[:-1], AFTER, rows=ROWS)
    with pytest.raises(InputError):
        people_impact(BEFORE * 2, AFTER, rows=ROWS)
    with pytest.raises(InputError, match="confidence"):
        people_impact(BEFORE, AFTER, rows=ROWS, confidence=1.0)


def test_a_share_among_fewer_than_ten_is_not_told() -> None:
    before, after = np.zeros(600, int), np.zeros(600, int)
    sex = np.repeat(["f", "m"], 300)
    after[:4], after[300:360] = 1, 1  # four women, sixty men
    rows = SplitRows(np.tile([0, 1], 300).astype(np.int8), Groups.of({"sex": sex}))
    impact = people_impact(before, after, rows=rows, costs=Costs())
    table = impact.partition("sex")
    assert table["gained"].tolist() == pytest.approx([4 / 0.3, 200])
    # Everybody's less the men's, both shown, would be that of the four.
    assert table["gained_good"].isna().all()
    assert table["worth"].isna().all()
    assert impact.everybody["gained_good"] == 0.5
    after[4:20] = 1
    table = people_impact(before, after, rows=rows, costs=Costs()).partition("sex")
    assert table["gained_good"].notna().all()
    assert table["worth"].notna().all()


def test_shares_that_would_give_one_among_few_away_are_not_told() -> None:
    before, after = np.zeros(800, int), np.zeros(800, int)
    race = np.repeat(["a", "b", "c", "d"], 200)
    after[:4], after[200:215], after[400:460] = 1, 1, 1
    rows = SplitRows(np.tile([0, 1], 400).astype(np.int8), Groups.of({"race": race}))
    impact = people_impact(before, after, rows=rows)
    shown = impact.partition("race")["gained_good"].notna()
    assert shown.tolist() == [False, False, True, False]  # nobody of d gains
    assert np.isfinite(impact.everybody["gained_good"])
    after[200:215], after[200:202] = 0, 1
    impact = people_impact(before, after, rows=rows)
    assert np.isnan(impact.everybody["gained_good"])  # six people together
