"""True size of the tests that certify a pair of groups, by enumeration of every table.

    python benchmarks/certify_size.py [largest group, default 200]

For each pair of group sizes, limit and level: the chance of a certificate where the gap is exactly
at the limit, at the worst of 400 places in between. Nothing is simulated. "Plain" is the score
test without its two guards.
"""

from __future__ import annotations

import sys
from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr
from scipy.stats import binom

from faircore.decide.pair_tests import Method, pair_p_values
from faircore.metrics.intervals import ratio_statistic, score_statistic

Floats = NDArray[np.float64]
SIZES = (3, 5, 8, 10, 15, 20, 30, 50, 70, 100, 150, 200)
DIFFERENCES = (0.02, 0.05, 0.1, 0.2)
RATIOS = (0.8, 0.9)
LEVELS = (0.05, 0.025, 0.01, 0.05 / 30)


def table(n1: int, n2: int) -> Floats:
    """Counts of two groups for every pair of numbers selected, (n1 + 1, n2 + 1, 2, 2, 2)."""
    k1, k2 = np.meshgrid(np.arange(n1 + 1.0), np.arange(n2 + 1.0), indexing="ij")
    counts = np.zeros((n1 + 1, n2 + 1, 2, 2, 2))
    counts[..., 0, 0, :] = np.stack([n1 - k1, k1], axis=-1)
    counts[..., 1, 0, :] = np.stack([n2 - k2, k2], axis=-1)
    return counts


def p_values(n1: int, n2: int, limit: float, *, ratio: bool, method: Method | str) -> Floats:
    """p-value of the pair (first, second) for every table; ``method`` may be "plain"."""
    if method != "plain":
        name = f"demographic_parity_{'ratio' if ratio else 'difference'}"
        return pair_p_values(table(n1, n2), name, limit, method=method)[..., 0, 0, 1]
    k1, k2 = np.meshgrid(np.arange(n1 + 1.0), np.arange(n2 + 1.0), indexing="ij")
    if ratio:
        return ndtr(-ratio_statistic(k1, np.float64(n1), k2, np.float64(n2), np.float64(limit)))
    return ndtr(score_statistic(k1, np.float64(n1), k2, np.float64(n2), difference=limit))


def size(p: Floats, limit: float, level: float, *, ratio: bool, places: int = 400) -> float:
    """Largest chance of p <= level where the pair is exactly at the limit."""
    n1, n2 = np.array(p.shape) - 1
    # Closer together near the ends, where few are expected.
    place = (1 - np.cos(np.linspace(0, np.pi, places + 2)[1:-1])) / 2
    second = place if ratio else place * (1 - limit)
    first = limit * second if ratio else second + limit
    chance1 = binom.pmf(np.arange(n1 + 1), n1, first[:, None])
    chance2 = binom.pmf(np.arange(n2 + 1), n2, second[:, None])
    return float(((chance1 @ (p <= level)) * chance2).sum(axis=1).max())


def worst(
    method: str, level: float, *, ratio: bool, sizes: tuple[int, ...]
) -> tuple[float, tuple[int, int, float]]:
    """Largest size over all pairs of group sizes and limits, and where it is."""
    found = []
    for n1, n2, limit in product(sizes, sizes, RATIOS if ratio else DIFFERENCES):
        p = p_values(n1, n2, limit, ratio=ratio, method=method)
        found.append((size(p, limit, level, ratio=ratio), (n1, n2, limit)))
    return max(found)


def main() -> None:
    """Print the largest sizes."""
    largest = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    sizes = tuple(n for n in SIZES if n <= largest)
    print("Largest size in %, and where: rows of both groups, limit")
    for ratio, method in product((False, True), ("plain", "score", "exact")):
        for level in LEVELS:
            value, where = worst(method, level, ratio=ratio, sizes=sizes)
            kind = "ratio" if ratio else "difference"
            print(
                f"{kind:10} {method:6} {100 * level:5.2f}  {100 * value:6.2f}  {where}", flush=True
            )


if __name__ == "__main__":
    main()
