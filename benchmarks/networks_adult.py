"""Penalised networks on Adult by sex, under the split of the published comparison.

    python benchmarks/networks_adult.py [penalty]

40% of the rows to learn from, 30% to stop and to choose on, 30% to judge; five seeds, each of
its own split and start; one hidden layer of 64, sex not among the features. For each bound on the
gap in selection, the setting (sharpness and strength, one for all seeds) is the most accurate of
those whose mean gap on the rows to choose on is at least a standard error within the bound. What
is printed of it is measured on the rows that judge, which chose nothing.

The best published in-processing results on this split (HSIC in the FFB benchmark, Han et al. 2024)
are 83.56% at a gap of 2.29 points, 83.15 at 1.13 and 82.74 at .63; unconstrained 85.35 at 16.67.
"""

from __future__ import annotations

import sys
import time
from dataclasses import replace

import numpy as np

from faircore.data import build_dataset, load_sample, split_rows
from faircore.metrics import find_disparity, overall_counts, threshold_index
from faircore.penalties import PENALTIES
from faircore.training import Prepared, TrainingConfig, train_stacks

BARS = ((2.3, 83.7), (1.2, 83.3), (0.65, 83.0))
SEEDS = range(5)
SHARPNESSES = (1.0, 1.5, 2.0)
STRENGTHS = (0.0, 0.2, 0.35, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1, 1.2, 1.5, 2.0)


def prepare(seed: int) -> Prepared:
    """Adult without sex among its features, split anew."""
    table, spec = load_sample("adult")
    dataset = build_dataset(table, spec.with_(features=(*spec.features, "age", "race")))
    parts = split_rows(
        dataset.y_true, dataset.sensitive[["sex"]], seed=seed, shares=(0.3, 0.1, 0.3, 0.3)
    )
    learn = np.sort(np.concatenate([parts.train, parts.calibrate]))
    return Prepared.of(dataset, splits=replace(parts, train=learn, calibrate=parts.calibrate[:0]))


def measured(penalty: str, seed: int) -> np.ndarray:
    """Accuracy and gap in percent, (sharpness, strength, chosen on or judged on, 2)."""
    prepared = prepare(seed)
    sex = prepared.groups.partition("sex")
    gap = find_disparity("demographic_parity_difference")
    values = np.full((len(SHARPNESSES), len(STRENGTHS), 2, 2), np.nan)
    for s, sharpness in enumerate(SHARPNESSES):
        for one in train_stacks(
            prepared.sample("train", partitions=("sex",)),
            prepared.sample("select", partitions=("sex",)),
            penalty=PENALTIES[penalty],
            trials=[(strength, seed) for strength in STRENGTHS],
            config=TrainingConfig(epochs=30, sharpness=sharpness),
        ):
            assert one.predictor is not None, one.failure
            for where, split in enumerate(("select", "certify")):
                scores = one.predictor.predict_proba(prepared.encoded(split))
                counts = prepared.cube(split, scores)[threshold_index(0.5)]
                whole = overall_counts(counts, sex)
                right = (whole[0, 0] + whole[1, 1]) / whole.sum()
                found = 100 * right, 100 * float(gap(counts[sex.groups]))
                values[s, one.position, where] = found
    return values


def main() -> None:
    """Train, measure and print."""
    penalty = sys.argv[1] if len(sys.argv) > 1 else "demographic_parity"
    started = time.perf_counter()
    values = np.stack([measured(penalty, seed) for seed in SEEDS])
    seconds = time.perf_counter() - started
    mean, spread = values.mean(axis=0), values.std(axis=0, ddof=1)
    print(
        f"{penalty}: {values[..., 0, 0].size} models, {seconds:.0f} s; on rows that chose nothing"
    )
    for s, sharpness in enumerate(SHARPNESSES):
        print(f"\nsharpness {sharpness:g}\n| strength | accuracy, % | gap, points |")
        print("|---:|---:|---:|")
        for eta, m, d in zip(STRENGTHS, mean[s, :, 1], spread[s, :, 1], strict=True):
            print(f"| {eta:g} | {m[0]:.2f} ± {d[0]:.2f} | {m[1]:.2f} ± {d[1]:.2f} |")
    print()
    for bound, bar in BARS:
        within = mean[:, :, 0, 1] + spread[:, :, 0, 1] / np.sqrt(len(SEEDS)) <= bound
        accuracy = np.where(within, mean[:, :, 0, 0], -np.inf)
        s, k = np.unravel_index(accuracy.argmax(), accuracy.shape)
        told = f"gap of at most {bound:g}, bar {bar}%"
        print(f"{told}, setting chosen elsewhere: {_told(mean, spread, s, k, bound, bar)}")
        # As published frontiers are read: the best of fixed settings, seen on these rows.
        within = mean[:, :, 1, 1] <= bound
        accuracy = np.where(within, mean[:, :, 1, 0], -np.inf)
        s, k = np.unravel_index(accuracy.argmax(), accuracy.shape)
        print(f"{told}, read off the curve:       {_told(mean, spread, s, k, bound, bar)}")


def _told(
    mean: np.ndarray, spread: np.ndarray, s: np.intp, k: np.intp, bound: float, bar: float
) -> str:
    (right, gap), (_, off) = mean[s, k, 1], spread[s, k, 1]
    verdict = "met" if right >= bar and gap <= bound else "MISSED"
    return (
        f"{right:.2f}% at {gap:.2f} ± {off:.2f} (sharpness {SHARPNESSES[s]:g}, "
        f"strength {STRENGTHS[k]:g}): {verdict}"
    )


if __name__ == "__main__":
    main()
