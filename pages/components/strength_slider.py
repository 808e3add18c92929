"""A slider along the frontier that moves in the browser and commits on release."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import streamlit as st

HERE = Path(__file__).parent
HTML = """
<div class="slider">
  <div class="head">
    <label for="range"></label>
    <span class="readout" aria-hidden="true"><b></b> <span></span></span>
  </div>
  <input id="range" type="range" min="0" step="1" autocomplete="off" />
  <div class="ends" aria-hidden="true"><span></span><span></span></div>
</div>
"""

_mount = st.components.v2.component(
    "faircore_strength_slider",
    html=HTML,
    css=(HERE / "strength_slider.css").read_text(encoding="utf-8"),
    js=(HERE / "strength_slider.js").read_text(encoding="utf-8"),
)


@dataclass(frozen=True)
class Stop:
    """One stop of the slider: its texts, and its point in the chart's data coordinates."""

    label: str
    readout: str
    x: float
    y: float


def strength_slider(
    stops: Sequence[Stop],
    *,
    index: int,
    chart_key: str | None = None,
    label: str,
    key: str,
    on_commit: Callable[[int], None] | None = None,
) -> int:
    """Show the slider at ``stops[index]`` and return the index to go on with.

    Dragging moves the readout and a ring over the chart in the browser alone; letting go of
    the mouse or the key reruns the script once. That run returns the new index, every other
    run returns ``index``: the caller keeps the truth and the slider follows it.

    Parameters
    ----------
    stops
        The stops in the order of their strength; at least one.
    index
        The stop that is selected now.
    chart_key
        The key of the ``st.plotly_chart`` on the same page that carries the ring.
    label
        What is being chosen, in words.
    key
        The key of this slider, unique on the page.
    on_commit
        Called with the new index before the script reruns, as widget callbacks are, so that
        what stands above the slider is already drawn from it.

    Raises
    ------
    IndexError
        If there are no stops or ``index`` points outside them.
    """
    if not 0 <= index < len(stops):
        raise IndexError(f"slider {key!r}: index {index} is outside its {len(stops)} stops")
    seen_key = f"{key}:seen"

    def note_commit() -> None:
        number, chosen = _read(st.session_state[key].get("commit"), len(stops))
        # The browser numbers its commits and hears back the last one seen, so that the
        # answer to an earlier commit cannot pull the thumb back from a later one.
        if number is not None:
            st.session_state[seen_key] = number
        if chosen is not None and on_commit is not None:
            on_commit(chosen)

    result = _mount(
        key=key,
        data={
            "stops": [vars(stop) for stop in stops],
            "index": index,
            "label": label,
            "chartKey": chart_key,
            "seen": st.session_state.get(seen_key, 0),
        },
        on_commit_change=note_commit,
    )
    _, chosen = _read(result.get("commit"), len(stops))
    return index if chosen is None else chosen


def _read(commit: Any, n_stops: int) -> tuple[int | None, int | None]:
    """Number and index of a commit, None where they cannot be true: a browser sends anything."""
    if not isinstance(commit, dict):
        return None, None
    number, index = commit.get("number"), commit.get("index")
    return (
        number if type(number) is int else None,
        index if type(index) is int and 0 <= index < n_stops else None,
    )
