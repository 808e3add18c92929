"""Charged trees and exact thresholds against Fairlearn's reduction and threshold optimiser.

    python benchmarks/around_trees.py [--quick]

Adult, sex crossed with race, as in ``trees_frontier.py``: per seed, 60% of the rows are learned
from, 15% stop the boosting and set the thresholds, 25% are measured on. Ours are the charged
trees of that benchmark, and thresholds on each of them. Fairlearn's threshold optimiser gets the
same rows and the same kind of trees; it has one point, at gap zero. Every model is a point, and
more points reach further by luck too, so areas of as many points as theirs stand beside. Decisions
by lot are measured as probabilities for both sides. Times are seconds of one core.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import time
import warnings
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from trees_frontier import BOUNDS, CHARGED, ETAS, FEW, TREES, area, point, reduced, split

from faircore.penalties import PENALTIES
from faircore.thresholds import ThresholdFrontier
from faircore.training.boosting import train_trees

TOLERANCES = (0.0, 0.01, 0.02, 0.04, 0.07, 0.1)
Points = list[tuple[float, float]]


def ours(penalty: str, seed: int) -> dict[str, Any]:
    """Charged trees, and thresholds on the plain ones, with the seconds of each point."""
    learn, stop, test = split(seed)
    started = time.process_time()
    trained = train_trees(
        learn, stop, penalty=PENALTIES[penalty], trials=[(eta, seed) for eta in ETAS[penalty]],
        config=CHARGED[penalty],
    )  # fmt: skip
    models = [one.predictor for one in sorted(trained, key=lambda one: one.position)]
    trees = time.process_time() - started
    scores = [(m.predict_proba(stop.X), m.predict_proba(test.X)) for m in models if m is not None]
    found: dict[str, Any] = {
        "charged": [point(s >= 0.5, test, penalty) for _, s in scores],
        "trees": trees,
    }
    started = time.process_time()
    on_each = [thresholds(penalty, own, stop, test, True) for own in scores]
    found["cuts"] = time.process_time() - started
    found["by lot"] = on_each[0]
    found["on each"] = [p for points in on_each for p in points]
    found["whole"] = thresholds(penalty, scores[0], stop, test, False)
    return found


def thresholds(penalty: str, scores: Any, stop: Any, test: Any, by_lot: bool) -> Points:
    """Thresholds on a score, at every tolerance."""
    frontier = ThresholdFrontier(penalty, TOLERANCES, randomised=by_lot, unseen="pooled")
    frontier.fit(scores[0], stop.y, sensitive_features=stop.groups.codes[0])
    code = test.groups.codes[0]
    return [
        point(
            frontier.predict_proba(scores[1], code, tolerance=t)[:, 1], test, penalty
        )
        for t in TOLERANCES
    ]  # fmt: skip


def optimised(penalty: str, seed: int) -> tuple[tuple[float, float], float]:
    """Fairlearn's threshold optimiser over plain trees: its point and its seconds."""
    from fairlearn.postprocessing import ThresholdOptimizer
    from lightgbm import LGBMClassifier

    warnings.simplefilter("ignore")  # feature names, which LightGBM misses in arrays
    learn, stop, test = split(seed)
    trees = LGBMClassifier(
        n_estimators=TREES["n_rounds"], num_leaves=TREES["n_leaves"], n_jobs=1, verbose=-1,
        learning_rate=TREES["learning_rate"], min_child_samples=TREES["min_rows"],
    )  # fmt: skip
    started = time.process_time()
    trees.fit(learn.X, learn.y)
    model = ThresholdOptimizer(
        estimator=trees, constraints=penalty, prefit=True, predict_method="predict_proba"
    )
    model.fit(stop.X, stop.y, sensitive_features=stop.groups.codes[0])
    seconds = time.process_time() - started
    chosen = model._pmf_predict(test.X, sensitive_features=test.groups.codes[0])[:, 1]
    return point(chosen, test, penalty), seconds


def compare(penalty: str, seeds: range, bounds: list[float]) -> None:
    """Train everything, print a table and whether the bars are met."""
    own = [ours(penalty, seed) for seed in seeds]
    asked = [(seed, bound) for seed in seeds for bound in (None, *bounds)]
    os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")  # read by the processes
    with ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as pool:
        fits = list(pool.map(partial(reduced, penalty), *zip(*asked, strict=True)))
        cut = list(pool.map(partial(optimised, penalty), seeds))
    by_seed = [fits[i : i + len(bounds) + 1] for i in range(0, len(fits), len(bounds) + 1)]
    few = [ETAS[penalty].index(eta) for eta in FEW[penalty]]
    theirs: list[Points] = [
        [p[0] for p, _ in one] + [q] for one, (q, _) in zip(by_seed, cut, strict=True)
    ]
    mean: list[Points] = [
        [p[1] for p, _ in one] + [q] for one, (q, _) in zip(by_seed, cut, strict=True)
    ]
    sets: dict[str, list[Points]] = {
        "charged trees + thresholds on each": [o["charged"] + o["on each"] for o in own],
        "same, on the plain one alone": [o["charged"] + o["by lot"] for o in own],
        "same, as many points as theirs": [
            [o["charged"][i] for i in few] + o["by lot"][:1] for o in own
        ],
        "charged trees alone": [o["charged"] for o in own],
        "thresholds alone": [o["whole"] for o in own],
        "thresholds by lot alone": [o["by lot"] for o in own],
        "reduction by lot + optimiser": theirs,
        "reduction's mean + optimiser": mean,
    }
    print(f"\n{penalty}, {len(seeds)} seeds; area beyond accuracy .75 and gap .25, in thousandths")
    areas = {}
    for name, points in sets.items():
        values = [area(p) for p in points]
        areas[name] = float(np.mean(values))
        each = " ".join(f"{v:6.2f}" for v in values)
        print(f"  {name:34} {len(points[0]):2} points {areas[name]:6.2f}   by seed {each}")
    best = max(areas["reduction by lot + optimiser"], areas["reduction's mean + optimiser"])
    for name in list(areas)[:3]:
        met = "met" if areas[name] >= best else "MISSED"
        print(f"  {name}: {areas[name] / best:.3f} of theirs, bar 1: {met}")
    _times(own, [s for (_, bound), (_, s) in zip(asked, fits, strict=True) if bound], cut)
    for name in ("whole", "by lot"):
        table = np.mean([o[name] for o in own], axis=0)
        print(f"  thresholds, {name}:", _text(table, TOLERANCES))
    print("  optimiser:", _text(np.mean([[q] for q, _ in cut], axis=0), (0.0,)))


def _times(own: list[dict[str, Any]], reductions: list[float], cut: list[Any]) -> None:
    """Seconds of one core per point, ours and theirs."""
    points = len(own[0]["charged"]) + len(own[0]["on each"])
    mine = float(np.mean([o["trees"] + o["cuts"] for o in own])) / points
    optimiser = float(np.mean([s for _, s in cut]))
    theirs = (sum(reductions) / len(reductions) * 3 + optimiser) / 4
    cuts = float(np.mean([o["cuts"] for o in own])) / len(own[0]["charged"])
    print(f"  seconds of one core per point: ours {mine:.2f}, theirs {theirs:.1f}: "
          f"1/{theirs / mine:.0f} (bar 1/15: {'met' if mine * 15 <= theirs else 'MISSED'}); "
          f"all {len(TOLERANCES)} thresholds of a score {cuts:.3f} s")  # fmt: skip


def _text(table: NDArray[np.float64], asked: tuple[float, ...]) -> str:
    return "  ".join(
        f"{t:g}: {a:.4f}/{g:.4f}" for t, (a, g) in zip(asked, table.tolist(), strict=True)
    )


def main() -> None:
    """Compare for both constraints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="two seeds and two bounds")
    quick = parser.parse_args().quick
    started = time.perf_counter()
    for penalty in ("demographic_parity", "equalized_odds"):
        compare(penalty, range(2 if quick else 5), BOUNDS[::2] if quick else BOUNDS)
    print(f"\n{time.perf_counter() - started:.0f} s")


if __name__ == "__main__":
    main()
