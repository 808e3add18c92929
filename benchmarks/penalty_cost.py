"""What each penalty costs: a stacked sweep on Adult against the same sweep without any charge.

    python benchmarks/penalty_cost.py           # best of 2 turns, under two minutes
    python benchmarks/penalty_cost.py 6         # best of 6

Twelve strengths of each penalty, three epochs of batches of 512, one hidden layer of 64, every
partition of the sample's attributes. Plain training is the same sweep with every eta 0. Turns go
round all penalties, so that a busy moment of the machine falls on all of them. One thread, as each
stack of a sweep has.
"""

from __future__ import annotations

import sys
import time

import numpy as np
import torch

from faircore.data import build_dataset, load_sample
from faircore.penalties import PENALTIES, Penalty, PenaltyOptions
from faircore.training import Prepared, TrainingConfig
from faircore.training.loop import train_networks
from faircore.training.rows import EncodedRows

ETAS = np.geomspace(0.1, 3.0, 12).tolist()
CONFIG = TrainingConfig(hidden=(64,), epochs=3, batch_size=512, patience=10_000)
WAYS = {
    "no memory": PenaltyOptions(),
    "memory": PenaltyOptions(memory=0.9),
    "pairs": PenaltyOptions("pairs"),
}


def seconds(
    rows: tuple[EncodedRows, EncodedRows],
    penalty: Penalty,
    etas: list[float],
    options: PenaltyOptions,
) -> float:
    """Processor time of one sweep: other programs do not count."""
    started = time.thread_time()
    for _ in train_networks(
        *rows, penalty=penalty, etas=etas, seeds=[0] * len(etas), config=CONFIG, options=options
    ):
        pass
    return time.thread_time() - started


def main() -> None:
    """Run every sweep in turn and print the table."""
    turns = int(sys.argv[1]) if len(sys.argv) > 1 else 2
    torch.set_num_threads(1)  # as the sweep trains each of its stacks
    table, spec = load_sample("adult")
    prepared = Prepared.of(build_dataset(table, spec))
    rows = (prepared.sample("train"), prepared.sample("select"))
    n, g = len(rows[0].X), rows[0].groups.n_groups
    print(f"{len(ETAS)} etas, {CONFIG.epochs} epochs, {n:,} rows, {g} groups, best of {turns}")

    plain, best = np.inf, dict.fromkeys(((p, w) for p in PENALTIES for w in WAYS), np.inf)
    some = next(iter(PENALTIES.values()))
    seconds(rows, some, ETAS, WAYS["memory"])  # warm up
    for _ in range(turns):
        for name, penalty in PENALTIES.items():
            plain = min(plain, seconds(rows, some, [0.0] * len(ETAS), PenaltyOptions()))
            for way, options in WAYS.items():
                taken = seconds(rows, penalty, ETAS, options)
                best[name, way] = min(best[name, way], taken)

    print(f"{'':20}" + "".join(f"{way:>18}" for way in WAYS))
    print(f"{'plain training':20}" + f"{plain:8.2f} s {1:5.2f} x")
    for name in PENALTIES:
        cells = [f"{best[name, way]:8.2f} s {best[name, way] / plain:5.2f} x" for way in WAYS]
        print(f"{name:20}" + "".join(f"{cell:>18}" for cell in cells))


if __name__ == "__main__":
    main()
