"""What is looked at on the Calibration page, and how it is to be calibrated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import streamlit as st

from faircore.groups import Partition
from faircore.methods.calibrated import MAPS, CalibrationConfig
from faircore.records import Review
from pages.components.session import session

AS_IS = "none"
SCOPE_TITLES = {
    AS_IS: "Not at all",
    "everybody": "One calibrator for everybody",
    "groups": "One per group",
    "features": "By the features alone (group-blind)",
}
KIND_TITLES = {
    "automatic": "Automatic",
    "platt": "Platt",
    "isotonic": "Isotonic",
    "temperature": "Temperature",
    "beta": "Beta",
}
KIND_WORDS = {
    "automatic": "Takes the simplest that fits: Platt where people are few, steps where many are.",
    "platt": "Stretches and shifts the log-odds of the score: two numbers.",
    "isotonic": "Steps that only rise. Follows any shape, and needs about 1,000 people.",
    "temperature": "Stretches the log-odds: one number. It cannot repair a group that is promised "
    "too much or too little on average.",
    "beta": "Bends low and high scores apart: three numbers.",
}
assert set(KIND_TITLES) == set(MAPS)


@dataclass(frozen=True)
class View:
    """How scores are gathered and drawn, and what is asked of them; limits in [0, 1]."""

    bins: int
    equal_width: bool
    overlay: bool
    limit: float
    gap_limit: float


def _pick(name: str) -> None:
    setattr(session(), f"calibrate_{name}", st.session_state[f"calibrate-{name}"])


def _choice(place: Any, title: str, name: str, options: Sequence[str], **more: Any) -> str:
    """A list whose choice stays when the page is left; the first where the last one is gone."""
    current = session()
    if getattr(current, f"calibrate_{name}") not in options:
        setattr(current, f"calibrate_{name}", options[0])
    chosen: str = getattr(current, f"calibrate_{name}")
    place.selectbox(
        title, options, key=f"calibrate-{name}", index=list(options).index(chosen),
        on_change=_pick, args=(name,), **more,
    )  # fmt: skip
    return chosen


def choose_model(models: dict[str, str]) -> str:
    """Whose score; the candidate of the other pages until somebody chooses another."""
    current = session()
    if current.calibrate_model not in models and current.candidate in models:
        current.calibrate_model = current.candidate
    return _choice(st, "Score of", "model", list(models), format_func=lambda m: models.get(m, m))


def choose_partition(partitions: tuple[Partition, ...], place: Any) -> str:
    """Between whose groups; the crossing of most attributes first."""
    widest = max(partitions, key=lambda p: len(p.attributes)).name
    names = [p.name for p in partitions]
    current = session()
    if current.calibrate_partition not in names:
        current.calibrate_partition = widest
    return _choice(place, "Groups of", "partition", names)


def choose_calibration(
    review: Review,
    model: str,
    partitions: tuple[Partition, ...],
    places: Sequence[Any],
    *,
    made: bool,
) -> CalibrationConfig | None:
    """How the score is to be calibrated; ``None`` as it is, which may be ``made`` calibrated."""
    scopes = [s for s in SCOPE_TITLES if s != "features" or review.data_spec.features]
    titles = SCOPE_TITLES | ({AS_IS: "As this candidate is"} if made else {})
    scope = _choice(places[0], "Calibrate", "scope", scopes, format_func=titles.__getitem__)
    if scope == AS_IS:
        return None
    config = CalibrationConfig(source=model, scope=scope)
    if scope == "features":
        places[1].caption(
            "Boosted trees correct what the features and the score can tell. The groups are "
            "watched while it is fitted, and never asked for when somebody is scored."
        )
        return config
    kind = _choice(
        places[1], "Calibrator", "kind", list(KIND_TITLES), format_func=KIND_TITLES.__getitem__,
        help="\n".join(f"- **{KIND_TITLES[k]}**: {text}" for k, text in KIND_WORDS.items()),
    )  # fmt: skip
    config = replace(config, calibrator=kind)
    if scope == "groups":
        names = sorted(partitions, key=lambda p: -len(p.attributes))
        by = _choice(places[2], "One per group of", "by", [p.name for p in names])
        config = replace(config, attributes=next(p.attributes for p in partitions if p.name == by))
    return config


def choose_view() -> View:
    """Number and kind of the bins, how the diagram is laid out, and the limits."""
    current = session()
    left, middle, right, limit, gap = st.columns([4, 6, 4, 3, 3], vertical_alignment="bottom")
    left.slider(
        "Bins at most", 2, 30, current.calibrate_bins, key="calibrate-bins",
        on_change=_pick, args=("bins",),
        help="Each holds ten people at least, so a small group has fewer.",
    )  # fmt: skip
    current.calibrate_width = _toggle(
        middle, "Bins of equal", "width", {False: "people", True: "width"}
    )
    current.calibrate_overlay = _toggle(
        right, "Show groups", "overlay", {False: "apart", True: "together"}
    )
    limit.number_input(
        "Limit of ECE", 0.0, 100.0, current.calibrate_limit, 0.5, format="%g",
        key="calibrate-limit", on_change=_pick, args=("limit",),
        help="Points that scores may be off by on average, in each group.",
    )  # fmt: skip
    gap.number_input(
        "Limit of its gap", 0.0, 100.0, current.calibrate_gap, 0.5, format="%g",
        key="calibrate-gap", on_change=_pick, args=("gap",),
        help="Points that the errors of two groups may lie apart.",
    )  # fmt: skip
    return View(
        current.calibrate_bins, current.calibrate_width, current.calibrate_overlay,
        current.calibrate_limit / 100, current.calibrate_gap / 100,
    )  # fmt: skip


def _toggle(place: Any, title: str, name: str, names: dict[bool, str]) -> bool:
    now: bool = getattr(session(), f"calibrate_{name}")
    picked = place.segmented_control(
        title, list(names), key=f"calibrate-{name}", default=now, format_func=names.__getitem__,
        required=True,
    )  # fmt: skip
    return bool(picked)
