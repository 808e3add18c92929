from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import lightgbm as lgb
import numpy as np
import pytest
import torch

from faircore.errors import InputError
from faircore.groups import Groups
from faircore.metrics import confusion_counts
from faircore.penalties import PENALTIES, PenaltyOptions
from faircore.predictors import Trees
from faircore.training.boosting import BoostingConfig, _Rows, train_trees
from faircore.training.charges import PenaltyCharge, widest_gap
from faircore.training.config import TrainingConfig
from faircore.training.rows import EncodedRows, Trained
from tests.training.problems import two_groups

PARITY = PENALTIES["demographic_parity"]
CONFIG = BoostingConfig(n_rounds=30, n_leaves=8, sharpness=3.0)
TRAIN, SELECT = two_groups(1500, 0), two_groups(800, 1)


def _train(
    etas: Sequence[float],
    seeds: Sequence[int] | None = None,
    *,
    train: EncodedRows = TRAIN,
    select: EncodedRows = SELECT,
    config: BoostingConfig = CONFIG,
    **more: Any,
) -> list[Trained]:
    """Candidates in the order asked for."""
    trials = list(zip(etas, seeds or [0] * len(etas), strict=True))
    penalty = more.pop("penalty", PARITY)
    found = train_trees(train, select, penalty=penalty, trials=trials, config=config, **more)
    return sorted(found, key=lambda one: one.position)


def _trees(one: Trained) -> Trees:
    assert one.failure is None
    assert isinstance(one.predictor, Trees)
    return one.predictor


def _gap(one: Trained, rows: EncodedRows, disparity: str = PARITY.disparity) -> float:
    """Widest hard gap over the partitions."""
    chosen = (_trees(one).predict_proba(rows.X) >= 0.5).astype(np.int8)
    counts = confusion_counts(rows.y, chosen, rows.groups)
    return float(widest_gap(counts, rows.groups.partitions, disparity))


def _loss(one: Trained, rows: EncodedRows) -> float:
    score = _trees(one).raw_scores(rows.X)
    return float(np.mean(np.logaddexp(0, score) - rows.y * score))


def _same(one: Trained, other: Trained) -> None:
    assert one.best_epoch == other.best_epoch
    assert one.history == other.history
    a, b = _trees(one).to_arrays(), _trees(other).to_arrays()
    for name in a:
        np.testing.assert_array_equal(a[name], b[name])


@pytest.mark.parametrize("row_share", [1.0, 0.8, 0.3])
def test_each_candidate_is_what_it_is_alone(row_share: float) -> None:
    config = replace(CONFIG, row_share=row_share, column_share=min(1.0, row_share + 0.2))
    etas, seeds = [0.0, 0.3, 0.3, 1.0, 3.0, 3.0], [0, 0, 1, 2, 0, 1]
    together = _train(etas, seeds, config=config, threads=4)
    for eta, seed, one in zip(etas, seeds, together, strict=True):
        (alone,) = _train([eta], [seed], config=config, threads=1)
        _same(one, alone)
    if row_share < 1:
        assert _trees(together[1]).leaf.tolist() != _trees(together[2]).leaf.tolist()
    else:
        _same(together[1], together[2])


def test_without_a_penalty_it_is_lightgbm() -> None:
    weights = np.random.default_rng(0).exponential(1.0, len(TRAIN.y))
    rows = replace(TRAIN, weights=weights)
    config = replace(CONFIG, patience=0)
    (one,) = _train([0.0], train=rows, select=rows, config=config)
    params = {
        "objective": "binary", "num_leaves": 8, "learning_rate": 0.1, "min_data_in_leaf": 20,
        "verbosity": -1, "deterministic": True, "force_row_wise": True, "num_threads": 1,
    }  # fmt: skip
    data = lgb.Dataset(rows.X, rows.y, weight=rows.unit_weights)
    theirs = Trees.from_booster(lgb.train(params, data, 30))
    mine = _trees(one)
    assert one.best_epoch == 30
    for name in ("root", "feature", "left", "right", "threshold"):
        np.testing.assert_array_equal(getattr(mine, name), getattr(theirs, name))
    np.testing.assert_allclose(mine.raw_scores(rows.X), theirs.raw_scores(rows.X), atol=1e-5)


def test_a_weight_of_two_is_a_row_twice() -> None:
    # Few values per column, so that both are cut into the same bins.
    X = np.round(TRAIN.X * 2).astype(np.float32)
    twice = np.arange(len(X)) % 3 == 0
    where = np.repeat(np.arange(len(X)), 1 + twice)
    rows = replace(TRAIN, X=X)
    config = replace(CONFIG, min_rows=1, patience=0)
    options = PenaltyOptions(small_group=0)  # else a group is trusted by its number of rows
    weighted, repeated = (
        _train([1.0], train=part, select=part, config=config, options=options)[0]
        for part in (replace(rows, weights=1.0 + twice), rows.take(where))
    )
    mine, theirs = (_trees(one).raw_scores(X) for one in (weighted, repeated))
    np.testing.assert_allclose(mine, theirs, atol=1e-3)
    assert np.ptp(mine) > 1


@pytest.mark.parametrize("name", PENALTIES)
def test_the_gradient_is_that_of_the_objective(name: str) -> None:
    rows = two_groups(200, 3, weighted=True)
    start = Trees.constant(0.3, rows.X.shape[1])
    split = _Rows(rows, start, 1.0)
    charge = PenaltyCharge(
        PENALTIES[name], torch.tensor([0.7]), TrainingConfig(sharpness=2.0),
        # A group is trusted by its denominator, which predictive parity moves and no gradient sees.
        rows.groups.partitions, PenaltyOptions(small_group=0),
    )  # fmt: skip
    rng = np.random.default_rng(0)
    raw, way, h = rng.normal(size=200), rng.normal(size=200), 2e-3
    slope, curve = split.gradient(charge, 1, raw, None)
    up, here, down = (split.judged(raw + step * way, charge, 1)[0] for step in (h, 0, -h))
    assert slope @ way / split.total == pytest.approx((up - down) / (2 * h), rel=0.02, abs=2e-5)
    # The Hessian is that of the log loss alone.
    probability = 1 / (1 + np.exp(-raw - 0.3))
    np.testing.assert_allclose(
        curve, rows.unit_weights * probability * (1 - probability), rtol=1e-5
    )
    assert here == pytest.approx(split.judged(raw, charge, 1)[0])


def unequal(n: int, seed: int) -> EncodedRows:
    """Groups that differ in base rate, in how well they can be told apart, and in their odds."""
    rng = np.random.default_rng(seed)
    group = (rng.random(n) < 0.4).astype(int)
    X = rng.normal(size=(n, 4))
    X[:, 0] += 1.5 * group
    X[:, 3] = group
    signal = np.where(group == 1, 0.6, 2.5) * (X[:, 1] + 0.7 * (X[:, 0] - 0.8))
    y = (rng.random(n) < 1 / (1 + np.exp(-signal - 0.5 * group + 0.3))).astype(np.int8)
    return EncodedRows(X.astype(np.float32), y, Groups.of({"a": group}))


# Penalties are on scales of their own; these strengths are strong on both tables.
STRONG = {"predictive_parity": 10.0, "covariance": 3.0, "mutual_information": 3.0, "hsic": 20.0}


@pytest.mark.parametrize("name", PENALTIES)
def test_every_penalty_lowers_what_it_is_about(name: str) -> None:
    penalty, eta = PENALTIES[name], STRONG.get(name, 2.0)
    about_errors = penalty.on_scores or name == "predictive_parity"
    rows, judge, test = ((unequal if about_errors else two_groups)(3000, i) for i in range(3))
    long = replace(CONFIG, n_rounds=60)
    plain, fair = _train([0.0, eta], train=rows, select=judge, config=long, penalty=penalty)
    if penalty.on_scores:  # about losses, so its own value counts
        before, after = (
            next(row for row in one.history if row["epoch"] == one.best_epoch)["penalty"]
            for one in (plain, fair)
        )
    else:
        before, after = (_gap(one, test, penalty.disparity) for one in (plain, fair))
    assert before > 0.05
    assert after < (0.75 if name == "predictive_parity" else 0.6) * before
    assert fair.best_epoch > 0


# Under predictive parity a constant model, which selects all, is not equal.
@pytest.mark.parametrize("name", sorted(set(PENALTIES) - {"predictive_parity"}))
def test_a_huge_eta_ends_no_less_equal(name: str) -> None:
    penalty = PENALTIES[name]
    plain, fair = _train([0.0, 300.0], penalty=penalty)
    before, after = (
        next(row for row in one.history if row["epoch"] == one.best_epoch)["penalty"]
        for one in (plain, fair)
    )
    assert after < 0.3 * before


def test_overlapping_partitions_all_narrow() -> None:
    plain, fair = _train([0.0, 2.0])
    for number, partition in enumerate(TRAIN.groups.partitions):
        gaps = []
        for one in (plain, fair):
            chosen = _trees(one).predict_proba(SELECT.X) >= 0.5
            rates = [chosen[SELECT.groups.codes[number] == g].mean() for g in range(8)
                     if partition.start <= g < partition.groups.stop]  # fmt: skip
            gaps.append(max(rates) - min(rates))
        assert gaps[1] < 0.6 * gaps[0]


def two_gaussians(n: int, seed: int) -> EncodedRows:
    """Outcome by the first column; the second is the group, which moves the first."""
    rng = np.random.default_rng(seed)
    group = rng.integers(0, 2, n)
    x = rng.normal(size=n) + 1.5 * group
    y = (rng.random(n) < 1 / (1 + np.exp(-2 * (x - 0.75)))).astype(np.int8)
    X = np.column_stack([x, group]).astype(np.float32)
    return EncodedRows(X, y, Groups.of(group))


def test_at_a_strong_eta_two_gaussians_are_selected_alike() -> None:
    rows, judge, test = (two_gaussians(6000, seed) for seed in range(3))
    config = BoostingConfig(n_rounds=150, n_leaves=8)
    plain, fair = _train([0.0, 5.0], train=rows, select=judge, config=config)
    # One threshold for all is passed by N(0, 1) and N(1.5, 1) with probabilities .227 and .773.
    assert _gap(plain, test) == pytest.approx(0.546, abs=0.05)
    assert _gap(fair, test) < 0.2
    # What is charged is the difference of mean scores; at parity both are the base rate.
    score, group = _trees(fair).predict_proba(test.X), test.groups.codes[0]
    for one in (0, 1):
        assert score[group == one].mean() == pytest.approx(rows.y.mean(), abs=0.03)


def test_tiny_groups_leave_no_trace_of_nan() -> None:
    rng = np.random.default_rng(0)
    group = np.zeros(1500, int)
    group[:9] = [1, 1, 1, 2, 2, 2, 3, 3, 3]
    rows = replace(TRAIN, groups=Groups.of({"a": group, "b": rng.integers(0, 2, 1500)}))
    # The select split has nobody of three of the groups.
    select = replace(SELECT, groups=rows.groups.take(np.arange(9, 809)))
    for name, penalty in PENALTIES.items():
        for versus in ("overall", "pairs"):
            options = PenaltyOptions(versus=versus)
            one = _train([5.0], train=rows, select=select, penalty=penalty, options=options)[0]
            assert np.isfinite(_trees(one).predict_proba(SELECT.X)).all(), name
            assert all(np.isfinite(row["penalty"]) for row in one.history), name


def test_missing_values_are_learned_from() -> None:
    X = TRAIN.X.copy()
    X[TRAIN.y == 1, 4] = np.nan
    rows = replace(TRAIN, X=X)
    (one,) = _train([0.5], train=rows, select=rows)
    assert _loss(one, rows) < 0.3 * np.log(2)


def test_nothing_to_split_is_a_constant_model() -> None:
    rows = replace(TRAIN, X=np.zeros_like(TRAIN.X), weights=None)
    (one,) = _train([1.0], train=rows, select=rows)
    np.testing.assert_allclose(_trees(one).predict_proba(rows.X), rows.y.mean(), atol=1e-7)
    only_good = replace(TRAIN, weights=(TRAIN.y == 1).astype(float))
    (sure,) = _train([1.0], train=only_good)
    assert (_trees(sure).predict_proba(SELECT.X) > 0.99).all()


def test_a_loss_that_is_no_number_is_said() -> None:
    for rate in (1e3, 1e306):
        (one,) = _train([1.0], config=replace(CONFIG, learning_rate=rate))
        assert one.failure is None
        assert np.isfinite(_trees(one).predict_proba(SELECT.X)).all()
    (lost,) = _train([0.0], start=Trees.constant(np.inf, TRAIN.X.shape[1]))
    assert lost.predictor is None
    assert lost.failure == "it never reached a finite loss"


def test_history_progress_and_the_best_round() -> None:
    epochs: list[tuple[int, dict[str, float]]] = []
    shares: list[float] = []
    config = replace(CONFIG, n_rounds=130, patience=0, warmup_rounds=5)
    found = _train(
        [0.0, 1.0], config=config, threads=2, on_progress=shares.append,
        on_epoch=lambda position, row: epochs.append((position, row)),
    )  # fmt: skip
    assert len(epochs) == 260
    assert len(shares) == 260 + 2  # and once more as each is done
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    for one, eta in zip(found, (0.0, 1.0), strict=True):
        rows = [row for position, row in epochs if position == one.position]
        assert [row["epoch"] for row in rows] == list(range(1, 131))
        best = min(rows[5:], key=lambda row: row["loss"] + eta * row["penalty"])["epoch"]
        assert one.best_epoch == best
        assert _trees(one).n_trees <= best  # less where a round was taken back
        assert len(one.history) <= 50
        assert all(row in rows for row in one.history[1:])
        assert {0, best, 130} <= {row["epoch"] for row in one.history}
        kept = next(row for row in rows if row["epoch"] == best)
        assert kept["loss"] == pytest.approx(_loss(one, SELECT), abs=1e-6)
        assert kept["gap"] == pytest.approx(_gap(one, SELECT), abs=1e-6)
        assert one.fit_seconds > 0


def test_it_waits_patiently_from_the_end_of_the_warm_up() -> None:
    config = replace(CONFIG, n_rounds=200, patience=4, learning_rate=0.5)
    (one,) = _train([0.5], config=config)
    assert one.history[-1]["epoch"] == one.best_epoch + 4
    (warmed,) = _train([0.1], config=replace(config, warmup_rounds=40))
    assert warmed.best_epoch > 40


def test_a_callback_that_raises_stops_every_thread() -> None:
    def stop(share: float) -> None:
        if share > 0.001:
            raise RuntimeError("enough")

    long = replace(CONFIG, n_rounds=5000, patience=0)
    started, before = time.perf_counter(), threading.active_count()
    with pytest.raises(RuntimeError, match="enough"):
        _train([0.0, 1.0, 2.0, 3.0], config=long, on_progress=stop)
    assert threading.active_count() == before
    assert time.perf_counter() - started < 20
    left = train_trees(
        TRAIN, SELECT, penalty=PARITY, trials=[(0.0, 0), (1.0, 0), (2.0, 0)], config=CONFIG,
    )  # fmt: skip
    next(left)
    left.close()
    assert threading.active_count() == before


def _booster(rows: EncodedRows, **params: Any) -> lgb.Booster:
    given = {"objective": "binary", "num_leaves": 8, "verbosity": -1, "num_threads": 1, **params}
    return lgb.train(given, lgb.Dataset(rows.X, rows.y), 40)


def test_fine_tuning_goes_on_from_the_model_in_use() -> None:
    booster = _booster(TRAIN)
    start = Trees.from_booster(booster)
    config = replace(CONFIG, n_rounds=15, fine_tune_rate=1.0)
    same, fair = _train([0.0, 2.0], start=booster, config=config)
    before = Trained(0, start)
    assert _gap(fair, SELECT) < 0.5 * _gap(before, SELECT)
    assert _loss(same, SELECT) <= _loss(before, SELECT)
    trees = _trees(fair)
    assert trees.n_trees == 40 + fair.best_epoch
    np.testing.assert_array_equal(trees.leaf[: len(start.leaf)], start.leaf)
    assert fair.history[0]["epoch"] == 0
    assert fair.history[0]["loss"] == pytest.approx(_loss(before, SELECT))
    # Trees of ours can be gone on from as well.
    (again,) = _train([2.0], start=start, config=config)
    _same(again, fair)


def test_fine_tuning_at_the_lower_rate_never_ends_worse() -> None:
    overfitted = Trained(0, Trees.from_booster(_booster(TRAIN, num_leaves=60, learning_rate=0.3)))
    for rate in (0.01, 1.0):
        config = replace(CONFIG, fine_tune_rate=rate)
        (one,) = _train([0.0], start=overfitted.predictor, config=config)
        assert _loss(one, SELECT) <= _loss(overfitted, SELECT)
        if rate < 1:
            moved = _trees(one).raw_scores(SELECT.X) - _trees(overfitted).raw_scores(SELECT.X)
            assert np.abs(moved).max() < 1


def test_what_cannot_be_used_is_refused() -> None:
    with pytest.raises(InputError, match="expects 5 encoded columns"):
        _train([0.0], train=replace(TRAIN, X=TRAIN.X[:, :4]), start=_booster(TRAIN))
    for eta in (-1.0, np.nan, np.inf):
        with pytest.raises(InputError, match="strengths must be zero or more"):
            _train([eta])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("n_rounds", 0), ("n_leaves", 1), ("learning_rate", 0), ("learning_rate", np.nan),
        ("min_rows", 0), ("l2", -1), ("l2", np.inf), ("patience", -1), ("warmup_rounds", 200),
        ("sharpness", 0), ("row_share", 0), ("column_share", 1.1), ("fine_tune_rate", 0),
    ],
)  # fmt: skip
def test_settings_outside_their_range_are_refused(name: str, value: float) -> None:
    with pytest.raises(InputError, match=f"^{name} must be"):
        BoostingConfig(**{name: value})


def test_settings_are_plain_numbers() -> None:
    config = BoostingConfig(n_rounds=np.int64(5), learning_rate=np.float32(0.5), l2=1)  # type: ignore[arg-type]
    assert [type(v) for v in (config.n_rounds, config.learning_rate, config.l2)] == [
        int, float, float,
    ]  # fmt: skip
