"""How fast an audit is, and whether its bootstrap says what resampling rows says.

One run prints two things. First, 1,000 bootstrap replicates of four rates over 8 groups at 50,000
rows: from counts, and by Fairlearn's MetricFrame, whose time is extrapolated from 20 replicates
(``--full`` runs 200); the quantiles are compared against resampled rows. Second, the whole audit
of Adult over every partition of race, sex and age band.

    python benchmarks/audit_speed.py
"""

from __future__ import annotations

import statistics
import sys
import time
import warnings

import numpy as np
from fairlearn.metrics import (
    MetricFrame,
    false_positive_rate,
    selection_rate,
    true_positive_rate,
)
from sklearn.metrics import accuracy_score

from faircore.audit import group_report
from faircore.audit.baseline import train_baseline
from faircore.data import build_dataset, load_sample, split_dataset
from faircore.groups import Groups
from faircore.metrics import RATES
from faircore.metrics.counts import confusion_counts
from faircore.metrics.resampling import bootstrap_counts
from faircore.metrics.tally import tally_rows

N_ROWS, N_GROUPS, REPLICATES = 50_000, 8, 1_000
METRICS = {
    "selection_rate": selection_rate,
    "true_positive_rate": true_positive_rate,
    "false_positive_rate": false_positive_rate,
    "accuracy": accuracy_score,
}
QUANTILES = [0.025, 0.5, 0.975]


def bootstrap() -> None:
    """Counts against MetricFrame."""
    rng = np.random.default_rng(0)
    group = rng.choice(N_GROUPS, N_ROWS, p=np.arange(1, N_GROUPS + 1) / 36)
    y_true = (rng.random(N_ROWS) < 0.3).astype(np.int8)
    y_pred = (rng.random(N_ROWS) < 0.2 + 0.3 * y_true + 0.01 * group).astype(np.int8)
    groups = Groups.of(group)
    few = 200 if "--full" in sys.argv else 20

    def from_counts(seed: int) -> np.ndarray:
        tally = tally_rows(y_true, y_pred, groups=groups)
        drawn = bootstrap_counts(tally, replicates=REPLICATES, seed=seed)
        return np.stack([RATES[name](drawn) for name in METRICS])

    ours = []
    for seed in range(20):
        start = time.perf_counter()
        found = from_counts(seed)
        ours.append(time.perf_counter() - start)
    drawn_only = [time.perf_counter()]
    tally = tally_rows(y_true, y_pred, groups=groups)
    for seed in range(20):
        drawn = bootstrap_counts(tally, replicates=REPLICATES, seed=seed)
        np.stack([RATES[name](drawn) for name in METRICS])
        drawn_only.append(time.perf_counter())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        start = time.perf_counter()
        MetricFrame(
            metrics=METRICS, y_true=y_true, y_pred=y_pred, sensitive_features=group,
            n_boot=few, ci_quantiles=QUANTILES, random_state=0,
        )  # fmt: skip
        theirs = (time.perf_counter() - start) / few * REPLICATES
    mine, counted = statistics.median(ours), statistics.median(np.diff(drawn_only).tolist())
    print(f"1,000 replicates of four rates, {N_GROUPS} groups, {N_ROWS:,} rows")
    print(f"  MetricFrame (extrapolated from {few})   {theirs:9.1f} s")
    print(
        f"  from counts, counting the rows included {1000 * mine:9.2f} ms  {theirs / mine:10,.0f} x"
    )
    print(f"  from counts that are there already      {1000 * counted:9.2f} ms  "
          f"{theirs / counted:10,.0f} x")  # fmt: skip

    # The same quantiles as rows drawn with replacement, up to the noise of 1,000 replicates.
    rows = np.empty((REPLICATES, N_GROUPS, 2, 2))
    for b in range(REPLICATES):
        taken = rng.integers(0, N_ROWS, N_ROWS)
        rows[b] = confusion_counts(y_true[taken], y_pred[taken], groups.take(taken))
    resampled = np.stack([RATES[name](rows) for name in METRICS])
    off = np.abs(np.quantile(found, QUANTILES, axis=1) - np.quantile(resampled, QUANTILES, axis=1))
    spread = resampled.std(axis=1)
    print(
        f"  quantiles differ from resampled rows by {(off / spread).mean():.2f} standard errors on "
        f"average, {(off / spread).max():.2f} at most; drawing alone makes them differ by 0.1"
    )


def adult() -> None:
    """Every figure, inequality and interval of Adult."""
    table, spec = load_sample("adult")
    attributes = ("race", "sex", "age")
    crossed = (("race", "sex"), ("race", "age"), ("sex", "age"), attributes)
    dataset = build_dataset(table, spec.with_(intersections=crossed))
    model = train_baseline(dataset, split_dataset(dataset, seed=0).train)
    scores = model.score(dataset.features, dataset.sensitive)
    groups = Groups.of_dataset(dataset)
    seconds = []
    for _ in range(7):
        start = time.perf_counter()
        report = group_report(dataset.y_true, y_score=scores, sensitive_features=groups)
        _ = (report.overall, report.by_group, report.disparities, report.calibration,
             report.standouts)  # fmt: skip
        seconds.append(time.perf_counter() - start)
    print(
        f"\nAdult, {dataset.n_rows:,} rows, {len(groups.partitions)} partitions, "
        f"{groups.n_groups} groups, {len(report.by_group):,} figures with intervals, "
        f"{len(report.disparities):,} inequalities with bands: {statistics.median(seconds):.2f} s "
        f"(median of {len(seconds)}, fastest {min(seconds):.2f}, slowest {max(seconds):.2f})"
    )


if __name__ == "__main__":
    bootstrap()
    adult()
