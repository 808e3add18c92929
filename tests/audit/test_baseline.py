from __future__ import annotations

import pickle
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from faircore.audit.baseline import BASELINES, find_baseline, train_baseline
from faircore.audit.model_inputs import as_rows, model_inputs
from faircore.data import Dataset, dataset_from_arrays, load_sample
from faircore.data.dataset import build_dataset
from faircore.errors import InputError


def make(n: int = 400, *, seed: int = 0, weights: object = None) -> Dataset:
    """A target that depends on x and, as strongly, on the group."""
    rng = np.random.default_rng(seed)
    x, group = rng.normal(size=n), rng.choice(["a", "b"], n)
    y = (x + 2 * (group == "a") - 1 + 0.3 * rng.normal(size=n) > 0).astype(np.int8)
    job = rng.choice(["cook", "baker"], n)
    return dataset_from_arrays(pd.DataFrame({"x": x, "job": job}), y, group, weights=weights)


@pytest.mark.parametrize("kind", BASELINES)
def test_scores_are_probabilities_that_rank_the_outcome(kind: str) -> None:
    data = make()
    model = train_baseline(data, np.arange(200), kind=kind)
    score = model.score(data.features, data.sensitive)
    assert score.dtype == np.float64
    assert score.shape == (400,)
    assert (score >= 0).all()
    assert (score <= 1).all()
    assert score[200:][data.y_true[200:] == 1].mean() > score[200:][data.y_true[200:] == 0].mean()
    assert model.kind == kind
    assert model.fit_seconds > 0


@pytest.mark.parametrize("kind", BASELINES)
def test_only_the_given_rows_are_learned(kind: str) -> None:
    data = make()
    rows = np.arange(0, 400, 2)
    other = make(seed=9)
    mixed_features = other.features.copy()
    mixed_features.iloc[rows] = data.features.iloc[rows]
    y = other.y_true.copy()
    y[rows] = data.y_true[rows]
    group = other.sensitive["group"].copy()
    group.iloc[rows] = data.sensitive["group"].iloc[rows]
    mixed_features.columns = ["x", "job"]
    mixed = dataset_from_arrays(mixed_features, y, group)
    one = train_baseline(data, rows, kind=kind, with_sensitive=True)
    two = train_baseline(mixed, rows, kind=kind, with_sensitive=True)
    np.testing.assert_array_equal(
        one.score(data.features, data.sensitive), two.score(data.features, data.sensitive)
    )


@pytest.mark.parametrize("kind", BASELINES)
def test_weights_are_used(kind: str) -> None:
    x = np.zeros((200, 1))
    y = (np.arange(200) % 2).astype(np.int8)
    weights = np.where(y == 1, 3.0, 1.0)
    data = dataset_from_arrays(x, y, ["a"] * 200, weights=weights)
    model = train_baseline(data, np.arange(200), kind=kind)
    # With nothing to tell rows apart the score is the weighted base rate.
    np.testing.assert_allclose(model.score(data.features, data.sensitive), 0.75, atol=1e-3)


def test_the_sensitive_attribute_counts_only_when_asked() -> None:
    data = make()
    swapped = data.sensitive.replace({"a": "b", "b": "a"})
    blind = train_baseline(data, np.arange(400))
    seeing = train_baseline(data, np.arange(400), with_sensitive=True)
    np.testing.assert_array_equal(
        blind.score(data.features, data.sensitive), blind.score(data.features, swapped)
    )
    change = seeing.score(data.features, swapped) - seeing.score(data.features, data.sensitive)
    is_a = (data.sensitive["group"] == "a").to_numpy()
    assert (change[is_a] < 0).all()
    assert (change[~is_a] > 0).all()


def test_names_cannot_collide() -> None:
    features = pd.DataFrame({"g": [1], "sensitive:g": [2], "feature:sensitive:g": [3]})
    joined = model_inputs(features, pd.DataFrame({"g": ["a"]}))
    assert joined.columns.is_unique
    assert joined.iloc[0].tolist() == [1, 2, 3, "a"]
    assert model_inputs(features, None) is features


def test_rows_stay_together_whatever_their_index() -> None:
    features = pd.DataFrame({"x": [1.0, 2.0]}, index=[7, 3])
    joined = model_inputs(features, pd.DataFrame({"g": ["a", "b"]}, index=[3, 7]))
    assert joined.to_numpy().tolist() == [[1.0, "a"], [2.0, "b"]]


def test_a_seed_repeats_and_a_model_can_be_stored() -> None:
    data = make()
    one, two = (train_baseline(data, np.arange(300), kind="boosted", seed=4) for _ in range(2))
    score = one.score(data.features, data.sensitive)
    np.testing.assert_array_equal(score, two.score(data.features, data.sensitive))
    stored = pickle.loads(pickle.dumps(one))
    np.testing.assert_array_equal(score, stored.score(data.features, data.sensitive))


def test_a_model_holds_no_training_row() -> None:
    data = make(3_000)
    text = pickle.dumps(train_baseline(data, np.arange(3_000)))
    assert len(text) < 3_000  # less than a byte for each row


def test_the_logistic_baseline_converges_on_adult() -> None:
    data = build_dataset(*load_sample("adult"))
    rows = np.random.default_rng(0).choice(data.n_rows, 5_000, replace=False)
    model = train_baseline(data, rows, with_sensitive=True)  # a warning is an error here
    assert model.estimator.n_iter_[0] < model.estimator.max_iter
    right = (model.score(data.features, data.sensitive) >= 0.5) == data.y_true
    assert right.mean() > 0.82


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([], "at least one"),
        ([0.0, 1.0], "whole row number"),
        ([True, False], "whole row number"),
        ([[0, 1]], "whole row number"),
        ([0, 10], "0 to 9"),
        ([-1, 2], "0 to 9"),
        ([1, 1], "repeat"),
    ],
)
def test_wrong_row_numbers_are_refused(rows: object, words: str) -> None:
    with pytest.raises(InputError, match=words):
        as_rows(rows, n_rows=10)


def test_what_cannot_be_learned_is_refused() -> None:
    data = make(weights=np.r_[np.ones(200), np.zeros(200)])
    with pytest.raises(InputError, match="logistic, boosted"):
        find_baseline("nonsense")
    with pytest.raises(InputError, match="both outcomes"):
        train_baseline(data, np.flatnonzero(data.y_true == 1))
    with pytest.raises(InputError, match="both outcomes"):
        train_baseline(data, np.arange(200, 400))
    model = train_baseline(data, np.arange(200), with_sensitive=True)
    with pytest.raises(InputError, match="one row per person"):
        model.score(data.features, data.sensitive.iloc[:3])
    with pytest.raises(InputError, match="needs the column"):
        model.score(data.features[["X:x"]], data.sensitive)


def test_importing_the_audit_is_light() -> None:
    code = (
        "import sys, faircore.audit.baseline, faircore.audit.imitation, faircore.audit.individual, "
        "faircore.audit.proxies; print(*sys.modules)"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert not {"sklearn", "torch", "streamlit", "plotly"} & set(loaded)
