from __future__ import annotations

import numpy as np
import pytest
import sklearn
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from faircore.calibrators import GroupFairnessCalibrator
from faircore.errors import InputError
from faircore.estimators.calibrated import CalibratedFairClassifier

Table = tuple[NDArray[np.float64], NDArray[np.str_], NDArray[np.str_]]


def rows(n: int, seed: int) -> Table:
    """Two features, an outcome of two words, and groups whose base rates differ beyond them."""
    rng = np.random.default_rng(seed)
    X, sex = rng.normal(size=(n, 2)), rng.choice(["f", "m"], n)
    p = 1 / (1 + np.exp(-X[:, 0] - 1.5 * (sex == "m")))
    return X, np.where(rng.random(n) < p, "paid", "late"), sex


TRAIN, HELD, TEST = rows(2000, 0), rows(4000, 1), rows(20_000, 2)
MODEL = LogisticRegression().fit(TRAIN[0], TRAIN[1])


def test_every_group_is_calibrated_and_the_estimator_left_alone() -> None:
    before = MODEL.coef_.copy()
    fair = CalibratedFairClassifier(MODEL).fit(HELD[0], HELD[1], sensitive_features=HELD[2])
    assert fair.estimator is MODEL
    np.testing.assert_array_equal(MODEL.coef_, before)
    assert fair.classes_.tolist() == ["late", "paid"]
    assert fair.n_features_in_ == 2
    p = fair.predict_proba(TEST[0], sensitive_features=TEST[2])
    np.testing.assert_allclose(p.sum(axis=1), 1)
    raw = MODEL.predict_proba(TEST[0])
    for sex in ("f", "m"):
        own = TEST[2] == sex
        share = (TEST[1][own] == "paid").mean()
        assert abs(p[own, 1].mean() - share) < 0.02
        assert abs(raw[own, 1].mean() - share) > 0.1
    chosen = fair.predict(TEST[0], sensitive_features=TEST[2])
    np.testing.assert_array_equal(chosen == "paid", p[:, 1] >= 0.5)


def test_it_is_the_calibrator_on_the_estimators_scores() -> None:
    calibrator = GroupFairnessCalibrator("platt", alpha=0.5)
    weights = np.random.default_rng(0).exponential(1.0, len(HELD[1]))
    fair = CalibratedFairClassifier(MODEL, calibrator)
    fair.fit(HELD[0], HELD[1], sensitive_features=HELD[2], sample_weight=weights)
    assert not hasattr(calibrator, "maps_")
    alone = clone(calibrator).fit(
        MODEL.predict_proba(HELD[0])[:, 1], HELD[1] == "paid", HELD[2], weights
    )
    assert fair.calibrator_.maps_ == alone.maps_
    expected = alone.transform(MODEL.predict_proba(TEST[0])[:, 1], TEST[2])
    found = fair.predict_proba(TEST[0], sensitive_features=TEST[2])[:, 1]
    np.testing.assert_array_equal(found, expected)


def test_without_groups_one_map_serves_all() -> None:
    fair = CalibratedFairClassifier(MODEL).fit(HELD[0], HELD[1])
    assert fair.predict(TEST[0]).shape == (20_000,)
    grouped = CalibratedFairClassifier(MODEL).fit(HELD[0], HELD[1], sensitive_features=HELD[2])
    with pytest.raises(InputError, match="was not told"):
        grouped.predict(TEST[0])


def test_clone_and_parameters() -> None:
    fair = CalibratedFairClassifier(FrozenEstimator(MODEL), GroupFairnessCalibrator(alpha=0.5))
    assert fair.get_params()["calibrator__alpha"] == 0.5
    copy = clone(fair).set_params(calibrator__alpha=1.0)
    copy.fit(HELD[0], HELD[1], sensitive_features=HELD[2])
    assert copy.calibrator_.alpha == 1.0
    with pytest.raises(NotFittedError):
        fair.predict_proba(TEST[0])
    with pytest.raises(InputError, match="must be fitted already"):
        clone(CalibratedFairClassifier(MODEL)).fit(HELD[0], HELD[1])


def test_groups_are_routed() -> None:
    with sklearn.config_context(enable_metadata_routing=True):
        fair = CalibratedFairClassifier(FrozenEstimator(MODEL), GroupFairnessCalibrator("platt"))
        fair.set_fit_request(sensitive_features=True)
        fair.set_predict_request(sensitive_features=True)
        fair.set_predict_proba_request(sensitive_features=True)
        piped = make_pipeline(FrozenEstimator(StandardScaler().fit(TRAIN[0])), fair)
        piped.fit(HELD[0], HELD[1], sensitive_features=HELD[2])
        chosen = piped.predict(TEST[0], sensitive_features=TEST[2])
        assert (chosen == TEST[1]).mean() > 0.6
        fair.set_score_request(sensitive_features=True)
        wanted = {"sensitive_features": HELD[2]}
        found = cross_val_score(fair, HELD[0], HELD[1], params=wanted, cv=2)
    assert found.min() > (MODEL.predict(HELD[0]) == HELD[1]).mean() - 0.02


def test_score_is_the_share_that_is_right() -> None:
    fair = CalibratedFairClassifier(MODEL).fit(HELD[0], HELD[1], sensitive_features=HELD[2])
    right = fair.predict(TEST[0], sensitive_features=TEST[2]) == TEST[1]
    assert fair.score(TEST[0], TEST[1], sensitive_features=TEST[2]) == right.mean()
    weights = np.where(right, 3.0, 1.0)
    weighted = fair.score(TEST[0], TEST[1], sensitive_features=TEST[2], sample_weight=weights)
    assert weighted == pytest.approx(np.average(right, weights=weights))


@pytest.mark.parametrize(
    ("estimator", "message"),
    [
        (LogisticRegression(), "must be fitted already"),
        (LinearSVC().fit(TRAIN[0], TRAIN[1]), "must have predict_proba"),
        (LogisticRegression().fit(TRAIN[0], np.arange(2000) % 3), "knows 3"),
        (StandardScaler(), "must have predict_proba"),
    ],
)
def test_estimators_that_cannot_be_calibrated(estimator: object, message: str) -> None:
    with pytest.raises(InputError, match=message):
        CalibratedFairClassifier(estimator).fit(HELD[0], HELD[1])


def test_outcomes_that_cannot_be_used() -> None:
    with pytest.raises(InputError, match="4,000 of 4,000 values are others"):
        CalibratedFairClassifier(MODEL).fit(HELD[0], HELD[1] == "paid")
    with pytest.raises(InputError, match="one value per row of X"):
        CalibratedFairClassifier(MODEL).fit(HELD[0], HELD[1][:10])
    with pytest.raises(InputError, match="rows of both outcomes"):
        CalibratedFairClassifier(MODEL).fit(HELD[0], np.full(4000, "paid"))
