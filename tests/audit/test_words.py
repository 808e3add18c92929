from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from faircore.audit import (
    MEASURES,
    METRICS,
    GroupReport,
    Inequality,
    Wording,
    chance,
    figure_sentence,
    group_report,
    headlines,
    inequality_sentence,
    measure_text,
    pair_sentence,
    verdict,
)
from faircore.audit.words import of_hundred

NAN = float("nan")
LOANS = Wording("who would repay", "who would not repay", "approved", "turned down")
GAP = Inequality(
    "demographic_parity_difference", "selection_rate", 0.13, 0.01, 0.2, 0.05, 0.01, True, 0, 1, 2
)


def report_of(shares: dict[str, float], *, n: int = 200, **options: Any) -> GroupReport:
    """Groups in which a share is selected, whatever the outcome."""
    g = np.repeat(list(shares), n)
    d = np.concatenate([np.arange(n) < round(share * n) for share in shares.values()])
    y = np.tile([0, 1], len(g) // 2)
    return group_report(y, d, sensitive_features={"sex": g}, **options)


def scored(seed: int = 0, *, shift: float = 0.0, n: int = 600, **options: Any) -> GroupReport:
    """Scores that promise group m too much by a shift."""
    rng = np.random.default_rng(seed)
    g = np.repeat(["f", "m"], n // 2)
    s = rng.uniform(0.1, 0.7, n)
    y = rng.random(n) < s
    return group_report(y, y_score=s + shift * (g == "m"), sensitive_features={"sex": g}, **options)


@pytest.mark.parametrize(
    ("metric", "sentence"),
    [
        ("selection_rate", "Of 100 people in f, 61 are approved; in m, 74."),
        ("base_rate", "Of 100 people in f, 61 are people who would repay; in m, 74."),
        ("accuracy", "Of 100 people in f, 61 are judged correctly; in m, 74."),
        ("true_positive_rate", "Of 100 people who would repay in f, 61 are approved; in m, 74."),
        ("false_negative_rate",
         "Of 100 people who would repay in f, 61 are turned down; in m, 74."),
        ("false_positive_rate",
         "Of 100 people who would not repay in f, 61 are approved; in m, 74."),
        ("true_negative_rate",
         "Of 100 people who would not repay in f, 61 are turned down; in m, 74."),
        ("positive_predictive_value",
         "Of 100 approved people in f, 61 are people who would repay; in m, 74."),
        ("negative_predictive_value",
         "Of 100 turned down people in f, 61 are people who would not repay; in m, 74."),
        ("auc", "Of 100 pairs of a person who would repay and one who would not repay in f, 61 "
         "have the higher score with the first; in m, 74."),
        ("calibration_gap", "In f, scores promise 61.0 in 100 too many good outcomes; in m, 74.0 "
         "in 100 too many good outcomes."),
    ],
)  # fmt: skip
def test_two_groups_in_words(metric: str, sentence: str) -> None:
    assert pair_sentence(metric, ("f", 0.61), ("m", 0.74), wording=LOANS) == sentence
    overall = pair_sentence(metric, ("f", 0.61), ("", 0.74), wording=LOANS)
    assert "overall" in overall
    assert "in ," not in overall


def test_calibration_in_words() -> None:
    told = pair_sentence("calibration_gap", ("f", -0.034), ("m", 0.0002))
    assert told == "In f, scores promise 3.4 in 100 too few good outcomes; in m, what happens."


@pytest.mark.parametrize(
    ("value", "apart", "text"),
    [
        (0.61, 1.0, "61"),
        (0.614, 0.2, "61"),
        (0.614, 0.004, "61.4"),  # 61 of 100 against 61 of 100 would say that they are equal
        (0.614, -0.004, "61.4"),
        (0.012, 0.3, "1.2"),
        (0.01, 1.0, "1.0"),  # never "1 are selected"
        (0.0, 1.0, "0"),
        (0.0, 0.01, "0"),
        (1.0, 0.4, "100"),
        (1.0, 0.01, "100.0"),
    ],
)
def test_shares_have_a_decimal_where_it_tells(value: float, apart: float, text: str) -> None:
    assert of_hundred(value, apart=apart) == text


@pytest.mark.parametrize("share", [0.996, 0.999])
def test_nearly_all_are_not_all(share: float) -> None:
    assert of_hundred(share) != "100"


@pytest.mark.parametrize("share", [0.0149, 0.006, 0.011, 0.0101, 0.96, 0.5])
def test_nobody_is_ever_a_single_person_that_are(share: float) -> None:
    assert "1 are" not in pair_sentence("selection_rate", ("f", share), ("m", 0.5)).replace(
        f"{100 * share:.0f}1", ""
    ).replace(".1 are", "")


@pytest.mark.parametrize(
    ("p", "text"),
    [
        (0.0004, "p < .001"),
        (0.001, "p = .001"),
        (0.05, "p = .050"),
        (0.103, "p = .103"),
        (1.0, "p = 1.000"),
        (NAN, "–"),
    ],
)
def test_p_values(p: float, text: str) -> None:
    assert chance(p) == text


@pytest.mark.parametrize(
    ("p", "words"),
    [(0.0005, "more than chance"), (0.0499, "more than chance"), (0.9, "can be chance")],
)
def test_a_verdict_is_that_of_the_report(p: float, words: str) -> None:
    report = report_of({"f": 0.6, "m": 0.7})
    rare = words == "more than chance"
    found = replace(report.inequalities["sex"][0], p_value=p, more_than_chance=rare)
    assert verdict(found) == words
    told = inequality_sentence(report, "sex", found)
    assert words in told.lower()
    others = {"more than chance", "can be chance"} - {words}
    assert not any(other in told.lower() for other in others)


def test_an_inequality_in_words() -> None:
    report = report_of({"f": 0.6, "m": 0.75})
    found = next(
        q for q in report.inequalities["sex"] if q.measure == "demographic_parity_difference"
    )
    told = inequality_sentence(report, "sex", found, wording=LOANS)
    assert told.startswith(
        "Of 100 people in group f, 60 are approved; in group m, 75. Gap in selection: 15.0 points; "
        "between equal groups of these sizes chance alone gives up to "
    )
    assert told.endswith(f"points. More than chance ({chance(found.p_value)}).")
    share = next(q for q in report.inequalities["sex"] if q.measure == "demographic_parity_ratio")
    assert "Ratio of selection: 0.80; " in inequality_sentence(report, "sex", share)
    assert "chance alone gives at least 0." in inequality_sentence(report, "sex", share)


def test_groups_that_are_the_same_are_both_named() -> None:
    report = report_of({"f": 0.6, "m": 0.6})
    for found in report.inequalities["sex"]:
        if np.isfinite(found.value):
            told = inequality_sentence(report, "sex", found)
            assert "group f" in told
            assert "group m" in told


def test_every_inequality_has_a_sentence() -> None:
    report = scored(1, shift=0.1)
    told = {q.measure: inequality_sentence(report, "sex", q) for q in report.inequalities["sex"]}
    assert set(told) == set(MEASURES)
    for measure, sentence in told.items():
        assert "nan" not in sentence
        assert "  " not in sentence
        assert MEASURES[measure].title in sentence
        assert sentence.endswith(").")
        assert re.search(r"(group f.*group m|group m.*group f)", sentence)


def test_every_figure_has_a_sentence() -> None:
    report = scored(shift=0.1)
    for metric in report.estimates.of:
        told = figure_sentence(report, "sex", "m", metric)
        assert "group m" in told
        assert "nan" not in told
        assert told.endswith(".")
    promise = figure_sentence(report, "sex", "m", "calibration_gap")
    assert re.fullmatch(
        r"In group m, scores promise \d+\.\d in 100 too many good outcomes\.", promise
    )
    hidden = report_of({"f": 0.6, "m": 0.7}, min_people=500)
    for metric in hidden.estimates.of:
        told = figure_sentence(hidden, "sex", "f", metric)
        assert not re.search(r"\d", told.replace("group f", ""))
        assert METRICS[metric].title in told


def test_too_few_people_are_said_to_be_too_few() -> None:
    report = report_of({"f": 0.6, "m": 0.7}, min_people=500)
    found = report.inequalities["sex"][0]
    assert verdict(found) == "too few people to tell"
    assert inequality_sentence(report, "sex", found).startswith("Too few people")
    assert "500" in inequality_sentence(report, "sex", found)


def test_nobody_selected_is_not_said_to_be_too_few_people() -> None:
    report = report_of({"f": 0.0, "m": 0.0})
    found = next(q for q in report.inequalities["sex"] if q.measure == "demographic_parity_ratio")
    assert np.isnan(found.value)
    assert "oo few people" not in inequality_sentence(report, "sex", found)


def test_more_than_chance_lies_beyond_what_chance_gives() -> None:
    g = np.r_[["a"] * 200, ["b"] * 100]
    for seed in range(30):
        rng = np.random.default_rng(seed)
        d = rng.random(300) < np.where(g == "a", 0.4, 0.54)
        report = group_report(
            rng.integers(0, 2, 300), d, sensitive_features={"g": g}, confidence=0.99
        )
        found = report.inequalities["g"][0]
        if verdict(found) == "more than chance":
            assert found.value >= found.by_chance, seed


@pytest.mark.parametrize(
    ("measure", "value", "text"),
    [
        ("demographic_parity_difference", 0.1234, "12.3 points"),
        ("demographic_parity_ratio", 0.8, "0.80"),
        ("differential_fairness", 0.223, "0.22"),
        ("auc_difference", 0.05, "5.0 points"),
        ("brier_difference", 0.0123, "0.012"),
        ("log_loss_difference", 0.0123, "0.012"),
        ("calibration_gap_difference", 0.05, "5.0 points"),
        ("demographic_parity_ratio", NAN, "–"),
    ],
)
def test_a_measure_has_its_unit(measure: str, value: float, text: str) -> None:
    assert measure_text(measure, value) == text


def test_headlines_by_hand() -> None:
    report = report_of({"f": 0.4, "m": 0.7}, n=1_000)
    first, *_ = found = headlines(report, wording=LOANS)
    assert len(found) == 2
    assert re.fullmatch(
        r"Of 100 people( who would( not)? repay)? in group [fm], (40|70) are approved; "
        r"of 100 (such )?people overall, 55\. That is (more|less) often, truly by "
        r"\d+\.\d to \d+\.\d points\.",
        first,
    )
    named = headlines(report_of({"f": 0.4, "m": 0.7}, n=1_000, reference={"sex": "m"}))
    assert len(named) == 1
    assert "in group f, 40 are selected; in group m, 70. That is less often, truly by " in named[0]


def test_a_headline_of_scores() -> None:
    report = scored(shift=0.25, n=2_000)
    told = [s for s in headlines(report, limit=10) if "scores promise" in s]
    for sentence in told:
        assert "of 100 such people" not in sentence
        assert "; overall, " in sentence


def test_headlines_are_few_and_tell_of_each_group_once() -> None:
    shares = {f"g{i}": 0.1 + 0.1 * i for i in range(8)}
    report = report_of(shares)
    assert len(headlines(report)) == 4
    assert len(headlines(report, limit=2)) == 2
    told = [re.findall(r"group (g\d)", s)[0] for s in headlines(report, limit=100)]
    assert len(told) == len(set(told)) >= 6
    shares_told = [
        [float(n) for n in re.findall(r", (\d+)", s)[:2]] for s in headlines(report, limit=100)
    ]
    size = [abs(own - overall) for own, overall in shares_told]
    assert size == sorted(size, reverse=True)


def test_equal_groups_have_no_headline() -> None:
    assert headlines(report_of({"f": 0.5, "m": 0.5, "x": 0.5})) == []


@pytest.mark.parametrize("name", ["**bold** _x_", "<b>&amp;</b>", "in everybody, too", "a|b\\c"])
def test_names_are_used_as_they_come(name: str) -> None:
    report = report_of({name: 0.3, "other": 0.7})
    told = [*headlines(report, limit=10), inequality_sentence(
        report, "sex", report.inequalities["sex"][0])]  # fmt: skip
    assert told
    assert sum(f"group {name}" in sentence for sentence in told) >= 2
