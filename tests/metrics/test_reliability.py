from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.calibration import calibration_curve

from faircore.errors import InputError
from faircore.groups import Groups
from faircore.metrics import MIN_PEOPLE
from faircore.metrics.calibration import calibration_error
from faircore.metrics.calibration_report import CalibrationReport, calibration_report
from faircore.metrics.reliability import bin_edges, check_bins, reliability, shown_bins
from tests.metrics.drawn import histogram

# netcal 1.4.0: ECE(bins).measure(score, y), by number of bins.
NETCAL = {5: 0.12909900982208042, 10: 0.13544561447264486, 15: 0.1475225789718871}


def rows(n: int = 1_000, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    score = rng.beta(1, 3, n)
    return (rng.random(n) < 0.25 + 0.5 * score).astype(int), score


def test_ece_of_equal_width_is_netcals() -> None:
    rng = np.random.default_rng(12)
    score = rng.beta(1, 3, 400)
    y = (rng.random(400) < 0.25 + 0.5 * score).astype(int)
    for bins, expected in NETCAL.items():
        found = calibration_error(histogram(y, score), bins=bins, equal_width=True, replicates=2)
        assert found.value[0] == pytest.approx(expected, abs=1e-12), bins


@pytest.mark.parametrize("bins", [2, 10, 20])
@pytest.mark.parametrize("strategy", ["uniform", "quantile"])
def test_bins_are_scikit_learns(bins: int, strategy: str) -> None:
    y, score = rows()
    table = reliability(histogram(y, score), bins=bins, equal_width=strategy == "uniform")
    rate, mean = calibration_curve(y, score, n_bins=bins, strategy=strategy)
    held = table.people[0] > 0
    np.testing.assert_allclose(table.rate[0, held], rate)
    np.testing.assert_allclose(table.score[0, held], mean)


@settings(max_examples=60, deadline=None)
@given(
    levels=st.integers(1, 40), n=st.integers(1, 300), bins=st.integers(1, 50),
    weighted=st.booleans(), seed=st.integers(0, 10_000),
)  # fmt: skip
def test_no_bin_of_equal_mass_holds_fewer_than_ten(
    levels: int, n: int, bins: int, weighted: bool, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    score = rng.beta(0.3, 1, n).round(2) if levels > 30 else rng.integers(0, levels, n) / levels
    weight = rng.exponential(1, n) if weighted else np.ones(n)
    y = rng.integers(0, 2, n)
    table = reliability(histogram(y, score, weight), bins=bins)
    held = table.weight[0] > 0
    counted = [
        int(((score >= low - 1e-12) & (score <= high + 1e-12)).sum())
        for low, high in zip(table.lowest[0, held], table.highest[0, held], strict=True)
    ]
    assert sum(counted) == n
    assert min(counted) >= min(MIN_PEOPLE, n) or len(counted) == 1
    assert table.weight[0].sum() == pytest.approx(weight.sum())


@settings(max_examples=60, deadline=None)
@given(n=st.integers(1, 200), bins=st.integers(2, 50), seed=st.integers(0, 10_000))
def test_no_bin_of_equal_width_of_three_people_is_shown_or_found_by_subtraction(
    n: int, bins: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    score = rng.beta(0.5, 3, n)
    table = reliability(histogram(rng.integers(0, 2, n), score), bins=bins, equal_width=True)
    shown = shown_bins(table)[0]
    people = table.people[0]
    assert (people[shown] >= MIN_PEOPLE - 1e-6).all()
    rest = round(people[~shown].sum())
    assert rest == 0 or rest >= MIN_PEOPLE or not shown.any()


def test_a_lone_small_bin_takes_the_next_smallest_with_it() -> None:
    score = np.repeat([0.05, 0.15, 0.25, 0.35], [40, 3, 12, 30])
    table = reliability(histogram(np.arange(85) % 2, score), equal_width=True)
    assert shown_bins(table)[0].tolist() == [True, False, False, True, *[False] * 6]
    # Three bins of four people are twelve together, which is enough.
    score = np.repeat([0.05, 0.15, 0.25, 0.35], [40, 4, 4, 4])
    table = reliability(histogram(np.arange(52) % 2, score), equal_width=True)
    assert shown_bins(table)[0].tolist() == [True, *[False] * 9]


def test_ties_join_the_next_bin_and_the_last_the_one_before() -> None:
    score = np.repeat([0.1, 0.2, 0.3, 0.4], [46, 4, 46, 4])
    table = reliability(histogram(np.arange(100) % 2, score))
    held = table.weight[0] > 0
    assert table.weight[0, held].tolist() == [46, 54]
    np.testing.assert_allclose(table.lowest[0, held], [0.1, 0.2])
    np.testing.assert_allclose(table.highest[0, held], [0.1, 0.4])


def test_edges_meet_between_scores_and_end_at_whole_hundredths() -> None:
    score = np.concatenate([np.full(20, 0.123), np.full(20, 0.223), np.full(20, 0.777)])
    table = reliability(histogram(np.arange(60) % 2, score), bins=3)
    low, high = bin_edges(table, 0)
    np.testing.assert_allclose(low, [0.12, 0.173, 0.5])
    np.testing.assert_allclose(high, [0.173, 0.5, 0.78])
    low, high = bin_edges(reliability(histogram([1] * 12, [1.0] * 12), bins=2), 0)
    assert (low[0], high[0]) == (0.99, 1.0)
    assert np.isnan([low[1], high[1]]).all()
    wide = reliability(histogram([0, 1], [0.05, 0.95]), equal_width=True)
    low, high = bin_edges(wide, 0, equal_width=True)
    assert (low[0], high[0], low[9], high[9]) == (0.0, 0.1, 0.9, 1.0)
    assert np.isnan(low[1:9]).all()


@pytest.mark.parametrize("bins", [0, 1, 51])
def test_bins_are_two_to_fifty(bins: int) -> None:
    with pytest.raises(InputError, match="2 to 50 bins"):
        check_bins(bins)
    with pytest.raises(InputError, match="2 to 50 bins"):
        calibration_report([0, 1], [0.2, 0.3], sensitive_features=["a", "b"], bins=bins)


# --- In a report --------------------------------------------------------------------------------


def reported(**options: object) -> CalibrationReport:
    y, score = rows(900)
    group = np.random.default_rng(1).choice(["a", "b", "c"], 900, p=[0.6, 0.35, 0.05])
    features = Groups.of({"g": group})
    return calibration_report(y, score, sensitive_features=features, replicates=50, **options)


@pytest.mark.parametrize("exact", [False, True])
def test_bins_of_a_report_add_up_to_their_groups(exact: bool) -> None:
    report = reported(exact=exact)
    bins = report.reliability("g")
    for name, own in bins.groupby(level="group"):
        row = report.groups.loc[("g", name)]
        assert own["people"].sum() == pytest.approx(row["people"])
        assert np.average(own["score"], weights=own["people"]) == pytest.approx(row["score"])
        assert np.average(own["outcome"], weights=own["people"]) == pytest.approx(row["outcome"])
        off = np.average((own["outcome"] - own["score"]).abs(), weights=own["people"])
        assert off == pytest.approx(row["ece"])
        assert (own["low"].to_numpy()[1:] == own["high"].to_numpy()[:-1]).all()
        assert own["score"].between(own["low"], own["high"]).all()
    assert (bins["outcome_low"] <= bins["outcome"]).all()
    assert (bins["outcome"] <= bins["outcome_high"]).all()


def test_intervals_are_wilsons_and_widen_with_confidence() -> None:
    row = reported().reliability("g").iloc[0]
    n, p, z = row["people"], row["outcome"], 1.959964
    middle = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * np.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    assert row["outcome_low"] == pytest.approx(middle - half, abs=1e-6)
    assert row["outcome_high"] == pytest.approx(middle + half, abs=1e-6)
    wide = reported(confidence=0.99).reliability("g").iloc[0]
    assert wide["outcome_low"] < row["outcome_low"]


def test_weights_count_as_kishs_number_of_people() -> None:
    weight = np.random.default_rng(3).exponential(1, 900)
    plain, heavy = reported(), reported(sample_weight=weight)
    again = reported(sample_weight=7 * weight)
    total = heavy.reliability("g")["people"].groupby(level="group").sum()
    assert (total < 0.7 * plain.reliability("g")["people"].groupby(level="group").sum()).all()
    np.testing.assert_allclose(heavy.reliability("g"), again.reliability("g"))


def test_bins_of_equal_width_with_few_people_are_left_out_of_a_report() -> None:
    report = reported(equal_width=True, bins=20)
    bins = report.reliability("g")
    assert (bins["people"] >= MIN_PEOPLE).all()
    assert bins["people"].sum() < 890
    np.testing.assert_allclose(bins["high"] - bins["low"], 0.05)
    few = reported(min_people=100)
    assert few.reliability("g")["people"].min() >= 100 or few.reliability("g").empty
