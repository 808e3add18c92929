"""Calibration of small groups: held-out log loss against a loop of calibrators, one per group.

    OMP_NUM_THREADS=1 python benchmarks/calibrators_small_groups.py [--draws 200]

Each draw has groups of 15 to 200 rows by which to fit and 2,000 held-out rows per group. The groups
are the cells of two attributes, 2 to 4 by 2 to 5 labels. The true log-odds of a row are slope ·
logit(score) + offset, where slope and offset are sums of parts of everybody, of each label and of
the cell; how much groups differ is drawn as well, and in a quarter of the draws they do not.

Compared: the scores as they are; the loop of the tutorials, which fits a scikit-learn
LogisticRegression on the score (Platt), or an IsotonicRegression, to each group of 20 rows or more
and leaves smaller groups as they are; the same loop with a LogisticRegression on the log-odds,
which is the true model here; one calibrator for everybody; and GroupFairnessCalibrator as it is,
without the test (alpha = 1), without shrinkage, with neither, and without the test for groups of
any size. Probabilities are cut to [0.001, 0.999], or isotonic steps at 0 would make the loop's loss
infinite. Losses are means over groups, of draws and of size classes; standard errors are of paired
differences, over draws.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from faircore.calibrators import GroupFairnessCalibrator, fit_map
from faircore.predictors.score_map import log_odds

Floats = NDArray[np.float64]
Fitted = Callable[[Floats, pd.DataFrame], Floats]

HELD_OUT = 2000
SIZES = ((15, 30), (30, 60), (60, 120), (120, 201))
CUT = 1e-3
LEAST_OF_LOOP = 20


class Draw:
    """One population of groups, and the rows to fit by."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        n_a, n_b = self.rng.integers(2, 5), self.rng.integers(2, 6)
        spread = 0.0 if seed % 4 == 0 else self.rng.uniform(0.1, 0.8)
        self.cells = [(a, b) for a in range(n_a) for b in range(n_b)]
        parts = [(n_a, 0.7), (n_b, 0.7), (len(self.cells), 0.4)]
        slopes, offsets = (
            [self.rng.normal(0, scale * part * spread, k) for k, part in parts]
            for scale in (0.4, 1.0)
        )
        slope, offset = self.rng.uniform(0.6, 1.3), self.rng.normal(0, 0.4)
        self.slopes = [
            max(slope + slopes[0][a] + slopes[1][b] + slopes[2][i], 0.0)
            for i, (a, b) in enumerate(self.cells)
        ]
        self.offsets = [
            offset + offsets[0][a] + offsets[1][b] + offsets[2][i]
            for i, (a, b) in enumerate(self.cells)
        ]
        self.means = self.rng.normal(-0.5, 0.5, len(self.cells))
        # As many groups of each size class as there are, on average.
        low, high = np.array(SIZES)[self.rng.integers(0, len(SIZES), len(self.cells))].T
        self.sizes = self.rng.integers(low, high)

    def rows(self, sizes: NDArray[np.int64]) -> tuple[Floats, NDArray[np.int64], pd.DataFrame]:
        """Scores, outcomes and attributes of new rows, so many of each group."""
        cell = np.repeat(np.arange(len(self.cells)), sizes)
        odds = self.rng.normal(self.means[cell], 1.2)
        true = np.array(self.slopes)[cell] * odds + np.array(self.offsets)[cell]
        y = (self.rng.random(len(cell)) < 1 / (1 + np.exp(-true))).astype(np.int64)
        labels = np.array(self.cells)[cell]
        frame = pd.DataFrame({"a": labels[:, 0].astype(str), "b": labels[:, 1].astype(str)})
        return 1 / (1 + np.exp(-odds)), y, frame


def loop(scores: Floats, y: NDArray[np.int64], frame: pd.DataFrame, kind: str) -> Fitted:
    """What tutorials do: one calibrator of scikit-learn's per group of 20 rows or more."""
    models = {}
    for cell, rows in frame.groupby(["a", "b"]).indices.items():
        if len(rows) < LEAST_OF_LOOP or len(np.unique(y[rows])) < 2:
            continue
        if kind == "isotonic":
            isotone = IsotonicRegression(out_of_bounds="clip").fit(scores[rows], y[rows])
            models[cell] = isotone.predict
        else:
            read = log_odds if kind == "log-odds" else np.asarray
            platt = LogisticRegression().fit(read(scores[rows])[:, None], y[rows])
            models[cell] = lambda s, m=platt, f=read: m.predict_proba(f(s)[:, None])[:, 1]

    def apply(new: Floats, others: pd.DataFrame) -> Floats:
        out = new.copy()
        for cell, rows in others.groupby(["a", "b"]).indices.items():
            if cell in models:
                out[rows] = models[cell](new[rows])
        return out

    return apply


def fitted(
    scores: Floats, y: NDArray[np.int64], frame: pd.DataFrame
) -> Iterator[tuple[str, Fitted]]:
    """Everything compared."""
    yield "raw", lambda s, _: s
    yield "loop, Platt", loop(scores, y, frame, "score")
    yield "loop, on log-odds", loop(scores, y, frame, "log-odds")
    yield "loop, isotonic", loop(scores, y, frame, "isotonic")
    one = fit_map("platt", scores, y)
    yield "everybody", lambda s, _: one(s)
    for name, more in {
        "ours": {},
        "ours, alpha=1": {"alpha": 1.0},
        "ours, no shrinkage": {"shrinkage": False},
        "ours, neither": {"alpha": 1.0, "shrinkage": False},
        "ours, alpha=1, all sizes": {"alpha": 1.0, "min_group_size": 2},
    }.items():
        yield name, GroupFairnessCalibrator("automatic", **more).fit(scores, y, frame).transform


def losses(seed: int) -> pd.DataFrame:
    """Log loss of every method in every group of a draw."""
    draw = Draw(seed)
    scores, y, frame = draw.rows(draw.sizes)
    new, outcome, others = draw.rows(np.full(len(draw.cells), HELD_OUT))
    found = {}
    for name, apply in fitted(scores, y, frame):
        p = np.clip(apply(new, others), CUT, 1 - CUT)
        loss = -np.where(outcome == 1, np.log(p), np.log1p(-p))
        found[name] = loss.reshape(len(draw.cells), HELD_OUT).mean(axis=1)
    kind = np.searchsorted([high for _, high in SIZES], draw.sizes, side="right")
    return pd.DataFrame({"draw": seed, "class": kind, **found})


def table(groups: pd.DataFrame) -> pd.DataFrame:
    """Mean losses, and the mean difference to ours with its standard error over draws."""
    per_draw = groups.drop(columns="class").groupby("draw").mean()
    apart = per_draw.sub(per_draw["ours"], axis=0)
    error = apart.std(ddof=1) / np.sqrt(len(per_draw))
    return pd.DataFrame(
        {"log loss": per_draw.mean(), "minus ours": apart.mean(), "se": error}
    ).round(5)


def main() -> None:
    """Print a table for all groups and for each size class."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--draws", type=int, default=200)
    asked = parser.parse_args()
    groups = pd.concat([losses(seed) for seed in range(asked.draws)], ignore_index=True)
    print(f"{asked.draws} draws, {len(groups)} groups\n\nall groups\n{table(groups)}")
    for i, (low, high) in enumerate(SIZES):
        part = groups[groups["class"] == i]
        print(f"\n{low} to {high - 1} rows ({len(part)} groups)\n{table(part)}")
    same = groups["draw"] % 4 == 0
    print(f"\ndraws without any difference between groups\n{table(groups[same])}")
    print(f"\nthe others\n{table(groups[~same])}")


if __name__ == "__main__":
    main()
