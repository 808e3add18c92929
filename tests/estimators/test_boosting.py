from __future__ import annotations

import pickle
import subprocess
import sys
from typing import Any

import lightgbm as lgb
import numpy as np
import pandas as pd
import polars as pl
import pytest
import sklearn
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.metrics import make_scorer
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from faircore.errors import InputError
from faircore.estimators.boosting import FairBoostingClassifier
from faircore.penalties import PENALTIES, PenaltyOptions
from faircore.predictors import Trees

Arrays = tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.int64]]

# Rows that are repeated are cut into other bins than rows that weigh more, and more of them fit
# into a leaf that needs a number of rows.
EXPECTED = {
    "check_sample_weight_equivalence_on_dense_data": "bins and leaves count rows, not weights",
}


@parametrize_with_checks(
    [FairBoostingClassifier(random_state=0, n_rounds=30, min_rows=5)],
    expected_failed_checks=lambda _: EXPECTED,
)
def test_scikit_learn_contract(estimator: Any, check: Any) -> None:
    check(estimator)


def people(n: int = 1500, seed: int = 0) -> Arrays:
    """Two groups whose first feature is shifted."""
    rng = np.random.default_rng(seed)
    group = rng.integers(0, 2, n)
    X = np.column_stack([rng.normal(size=n) + 1.5 * group, rng.normal(size=(n, 2))])
    y = (X[:, 0] + X[:, 1] + rng.normal(size=n) > 0.8).astype(int)
    return X, y, group


def gap(predicted: NDArray[Any], group: NDArray[np.int64]) -> float:
    return abs(float(predicted[group == 1].mean() - predicted[group == 0].mean()))


QUICK = {"n_rounds": 30, "n_leaves": 8, "random_state": 0}


def test_a_sweep_is_what_single_fits_are_and_narrows_the_gap() -> None:
    X, y, group = people()
    etas = [0.0, 0.3, 2.0]
    made = FairBoostingClassifier(**QUICK).sweep(X, y, etas, sensitive_features=group)
    gaps = [gap(model.predict(X), group) for model in made]
    assert gaps[0] > 0.4
    assert gaps[2] < gaps[1] < gaps[0]
    assert gaps[2] < 0.2
    for eta, model in zip(etas, made, strict=True):
        alone = FairBoostingClassifier(eta, **QUICK).fit(X, y, sensitive_features=group)
        assert alone.best_epoch_ == model.best_epoch_
        np.testing.assert_array_equal(alone.predict_proba(X), model.predict_proba(X))
        assert model.get_params()["eta"] == eta
        assert model.fit_seconds_ > 0


def test_without_a_penalty_it_needs_no_groups_and_predicts_as_lightgbm() -> None:
    X, y, _ = people(3000)
    model = FairBoostingClassifier(**QUICK, patience=0, validation_fraction=0).fit(X, y)
    reference = lgb.LGBMClassifier(n_estimators=30, num_leaves=8, verbosity=-1, n_jobs=1)
    reference.fit(X.astype(np.float32), y)
    expected = reference.booster_.predict(X.astype(np.float32))
    np.testing.assert_allclose(model.predict_proba(X)[:, 1], expected, atol=1e-4)
    with pytest.raises(InputError, match="sensitive_features"):
        FairBoostingClassifier(1.0).fit(X, y)


@pytest.mark.parametrize("penalty", PENALTIES)
def test_every_penalty_trains(penalty: str) -> None:
    X, y, group = people(600)
    options = PenaltyOptions(versus="pairs", memory=0.8, shrinkage=2)
    model = FairBoostingClassifier(1.0, penalty, **QUICK, options=options)
    model.fit(X, y, sensitive_features=group)
    assert np.isfinite(model.predict_proba(X)).all()
    assert set(model.history_) == {"epoch", "loss", "penalty", "gap", "soft_gap"}


def test_labels_names_and_tables_are_those_of_the_caller() -> None:
    X, y, group = people(400)
    names, words = ["income", "age", "years"], np.where(y == 1, "yes", "no")
    frame = pd.DataFrame(X, columns=names)
    model = FairBoostingClassifier(0.5, **QUICK).fit(frame, words, sensitive_features=group)
    assert model.feature_names_in_.tolist() == names
    assert model.classes_.tolist() == ["no", "yes"]
    assert set(model.predict(frame)) <= {"no", "yes"}
    table = pl.DataFrame(X, schema=names)
    from_polars = FairBoostingClassifier(0.5, **QUICK).fit(
        table, words, sensitive_features=pl.Series("sex", group)
    )
    np.testing.assert_array_equal(from_polars.predict_proba(table), model.predict_proba(frame))
    from_numpy = FairBoostingClassifier(0.5, **QUICK).fit(X, words, sensitive_features=group)
    np.testing.assert_array_equal(from_numpy.predict_proba(X), model.predict_proba(frame))


def test_a_missing_value_is_a_value() -> None:
    X, y, group = people()
    X[y == 1, 2] = np.nan
    model = FairBoostingClassifier(0.1, **QUICK).fit(X, y, sensitive_features=group)
    assert model.score(X, y) > 0.97
    assert np.isfinite(model.predict_proba(np.full((3, 3), np.nan))).all()


def test_partitions_cross_attributes() -> None:
    X, y, group = people(900)
    table = pd.DataFrame({"sex": group, "race": np.arange(900) % 3})
    model = FairBoostingClassifier(1.0, **QUICK, partitions=[("sex",), ("sex", "race")])
    model.fit(X, y, sensitive_features=table)
    assert np.isfinite(model.history_["gap"]).all()
    with pytest.raises(InputError, match="unknown attributes age"):
        model.set_params(partitions=[("age",)]).fit(X, y, sensitive_features=table)


def test_weights_count() -> None:
    X, y, _ = people(800)
    heavy = np.where(y == 1, 10.0, 1.0)
    plain, tilted = (
        FairBoostingClassifier(**QUICK).fit(X, y, sample_weight=w).predict(X).mean()
        for w in (None, heavy)
    )
    assert tilted > plain + 0.1


def test_a_model_in_use_is_made_fairer_by_a_few_trees() -> None:
    X, y, group = people()
    X = X.astype(np.float32).astype(np.float64)
    used = lgb.LGBMClassifier(n_estimators=40, num_leaves=8, verbosity=-1, n_jobs=1).fit(X, y)
    before = used.booster_.predict(X)
    given = {**QUICK, "n_rounds": 10, "fine_tune_rate": 1.0}
    models = [used, used.booster_, Trees.from_booster(used.booster_)]
    tuned = [
        FairBoostingClassifier(2.0, **given, model=model).fit(X, y, sensitive_features=group)
        for model in models
    ]
    for one in tuned:
        assert one.model_.n_trees <= 50
        assert gap(one.predict(X), group) < 0.6 * gap(before >= 0.5, group)
        np.testing.assert_array_equal(one.predict_proba(X), tuned[0].predict_proba(X))
    np.testing.assert_array_equal(used.booster_.predict(X), before)  # it is left as it is
    more = FairBoostingClassifier(0.0, **given, model=tuned[0]).fit(X, y)
    assert more.history_["epoch"].iloc[0] == 0
    assert more.model_.n_trees == tuned[0].model_.n_trees + more.best_epoch_


def test_going_on_never_ends_worse_on_the_rows_held_out() -> None:
    X, y, _ = people()
    good = FairBoostingClassifier(**QUICK).fit(X, y)
    wild = {**QUICK, "learning_rate": 1000.0, "patience": 2}
    after = FairBoostingClassifier(0.0, **wild, model=good).fit(X, y)
    losses = after.history_.set_index("epoch")["loss"]
    assert losses[after.best_epoch_] <= losses[0]


def test_a_model_that_cannot_be_gone_on_from_is_refused() -> None:
    X, y, _ = people(300)
    used = lgb.LGBMClassifier(n_estimators=2, verbosity=-1, n_jobs=1).fit(X, y)
    with pytest.raises(InputError, match="must know the classes of y"):
        FairBoostingClassifier(**QUICK, model=used).fit(X, np.where(y == 1, "yes", "no"))
    with pytest.raises(InputError, match="expects 3 encoded columns"):
        FairBoostingClassifier(**QUICK, model=used).fit(X[:, :2], y)
    with pytest.raises(InputError, match=r"must be a LightGBM booster.* it is a str"):
        FairBoostingClassifier(**QUICK, model="model.txt").fit(X, y)


def test_it_survives_pickle_and_clone() -> None:
    X, y, group = people(500)
    options = PenaltyOptions(small_group=5)
    model = FairBoostingClassifier(0.5, **QUICK, options=options).fit(
        X, y, sensitive_features=group
    )
    back = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(back.predict_proba(X), model.predict_proba(X))
    copy = clone(model)
    assert copy.get_params() == model.get_params()
    assert not hasattr(copy, "model_")
    np.testing.assert_array_equal(
        copy.fit(X, y, sensitive_features=group).predict_proba(X), model.predict_proba(X)
    )


def test_pipelines_and_searches_pass_groups_and_weights_on() -> None:
    X, y, group = people(600)
    weights = np.random.default_rng(0).exponential(1, 600)

    def parity(y: Any, predicted: Any, *, sensitive_features: Any) -> float:
        return -gap(predicted, np.asarray(sensitive_features))

    with sklearn.config_context(enable_metadata_routing=True):
        base = FairBoostingClassifier(**QUICK).set_fit_request(
            sensitive_features=True, sample_weight=True
        )
        scorer = make_scorer(parity).set_score_request(sensitive_features=True)
        scaler = StandardScaler().set_fit_request(sample_weight=False)
        search = GridSearchCV(
            make_pipeline(scaler, base),
            {"fairboostingclassifier__eta": [0.0, 1.0]},
            scoring=scorer,
            cv=3,
        ).fit(X, y, sensitive_features=group, sample_weight=weights)
    assert search.best_params_ == {"fairboostingclassifier__eta": 1.0}


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"eta": -1.0}, "Every eta"),
        ({"eta": np.nan}, "Every eta"),
        ({"penalty": "kindness"}, "no penalty 'kindness'"),
        ({"n_rounds": 0}, "n_rounds must be"),
        ({"validation_fraction": 1.0}, "validation_fraction must be"),
    ],
)
def test_what_cannot_be_used_is_refused(given: dict[str, Any], reason: str) -> None:
    X, y, group = people(200)
    with pytest.raises(InputError, match=reason):
        FairBoostingClassifier(**{**QUICK, **given}).fit(X, y, sensitive_features=group)
    with pytest.raises(InputError, match="Every eta"):
        FairBoostingClassifier(**QUICK).sweep(X, y, [], sensitive_features=group)


def test_importing_faircore_loads_neither_lightgbm_nor_scikit_learn() -> None:
    code = "import sys, faircore; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert not {"lightgbm", "sklearn", "torch"} & set(loaded)
