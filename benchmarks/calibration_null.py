"""What calibration figures are when every score is exactly right: bias, p-values, ranking.

    python benchmarks/calibration_null.py [number of data sets, default 2,000]

Three tables of simulated groups under perfect calibration, by size and kind of scores: the mean
expected calibration error beside what ``calibration_error`` says chance makes of it (ten bins,
equally wide, on log odds with a standard deviation of 2.5: the table everybody quotes); whether
p-values are uniform (Kolmogorov and Smirnov's test of them, and how often they are below .05); and
mean and 95th percentile of ECCE, which has to be the same at every size to rank groups.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit
from scipy.stats import kstest

from faircore.metrics.calibration import calibration_error, cumulative_error
from faircore.metrics.histograms import exact_histogram

Array = NDArray[np.float64]
Law = Callable[[np.random.Generator, int], Array]

LAWS: dict[str, Law] = {
    "uniform": lambda rng, n: rng.random(n),
    "Beta(1, 4)": lambda rng, n: rng.beta(1, 4, n),
    "ten levels": lambda rng, n: rng.integers(0, 10, n) / 10 + 0.05,
    "rare, Beta(1, 50)": lambda rng, n: rng.beta(1, 50, n),
}


def log_odds(rng: np.random.Generator, n: int) -> Array:
    """Scores of the quoted table."""
    return expit(rng.normal(0, 2.5, n))


def simulate(law: Law, n: int, sets: int, *, equal_width: bool, weighted: bool = False) -> Array:
    """ECE, its mean by chance and its p-value, ECCE and its p-value, shape (sets, 5)."""
    rng = np.random.default_rng(n)
    found = np.empty((sets, 5))
    for i in range(sets):
        score = law(rng, n)
        y_true = (rng.random(n) < score).astype(np.int8)
        weights = rng.exponential(1, n) if weighted else None
        scores = exact_histogram(y_true, score, weights)
        error = calibration_error(scores, equal_width=equal_width, replicates=200, seed=i)
        ecce, p = cumulative_error(scores, replicates=200, seed=i)
        found[i] = error.value[0], error.by_chance[0], error.p_value[0], ecce[0], p[0]
    return found


def told(p: Array) -> str:
    """Whether p-values are uniform."""
    return f"{kstest(p, 'uniform').pvalue:7.3f} {100 * (p <= 0.05).mean():6.1f}%"


def main() -> None:
    """Print the three tables."""
    sets = int(sys.argv[1]) if len(sys.argv) > 1 else 2_000
    print("Mean ECE under perfect calibration, ten bins of equal width, and what we say it is")
    for n in (50, 200, 1_000, 5_000):
        found = simulate(log_odds, n, sets, equal_width=True)
        print(f"{n:7,}  {found[:, 0].mean():.4f}  {found[:, 1].mean():.4f}", flush=True)
    print("\np-values, bins of equal mass: KS test and share up to .05, of ECE and of ECCE;")
    print("and ECCE: mean and 95th percentile")
    for name, law in LAWS.items():
        for n in (50, 200, 2_000):
            for weighted in (False, True):
                found = simulate(law, n, sets, equal_width=False, weighted=weighted)
                label = f"{name}{', weighted' if weighted else ''}"
                ecce = found[:, 3][np.isfinite(found[:, 3])]
                print(
                    f"{label:28} {n:6,}  {told(found[:, 2])}  {told(found[:, 4])}"
                    f"   {ecce.mean():.2f} {np.quantile(ecce, 0.95):.2f}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
