from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from faircore.audit.guessing import deal_folds, level_aucs, ranks_of
from faircore.audit.proxies import find_proxies
from faircore.data import Dataset, dataset_from_arrays
from faircore.errors import InputError


def make(n: int = 600, *, seed: int = 0, planted: bool = True) -> Dataset:
    """Group a, b or c; the postcode tells a apart, the salary hints at c, the rest is noise."""
    rng = np.random.default_rng(seed)
    group = rng.choice(["a", "b", "c"], n, p=[0.5, 0.3, 0.2]).astype(object)
    other = rng.choice(["x", "y"], n)
    says = group if planted else rng.permutation(group)
    postcode = np.where((says == "a") ^ (rng.random(n) < 0.1), "1", "2")
    salary = rng.normal(size=n) + 0.8 * (says == "c")
    frame = pd.DataFrame({"noise": rng.normal(size=n), "salary": salary, "postcode": postcode})
    y = rng.integers(0, 2, n).astype(np.int8)
    return dataset_from_arrays(frame, y, pd.DataFrame({"group": group, "other": other}))


def test_areas_by_hand() -> None:
    guesses = np.array([[0.9, 0.1], [0.6, 0.4], [0.6, 0.4], [0.2, 0.8]])
    # Of the four pairs of a 0 and a 1, two are in order, one is tied and one is not.
    aucs = level_aucs(ranks_of(guesses), np.array([0, 1, 0, 0]))
    assert aucs.tolist() == [1.5 / 3, 1.5 / 3]
    assert level_aucs(ranks_of(guesses), np.array([0, 0, 1, 1])).tolist() == [3.5 / 4, 3.5 / 4]
    np.testing.assert_array_equal(level_aucs(ranks_of(guesses), np.zeros(4, int)), [np.nan] * 2)


def test_areas_are_those_of_scikit_learn() -> None:
    from sklearn.metrics import roc_auc_score

    rng = np.random.default_rng(0)
    guesses, codes = rng.integers(0, 9, (200, 3)) / 9, rng.integers(0, 3, 200)
    expected = [roc_auc_score(codes == k, guesses[:, k]) for k in range(3)]
    np.testing.assert_allclose(level_aucs(ranks_of(guesses), codes), expected)


def test_folds_keep_people_together_and_levels_even() -> None:
    rng = np.random.default_rng(0)
    codes = np.repeat([0, 1], [37, 12])
    fold = deal_folds(codes, np.arange(49), folds=5, rng=rng)
    for level in (0, 1):
        sizes = np.bincount(fold[codes == level], minlength=5)
        assert sizes.max() - sizes.min() <= 1
    person = rng.integers(0, 20, 49)
    fold = deal_folds(codes, person, folds=5, rng=rng)
    assert all(len(set(fold[person == p])) == 1 for p in person)
    assert sorted(set(fold)) == [0, 1, 2, 3, 4]


def test_the_planted_proxy_is_found_first() -> None:
    data = make()
    report = find_proxies(data, np.arange(600))
    group, other = report.attributes
    assert (report.n_sampled, report.n_rows, report.folds) == (600, 600, 5)
    assert group.attribute == "group"
    assert list(group.by_level) == ["a", "b", "c"]
    assert group.auc == pytest.approx(np.mean(list(group.by_level.values())))
    assert group.by_level["a"] > 0.85 > group.by_level["b"] > 0.5
    assert group.auc > group.chance_high > group.chance_mean
    assert group.chance_mean == pytest.approx(0.5, abs=0.01)
    assert group.p_value == 1 / 201
    first, second, third = group.features
    assert [first.name, second.name] == ["X:postcode", "X:salary"]
    assert first.drop > 0.15 > second.drop > 0.03 > abs(third.drop)
    assert first.alone > 0.7 > second.alone > 0.53
    assert third.alone == pytest.approx(0.5, abs=0.08)
    assert other.auc < 0.58
    assert other.p_value > 0.01


def test_random_features_are_within_chance() -> None:
    tested = [
        found
        for seed in range(6)
        for found in find_proxies(
            make(200, seed=seed, planted=False), np.arange(200), top=0
        ).attributes
    ]
    # Learned and judged on the same rows, the trees would be near certain.
    assert max(found.auc for found in tested) < 0.65
    assert np.median([found.p_value for found in tested]) > 0.1
    assert sum(found.auc > found.chance_high for found in tested) <= 3
    assert all(found.features == () for found in tested)


def test_missing_and_rare_levels_are_left_out_and_named() -> None:
    data = make(200)
    group = data.sensitive["group"].to_numpy(dtype=object).copy()
    group[:7], group[7:16] = None, "rare"
    levels = {"group": ("a", "b", "c", "rare"), "other": data.levels["other"]}
    sensitive = data.sensitive.assign(group=pd.Series(group, dtype="str"))
    data = replace(data, sensitive=sensitive, levels=levels)
    found = find_proxies(data, np.arange(200), folds=2).attributes[0]
    assert (found.n_people, found.n_missing, found.n_rare) == (184, 7, 9)
    assert found.levels_left_out == ("rare",)
    assert list(found.by_level) == ["a", "b", "c"]
    assert found.reason is None
    # 2 * 25 = 50 people: only a is frequent enough, unless b is.
    counts = pd.Series(group).value_counts()
    few = find_proxies(data, np.arange(200), folds=int(counts["a"] // 2)).attributes[0]
    assert few.levels_left_out == ("b", "c", "rare")
    assert few.reason is not None
    assert "one level" in few.reason
    assert math.isnan(few.auc)
    assert few.n_people == counts["a"]


def test_a_single_level_is_undefined_and_everything_can_be_stored() -> None:
    data = make(150)
    data = replace(data, sensitive=data.sensitive.assign(other="x"), levels={
        "group": ("a", "b", "c"), "other": ("x",)
    })  # fmt: skip
    report = find_proxies(data, np.arange(150), folds=2, top=2)
    stored = json.loads(json.dumps(report.to_dict(), allow_nan=False))
    assert set(stored) == {"attributes", "n_sampled", "n_rows", "folds"}
    one, two = stored["attributes"]
    assert one["reason"] is None
    assert one["auc"] == report.attributes[0].auc
    assert one["features"] == [f._asdict() for f in report.attributes[0].features]
    assert len(one["features"]) == 2
    assert two["auc"] is two["p_value"] is two["chance_high"] is None
    assert two["features"] == []
    assert two["by_level"] == {}
    assert "two levels" in two["reason"]
    frame = report.to_frame()
    assert frame.index.names == ["attribute", "feature"]
    assert len(frame) == 2
    assert frame["drop"].iloc[0] == report.attributes[0].features[0].drop


def test_a_person_is_never_learned_from_to_guess_the_same_person() -> None:
    # Each person's group is random, but the feature is the person: only a leak could guess it.
    rng = np.random.default_rng(1)
    person = np.repeat(np.arange(60), 8)
    group = rng.choice(["a", "b"], 60)[person]
    data = dataset_from_arrays(
        pd.DataFrame({"who": rng.normal(size=60)[person]}),
        rng.integers(0, 2, 480).astype(np.int8),
        group,
    )
    leaky = find_proxies(data, np.arange(480), top=0).attributes[0]
    fair = find_proxies(replace(data, entity=person), np.arange(480), top=0).attributes[0]
    assert leaky.auc > 0.9
    assert fair.auc < 0.7


def test_a_feature_of_several_columns_is_shuffled_whole() -> None:
    # The number is missing for group a: both its columns tell the same.
    rng = np.random.default_rng(2)
    group = rng.choice(["a", "b"], 300)
    data = dataset_from_arrays(
        pd.DataFrame(
            {"noise": rng.normal(size=300), "income": np.where(group == "a", np.nan, group == "b")}
        ),
        rng.integers(0, 2, 300).astype(np.int8),
        group,
    )
    found = find_proxies(data, np.arange(300), folds=3).attributes[0]
    assert found.auc == 1
    assert found.features[0].name == "X:income"
    assert found.features[0].drop == pytest.approx(0.5, abs=0.1)
    assert found.features[0].alone == 1
    assert abs(found.features[1].drop) < 1e-12


def test_samples_and_seeds_repeat() -> None:
    data = make()
    one, two, three = (
        find_proxies(data, np.arange(600), folds=2, max_people=200, top=1, seed=s).to_dict()
        for s in (0, 0, 1)
    )
    assert one == two != three
    assert (one["n_sampled"], one["n_rows"]) == (200, 600)
    assert one["attributes"][0]["n_people"] == 200


def test_what_cannot_be_asked_is_refused() -> None:
    data = make(50)
    with pytest.raises(InputError, match="2 folds"):
        find_proxies(data, np.arange(50), folds=1)
    with pytest.raises(InputError, match="0 to 49"):
        find_proxies(data, [50])
