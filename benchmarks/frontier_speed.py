"""What a click on the Frontier page costs the server: another metric, partition or threshold.

    python benchmarks/frontier_speed.py [number of candidates, default 200]

Cubes are random counts of the shape Adult's have: 101 thresholds, the groups of race, sex, age and
race × sex. Every call sees a view that nothing has been computed for yet.
"""

from __future__ import annotations

import itertools
import statistics
import sys
import time

import numpy as np

from faircore.data import build_dataset, load_sample
from faircore.frontier import Candidate, Frontier
from faircore.groups import Groups, find_partition
from faircore.metrics import DISPARITIES, PERFORMANCES, THRESHOLDS
from faircore.plots import frontier_figure, group_bars


def candidates(k: int, groups: Groups) -> tuple[Candidate, ...]:
    """Candidates with plausible random cubes."""
    rng = np.random.default_rng(0)
    made = []
    for i in range(k):
        passed = np.sort(rng.random((len(THRESHOLDS), groups.n_groups, 2)), axis=0)[::-1]
        n = np.stack([groups.sizes * 0.75, groups.sizes * 0.25], axis=1)
        cube = np.stack([n * (1 - passed), n * passed], axis=-1)
        made.append(
            Candidate(f"{i}", "regularized", "demographic_parity", i / k, 0, False,
                      {"select": cube}, 1.0)
        )  # fmt: skip
    return tuple(made)


def main() -> None:
    """Time every kind of change."""
    k = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    groups = Groups.of_dataset(build_dataset(*load_sample("adult")))
    frontier = Frontier(candidates(k, groups), groups.partitions, {"select": groups.sizes})
    views = itertools.product(
        PERFORMANCES, DISPARITIES, [p.name for p in groups.partitions], (0.2, 0.35, 0.5, 0.65)
    )
    counts, figures = [], []
    for performance, disparity, partition, threshold in views:
        started = time.perf_counter()
        view = frontier.view(
            performance=performance, disparity=disparity, partition=partition, threshold=threshold
        )
        front = view.front
        counted = time.perf_counter()
        frontier_figure(view).to_json()
        group_bars(
            view.counts[front[0]],
            find_partition(view.partitions, partition),
            sizes=groups.sizes,
        ).to_json()
        figures.append(time.perf_counter() - counted)
        counts.append(counted - started)
    print(f"{k} candidates, {len(counts)} views, milliseconds (median, worst)")
    for name, seconds in (("objectives and front", counts), ("both figures, as JSON", figures)):
        print(f"{name:24s} {1e3 * statistics.median(seconds):7.1f} {1e3 * max(seconds):7.1f}")


if __name__ == "__main__":
    main()
