"""A sweep of 24 etas on Adult against the loops people write today; prints ratios.

    python benchmarks/sweep_speed.py            # extrapolates the slow loops from a few models
    python benchmarks/sweep_speed.py --full     # trains all 24 with every loop

(a) one model after another, ``DataLoader`` and fairret's norm loss;
(b) the same, with tensors indexed by hand;
(c) the stacked sweep.

Each trains one hidden layer of 64 for 20 epochs of batches of 512 on the same rows, without early
stopping, so that all do the same arithmetic. The share of the machine's matrix speed counts the
floating-point operations of the large products, 4·k·h·d for a row learned from and 2·k·h·d for a
row evaluated after each epoch, over those a plain ``torch.mm`` of the same shapes does per second
at its best in this run, on all cores.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
import torch
from fairret.loss import NormLoss
from fairret.statistic import PositiveRate
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from faircore.data import build_dataset, load_sample
from faircore.penalties import PENALTIES
from faircore.training import Prepared, TrainingConfig, train_stacks
from faircore.training.stack import widen

ETAS = [0.0, *np.geomspace(0.05, 5.0, 23).tolist()]
EPOCHS, BATCH, HIDDEN = 20, 512, 64
CONFIG = TrainingConfig(hidden=(HIDDEN,), epochs=EPOCHS, batch_size=BATCH, patience=10_000)


def model(d: int) -> nn.Module:
    """The network everybody trains."""
    return nn.Sequential(nn.Linear(d, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, 1))


def with_loader(X: torch.Tensor, y: torch.Tensor, one_hot: torch.Tensor, eta: float) -> None:
    """(a) What a tutorial shows."""
    net, penalty = model(X.shape[1]), NormLoss(PositiveRate())
    optimizer = torch.optim.Adam(net.parameters(), lr=CONFIG.learning_rate)
    loader = DataLoader(TensorDataset(X, one_hot, y), batch_size=BATCH, shuffle=True)
    for _ in range(EPOCHS):
        for rows, sensitive, target in loader:
            optimizer.zero_grad()
            logits = net(rows)
            loss = nn.functional.binary_cross_entropy_with_logits(logits, target)
            (loss + eta * penalty(logits, sensitive)).backward()
            optimizer.step()


def by_hand(X: torch.Tensor, y: torch.Tensor, one_hot: torch.Tensor, eta: float) -> None:
    """(b) The same without ``DataLoader``."""
    net, penalty = model(X.shape[1]), NormLoss(PositiveRate())
    optimizer = torch.optim.Adam(net.parameters(), lr=CONFIG.learning_rate)
    for _ in range(EPOCHS):
        order = torch.randperm(len(X))
        for start in range(0, len(X), BATCH):
            rows = order[start : start + BATCH]
            optimizer.zero_grad()
            logits = net(X[rows])
            loss = nn.functional.binary_cross_entropy_with_logits(logits, y[rows])
            (loss + eta * penalty(logits, one_hot[rows])).backward()
            optimizer.step()


def stacked(prepared: Prepared) -> None:
    """(c) The sweep."""
    list(
        train_stacks(
            prepared.sample("train", partitions=("sex",)),
            prepared.sample("select", partitions=("sex",)),
            penalty=PENALTIES["demographic_parity"],
            trials=[(eta, 0) for eta in ETAS],
            config=CONFIG,
        )
    )


def seconds(function: object, *arguments: object) -> float:
    """Time of one call."""
    started = time.perf_counter()
    function(*arguments)  # type: ignore[operator]
    return time.perf_counter() - started


def matrix_speed(d: int) -> float:
    """Floating-point operations per second of the products a step is made of."""
    k = len(ETAS) * HIDDEN
    weight, rows = torch.randn(k, d), torch.randn(BATCH, d)
    out, grad = torch.empty(k, BATCH), torch.empty(k, d)
    best = np.inf
    for _ in range(30):
        started = time.perf_counter()
        for _ in range(10):
            torch.mm(weight, rows.T, out=out)
            torch.mm(out, rows, out=grad)
        best = min(best, (time.perf_counter() - started) / 10)
    return 4 * k * d * BATCH / best


def main() -> None:
    """Run everything once and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--full", action="store_true", help="no extrapolation")
    full = parser.parse_args().full
    table, spec = load_sample("adult")
    prepared = Prepared.of(build_dataset(table, spec))
    train = prepared.sample("train", partitions=("sex",))
    X = torch.as_tensor(train.X)
    y = torch.as_tensor(train.y, dtype=torch.float32)[:, None]
    one_hot = nn.functional.one_hot(torch.as_tensor(train.groups.codes[0], dtype=torch.int64), 2)
    wide = widen(X).shape[1]
    steps = -(-len(X) // BATCH) * EPOCHS
    print(f"{len(ETAS)} etas, {len(X):,} rows, {X.shape[1]} columns, {steps} steps of {BATCH} rows")
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads")

    stacked(prepared)  # warm up
    ours = min(seconds(stacked, prepared) for _ in range(4))
    speed = matrix_speed(wide)
    few = len(ETAS) if full else 3
    a = seconds(lambda: [with_loader(X, y, one_hot, e) for e in ETAS[:few]]) * len(ETAS) / few
    b = seconds(lambda: [by_hand(X, y, one_hot, e) for e in ETAS[:few]]) * len(ETAS) / few
    ours = min(ours, *(seconds(stacked, prepared) for _ in range(4)))
    speed = max(speed, matrix_speed(wide))
    judged = len(prepared.rows("select"))
    work = len(ETAS) * HIDDEN * wide * EPOCHS * (4 * len(X) + 2 * judged)
    note = "" if full else f" (from {few} models)"
    print(f"(a) DataLoader, one by one    {a:8.1f} s   {a / ours:6.1f} x{note}")
    print(f"(b) indexed by hand           {b:8.1f} s   {b / ours:6.1f} x{note}")
    print(f"(c) stacked sweep             {ours:8.1f} s")
    print(f"matrix products alone {speed / 1e9:.0f} GFLOP/s; the sweep reaches "
          f"{work / ours / speed:.0%} of that")  # fmt: skip


if __name__ == "__main__":
    main()
