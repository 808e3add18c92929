"""What ``faircore calibrate`` prints and writes."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from faircore.numerals import hundredths, number, points

if TYPE_CHECKING:
    import pandas as pd

    from faircore.audit.multicalibration import MulticalibrationAudit
    from faircore.metrics.calibration_report import CalibrationReport

_ALWAYS = ("accuracy", "auc")  # told of even where nothing is certain
_ROWS = ("n", "n_effective", "n_positive")


@dataclass(frozen=True, eq=False)
class View:
    """What is found of a score, the given or the calibrated one; ``head`` says which."""

    head: str
    report: CalibrationReport
    walk: MulticalibrationAudit
    findings: pd.DataFrame


def group_table(reports: list[CalibrationReport], name: str) -> str:
    """Groups of a partition, worst first; what a calibration changed with an arrow."""
    import pandas as pd

    parts, rows = [report.partition(name) for report in reports], {}
    for group in parts[0].index:  # what a calibration leaves as it was is written once
        cells = [_cells(part.loc[group]) for part in parts]
        rows[group] = {h: " → ".join(dict.fromkeys(c[h] for c in cells)) for h in cells[0]}
    return pd.DataFrame.from_dict(rows, orient="index").to_string(na_rep="–")


def _cells(row: pd.Series[Any]) -> dict[str, str]:
    """A row of the table; of a group that is not shown, the verdict alone."""
    from faircore.audit import chance

    shown = {
        "n": number(row["people"], 0),
        "promised, %": hundredths(row["score"]),
        "happened, %": hundredths(row["outcome"]),
        "difference": _interval(row, ("gap", "gap_low", "gap_high"), 100, 1),
        "ECE, %": hundredths(row["ece"]),
        "by chance, %": hundredths(row["by_chance"]),
        "ECCE": f"{row['ecce']:.1f} ({chance(row['ecce_p'])})",
    }
    return (shown if row["people"] > 0 else {}) | {"verdict": row["verdict"]}


def _interval(row: pd.Series[Any], names: Iterable[str], scale: int, digits: int) -> str:
    value, low, high = (number(scale * row[name], digits, signed=True) for name in names)
    return f"{value} [{low}, {high}]"


def changes(effect: pd.DataFrame) -> Iterator[str]:
    """Figures that changed for certain, and those everybody asks for."""
    for name, row in effect.iterrows():
        certain = row["p_holm"] < 0.05
        if certain or name in _ALWAYS:
            way = ", better" if row["change"] * row["better"] > 0 else ", worse"
            change = _interval(row, ("change", "low", "high"), 1, 3) + way * certain
            yield f"  {row['title']}: {row['before']:.3f} → {row['after']:.3f}, change {change}"


def broken_limits(report: CalibrationReport, *, gaps: bool) -> Iterator[str]:
    """What fails: groups, and the gaps between them where a limit is stated."""
    for one in report.groups.query("verdict == 'fail'").reset_index().to_dict("records"):
        yield f"ECE of {one['group']} by {one['partition']} is {points(one['ece'])}"
    failed = report.disparities.query("verdict == 'fail'").reset_index().to_dict("records")
    for one in failed if gaps else ():
        yield f"gap in ECE by {one['partition']} is {points(one['difference'])}"


def every_table(views: Sequence[View], effect: pd.DataFrame, fit: Iterable[Any]) -> dict[str, Any]:
    """Every table as rows; what is undefined or hidden is null."""

    def rows(frame: pd.DataFrame) -> Any:
        return json.loads(frame.reset_index().to_json(orient="records", double_precision=15))

    scores = [
        {
            "groups": rows(view.report.groups.drop(columns="hidden")),
            "everybody": rows(view.report.everybody.to_frame().T)[0],
            "disparities": rows(view.report.disparities),
            "cells": view.walk.skipped,
            "findings": rows(view.findings),
        }
        for view in views  # before and after
    ]
    got = [asdict(one) | (dict.fromkeys(_ROWS) if one.hidden else {}) for one in fit]
    return {"scores": scores, "effect": rows(effect), "fit": got}
