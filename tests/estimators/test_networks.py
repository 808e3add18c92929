from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
import sklearn
import torch
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import make_scorer
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks
from torch import nn

from faircore.errors import InputError
from faircore.estimators.networks import FairNetClassifier
from faircore.penalties import PENALTIES, PenaltyOptions
from faircore.predictors import Network

Arrays = tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.int64]]

# A classifier that learns from minibatches and holds rows out to stop on cannot be the same when
# rows are repeated instead of weighted: other rows are held out, and batches are cut elsewhere.
EXPECTED = {
    "check_sample_weight_equivalence_on_dense_data": "minibatches are cut by row, not by weight",
}


@parametrize_with_checks(
    [FairNetClassifier(random_state=0, epochs=30, learning_rate=0.01)],
    expected_failed_checks=lambda _: EXPECTED,
)
def test_scikit_learn_contract(estimator: Any, check: Any) -> None:
    check(estimator)


def people(n: int = 1500, seed: int = 0) -> Arrays:
    """Two groups whose first feature, on a scale of hundreds, is shifted."""
    rng = np.random.default_rng(seed)
    group = rng.integers(0, 2, n)
    X = np.column_stack([400 + 100 * (rng.normal(size=n) + 1.5 * group), rng.normal(size=n)])
    y = (X[:, 0] / 100 - 4 + X[:, 1] + rng.normal(size=n) > 0.8).astype(int)
    return X, y, group


def gap(predicted: NDArray[Any], group: NDArray[np.int64]) -> float:
    return abs(float(predicted[group == 1].mean() - predicted[group == 0].mean()))


QUICK = {"hidden": (), "learning_rate": 0.05, "epochs": 25, "random_state": 0}


def test_without_a_penalty_it_is_logistic_regression() -> None:
    X, y, _ = people(3000)
    model = FairNetClassifier(**QUICK, validation_fraction=0).fit(X, y)
    reference = LogisticRegression(C=1e6).fit((X - X.mean(0)) / X.std(0), y)
    expected = reference.predict_proba((X - X.mean(0)) / X.std(0))
    assert np.abs(model.predict_proba(X) - expected).mean() < 0.01


def test_a_sweep_is_what_single_fits_are_and_narrows_the_gap() -> None:
    X, y, group = people()
    made = FairNetClassifier(**QUICK).sweep(X, y, [0.0, 1.0, 5.0], sensitive_features=group)
    gaps = [gap(model.predict(X), group) for model in made]
    assert gaps[0] > 0.4
    assert gaps[2] < gaps[1] < gaps[0]
    assert gaps[2] < 0.1
    for eta, model in zip([0.0, 1.0, 5.0], made, strict=True):
        alone = FairNetClassifier(eta, **QUICK).fit(X, y, sensitive_features=group)
        assert alone.best_epoch_ == model.best_epoch_
        np.testing.assert_allclose(alone.predict_proba(X), model.predict_proba(X), atol=1e-4)
        assert model.get_params()["eta"] == eta


@pytest.mark.parametrize("penalty", PENALTIES)
def test_every_penalty_trains(penalty: str) -> None:
    X, y, group = people(600)
    options = PenaltyOptions(versus="pairs", memory=0.8, shrinkage=2)
    model = FairNetClassifier(2.0, penalty, **QUICK, options=options)
    model.fit(X, y, sensitive_features=group)
    assert np.isfinite(model.predict_proba(X)).all()
    assert set(model.history_) == {"epoch", "loss", "penalty", "gap", "soft_gap"}


def test_labels_names_and_tables_are_those_of_the_caller() -> None:
    X, y, group = people(400)
    words = np.where(y == 1, "yes", "no")
    frame = pd.DataFrame(X, columns=["income", "age"])
    model = FairNetClassifier(0.5, **QUICK).fit(frame, words, sensitive_features=group)
    assert model.feature_names_in_.tolist() == ["income", "age"]
    assert model.classes_.tolist() == ["no", "yes"]
    assert set(model.predict(frame)) <= {"no", "yes"}
    from_polars = FairNetClassifier(0.5, **QUICK).fit(
        pl.DataFrame(X, schema=["income", "age"]), words, sensitive_features=pl.Series(group)
    )
    table = pl.DataFrame(X, schema=["income", "age"])
    np.testing.assert_allclose(from_polars.predict_proba(table), model.predict_proba(frame))


def test_partitions_cross_attributes() -> None:
    X, y, group = people(900)
    other = np.arange(900) % 3
    table = pd.DataFrame({"sex": group, "race": other})
    model = FairNetClassifier(1.0, **QUICK, partitions=[("sex",), ("sex", "race")])
    model.fit(X, y, sensitive_features=table)
    assert np.isfinite(model.history_["gap"]).all()
    with pytest.raises(InputError, match="unknown attributes age"):
        model.set_params(partitions=[("age",)]).fit(X, y, sensitive_features=table)


def test_weights_count() -> None:
    X, y, _ = people(800)
    heavy = np.where(y == 1, 10.0, 1.0)
    plain, tilted = (
        FairNetClassifier(**QUICK).fit(X, y, sample_weight=w).predict(X).mean()
        for w in (None, heavy)
    )
    assert tilted > plain + 0.1


def test_a_model_in_use_goes_on_from_where_it_is() -> None:
    X, y, group = people()
    before = FairNetClassifier(**QUICK).fit(X, y)
    kept = pickle.dumps(before.model_)
    after = FairNetClassifier(5.0, **QUICK, model=before).fit(X, y, sensitive_features=group)
    assert isinstance(after.model_, Network)
    assert gap(after.predict(X), group) < gap(before.predict(X), group) / 2
    assert pickle.dumps(before.model_) == kept  # the one in use is untouched
    same = FairNetClassifier(0.0, **{**QUICK, "epochs": 1, "learning_rate": 1e-9}, model=before)
    np.testing.assert_allclose(same.fit(X, y).predict_proba(X), before.predict_proba(X), atol=1e-5)


def test_going_on_never_ends_worse_on_the_rows_held_out() -> None:
    X, y, _ = people()
    good = FairNetClassifier(**QUICK).fit(X, y)
    wild = FairNetClassifier(0.0, **{**QUICK, "learning_rate": 50.0}, model=good).fit(X, y)
    assert wild.best_epoch_ == 0
    np.testing.assert_allclose(wild.predict_proba(X), good.predict_proba(X), atol=1e-6)


def test_any_module_is_tuned_on_a_copy_towards_a_smaller_gap() -> None:
    X, y, group = people()
    Z = ((X - X.mean(0)) / X.std(0)).astype(np.float32)
    torch.manual_seed(0)
    module = nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Dropout(0.1), nn.Linear(8, 1))
    optimizer = torch.optim.Adam(module.parameters(), 0.02)
    for _ in range(150):
        optimizer.zero_grad()
        logits = module(torch.from_numpy(Z))[:, 0]
        nn.functional.binary_cross_entropy_with_logits(logits, torch.tensor(y).float()).backward()
        optimizer.step()
    weights = [p.detach().clone() for p in module.parameters()]
    start = FairNetClassifier(0.0, **{**QUICK, "learning_rate": 1e-9}, model=module).fit(Z, y)
    tuned = FairNetClassifier(5.0, **{**QUICK, "learning_rate": 0.1}, model=module)
    tuned.fit(Z, y, sensitive_features=group)
    assert gap(tuned.predict(Z), group) < gap(start.predict(Z), group) / 3
    for now, before in zip(module.parameters(), weights, strict=True):
        assert torch.equal(now, before)
    again = pickle.loads(pickle.dumps(tuned))
    np.testing.assert_array_equal(again.predict_proba(Z), tuned.predict_proba(Z))


def test_clone_pickle_and_equal_seeds() -> None:
    X, y, group = people(500)
    model = FairNetClassifier(1.0, **QUICK).fit(X, y, sensitive_features=group)
    again = clone(model).fit(X, y, sensitive_features=group)
    np.testing.assert_array_equal(again.predict_proba(X), model.predict_proba(X))
    np.testing.assert_array_equal(
        pickle.loads(pickle.dumps(model)).predict_proba(X), model.predict_proba(X)
    )


def test_metadata_routing_through_pipeline_and_grid_search() -> None:
    X, y, group = people(600)
    with sklearn.config_context(enable_metadata_routing=True):
        model = FairNetClassifier(**{**QUICK, "epochs": 8}).set_fit_request(
            sensitive_features=True, sample_weight=True
        )
        search = GridSearchCV(
            make_pipeline(StandardScaler().set_fit_request(sample_weight=False), model),
            {"fairnetclassifier__eta": [0.0, 5.0]},
            scoring=make_scorer(lambda truth, predicted: float((truth == predicted).mean())),
            cv=3,
        )
        search.fit(X, y, sensitive_features=group, sample_weight=np.ones(600))
    assert search.best_params_ == {"fairnetclassifier__eta": 0.0}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"eta": -1.0}, "Every eta"),
        ({"penalty": "fairness"}, "no penalty 'fairness'"),
        ({"validation_fraction": 1.0}, "validation_fraction"),
        ({"epochs": 0}, "epochs must be"),
        ({"ramp": "sudden"}, "ramp must be"),
        ({"model": "booster"}, "must be an nn.Module"),
    ],
)
def test_what_cannot_be_used_is_refused(change: dict[str, Any], message: str) -> None:
    X, y, group = people(100)
    with pytest.raises(InputError, match=message):
        FairNetClassifier(**{**QUICK, **change}).fit(X, y, sensitive_features=group)


def test_groups_are_asked_for_when_they_are_needed() -> None:
    X, y, group = people(100)
    with pytest.raises(InputError, match="Pass sensitive_features to fit"):
        FairNetClassifier(1.0).fit(X, y)
    with pytest.raises(InputError, match="has 50 rows and X has 100"):
        FairNetClassifier(1.0).fit(X, y, sensitive_features=group[:50])
