from __future__ import annotations

import contextlib
import copy
import pickle
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest
import sklearn
import torch
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.metrics import make_scorer
from sklearn.model_selection import GridSearchCV
from sklearn.utils.estimator_checks import parametrize_with_checks
from sklearn.utils.validation import _num_samples
from torch import nn

from faircore.errors import InputError
from faircore.estimators.lagrangian import LagrangianFairnessTrainer
from faircore.predictors import Network
from faircore.training.constraints import Constraint
from faircore.training.modules import ModulePredictor

# Few rows are held out here: whether a gap is met there is often chance, and is said.
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

Arrays = tuple[NDArray[np.float64], NDArray[np.int64], NDArray[Any]]

# Other rows are held out, and batches are cut elsewhere, when rows are repeated or left out
# instead of weighted.
EXPECTED = {
    "check_sample_weight_equivalence_on_dense_data": "minibatches are cut by row, not by weight",
}


class WithGroups(LagrangianFairnessTrainer):
    """The same with groups of its own making: scikit-learn's checks pass none."""

    def fit(
        self, X: Any, y: Any, *, sensitive_features: Any = None, sample_weight: Any = None
    ) -> Any:
        if sensitive_features is None:
            with contextlib.suppress(TypeError):  # what has no rows is refused as such
                sensitive_features = np.arange(_num_samples(X)) % 2
        return super().fit(X, y, sensitive_features=sensitive_features, sample_weight=sample_weight)


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Small operations in several threads wait for each other when other tests run beside."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@parametrize_with_checks(
    [WithGroups(tolerance=0.3, epochs=25, hidden=(8,), learning_rate=0.02, random_state=0)],
    expected_failed_checks=lambda _: EXPECTED,
)
def test_scikit_learn_contract(estimator: Any, check: Any) -> None:
    check(estimator)


def people(n: int = 2000, seed: int = 0) -> Arrays:
    """Two groups whose first feature, on a scale of hundreds, is shifted."""
    rng = np.random.default_rng(seed)
    group = rng.choice(["f", "m"], n)
    shift = 1.2 * (group == "m")
    X = np.column_stack([400 + 100 * (rng.normal(size=n) + shift), rng.normal(size=n)])
    y = (X[:, 0] / 100 - 4 + X[:, 1] + rng.normal(size=n) > 0.8).astype(int)
    return X, y, group


def gap(predicted: NDArray[Any], group: NDArray[Any]) -> float:
    return abs(float(predicted[group == "m"].mean() - predicted[group == "f"].mean()))


def quick(**changes: Any) -> LagrangianFairnessTrainer:
    """A small network that learns in a second."""
    given: dict[str, Any] = {
        "tolerance": 0.1, "hidden": (8,), "epochs": 40, "learning_rate": 0.01, "random_state": 0,
    }  # fmt: skip
    return LagrangianFairnessTrainer(**(given | changes))


def test_it_meets_the_tolerance_where_plain_training_does_not() -> None:
    X, y, group = people()
    plain = quick(tolerance=1.0).fit(X, y, sensitive_features=group)
    fair = quick().fit(X, y, sensitive_features=group)
    assert gap(plain.predict(X), group) > 0.3
    assert gap(fair.predict(X), group) < 0.15
    assert fair.feasible_
    assert fair.note_ == ""
    assert fair.smallest_violation_ <= 0
    kept = fair.history_.iloc[fair.best_epoch_ - 1]
    assert kept["epoch"] == fair.best_epoch_
    assert kept["gap"] <= 0.1
    assert fair.score(X, y) > 0.65
    assert plain.feasible_
    assert (plain.history_["multiplier"] == 0).all()


def test_features_are_standardised_inside_and_the_model_takes_them_as_they_come() -> None:
    X, y, group = people()
    fair = quick(epochs=10).fit(X, y, sensitive_features=group)
    moved = quick(epochs=10).fit(X * [0.01, 1000] + [7, -3], y, sensitive_features=group)
    again = moved.predict_proba(X * [0.01, 1000] + [7, -3])
    np.testing.assert_allclose(fair.predict_proba(X), again, atol=2e-3)
    assert isinstance(fair.model_, Network)
    with torch.no_grad():
        logits = fair.module_(torch.as_tensor(X, dtype=torch.float32))[:, 0]
    np.testing.assert_allclose(torch.sigmoid(logits), fair.predict_proba(X)[:, 1], atol=1e-5)
    assert not fair.module_.training


@pytest.mark.parametrize("plain_layers", [True, False])
def test_a_module_is_copied_trained_and_left_as_it_was(plain_layers: bool) -> None:
    X, y, group = people()
    X[:, 0] = X[:, 0] / 100 - 4
    torch.manual_seed(0)
    model: nn.Module = nn.Sequential(nn.Linear(2, 16), nn.ReLU(), nn.Linear(16, 1))
    if not plain_layers:
        model = nn.Sequential(model, nn.Dropout(0.0), nn.Identity())
    before = copy.deepcopy(model.state_dict())
    state = torch.get_rng_state()
    trainer = quick(model=model)
    fair = trainer.fit(X, y, sensitive_features=group)
    assert trainer.get_params()["model"] is model
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name])
    assert torch.equal(torch.get_rng_state(), state)
    assert isinstance(fair.model_, Network if plain_layers else ModulePredictor)
    assert fair.feasible_
    assert gap(fair.predict(X), group) < 0.15
    assert fair.module_ is not model
    again = quick(model=model).fit(X, y, sensitive_features=group)
    np.testing.assert_array_equal(again.predict_proba(X), fair.predict_proba(X))


def test_what_cannot_be_met_is_said_and_a_model_is_there() -> None:
    X, y, group = people(600)
    with pytest.warns(ConvergenceWarning, match="the smallest gap reached is") as caught:
        fair = quick(epochs=4, tolerance=0.01).fit(X, y, sensitive_features={"sex": group})
    assert not fair.feasible_
    assert fair.smallest_violation_ > 0
    assert fair.smallest_violation_ == fair.history_["violation"].min()
    assert fair.best_epoch_ == fair.history_["violation"].argmin() + 1
    assert fair.note_.endswith("at most 1 was asked for (demographic parity, by sex).")
    assert caught[0].filename == __file__
    assert set(fair.predict(X)) <= {0, 1}


def test_what_cannot_be_judged_is_said() -> None:
    X, y, group = people(100)
    with pytest.warns(ConvergenceWarning, match="Could not be judged"):
        fair = quick(epochs=3).fit(X, y, sensitive_features=group)
    assert not fair.feasible_
    assert np.isnan(fair.smallest_violation_)


def test_several_constraints_crossed_partitions_and_equality() -> None:
    X, y, group = people(3000)
    table = pd.DataFrame({"sex": group, "age": np.arange(3000) % 3})
    constraints = [
        Constraint("demographic_parity", 0.12, partitions=("sex",)),
        Constraint("demographic_parity", partitions=("sex × age",)),
    ]
    fair = quick(
        constraints=constraints, tolerance=0.25, partitions=["sex", ("sex", "age")], epochs=50
    ).fit(X, y, sensitive_features=table)
    assert fair.feasible_
    assert "multiplier: demographic parity, by sex × age" in fair.history_.columns
    same = quick(kind="equality", tolerance=0.05, epochs=50, patience=50).fit(
        X, y, sensitive_features=group
    )
    assert same.history_["train_gap"].tail(15).mean() < 0.05


def test_it_stops_once_satisfied_for_so_long() -> None:
    X, y, group = people()
    fair = quick(tolerance=0.2, stop_after=3).fit(X, y, sensitive_features=group)
    assert len(fair.history_) < 40
    assert (fair.history_["satisfied"].tail(3) == 1).all()


def test_weights_count_and_their_unit_does_not() -> None:
    X, y, group = people()
    weight = np.where(group == "m", 1.0, 3.0)
    one = quick(epochs=10).fit(X, y, sensitive_features=group, sample_weight=weight)
    other = quick(epochs=10).fit(X, y, sensitive_features=group, sample_weight=weight * 1000)
    plain = quick(epochs=10).fit(X, y, sensitive_features=group)
    np.testing.assert_allclose(one.predict_proba(X), other.predict_proba(X), atol=2e-3)
    assert np.abs(one.predict_proba(X) - plain.predict_proba(X)).max() > 0.01


def test_equal_seeds_give_equal_models_and_labels_come_back() -> None:
    X, y, group = people(800)
    named = np.where(y == 1, "yes", "no")
    one = quick(epochs=5, tolerance=0.5).fit(X, named, sensitive_features=group)
    other = quick(epochs=5, tolerance=0.5).fit(X, named, sensitive_features=group)
    np.testing.assert_array_equal(one.predict_proba(X), other.predict_proba(X))
    assert one.classes_.tolist() == ["no", "yes"]
    assert set(one.predict(X)) == {"no", "yes"}
    third = quick(epochs=5, tolerance=0.5, random_state=1).fit(X, named, sensitive_features=group)
    assert (third.predict_proba(X) != one.predict_proba(X)).any()


def test_clone_and_pickle() -> None:
    X, y, group = people(800)
    model = nn.Sequential(nn.Linear(2, 4), nn.Tanh(), nn.Linear(4, 1))
    made = quick(model=model, constraints=[Constraint("accuracy", 0.5)], epochs=2)
    copied = clone(made)
    assert copied.get_params()["constraints"] == made.get_params()["constraints"]
    fitted = copied.fit(X / 100, y, sensitive_features=group)
    again = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(again.predict_proba(X / 100), fitted.predict_proba(X / 100))
    assert again.plot_history().to_json() == fitted.plot_history().to_json()


def test_grid_search_with_metadata_routing() -> None:
    X, y, group = people(1200)

    def narrow(y_true: Any, y_pred: Any, sensitive_features: Any) -> float:
        return -gap(y_pred, np.asarray(sensitive_features))

    with sklearn.config_context(enable_metadata_routing=True):
        scorer = make_scorer(narrow).set_score_request(sensitive_features=True)
        search = GridSearchCV(
            quick(epochs=25).set_fit_request(sensitive_features=True, sample_weight=True),
            {"tolerance": [1.0, 0.15]},
            scoring=scorer,
            cv=3,
        )
        search.fit(X, y, sensitive_features=group, sample_weight=np.ones(1200))
    assert search.best_params_ == {"tolerance": 0.15}


def test_the_history_is_drawn() -> None:
    X, y, group = people(800)
    trainer = quick(epochs=3, tolerance=0.4)
    with pytest.raises(NotFittedError):
        trainer.plot_history()
    figure = trainer.fit(X, y, sensitive_features=group).plot_history()
    assert isinstance(figure, go.Figure)
    assert [t.y for t in figure.data if t.name == "allowed"] == [(0.4, 0.4)]
    lifted = quick(epochs=3, tolerance=1.0).fit(X, y, sensitive_features=group).plot_history()
    assert "Loss" in {axis.title.text for axis in lifted.select_yaxes()}


DEEP = nn.Sequential(nn.Linear(2, 4), nn.Linear(4, 1))


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"tolerance": 1.5}, "0 to 1"),
        ({"constraint": "fair"}, "no constraint 'fair'"),
        ({"kind": "soft"}, "inequality or equality"),
        ({"dual_update": "adam"}, "dual_update"),
        ({"dual_rate": -1}, "dual_rate"),
        ({"epochs": 0}, "epochs"),
        ({"model": "mlp"}, "torch.nn.Module"),
        ({"model": nn.Linear(2, 3)}, "one logit per row"),
        ({"model": nn.Flatten()}, "no parameter"),
        ({"partitions": ["age"]}, "unknown attributes"),
        ({"constraints": [Constraint(partitions=("age",))]}, "no partition 'age'"),
        ({"constraints": []}, "nothing to compare"),
        ({"learning_rate": 1e30, "model": DEEP}, "gave no model"),
    ],
    ids=str,
)  # fmt: skip
def test_what_cannot_be_used_is_refused(changes: dict[str, Any], says: str) -> None:
    X, y, group = people(200)
    with pytest.raises(InputError, match=says):
        quick(**changes).fit(X, y, sensitive_features=group)


def test_groups_are_needed_and_must_be_two() -> None:
    X, y, _ = people(200)
    with pytest.raises(InputError, match="sensitive_features"):
        quick().fit(X, y)
    with pytest.raises(InputError, match="nothing to compare"):
        quick().fit(X, y, sensitive_features=np.zeros(200))
