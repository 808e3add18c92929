"""What ReductionsWrapper adds to Fairlearn: Adult, boosted trees and a logistic regression.

    python benchmarks/reductions_cost.py        # 5 turns of each
    python benchmarks/reductions_cost.py 9      # 9 turns

Both search for the same mixture under demographic parity by sex, a bound of 2 points and 5
iterations, in turns (A B A B ...), so that a busy moment of the machine falls on both. Time is that
of the processor, in one thread; the best of all turns counts. The bar is 5% on top of Fairlearn.
The models and weights found must be the same.
"""

from __future__ import annotations

import os
import sys

os.environ.setdefault("OMP_NUM_THREADS", "1")

import time
import warnings
from typing import Any

import numpy as np
from fairlearn.reductions import DemographicParity, ExponentiatedGradient
from lightgbm import LGBMClassifier
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from faircore.data import build_dataset, load_sample
from faircore.estimators.reductions import ReductionsWrapper
from faircore.training import Prepared

BAR = 0.05
GIVEN: dict[str, Any] = {"max_iter": 5}
MODELS = {
    "LightGBM, 50 rounds": (LGBMClassifier(n_estimators=50, verbosity=-1, n_jobs=1), {}),
    "logistic regression": (
        make_pipeline(StandardScaler(), LogisticRegression(max_iter=500)),
        {"sample_weight_name": "logisticregression__sample_weight"},
    ),
}


def timed(search: Any, X: Any, y: Any, groups: Any) -> float:
    """Processor seconds of a fit."""
    started = time.process_time()
    search.fit(X, y, sensitive_features=groups)
    return time.process_time() - started


def same(fair: Any, own: Any, X: NDArray[np.float32]) -> bool:
    """Whether the two found the same models and weights."""
    used = own.weights_[own.weights_ > 0].sort_index()
    return np.array_equal(fair.weights_, used) and all(
        np.array_equal(mine.predict(X), own.predictors_[i].predict(X))
        for i, mine in zip(used.index, fair.predictors_, strict=True)
    )


def main() -> None:
    """Run both in turns and print the table."""
    turns = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    warnings.simplefilter("ignore")
    table, spec = load_sample("adult")
    dataset = build_dataset(table, spec)
    rows = Prepared.of(dataset).sample("train")
    X, y = rows.X, rows.y.astype(np.int64)
    groups = rows.groups.codes[[p.name for p in rows.groups.partitions].index("sex")]
    print(f"{len(X):,} rows, {X.shape[1]} columns, best of {turns} turns")
    failed = False
    for name, (estimator, extra) in MODELS.items():
        best = {"Fairlearn": np.inf, "wrapper": np.inf}
        for _ in range(turns):
            own = ExponentiatedGradient(
                estimator, DemographicParity(difference_bound=0.02), **GIVEN, **extra
            )
            fair = ReductionsWrapper(estimator, tolerance=0.02, **GIVEN, **extra)
            best["Fairlearn"] = min(best["Fairlearn"], timed(own, X, y, groups))
            best["wrapper"] = min(best["wrapper"], timed(fair, X, y, groups))
        added = best["wrapper"] / best["Fairlearn"] - 1
        equal = same(fair, own, X)
        failed |= added > BAR or not equal
        print(
            f"{name:22} Fairlearn {best['Fairlearn']:6.2f} s   wrapper {best['wrapper']:6.2f} s   "
            f"added {added:+6.1%}   same models and weights: {equal}   "
            f"{fair.n_oracle_calls_} fits"
        )
    sys.exit(int(failed))


if __name__ == "__main__":
    main()
