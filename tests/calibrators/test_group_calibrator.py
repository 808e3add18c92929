from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from faircore.calibrators import GroupFairnessCalibrator, fit_map
from faircore.errors import InputError
from faircore.predictors.score_map import ScoreMap

Floats = NDArray[np.float64]
Table = tuple[Floats, NDArray[np.int64], pd.DataFrame]
NAMES = ["a · f", "a · m", "b · f", "b · m"]


def table(n: int, offsets: dict[str, float], *, seed: int = 0, slope: float = 1.0) -> Table:
    """Two attributes; cells named have log-odds that differ by so much from the score's."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({"race": rng.choice(["a", "b"], n), "sex": rng.choice(["f", "m"], n)})
    odds = rng.normal(0, 1.2, n)
    cell = frame["race"] + " · " + frame["sex"]
    shift = cell.map(offsets).fillna(0.0).to_numpy(np.float64)
    y = rng.random(n) < 1 / (1 + np.exp(-np.where(shift != 0, slope, 1.0) * odds - shift))
    return 1 / (1 + np.exp(-odds)), y.astype(np.int64), frame


def row(calibrator: GroupFairnessCalibrator, group: str) -> Any:
    """Its line of the report."""
    report = calibrator.report_
    return report[report["group"] == group].iloc[0]


def test_a_deviating_cell_is_found_and_repaired() -> None:
    data = table(24_000, {"b · f": 1.0}, slope=0.6)
    one = GroupFairnessCalibrator("platt").fit(*data)
    assert row(one, "b · f")["own"]
    assert row(one, "b · f")["parent"] in ("b", "f")
    # What is in force for the cell, from score to probability, is what was planted.
    key = one.maps_.keys[0]
    (slope, offset) = one.maps_.maps[0][key.labels.index(("b", "f"))].line or (0, 0)
    assert slope == pytest.approx(0.6, abs=0.06)
    assert offset == pytest.approx(1.0, abs=0.06)
    scores, y, frame = table(40_000, {"b · f": 1.0}, seed=1, slope=0.6)
    p = one.transform(scores, frame)
    cells = (frame["race"] + " · " + frame["sex"]).to_numpy()
    for name in NAMES:
        assert abs(p[cells == name].mean() - y[cells == name].mean()) < 0.02


def test_without_differences_everybody_has_one_map() -> None:
    scores, y, frame = table(4000, {})
    one = GroupFairnessCalibrator("platt", alpha=0.001).fit(scores, y, frame)
    report = one.report_
    assert report["group"].tolist() == ["everybody", *NAMES, "a", "b", "f", "m"]
    assert (report["reason"][1:] == "not_different").all()
    assert (report["p_value"][1:] > 0.001).all()
    assert report["words"].str.contains("likelihood-ratio p = .").sum() == 8
    expected = fit_map("platt", scores, y)(scores)
    np.testing.assert_allclose(one.transform(scores, frame), expected, rtol=1e-9)


def test_for_everybody_it_is_one_map() -> None:
    scores, y, _ = table(800, {})
    one = GroupFairnessCalibrator("platt")
    found = one.fit_transform(scores, y)
    np.testing.assert_array_equal(found, fit_map("platt", scores, y)(scores))
    assert one.needs_groups == ()
    assert one.report_["words"].tolist() == ["800 rows: Platt for everybody"]


def test_the_test_is_that_of_two_logistic_regressions() -> None:
    scores, y, frame = table(3000, {"a · f": 0.4, "a · m": 0.4})
    one = GroupFairnessCalibrator("platt", shrinkage=False).fit(scores, y, frame[["race"]])
    everybody = one.maps_.everybody
    rows = (frame["race"] == "a").to_numpy()
    own = fit_map("platt", scores[rows], y[rows], smoothing=False)

    def fit_of(score_map: ScoreMap) -> float:
        p = score_map(scores[rows])
        return float(np.log(np.where(y[rows] == 1, p, 1 - p)).sum())

    line = row(one, "a")
    assert line["statistic"] == pytest.approx(2 * (fit_of(own) - fit_of(everybody)), abs=1e-3)
    assert line["p_value"] == pytest.approx(np.exp(-line["statistic"] / 2))
    # Unshrunk, the map in force is the group's own maximum.
    mine = one.maps_.maps[0][0].line
    assert mine == pytest.approx(own.line, abs=2e-3)
    assert (line["weight"], line["slope_weight"]) == (1.0, 1.0)
    assert line["slope"] == pytest.approx(line["raw_slope"])
    assert line["offset"] == pytest.approx(line["raw_offset"])


def test_standard_errors_are_those_of_repeated_samples() -> None:
    found = []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        scores, group = rng.uniform(0.1, 0.7, 2000), np.repeat(["a", "b"], [200, 1800])
        y = (rng.random(2000) < scores).astype(int)
        report = GroupFairnessCalibrator("platt").fit(scores, y, group).report_.iloc[1]
        found.append(report[["raw_slope", "raw_offset", "slope_error", "offset_error"]])
    numbers = np.array(found, np.float64)
    spread, errors = numbers[:, :2].std(axis=0), numbers[:, 2:].mean(axis=0)
    np.testing.assert_allclose(errors, spread, rtol=0.35)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 1000), st.sampled_from(["platt", "temperature", "isotonic", "automatic"]))
def test_the_order_of_rows_and_the_names_of_groups_say_nothing(seed: int, method: str) -> None:
    scores, y, frame = table(500, {"a · f": 1.0}, seed=seed)
    scores = np.round(scores, 2)
    sizes = {"isotonic_rows": 200, "isotonic_positives": 50}
    one = GroupFairnessCalibrator(method, **sizes).fit(scores, y, frame)  # type: ignore[arg-type]
    order = np.random.default_rng(seed).permutation(500)
    shuffled = clone(one).fit(scores[order], y[order], frame.iloc[order])
    assert shuffled.maps_ == one.maps_
    other = frame.replace({"race": {"a": "z"}})
    renamed = clone(one).fit(scores, y, other)
    np.testing.assert_allclose(
        renamed.transform(scores, other), one.transform(scores, frame), atol=1e-9
    )


def test_only_the_proportions_of_weights_matter() -> None:
    scores, y, frame = table(1500, {"a · f": 0.5})
    plain = GroupFairnessCalibrator("platt").fit(scores, y, frame)
    sevens = clone(plain).fit(scores, y, frame, np.full(1500, 7.0))
    np.testing.assert_allclose(sevens.transform(scores, frame), plain.transform(scores, frame))
    assert sevens.report_["n_effective"].tolist() == pytest.approx(plain.report_["n"].tolist())
    # Rows of no weight count as absent.
    weights = (np.arange(1500) % 3 > 0).astype(float)
    kept = weights > 0
    some = clone(plain).fit(scores, y, frame, weights)
    alone = clone(plain).fit(scores[kept], y[kept], frame[kept])
    assert some.maps_ == alone.maps_


def test_unequal_weights_are_worth_fewer_rows() -> None:
    scores, y, frame = table(1500, {"a · f": 0.5})
    weights = np.random.default_rng(0).exponential(1.0, 1500)
    one = GroupFairnessCalibrator("platt", alpha=1.0)
    plain, weighted = (clone(one).fit(scores, y, frame, w).report_ for w in (None, weights))
    assert (weighted["n_effective"] < 0.7 * weighted["n"]).all()
    assert (weighted["offset_error"][1:] > 1.2 * plain["offset_error"][1:]).all()
    few = (frame["race"] == "a").to_numpy() & (np.arange(1500) > 110)
    small = clone(one).fit(scores[~few], y[~few], frame.loc[~few, "race"], weights[~few])
    assert row(small, "a")["n"] >= 30
    assert row(small, "a")["reason"] == "too_few"
    assert "worth" in row(small, "a")["words"]


def test_plain_data_hold_all_of_it() -> None:
    scores, y, frame = table(3000, {"a · f": 1.0})
    one = GroupFairnessCalibrator({("a", "f"): "platt", "*": "automatic"}, alpha=0.2)
    one.fit(scores, y, frame)
    raw = json.loads(json.dumps(one.to_dict(), allow_nan=False))
    again = GroupFairnessCalibrator.from_dict(raw)
    assert again.get_params() == one.get_params()
    np.testing.assert_array_equal(again.transform(scores, frame), one.transform(scores, frame))
    pd.testing.assert_frame_equal(again.report_, one.report_)


def test_parameters_are_stored_untouched() -> None:
    method = {"*": "platt"}
    one = GroupFairnessCalibrator(method, alpha=0.1)
    assert one.method is method
    assert clone(one).get_params() == one.get_params()
    assert not hasattr(clone(one), "maps_")


def test_scores_of_zero_and_one() -> None:
    scores, y, frame = table(2000, {"a · f": 1.0})
    scores[:50], scores[50:100] = 0.0, 1.0
    found = GroupFairnessCalibrator("platt").fit(scores, y, frame).transform(scores, frame)
    assert ((found > 0) & (found < 1)).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"scores": [0.5]}, "one value per row"),
        ({"scores": [0.5, 1.5, 0.2, 0.1]}, "between 0 and 1"),
        ({"scores": [0.5, None, 0.2, 0.1]}, "between 0 and 1"),
        ({"y_true": [0, 1, 2, 1]}, "only 0 and 1"),
        ({"y_true": [1, 1, 1, 1]}, "rows of both outcomes"),
        ({"scores": [], "y_true": []}, "at least one row"),
        ({"sample_weight": [1, 1, -1, 1]}, "zero or more"),
        ({"sample_weight": [1, 0, 1, 0]}, "rows of both outcomes"),
        ({"sensitive_features": ["a"]}, "one row per row of y_true"),
        ({"sensitive_features": np.zeros((4, 7))}, "1 to 6 attributes"),
    ],
)
def test_rows_that_cannot_be_used(change: dict[str, Any], message: str) -> None:
    given = {"scores": [0.1, 0.2, 0.3, 0.4], "y_true": [0, 1, 0, 1]} | change
    with pytest.raises(InputError, match=message):
        GroupFairnessCalibrator().fit(**given)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"method": "spline"}, "method must be one of 'none'"),
        ({"method": {"*": "spline"}}, "method must be one of 'none'"),
        ({"fallback": "drop"}, "fallback must be one of 'parent'"),
        ({"unseen": "drop"}, "unseen must be one of 'parent'"),
        ({"alpha": 1.5}, "alpha must be a probability"),
        ({"min_group_size": -1}, "min_group_size must be a whole number"),
        ({"isotonic_rows": 2.5}, "isotonic_rows must be a whole number"),
    ],
)
def test_parameters_outside_their_range(change: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        GroupFairnessCalibrator(**change).fit([0.1, 0.9], [0, 1])


def test_transform_says_what_it_needs() -> None:
    scores, y, frame = table(500, {})
    with pytest.raises(NotFittedError):
        GroupFairnessCalibrator().transform(scores)
    one = GroupFairnessCalibrator("platt").fit(scores, y, frame)
    assert one.needs_groups == ("race", "sex")
    with pytest.raises(InputError, match="goes by race and sex and was not told"):
        one.transform(scores)
    with pytest.raises(InputError, match="sex is not among the columns"):
        one.transform(scores, frame["race"].to_frame())
    with pytest.raises(InputError, match="one row per person"):
        one.transform(scores[:3], frame)
    assert one.transform([], frame[:0]).shape == (0,)
    unnamed = GroupFairnessCalibrator("platt").fit(scores, y, frame["race"].to_numpy())
    assert unnamed.transform(scores, frame["race"].to_numpy()).shape == (500,)
