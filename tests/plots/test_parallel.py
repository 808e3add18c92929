from __future__ import annotations

import json
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from faircore.errors import InputError
from faircore.frontier import Frontier, find_objective
from faircore.plots import parallel_figure
from tests.plots.clouds import GAP, of_one_method, of_two_methods


def _drawn(frontier: Frontier, **asked: Any) -> dict[str, Any]:
    drawn: dict[str, Any] = json.loads(parallel_figure(frontier, **asked).to_json())
    return drawn


def _lines(drawn: dict[str, Any]) -> dict[str, dict[str, list[float | None]]]:
    """Heights of each candidate by its id, by trace."""
    found: dict[str, dict[str, list[float | None]]] = {}
    for trace in drawn["data"]:
        own = found.setdefault(trace["name"], {})
        for (name, _), x, y in zip(trace["customdata"], trace["x"], trace["y"], strict=True):
            if x is not None:
                own.setdefault(name, []).append(y)
    return found


def test_up_is_better_on_every_axis() -> None:
    frontier = of_one_method().view(third="demographic_parity_ratio")
    lines = _lines(_drawn(frontier))
    every = {name: heights for own in lines.values() for name, heights in own.items()}
    assert set(every) == {f"id-{k}" for k in (0, 1, 2, 4, 5)}
    for m, objective in enumerate(frontier.objectives):
        ranked = sorted(
            every, key=lambda i: objective.better * frontier.values[frontier.position(i), m]
        )
        heights = [every[name][m] for name in ranked]
        assert heights[0] == 0
        assert heights[-1] == 1
        assert all(a <= b for a, b in pairwise(heights))
    strengths = sorted(every, key=lambda i: frontier.candidates[frontier.position(i)].strength)
    assert [every[name][-1] for name in strengths] == [0, 0.25, 0.5, 0.75, 1]


def test_ends_are_told_in_the_objectives_own_words() -> None:
    frontier = of_one_method()
    layout = _drawn(frontier)["layout"]
    gap = frontier.objectives[1]
    shown = frontier.values[np.isfinite(frontier.values).all(axis=1), 1]
    at_gap = {a["y"]: a["text"] for a in layout["annotations"] if a["x"] == 1}
    assert at_gap == {0: gap.text(shown.max()), 1: gap.text(shown.min())}
    assert layout["xaxis"]["ticktext"][0] == "Accuracy"
    assert layout["yaxis"]["title"]["text"] == "Up is better"


def test_styles_tell_front_beaten_and_left_out() -> None:
    frontier = of_one_method()
    kept = np.array([True, False, True, True, True, False])
    lines = _lines(_drawn(frontier, kept=kept))
    assert set(lines["left out"]) == {"id-1", "id-5"}
    best = {frontier.candidates[k].id for k in frontier.front}
    assert set(lines["front"]) == best - {"id-1", "id-5"}
    assert set(lines["beaten"]) == {"id-0", "id-2", "id-4"} - best
    traces = {t["name"]: t for t in _drawn(frontier, kept=kept)["data"]}
    assert traces["left out"]["line"]["dash"] == "dot"
    assert traces["left out"]["marker"]["symbol"] == "circle-open"
    assert traces["front"]["line"]["width"] > traces["beaten"]["line"]["width"]


def test_lines_are_cut_between_candidates() -> None:
    for trace in _drawn(of_one_method())["data"]:
        assert trace["x"] == [0, 1, 2, None] * (len(trace["x"]) // 4)
        assert all(y is None for y in trace["y"][3::4])


def test_ranges_leave_out_and_are_marked() -> None:
    frontier = of_one_method()
    shown = np.sort(frontier.values[np.isfinite(frontier.values).all(axis=1), 1])
    drawn = _drawn(frontier, ranges={GAP: (float(shown[1]), float(shown[3]))})
    outside = {
        c.id
        for c, v in zip(frontier.candidates, frontier.values[:, 1], strict=True)
        if v < shown[1] or v > shown[3]
    }
    assert set(_lines(drawn)["left out"]) == outside
    assert len(outside) == 2
    (thick,) = [s for s in drawn["layout"]["shapes"] if s["line"]["width"] > 2]
    span = shown[-1] - shown[0]
    assert thick["x0"] == 1
    assert sorted([thick["y0"], thick["y1"]]) == pytest.approx(
        [(shown[-1] - shown[3]) / span, (shown[-1] - shown[1]) / span]
    )


def test_other_objectives_and_those_without_values() -> None:
    frontier = of_one_method()
    objectives = [
        find_objective(key, "sex")
        for key in ("accuracy", "auc", "equalized_odds_difference", "predictive_parity_difference")
    ]
    drawn = _drawn(frontier, objectives=objectives)
    lines = _lines(drawn)
    assert all(len(own) == 5 for trace in lines.values() for own in trace.values())
    # There are no scores here: the line has a gap on that axis.
    assert all(own[1] is None for trace in lines.values() for own in trace.values())
    assert "no value" in [a["text"] for a in drawn["layout"]["annotations"]]


def test_strengths_of_several_methods_have_an_order_each() -> None:
    frontier = of_two_methods()
    drawn = _drawn(frontier)
    every = {name: h for own in _lines(drawn).values() for name, h in own.items()}
    assert [every[f"id-{k}"][-1] for k in (0, 2, 4)] == [0, 0.5, 1]
    assert [every[f"id-{k}"][-1] for k in (1, 5)] == [0, 1]
    assert {"lowest", "highest"} <= {a["text"] for a in drawn["layout"]["annotations"]}


def test_one_candidate_is_a_line_half_way_up() -> None:
    frontier = of_one_method()
    alone = frontier.only(np.arange(6) == 0)
    assert _lines(_drawn(alone))["front"]["id-0"] == [0.5, 0.5, 0.5]


def test_nothing_to_draw_is_said() -> None:
    lost = of_one_method().only(np.arange(6) == 3)
    drawn = _drawn(lost)
    assert drawn["data"] == []
    assert "No model has a value" in drawn["layout"]["annotations"][0]["text"]


def test_names_are_escaped_and_the_same_call_gives_the_same_bytes() -> None:
    frontier = of_one_method()
    evil = replace(frontier.candidates[0], method="<b>0")
    frontier = replace(frontier, candidates=(evil, *frontier.candidates[1:]), _shared={})
    first = parallel_figure(frontier).to_json()
    assert first == parallel_figure(frontier).to_json()
    assert "&lt;b&gt;0" in first
    assert "<b>" not in first.replace("\\u003c", "<").replace("\\u003e", ">")


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"kept": np.ones(3, bool)}, "kept must have one entry for each of the 6"),
        ({"ranges": {"auc": (0, 1)}}, "'auc', which is not drawn"),
    ],
)
def test_what_does_not_fit_is_refused(asked: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        parallel_figure(of_one_method(), **asked)
