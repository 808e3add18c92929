from __future__ import annotations

import json
import logging
import math
import warnings
from types import ModuleType

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from faircore.audit.entropy import benefits_of, entropy_between_groups, generalized_entropy
from faircore.audit.individual import consistency, neighbour_differences
from faircore.audit.similar import similar_people
from faircore.data import Dataset, Encoder, dataset_from_arrays
from faircore.errors import InputError

LINE = np.array([[0.0], [1.0], [3.0], [10.0]])


def aif360_metrics() -> ModuleType:
    """AIF360's metrics, without what it says of absent optional packages."""
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            pytest.importorskip("aif360")
            import aif360.sklearn.metrics as metrics
    finally:
        logging.disable(logging.NOTSET)
    return metrics


def test_consistency_by_hand() -> None:
    # Neighbours with oneself: {0, 1}, {1, 0}, {2, 1}, {3, 2}; decisions 1, 0, 0, 1.
    gaps = [0.5, 0.5, 0.0, 0.5]
    assert consistency(LINE, [1, 0, 0, 1], n_neighbors=2) == 1 - np.mean(gaps)
    assert consistency(LINE, [1, 0, 0, 1], n_neighbors=1) == 1
    # Among all four the mean is 1/2, and so is each gap.
    assert consistency(LINE, [1, 0, 0, 1], n_neighbors=4) == 0.5


@pytest.mark.parametrize("n_neighbors", [1, 5, 9])
@pytest.mark.parametrize("kind", ["normal", "ties", "float32"])
def test_consistency_is_that_of_aif360(kind: str, n_neighbors: int) -> None:
    rng = np.random.default_rng(1)
    X = rng.normal(size=(200, 4))
    X = rng.integers(0, 3, (200, 4)).astype(float) if kind == "ties" else X
    X = X.astype(np.float32) if kind == "float32" else X
    y = (X[:, 0] + rng.normal(size=200) > 0).astype(int)
    reference = aif360_metrics().consistency_score(X, y, n_neighbors=n_neighbors)
    own = consistency(X, y, n_neighbors=n_neighbors)
    assert own == pytest.approx(reference, abs=1e-15)
    assert n_neighbors == 1 or own < 0.9


def test_lipschitz_by_hand() -> None:
    # Nearest neighbours are 0-1 (from both sides), 1-2 and 2-3: ratios 0.2, 0.1 and 0.02.
    found = neighbour_differences(LINE, [0.1, 0.3, 0.5, 0.64], n_neighbors=1)
    assert found.median == pytest.approx(0.1)
    assert found.high == pytest.approx(0.1 + 0.9 * 0.1)
    assert found.maximum == pytest.approx(0.2)
    assert (found.n_pairs, found.n_contradictions, found.n_identical) == (3, 0, 0)


def test_people_the_features_do_not_tell_apart_have_no_ratio() -> None:
    X = [[0.0], [0.0], [7.0], [7.0], [20.0]]
    found = neighbour_differences(X, [0.2, 0.2, 0.4, 0.5, 0.5], n_neighbors=1)
    assert (found.n_pairs, found.n_contradictions, found.n_identical) == (1, 1, 1)
    assert found.maximum in (0.0, pytest.approx(0.1 / 13))  # 20's nearest is either of the sevens
    alike = neighbour_differences(np.zeros((4, 2)), [0.5, 0.5, 0.5, 0.5], n_neighbors=3)
    assert alike.n_pairs == 0
    assert alike.n_identical == 6
    assert math.isnan(alike.median)


def test_a_linear_score_has_its_slope_as_lipschitz_constant() -> None:
    X = np.random.default_rng(0).random((100, 1))
    found = neighbour_differences(X, 0.6 * X[:, 0] + 0.1)
    assert found.median == pytest.approx(0.6)
    assert found.maximum == pytest.approx(0.6)


def test_entropy_by_hand() -> None:
    benefits = benefits_of([0, 0, 1, 1, 1], [1, 0, 0, 1, 1])
    assert benefits.tolist() == [2, 1, 0, 1, 1]
    assert generalized_entropy(benefits) == pytest.approx((4 + 1 + 0 + 1 + 1 - 5) / 5 / 2)
    assert generalized_entropy(benefits, alpha=1) == pytest.approx(2 * math.log(2) / 5)
    assert generalized_entropy(benefits, alpha=3) == pytest.approx((8 + 1 + 1 + 1 - 5) / 5 / 6)
    assert generalized_entropy([1, 2, 3], alpha=0) == pytest.approx(-math.log(1 / 2 * 3 / 2) / 3)
    assert generalized_entropy([1, 2, 3], alpha=-1) == pytest.approx((2 + 1 + 2 / 3 - 3) / 3 / 2)
    coefficient_of_variation = np.std(benefits) / np.mean(benefits)
    assert generalized_entropy(benefits) == pytest.approx(coefficient_of_variation**2 / 2)


def test_zeros_follow_the_definition() -> None:
    for alpha in (0, -1):
        assert generalized_entropy([0, 1], alpha=alpha) == math.inf
        # Between the groups there is nobody without a benefit.
        assert entropy_between_groups([0, 1, 2], [0, 0, 1], alpha=alpha) < math.inf
        assert generalized_entropy([0, 1, 1], alpha=alpha, weights=[0, 1, 1]) == 0
    for alpha in (-1, 0, 1, 2):
        assert math.isnan(generalized_entropy([0, 0], alpha=alpha))
        assert math.isnan(entropy_between_groups([0, 0], [0, 1], alpha=alpha))


@pytest.mark.parametrize("alpha", [0.5, 1, 2, 3])
def test_entropy_is_that_of_aif360(alpha: float) -> None:
    rng = np.random.default_rng(2)
    truth, pred = rng.integers(0, 2, (2, 300))
    group = rng.integers(0, 3, 300)
    pred[group == 0] |= rng.random((group == 0).sum()) < 0.4
    metrics = aif360_metrics()
    benefits = benefits_of(truth, pred)
    own = generalized_entropy(benefits, alpha=alpha)
    assert own == pytest.approx(metrics.generalized_entropy_error(truth, pred, alpha=alpha))
    between = metrics.between_group_generalized_entropy_error(
        pd.Series(truth, index=pd.Index(group, name="group")), pred, prot_attr="group", alpha=alpha
    )
    found = entropy_between_groups(benefits, group, alpha=alpha)
    assert found == pytest.approx(between)
    assert found > 1e-3
    if alpha == 1:
        assert own == pytest.approx(metrics.theil_index(benefits))
    if alpha == 2:
        assert math.sqrt(2 * own) == pytest.approx(metrics.coefficient_of_variation(benefits))


def test_the_mean_log_deviation_of_aif360_lacks_a_factor() -> None:
    benefits = np.array([1.0, 2.0, 3.0])  # mean 2
    reference = aif360_metrics().generalized_entropy_index(benefits, alpha=0)
    assert generalized_entropy(benefits, alpha=0) == pytest.approx(2 * reference)


people = st.integers(2, 30).flatmap(
    lambda n: st.tuples(
        st.lists(st.integers(1, 9), min_size=n, max_size=n),
        st.lists(st.integers(-1, 3), min_size=n, max_size=n),
        st.lists(st.integers(1, 4), min_size=n, max_size=n),
        st.sampled_from([-1, 0, 0.5, 1, 2, 3]),
    )
)


@given(people)
@settings(max_examples=60, deadline=None)
def test_between_and_within_are_the_whole(drawn: tuple[list[int], list[int], list[int], float]):
    benefits, codes, weights = (np.array(values) for values in drawn[:3])
    alpha = drawn[3]
    whole = generalized_entropy(benefits, alpha=alpha, weights=weights)
    within = 0.0
    for code in np.unique(codes):
        of = codes == code
        ratio = np.average(benefits[of], weights=weights[of]) / np.average(
            benefits, weights=weights
        )
        own = generalized_entropy(benefits[of], alpha=alpha, weights=weights[of])
        within += weights[of].sum() / weights.sum() * ratio**alpha * own
    between = entropy_between_groups(benefits, codes, alpha=alpha, weights=weights)
    assert between + within == pytest.approx(whole, abs=1e-12)
    repeated = generalized_entropy(np.repeat(benefits, weights), alpha=alpha)
    assert whole == pytest.approx(repeated, abs=1e-12)
    assert between <= whole + 1e-12


@pytest.mark.parametrize("alpha", [-1, 0, 0.5, 1, 2])
def test_identical_benefits_have_no_entropy(alpha: float) -> None:
    assert generalized_entropy(np.full(7, 0.1), alpha=alpha) == pytest.approx(0, abs=1e-15)
    spread = generalized_entropy([1, 2, 1, 2], alpha=alpha)
    assert entropy_between_groups([1, 2, 1, 2], [0, 0, 1, 1], alpha=alpha) == 0
    assert entropy_between_groups([1, 2, 1, 2], [0, 1, 0, 1], alpha=alpha) == pytest.approx(spread)


def test_a_group_without_weight_is_not_there() -> None:
    found = entropy_between_groups([1, 2, 5], [0, 1, 2], weights=[1, 1, 0])
    assert found == entropy_between_groups([1, 2], [0, 1])


def make(n: int = 300, *, missing: int = 0) -> tuple[Dataset, np.ndarray]:
    """People of whom group b is decided by a coin and group a by x."""
    rng = np.random.default_rng(3)
    x, group = rng.normal(size=(n, 2)), rng.choice(["a", "b"], n).astype(object)
    pred = np.where(group == "a", x[:, 0] > 0, rng.random(n) < 0.5).astype(np.int8)
    group[:missing] = None
    weights = rng.integers(1, 4, n).astype(float)
    y = (x[:, 0] > 0).astype(np.int8)
    data = dataset_from_arrays(x, y, pd.DataFrame({"group": group}), weights=weights)
    return data, pred


def test_similar_people_puts_the_measures_together() -> None:
    data, pred = make(missing=5)
    rows = np.random.default_rng(4).permutation(300)[:200]
    score = np.linspace(0, 1, 300)[rows]
    found = similar_people(data, rows, y_pred=pred[rows], y_score=score, n_neighbors=4)
    part = data.features.iloc[rows]
    X = Encoder.fit(part).transform(part)
    assert (found.n_people, found.n_rows, found.n_neighbors) == (200, 200, 4)
    assert found.lipschitz == neighbour_differences(X, score, n_neighbors=4)
    benefits, weights = benefits_of(data.y_true[rows], pred[rows]), data.weights[rows]
    assert found.entropy == generalized_entropy(benefits, weights=weights) > 0
    assert found.theil == generalized_entropy(benefits, alpha=1, weights=weights) > 0
    codes = data.sensitive["group"].iloc[rows].fillna("?")
    assert found.entropy_between["group"] == pytest.approx(
        entropy_between_groups(benefits, codes, weights=weights)
    )
    by_value = {g.value: g for g in found.groups}
    assert list(by_value) == ["a", "b", "(missing)"]
    assert [g.n for g in found.groups] == codes.value_counts()[["a", "b", "?"]].tolist()
    assert by_value["a"].consistency > by_value["b"].consistency + 0.1
    total = {g: weights[(codes == g).to_numpy()].sum() for g in ("a", "b", "?")}
    whole = sum(g.consistency * w for g, w in zip(found.groups, total.values(), strict=True))
    assert found.consistency == pytest.approx(whole / weights.sum())


def test_equal_weights_give_the_plain_consistency() -> None:
    data, pred = make()
    equal = dataset_from_arrays(data.features, data.y_true, data.sensitive)
    X = Encoder.fit(equal.features).transform(equal.features)
    found = similar_people(equal, np.arange(300), y_pred=pred)
    assert found.consistency == pytest.approx(consistency(X, pred))
    assert found.lipschitz is None


def test_only_features_make_people_alike() -> None:
    data, pred = make()
    swapped = data.sensitive.replace({"a": "b", "b": "a"})
    other = dataset_from_arrays(data.features, data.y_true, swapped, weights=data.weights)
    one, two = (similar_people(d, np.arange(300), y_pred=pred) for d in (data, other))
    assert one.consistency == two.consistency
    assert one.groups[0].consistency == two.groups[1].consistency


def test_a_sample_says_that_it_is_one_and_repeats() -> None:
    data, pred = make()
    rows = np.arange(300)
    whole = similar_people(data, rows, y_pred=pred)
    one, two, three = (
        similar_people(data, rows, y_pred=pred, y_score=pred, max_people=150, seed=s)
        for s in (0, 0, 1)
    )
    assert (one.n_people, one.n_rows) == (150, 300)
    assert sum(group.n for group in one.groups) == 150
    assert one.to_dict() == two.to_dict() != three.to_dict()
    assert one.entropy == whole.entropy  # needs no neighbours, so no sample
    assert one.consistency == pytest.approx(whole.consistency, abs=0.1)


def test_a_sample_keeps_rows_scores_and_groups_together() -> None:
    # Group a lives far from b and is all selected; b tosses a coin. Scores rise with x.
    rng = np.random.default_rng(6)
    group = rng.choice(["a", "b"], 400)
    x = rng.random(400) + 50 * (group == "b")
    pred = np.where(group == "a", 1, rng.integers(0, 2, 400)).astype(np.int8)
    data = dataset_from_arrays(x[:, None], rng.integers(0, 2, 400).astype(np.int8), group)
    rows = rng.permutation(400)
    found = similar_people(data, rows, y_pred=pred[rows], y_score=x[rows] / 60, max_people=100)
    assert [g.consistency == 1 for g in found.groups] == [True, False]
    assert found.lipschitz is not None
    assert found.lipschitz.median == pytest.approx(found.lipschitz.maximum, rel=0.05)


def test_constant_decisions_are_consistent_and_everything_can_be_stored() -> None:
    data, _ = make()
    found = similar_people(data, np.arange(300), y_pred=np.ones(300), y_score=np.ones(300))
    assert found.consistency == 1
    assert all(group.consistency == 1 for group in found.groups)
    rows = np.flatnonzero((data.sensitive["group"] == "a").to_numpy() & (data.y_true == 1))
    nobody = similar_people(data, rows, y_pred=np.zeros(len(rows)))
    assert math.isnan(nobody.entropy)  # all deserve the good outcome and nobody gets it
    stored = json.loads(json.dumps(nobody.to_dict(), allow_nan=False))
    assert stored["entropy"] is None
    assert stored["lipschitz"] is None
    assert stored["entropy_between"] == {"group": None}
    assert stored["groups"][1] == {"attribute": "group", "value": "b", "n": 0, "consistency": None}
    assert nobody.to_frame().columns.tolist() == list(stored["groups"][0])
    assert json.loads(json.dumps(found.to_dict()))["lipschitz"]["maximum"] == 0


def test_what_cannot_be_measured_is_refused() -> None:
    data, pred = make(20)
    with pytest.raises(InputError, match="from 1 to 4"):
        consistency(LINE, [1, 0, 0, 1])
    with pytest.raises(InputError, match="from 1 to 3"):
        neighbour_differences(LINE, [1, 0, 0, 1], n_neighbors=4)
    with pytest.raises(InputError, match="finite"):
        consistency(LINE * np.nan, [1, 0, 0, 1], n_neighbors=1)
    with pytest.raises(InputError, match="finite"):
        consistency(LINE, [1, 0, 0, np.nan], n_neighbors=1)
    with pytest.raises(InputError, match="table of numbers"):
        consistency([["a"], ["b"]], [1, 0], n_neighbors=1)
    with pytest.raises(InputError, match="y_pred"):
        consistency(LINE, [1, 0], n_neighbors=1)
    with pytest.raises(InputError, match="y_score"):
        neighbour_differences(LINE, [1, 0], n_neighbors=1)
    with pytest.raises(InputError, match="benefits"):
        generalized_entropy([1, -1])
    with pytest.raises(InputError, match="codes"):
        entropy_between_groups([1, 1], [0])
    with pytest.raises(InputError, match="y_pred must have one value per row number"):
        similar_people(data, np.arange(10), y_pred=pred)
    with pytest.raises(InputError, match="y_score must have one value per row number"):
        similar_people(data, np.arange(20), y_pred=pred, y_score=np.ones(3))
