from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from faircore.errors import InputError
from faircore.penalties import PENALTIES, GroupTensor
from faircore.training import EncodedRows, Trained, TrainingConfig, train_networks
from faircore.training.stack import StackedNetworks
from tests.training.problems import log_loss, mean_gap, two_groups
from tests.training.test_stack import as_module

PARITY = PENALTIES["demographic_parity"]
CONFIG = TrainingConfig(
    hidden=(8,), epochs=14, batch_size=64, learning_rate=0.03, patience=2, clip_norm=0.7
)
TRAIN, SELECT = two_groups(300, 0), two_groups(150, 1)


def _train(
    etas: list[float],
    seeds: list[int] | None = None,
    *,
    train: EncodedRows = TRAIN,
    select: EncodedRows = SELECT,
    config: TrainingConfig = CONFIG,
    **more: Any,
) -> list[Trained]:
    """Candidates in the order asked for, on the CPU."""
    found = train_networks(
        train,
        select,
        penalty=more.pop("penalty", PARITY),
        etas=etas,
        seeds=seeds or [0] * len(etas),
        config=config,
        device="cpu",
        **more,
    )
    return sorted(found, key=lambda one: one.position)


def columns(one: Trained) -> NDArray[np.float64]:
    """Epoch, loss and penalty of its history, one row per epoch."""
    return np.array([[row[name] for name in ("epoch", "loss", "penalty")] for row in one.history])


def _assert_equal(one: Trained, other: Trained, *, atol: float) -> None:
    assert one.best_epoch == other.best_epoch
    assert one.failure == other.failure
    np.testing.assert_allclose(columns(one), columns(other), atol=atol)
    assert one.predictor is not None
    assert other.predictor is not None
    for a, b in zip(
        [*one.predictor.weights, *one.predictor.biases],
        [*other.predictor.weights, *other.predictor.biases],
        strict=True,
    ):
        np.testing.assert_allclose(a, b, atol=atol)


def _plain_loop(
    module: torch.nn.Module,
    eta: float,
    config: TrainingConfig,
    train: EncodedRows,
    select: EncodedRows,
) -> list[tuple[int, float, float]]:
    """The same training written with torch's own modules, one candidate at a time."""
    adam = torch.optim.Adam(module.parameters(), lr=config.learning_rate)
    order = torch.Generator().manual_seed(config.stream_seed)

    def parts(rows: EncodedRows, chosen: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        weights = np.ones(len(rows.y)) if rows.weights is None else rows.weights
        w = torch.tensor(weights, dtype=torch.float32)[chosen]
        y = torch.tensor(rows.y, dtype=torch.float32)[chosen]
        logits = module(torch.tensor(rows.X)[chosen])[:, 0]
        loss = torch.nn.functional.binary_cross_entropy_with_logits(logits, y, w, reduction="sum")
        probs = torch.sigmoid(config.sharpness * logits)
        return loss / w.sum(), PARITY.function(
            probs, y, GroupTensor.of(rows.groups).take(chosen), w
        )

    history = []
    for epoch in range(1, config.epochs + 1):
        warmed = eta * min(1.0, epoch / (config.warmup_epochs + 1))
        for chosen in torch.randperm(len(train.y), generator=order).split(config.batch_size):
            adam.zero_grad()
            loss, unfair = parts(train, chosen)
            (loss + warmed * unfair).backward()
            torch.nn.utils.clip_grad_norm_(module.parameters(), config.clip_norm)
            adam.step()
        with torch.no_grad():
            loss, unfair = parts(select, torch.arange(len(select.y)))
        history.append((epoch, float(loss), float(unfair)))
    return history


@pytest.mark.parametrize("hidden", [(), (8,), (8, 5)])
@pytest.mark.parametrize("changes", [{}, {"warmup_epochs": 3}, {"sharpness": 4.0}])
def test_training_is_what_a_plain_torch_loop_does(
    hidden: tuple[int, ...], changes: dict[str, Any]
) -> None:
    weighted = two_groups(200, 2, weighted=True)
    weighted = replace(weighted, weights=weighted.weights / weighted.weights.mean())
    config = replace(CONFIG, hidden=hidden, epochs=5, patience=9, **changes)
    start = as_module(StackedNetworks(5, hidden, [7]).network(0))
    (found,) = _train([1.5], [7], train=weighted, config=config)
    expected = _plain_loop(start, 1.5, config, weighted, SELECT)
    np.testing.assert_allclose(columns(found), expected, rtol=1e-3, atol=1e-4)


def test_a_stack_is_what_its_candidates_are_alone() -> None:
    etas, seeds = [0.0, 0.2, 1.0, 5.0, 0.0, 1.0], [0, 0, 0, 0, 1, 1]
    together = _train(etas, seeds)
    # Only worth something when candidates leave at different epochs, so that the stack shrinks.
    assert len({len(one.history) for one in together}) >= 3
    for i, (eta, seed) in enumerate(zip(etas, seeds, strict=True)):
        (alone,) = _train([eta], [seed])
        _assert_equal(together[i], alone, atol=2e-5)


@pytest.mark.parametrize("name", PENALTIES)
def test_every_penalty_trains_with_weights_and_a_group_the_rows_lack(name: str) -> None:
    train, select = two_groups(120, 0, weighted=True), two_groups(60, 1)
    only = np.flatnonzero(select.groups.codes[0] == 0)
    select = EncodedRows(select.X[only], select.y[only], select.groups.take(only))
    found = _train([0.0, 3.0], train=train, select=select, penalty=PENALTIES[name])
    assert all(one.failure is None and np.isfinite(columns(one)).all() for one in found)


def test_equal_seeds_give_equal_bytes_and_other_seeds_others() -> None:
    one, other = _train([0.5, 1.0], [3, 4]), _train([0.5, 1.0], [3, 4])
    for a, b in zip(one, other, strict=True):
        _assert_equal(a, b, atol=0)
    assert one[0].history != _train([0.5, 1.0], [5, 4])[0].history
    shuffled = _train([0.5, 1.0], [3, 4], config=replace(CONFIG, stream_seed=1))
    assert one[0].history != shuffled[0].history


def test_the_best_epoch_has_the_lowest_loss_and_charge() -> None:
    etas = [0.0, 0.5, 4.0]
    for eta, one in zip(etas, _train(etas), strict=True):
        epochs, loss, unfair = columns(one).T
        total = loss + eta * unfair
        assert epochs.tolist() == list(range(1, len(total) + 1))
        assert one.best_epoch == epochs[total.argmin()]
        # Stopped `patience` epochs after the best, or at the end.
        assert len(total) == min(one.best_epoch + CONFIG.patience, CONFIG.epochs)
        assert one.predictor is not None
        kept = log_loss(SELECT.y, one.predictor.predict_proba(SELECT.X))
        assert kept == pytest.approx(loss[one.best_epoch - 1], abs=1e-5)


@pytest.mark.parametrize("eta", [3.0, 10.0])
def test_nobody_stops_before_the_penalty_has_its_full_strength(eta: float) -> None:
    config = replace(CONFIG, epochs=20, warmup_epochs=10, patience=3, learning_rate=0.01)
    (one,) = _train([eta], config=config)
    assert len(one.history) > config.warmup_epochs


def test_during_warm_up_the_penalty_pushes_less() -> None:
    config = replace(CONFIG, epochs=51, patience=99)
    (cold,) = _train([5.0], config=replace(config, warmup_epochs=50))
    (hot,) = _train([5.0], config=config)
    assert cold.history[2]["penalty"] > 2 * hot.history[2]["penalty"]


def test_without_a_penalty_it_is_logistic_regression() -> None:
    train, select = two_groups(1500, 3), two_groups(500, 4)
    config = TrainingConfig(
        hidden=(), epochs=250, batch_size=1500, learning_rate=0.05, patience=250, clip_norm=1e9
    )
    (one,) = _train([0.0], train=train, select=train, config=config)
    reference = LogisticRegression(C=np.inf, tol=1e-8, max_iter=1000).fit(train.X, train.y)
    assert one.predictor is not None
    np.testing.assert_allclose(one.predictor.weights[0], reference.coef_, atol=0.01)
    np.testing.assert_allclose(
        one.predictor.predict_proba(select.X), reference.predict_proba(select.X)[:, 1], atol=0.005
    )


def test_a_stronger_penalty_closes_the_gap_and_costs_accuracy() -> None:
    train, select, fresh = two_groups(2000, 0), two_groups(1000, 1), two_groups(2000, 2)
    config = TrainingConfig(hidden=(8,), epochs=15, batch_size=256, learning_rate=0.02)
    found = _train([0.0, 0.3, 1.0, 4.0], train=train, select=select, config=config)
    networks = [one.predictor for one in found if one.predictor is not None]
    gaps = [mean_gap(network, fresh) for network in networks]
    losses = [log_loss(fresh.y, network.predict_proba(fresh.X)) for network in networks]
    assert len(gaps) == 4
    assert gaps[0] > 0.3
    assert gaps[3] < 0.05
    assert (np.diff(gaps) < 0).all()
    assert (np.diff(losses) > 0).all()


def test_a_lost_candidate_leaves_with_a_reason_and_harms_nobody() -> None:
    found = _train([0.0, float("inf"), 1.0], [0, 0, 1])
    assert found[1].predictor is None
    assert found[1].failure
    assert (found[1].best_epoch, len(found[1].history)) == (0, 1)
    for i, (eta, seed) in ((0, (0.0, 0)), (2, (1.0, 1))):
        (alone,) = _train([eta], [seed])
        _assert_equal(found[i], alone, atol=2e-5)


@pytest.mark.parametrize("cause", ["learning rate", "missing value"])
def test_when_all_is_lost_every_candidate_says_why(cause: str) -> None:
    config, train = CONFIG, TRAIN
    if cause == "learning rate":
        config = replace(CONFIG, learning_rate=1e30, hidden=(8, 5))
    else:
        X = TRAIN.X.copy()
        X[3, 1] = np.nan
        train = replace(TRAIN, X=X)
    found = _train([0.0, 1.0], train=train, config=config)
    assert len(found) == 2
    for one in found:
        assert one.predictor is None
        assert one.failure
        assert one.fit_seconds > 0


def test_progress_is_told_and_raising_stops() -> None:
    told: list[tuple[int, float]] = []

    def stop(position: int, row: dict[str, float]) -> None:
        told.append((position, row["epoch"]))
        if row["epoch"] == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        _train([0.0, 1.0], config=replace(CONFIG, patience=99), on_epoch=stop)
    assert told == [(0, 1), (1, 1), (0, 2), (1, 2), (0, 3)]


def test_each_candidate_comes_once_and_as_soon_as_it_has_stopped() -> None:
    told: list[int] = []
    left_at = {}
    for one in train_networks(
        TRAIN,
        SELECT,
        penalty=PARITY,
        etas=[0.0, 0.2, 1.0, 5.0],
        seeds=[0, 0, 0, 0],
        config=CONFIG,
        on_epoch=lambda _, row: told.append(int(row["epoch"])),
        device="cpu",
    ):
        assert one.position not in left_at
        left_at[one.position] = told[-1]
        assert len(one.history) == told[-1]
    assert set(left_at) == {0, 1, 2, 3}
    assert len(set(left_at.values())) > 1


@pytest.mark.parametrize("scale", [1e-4, 200_000.0])
def test_the_unit_of_the_weights_does_not_matter(scale: float) -> None:
    # Weights that sum to 1, and census weights in persons, ask for the same model.
    plain = _train([2.0], train=replace(TRAIN, weights=np.ones(300)))
    other = _train([2.0], train=replace(TRAIN, weights=np.full(300, scale)))
    assert plain[0].predictor is not None
    assert other[0].predictor is not None
    assert mean_gap(other[0].predictor, SELECT) == pytest.approx(
        mean_gap(plain[0].predictor, SELECT), abs=1e-3
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"epochs": 0},
        {"batch_size": 0},
        {"batch_size": -1},
        {"learning_rate": -1.0},
        {"learning_rate": float("nan")},
        {"warmup_epochs": -1},
        {"hidden": (0,)},
        {"sharpness": 0.0},
        {"clip_norm": 0.0},
        {"ramp": "sudden"},
    ],
    ids=str,
)
def test_a_configuration_that_cannot_train_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=next(iter(changes))):
        TrainingConfig(**changes)
