"""Limits in a form, each as a percentage: those of a new policy, and every one that stands."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from faircore.decide import Advice, CalibrationLimit, Policy
from faircore.decide.drafting import as_stood
from faircore.decide.interview import FOUR_FIFTHS, GAP, RATIO
from faircore.frontier import find_objective
from faircore.frontier.objectives import BETWEEN

LEAST, MOST = 0.1, 99.9  # percent: no test can show a limit of 0 or 1 to be kept
ACCURACY = "accuracy"
HELP = {
    "gap": "5 points, or 10 where there are few people, are usual.",
    RATIO: "Four fifths, 80%, is the rule of thumb of US employment guidance.",
}


def limit_fields(
    definition: str,
    names: Sequence[str],
    partitions: Sequence[str],
    *,
    key: str,
    advice: Advice | None = None,
    old: Policy | None = None,
) -> dict[str, float | None]:
    """Worst value of every limit by its key, None where a field is empty.

    Limits of the definition, of the ratio and of accuracy have their places; whatever else the
    policy limits follows, so that nothing that stood is lost unseen.
    """
    before = {x.key: x.at for x in old.limits} if old else {}
    found: dict[str, float | None] = {}
    shown = list(dict.fromkeys((definition, RATIO)))
    columns = st.columns(3, gap="large")
    for place, measure in zip(columns[-len(shown) - 1 :], shown, strict=False):
        usual = GAP if measure != RATIO else FOUR_FIFTHS
        wanted = measure == definition or (advice is not None and advice.four_fifths)
        with place:
            own = _of_each(measure, partitions, before, usual if wanted else None, key=key)
        # Between the groups of a partition that is no longer chosen nothing is limited.
        found.update({f"{measure}{BETWEEN}{n}": own.get(n) for n in names})
    with columns[-1]:
        found[ACCURACY] = share_field(
            "Accuracy at least, %", before.get(ACCURACY), key=f"{key}-floor"
        )
    others = [k for k in before if k not in found]
    if others:
        st.markdown("**Other limits that stand**")
    columns = st.columns(3, gap="large")
    for place, other in enumerate(others):
        with columns[place % 3]:
            found[other] = share_field(_text(other), before[other], key=f"{key}-{other}")
    return {k: at for k, at in found.items() if at is not None or k in before}


def _of_each(
    measure: str,
    partitions: Sequence[str],
    before: dict[str, float],
    usual: float | None,
    *,
    key: str,
) -> dict[str, float | None]:
    """One field for all partitions; one for each where what stands differs among them."""
    of = {k: k.partition(BETWEEN)[2] for k in before}
    stood = {n: before.get(f"{measure}{BETWEEN}{n}") for n in partitions if n in of.values()}
    text = "Ratio of selection at least, %" if measure == RATIO else "Gap at most, points"
    help_text = HELP[RATIO if measure == RATIO else "gap"]
    if len(set(stood.values())) > 1:
        fields = {}
        for name in partitions:
            key_of = f"{measure}{BETWEEN}{name}"
            fields[name] = share_field(
                _text(key_of), before.get(key_of), key=f"{key}-{key_of}", help=help_text
            )
        return fields
    known = [at for k, at in before.items() if k.partition(BETWEEN)[0] == measure]
    first = next((at for at in (*stood.values(), *known) if at is not None), usual)
    at = share_field(text, first, key=f"{key}-{measure}", help=help_text)
    return dict.fromkeys(partitions, at)


def _text(key: str) -> str:
    """Label of a limit's own field, such as ``Gap in selection by sex at most, points``."""
    objective = find_objective(key)
    way = "at least, %" if objective.better > 0 else "at most, points"
    return f"{objective.full_title} {way}"


def calibration_fields(
    partitions: Sequence[str], standing: CalibrationLimit | None, *, wanted: bool, key: str
) -> CalibrationLimit | None:
    """How far scores may be off, of the groups that were named before, or of the first chosen."""
    usual = CalibrationLimit()
    first, second = st.columns(2, gap="large")
    with first:
        error = share_field(
            "Calibration error of every group at most, %",
            (standing or usual).error if wanted else None, key=f"{key}-error",
            help="Judged by the estimate and said with its chance; no certificate covers it.",
        )  # fmt: skip
    with second:
        apart = share_field(
            "Calibration errors of groups apart at most, points", (standing or usual).apart,
            key=f"{key}-apart", placeholder="as it was",
        )  # fmt: skip
    if error is None:
        return None
    apart = (standing or usual).apart if apart is None else apart
    if standing is not None:
        return CalibrationLimit(
            as_stood(error, standing.error), as_stood(apart, standing.apart), standing.partition
        )
    return CalibrationLimit(error, apart, partitions[0]) if partitions else None


def share_field(text: str, at: float | None, *, key: str, **more: Any) -> float | None:
    """A share as a percentage that can be emptied; None where it is."""
    least, most = LEAST, MOST
    if at is not None and 0 < at < 1:  # what stands may lie nearer to 0 or 1 than usual
        least, most = min(least, 100 * at), max(most, 100 * at)
    # A field that starts with a value of its own cannot be emptied; one that is given it can.
    if key not in st.session_state:
        st.session_state[key] = None if at is None else min(max(100 * at, least), most)
    more = {"placeholder": "no limit", **more}
    given = st.number_input(text, least, most, None, 0.5, key=key, format="%g", **more)
    return None if given is None else given / 100
