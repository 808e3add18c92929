"""What was measured, in natural frequencies: "Of 100 such women 61 are selected"."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from faircore.audit.inequality import Inequality
from faircore.audit.measures import MEASURES, METRICS
from faircore.audit.report import GroupReport
from faircore.numerals import hundredths, number, percent, points

ALPHA = 0.05

# The rates a reader is told of first: who is selected, and who is judged wrongly.
_TOLD = ("true_positive_rate", "false_positive_rate", "selection_rate", "calibration_gap")


@dataclass(frozen=True)
class Wording:
    """How people speak of outcomes and decisions in this case.

    Attributes
    ----------
    good, bad : str
        People of either outcome: "who would repay", "who would not repay".
    selected, refused : str
        The decisions: "approved", "turned down".
    """

    good: str = "with the good outcome"
    bad: str = "without the good outcome"
    selected: str = "selected"
    refused: str = "refused"

    def parts(self, metric: str) -> tuple[str, str]:
        """Of 100 of whom, and what is counted among them."""
        people, judged = "people", "are judged correctly"
        table = {
            "selection_rate": (people, f"are {self.selected}"),
            "base_rate": (people, f"are {people} {self.good}"),
            "accuracy": (people, judged),
            "true_positive_rate": (f"{people} {self.good}", f"are {self.selected}"),
            "false_negative_rate": (f"{people} {self.good}", f"are {self.refused}"),
            "false_positive_rate": (f"{people} {self.bad}", f"are {self.selected}"),
            "true_negative_rate": (f"{people} {self.bad}", f"are {self.refused}"),
            "positive_predictive_value": (f"{self.selected} {people}", f"are {people} {self.good}"),
            "negative_predictive_value": (f"{self.refused} {people}", f"are {people} {self.bad}"),
            "auc": (f"pairs of a person {self.good} and one {self.bad}",
                    "have the higher score with the first"),
        }  # fmt: skip
        return table[metric]


USUAL = Wording()
"""Words that fit every case."""


def of_hundred(value: float, *, apart: float = 1.0) -> str:
    """A share as people of 100; a decimal where whole people would hide something."""
    fine = (value > 0 and abs(apart) < 0.03) or 0 < min(value, 1 - value) < 0.03
    return hundredths(value, 1 if fine else 0)


def chance(p_value: float) -> str:
    """A p-value as people write it."""
    if not math.isfinite(p_value):
        return "–"
    return "p < .001" if p_value < 0.001 else f"p = {p_value:.3f}".replace("0.", ".", 1)


def pair_sentence(
    metric: str,
    first: tuple[str, float],
    second: tuple[str, float],
    *,
    wording: Wording = USUAL,
) -> str:
    """Two groups side by side, as ``(name, value)``; names are used as they come.

    Without a name the second is everybody.

    >>> pair_sentence("selection_rate", ("group **f**", 0.61), ("group **m**", 0.74))
    'Of 100 people in group **f**, 61 are selected; in group **m**, 74.'
    """
    (name, value), (other, compared) = first, second
    apart = value - compared
    if metric == "calibration_gap":
        place = f"in {other}" if other else "overall"
        return f"In {name}, scores promise {_promise(value)}; {place}, {_promise(compared)}."
    if metric in ("brier", "log_loss", "ece", "calibration_error"):
        write, place = _written(metric), f"in {other}" if other else "overall"
        return f"{METRICS[metric].title}: {write(value)} in {name}, {write(compared)} {place}."
    whom, what = wording.parts(metric)
    such = {"auc": "such pairs", "selection_rate": "people", "base_rate": "people",
            "accuracy": "people"}.get(metric, "such people")  # fmt: skip
    place = f"in {other}" if other else f"of 100 {such} overall"
    return (
        f"Of 100 {whom} in {name}, {of_hundred(value, apart=apart)} {what}; {place}, "
        f"{of_hundred(compared, apart=apart)}."
    )


def _written(metric: str) -> Callable[[float], str]:
    """How the values of a metric are written."""
    return percent if METRICS[metric].percent else partial(number, digits=3)


def _promise(value: float) -> str:
    much = f"{hundredths(abs(value))} in 100 too {'many' if value > 0 else 'few'} good outcomes"
    return "what happens" if abs(value) < 0.0005 else much


def verdict(found: Inequality) -> str:
    """Whether a gap is more than chance, in a few words."""
    if not math.isfinite(found.value):
        return "too few people to tell" if found.n_groups < 2 else "not defined"
    return "more than chance" if found.more_than_chance else "can be chance"


def widest(report: GroupReport) -> tuple[str, str, str] | None:
    """Partition, group and figure of the first headline; ``None`` when nothing stands out."""
    found = _told(report)
    return None if found.empty else (*map(str, found.index[0]),)  # type: ignore[return-value]


def n_named(report: GroupReport) -> int:
    """How many groups could be told of in :func:`headlines`."""
    return len(_told(report))


def _told(report: GroupReport) -> pd.DataFrame:
    """What stands out in the system's figures, every group once.

    Selection, errors and promises are told of; other figures only where none of these stands out.
    """
    frame = report.standouts
    metrics = frame.index.get_level_values("metric")
    first = frame[metrics.isin(_TOLD)]
    frame = first if len(first) else frame[metrics != "base_rate"]
    groups = [tuple(key[:2]) for key in frame.index]
    return frame[~pd.Index(groups, tupleize_cols=False).duplicated()]


def headlines(
    report: GroupReport,
    *,
    wording: Wording = USUAL,
    limit: int = 4,
) -> list[str]:
    """The groups that stand out, widest gap first, in one sentence each.

    Every group is told of once, by the figure in which it is furthest from the others. Empty when
    no difference is more than chance.
    """
    frame = _told(report).head(limit)
    return [
        _standout(report, tuple(map(str, key)), row, wording)
        for key, row in zip(frame.index, frame.to_dict("records"), strict=True)
    ]


def _standout(
    report: GroupReport, key: tuple[str, ...], values: dict[Any, float], wording: Wording
) -> str:
    partition, group, metric = key
    other = report.reference.get(partition)
    sentence = pair_sentence(
        metric,
        (f"group {group}", values["value"]),
        ("" if other is None else f"group {other}", values["value"] - values["gap"]),
        wording=wording,
    )
    low, high = sorted(abs(values[end]) for end in ("gap_low", "gap_high"))
    if metric == "calibration_gap":
        much = "higher" if values["gap"] > 0 else "lower"
    else:
        much = "more often" if values["gap"] > 0 else "less often"
    return f"{sentence} That is {much}, truly by {hundredths(low)} to {points(high)}."


def inequality_sentence(
    report: GroupReport,
    partition: str,
    found: Inequality,
    *,
    wording: Wording = USUAL,
) -> str:
    """One measure of one partition: the two groups, and whether it is chance."""
    if not np.isfinite(found.value) and found.n_groups >= 2:
        return f"{MEASURES[found.measure].title}: not defined, since a figure is 0 in every group."
    if not np.isfinite(found.value):
        return f"Too few people to compare: a figure needs at least {report.min_people:.0f}."
    at = report.partition(partition)
    names = at.group_names
    values = report.estimates.of[found.metric].value[at.groups]
    pair = [(f"group {names[i]}", float(values[i])) for i in (found.lowest, found.highest)]
    measure = MEASURES[found.measure]
    told = pair_sentence(found.metric, *pair, wording=wording)
    value, band = (measure_text(found.measure, v) for v in (found.value, found.by_chance))
    reach = "at least" if measure.kind == "ratio" else "up to"
    return (
        f"{told} {measure.title}: {value}; between equal groups of these sizes chance alone gives "
        f"{reach} {band}. {verdict(found).capitalize()} ({chance(found.p_value)})."
    )


def figure_sentence(
    report: GroupReport, partition: str, group: str, metric: str, *, wording: Wording = USUAL
) -> str:
    """One figure of one group, with its range.

    >>> import numpy as np
    >>> from faircore.audit import group_report
    >>> half = group_report(np.tile([0, 1], 50), np.tile([0, 1, 1, 1], 25),
    ...                     sensitive_features={"sex": ["f"] * 100})
    >>> figure_sentence(half, "sex", "f", "false_positive_rate")
    'Of 100 people without the good outcome in group f, 50 are selected (37 to 63).'
    """
    value, low, high = (
        float(report.table(partition, column)[metric][group]) for column in ("value", "low", "high")
    )
    told = METRICS[metric]
    if not math.isfinite(value):
        return f"{told.title} in group {group}: not shown, or too few people."
    if metric == "calibration_gap":
        return f"In group {group}, scores promise {_promise(value)}."
    if not told.percent or metric in ("ece", "calibration_error"):
        write = _written(metric)
        limits = f" ({write(low)} to {write(high)})" if math.isfinite(low) else ""
        return f"{told.title} in group {group}: {write(value)}{limits}."
    whom, what = wording.parts(metric)
    shown, low_shown, high_shown = (of_hundred(v, apart=high - low) for v in (value, low, high))
    limits = f" ({low_shown} to {high_shown})" if math.isfinite(low) else ""
    return f"Of 100 {whom} in group {group}, {shown} {what}{limits}."


def figure_text(metric: str, value: float, low: float, high: float, *, out: bool) -> str:
    """A figure with its interval as a cell of a table; a diamond where it stands out."""
    if not math.isfinite(value):
        return "–"
    write = hundredths if METRICS[metric].percent else partial(number, digits=3)
    limits = f" [{write(low)}, {write(high)}]" if low == low else ""
    return f"{'◆ ' if out else ''}{write(value)}{limits}"


def measure_text(measure: str, value: float) -> str:
    """The value of a measure with its unit."""
    found = MEASURES[measure]
    if found.kind != "difference":
        return number(value, 2)
    return points(value) if METRICS[found.metrics[0]].percent else number(value, 3)
