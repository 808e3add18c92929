"""What a click on the Frontier page costs the server: another metric, partition or threshold.

    python benchmarks/frontier_speed.py [number of candidates, default 200]

Then the figures of 5,000 candidates of several methods and seeds, with all that can be drawn.

Cubes are random counts of the shape Adult's have: 101 thresholds, the groups of race, sex, age and
race × sex. Every call sees a view that nothing has been computed for yet.
"""

from __future__ import annotations

import itertools
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import plotly.graph_objects as go

from faircore.data import build_dataset, load_sample
from faircore.frontier import Candidate, Frontier, Limit, families, keeps
from faircore.groups import Groups, find_partition
from faircore.metrics import DISPARITIES, PERFORMANCES, THRESHOLDS
from faircore.plots import frontier_figure, group_bars, parallel_figure


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


def large_figures(groups: Groups, k: int = 5_000, *, repeats: int = 7) -> None:
    """Time and weigh the figures of many candidates: five methods, three seeds."""
    methods = ("regularized", "boosted", "lagrangian", "thresholds", "reductions")
    few = candidates(50, groups)  # cubes of 5,000 would fill the memory
    made = tuple(
        replace(few[i % 50], id=f"{i:032x}", method=methods[i % 5], seed=i // 5 % 3,
                strength=i // 15 / k, needs_groups=i % 5 == 3)
        for i in range(k)
    )  # fmt: skip
    frontier = Frontier(made, groups.partitions, {"select": groups.sizes})
    rng = np.random.default_rng(1)
    frontier.__dict__["values"] = rng.random((k, 2))  # cached: 5,000 different points
    limits = (Limit("demographic_parity_difference", 0.5),)
    kept, seeds = keeps(frontier, limits), families(frontier)
    errors = (frontier.values - 0.01, frontier.values + 0.01)
    drawn: dict[str, Callable[[], go.Figure]] = {
        "cloud": lambda: frontier_figure(frontier),
        "cloud with everything": lambda: frontier_figure(
            frontier, limits=limits, kept=kept, starred=0, errors=errors, families=seeds
        ),
        "parallel coordinates": lambda: parallel_figure(frontier, kept=kept),
    }
    print(f"\n{k:,} candidates of {len(methods)} methods: build (ms, median, worst), JSON (MB)")
    for name, draw in drawn.items():
        seconds = []
        for _ in range(repeats):
            started = time.perf_counter()
            figure = draw()
            seconds.append(time.perf_counter() - started)
        size = len(figure.to_json().encode()) / 1e6
        print(
            f"{name:24s} {1e3 * statistics.median(seconds):7.1f} {1e3 * max(seconds):7.1f} "
            f"{size:7.2f}"
        )


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
    large_figures(groups)


if __name__ == "__main__":
    main()
