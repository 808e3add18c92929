"""Choosing among candidates: the order they are shown in and what is selected."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import streamlit as st

from faircore.decide import standing_policy
from faircore.errors import FaircoreError
from faircore.frontier import Frontier
from faircore.frontier.objectives import BETWEEN
from faircore.methods import METHODS
from faircore.plots import METHOD_NAMES
from faircore.records import Review, trained_view, trial_ids
from pages.components.frontier_view import view_of
from pages.components.loading import frontier_of
from pages.components.session import BEST, ReviewSession, session
from pages.components.view_link import restore
from pages.components.words import is_plain, labels, path_order

BEST_TITLE = "The unbeaten models, from the best performance to the most equal"
MOVED = "along-moved"
MOST_STOPS = 200
"""Of the slider: more would be under a millimetre apart, and each is sent with every move."""


def current_view(review: Review) -> Frontier:
    """The review's frontier in the view of this session; stops while no model is ready."""
    try:
        frontier = frontier_of(review)
    except FaircoreError as error:
        st.error(str(error))
        st.stop()
    if frontier is None:
        st.write("No model is ready yet. The training page shows how far it is.")
        if st.button("See the training", type="primary"):
            st.switch_page("train.py")
        st.stop()
    current = session()
    if current.partition not in [p.name for p in frontier.partitions]:
        first = trained_view(review, frontier)
        current.disparity, current.partition = first.disparity, first.partition
    _follow_policy(review, current)
    restore(frontier, current)
    return view_of(frontier, current)


def _follow_policy(review: Review, current: ReviewSession) -> None:
    """Look at what a locked policy speaks of, with its limits drawn; once for each version."""
    standing = standing_policy(review)
    if standing is None or current.limits_of == standing.policy.sha256:
        return
    policy = standing.policy
    current.limits_of = policy.sha256
    current.limits = {limit.key: limit.at for limit in policy.limits}
    current.no_groups = not policy.may_need_groups
    first = next(limit for limit in policy.limits if limit.key.startswith(policy.definition))
    current.disparity, _, current.partition = first.key.partition(BETWEEN)


def decision_view(review: Review) -> Frontier:
    """Every candidate in the view a decision is made in: a performance and a gap, of decisions.

    What the page compares by may be scores or worth; the sealed rows are counted, and told, in
    decisions.
    """
    seen = current_view(review)
    view = seen.of_decisions()
    whole = (frontier_of(review) or seen).candidates
    return replace(view, candidates=whole, among=(), _shared={})


def shown_order(frontier: Frontier) -> list[int]:
    """Positions of the candidates that can be shown, in the order of the slider."""
    shown = np.flatnonzero(np.isfinite(frontier.values).all(axis=1)).tolist()
    return sorted(shown, key=lambda k: path_order(frontier.candidates[k]))


def plainest(frontier: Frontier) -> int | None:
    """Position of the best plain model, of which nothing was asked: what there would be anyway."""
    shown = shown_order(frontier)
    trained = [k for k in shown if not METHODS[frontier.candidates[k].method].changes_one]
    plain = [k for k in trained if is_plain(frontier.candidates[k])] or shown
    sign = frontier.directions[0]
    return max(plain, key=lambda k: sign * float(frontier.values[k, 0]), default=None)


def selected_position(frontier: Frontier, order: list[int]) -> int:
    """Position of the selected candidate; until somebody chooses, the most accurate plain one."""
    current = session()
    for k in order:
        if frontier.candidates[k].id == current.candidate:
            return k
    first = plainest(frontier)
    first = order[0] if first is None else first
    if not current.candidate:  # one that a filter hides comes back when the filter goes
        current.candidate = frontier.candidates[first].id
    return first


class Path(NamedTuple):
    """Models a slider runs along: what its stops are, and their positions in order."""

    title: str
    positions: list[int]


def choose_path(frontier: Frontier, order: list[int], position: int) -> tuple[Path, int]:
    """The models a slider runs along, and the selected one, which is always among them.

    A model picked elsewhere takes the slider to its own kind; a kind picked here takes the
    selection to its model nearest to the one before.
    """
    kinds: dict[str, list[int]] = {}
    for k in order:
        kinds.setdefault(frontier.candidates[k].method, []).append(k)
    if len(kinds) == 1:
        (method,) = kinds
        return spaced(Path(METHODS[method].strength, order), position), position
    paths = {BEST: Path(BEST_TITLE, [int(k) for k in frontier.front])}
    paths |= {m: Path(METHODS[m].strength, own) for m, own in kinds.items()}
    current = session()
    if current.along not in paths:
        current.along = BEST
    along = paths[current.along].positions
    if position not in along:
        if st.session_state.pop(MOVED, False):
            span = np.fmax(np.ptp(frontier.values[order], axis=0), 1e-12)  # each in its own unit
            away = np.abs((frontier.values[along] - frontier.values[position]) / span).sum(axis=1)
            position = along[int(away.argmin())]
            current.candidate = frontier.candidates[position].id
        else:
            current.along = frontier.candidates[position].method
    return spaced(paths[current.along], position), position


def spaced(path: Path, position: int) -> Path:
    """A path with few enough stops, evenly apart, the selected model always among them."""
    whole = len(path.positions)
    if whole <= MOST_STOPS:
        return path
    places = np.linspace(0, whole - 1, MOST_STOPS - 1).astype(int).tolist()
    places = sorted({*places, path.positions.index(position)})
    title = f"{path.title} ({len(places)} stops for {whole:,} models)"
    return Path(title, [path.positions[place] for place in places])


def path_control(frontier: Frontier, order: list[int]) -> None:
    """Ask along which models the slider runs, where there is a choice."""
    kinds = dict.fromkeys(frontier.candidates[k].method for k in order)
    if len(kinds) == 1:
        return
    current = session()

    def take() -> None:
        current.along = st.session_state["along"]
        st.session_state[MOVED] = True

    st.session_state["along"] = current.along
    st.selectbox(
        "Slide along", [BEST, *kinds], key="along", on_change=take,
        format_func=lambda name: "The unbeaten models" if name == BEST else METHOD_NAMES[name],
    )  # fmt: skip


def choose_model(
    frontier: Frontier, order: list[int], *, key: str, then: Callable[[], None] | None = None
) -> None:
    """A list of the models that does what clicking a point does, and ``then`` what follows.

    Its options are ids and their names do not depend on the view: a late answer of the browser
    then never names something that is no longer on the list.
    """
    names = labels(frontier)

    def take() -> None:
        if st.session_state[key] in names:
            session().candidate = st.session_state[key]
            session().cut_by = ""
            if then is not None:
                then()

    # The list follows clicks and the slider, so its own memory must not win.
    st.session_state[key] = frontier.candidates[selected_position(frontier, order)].id
    st.selectbox(
        "Model", [frontier.candidates[k].id for k in order], key=key, on_change=take,
        format_func=lambda i: names.get(i, i),
    )  # fmt: skip


def missing_models(review: Review, frontier: Frontier) -> int:
    """How many models the review asked for are not there."""
    return len(trial_ids(review)) - len(frontier.candidates)
