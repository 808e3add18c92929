from __future__ import annotations

import json
from typing import Any

import pytest

from faircore.frontier import Frontier
from faircore.plots import frontier_figure
from tests.plots.clouds import (
    of_one_method,
    of_two_methods,
)


def _traces(frontier: Frontier) -> tuple[dict[str, Any], dict[str, Any]]:
    """The traces named beaten and front, whatever their order."""
    by_name = {t["name"]: t for t in json.loads(frontier_figure(frontier).to_json())["data"]}
    assert set(by_name) == {"beaten", "front"}
    return by_name["beaten"], by_name["front"]


def test_the_same_frontier_gives_the_same_bytes() -> None:
    first = frontier_figure(of_one_method()).to_json()
    assert frontier_figure(of_one_method()).to_json() == first
    assert frontier_figure(of_one_method().view(threshold=0.5)).to_json() == first
    assert frontier_figure(of_one_method().view(threshold=0.4)).to_json() != first


@pytest.mark.parametrize("disparity", ["demographic_parity_difference", "demographic_parity_ratio"])
def test_each_point_carries_the_id_of_its_candidate(disparity: str) -> None:
    frontier = of_one_method().view(disparity=disparity)
    beaten, front = _traces(frontier)
    shown = {}
    for trace in (beaten, front):
        for x, y, (name, called) in zip(trace["x"], trace["y"], trace["customdata"], strict=True):
            shown[name] = (x, y)
            candidate = frontier.candidates[frontier.position(name)]
            assert called.endswith(f"strength {candidate.strength:g}, seed {candidate.seed}")
    # Everything but the candidate that failed.
    assert set(shown) == {f"id-{k}" for k in (0, 1, 2, 4, 5)}
    for name, (x, y) in shown.items():
        accuracy, gap = frontier.values[frontier.position(name)]
        assert (x, y) == pytest.approx((gap, accuracy), abs=1e-5)
    assert [c[0] for c in front["customdata"]] == [
        frontier.candidates[k].id for k in frontier.front
    ]
    assert "lines" in front["mode"]
    assert "lines" not in beaten["mode"]


def test_axes_say_what_they_show_and_which_way_is_better() -> None:
    layout = json.loads(frontier_figure(of_one_method()).to_json())["layout"]
    assert "sex" in layout["xaxis"]["title"]["text"]
    assert "lower is better" in layout["xaxis"]["title"]["text"]
    ratio = frontier_figure(of_one_method().view(disparity="demographic_parity_ratio"))
    assert "higher is better" in ratio.layout.xaxis.title.text
    assert "higher is better" in layout["yaxis"]["title"]["text"]


def test_a_frontier_without_a_usable_candidate_is_an_empty_figure() -> None:
    frontier = of_one_method()
    lost = Frontier((frontier.candidates[3],), frontier.partitions, frontier.sizes)
    beaten, front = _traces(lost)
    assert beaten["x"] == front["x"] == []


def test_methods_have_a_mark_each_and_one_line_joins_the_unbeaten() -> None:
    frontier = of_two_methods()
    traces = json.loads(frontier_figure(frontier).to_json())["data"]
    assert [t["name"] for t in traces] == ["Penalised networks", "Penalised trees", "front"]
    assert traces[0]["marker"]["symbol"] != traces[1]["marker"]["symbol"]
    shown = [c[0] for trace in traces[:2] for c in trace["customdata"]]
    assert sorted(shown) == [f"id-{k}" for k in (0, 1, 2, 4, 5)]
    for trace in traces[:2]:
        for (name, _), opacity in zip(trace["customdata"], trace["marker"]["opacity"], strict=True):
            assert (opacity == 1) == frontier.non_dominated[frontier.position(name)]
    assert [c[0] for c in traces[2]["customdata"]] == [
        frontier.candidates[k].id for k in frontier.front
    ]
    assert frontier_figure(frontier).layout.showlegend


def test_names_from_the_data_are_escaped() -> None:
    figure = frontier_figure(of_one_method(), names={"id-0": "<b>0</b>"}).to_json()
    assert "<b>0" not in figure.replace("\\u003c", "<")
