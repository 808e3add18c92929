from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.optimize import minimize
from torch import nn

from faircore.groups import Groups
from faircore.metrics import MIN_PEOPLE
from faircore.penalties import PENALTIES
from faircore.predictors import Network
from faircore.training import EncodedRows, Trained, TrainingConfig, train_stacks
from faircore.training.batches import DeviceRows
from faircore.training.constraints import Constraint
from faircore.training.lagrangian import (
    LagrangianCharge,
    LagrangianConfig,
    train_lagrangian,
    train_module,
)
from faircore.training.learners import StackLearner
from faircore.training.loop import train
from faircore.training.modules import ModulePredictor
from faircore.training.multipliers import Multipliers
from tests.training.problems import two_groups

Array = NDArray[np.float64]
TRAIN, SELECT = two_groups(1200, 0), two_groups(600, 1)
QUICK = LagrangianConfig(
    TrainingConfig(hidden=(8,), epochs=25, batch_size=128, learning_rate=0.02, sharpness=2.0)
)
BY_A = (Constraint("demographic_parity", partitions=("a",)),)


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Small operations in several threads wait for each other when other tests run beside."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def learn(
    tolerances: list[float],
    *,
    constraints: Any = BY_A,
    config: LagrangianConfig = QUICK,
    rows: EncodedRows = TRAIN,
    select: EncodedRows = SELECT,
    **more: Any,
) -> list[Trained]:
    """Candidates in the order asked for."""
    trials = [(tolerance, 0) for tolerance in tolerances]
    found = train_lagrangian(
        rows, select, constraints=constraints, trials=trials, config=config, **more
    )
    return sorted(found, key=lambda one: one.position)


def column(one: Trained, name: str) -> Array:
    """One column of a history."""
    return np.array([row[name] for row in one.history])


# An exact solution: logistic regression, all rows at once, multipliers that follow the very rates
# the gradient is of.


class Problem:
    """Mean log loss and soft selection rates as functions of the weights."""

    def __init__(self, rows: EncodedRows) -> None:
        self.rows, self.y = rows, rows.y
        self.X = np.hstack([rows.X, np.ones((len(rows.y), 1))]).astype(float)
        self.group = rows.groups.codes[0]

    def probability(self, w: Array) -> Array:
        return 1 / (1 + np.exp(-self.X @ w))

    def loss(self, w: Array) -> float:
        z = self.X @ w
        return float(np.mean(np.logaddexp(0, z) - self.y * z))

    def slope(self, w: Array) -> Array:
        return self.X.T @ (self.probability(w) - self.y) / len(self.y)

    def gap(self, w: Array) -> float:
        p = self.probability(w)
        return float(p[self.group == 1].mean() - p[self.group == 0].mean())

    def gap_slope(self, w: Array) -> Array:
        p = self.probability(w)
        each = (p * (1 - p))[:, None] * self.X
        return each[self.group == 1].mean(0) - each[self.group == 0].mean(0)

    def solve(self, kind: str, tolerance: float) -> tuple[Array, float]:
        """Solution and its multiplier, from stationarity: slope + λ · slope of the gap = 0."""
        sign = {"inequality": "ineq", "equality": "eq"}[kind]
        solved = minimize(
            self.loss,
            np.zeros(self.X.shape[1]),
            jac=self.slope,
            method="SLSQP",
            constraints=[
                {
                    "type": sign,
                    "fun": lambda w: (tolerance if sign == "ineq" else 0.0) - self.gap(w),
                    "jac": lambda w: -self.gap_slope(w),
                }
            ],
            options={"ftol": 1e-12, "maxiter": 500},
        )
        slope = self.gap_slope(solved.x)
        return solved.x, float(-self.slope(solved.x) @ slope / (slope @ slope))


@pytest.mark.parametrize(
    ("kind", "tolerance", "update"),
    [
        ("inequality", 0.2, "gradient"),
        ("inequality", 0.05, "pi"),
        ("equality", 0.5, "gradient"),
        ("inequality", 0.9, "gradient"),
    ],
)
def test_it_converges_to_the_exact_solution_and_its_multiplier(
    kind: Any, tolerance: float, update: Any
) -> None:
    problem = Problem(two_groups(300, 0))
    config = LagrangianConfig(
        TrainingConfig(
            hidden=(), epochs=900, batch_size=300, learning_rate=0.02, clip_norm=1e9, patience=900
        ),
        dual_rate=0.5, dual_update=update, kappa_p=1.0, margin=0, follow="soft", memory=0,
        small_group=0,
    )  # fmt: skip
    constraint = Constraint("demographic_parity", kind=kind, partitions=("a",))
    partitions = problem.rows.groups.partitions
    charge = LagrangianCharge([constraint], [tolerance], partitions, config, steps=1)
    learner = StackLearner(5, [0], config.training, "cpu")
    rows = DeviceRows(problem.rows, "cpu")
    list(train(learner, charge, rows, rows, config=config.training))
    expected, multiplier = problem.solve(kind, tolerance)
    network = learner.predictor(0)
    w = np.append(network.weights[0][0], network.biases[0]).astype(float)
    np.testing.assert_allclose(w, expected, atol=2e-3)
    assert problem.gap(w) == pytest.approx(problem.gap(expected), abs=1e-3)
    found = charge.multipliers.values[0].tolist()
    if kind == "inequality":  # the pair in the direction of the gap, and the other way round
        assert found == [0.0, pytest.approx(multiplier, abs=2e-3)]
    else:  # each group and everybody: λ_a (r_a - r) + λ_b (r_b - r), r = q r_a + (1 - q) r_b
        q = float((problem.group == 0).mean())
        together = found[1] * q - found[0] * (1 - q)
        assert together == pytest.approx(multiplier, abs=2e-3)
    assert (multiplier > 0.3) is (tolerance < 0.9)


def test_the_pi_update_overshoots_less_than_plain_ascent() -> None:
    # min (x - 2)² / 2 with x <= 1: λ = 1. A model that lags behind its price makes it swing.
    def run(kappa_p: float) -> list[float]:
        duals = Multipliers(1, torch.tensor([False]), rate=0.1, bound=10.0, kappa_p=kappa_p)
        x, prices = 0.0, []
        for _ in range(600):
            x -= 0.05 * (x - 2 + float(duals.values))
            duals.step(torch.tensor([[x - 1]]))
            prices.append(float(duals.values))
        assert prices[-1] == pytest.approx(1, abs=1e-3)
        return prices

    plain, braked = max(run(0.0)) - 1, max(run(2.0)) - 1
    assert plain > 0.25
    assert braked < 0.25 * plain


def test_a_multiplier_rises_while_hard_rates_are_apart_and_falls_to_zero_again() -> None:
    rows = DeviceRows(TRAIN, "cpu")
    config = replace(QUICK, dual_update="gradient")
    charge = LagrangianCharge(BY_A, [0.1], TRAIN.groups.partitions, config, steps=1)
    apart = torch.where(rows.groups.codes[0] == 1, 1.0, -1.0)[None]
    alike, loss = torch.ones_like(apart), torch.ones(1)
    prices = []
    for epoch, logits in enumerate([apart] * 3 + [alike] * 40, start=1):
        charge.gradient(logits, rows, epoch)
        columns = charge.judge(logits, rows, loss, epoch).columns
        assert float(columns["train_gap"]) == float(logits is apart)
        prices.append(float(columns["multiplier"]))
    assert prices[0] > 0
    assert prices[2] == pytest.approx(3 * prices[0])
    assert (np.diff(prices[3:]) <= 0).all()
    assert prices[-1] == 0
    assert charge.gradient(alike, rows, 50) is None


def test_tolerances_are_met_and_a_wider_one_costs_less() -> None:
    config = replace(QUICK, training=replace(QUICK.training, epochs=40))
    found = learn([1.0, 0.2, 0.1, 0.05], config=config)
    gaps = [column(one, "gap")[one.best_epoch - 1] for one in found]
    losses = [column(one, "loss")[one.best_epoch - 1] for one in found]
    assert gaps[0] > 0.4
    assert (np.array(gaps[1:]) <= np.array([0.2, 0.1, 0.05]) + 1e-9).all()
    assert (np.diff(losses) > 0).all()
    assert all(one.note == "" for one in found)
    for one in found[1:]:
        met = column(one, "violation") <= 1e-9
        assert column(one, "satisfied").tolist() == met.tolist()
        best = np.flatnonzero(met)[column(one, "loss")[met].argmin()] + 1
        assert one.best_epoch == best
        # Once the constraint holds, its price is no longer the highest it was.
        price = column(one, "multiplier")
        assert price[-1] < 0.9 * price.max()


@pytest.mark.parametrize("changes", [{}, {"dual_every": 4, "memory": 0.98}], ids=str)
def test_four_groups_in_minibatches_come_within_an_equal_opportunity_tolerance(
    changes: dict[str, Any],
) -> None:
    def rows(n: int, seed: int) -> EncodedRows:
        rng = np.random.default_rng(seed)
        group = rng.choice(4, n, p=[0.5, 0.25, 0.15, 0.1])
        skill = rng.normal(size=n) + np.array([0.8, -0.2, 0.3, -0.8])[group]
        y = (skill + rng.normal(size=n) > 0).astype(np.int8)
        X = np.column_stack([skill, rng.normal(size=n), np.eye(4)[group]])
        return EncodedRows(X.astype(np.float32), y, Groups.of({"g": group}))

    training = replace(QUICK.training, epochs=50, patience=50, learning_rate=0.01)
    plain, fair = learn(
        [1.0, 0.05],
        constraints=[Constraint("equal_opportunity")],
        config=replace(QUICK, training=training, dual_rate=8, **changes),
        rows=rows(6000, 0),
        select=rows(3000, 1),
    )
    assert column(plain, "train_gap")[plain.best_epoch - 1] > 0.25
    # The running rates settle at the tolerance: that is where the price stops moving.
    assert column(fair, "train_violation").min() < 0
    assert column(fair, "train_violation")[-10:].mean() < 0.03
    assert column(fair, "multiplier")[-10:].mean() < 0.95 * column(fair, "multiplier").max()
    assert column(fair, "gap")[fair.best_epoch - 1] < 0.5 * column(plain, "gap")[-1]


def test_sixty_four_small_groups_stay_finite_and_none_is_dropped() -> None:
    rng = np.random.default_rng(0)
    group = np.repeat(np.arange(64), 10)
    X = rng.normal(size=(640, 3))
    X[:, 0] += (group % 8) / 4
    y = (X[:, 0] + rng.normal(size=640) > 0.5).astype(np.int8)
    groups = Groups.of({"a": group // 8, "b": group % 8}, partitions=[("a", "b")])
    rows = EncodedRows(X.astype(np.float32), y, groups)
    config = replace(QUICK, training=replace(QUICK.training, epochs=6, batch_size=32))
    for constraint in ("demographic_parity", "equalized_odds", "predictive_parity"):
        constraints = [Constraint(constraint, 0.05)]
        charge = LagrangianCharge(constraints, [0.05], groups.partitions, config, steps=20)
        learner, device = StackLearner(3, [0], config.training, "cpu"), DeviceRows(rows, "cpu")
        grads: list[torch.Tensor] = []
        plain = charge.gradient

        def watched(*given: Any, plain: Any = plain, grads: Any = grads) -> Any:
            grads.append(plain(*given))
            return grads[-1]

        charge.gradient = watched  # type: ignore[method-assign]
        (one,) = train(learner, charge, device, device, config=config.training)
        assert one.failure is None
        told = [grad for grad in grads if grad is not None]
        assert len(told) == 100  # all but the first epoch
        assert all(torch.isfinite(grad).all() for grad in told)
        judged = np.isfinite(column(one, "train_gap"))
        assert judged.all() or constraint != "demographic_parity"
        # Every group has a price of its own; equal odds of five people are not judged, but learnt.
        first, second = (~torch.eye(64, dtype=torch.bool)).nonzero(as_tuple=True)
        for prices in charge.multipliers.values[0].split(len(first)):
            priced = torch.zeros(64, dtype=prices.dtype)
            priced = priced.index_add(0, first, prices).index_add(0, second, prices)
            assert (priced > 0).all()


def test_a_group_that_is_absent_is_no_violation() -> None:
    only = np.flatnonzero(TRAIN.groups.codes[0] == 0)
    one_group = TRAIN.take(only)
    (one,) = learn([0.01], rows=one_group, select=one_group)
    assert np.isnan(column(one, "violation")).all()
    assert (column(one, "multiplier") == 0).all()
    assert (column(one, "satisfied") == 0).all()
    assert one.note.startswith("Could not be judged: demographic parity, by a.")
    assert one.best_epoch == column(one, "loss").argmin() + 1


def test_equality_draws_the_gap_to_zero_where_inequality_lets_go() -> None:
    training = replace(QUICK.training, epochs=40, patience=40)
    config = replace(QUICK, training=training, dual_rate=2)
    last = {}
    for kind in ("inequality", "equality"):
        constraint = Constraint("demographic_parity", kind=kind, partitions=("a",))
        (one,) = learn([0.15], constraints=[constraint], config=config)
        last[kind] = column(one, "train_gap")[-15:].mean()
    assert last["inequality"] == pytest.approx(0.15 * 0.9, abs=0.03)  # less the margin
    assert last["equality"] < 0.04


def test_two_constraints_at_once_each_with_its_own_tolerance() -> None:
    constraints = [
        Constraint("demographic_parity", 0.15, partitions=("a",)),
        Constraint("true_negative_rate", 0.25, partitions=("a × b",)),
    ]
    config = replace(QUICK, training=replace(QUICK.training, epochs=40))
    (one,) = learn([0.5], constraints=constraints, config=config)
    assert one.note == ""
    kept = one.history[one.best_epoch - 1]
    assert kept["violation"] <= 0
    names = [name for name in kept if name.startswith("multiplier")]
    assert names == [
        "multiplier: demographic parity, by a",
        "multiplier: true negative rate, by a × b",
    ]
    assert all(column(one, name).max() > 0 for name in names)
    assert isinstance(one.predictor, Network)
    chosen = one.predictor.predict_proba(SELECT.X) >= 0.5
    by_a, crossed = SELECT.groups.codes
    shares = [chosen[by_a == g].mean() for g in np.unique(by_a)]
    assert np.ptp(shares) <= 0.15
    bad = SELECT.y == 0
    sizes = [(bad & (crossed == g)).sum() for g in np.unique(crossed)]
    assert min(sizes) >= MIN_PEOPLE
    refused = [1 - chosen[bad & (crossed == g)].mean() for g in np.unique(crossed)]
    assert np.ptp(refused) <= 0.25


def test_only_the_partitions_named_are_held_to_it() -> None:
    found = {}
    for name in ("a", "a × b"):
        constraints = [Constraint("demographic_parity", partitions=(name,))]
        (found[name],) = learn([0.1], constraints=constraints)
    # Each history is of its own partition: two groups, and six.
    for name, one in found.items():
        assert isinstance(one.predictor, Network)
        chosen = one.predictor.predict_proba(SELECT.X) >= 0.5
        codes = SELECT.groups.codes[0 if name == "a" else 1]
        shares = [chosen[codes == g].mean() for g in np.unique(codes)]
        assert np.ptp(shares) == pytest.approx(one.history[one.best_epoch - 1]["gap"])
    assert column(found["a"], "gap")[found["a"].best_epoch - 1] <= 0.1


def test_infeasible_is_said_with_the_smallest_gap() -> None:
    config = replace(QUICK, max_multiplier=0.01)  # what it may cost is not enough
    (one,) = learn([0.02], config=config)
    violation = column(one, "violation")
    assert one.best_epoch == violation.argmin() + 1
    assert violation.min() > 0
    said = re.fullmatch(
        r"Infeasible: the smallest gap reached is ([\d.]+) points where at most 2 was asked for "
        r"\(demographic parity, by a\)\.",
        one.note,
    )
    assert said
    assert float(said[1]) == pytest.approx(100 * (violation.min() + 0.02), rel=0.01)


def test_a_trial_of_one_lifts_everything_and_is_plain_training_to_the_bit() -> None:
    training = replace(QUICK.training, patience=3)
    config = replace(QUICK, training=training, stop_when_satisfied=2)
    constraints = [Constraint(kind="equality"), Constraint("equalized_odds", 0.1)]
    (one,) = learn([1.0], constraints=constraints, config=config)
    (plain,) = train_stacks(
        TRAIN, SELECT, penalty=PENALTIES["demographic_parity"], trials=[(0.0, 0)], config=training
    )
    assert column(one, "loss").tolist() == column(plain, "loss").tolist()
    assert one.best_epoch == plain.best_epoch
    assert one.note == ""
    assert isinstance(one.predictor, Network)
    assert isinstance(plain.predictor, Network)
    for a, b in zip(one.predictor.weights, plain.predictor.weights, strict=True):
        np.testing.assert_array_equal(a, b)
    assert (column(one, "satisfied") == 1).all()


@pytest.mark.parametrize(
    "changes", [{}, {"dual_update": "gradient", "dual_rate": 1}, {"dual_every": 5}]
)
def test_a_stack_is_what_its_candidates_are_alone(changes: dict[str, Any]) -> None:
    config = replace(
        QUICK, training=replace(QUICK.training, patience=2, epochs=12), stop_when_satisfied=3,
        **changes,
    )  # fmt: skip
    tolerances = [1.0, 0.3, 0.1, 0.02]
    together = learn(tolerances, config=config)
    # Only worth something when candidates leave at different epochs, so that the stack shrinks.
    assert len({len(one.history) for one in together}) > 1
    for one, tolerance in zip(together, tolerances, strict=True):
        (alone,) = learn([tolerance], config=config)
        assert alone.best_epoch == one.best_epoch
        assert alone.note == one.note
        for mine, other in zip(alone.history, one.history, strict=True):
            assert mine == pytest.approx(other, abs=2e-3)


def test_it_stops_when_the_constraints_have_held_for_so_long() -> None:
    (one,) = learn([0.2], config=replace(QUICK, stop_when_satisfied=4), select=TRAIN)
    held = column(one, "satisfied")
    assert len(held) < QUICK.training.epochs
    assert held[-4:].all()
    assert not any(held[i : i + 4].all() for i in range(len(held) - 4))


def test_an_epoch_that_violates_is_not_held_against_a_candidate() -> None:
    # The first epoch selects nobody and so meets everything; then come many that do not.
    config = replace(QUICK, training=replace(QUICK.training, patience=2), dual_rate=0.5)
    (one,) = learn([0.05], config=config)
    held = column(one, "satisfied")
    assert (held == 0).sum() > 2
    counted = [bool(h) for h in held[one.best_epoch :]]
    assert sum(counted) <= 2


def test_weights_are_repeated_rows() -> None:
    rng = np.random.default_rng(0)
    times = rng.integers(1, 4, len(TRAIN.y))
    weighted = replace(TRAIN, weights=times * 7.0)
    repeated = TRAIN.take(np.repeat(np.arange(len(times)), times))
    found = []
    for rows in (weighted, repeated):
        training = replace(QUICK.training, batch_size=len(rows.y), epochs=60, hidden=())
        config = replace(QUICK, training=training, small_group=0)
        found += learn([0.1], config=config, rows=rows, select=rows)
    for name in ("loss", "gap", "multiplier"):
        np.testing.assert_allclose(column(found[0], name), column(found[1], name), atol=2e-3)
    assert column(found[0], "multiplier").max() > 0.1


def test_during_warm_up_nothing_has_a_price_and_nothing_is_kept() -> None:
    for every in ("epoch", 3):
        training = replace(QUICK.training, warmup_epochs=5, epochs=12)
        (one,) = learn([0.05], config=replace(QUICK, training=training, dual_every=every))
        assert (column(one, "multiplier")[:4] == 0).all()
        assert column(one, "multiplier")[6:].max() > 0
        assert one.best_epoch > 5


def test_a_module_with_dropout_is_trained_and_left_as_it_was() -> None:
    torch.manual_seed(0)
    module = nn.Sequential(nn.Linear(5, 16), nn.ReLU(), nn.Dropout(0.3), nn.Linear(16, 1))
    before = [p.detach().clone() for p in module.parameters()]
    config = replace(QUICK, training=replace(QUICK.training, epochs=30))
    told: list[int] = []
    one = train_module(
        module,
        TRAIN,
        SELECT,
        constraints=BY_A,
        tolerance=0.1,
        config=config,
        on_epoch=lambda position, row: told.append(int(row["epoch"])),
    )
    assert told == list(range(1, len(one.history) + 1))
    for now, then in zip(module.parameters(), before, strict=True):
        assert torch.equal(now, then)
    assert isinstance(one.predictor, ModulePredictor)
    kept = one.history[one.best_epoch - 1]
    assert kept["gap"] <= 0.1
    chosen = one.predictor.predict_proba(SELECT.X) >= 0.5
    by_a = SELECT.groups.codes[0]
    assert abs(chosen[by_a == 1].mean() - chosen[by_a == 0].mean()) == pytest.approx(kept["gap"])


def test_a_module_is_what_a_stacked_network_is() -> None:
    from faircore.training.modules import new_module

    config = replace(QUICK, training=replace(QUICK.training, epochs=8))
    (stacked,) = learn([0.1], config=config)
    alone = train_module(
        new_module(5, (8,), 0), TRAIN, SELECT, constraints=BY_A, tolerance=0.1, config=config
    )
    for mine, other in zip(alone.history, stacked.history, strict=True):
        assert mine == pytest.approx(other, abs=5e-3)


def test_what_on_progress_raises_stops() -> None:
    shares: list[float] = []

    def stop(share: float) -> None:
        shares.append(share)
        if len(shares) == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        learn([0.1, 0.2], on_progress=stop)
    assert len(shares) == 3
    assert 0 < shares[0] < shares[2] < 1


def test_progress_reaches_the_caller_for_each_epoch_of_each_trial() -> None:
    told: list[tuple[int, int]] = []
    config = replace(QUICK, training=replace(QUICK.training, epochs=3))
    learn(
        [0.1, 0.2],
        config=config,
        threads=1,
        on_epoch=lambda i, r: told.append((i, int(r["epoch"]))),
    )
    assert sorted(told) == [(i, e) for i in range(2) for e in range(1, 4)]
