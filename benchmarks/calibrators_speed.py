"""How long calibration takes at a million rows and fifty groups.

    OMP_NUM_THREADS=2 python benchmarks/calibrators_speed.py

Made-up scores, outcomes and 50 groups of very different sizes. One fit and one transform of
GroupFairnessCalibrator by group with each method, the global one, and, as the comparison, a loop of
scikit-learn's calibrators: a LogisticRegression on the log-odds, and an IsotonicRegression, per
group. Wall time, best turn. The bar is ten seconds for fit and transform on two cores.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from faircore.calibrators import GroupFairnessCalibrator

Floats = NDArray[np.float64]


def table(
    n: int, n_groups: int, seed: int = 0
) -> tuple[Floats, NDArray[np.int64], NDArray[np.str_]]:
    """Scores, outcomes and groups that differ in slope and offset."""
    rng = np.random.default_rng(seed)
    share = rng.dirichlet(np.full(n_groups, 1.0))
    group = rng.choice(n_groups, n, p=share)
    odds = rng.normal(-0.5, 1.5, n)
    slope, offset = rng.normal(0.8, 0.2, n_groups), rng.normal(0.2, 0.4, n_groups)
    p = 1 / (1 + np.exp(-slope[group] * odds - offset[group]))
    y = (rng.random(n) < p).astype(np.int64)
    return 1 / (1 + np.exp(-odds)), y, np.array([f"group {i}" for i in range(n_groups)])[group]


def best(turns: int, run: Callable[[], object]) -> float:
    """Least seconds of some turns."""
    seconds = []
    for _ in range(turns):
        started = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - started)
    return min(seconds)


def loop(
    scores: Floats, y: NDArray[np.int64], group: NDArray[np.str_], *, isotonic: bool
) -> Floats:
    """A calibrator of scikit-learn's for each group, fitted and applied."""
    out, odds = np.empty(len(scores)), np.log(scores / (1 - scores))[:, None]
    for name in np.unique(group):
        rows = group == name
        if isotonic:
            model = IsotonicRegression(out_of_bounds="clip").fit(scores[rows], y[rows])
            out[rows] = model.predict(scores[rows])
        else:
            out[rows] = (
                LogisticRegression().fit(odds[rows], y[rows]).predict_proba(odds[rows])[:, 1]
            )
    return out


def main() -> None:
    """Print a table of seconds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--groups", type=int, default=50)
    parser.add_argument("--turns", type=int, default=2)
    asked = parser.parse_args()
    scores, y, group = table(asked.rows, asked.groups)
    print(f"{asked.rows:,} rows, {asked.groups} groups; seconds")
    print(f"{'':34}{'fit':>8}{'transform':>11}")
    for label, of in (("for everybody", None), ("per group", group)):
        for method in ("platt", "isotonic", "automatic"):
            ours = GroupFairnessCalibrator(method)
            fit = best(asked.turns, lambda c=ours, g=of: c.fit(scores, y, g))
            apply = best(asked.turns, lambda c=ours, g=of: c.transform(scores, g))
            print(f"{f'{method}, {label}':34}{fit:8.2f}{apply:11.2f}")
    for isotonic in (False, True):
        name = "IsotonicRegression" if isotonic else "LogisticRegression"
        both = best(asked.turns, lambda i=isotonic: loop(scores, y, group, isotonic=i))
        print(f"{f'loop of {name}, both':34}{both:8.2f}")


if __name__ == "__main__":
    main()
