"""Rules of a policy that no certificate speaks of, and who breaks them."""

from __future__ import annotations

from collections.abc import Sequence

from faircore.decide.calibration_lines import CalibrationLine
from faircore.decide.options import Option
from faircore.decide.policy import Policy


def broken_rules(
    option: Option,
    *,
    needs_groups: bool,
    calibration: Sequence[CalibrationLine],
    policy: Policy | None,
) -> tuple[str, ...]:
    """What an option breaks besides the certified limits, one sentence each.

    Parameters
    ----------
    option : Option
    needs_groups : bool
        Whether its model asks for a sensitive attribute when it predicts.
    calibration : sequence of CalibrationLine
        What the sealed rows said of the proposed option's scores; they were asked of no other.
    policy : Policy or None
    """
    told = []
    if needs_groups and policy is not None and not policy.may_need_groups:
        told.append("It breaks the policy: it asks for a sensitive attribute.")
    if "proposed" in option.names:
        told += [
            f"It breaks the policy by more than chance: {line.rule[:1].lower()}{line.rule[1:]}."
            for line in calibration
            if line.verdict == "fail"
        ]
    return tuple(told)
