"""What the Frontier page says of made-up models: no claim that the numbers do not bear out."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from faircore.frontier import (
    Candidate,
    Frontier,
    SplitRows,
    evidence_of,
    find_objective,
    rows_by_score,
    uncertainty,
)
from faircore.groups import Groups
from faircore.metrics import count_cube, passed_thresholds
from faircore.metrics.score_measures import score_measures
from faircore.plots.small_reliability import small_reliability
from pages.components.candidate_facts import promise
from pages.components.frontier_compare import figures
from pages.components.frontier_notes import line_words, no_band
from pages.components.frontier_share import table
from pages.components.group_cuts import cuts_now, dials
from pages.components.group_tables import shown_rates
from pages.components.session import ReviewSession
from pages.components.words import finding, labels, price, widget_label

N = 400
SEX = np.tile(["f", "m"], N // 2)
TRUTH = np.tile([1, 1, 0, 0], N // 4).astype(np.int8)


def scored(
    *scores: NDArray[np.float64],
    groups: Groups | None = None,
    truth: NDArray[np.int8] = TRUTH,
    weights: NDArray[np.float64] | None = None,
    **view: Any,
) -> Frontier:
    """A frontier of models with these scores."""
    own = Groups.of({"sex": SEX}) if groups is None else groups
    made = tuple(
        Candidate(
            f"c{k}", "regularized", "demographic_parity", float(k), 0, False,
            {"select": count_cube(truth, s, own, weights=weights)}, 1.0,
            measures={"select": score_measures(truth, s, own, weights)},
            passed={"select": passed_thresholds(s)},
        )
        for k, s in enumerate(scores)
    )  # fmt: skip
    rows = {"select": SplitRows(truth, own, weights)}
    return Frontier(made, own.partitions, {"select": own.sizes}, rows=rows, **view)


GOOD = np.where(TRUTH == 1, 0.9, 0.1)


def test_an_undefined_change_is_neither_better_nor_worse() -> None:
    nobody = np.full(N, 0.1)
    told = figures(scored(GOOD, nobody), 0, 1).set_index("")
    assert told.loc["Reliability of a yes", "Selected"] == "–"
    assert told.loc["Reliability of a yes", "Selected is"] == ""
    assert told.loc["Accuracy", "Selected is"] == "worse"


def test_a_promise_is_told_of_the_partition_where_it_is_worst() -> None:
    race = np.repeat(["a", "b"], N // 2)
    both = Groups.of({"sex": SEX, "race": race})
    frontier = scored(np.where(race == "a", 0.9, 0.1), groups=both)
    asked = replace(
        frontier.candidates[0], method="thresholds", partitions=("sex", "race"), target=0.05
    )
    kept = replace(frontier, candidates=(asked,), _shared={})
    told = promise(kept, 0)  # equal between the sexes, as far apart as can be between the races
    assert "100.0 points (by race)" in told
    assert "by sex and race" in told
    alone = replace(asked, partitions=("sex",))
    assert "0.0 points on" in promise(replace(frontier, candidates=(alone,), _shared={}), 0)
    anything = replace(asked, partitions=())
    told = promise(replace(frontier, candidates=(anything,), _shared={}), 0)
    assert "100.0 points (by race)" in told


def test_a_split_that_was_not_counted_is_left_out_of_a_promise() -> None:
    frontier = scored(GOOD)
    sizes = dict.fromkeys(("train", "calibrate", "select"), frontier.sizes["select"])
    told = promise(replace(frontier, sizes=sizes), 0)
    assert told.endswith("0.0 points on rows that chose when it stopped.")
    assert np.isnan(replace(frontier, sizes=sizes).view(split="train").values).all()


def test_a_model_is_called_the_same_whatever_is_shown() -> None:
    frontier = scored(GOOD, 1 - GOOD, GOOD)
    mixed = replace(
        frontier,
        candidates=tuple(
            replace(c, method=method, seed=seed)
            for c, method, seed in zip(
                frontier.candidates, ("regularized", "boosted", "boosted"), (0, 0, 1), strict=True
            )
        ),
        _shared={},
    )
    for keep in ([True, False, False], [False, True, True], [True, True, False]):
        few = mixed.only(np.array(keep))
        assert labels(few) == labels(mixed)
        assert labels(few.only(np.array([True] * len(few.candidates)))) == labels(mixed)


def test_everybody_is_selected_only_where_every_model_does() -> None:
    everybody, truth = np.full(N, 0.9), np.tile([1, 1, 1, 0], N // 4).astype(np.int8)
    told = price(scored(everybody, 1 - np.where(truth == 1, 0.9, 0.1), truth=truth))
    assert told == "The model with the best accuracy selects everybody."
    assert price(scored(everybody, everybody)) == "At this threshold everybody is selected."
    assert price(scored(1 - everybody)) == "At this threshold nobody is selected."


def test_one_model_is_compared_with_nothing() -> None:
    assert price(scored(GOOD)) == "There is one model: nothing to compare it with yet."


def test_groups_without_enough_people_are_not_spoken_of() -> None:
    names = np.array(["a"] * 190 + ["b"] * 190 + ["c"] * 20)
    chosen = np.where((TRUTH == 1) & (names != "c"), 0.9, 0.1)
    frontier = scored(chosen, groups=Groups.of({"race": names}))
    told = finding(
        frontier.counts[0], frontier.partitions, frontier.partitions[0],
        "predictive_parity_difference", sizes=frontier.sizes["select"],
    )  # fmt: skip
    assert told.startswith("In every group with enough people, of 100")


def test_why_there_is_no_band() -> None:
    fair = np.where(TRUTH == 1, 0.9, np.where(SEX == "f", 0.9, 0.1))
    assert no_band(scored(GOOD)).startswith("only one model is unbeaten")
    two = scored(fair, 1 - GOOD)
    assert no_band(two.view(third="auc")).endswith("and there are three")
    worse = np.where(SEX == "m", GOOD, 0.1)
    several = scored(worse, np.where(SEX == "f", worse, 0.1))
    assert len(several.front) > 1
    assert "too few people" in no_band(several)


def test_a_value_and_its_limits_have_one_name_in_the_file() -> None:
    frontier = scored(GOOD, 1 - GOOD)
    found = list(table(frontier, uncertainty(frontier)).columns)
    for objective in frontier.objectives:
        assert {objective.key, f"{objective.key} low", f"{objective.key} high"} <= set(found)
    assert "demographic_parity_difference" not in found  # without its groups


def test_groups_too_small_to_show_have_no_dial() -> None:
    names = np.array(["a"] * 300 + ["b"] * 80 + ["c"] * 6 + ["by"] * 14)
    frontier = scored(GOOD, groups=Groups.of({"race": names}))
    assert dials(frontier, "race") == ("a", "b")
    # A link may carry what no dial can set.
    current = ReviewSession(cut_by="race", cuts={"c": 0.9, "by": 0.2, "a": 0.3})
    assert cuts_now(frontier, current) == {"a": 0.3, "b": 0.5, "by": 0.5, "c": 0.5}


def test_where_no_group_may_be_shown_there_is_no_dial() -> None:
    names = np.array(["a"] * 4 + ["b"] * 5)
    frontier = scored(GOOD[:9], groups=Groups.of({"race": names}), truth=TRUTH[:9])
    assert dials(frontier, "race") == ()
    current = ReviewSession(cut_by="race", cuts={"a": 0.9, "b": 0.2})
    assert set(cuts_now(frontier, current).values()) == {0.5}


@pytest.mark.parametrize(
    ("key", "kind"),
    [
        ("accuracy", "linear"), ("balanced_accuracy", "linear"), ("profit", "linear"),
        ("positive_predictive_value", ""), ("auc", ""), ("calibration_error", ""),
        ("demographic_parity_difference", "at most"), ("equalized_odds_difference", "at most"),
        ("accuracy_difference", "at most"), ("predictive_parity_difference", ""),
        ("demographic_parity_ratio", ""),
    ],
)  # fmt: skip
def test_what_a_lottery_between_two_models_has(key: str, kind: str) -> None:
    assert find_objective(key).of_lots == kind


def test_nothing_is_said_of_a_line_that_is_not_drawn() -> None:
    seen = scored(GOOD)
    assert "lottery" in line_words(seen)
    assert "at most what the line says" in line_words(seen)
    assert "lies what a lottery" not in line_words(seen)
    assert "lottery" not in line_words(seen.view(performance="auc"))
    flat = seen.view(disparity="true_positive_rate")
    assert "lies what a lottery" in line_words(flat)
    assert line_words(seen.view(third="log_loss")).startswith("Colour: how far the scores are")
    assert "line joins" not in line_words(seen.view(third="log_loss"))


def told_of(frontier: Frontier, scores: NDArray[np.float64], **given: Any) -> str:
    """The finding of the first model of a frontier, by its own rows."""
    (partition,) = frontier.partitions
    rows = frontier.rows["select"]
    return finding(
        frontier.counts[0], frontier.partitions, partition, "demographic_parity_difference",
        sizes=frontier.sizes["select"],
        evidence=evidence_of(rows, (scores >= 0.5).astype(np.int8)), **given,
    )  # fmt: skip


def test_a_finding_tells_nothing_of_a_hidden_group() -> None:
    race = np.array(["a"] * 200 + ["b"] * 150 + ["c"] * 46 + ["few"] * 4)
    scores = np.where((race == "few") | (race == "c"), 0.9, np.where(race == "a", GOOD, 0.1))
    heavy = np.where(race == "few", 5.0, 1.0)  # twenty people by weight
    frontier = scored(scores, groups=Groups.of({"race": race}), weights=heavy)
    told = told_of(frontier, scores)
    assert "few" not in told.partition(" With ")[0]
    assert "**c**" not in told  # it would give the four away
    assert "With 150 and 200 people" in told or "With 200 and 150 people" in told


def test_a_finding_counts_rows_and_what_their_weights_are_worth() -> None:
    scores = np.where(np.arange(N) % 8 < 4, 0.9, 0.1)
    scores[(SEX == "m") & (np.arange(N) < 80)] = 0.9
    even, rng = scored(scores), np.random.default_rng(0)
    weights = rng.exponential(1, N)
    uneven = scored(scores, weights=weights)
    half = [
        float(re.search(r"about ([\d.]+) points", told_of(f, scores)).group(1))  # type: ignore[union-attr]
        for f in (even, uneven, scored(scores, weights=np.full(N, 3.0)))
    ]
    assert all("With 200 and 200 people" in told_of(f, scores) for f in (even, uneven))
    assert half[2] == half[0]  # weights that are alike say no more
    assert half[1] == pytest.approx(half[0] * np.sqrt(2), rel=0.2)  # half as many by Kish
    # Without rows, a group's are taken to weigh alike.
    heavy = scored(scores, weights=np.full(N, 3.0))
    told = finding(
        heavy.counts[0], heavy.partitions, heavy.partitions[0], "demographic_parity_difference",
        sizes=heavy.sizes["select"],
    )  # fmt: skip
    assert told == told_of(even, scores)


def test_no_rate_of_the_table_gives_a_withheld_one_away() -> None:
    counts = np.array([[[40.0, 20.0], [3.0, 4.0]], [[40.0, 20.0], [30.0, 40.0]]])
    rates = shown_rates(counts)
    known = {name: values[0] for name, values in rates.items() if np.isfinite(values[0])}
    assert set(known) == {"base_rate", "selection_rate"}
    assert all(np.isfinite(values[1]) for values in rates.values())


def test_a_bin_of_few_people_is_not_drawn_whatever_they_weigh() -> None:
    rng = np.random.default_rng(0)
    race = np.array(["a"] * 391 + ["b"] * 9)
    scores = rng.random(N)
    frontier = scored(
        scores, groups=Groups.of({"race": race}), weights=np.where(race == "b", 10.0, 1.0)
    )
    passed, rows = frontier.candidates[0].passed["select"], frontier.rows["select"]
    seen = rows_by_score(rows, passed)
    assert seen.sum(axis=0).tolist() == [391, 9]
    assert seen[50].sum() == ((scores >= 0.5) & (scores < 0.51)).sum()
    figure = small_reliability(
        frontier.candidates[0].cube("select"), frontier.partitions[0], rows=seen
    )
    many, few = figure.data[:2]
    assert sum(many.customdata) == 391
    assert not few.x


@pytest.mark.parametrize(
    "text",
    ["(missing)", "30-40", "<25", "A_b_c", "R&D", "18:30", "a: b", "Q #1", "1.5", "x | y", "≥ 65"],
)
def test_a_label_has_no_backslash_where_none_is_needed(text: str) -> None:
    assert widget_label(text) == text


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("![i](http://x.y)", r"!\[i](http://x.y)"), ("a*b*", r"a\*b\*"), ("_x_", r"\_x\_"),
        (":red[x]", r"\:red\[x]"), (":smile:", r"\:smile\:"), ("<b>x</b>", r"\<b>x\</b>"),
        ("&amp; &#65;", r"\&amp; \&#65;"), ("$a$", r"\$a\$"), ("# head", r"\# head"),
        ("- item", r"\- item"), ("1. one", r"1\. one"), (">q", r"\>q"), ("---", r"\---"),
        ("a\n\nb", "a b"), ("`c`", r"\`c\`"), ("~~s~~", r"\~\~s\~\~"), ("a\\b", r"a\\b"),
    ],
)  # fmt: skip
def test_a_label_of_markup_shows_the_markup(text: str, label: str) -> None:
    assert widget_label(text) == label
