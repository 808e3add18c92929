"""64 intersections, some of ten rows and absent from most batches."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from faircore.groups import Groups
from faircore.penalties import PENALTIES, PenaltyOptions
from faircore.predictors import Predictor
from faircore.training import EncodedRows, TrainingConfig, train_networks

LARGE, SMALL = 200, 10
N_LARGE = 40
CONFIG = TrainingConfig(hidden=(), epochs=12, batch_size=128, learning_rate=0.02, patience=12)


def rows(seed: int, *, only_large: bool = False) -> EncodedRows:
    """Groups of 8 x 8 values, 40 of them large; the first column shifts with the group."""
    rng = np.random.default_rng(seed)
    sizes = [LARGE if g < N_LARGE else SMALL for g in range(64)]
    code = np.repeat(np.arange(64), sizes)
    X = rng.normal(size=(len(code), 3))
    X[:, 0] += np.sin(code) * 1.2
    y = (X[:, 0] + X[:, 1] + rng.normal(size=len(code)) > 0).astype(np.int8)
    frame = {"a": code // 8, "b": code % 8}
    groups = Groups.of(frame, partitions=[("a",), ("b",), ("a", "b")])
    whole = EncodedRows(X.astype(np.float32), y, groups)
    return whole.take(np.flatnonzero(code < N_LARGE)) if only_large else whole


def spread(predictor: Predictor, judged: EncodedRows) -> float:
    """Standard deviation of the mean scores of the large groups."""
    code = np.repeat(np.arange(N_LARGE), LARGE)
    score = predictor.predict_proba(judged.X)[: len(code)]
    means: NDArray[np.float64] = np.bincount(code, score) / LARGE
    return float(means.std())


def trained(
    train: EncodedRows, select: EncodedRows, penalty: str, eta: float, options: PenaltyOptions
) -> Predictor:
    (one,) = train_networks(
        train, select, penalty=PENALTIES[penalty], etas=[eta], seeds=[0], config=CONFIG,
        options=options, device="cpu",
    )  # fmt: skip
    assert one.failure is None
    assert np.isfinite([row["loss"] + row["penalty"] for row in one.history]).all()
    assert one.predictor is not None
    return one.predictor


@pytest.mark.parametrize("memory", [0.0, 0.9])
@pytest.mark.parametrize("penalty", PENALTIES)
def test_no_penalty_loses_its_numbers(penalty: str, memory: float) -> None:
    options = PenaltyOptions(memory=memory, crossed_weight=0.5)
    scores = trained(rows(0), rows(1), penalty, 2.0, options).predict_proba(rows(2).X)
    assert np.isfinite(scores).all()


@pytest.mark.parametrize(
    "options",
    [PenaltyOptions(), PenaltyOptions(memory=0.9), PenaltyOptions(shrinkage=20, memory=0.9)],
    ids=["plain", "memory", "memory and shrinkage"],
)
def test_large_groups_fare_no_worse_for_the_small_ones_beside_them(
    options: PenaltyOptions,
) -> None:
    judged = rows(2)
    plain = trained(rows(0), rows(1), "demographic_parity", 0.0, options)
    together = trained(rows(0), rows(1), "demographic_parity", 0.5, options)
    alone = trained(
        rows(0, only_large=True), rows(1, only_large=True), "demographic_parity", 0.5, options
    )
    before, with_small, without = (spread(p, judged) for p in (plain, together, alone))
    assert without < 0.7 * before
    assert with_small < 1.1 * without


def test_every_group_is_counted() -> None:
    whole = rows(0)
    assert whole.groups.n_groups == 8 + 8 + 64
    assert (whole.groups.sizes > 0).all()
    assert whole.groups.sizes[16:].min() == SMALL
