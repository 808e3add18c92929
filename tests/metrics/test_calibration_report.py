from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from faircore.errors import InputError
from faircore.groups import Groups
from faircore.metrics.calibration import calibration_error, cumulative_error
from faircore.metrics.calibration_report import (
    CalibrationReport,
    calibration_of,
    calibration_report,
)
from faircore.metrics.histograms import exact_histograms, score_histogram
from faircore.metrics.multiple import holm
from faircore.metrics.scores import calibration_gap
from tests.metrics.drawn import histogram

SPLITS: list[Any] = ["race", "sex", ("race", "sex")]


def made(
    n: int = 3_000, seed: int = 0, off: float = 0.12
) -> tuple[np.ndarray, np.ndarray, pd.DataFrame]:
    """Black women are promised too little."""
    rng = np.random.default_rng(seed)
    people = pd.DataFrame(
        {
            "race": rng.choice(["Black", "White", "Other"], n, p=[0.3, 0.67, 0.03]),
            "sex": rng.choice(["Female", "Male"], n),
        }
    )
    score = rng.beta(1.5, 3, n)
    lift = off * ((people["race"] == "Black") & (people["sex"] == "Female")).to_numpy()
    return (rng.random(n) < np.clip(score + lift, 0, 1)).astype(int), score, people


def report(**options: Any) -> CalibrationReport:
    y, score, people = made()
    options = {"partitions": SPLITS, "replicates": 200} | options
    return calibration_report(y, score, sensitive_features=people, **options)


def test_every_figure_is_that_of_the_group_alone() -> None:
    y, score, people = made()
    table = report(exact=True).partition("race × sex")
    for (race, sex), at in people.groupby(["race", "sex"]).indices.items():
        row = table.loc[f"{race} · {sex}"]
        own = histogram(y[at], score[at])
        error = calibration_error(own, replicates=200)
        gap = calibration_gap(own)
        expected = {
            "people": len(at),
            "score": score[at].mean(),
            "outcome": y[at].mean(),
            "gap": score[at].mean() - y[at].mean(),
            "gap_low": gap.low[0],
            "gap_high": gap.high[0],
            "ece": error.value[0],
            "by_chance": error.by_chance[0],
            "p_value": error.p_value[0],
            "error": np.sign(error.squared[0]) * np.sqrt(abs(error.squared[0])),
            "error_low": np.sqrt(error.squared_low[0]),
            "error_high": np.sqrt(error.squared_high[0]),
            "ecce": cumulative_error(own)[0][0],
        }
        for name, value in expected.items():
            assert row[name] == pytest.approx(value, abs=1e-9), (race, sex, name)


def test_worst_come_first_and_p_values_are_adjusted_within_the_partition() -> None:
    found = report()
    for name in ("race", "sex", "race × sex"):
        table = found.partition(name)
        ecce = table["ecce"].to_numpy()
        assert (np.diff(ecce[np.isfinite(ecce)]) <= 0).all()
        np.testing.assert_allclose(table["ecce_holm"], holm(table["ecce_p"].to_numpy()))
    assert found.partition("race × sex").index[0] == "Black · Female"


def test_everybody_is_all_rows_as_one_group() -> None:
    y, score, _ = made()
    for exact in (False, True):
        row = report(exact=exact).everybody
        assert row["people"] == len(y)
        assert row["gap"] == pytest.approx(score.mean() - y.mean())
        own = calibration_error(histogram(y, score), replicates=200)
        assert row["ece"] == pytest.approx(own.value[0])
        assert row["ecce"] == pytest.approx(cumulative_error(histogram(y, score))[0][0])


def test_verdicts() -> None:
    found = report()
    table = found.groups
    known = table["ece"].notna()
    limit = table["ece"] <= 0.05
    certain = table["limit_p"] < 0.05
    expected = np.where(
        ~known, "too few", np.where(limit, "pass", np.where(certain, "fail", "unclear"))
    )
    assert table["verdict"].tolist() == expected.tolist()
    assert table["verdict"].loc[("race × sex", "Black · Female")] == "fail"
    assert {"pass", "fail", "unclear"} <= set(table["verdict"])
    strict = report(ece_limit=0.0).groups["verdict"]
    assert "pass" not in set(strict)
    assert set(report(ece_limit=1.0).groups["verdict"]) <= {"pass", "too few"}


@pytest.mark.parametrize("n", [300, 3000])
def test_groups_that_keep_the_limit_are_rarely_said_to_miss_it(n: int) -> None:
    """A true error just below the limit, in ten groups at once; and errors far above it."""
    missed = found = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        score, group = rng.uniform(0.2, 0.8, 10 * n), np.repeat(np.arange(10), n).astype(str)
        for by in (0.048, 0.2):
            y = (rng.random(10 * n) < score + by).astype(int)
            told = calibration_report(y, score, sensitive_features=group, replicates=300)
            failed = (told.groups["verdict"] == "fail").any()
            missed, found = missed + (by < 0.1) * failed, found + (by > 0.1) * failed
    assert missed <= 60 * 0.05 + 3 * np.sqrt(60 * 0.05 * 0.95)
    assert found == 60


def test_disparities_are_of_the_groups_that_are_shown() -> None:
    found = report()
    for name, row in found.disparities.iterrows():
        ece = found.partition(str(name))["ece"].dropna()
        assert row["difference"] == pytest.approx(ece.max() - ece.min())
        assert (row["worst"], row["best"]) == (ece.idxmax(), ece.idxmin())
        assert row["ece"] == ece.max()
        assert row["n_groups"] == len(ece)
        assert row["by_chance"] > 0
    row = found.disparities.loc["sex"]
    above = row["difference"] > 0.02
    assert row["verdict"] == (
        "pass" if not above else "fail" if row["p_value"] < 0.05 else "unclear"
    )


def test_gaps_between_groups_that_are_all_right_are_rarely_called_real() -> None:
    called = 0
    for seed in range(150):
        y, score, people = made(n=1_200, seed=seed, off=0.0)
        found = calibration_report(y, score, sensitive_features=people["sex"], replicates=200)
        called += int(found.disparities["p_value"].iloc[0] < 0.05)
    assert called <= 15
    y, score, people = made(n=6_000, off=0.3)
    found = calibration_report(y, score, sensitive_features=people, partitions=SPLITS)
    assert (found.disparities.loc[["race", "race × sex"], "verdict"] == "fail").all()


def test_nothing_is_said_of_hidden_groups() -> None:
    rng = np.random.default_rng(0)
    group = np.repeat(["a", "b", "c"], [100, 30, 4])
    score = rng.random(134)
    y = rng.integers(0, 2, 134)
    found = calibration_report(y, score, sensitive_features={"g": group}, replicates=50)
    # The one of four, and the next that would give its size away.
    assert found.groups["hidden"].tolist() == [False, True, True]
    silent = found.groups.loc[found.groups["hidden"]].drop(columns=["verdict", "hidden"])
    assert silent.isna().all(axis=None)
    assert set(found.groups["verdict"].iloc[1:]) == {"too few"}
    assert set(found.reliability("g").index.get_level_values("group")) == {"a"}
    row = found.disparities.loc["g"]
    assert np.isnan([row["difference"], row["p_value"]]).all()
    assert row["verdict"] == "too few"
    words = found.in_words("g")
    assert words[1:3] == ["b: too few people to judge.", "c: too few people to judge."]
    assert words[3] == "Fewer than two groups can be compared."


def test_exact_and_histogram_agree_where_scores_are_few_and_the_report_of_a_histogram_too() -> None:
    y, score, people = made()
    score = score.round(2)
    options: dict[str, Any] = {"replicates": 50}
    groups = Groups.of(people, partitions=SPLITS)
    one, two = (
        calibration_report(y, score, sensitive_features=groups, exact=exact, **options)
        for exact in (False, True)
    )
    scores = score_histogram(y.astype(np.int8), score, groups)
    three = calibration_of(scores, groups.partitions, groups.sizes, **options)
    columns = ["score", "outcome", "gap", "gap_low", "ece", "by_chance", "error", "ecce"]
    np.testing.assert_allclose(one.groups[columns], two.groups[columns], atol=1e-9)
    pd.testing.assert_frame_equal(one.groups, three.groups)
    pd.testing.assert_frame_equal(one.disparities, three.disparities)
    np.testing.assert_allclose(
        one.disparities["difference"], two.disparities["difference"], atol=1e-9
    )


def test_exact_histograms_hold_one_group_each_and_an_empty_one_nothing() -> None:
    y, score, people = made(400)
    groups = Groups.of(people, partitions=SPLITS)
    kept = np.flatnonzero(people["race"] != "Other")
    few = groups.take(kept)
    found = list(exact_histograms(y[kept].astype(np.int8), score[kept], few))
    assert len(found) == few.n_groups
    for own, size in zip(found, few.sizes, strict=True):
        assert own.weight.shape == (1, max(size, 1))
        assert own.weight.sum() == size
    error = [calibration_error(own, replicates=5).value[0] for own in found]
    assert np.isnan(np.array(error)[few.sizes == 0]).all()
    told = calibration_report(y[kept], score[kept], sensitive_features=few, exact=True)
    assert told.groups["ece"].isna().tolist() == (few.sizes < 10).tolist()


def test_the_scale_of_weights_does_not_matter_and_weights_do() -> None:
    weight = np.random.default_rng(2).exponential(1, 3_000)
    one, two = report(sample_weight=weight), report(sample_weight=5 * weight)
    numbers = one.groups.select_dtypes(float).columns
    np.testing.assert_allclose(one.groups[numbers], two.groups[numbers])
    assert (one.groups["ece"] != report().groups["ece"]).any()
    row = one.groups.loc[("sex", "Male")]
    y, score, people = made()
    own = (people["sex"] == "Male").to_numpy()
    assert row["outcome"] == pytest.approx(np.average(y[own], weights=weight[own]))
    assert row["score"] == pytest.approx(np.average(score[own], weights=weight[own]))


def test_words_say_what_was_promised_and_what_happened() -> None:
    found = report()
    row = found.groups.loc[("race × sex", "Black · Female")]
    words = found.in_words("race × sex")
    low, high = sorted((-100 * row["gap_low"], -100 * row["gap_high"]))
    assert words[0] == (
        f"Black · Female: promised {row['score']:.1%}, happened {row['outcome']:.1%}: "
        f"{-100 * row['gap']:.1f} points too low ({low:.1f} to {high:.1f}). A typical score is "
        f"{100 * row['ece']:.1f} points away, up or down, where chance alone makes "
        f"{100 * row['by_chance']:.1f}: above the limit of 5."
    )
    assert sum("no more apart than chance allows" in told for told in words) >= 2
    assert words[-1].startswith("The calibration error of ")
    y = np.zeros(40, int)
    high_ = calibration_report(y, [0.5] * 40, sensitive_features=["a", "b"] * 20)
    assert "points too high" in high_.in_words("group")[0]


def test_the_same_rows_give_the_same_report() -> None:
    pd.testing.assert_frame_equal(report().groups, report().groups)
    pd.testing.assert_frame_equal(report().disparities, report().disparities)


def test_wrong_input_is_refused() -> None:
    y, score = [0, 1] * 20, [0.5] * 40
    with pytest.raises(InputError, match="one value per row"):
        calibration_report(y, score[:-1], sensitive_features=["a", "b"] * 20)
    with pytest.raises(InputError, match="one value per row"):
        calibration_report(y, score, sensitive_features=["a", "b"])
    with pytest.raises(InputError, match="probability"):
        calibration_report(y, [2.0] * 40, sensitive_features=["a", "b"] * 20)
    with pytest.raises(InputError, match="confidence"):
        calibration_report(y, score, sensitive_features=["a", "b"] * 20, confidence=1.0)
    with pytest.raises(InputError, match="no partition"):
        report().in_words("age")
