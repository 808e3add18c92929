from __future__ import annotations

import json
import math

import numpy as np
import pandas as pd
import pytest

from faircore.audit.baseline import train_baseline
from faircore.audit.flips import switch_test
from faircore.audit.imitation import stand_in
from faircore.data import Dataset, dataset_from_arrays
from faircore.errors import InputError

FEATURES = pd.DataFrame({"x": [0.2, 0.4, 0.6, 0.2, 0.4, 0.9]}, index=[9, 8, 7, 6, 5, 4])
SENSITIVE = pd.DataFrame(
    {"sex": pd.Series(["f", "f", "f", "m", "m", None], dtype="str"), "one": ["u"] * 6}
)
LEVELS = {"sex": ("f", "m"), "one": ("u",)}


def bonus(features: pd.DataFrame, sensitive: pd.DataFrame) -> np.ndarray:
    """Men get a fifth more."""
    return features["x"].to_numpy() + 0.2 * (sensitive["sex"] == "m").to_numpy()


def test_a_table_by_hand() -> None:
    # f: 0.2, 0.4, 0.6 become 0.4, 0.6, 0.8: the second is gained.
    # m: 0.4, 0.6 become 0.2, 0.4: the second is lost. The last person's sex is missing.
    report = switch_test(bonus, FEATURES, SENSITIVE, levels=LEVELS)
    assert [(p.from_value, p.to_value, p.n) for p in report.pairs] == [("f", "m", 3), ("m", "f", 2)]
    to_m, to_f = report.pairs
    assert (to_m.changed, to_m.gained, to_m.lost) == (1 / 3, 1 / 3, 0)
    assert (to_f.changed, to_f.gained, to_f.lost) == (1 / 2, 0, 1 / 2)
    assert to_m.mean_change == pytest.approx(0.2)
    assert to_f.mean_change == pytest.approx(-0.2)
    assert report.people_affected["sex"] == 2 / 5
    assert math.isnan(report.people_affected["one"])
    assert report.left_out == {"sex": 1, "one": 0}
    assert (report.n_rows, report.threshold) == (6, 0.5)


def test_weights_count_people_several_times() -> None:
    times = np.array([1, 2, 3, 1, 2, 4])
    weighted = switch_test(bonus, FEATURES, SENSITIVE, levels=LEVELS, weights=times)
    repeated = switch_test(
        bonus,
        FEATURES.iloc[np.repeat(np.arange(6), times)],
        SENSITIVE.iloc[np.repeat(np.arange(6), times)],
        levels=LEVELS,
    )
    assert weighted.pairs[0].gained == 2 / 6
    assert weighted.people_affected["sex"] == pytest.approx(4 / 9)
    for one, many in zip(weighted.pairs, repeated.pairs, strict=True):
        assert one.changed == pytest.approx(many.changed)
        assert one.mean_change == pytest.approx(many.mean_change)
    assert weighted.people_affected["sex"] == pytest.approx(repeated.people_affected["sex"])


def test_the_threshold_decides_what_a_change_is() -> None:
    report = switch_test(bonus, FEATURES, SENSITIVE, levels=LEVELS, threshold=0.3)
    assert [p.gained for p in report.pairs] == [1 / 3, 0]
    assert [p.lost for p in report.pairs] == [0, 1 / 2]


def test_three_levels_have_six_switches_and_a_person_counts_once() -> None:
    points = {"a": 0.0, "b": 0.2, "c": 0.4}
    people = pd.DataFrame({"g": ["a", "a", "b", "c", "z"], "h": list("vwvwv")})
    features = pd.DataFrame({"x": [0.4, 0.0, 0.35, 0.0, 0.5]})

    def score(f: pd.DataFrame, s: pd.DataFrame) -> pd.Series:
        return f["x"] + s["g"].map(points).fillna(0)

    report = switch_test(score, features, people, levels={"g": ("a", "b", "c"), "h": ("v", "w")})
    changed = {(p.from_value, p.to_value): p.changed for p in report.pairs if p.attribute == "g"}
    assert changed == {
        ("a", "b"): 0.5, ("a", "c"): 0.5, ("b", "a"): 1, ("b", "c"): 0, ("c", "a"): 0, ("c", "b"): 0
    }  # fmt: skip
    assert report.people_affected == {"g": 2 / 4, "h": 0}  # z is none of the levels
    assert report.left_out == {"g": 1, "h": 0}
    assert all(p.changed == p.mean_change == 0 for p in report.pairs if p.attribute == "h")


def test_a_value_nobody_has_is_undefined() -> None:
    report = switch_test(bonus, FEATURES, SENSITIVE, levels={"sex": ("f", "m", "x")})
    nobody = next(p for p in report.pairs if p.from_value == "x")
    assert nobody.n == 0
    assert math.isnan(nobody.changed)
    stored = json.loads(json.dumps(report.to_dict(), allow_nan=False))
    assert [p["changed"] for p in stored["pairs"] if p["from_value"] == "x"] == [None, None]
    assert set(stored) == {"threshold", "n_rows", "pairs", "people_affected", "left_out"}
    assert report.to_frame().columns.tolist() == list(stored["pairs"][0])
    assert len(report.to_frame()) == 6
    only = switch_test(bonus, FEATURES, SENSITIVE, levels={"one": ("u",)})
    assert only.to_dict()["people_affected"] == {"one": None}
    assert only.to_frame().columns.tolist() == list(stored["pairs"][0])


def test_the_frames_given_are_left_alone() -> None:
    before = SENSITIVE.copy()
    switch_test(bonus, FEATURES, SENSITIVE, levels=LEVELS)
    pd.testing.assert_frame_equal(SENSITIVE, before)


def make(n: int = 600, *, seed: int = 0, missing: int = 0) -> Dataset:
    """A target that depends on x and on the group alike."""
    rng = np.random.default_rng(seed)
    x, group = rng.normal(size=n), rng.choice(["a", "b"], n).astype(object)
    y = (x + 1.5 * (group == "a") - 0.75 + 0.3 * rng.normal(size=n) > 0).astype(np.int8)
    group[:missing] = None
    return dataset_from_arrays(pd.DataFrame({"x": x}), y, pd.DataFrame({"group": group}))


@pytest.mark.parametrize("kind", ["logistic", "boosted"])
def test_a_model_blind_to_the_attribute_changes_nothing(kind: str) -> None:
    data = make(missing=7)
    blind = train_baseline(data, np.arange(300), kind=kind)
    report = switch_test(blind.score, data.features, data.sensitive, levels=data.levels)
    assert all(p.changed == 0 and p.mean_change == 0 for p in report.pairs)
    assert report.people_affected == {"group": 0}
    assert report.left_out == {"group": 7}
    seeing = train_baseline(data, np.arange(300), kind=kind, with_sensitive=True)
    report = switch_test(seeing.score, data.features, data.sensitive, levels=data.levels)
    to_b, to_a = report.pairs
    assert to_b.lost > 0.3
    assert to_b.mean_change < -0.3 < 0.3 < to_a.mean_change
    assert to_a.gained > 0.3


def test_a_stand_in_repeats_decisions_and_finds_the_rule() -> None:
    data = make(1_500)
    x, is_a = data.features.iloc[:, 0].to_numpy(), (data.sensitive["group"] == "a").to_numpy()
    rule = ((x > 0.5) | (is_a & (x > -0.5))).astype(int)
    learn, judge = np.arange(1_000), np.arange(1_000, 1_500)
    copy = stand_in(data, learn, judge, outcome=rule)
    decided = copy.score(data.features, data.sensitive) >= 0.5
    assert copy.kind == "decision"
    assert copy.fidelity == np.mean(decided[judge] == rule[judge]) > 0.97
    assert copy.majority == max(rule[judge].mean(), 1 - rule[judge].mean()) < 0.7
    assert math.isnan(copy.r2)
    assert (copy.n_learned, copy.n_judged) == (1_000, 500)
    report = switch_test(copy.score, data.features, data.sensitive, levels=data.levels)
    # The rule flips exactly the people with x between -0.5 and 0.5.
    truth = np.mean(np.abs(x) < 0.5)
    assert report.people_affected["group"] == pytest.approx(truth, abs=0.03)
    stored = json.loads(json.dumps(copy.to_dict(), allow_nan=False))
    assert stored["r2"] is None
    assert stored["fidelity"] == copy.fidelity


def test_a_stand_in_repeats_scores() -> None:
    data = make(1_500)
    x, is_a = data.features.iloc[:, 0].to_numpy(), (data.sensitive["group"] == "a").to_numpy()
    scores = np.clip(0.4 + 0.2 * x + 0.2 * is_a, 0, 1)
    learn, judge = np.arange(1_000), np.arange(1_000, 1_500)
    copy = stand_in(data, learn, judge, outcome=scores, threshold=0.6)
    guess = copy.score(data.features, data.sensitive)
    assert copy.kind == "score"
    assert guess.min() >= 0
    assert guess.max() <= 1
    unexplained = ((scores - guess)[judge] ** 2).sum()
    spread = ((scores[judge] - scores[judge].mean()) ** 2).sum()
    assert copy.r2 == pytest.approx(1 - unexplained / spread)
    assert copy.r2 > 0.97
    assert copy.fidelity == np.mean((guess >= 0.6)[judge] == (scores >= 0.6)[judge]) > 0.9
    selected = (scores >= 0.6)[judge].mean()
    assert copy.majority == pytest.approx(max(selected, 1 - selected))
    report = switch_test(copy.score, data.features, data.sensitive, levels=data.levels)
    assert report.pairs[1].mean_change == pytest.approx(0.2, abs=0.03)


def test_fidelity_of_what_cannot_be_imitated_is_worth_nothing() -> None:
    data = make()
    random = (np.random.default_rng(5).random(600) < 0.9).astype(int)
    copy = stand_in(data, np.arange(300), np.arange(300, 600), outcome=random)
    assert copy.fidelity <= copy.majority
    constant = stand_in(data, np.arange(300), np.arange(300, 600), outcome=np.full(600, 0.7))
    assert constant.fidelity == constant.majority == 1
    assert math.isnan(constant.r2)


def test_what_cannot_be_tested_is_refused() -> None:
    with pytest.raises(InputError, match="absent"):
        switch_test(bonus, FEATURES, SENSITIVE, levels={"race": ("a", "b")})
    with pytest.raises(InputError, match="one row per person"):
        switch_test(bonus, FEATURES[:2], SENSITIVE, levels=LEVELS)
    with pytest.raises(InputError, match="returned 2 for 6"):
        switch_test(lambda f, s: [0, 1], FEATURES, SENSITIVE, levels=LEVELS)
    with pytest.raises(InputError, match="probability"):
        switch_test(lambda f, s: f["x"] * 10, FEATURES, SENSITIVE, levels=LEVELS)
    with pytest.raises(InputError, match="sample_weight"):
        switch_test(bonus, FEATURES, SENSITIVE, levels=LEVELS, weights=[1, 2])
    data = make(40)
    outcome = data.y_true.copy()
    with pytest.raises(InputError, match="1 rows are in both"):
        stand_in(data, np.arange(20), np.arange(19, 40), outcome=outcome)
    with pytest.raises(InputError, match="39 values"):
        stand_in(data, np.arange(20), np.arange(20, 40), outcome=outcome[1:])
    with pytest.raises(InputError, match="both decisions"):
        stand_in(data, np.flatnonzero(outcome), np.flatnonzero(1 - outcome), outcome=outcome)
