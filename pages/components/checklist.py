"""The policy as a checklist beside a point."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pandas as pd
import streamlit as st

from faircore.decide import Line, Policy, check
from faircore.decide.calibration_lines import CalibrationLine, calibration_lines
from faircore.frontier import Frontier, find_objective
from faircore.numerals import percent
from faircore.records import Review
from faircore.workspace import default_workspace
from pages.components.howto import how_to_read
from pages.components.loading import prepared_of

MARKS = {"pass": "✓ pass", "fail": "✗ fail", "cannot tell": "? cannot tell"}


def checked(
    review: Review, policy: Policy, frontier: Frontier, position: int
) -> tuple[tuple[Line, ...], tuple[CalibrationLine, ...]]:
    """The policy's rules asked of a candidate on the compared rows."""
    lines = check(
        frontier.counts[position], policy, partitions=frontier.partitions,
        sizes=frontier.sizes[frontier.split],
    )  # fmt: skip
    if policy.calibration is None:
        return lines, ()
    return lines, _calibration(
        review.fingerprint, policy.sha256, frontier.candidates[position].id, frontier.split, review,
        policy,
    )  # fmt: skip


def checklist(
    lines: Sequence[Line],
    calibration: Sequence[CalibrationLine],
    policy: Policy,
    *,
    needs_groups: bool,
) -> None:
    """A row per rule: what was measured, how bad it could be, and the verdict."""
    rows = [_row(line) for line in lines]
    rows += [
        (x.rule, percent(x.value), f"by chance {percent(x.by_chance)}", MARKS[x.verdict])
        for x in calibration
    ]
    if needs_groups or not policy.may_need_groups:
        rows.append(
            (
                "No sensitive attribute asked for when it predicts" if not policy.may_need_groups
                else "A sensitive attribute may be asked for when it predicts",
                "asked for" if needs_groups else "not asked for",
                "",
                MARKS["fail" if needs_groups and not policy.may_need_groups else "pass"],
            )
        )  # fmt: skip
    st.dataframe(
        pd.DataFrame(rows, columns=["Rule", "Measured", "Could be as bad as", "Verdict"]),
        hide_index=True,
        width="stretch",
        column_config={"Rule": st.column_config.Column(width="large")},
    )
    how_to_read(
        "**Pass**: breaking the rule is ruled out, at the risk the policy allows. **Fail**: "
        "keeping it is. **Cannot tell**: both are possible with so few people.",
        "“Could be as bad as” is the worst value that chance leaves open; a dash where a group has "
        "too few people to be judged, or to stay unnamed.",
        "Calibration errors look larger than they are by chance alone, so they pass where even the "
        "measured error keeps the rule.",
        about="certificate",
    )


def _row(line: Line) -> tuple[str, str, str, str]:
    objective = find_objective(line.rule.key)
    told = line.rule.in_words()
    if math.isnan(line.value):
        return f"{told[:1].upper()}{told[1:]}", "–", "–", MARKS[line.verdict]
    return (
        f"{told[:1].upper()}{told[1:]}",
        objective.text(line.value),
        objective.text(line.bound),
        MARKS[line.verdict],
    )


@st.cache_resource(max_entries=64, show_spinner="Measuring")
def _calibration(
    fingerprint: str, policy: str, candidate: str, split: str, _review: Review, _policy: Policy
) -> tuple[CalibrationLine, ...]:
    if _policy.calibration is None:
        return ()
    return calibration_lines(
        candidate, _policy.calibration, split, workspace=default_workspace(),
        prepared=prepared_of(_review),
    )  # fmt: skip
