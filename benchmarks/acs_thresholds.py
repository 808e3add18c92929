"""What exact thresholds cost on ACSIncome, and how the gap holds on rows they never saw.

    python benchmarks/acs_thresholds.py acs_income_2018.parquet [--seeds 5]

The file is ACSIncome of 2018 with the columns of folktables and ``PINCP`` as 0 and 1; it does not
come with the project. The four largest groups of RAC1P, which is no feature; 60% of the rows train
one LightGBM without any constraint (early stopping on the next 15%, which also set the
thresholds), 25% are measured on. Its settings were tuned on the stopping rows of splits 100 and
101. The published losses are those of Cruz and Hardt (ICLR 2024) on three times as many rows.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import lightgbm as lgb
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.model_selection import train_test_split

from faircore.audit import group_report
from faircore.thresholds import ThresholdFrontier

TARGETS = {0.02: 0.0052, 0.05: 0.0029}
"""Tolerance, and the accuracy that may be lost."""

GRID = (0.0, 0.01, 0.02, 0.05, 0.1)


def read(path: Path) -> tuple[pd.DataFrame, NDArray[np.int8], NDArray[np.str_]]:
    """Features, outcome and group."""
    frame = pd.read_parquet(path)
    largest = frame["RAC1P"].value_counts().index[:4]
    frame = frame[frame["RAC1P"].isin(largest)].reset_index(drop=True)
    y = frame["PINCP"].to_numpy(np.int8)
    X = frame.drop(columns=[c for c in ("PINCP", "RAC1P", "orig_index", "split") if c in frame])
    return X, y, frame["RAC1P"].astype(str).to_numpy()


def run(path: Path, seed: int) -> dict[str, pd.DataFrame | float]:
    """One split: the plain model, and its thresholds at every tolerance, on unseen rows."""
    X, y, group = read(path)
    strata = pd.Series(group) + y.astype(str)
    rest, test = train_test_split(np.arange(len(y)), test_size=0.25, random_state=seed,
                                  stratify=strata)  # fmt: skip
    learn, stop = train_test_split(rest, test_size=0.2, random_state=seed, stratify=strata[rest])
    started = time.perf_counter()
    model = lgb.LGBMClassifier(
        n_estimators=800, num_leaves=63, learning_rate=0.1, min_child_samples=50, reg_lambda=10,
        colsample_bytree=0.7, max_bin=511, verbosity=-1, random_state=seed,
    )  # fmt: skip
    model.fit(
        X.iloc[learn], y[learn], eval_X=X.iloc[stop], eval_y=y[stop],
        callbacks=[lgb.early_stopping(25, verbose=False)],
    )  # fmt: skip
    trained = time.perf_counter() - started
    scores = {name: model.predict_proba(X.iloc[rows])[:, 1]
              for name, rows in (("stop", stop), ("test", test))}  # fmt: skip
    plain = (scores["test"] >= 0.5).astype(np.int8)
    start = float((plain == y[test]).mean())
    rows = []
    seconds = 0.0
    for by_lot in (True, False):
        started = time.perf_counter()
        frontier = ThresholdFrontier("equalized_odds", GRID, randomised=by_lot)
        frontier.fit(scores["stop"], y[stop], sensitive_features=group[stop])
        seconds += time.perf_counter() - started
        for tolerance in GRID:
            chosen = frontier.predict(
                scores["test"], group[test], tolerance=tolerance,
                rows=np.column_stack([X.iloc[test].to_numpy(np.float64), scores["test"]]),
            )  # fmt: skip
            gap, low, high = measured(y[test], chosen.astype(np.int8), group[test])
            accuracy = float((chosen == y[test]).mean())
            rows.append((by_lot, tolerance, accuracy, start - accuracy, gap, low, high))
    columns = ["by lot", "target", "accuracy", "lost", "gap", "low", "high"]
    return {
        "points": pd.DataFrame(rows, columns=columns),
        "plain": start,
        "plain gap": measured(y[test], plain, group[test])[0],
        "trained": trained,
        "cut": seconds,
    }


def measured(
    y: NDArray[np.int8], chosen: NDArray[np.int8], group: NDArray[np.str_]
) -> tuple[float, float, float]:
    """Gap with its 95% interval, as an audit has it."""
    report = group_report(y, chosen, sensitive_features=pd.Series(group, name="race"))
    row = report.disparities.loc[("race", "equalized_odds_difference")]
    return float(row["value"]), float(row["low"]), float(row["high"])


def main() -> None:
    """Print the mean over seeds and whether the bars are met."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", type=Path, nargs="?")
    parser.add_argument("--seeds", type=int, default=5)
    options = parser.parse_args()
    if options.file is None or not options.file.exists():
        print("ACSIncome is not here: name its file. Nothing measured.")
        return
    found = [run(options.file, seed) for seed in range(options.seeds)]
    table = pd.concat([one["points"] for one in found]).groupby(["by lot", "target"]).mean()
    means = {k: float(np.mean([one[k] for one in found])) for k in found[0] if k != "points"}
    print(f"{options.seeds} seeds; plain accuracy {means['plain']:.4f} at a gap of "
          f"{means['plain gap']:.4f}; trained in {means['trained']:.0f} s, all "
          f"{2 * len(GRID)} sets of thresholds in {means['cut']:.2f} s")  # fmt: skip
    print(table.to_string(float_format="{:.4f}".format))
    for tolerance, bar in TARGETS.items():
        lost = float(table.loc[(True, tolerance), "lost"])
        print(
            f"target {tolerance}: lost {lost:.4f}, bar {bar}: {'met' if lost <= bar else 'MISSED'}"
        )


if __name__ == "__main__":
    main()
