from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from faircore.calibrators import GroupFairnessCalibrator
from faircore.errors import InputError
from faircore.predictors.score_map import ScoreMap
from tests.calibrators.test_group_calibrator import row, table


def test_shrinkage_draws_small_groups_further() -> None:
    rng = np.random.default_rng(0)
    sizes = np.array([40, 40, 40, 100, 100, 1000, 1000])
    group = np.repeat(np.arange(7), sizes)
    scores = rng.uniform(0.05, 0.95, len(group))
    y = rng.random(len(group)) < ScoreMap.platt(1, 0)(scores)
    one = GroupFairnessCalibrator("platt", alpha=1.0).fit(scores, y.astype(int), group)
    report = one.report_.iloc[1:]
    assert report["own"].all()
    for weight in ("weight", "slope_weight"):
        kept = report[weight].to_numpy()
        assert kept[:3].max() < kept[3:5].min() < kept[3:5].max() < kept[5:].min() < 1
    plain = GroupFairnessCalibrator("platt", alpha=1.0, shrinkage=False)
    raw = plain.fit(scores, y.astype(int), group).report_.iloc[1:]
    assert (report["slope"] - 1).abs().sum() < (raw["slope"] - 1).abs().sum()


def test_small_groups_use_the_smallest_above() -> None:
    scores, y, frame = table(3000, {})
    frame.loc[:11, ["race", "sex"]] = ["rare", "f"]
    frame.loc[12:19, ["race", "sex"]] = ["rare", "m"]
    one = GroupFairnessCalibrator("platt").fit(scores, y, frame)
    assert row(one, "rare")["reason"] == "too_few"
    assert row(one, "rare")["words"] == "20 rows, fewer than 30: uses the calibrator of everybody"
    line = row(one, "rare · f")
    # With the rows of the whole its number would give away that of the other.
    assert line["words"] == "rows not shown: uses the calibrator of rare"
    kept = {fit["labels"][-1]: fit["n"] for fit in one.to_dict()["maps"]["report"][1:]
            if fit["labels"][0] == "rare" and len(fit["labels"]) == 2}  # fmt: skip
    assert kept == {"f": 10, "m": 0}
    assert row(one, "rare · m")["words"] == "fewer than 10 rows: uses the calibrator of rare"
    assert np.isnan(line["p_value"])
    assert not line["own"]
    skipping = GroupFairnessCalibrator("platt", fallback="everybody").fit(scores, y, frame)
    assert (skipping.report_["parent"][1:] == "everybody").all()
    with pytest.raises(InputError, match=r"3 of 11 groups have fewer than 30 rows and 0 others"):
        GroupFairnessCalibrator("platt", fallback="refuse").fit(scores, y, frame)


def test_a_group_of_one_outcome_uses_the_one_above() -> None:
    scores, y, frame = table(2000, {})
    y[(frame["race"] == "b") & (frame["sex"] == "m")] = 1
    one = GroupFairnessCalibrator("platt").fit(scores, y, frame)
    line = row(one, "b · m")
    assert line["reason"] == "one_outcome"
    assert line["parent"] in ("b", "m")
    with pytest.raises(InputError, match="1 others have rows of one outcome"):
        GroupFairnessCalibrator("platt", fallback="refuse").fit(scores, y, frame)


def test_separable_groups_stay_finite() -> None:
    rng = np.random.default_rng(0)
    scores, group = rng.uniform(size=400), np.repeat(["a", "b"], 200)
    y = np.where(group == "a", scores > 0.5, rng.random(400) < scores).astype(int)
    for shrinkage in (True, False):
        one = GroupFairnessCalibrator("platt", shrinkage=shrinkage).fit(scores, y, group)
        assert row(one, "a")["slope"] > (1 if shrinkage else 3)
        assert row(one, "a")["raw_slope"] < 100
        assert np.isfinite(one.transform([0.0, 1.0], ["a", "a"])).all()


def test_scores_that_point_the_wrong_way_never_turn_round() -> None:
    rng = np.random.default_rng(0)
    scores, group = rng.uniform(size=2000), np.repeat(["a", "b"], [1500, 500])
    y = (rng.random(2000) < np.where(group == "a", scores, 1 - scores)).astype(int)
    one = GroupFairnessCalibrator("platt").fit(scores, y, group)
    assert row(one, "b")["raw_slope"] < 0
    assert row(one, "b")["slope"] == 0
    assert np.ptp(one.transform([0.1, 0.9], ["b", "b"])) < 1e-12


def test_isotonic_needs_rows() -> None:
    scores, y, frame = table(6000, {"a · f": 1.5, "a · m": 1.5})
    few = (frame["race"] == "a").to_numpy() & (np.arange(6000) > 800)
    kept = ~few
    one = GroupFairnessCalibrator("isotonic", isotonic_positives=10**6)
    one.fit(scores[kept], y[kept], frame.loc[kept, "race"])
    assert one.maps_.everybody.kind == "isotonic"
    line = row(one, "a")
    assert (line["method"], line["reason"], line["own"]) == ("platt", "few_for_flexible", True)
    assert one.maps_.maps[0][0].kind == "chain"
    both = GroupFairnessCalibrator("isotonic", isotonic_positives=50)
    both.fit(scores[kept], y[kept], frame.loc[kept, "race"])
    line = row(both, "a")
    assert (line["method"], line["reason"]) == ("isotonic", "own")
    assert np.isnan(line["weight"])
    assert both.maps_.maps[0][0].kind == "isotonic"
    assert row(both, "a")["words"].endswith("rows: isotonic of its own")
    little = GroupFairnessCalibrator("isotonic").fit(scores[:150], y[:150])
    assert little.maps_.everybody.kind == "platt"


def test_automatic_chooses_what_a_large_group_needs() -> None:
    rng = np.random.default_rng(0)
    n = 8000
    scores, group = rng.uniform(size=n), np.repeat(["a", "b"], n // 2)
    steps = np.where((scores > 0.3) & (scores < 0.7), 0.5, scores.round() * 0.8 + 0.1)
    p = np.where(group == "a", steps, ScoreMap.platt(0.5, -0.5)(scores))
    asked = {"a": "automatic", "b": "automatic", "*": "platt"}
    one = GroupFairnessCalibrator(asked).fit(scores, (rng.random(n) < p).astype(int), group)
    assert row(one, "a")["method"] == "isotonic"
    assert row(one, "b")["method"] == "platt"
    # Where everybody's map has the steps already, the group needs none of its own.
    all_of_them = GroupFairnessCalibrator().fit(scores, (rng.random(n) < p).astype(int), group)
    assert all_of_them.maps_.everybody.kind == "isotonic"


def test_methods_by_group() -> None:
    scores, y, frame = table(6000, {"a · f": 1.0, "b · m": -1.0}, slope=0.6)
    asked: dict[Any, str] = {"a · f": "none", ("b", "m"): "temperature", "*": "platt"}
    one = GroupFairnessCalibrator(asked, alpha=1.0).fit(scores, y, frame)
    assert one.transform([0.3], {"race": ["a"], "sex": ["f"]}).tolist() == [0.3]
    assert row(one, "a · f")["words"].endswith("rows: scores as they are")
    line = row(one, "b · m")
    assert (line["method"], line["offset"]) == ("temperature", 0.0)
    assert one.maps_.everybody.kind == "platt"
    rest = GroupFairnessCalibrator({"a · f": "none"}).fit(scores, y, frame)
    assert (rest.report_["method"] == "identity").sum() == 1
    none = GroupFairnessCalibrator("none").fit(scores, y, frame)
    assert none.transform(scores, frame).tolist() == scores.tolist()
    with pytest.raises(InputError, match="1 groups that are not among the rows: 'a · x'"):
        GroupFairnessCalibrator({"a · x": "platt"}).fit(scores, y, frame)
    with pytest.raises(InputError, match="1 groups that are not among the rows"):
        GroupFairnessCalibrator({"a · f": "platt"}).fit(scores, y)


def test_a_temperature_leaves_an_offset_where_it_is() -> None:
    scores, y, frame = table(8000, {"a · f": 1.0, "a · m": 1.0})
    rows = (frame["race"] == "a").to_numpy()
    off = {}
    for method in ("temperature", "platt"):
        p = GroupFairnessCalibrator(method).fit_transform(scores, y, frame["race"])
        off[method] = abs(p[rows].mean() - y[rows].mean())
    assert off["temperature"] > 0.1
    assert off["platt"] < 0.01


def test_a_missing_label_is_a_group_and_unseen_ones_go_by_policy() -> None:
    scores, y, frame = table(4000, {"a · f": 1.0, "a · m": 1.0})
    frame.loc[frame["race"] == "a", "race"] = None
    for unseen in ("parent", "pooled", "refuse"):
        one = GroupFairnessCalibrator("platt", unseen=unseen).fit(scores, y, frame)
        assert row(one, "(missing)")["own"]
        new = pd.DataFrame({"race": [None, "c", None], "sex": ["f", "f", "x"]})
        known = one.transform([0.5], new[:1])
        assert known[0] > 0.6
        if unseen == "refuse":
            with pytest.raises(InputError, match="2 of 3 rows belong to a group"):
                one.transform([0.5] * 3, new)
            continue
        found = one.transform([0.5] * 3, new)
        maps = one.maps_
        race, sex = (
            dict(zip(k.labels, m, strict=True))
            for k, m in zip(maps.keys[1:], maps.maps[1:], strict=True)
        )
        above = (sex[("f",)], race[("(missing)",)])
        expected = [(one if unseen == "parent" else maps.everybody)([0.5])[0] for one in above]
        np.testing.assert_allclose(found, [known[0], *expected])


@pytest.mark.parametrize("sex", ["f", "m"])
def test_a_group_too_small_for_a_map_stands_on_the_one_that_fits_it(sex: str) -> None:
    """Its rows say which, however few they are: the smallest above it need not be like it."""
    scores, y, frame = table(3000, {"a · f": 2.0, "b · f": 2.0})
    frame.loc[:24, ["race", "sex"]] = ["rare", "f"]
    odds = np.log(scores[:25] / (1 - scores[:25])) + (2.0 if sex == "f" else -0.5)
    y[:25] = (odds > 0).astype(int)
    one = GroupFairnessCalibrator("platt").fit(scores, y, frame)
    assert row(one, "rare · f")["reason"] == "too_few"
    assert row(one, "rare · f")["parent"] == ("f" if sex == "f" else "rare")
