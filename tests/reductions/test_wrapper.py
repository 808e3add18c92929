from __future__ import annotations

import pickle
import zipfile
from io import BytesIO
from typing import Any

import lightgbm as lgb
import numpy as np
import pandas as pd
import pytest
import skops.io
import xgboost as xgb
from fairlearn.reductions import (
    BoundedGroupLoss,
    DemographicParity,
    EqualizedOdds,
    ErrorRateParity,
    ExponentiatedGradient,
    GridSearch,
    ZeroOneLoss,
)
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression

from faircore.errors import InputError
from faircore.estimators.reductions import ReductionsWrapper

# Fairlearn, when it is called directly, writes to a Series in a way pandas deprecates.
pytestmark = pytest.mark.filterwarnings(r"ignore::DeprecationWarning:fairlearn\.")

Arrays = tuple[NDArray[np.float64], NDArray[np.int64], NDArray[Any]]


def people(n: int = 600, seed: int = 0) -> Arrays:
    """Two groups whose first feature is shifted."""
    rng = np.random.default_rng(seed)
    group = rng.choice(["f", "m"], n)
    X = np.column_stack([rng.normal(size=n) + 1.3 * (group == "m"), rng.normal(size=(n, 2))])
    X = X.astype(np.float32).astype(np.float64)
    y = (X[:, 0] + X[:, 1] + rng.normal(size=n) > 0.8).astype(int)
    return X, y, group


KINDS: dict[str, Any] = {
    "logistic": LogisticRegression(),
    "lightgbm": lgb.LGBMClassifier(n_estimators=10, num_leaves=8, verbosity=-1, n_jobs=1),
    "xgboost": xgb.XGBClassifier(n_estimators=8, max_depth=3, n_jobs=1),
    "hist": HistGradientBoostingClassifier(
        max_iter=3, max_leaf_nodes=6, max_bins=16, learning_rate=0.5
    ),
}


@pytest.mark.parametrize("kind", ["logistic", "lightgbm"])
def test_any_moment_of_fairlearns_gives_fairlearns_own_models(kind: str) -> None:
    X, y, group = people(500)
    for moment in (
        DemographicParity(ratio_bound=0.9, ratio_bound_slack=0.02),
        ErrorRateParity(difference_bound=0.01),
        BoundedGroupLoss(ZeroOneLoss(), upper_bound=0.3),
    ):
        given = {"max_iter": 3, "eta0": 1.5, "run_linprog_step": True}
        own = ExponentiatedGradient(KINDS[kind], moment, **given).fit(
            X, y, sensitive_features=group
        )
        wrapper = ReductionsWrapper(KINDS[kind], moment, **given)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("warnings.warn", lambda *_, **__: None)  # a bound may be missed
            wrapper.fit(X, y, sensitive_features=group)
            wrapper.fit(X, y, sensitive_features=group)  # the moment is as fresh as before
        used = own.weights_[own.weights_ > 0].sort_index()
        np.testing.assert_array_equal(wrapper.weights_, used)
        for i, member in zip(used.index, wrapper.predictors_, strict=True):
            np.testing.assert_array_equal(member.predict(X), own.predictors_[i].predict(X))
        assert wrapper.constraint is moment
        assert np.isfinite(wrapper.gaps_["gap"]).all()


def test_a_moment_takes_the_attributes_crossed_and_no_weights() -> None:
    X, y, group = people(500)
    table = pd.DataFrame({"sex": group, "hand": np.arange(500) % 2})
    moment = EqualizedOdds(difference_bound=0.05)
    own = ExponentiatedGradient(LogisticRegression(), moment, max_iter=6)
    own.fit(X, y, sensitive_features=table)
    wrapper = ReductionsWrapper(LogisticRegression(), moment, max_iter=6)
    wrapper.fit(X, y, sensitive_features=table)
    used = own.weights_[own.weights_ > 0].sort_index()
    np.testing.assert_array_equal(wrapper.weights_, used)
    with pytest.raises(InputError, match="no sample_weight"):
        wrapper.fit(X, y, sensitive_features=table, sample_weight=np.arange(500))
    with pytest.raises(InputError, match="one partition"):
        wrapper.set_params(partitions=["sex", "hand"]).fit(X, y, sensitive_features=table)


def test_a_grid_search_keeps_every_model_and_uses_fairlearns_choice() -> None:
    X, y, group = people()
    own = GridSearch(LogisticRegression(), DemographicParity(), grid_size=7)
    own.fit(X, y, sensitive_features=group)
    grid = ReductionsWrapper(
        LogisticRegression(), algorithm="grid_search", grid_size=7, tolerance=0.5
    ).fit(X, y, sensitive_features=group)
    assert grid.weights_.tolist() == np.eye(7)[own.best_idx_].tolist()
    for mine, theirs in zip(grid.predictors_, own.predictors_, strict=True):
        np.testing.assert_array_equal(mine.predict(X), theirs.predict(X))
    np.testing.assert_array_equal(grid.predict(X), own.predict(X))
    np.testing.assert_allclose(grid.convergence_["error"], own.objectives_)
    assert grid.convergence_["kept"].to_numpy().argmax() == own.best_idx_
    assert len(grid.to_predictor().members) == 1


# No sum, middle or rounding of other cells.
NUMBER, WORD = 48271.618033988, "Xanthippe-Quill"


def spellings(number: float) -> list[bytes]:
    single = np.float32(number)
    shapes = [np.array(v, o) for v in (number, single) for o in ("<f8", ">f8", "<f4", ">f4")]
    return [s.tobytes() for s in shapes] + [str(number)[:8].encode(), str(single)[:8].encode()]


def unpacked(raw: bytes) -> bytes:
    with zipfile.ZipFile(BytesIO(raw)) as bundle:
        return b"".join(bundle.read(name) for name in bundle.namelist())


@pytest.mark.parametrize("algorithm", ["exponentiated_gradient", "grid_search"])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_nothing_that_leaves_holds_a_row(kind: str, algorithm: Any) -> None:
    X, y, group = people()
    X[7, 1], X[8, 2] = NUMBER, -NUMBER
    labels = np.array(group, object)
    labels[[5, 6]] = WORD
    frame = pd.DataFrame(X, columns=["a", "b", "c"], index=[f"{WORD} {i}" for i in range(len(X))])
    weights = np.ones(len(X))
    weights[9] = NUMBER / 1e4
    fair = ReductionsWrapper(KINDS[kind], max_iter=4, grid_size=3, algorithm=algorithm).fit(
        frame, pd.Series(y, frame.index), sensitive_features=labels, sample_weight=weights
    )
    copy = fair.to_predictor()
    leaves = {
        "pickle": pickle.dumps(fair),
        "arrays": pickle.dumps(copy.to_arrays()),
        "predictor": pickle.dumps(copy),
        "skops": unpacked(skops.io.dumps(fair)),
        "text": repr(vars(fair)).encode(),
        "members": b"".join(str(vars(m)).encode() for m in fair.predictors_),
    }
    planted = [WORD.encode(), WORD.encode("utf-16-le"), *spellings(NUMBER), *spellings(-NUMBER)]
    planted += spellings(NUMBER / 1e4)
    assert any(
        s in pickle.dumps(frame) for s in spellings(NUMBER)
    )  # the search finds what is there
    for name, raw in leaves.items():
        assert not [p for p in planted if p in raw], name
    again = skops.io.loads(
        skops.io.dumps(fair), trusted=skops.io.get_untrusted_types(data=skops.io.dumps(fair))
    )
    np.testing.assert_array_equal(again.predict(frame), fair.predict(frame))
