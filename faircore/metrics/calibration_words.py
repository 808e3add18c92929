"""Calibration in words: what was promised, what happened, and what chance makes of it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from faircore.metrics.calibration_figures import Settings
from faircore.numerals import hundredths, percent, points


def promise(row: pd.Series[Any]) -> str:
    """What a group's scores promised, and what happened."""
    gap, ends = row["gap"], sorted((abs(row["gap_low"]), abs(row["gap_high"])))
    told = f"promised {percent(row['score'])}, happened {percent(row['outcome'])}: "
    if not np.isfinite(row["gap_low"]) or row["gap_low"] <= 0 <= row["gap_high"]:
        return told + "no more apart than chance allows."
    way = "high" if gap > 0 else "low"
    low, high = map(hundredths, ends)
    return told + f"{points(abs(gap))} too {way} ({low} to {high})."


def error(row: pd.Series[Any], settings: Settings) -> str:
    """How far scores are off, beside what chance makes."""
    ece, chance = hundredths(row["ece"]), hundredths(row["by_chance"])
    limit = hundredths(settings.ece_limit, None)
    return (
        f"A typical score is {ece} points away, up or down, where chance alone makes {chance}: "
        + {
            "pass": f"within the limit of {limit}.",
            "fail": f"above the limit of {limit}.",
            "unclear": f"above the limit of {limit}, as chance may explain.",
        }[row["verdict"]]
    )


def apart(row: pd.Series[Any], settings: Settings) -> str:
    """How far the errors of groups lie apart."""
    if row["verdict"] == "too few":
        return "Fewer than two groups can be compared."
    gap, limit = row["difference"], hundredths(settings.disparity_limit, None)
    return (
        f"The calibration error of {row['worst']} is {points(gap)} above that of {row['best']}: "
        + {
            "pass": f"within the limit of {limit}.",
            "fail": f"more than the limit of {limit}.",
            "unclear": f"more than the limit of {limit}, as chance may explain.",
        }[row["verdict"]]
    )
