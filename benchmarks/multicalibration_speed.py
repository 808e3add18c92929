"""How long it takes to test every cell of the power set of attributes, and whether it finds one.

One run prints three things, for 1,000,000 rows. First, 10 attributes of two values, 59,049 cells,
calibrated scores: seconds, peak memory, cells tested, findings. Then the same with one crossed
cell off by 5 points: what is listed. Last, the same cells one by one, each a mask over the rows
with the sums of one test and without its p-value, on 200 of them drawn by chance, extrapolated.
``--wide`` adds 10 attributes of five values, 60,466,176 cells, of which a sample is looked at.

    python benchmarks/multicalibration_speed.py [--wide]
"""

from __future__ import annotations

import resource
import sys
import time

import numpy as np
import pandas as pd

from faircore.audit.multicalibration import MulticalibrationAudit, walk_multicalibration

N_ROWS, N_ATTRIBUTES, N_MASKS = 1_000_000, 10, 200
PLANTED = {"attribute 2": "b", "attribute 7": "a"}


def table(n_values: int) -> tuple[pd.DataFrame, np.ndarray, np.random.Generator]:
    """Attributes as text, of unequal shares, and scores."""
    rng = np.random.default_rng(0)
    share = np.linspace(1.5, 0.5, n_values)
    values = np.array(list("abcdefgh"), object)[:n_values]
    frame = pd.DataFrame(
        {
            f"attribute {a}": rng.choice(values, N_ROWS, p=share / share.sum())
            for a in range(N_ATTRIBUTES)
        }
    )
    return frame, rng.beta(2, 3, N_ROWS), rng


def told(title: str, scores: np.ndarray, y_true: np.ndarray, frame: pd.DataFrame) -> float:
    """Run once and print; seconds."""
    start = time.perf_counter()
    found: MulticalibrationAudit = walk_multicalibration(scores, y_true, frame)
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(
        f"\n{title}\n  {seconds:.1f} s, peak memory of the process so far {peak:.2f} GiB; "
        f"{found.n_cells:,} cells, {found.n_tested:,} tested, {found.n_too_small:,} too small, "
        f"{found.n_sampled_away:,} sampled away, {len(found.findings)} findings, "
        f"{found.n_explained:,} explained"
    )
    for sentence in found.in_words()[1:6]:
        print(f"  {sentence}")
    return seconds


def one_by_one(scores: np.ndarray, y_true: np.ndarray, frame: pd.DataFrame) -> float:
    """Seconds that masks over the rows would take, extrapolated from a few cells."""
    rng = np.random.default_rng(1)
    columns = {name: frame[name].to_numpy() for name in frame}
    order = np.argsort(scores, kind="stable")
    start = time.perf_counter()
    for _ in range(N_MASKS):
        inside = np.ones(N_ROWS, bool)
        for values in columns.values():
            fixed = rng.integers(3)
            if fixed < 2:
                inside &= values == "ab"[fixed]
        at = order[inside[order]]
        path = np.cumsum(y_true[at] - scores[at])
        _ = (scores[at].mean(), y_true[at].mean(), np.ptp(path), (scores[at] ** 2).sum())
    return (time.perf_counter() - start) / N_MASKS * 3**N_ATTRIBUTES


def main() -> None:
    """Print everything."""
    frame, scores, rng = table(2)
    calibrated = (rng.random(N_ROWS) < scores).astype(np.int8)
    title = f"{N_ROWS:,} rows, {N_ATTRIBUTES} attributes of two values"
    seconds = told(f"{title}, calibrated", scores, calibrated, frame)
    inside = np.logical_and.reduce([frame[a] == v for a, v in PLANTED.items()])
    wrong = (rng.random(N_ROWS) < np.clip(scores - 0.05 * inside, 0, 1)).astype(np.int8)
    told(f"{title}, {PLANTED} promised 5 points too much", scores, wrong, frame)
    slow = one_by_one(scores, calibrated, frame)
    print(
        f"\nOne cell after the other, extrapolated from {N_MASKS} cells: {slow / 60:.0f} min, "
        f"{slow / seconds:,.0f} times as long"
    )
    if "--wide" in sys.argv:
        frame, scores, rng = table(5)
        calibrated = (rng.random(N_ROWS) < scores).astype(np.int8)
        told(f"{N_ROWS:,} rows, {N_ATTRIBUTES} attributes of five values, calibrated",
             scores, calibrated, frame)  # fmt: skip


if __name__ == "__main__":
    main()
