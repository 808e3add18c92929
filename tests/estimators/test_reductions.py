from __future__ import annotations

import contextlib
import pickle
from typing import Any

import lightgbm as lgb
import numpy as np
import pandas as pd
import polars as pl
import pytest
import sklearn
import xgboost as xgb
from fairlearn.reductions import EqualizedOdds
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.linear_model import LogisticRegression, Perceptron
from sklearn.metrics import make_scorer
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks
from sklearn.utils.validation import _num_samples

from faircore.errors import InputError
from faircore.estimators.reductions import ReductionsWrapper
from faircore.predictors import row_draws
from faircore.predictors.mixture import Mixture

Arrays = tuple[NDArray[np.float64], NDArray[np.int64], NDArray[Any]]


class WithGroups(ReductionsWrapper):
    """The same with groups of its own making: scikit-learn's checks pass none."""

    def fit(
        self, X: Any, y: Any, *, sensitive_features: Any = None, sample_weight: Any = None
    ) -> Any:
        if sensitive_features is None:
            with contextlib.suppress(TypeError):  # what has no rows is refused as such
                sensitive_features = np.arange(_num_samples(X)) % 2
        return super().fit(X, y, sensitive_features=sensitive_features, sample_weight=sample_weight)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@parametrize_with_checks(
    [WithGroups(LogisticRegression(), tolerance=0.3, max_iter=2, mixture="mean")]
)
def test_scikit_learn_contract(estimator: Any, check: Any) -> None:
    check(estimator)


def people(n: int = 600, seed: int = 0) -> Arrays:
    """Two groups whose first feature is shifted."""
    rng = np.random.default_rng(seed)
    group = rng.choice(["f", "m"], n)
    X = np.column_stack([rng.normal(size=n) + 1.3 * (group == "m"), rng.normal(size=(n, 2))])
    X = X.astype(np.float32).astype(np.float64)
    y = (X[:, 0] + X[:, 1] + rng.normal(size=n) > 0.8).astype(int)
    return X, y, group


def gap(predicted: NDArray[Any], group: NDArray[Any]) -> float:
    return abs(float(predicted[group == "m"].mean() - predicted[group == "f"].mean()))


KINDS: dict[str, Any] = {
    "logistic": LogisticRegression(),
    "lightgbm": lgb.LGBMClassifier(n_estimators=10, num_leaves=8, verbosity=-1, n_jobs=1),
    "xgboost": xgb.XGBClassifier(n_estimators=8, max_depth=3, n_jobs=1),
    "hist": HistGradientBoostingClassifier(
        max_iter=3, max_leaf_nodes=6, max_bins=16, learning_rate=0.5
    ),
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_classifier_keeps_the_bound_by_lot_and_can_be_copied(kind: str) -> None:
    X, y, group = people()
    plain = clone(KINDS[kind]).fit(X, y)
    fair = ReductionsWrapper(KINDS[kind], max_iter=5).fit(X, y, sensitive_features=group)
    assert gap(plain.predict(X), group) > 0.25
    assert fair.feasible_
    assert fair.note_ == ""
    # Expected by the mixture: exact. By lot: within the noise of 600 draws.
    share = sum(w * m.predict(X) for w, m in zip(fair.weights_, fair.predictors_, strict=True))
    assert gap(share, group) == pytest.approx(fair.gaps_["difference"].iloc[0], abs=1e-9)
    assert fair.gaps_["gap"].iloc[0] <= 0.021
    assert gap(fair.predict(X), group) < 0.15
    assert abs(fair.weights_.sum() - 1) < 1e-9
    for mode in ("mean", "vote", "drawn"):
        copy = fair.set_params(mixture=mode).to_predictor()
        assert isinstance(copy, Mixture)
        said = copy.predict_proba(X.astype(np.float32))
        np.testing.assert_array_equal((said >= 0.5).astype(int), fair.predict(X))
        if mode == "mean":
            np.testing.assert_allclose(said, fair.predict_proba(X)[:, 1], atol=1e-6)


def test_how_the_mixture_decides_can_be_asked_for_each_time() -> None:
    X, y, group = people()
    fair = ReductionsWrapper(LogisticRegression(), max_iter=6).fit(X, y, sensitive_features=group)
    shares = np.stack([m.predict_proba(X)[:, 1] for m in fair.predictors_])
    np.testing.assert_allclose(fair.predict_proba(X)[:, 1], fair.weights_ @ shares)
    np.testing.assert_allclose(fair.predict_proba(X).sum(axis=1), 1)
    mean = (fair.weights_ @ shares >= 0.5).astype(int)
    np.testing.assert_array_equal(fair.predict(X, mixture="mean"), mean)
    vote = (fair.weights_ @ (shares > 0.5) >= 0.5).astype(int)
    np.testing.assert_array_equal(fair.predict(X, mixture="vote"), vote)
    drawn = fair.predict(X)
    which = np.searchsorted(np.cumsum(fair.weights_), row_draws(X, seed=0), side="right")
    np.testing.assert_array_equal(drawn, (shares > 0.5)[which, np.arange(len(X))])
    order = np.random.default_rng(0).permutation(len(X))
    np.testing.assert_array_equal(fair.predict(X[order]), drawn[order])
    assert (fair.set_params(random_state=1).predict(X) != drawn).any()
    for wrong in ("median", 1):
        with pytest.raises(InputError, match="one of mean, vote, drawn"):
            fair.predict(X, mixture=wrong)
    with pytest.raises(InputError, match="random_state must be a whole number"):
        fair.set_params(random_state=np.random.RandomState(0)).predict(X)


def test_text_columns_are_drawn_by_their_text() -> None:
    X, y, group = people()
    town = np.random.default_rng(1).choice(["a", "b", "c", "d"], len(X))
    frame = pd.DataFrame({"income": X[:, 0], "age": X[:, 1], "town": town})
    pipe = make_pipeline(
        make_column_transformer((OneHotEncoder(), ["town"]), remainder="passthrough"),
        LogisticRegression(),
    )
    fair = ReductionsWrapper(
        pipe, max_iter=6, sample_weight_name="logisticregression__sample_weight"
    ).fit(frame, y, sensitive_features=group)
    assert fair.feature_names_in_.tolist() == ["income", "age", "town"]
    drawn = fair.predict(frame)
    assert gap(drawn, group) < 0.15
    coded = frame.assign(town=pd.Categorical(town, ["d", "a", "b", "c"]))
    np.testing.assert_array_equal(fair.predict(coded), drawn)
    np.testing.assert_array_equal(fair.predict(pl.DataFrame(frame)), drawn)
    np.testing.assert_array_equal(fair.predict(frame.iloc[::-1]), drawn[::-1])
    with pytest.raises(InputError, match="Pipeline cannot be copied"):
        fair.to_predictor()


def test_tables_arrays_and_labels_are_those_of_the_caller() -> None:
    X, y, group = people(400)
    words = np.where(y == 1, "yes", "no")
    frame = pd.DataFrame(X, columns=["a", "b", "c"], index=np.arange(400)[::-1])
    fits = [
        ReductionsWrapper(KINDS["lightgbm"], max_iter=3).fit(table, target, sensitive_features=g)
        for table, target, g in (
            (frame, pd.Series(words, frame.index), pd.Series(group, frame.index)),
            (pl.DataFrame(X, schema=["a", "b", "c"]), pl.Series(words), pl.Series("sex", group)),
            (X, words, pd.Categorical(group, ["m", "f"])),
            (X, words.tolist(), group.tolist()),
        )
    ]
    for fair, table in zip(fits, (frame, frame, X, X), strict=True):
        assert fair.classes_.tolist() == ["no", "yes"]
        assert fair.n_features_in_ == 3
        np.testing.assert_array_equal(fair.weights_, fits[0].weights_)
        np.testing.assert_array_equal(fair.predict(table), fits[0].predict(frame))


def test_an_estimator_without_probabilities_counts_by_its_decisions() -> None:
    X, y, group = people(400)
    fair = ReductionsWrapper(Perceptron(), max_iter=6, tolerance=0.1).fit(
        X, y, sensitive_features=group
    )
    share = sum(w * m.predict(X) for w, m in zip(fair.weights_, fair.predictors_, strict=True))
    np.testing.assert_allclose(fair.predict_proba(X)[:, 1], share)


# What `pytest.warns` did not expect it warns of again, as if it did not come from Fairlearn.
@pytest.mark.filterwarnings("ignore:Setting a:DeprecationWarning")
def test_what_is_not_met_is_said() -> None:
    X, y, group = people()
    wrapper = ReductionsWrapper(
        LogisticRegression(), tolerance=0.0, max_iter=2, run_linprog_step=False, eta0=0.01
    )
    with pytest.warns(ConvergenceWarning, match="asked for a gap of 0 points, the smallest found"):
        wrapper.fit(X, y, sensitive_features=group)
    assert not wrapper.feasible_
    assert wrapper.smallest_gap_ > 0.05
    assert f"found is {100 * wrapper.smallest_gap_:.3g}" in wrapper.note_


def test_it_survives_pickle_and_clone() -> None:
    X, y, group = people(400)
    fair = ReductionsWrapper(
        LogisticRegression(C=0.5), EqualizedOdds(difference_bound=0.1), max_iter=6
    ).fit(X, y, sensitive_features=group)
    back = pickle.loads(pickle.dumps(fair))
    np.testing.assert_array_equal(back.predict(X), fair.predict(X))
    copy = clone(fair)
    assert not hasattr(copy, "predictors_")
    with pytest.raises(NotFittedError):
        copy.predict(X)
    copy.set_params(estimator__C=0.5).fit(X, y, sensitive_features=group)
    np.testing.assert_array_equal(copy.predict_proba(X), fair.predict_proba(X))


def test_pipelines_and_searches_pass_groups_and_weights_on() -> None:
    X, y, group = people(400)
    weights = np.random.default_rng(0).exponential(1, 400)

    def parity(y: Any, predicted: Any, *, sensitive_features: Any) -> float:
        return -gap(predicted, np.asarray(sensitive_features))

    with sklearn.config_context(enable_metadata_routing=True):
        base = ReductionsWrapper(LogisticRegression(), max_iter=3).set_fit_request(
            sensitive_features=True, sample_weight=True
        )
        scorer = make_scorer(parity).set_score_request(sensitive_features=True)
        scaler = StandardScaler().set_fit_request(sample_weight=False)
        search = GridSearchCV(
            make_pipeline(scaler, base),
            {"reductionswrapper__tolerance": [0.02, 1.0]},
            scoring=scorer,
            cv=2,
            error_score="raise",
        ).fit(X, y, sensitive_features=group, sample_weight=weights)
    assert search.best_params_ == {"reductionswrapper__tolerance": 0.02}


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"constraint": "kindness"}, "no constraint 'kindness'"),
        ({"tolerance": -0.1}, "tolerance must be from 0 to 1"),
        ({"crossed_tolerance": 2.0}, "crossed_tolerance must be"),
        ({"algorithm": "luck"}, "algorithm must be"),
        ({"max_iter": 0}, "max_iter must be"),
        ({"grid_size": 0}, "grid_size must be"),
        ({"eta0": 0.0}, "eta0 must be"),
        ({"mixture": "median"}, "one of mean, vote, drawn"),
        ({"partitions": ["age"]}, "unknown attributes age"),
        ({"sample_weight_name": "importance"}, "takes no 'importance'"),
        ({"estimator": StandardScaler()}, "must be a classifier"),
    ],
)
def test_what_cannot_be_used_is_refused(given: dict[str, Any], reason: str) -> None:
    X, y, group = people(100)
    with pytest.raises(InputError, match=reason):
        ReductionsWrapper(**{"estimator": LogisticRegression(), **given}).fit(
            X, y, sensitive_features=group
        )


def test_rows_that_cannot_be_used_are_refused() -> None:
    X, y, group = people(100)
    wrapper = ReductionsWrapper(LogisticRegression())
    with pytest.raises(InputError, match="Pass sensitive_features"):
        wrapper.fit(X, y)
    with pytest.raises(InputError, match="one class only"):
        wrapper.fit(X, np.ones(100), sensitive_features=group)
    with pytest.raises(InputError, match="Only binary"):
        wrapper.fit(X, np.arange(100) % 3, sensitive_features=group)
    with pytest.raises(InputError, match="two groups to compare"):
        wrapper.fit(X, y, sensitive_features=np.zeros(100))
    with pytest.raises(InputError, match="has 99 rows"):
        wrapper.fit(X, y, sensitive_features=group[1:])
    with pytest.raises(InputError, match="Every sample weight is zero"):
        wrapper.fit(X, y, sensitive_features=group, sample_weight=np.zeros(100))
    with pytest.raises(InputError, match="both classes"):
        wrapper.fit(X, y, sensitive_features=group, sample_weight=1.0 - y)
    with pytest.raises(InputError, match="two groups"):
        wrapper.fit(X, y, sensitive_features=group, sample_weight=(group == "f") * 1.0)
