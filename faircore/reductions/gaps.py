"""What a mixture achieves on the rows it was trained on, against what was asked for."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from faircore.groups import Groups
from faircore.numerals import hundredths, points

SLACK = 0.001  # a bound missed by less counts as met


def gap_table(gamma: pd.Series[float], bound: pd.Series[float], groups: Groups) -> pd.DataFrame:
    """Largest distance of a group's rate from everybody's, by partition and event.

    Parameters
    ----------
    gamma, bound : Series
        Values and bounds of a moment's constraints, over its index.
    groups : Groups
        Whose numbers are the ``group_id`` of the index.

    Returns
    -------
    DataFrame
        ``partition``, ``event``, ``gap`` and its ``tolerance``, and the ``difference`` between the
        largest and the smallest rate. Without pairs of signs in the index ``difference`` is NaN.
    """
    keys = gamma.index.to_frame(index=False)
    name = "group_id" if "group_id" in keys else keys.columns[-1]
    names, starts = [p.name for p in groups.partitions], [p.start for p in groups.partitions]
    if len(starts) > 1:
        place = np.searchsorted(starts, keys[name].to_numpy(np.int64), side="right") - 1
    else:
        place = np.zeros(len(keys), np.intp)
    table = pd.DataFrame(
        {
            "partition": [names[p] for p in place],
            "event": keys["event"].astype(str) if "event" in keys else "all",
            "gap": gamma.to_numpy(np.float64),
            "tolerance": bound.to_numpy(np.float64),
            "rate": np.nan,
        }
    )
    if "sign" in keys:
        plus = (keys["sign"] == "+").to_numpy()
        table.loc[plus, "rate"] = table.loc[plus, "gap"]
    cells = table.groupby(["partition", "event"], sort=False)
    found = cells.agg(gap=("gap", "max"), tolerance=("tolerance", "max")).reset_index()
    found["difference"] = (cells["rate"].max() - cells["rate"].min()).to_numpy()
    return found


def worst(table: pd.DataFrame) -> tuple[float, float, str]:
    """Gap, tolerance and partition where a bound is missed most, or met most narrowly."""
    place = int(np.argmax(table["gap"].to_numpy() - table["tolerance"].to_numpy()))
    row = table.iloc[place]
    return float(row["gap"]), float(row["tolerance"]), str(row["partition"])


def excess(table: pd.DataFrame) -> float:
    """How far the bounds are missed: at most 0 when all are met."""
    return float((table["gap"] - table["tolerance"]).max())


def note_of(chosen: pd.DataFrame, closest: pd.DataFrame) -> str:
    """Sentence on bounds the chosen mixture misses; empty when it meets them.

    ``closest`` is the table of whatever comes nearest to the bounds.
    """
    if excess(chosen) <= SLACK:
        return ""
    gap, tolerance, partition = worst(closest)
    asked = f"asked for a gap of {points(tolerance, None)}"
    if excess(closest) > SLACK:
        return (
            f"Infeasible: {asked}, the smallest found is {hundredths(gap, None)} ({partition}). "
            "Allow a wider gap, more iterations or a larger grid."
        )
    found, tolerance, partition = worst(chosen)
    return (
        f"The model chosen has a gap of {points(found, None)} ({partition}), where "
        f"{hundredths(tolerance, None)} were asked for; another of those trained keeps every "
        "bound. Choose that one from predictors_, or use the exponentiated gradient."
    )


def blend(gammas: list[pd.Series[float]], weights: NDArray[np.float64]) -> pd.Series[float]:
    """Weighted mean of the members' values."""
    total: Any = sum(w * g for w, g in zip(weights.tolist(), gammas, strict=True))
    mixed: pd.Series[float] = total
    return mixed
