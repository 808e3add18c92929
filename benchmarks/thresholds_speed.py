"""Exact thresholds per group: how long a whole frontier takes, and how exact it is.

    python benchmarks/thresholds_speed.py
    python benchmarks/thresholds_speed.py --peers PYTHON [--limit 300]

50,000 made-up rows of 24 groups, 28 tolerances of equalized odds in one fit, from arrays to rules;
the same with 256 groups; and without a lot, where one rate is exact. The costs are held against a
dense programme over every cut of every group and all ordered pairs of groups, on fewer rows, as
with all of them it would not fit into memory; and on all rows against one that is over every cut
too, but has two rows per group and rate. With ``--peers``, the interpreter of an environment
with error-parity or oxonfair (which draws no lot) fits one tolerance on the same rows. Set
OMP_NUM_THREADS=1 for one thread; wall time, best turn.
"""

from __future__ import annotations

import argparse
import itertools
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.optimize import linprog

from faircore.thresholds import ThresholdFrontier

Array = NDArray[np.float64]
Table = tuple[Array, NDArray[np.int64], NDArray[np.int64]]

GRID = tuple(np.round(np.concatenate([np.arange(20) / 100, np.arange(4, 12) / 20]), 2).tolist())
ONE = 0.05
"""Tolerance that others fit too."""

ERROR_PARITY = """
import sys, time, numpy as np
from error_parity import RelaxedThresholdOptimizer
d = np.load(sys.argv[1]); best = 1e9
for _ in range(int(sys.argv[3])):
    started = time.perf_counter()
    m = RelaxedThresholdOptimizer(predictor=lambda X: X[:, 0], constraint="equalized_odds",
        tolerance=float(sys.argv[2]), max_roc_ticks=None)
    m.fit(d["s"][:, None], d["y"], group=d["g"], y_scores=d["s"])
    best = min(best, time.perf_counter() - started)
print("found", best, m.cost())
"""
OXONFAIR = """
import sys, time, numpy as np
from oxonfair import FairPredictor, group_metrics as gm
d = np.load(sys.argv[1]); two = np.column_stack([1 - d["s"], d["s"]])
started = time.perf_counter()
m = FairPredictor(None, {"data": two, "target": d["y"], "groups": d["g"]})
m.fit(gm.accuracy, gm.equalized_odds_max, float(sys.argv[2]))
seconds = time.perf_counter() - started
print("found", seconds, 1 - (np.asarray(m.predict(m.validation_data)) == d["y"]).mean())
"""
PEERS = {"error-parity": ERROR_PARITY, "oxonfair": OXONFAIR}


def table(n: int, n_groups: int, seed: int = 0) -> Table:
    """Scores, outcomes and groups that differ in base rate and in how well they are told apart."""
    rng = np.random.default_rng(seed)
    group = rng.integers(0, n_groups, n)
    base, signal = rng.normal(0, 0.7, n_groups)[group], rng.uniform(0.5, 2, n_groups)[group]
    z = rng.normal(size=n) + base
    y = (rng.random(n) < 1 / (1 + np.exp(-signal * z))).astype(np.int64)
    return 1 / (1 + np.exp(-z - 0.3 * rng.normal(size=n))), y, group


def fitted(data: Table, turns: int, *parameters: object, **more: object) -> tuple[float, Array]:
    """Least seconds of some fits, and the costs found."""
    best, frontier = np.inf, ThresholdFrontier(*parameters, **more)  # type: ignore[arg-type]
    for _ in range(turns):
        started = time.perf_counter()
        frontier.fit(data[0], data[1], sensitive_features=data[2])
        best = min(best, time.perf_counter() - started)
    return best, frontier.points_["cost"].to_numpy()


def all_points(data: Table) -> tuple[NDArray[np.int64], Array, Array, Array]:
    """Group, false and true positive rate and cost of every cut of every group."""
    scores, y, group = data
    groups, fpr, tpr, cost = [], [], [], []
    for name in np.unique(group):
        own = group == name
        order = np.argsort(-scores[own], kind="stable")
        good = y[own][order] == 1
        fp, tp = (np.append(0, np.cumsum(hit)) for hit in (~good, good))
        groups.append(np.full(len(fp), name))
        fpr.append(fp / fp[-1])
        tpr.append(tp / tp[-1])
        cost.append((fp - tp) / len(y))
    found = (np.concatenate(some) for some in (groups, fpr, tpr, cost))
    return tuple(found)  # type: ignore[return-value]


def dense(data: Table, tolerance: float) -> float:
    """Least cost by every cut and every ordered pair of groups."""
    group, fpr, tpr, cost = all_points(data)
    inside = np.equal.outer(np.unique(group), group).astype(float)
    rows = [
        rate * (inside[one] - inside[other])
        for rate in (fpr, tpr)
        for one, other in itertools.permutations(range(len(inside)), 2)
    ]
    found = linprog(cost, A_ub=np.stack(rows), b_ub=np.full(len(rows), tolerance),
                    A_eq=inside, b_eq=np.ones(len(inside)), method="highs")  # fmt: skip
    return float(found.fun + data[1].mean())


def every_cut(data: Table, tolerance: float) -> float:
    """Least cost by every cut, with a lower and an upper end for each rate."""
    group, fpr, tpr, cost = all_points(data)
    inside = sparse.csr_array((np.ones(len(group)), (group, np.arange(len(group)))))
    g, blocks = inside.shape[0], []
    for number, rate in enumerate((fpr, tpr)):
        for sign, place in ((1, 2 * number + 1), (-1, 2 * number)):
            end = sparse.csr_array((np.full(g, -sign), (np.arange(g), np.full(g, place))),
                                   shape=(g, 4))  # fmt: skip
            blocks.append(sparse.hstack([sign * inside * rate[None], end]))
    apart = np.array([[-1.0, 1, 0, 0], [0, 0, -1, 1]])
    blocks.append(sparse.hstack([sparse.csr_array((2, len(group))), apart]))
    found = linprog(
        np.append(cost, np.zeros(4)), A_ub=sparse.vstack(blocks),
        b_ub=np.append(np.zeros(4 * g), [tolerance] * 2),
        A_eq=sparse.hstack([inside, sparse.csr_array((g, 4))]), b_eq=np.ones(g),
        bounds=[(0, None)] * len(group) + [(None, None)] * 4, method="highs",
    )  # fmt: skip
    return float(found.fun + data[1].mean())


def peers(python: str, data: Table, limit: int, turns: int) -> None:
    """Fit one tolerance elsewhere."""
    ours, cost = fitted(data, turns, "equalized_odds", (ONE,))
    print(f"\none tolerance, {ONE}\n{'faircore':24}{ours:10.3f} s{'':10} cost {cost[0]:.6f}")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.npz"
        np.savez(path, s=data[0], y=data[1], g=data[2])
        for name, code in PEERS.items():
            command = [python, "-c", code, str(path), str(ONE), str(turns)]
            try:
                done = subprocess.run(command, capture_output=True, text=True, timeout=limit)
            except subprocess.TimeoutExpired:
                print(f"{name:24}      over {limit} s: stopped")
                continue
            lines = [line for line in done.stdout.splitlines() if line.startswith("found")]
            if not lines:
                print(f"{name:24}      failed: {done.stderr.strip().splitlines()[-1][:70]}")
                continue
            seconds, theirs = map(float, lines[-1].split()[1:])
            print(f"{name:24}{seconds:10.3f} s{seconds / ours:8.1f} x cost {theirs:.6f}")


def main() -> None:
    """Fit, compare and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--peers", metavar="PYTHON")
    parser.add_argument("--limit", type=int, default=300, help="seconds a peer may take")
    given = parser.parse_args()
    data, many = table(50_000, 24), table(50_000, 256)
    seconds, costs = fitted(data, given.turns, "equalized_odds", GRID)
    print(f"{len(GRID)} tolerances, 50,000 rows, best of {given.turns}")
    print(f"{'24 groups':24}{seconds:10.3f} s")
    print(f"{'256 groups':24}{fitted(many, 1, 'equalized_odds', GRID)[0]:10.3f} s")
    for n_groups, rows in ((24, data), (256, many)):
        alone, _ = fitted(rows, 1, "demographic_parity", GRID, randomised=False)
        print(f"{f'no lot, {n_groups} groups':24}{alone:10.3f} s (demographic parity)")

    alone, _ = fitted(data, 1, "equalized_odds", (ONE,), randomised=False)
    print(f"{'no lot, 24 groups':24}{alone:10.3f} s (equalized odds, one tolerance)")

    few = table(3_000, 24)
    _, found = fitted(few, 1, "equalized_odds", GRID)
    some = range(0, len(GRID), 5)
    apart = max(abs(found[i] - dense(few, GRID[i])) for i in some)
    print(f"{'off dense programme':24}{apart:10.1e}   (3,000 rows, {len(some)} tolerances)")
    apart = max(abs(costs[i] - every_cut(data, GRID[i])) for i in some)
    print(f"{'off programme of all':24}{apart:10.1e}   (50,000 rows, {len(some)} tolerances)")
    if given.peers:
        peers(given.peers, data, given.limit, given.turns)


if __name__ == "__main__":
    main()
