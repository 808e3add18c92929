from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit, logit
from scipy.stats import binom

from faircore.audit.multicalibration import (
    MulticalibrationAudit,
    audit_multicalibration,
    walk_multicalibration,
)
from faircore.data import load_sample
from faircore.errors import InputError
from faircore.groups import Groups

N = 12_000


def people(n: int, seed: int, *, skewed: bool = False) -> tuple[np.ndarray, pd.DataFrame]:
    """Scores, and five attributes of 1,800 cells; citizenship goes with race."""
    rng = np.random.default_rng(seed)
    race = rng.choice(list("abcd"), n, p=[0.5, 0.25, 0.15, 0.1])
    citizen = np.where(rng.random(n) < 0.9, "u", "v")
    frame = pd.DataFrame({
        "race": race,
        "sex": rng.choice(list("fm"), n),
        "age": rng.choice(list("xyz"), n),
        "region": rng.choice(list("nesw"), n),
        "citizen": np.where(rng.random(n) < 0.3, np.where(race == "b", "v", "u"), citizen),
    })  # fmt: skip
    return rng.beta(1, 15, n) if skewed else rng.beta(2, 3, n), frame


def mask(frame: pd.DataFrame, cell: str) -> np.ndarray:
    inside = np.ones(len(frame), bool)
    for pair in cell.split(" · ") if cell != "everybody" else ():
        name, value = pair.split(" = ")
        inside &= (frame[name] == value).to_numpy()
    return inside


def planted(
    wrong: dict[str, float], *, n: int = N, seed: int = 0
) -> tuple[np.ndarray, np.ndarray, pd.DataFrame]:
    """Outcomes whose chance is the score, but in some cells."""
    scores, frame = people(n, seed)
    true = scores.copy()
    for cell, off in wrong.items():
        true += off * mask(frame, cell)
    y = np.random.default_rng(seed + 10_000).random(n) < np.clip(true, 0, 1)
    return scores, y.astype(np.int8), frame


def walk(wrong: dict[str, float], **more: int) -> MulticalibrationAudit:
    scores, y, frame = planted(wrong, **more)
    return walk_multicalibration(scores, y, frame)


CROSSED = "race = b · sex = f"


@pytest.mark.parametrize("seed", range(4))
def test_a_wrong_crossed_cell_is_listed_without_parents_or_children(seed: int) -> None:
    found = walk({CROSSED: 0.15}, seed=seed)
    assert found.findings["cell"].tolist() == [CROSSED]
    gap = found.findings.iloc[0]
    assert gap["gap_low"] < -0.13 < gap["gap_high"] < 0  # clipped at 1 here and there
    cells = found.cells.set_index("cell")
    for other in ("race = b", "race = b · sex = f · age = x"):
        assert cells.loc[other, "q_value"] < 0.05
        assert cells.loc[other, "explained_by"] == CROSSED
    assert cells.loc[CROSSED, "explained_by"] == ""
    failing = int((cells["q_value"] <= 0.05).sum())
    assert failing == found.n_explained + 1 == found.findings["explains"].sum() + 1


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("cell", ["race = b", "everybody"])
def test_a_wrong_marginal_is_listed_without_its_crossings(cell: str, seed: int) -> None:
    found = walk({cell: 0.1}, seed=seed)
    assert found.findings["cell"].tolist() == [cell]
    assert found.n_explained > 20


@pytest.mark.parametrize(
    "wrong",
    [
        {CROSSED: 0.15, "age = x · region = n": -0.15},  # apart
        {"race = b": 0.1, "race = b · sex = f · age = x": 0.25},  # one inside the other
        {"race = b · sex = f": 0.15, "race = c · sex = f": 0.15},  # one parent of both
        {"race = b · sex = f": 0.15, "race = b · sex = m": -0.15},  # every marginal is right
    ],
)
def test_several_wrong_cells_are_listed_and_only_they(wrong: dict[str, float]) -> None:
    for seed in range(2):
        found = walk(wrong, n=20_000, seed=seed)
        assert set(found.findings["cell"]) == set(wrong)
        assert found.findings["own_p_value"].is_monotonic_increasing
        assert found.n_open == 0


def test_a_child_of_nearly_all_people_does_not_stand_for_its_parent() -> None:
    # Chance makes the child of 95 in 100 people the surer one, in these draws.
    for seed in (4, 15, 19, 23, 27):
        scores, y, frame = planted({"race = b": 0.15}, n=4000, seed=seed)
        rng = np.random.default_rng(seed + 50)
        frame = pd.DataFrame(
            {"race": frame["race"], "rare": rng.choice(list("pq"), 4000, p=[0.95, 0.05])}
        )
        found = walk_multicalibration(scores, y, frame)
        strongest = found.cells.set_index("cell")["p_value"].idxmin()
        assert strongest == "race = b · rare = p"
        assert found.findings["cell"].tolist() == ["race = b"]


def test_a_parent_listed_before_its_wrong_children_is_taken_back() -> None:
    rng = np.random.default_rng(0)
    n = 40_000
    frame = pd.DataFrame(
        {"race": rng.choice(list("abcdefghijk"), n), "sex": rng.choice(["f", "m"], n)}
    )
    wrong = frame["race"].isin(list("abcd")) & (frame["sex"] == "f")
    scores = rng.beta(2, 3, n)
    y = (rng.random(n) < np.clip(scores + 0.15 * wrong, 0, 1)).astype(int)
    found = walk_multicalibration(scores, y, frame)
    # Four of eleven: the parent's evidence is the strongest, and all of it is the children's.
    assert found.cells.set_index("cell")["p_value"].idxmin() == "sex = f"
    listed = {f"race = {race} · sex = f" for race in "abcd"}
    assert set(found.findings["cell"]) == listed
    assert found.cells.set_index("cell").loc["sex = f", "explained_by"] in listed
    assert set(found.cells["explained_by"]) <= listed | {""}


def test_a_curve_that_is_right_on_average_is_found() -> None:
    scores, frame = people(N, 0)
    inside = mask(frame, CROSSED)
    middle = logit(scores[inside].mean())
    true = np.where(inside, expit(3 * (logit(scores) - middle) + middle), scores)
    true[inside] += scores[inside].mean() - true[inside].mean()
    y = (np.random.default_rng(1).random(N) < np.clip(true, 0, 1)).astype(np.int8)
    found = walk_multicalibration(scores, y, frame)
    assert found.findings["cell"].tolist() == [CROSSED]
    row = found.findings.iloc[0]
    assert row["gap_low"] < 0 < row["gap_high"]
    assert row["shift_share"] < 0.5
    assert row["calibration_error"] > 0.05
    assert "too high for some scores" in found.in_words()[1]


def test_calibrated_scores_rarely_give_a_finding() -> None:
    runs = 60
    wrong = 0
    for seed in range(runs):
        scores, frame = people(3000, seed, skewed=seed % 2 == 0)
        y = (np.random.default_rng(seed + 500).random(3000) < scores).astype(np.int8)
        wrong += len(audit_multicalibration(scores, y, frame, min_people=30)) > 0
    assert wrong <= binom.ppf(0.999, runs, 0.05)


def test_false_findings_stay_rare_beside_true_ones() -> None:
    # Effects that are found in part of the runs only. A finding is false when every person in
    # the cell has the right score.
    shares, n_true = [], 0
    for seed in range(30):
        wrong = {CROSSED: 0.1, "age = x · region = n": -0.07}
        scores, y, frame = planted(wrong, n=8000, seed=seed)
        found = audit_multicalibration(scores, y, frame)["cell"].tolist()
        affected = np.logical_or.reduce([mask(frame, cell) for cell in wrong])
        false = sum(not affected[mask(frame, cell)].any() for cell in found)
        shares.append(false / max(len(found), 1))
        n_true += len(found) - false
    assert n_true >= 20
    assert np.mean(shares) <= 0.05 + 3 * np.sqrt(0.05 / 30 / 2)


def test_one_row_of_weight_two_is_two_rows() -> None:
    scores, y, frame = planted({CROSSED: 0.15}, n=4000)
    twice = np.random.default_rng(0).random(4000) < 0.4
    weights = np.where(twice, 2.0, 1.0)
    rows = np.repeat(np.arange(4000), np.where(twice, 2, 1))
    weighed = walk_multicalibration(scores, y, frame, sample_weight=weights, min_people=10)
    doubled = walk_multicalibration(scores[rows], y[rows], frame.iloc[rows], min_people=10)
    a, b = (f.cells.set_index("cell") for f in (weighed, doubled))
    for column in ("score", "outcome", "gap"):
        np.testing.assert_allclose(a[column], b.loc[a.index, column], atol=1e-12)
    # Copies are no evidence of their own: weights know that, copied rows do not.
    assert (a["effective_people"] <= a["people"] + 1e-9).all()
    assert (a["effective_people"] <= b.loc[a.index, "effective_people"] + 1e-9).all()
    assert a.loc["everybody", "effective_people"] == pytest.approx(5615**2 / 8845)


def test_one_weight_for_all_changes_nothing() -> None:
    scores, y, frame = planted({CROSSED: 0.12}, n=4000)
    plain = walk_multicalibration(scores, y, frame)
    for weight in (3.0, 0.01):
        same = walk_multicalibration(scores, y, frame, sample_weight=np.full(4000, weight))
        pd.testing.assert_frame_equal(plain.findings, same.findings, rtol=1e-6)


def test_rows_of_weight_zero_take_no_part() -> None:
    scores, y, frame = planted({CROSSED: 0.15}, n=4000)
    kept = np.random.default_rng(0).random(4000) < 0.7
    some = walk_multicalibration(scores[kept], y[kept], frame[kept])
    none = walk_multicalibration(scores, y, frame, sample_weight=kept.astype(float))
    assert none.n_people == kept.sum()
    pd.testing.assert_frame_equal(some.cells, none.cells)


def test_order_of_rows_and_names_of_values_change_nothing() -> None:
    scores, y, frame = planted({"race = b": 0.1, "race = b · sex = f · age = x": 0.25})
    first = walk_multicalibration(scores, y, frame)
    order = np.random.default_rng(3).permutation(N)
    again = walk_multicalibration(scores[order], y[order], frame.iloc[order])
    pd.testing.assert_frame_equal(first.findings, again.findings, rtol=1e-6)
    other = frame.assign(race=frame["race"].map({"a": "z", "b": "y", "c": "x", "d": "w"}))
    renamed = walk_multicalibration(scores, y, other)
    assert renamed.findings["cell"].tolist() == [
        name.replace("race = b", "race = y") for name in first.findings["cell"]
    ]
    np.testing.assert_allclose(renamed.findings["gap"], first.findings["gap"])


def test_attributes_that_say_the_same_are_told_of_once() -> None:
    scores, y, frame = planted({"race = b": 0.1})
    frame["again"] = frame["race"].map({"a": "z", "b": "y", "c": "x", "d": "w"})
    for order in (np.arange(N), np.random.default_rng(3).permutation(N)):
        found = walk_multicalibration(scores[order], y[order], frame.iloc[order])
        assert found.findings["cell"].tolist() == ["race = b"]
        same = found.cells.set_index("cell").loc["again = y"]
        assert same["explained_by"] == "race = b"


def test_groups_are_attributes_too() -> None:
    scores, y, frame = planted({CROSSED: 0.15})
    groups = Groups.of(frame, partitions=[("race", "sex"), "age"])
    found = audit_multicalibration(scores, y, groups)
    assert found["cell"].tolist() == ["race × sex = “b · f”"]


def test_missing_values_are_a_cell() -> None:
    scores, frame = people(N, 0)
    frame["race"] = frame["race"].mask(frame["race"] == "b")
    inside = frame["race"].isna().to_numpy()
    y = np.random.default_rng(9).random(N) < np.clip(scores + 0.1 * inside, 0, 1)
    found = audit_multicalibration(scores, y.astype(int), frame)
    assert found["cell"].tolist() == ["race = (missing)"]


def test_small_cells_are_counted_and_not_shown() -> None:
    scores, y, frame = planted({}, n=3000)
    for least in (10, 100, 400):
        found = walk_multicalibration(scores, y, frame, min_people=least)
        assert found.n_cells == 5 * 3 * 4 * 5 * 3
        assert found.n_cells == found.n_tested + found.n_too_small + found.n_sampled_away
        assert found.cells["people"].min() >= least
        assert len(found.cells) == found.n_tested
    with pytest.raises(InputError, match="at least 10 people"):
        audit_multicalibration(scores, y, frame, min_people=9)


def test_sampling_is_said_and_comes_from_the_seed() -> None:
    scores, y, frame = planted({CROSSED: 0.15})
    runs = [
        walk_multicalibration(scores, y, frame, max_cells=130, min_people=10, seed=seed)
        for seed in (0, 0, 1)
    ]
    for found in runs:
        assert found.n_sampled_away > 0
        assert found.n_cells == found.n_tested + found.n_too_small + found.n_sampled_away
        assert found.findings["cell"].tolist() == [CROSSED]
        assert f"{found.n_sampled_away:,} were not looked at" in found.in_words()[0]
        assert found.findings.attrs["skipped"]["n_sampled_away"] == found.n_sampled_away
    pd.testing.assert_frame_equal(runs[0].cells, runs[1].cells)
    assert runs[0].cells["cell"].tolist() != runs[2].cells["cell"].tolist()


def test_a_list_cut_short_says_so() -> None:
    scores, y, frame = planted({CROSSED: 0.15, "age = x · region = n": -0.15})
    found = walk_multicalibration(scores, y, frame, max_findings=1)
    assert len(found.findings) == 1
    assert found.n_open > 0
    assert "the list ends there" in found.in_words()[0]


def test_max_order_bounds_what_is_fixed() -> None:
    scores, y, frame = planted({CROSSED: 0.15})
    found = walk_multicalibration(scores, y, frame, max_order=1)
    assert found.n_cells == 1 + 4 + 2 + 3 + 4 + 2
    assert found.cells["order"].max() == 1


def test_attributes_come_in_any_shape_and_those_of_one_value_are_left_out() -> None:
    scores, y, frame = planted({"race = b": 0.1}, n=4000)
    whole = walk_multicalibration(scores, y, frame.assign(country="u"))
    assert whole.left_out == ("country",)
    as_mapping = walk_multicalibration(list(scores), list(y), dict(frame.items()))
    pd.testing.assert_frame_equal(whole.cells, as_mapping.cells)
    alone = audit_multicalibration(scores, y, frame["race"])
    assert alone["cell"].tolist() == ["race = b"]
    named = audit_multicalibration(scores, y, frame[["race"]].to_numpy())
    assert named["cell"].tolist() == ["attribute 0 = b"]


def test_it_says_in_words_what_it_found() -> None:
    first, second = walk({CROSSED: 0.15}).in_words()
    assert first.startswith("Of 900 cells, ")
    assert "1 is wrong" in first
    assert second.startswith("Of about 1,")
    assert "with race = b and sex = f, the score promises" in second
    assert "points too low (" in second
    assert (
        walk({}, n=2000).in_words()[0].endswith("In none is the score wrong by more than chance.")
    )


def test_intervals_of_findings_are_wider_than_pointwise_ones() -> None:
    found = walk({CROSSED: 0.15})
    point = found.cells.set_index("cell").loc[CROSSED]
    row = found.findings.iloc[0]
    assert row["gap_high"] - row["gap_low"] > 1.5 * (point["gap_high"] - point["gap_low"])
    assert point["gap_low"] < point["gap"] < point["gap_high"]


def test_pointwise_intervals_cover() -> None:
    missed = []
    for seed in range(8):
        cells = walk({}, n=6000, seed=seed).cells
        missed.append(((cells["gap_low"] > 0) | (cells["gap_high"] < 0)).mean())
    assert 0.02 < np.mean(missed) < 0.08


def test_certain_scores_that_fail_are_found() -> None:
    frame = pd.DataFrame({"a": ["x"] * 200 + ["y"] * 200})
    y = np.tile([0, 1], 200)
    scores = np.where(np.arange(400) < 200, 0.0, 0.5)
    found = walk_multicalibration(scores, y, frame)
    assert found.findings["cell"].tolist() == ["a = x"]
    assert found.findings["outcome"].tolist() == [0.5]


def test_a_group_that_no_cell_of_which_is_large_enough_gives_no_finding() -> None:
    found = walk_multicalibration(np.full(50, 0.5), np.tile([0, 1], 25), ["x", "y"] * 25)
    assert found.n_tested == 0
    assert found.findings.empty
    assert found.n_too_small == found.n_cells == 3


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"scores": np.full(200, np.nan)}, "probability"),
        ({"scores": np.full(200, 1.2)}, "probability"),
        ({"scores": np.full(199, 0.5)}, "one value per row"),
        ({"y_true": np.full(200, 2)}, "0 and 1"),
        ({"attributes": {}}, "at least one column"),
        ({"attributes": {"a": ["x"] * 200}}, "two values"),
        ({"attributes": {"a": ["x", "y"] * 99}}, "one value per row"),
        ({"attributes": {"a": np.arange(200.0)}}, "Bin it"),
        ({"sample_weight": np.full(200, -1.0)}, "zero or more"),
        ({"alpha": 0.0}, "alpha must lie"),
        ({"alpha": float("nan")}, "alpha must lie"),
        ({"max_cells": 0}, "max_cells must be at least 1"),
        ({"max_order": 0}, "max_order must be at least 1"),
        ({"max_findings": 0}, "max_findings must be at least 1"),
        ({"min_people": 5}, "at least 10 people"),
    ],
)
def test_what_cannot_be_used_is_refused(change: dict[str, object], says: str) -> None:
    given: dict[str, object] = {
        "scores": np.full(200, 0.5), "y_true": np.tile([0, 1], 100),
        "attributes": {"a": ["x", "y"] * 100}, **change,
    }  # fmt: skip
    with pytest.raises(InputError, match=says):
        audit_multicalibration(
            given.pop("scores"), given.pop("y_true"), given.pop("attributes"), **given
        )


def test_counts_are_plain_numbers_and_the_result_is_frozen() -> None:
    found = walk({}, n=2000)
    assert all(type(value) is int for value in found.skipped.values())
    with pytest.raises(dataclasses.FrozenInstanceError):
        found.n_cells = 3  # type: ignore[misc]


def test_scores_of_a_real_table_that_are_wrong_for_one_crossing() -> None:
    table, _ = load_sample("adult")
    rng = np.random.default_rng(0)
    frame = table.frame[["race", "sex", "relationship"]]
    scores = rng.beta(2, 5, len(frame))
    inside = ((frame["race"] == "Black") & (frame["sex"] == "Female")).to_numpy()
    y = rng.random(len(frame)) < np.clip(scores - 0.08 * inside, 0, 1)
    found = audit_multicalibration(scores, y.astype(int), frame)
    assert found["cell"].tolist() == ["race = Black · sex = Female"]
    assert found["gap"].iloc[0] == pytest.approx(0.07, abs=0.03)
