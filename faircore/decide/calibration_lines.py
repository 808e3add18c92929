"""The calibration rules of a policy, asked of a score."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from faircore.decide.checklist import Verdict
from faircore.decide.figures import only_opened
from faircore.decide.policy import CalibrationLimit
from faircore.metrics.calibration_report import calibration_report
from faircore.numerals import percent, points
from faircore.records import Event
from faircore.shelf import read_predictor
from faircore.training import Prepared

_VERDICTS: dict[str, Verdict] = {
    "pass": "pass", "fail": "fail", "unclear": "cannot tell", "too few": "cannot tell",
}  # fmt: skip


@dataclass(frozen=True)
class CalibrationLine:
    """One calibration rule, asked of one score.

    Attributes
    ----------
    rule : str
        In words.
    value : float
        Expected calibration error of the worst group, or how far two groups' lie apart; NaN where
        undefined.
    by_chance : float
        What it would be, on average (end of the no-difference band, of the difference), if every
        score were right.
    verdict : {"pass", "fail", "cannot tell"}
        ``pass`` where the estimate, which chance only ever raises, keeps the rule; ``fail`` where
        it breaks it by more than chance. It is no certificate.
    """

    rule: str
    value: float
    by_chance: float
    verdict: Verdict


def calibration_lines(
    candidate: str,
    limit: CalibrationLimit,
    split: str,
    *,
    workspace: str | Path,
    prepared: Prepared,
    opening: Event | None = None,
) -> tuple[CalibrationLine, CalibrationLine]:
    """Whether a candidate's scores keep a policy's calibration rules on a split.

    The sealed split is asked about for a recorded opening only, by
    :func:`faircore.decide.open_sealed`.

    Raises
    ------
    InputError
        When the sealed split is asked for without one.
    """
    only_opened(split, opening)
    rows = prepared.rows(split)
    report = calibration_report(
        prepared.dataset.y_true[rows],
        read_predictor(candidate, workspace=workspace).scores(prepared.inputs(split)),
        sensitive_features=prepared.groups.take(rows),
        sample_weight=prepared.weights[rows],
        ece_limit=limit.error,
        disparity_limit=limit.apart,
    )
    name = limit.partition or prepared.groups.partitions[0].name
    groups = report.partition(name)
    gap = report.disparities.to_dict("index")[name]
    found = [_VERDICTS[verdict] for verdict in groups["verdict"]]
    worst: Verdict = "fail" if "fail" in found else "pass"
    if worst == "pass" and "cannot tell" in found:
        worst = "cannot tell"
    highest = groups.sort_values("ece", ascending=False, na_position="last").iloc[0]
    return (
        CalibrationLine(
            f"Calibration error of every group of {name} at most {percent(limit.error)}",
            float(highest["ece"]),
            float(highest["by_chance"]),
            worst,
        ),
        CalibrationLine(
            f"Calibration errors of the groups at most {points(limit.apart)} apart",
            float(gap["difference"]),
            float(gap["by_chance"]),
            _VERDICTS[gap["verdict"]],
        ),
    )
