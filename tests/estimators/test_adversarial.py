from __future__ import annotations

import pickle
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import pytest
import sklearn
import torch
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.metrics import make_scorer
from sklearn.model_selection import GridSearchCV
from sklearn.utils.estimator_checks import parametrize_with_checks
from sklearn.utils.validation import _num_samples
from torch import nn

from faircore.errors import InputError
from faircore.estimators.adversarial import AdversarialDebiasingTrainer
from faircore.predictors import Network

Arrays = tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.int64]]

QUICK: dict[str, Any] = {
    "hidden": (), "learning_rate": 0.03, "epochs": 15, "batch_size": 100, "random_state": 0,
}  # fmt: skip


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Torch's threads would wait for each other at every small step."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


class EveryOther(AdversarialDebiasingTrainer):
    """Compares every other pair of rows with the rest when nobody says who is whom."""

    def fit(
        self, X: Any, y: Any, *, sensitive_features: Any = None, sample_weight: Any = None
    ) -> Any:
        if sensitive_features is None:
            # A sparse or malformed X is for the base class to refuse.
            n = X.shape[0] if hasattr(X, "shape") and X.shape else _num_samples(X)
            sensitive_features = np.arange(n) // 2 % 2
        return super().fit(X, y, sensitive_features=sensitive_features, sample_weight=sample_weight)


# A classifier that learns from minibatches and holds rows out to stop on cannot be the same when
# rows are repeated instead of weighted: other rows are held out, and batches are cut elsewhere.
EXPECTED = {
    "check_sample_weight_equivalence_on_dense_data": "minibatches are cut by row, not by weight",
}


@parametrize_with_checks(
    [EveryOther(strength=0.5, hidden=(16,), epochs=15, learning_rate=0.03, random_state=0)],
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


def test_it_narrows_the_gap_on_columns_as_they_come() -> None:
    X, y, group = people()
    plain = AdversarialDebiasingTrainer(strength=0.0, **QUICK).fit(X, y)
    fair = AdversarialDebiasingTrainer(strength=5.0, **QUICK).fit(X, y, sensitive_features=group)
    assert gap(plain.predict(X), group) > 0.4
    assert gap(fair.predict(X), group) < 0.1
    assert (fair.predict(X) == y).mean() > 0.62
    assert isinstance(fair.model_, Network)
    with torch.no_grad():
        logits = fair.module_(torch.as_tensor(X, dtype=torch.float32))[:, 0]
    np.testing.assert_allclose(
        torch.sigmoid(logits).numpy(), fair.predict_proba(X)[:, 1], atol=1e-5
    )
    assert set(fair.history_) == {
        "epoch", "loss", "gap", "penalty", "adversary_loss", "adversary_gain",
    }  # fmt: skip
    assert 1 <= fair.best_epoch_ <= len(fair.history_)
    assert fair.note_ == ""
    assert fair.fit_seconds_ > 0


def odd() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Linear(2, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.2), nn.Linear(16, 1)
    )


def test_anybodys_module_and_adversary_are_copied() -> None:
    X, y, group = people()
    Z = (X - X.mean(0)) / X.std(0)
    model, adversary = odd(), nn.Sequential(nn.Linear(2, 8), nn.ReLU(), nn.Linear(8, 2))
    before = pickle.dumps((model.state_dict(), adversary.state_dict()))
    made = AdversarialDebiasingTrainer(model, adversary, 5.0, **{**QUICK, "learning_rate": 0.01})
    state = torch.random.get_rng_state()
    fitted = made.fit(Z, y, sensitive_features=group)
    assert torch.equal(torch.random.get_rng_state(), state)
    assert pickle.dumps((model.state_dict(), adversary.state_dict())) == before
    assert made.model is model
    assert gap(fitted.predict(Z), group) < 0.12
    again = clone(made).fit(Z, y, sensitive_features=group)
    np.testing.assert_array_equal(again.predict_proba(Z), fitted.predict_proba(Z))
    read = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(read.predict_proba(Z), fitted.predict_proba(Z))
    assert not fitted.module_.training


def test_equalized_odds_partitions_weights_and_labels() -> None:
    X, y, group = people()
    table = pd.DataFrame({"sex": group, "race": np.arange(1500) % 3})
    words = np.where(y == 1, "yes", "no")
    frame = pd.DataFrame(X, columns=["income", "age"])
    made = AdversarialDebiasingTrainer(
        strength=2.0, goal="equalized_odds", partitions=["sex", ("sex", "race")], **QUICK
    )
    made.fit(frame, words, sensitive_features=table, sample_weight=np.ones(1500))
    assert made.feature_names_in_.tolist() == ["income", "age"]
    assert set(made.predict(frame)) == {"no", "yes"}
    positive = y == 1
    chosen = made.predict(frame) == "yes"
    assert gap(chosen[positive], group[positive]) < 0.12


def test_metadata_routing_through_grid_search() -> None:
    X, y, group = people(600)
    with sklearn.config_context(enable_metadata_routing=True):
        search = GridSearchCV(
            AdversarialDebiasingTrainer(**QUICK).set_fit_request(
                sensitive_features=True, sample_weight=True
            ),
            {"strength": [0.0, 5.0]},
            scoring=make_scorer(lambda truth, predicted: float((truth == predicted).mean())),
            cv=3,
        )
        search.fit(X, y, sensitive_features=group, sample_weight=np.ones(600))
    assert search.best_params_ == {"strength": 0.0}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"strength": -1.0}, "strength must be"),
        ({"strength": float("nan")}, "strength must be"),
        ({"model": "mlp"}, "model must be an nn.Module"),
        ({"adversary": 3}, "adversary must be an nn.Module"),
        ({"goal": "fairness"}, "goal must be"),
        ({"on": "tail"}, "cannot look on 'tail'"),
        ({"validation_fraction": 1.0}, "validation_fraction"),
    ],
    ids=str,
)
def test_parameters_out_of_range_are_refused(change: dict[str, Any], message: str) -> None:
    X, y, group = people(200)
    made = AdversarialDebiasingTrainer(**QUICK).set_params(**change)
    with pytest.raises(InputError, match=message):
        made.fit(X, y, sensitive_features=group)


def test_it_says_that_it_needs_groups_and_why_it_failed() -> None:
    X, y, group = people(200)
    with pytest.raises(InputError, match="needs to know who is compared"):
        AdversarialDebiasingTrainer(**QUICK).fit(X, y)
    broken = nn.Linear(2, 1)
    with torch.no_grad():
        broken.weight.fill_(float("nan"))
    with pytest.raises(InputError, match=r"With strength 1 training failed: .* pass 1"):
        AdversarialDebiasingTrainer(broken, **QUICK).fit(X, y, sensitive_features=group)
