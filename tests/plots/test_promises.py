from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest

from faircore.errors import InputError
from faircore.frontier import Frontier, find_objective
from faircore.groups import Groups
from faircore.plots import generalisation_figure, promises_figure, save_figure
from tests.plots.clouds import of_one_method, of_two_methods

GROUPS = Groups.of({"a": ["x", "y"], "b": ["u", "v"]})


def _json(figure: go.Figure) -> dict[str, Any]:
    drawn: dict[str, Any] = json.loads(figure.to_json())
    return drawn


def _asked(targets: list[float | None], **changes: Any) -> Frontier:
    """Candidates asked for a gap each; None was asked for nothing."""
    frontier = of_two_methods()
    made = [
        replace(c, target=t, **changes) for c, t in zip(frontier.candidates, targets, strict=True)
    ]
    return replace(frontier, candidates=tuple(made), _shared={})


def _points(drawn: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Place, mark and words of each candidate by its id."""
    found = {}
    for trace in drawn["data"]:
        for i, (name, _) in enumerate(trace.get("customdata", [])):
            symbol = trace["marker"]["symbol"][i]
            found[name] = {
                "x": trace["x"][i], "y": trace["y"][i], "symbol": symbol,
                "told": trace["hovertext"][i],
            }  # fmt: skip
    return found


def test_a_broken_promise_is_hollow_and_above_the_line() -> None:
    frontier = _asked([0.0, 0.9, None, 0.1, 0.0, 0.9])
    points = _points(_json(promises_figure(frontier)))
    assert set(points) == {"id-0", "id-1", "id-4", "id-5"}  # id-3 has no model
    for name, point in points.items():
        k = frontier.position(name)
        assert point["x"] == frontier.candidates[k].target
        assert point["y"] == pytest.approx(frontier.values[k, 1], abs=1e-5)
        broken = point["y"] > point["x"]
        assert point["symbol"].endswith("-open") == broken
        assert point["told"].endswith("missed" if broken else "kept")
    assert {p["symbol"].removesuffix("-open") for p in points.values()} == {"circle", "diamond"}


def test_the_line_is_named_and_both_axes_have_one_range() -> None:
    drawn = _json(promises_figure(_asked([0.0, 0.4, None, 0.1, 0.0, 0.1])))
    (line,) = [t for t in drawn["data"] if t["name"] == "kept"]
    assert line["x"] == line["y"]
    layout = drawn["layout"]
    assert layout["xaxis"]["range"] == layout["yaxis"]["range"] == line["x"]
    assert [a["text"] for a in layout["annotations"]] == ["kept"]
    (worse,) = [t for t in drawn["data"] if t["name"] == "worse"]
    assert max(zip(worse["x"], worse["y"], strict=True), key=lambda p: p[1] - p[0])[1] == max(
        line["y"]
    )


def test_each_is_judged_by_the_gap_of_its_own_constraint() -> None:
    frontier = _asked([0.1] * 6, penalty="equalized_odds").view(disparity="accuracy_difference")
    points = _points(_json(promises_figure(frontier)))
    wanted = frontier.measure(find_objective("equalized_odds_difference", "sex"))
    for name, point in points.items():
        assert point["y"] == pytest.approx(wanted[frontier.position(name)], abs=1e-5)
        assert "Gap in either error by sex" in point["told"]


def _of_two_partitions(names: tuple[str, ...]) -> Frontier:
    """One candidate that selects x and y alike, and u far more than v."""
    cube = np.zeros((101, 4, 2, 2))
    cube[:, :2] = [[50, 50], [50, 50]]
    cube[:, 2] = [[20, 80], [20, 80]]
    cube[:, 3] = [[80, 20], [80, 20]]
    template = of_one_method().candidates[0]
    own = replace(template, cubes={"select": cube}, target=0.1, partitions=names)
    return Frontier((own,), GROUPS.partitions[:2], {"select": np.array([200] * 4)})


@pytest.mark.parametrize(("names", "gap"), [(("a",), 0.0), (("b",), 0.6), ((), 0.6)])
def test_the_largest_gap_over_its_own_partitions_counts(names: tuple[str, ...], gap: float) -> None:
    frontier = _of_two_partitions(names)
    (point,) = _points(_json(promises_figure(frontier))).values()
    assert point["y"] == pytest.approx(gap)


def test_intervals_stand_on_their_points() -> None:
    frontier = _asked([0.0, 0.9, None, 0.1, 0.0, 0.9])
    low, high = frontier.values[:, 1] - 0.02, frontier.values[:, 1] + 0.03
    drawn = _json(promises_figure(frontier, errors=(low, high)))
    bars = [t["error_y"] for t in drawn["data"] if "error_y" in t]
    assert [b for bar in bars for b in bar["array"]] == pytest.approx([0.03] * 4, abs=1e-4)
    assert [b for bar in bars for b in bar["arrayminus"]] == pytest.approx([0.02] * 4, abs=1e-4)
    with pytest.raises(InputError, match="each of the 6 candidates"):
        promises_figure(frontier, errors=(low[:2], high[:2]))


def test_without_a_promise_it_is_said_what_takes_one() -> None:
    drawn = _json(promises_figure(of_one_method()))
    assert drawn["data"] == []
    assert "was asked for a gap" in drawn["layout"]["annotations"][0]["text"]
    few = replace(_asked([0.1] * 6), min_people=10_000)
    drawn = _json(promises_figure(few))
    assert drawn["data"] == []
    assert "fewer than 10000" in drawn["layout"]["annotations"][0]["text"].replace("<br>", " ")


def test_another_threshold_than_the_methods_own_is_named() -> None:
    frontier = _asked([0.1] * 6)
    assert "threshold" not in str(promises_figure(frontier).layout.yaxis.title.text)
    other = promises_figure(frontier.view(threshold=0.4)).layout.yaxis.title.text
    assert "at threshold 0.40" in other.replace("<br>", " ")


def _of_two_splits() -> Frontier:
    """Two of the candidates were counted on train as another of them was on select."""
    frontier = of_one_method()
    made = list(frontier.candidates)
    for k in (0, 1):
        other = frontier.candidates[4 + k].cubes["select"]
        made[k] = replace(made[k], cubes={**made[k].cubes, "train": other})
    sizes = {**frontier.sizes, "train": frontier.sizes["select"]}
    return replace(frontier, candidates=tuple(made), sizes=sizes, _shared={})


@pytest.mark.parametrize("key", ["accuracy", "demographic_parity_difference", "auc"])
def test_splits_are_compared_where_both_were_counted(key: str) -> None:
    frontier = _of_two_splits()
    objective = find_objective(key, "sex")
    figure = generalisation_figure(frontier, objective=objective)
    points = _points(_json(figure))
    if key == "auc":  # no scores were kept
        assert not points
        assert "No model was measured" in figure.layout.annotations[0].text
        return
    here = frontier.measure(objective)
    assert set(points) == {"id-0", "id-1"}
    for k in (0, 1):
        point = points[f"id-{k}"]
        assert (point["x"], point["y"]) == pytest.approx((here[4 + k], here[k]), abs=1e-5)
        worse = objective.better * (here[k] - here[4 + k]) < 0
        assert point["symbol"].endswith("-open") == worse
        assert f"difference {objective.change_text(here[k] - here[4 + k])}" in point["told"]
    shade = next(t for t in figure.data if t.name == "worse")
    high, low = max(shade.x), min(shade.x)
    assert (shade.x[1], shade.y[1]) == ((high, low) if objective.better > 0 else (low, high))
    assert [a.text for a in figure.layout.annotations] == ["no difference"]


def test_the_second_objective_is_the_usual_one_and_splits_can_be_chosen() -> None:
    frontier = _of_two_splits()
    assert "Gap in selection by sex" in generalisation_figure(frontier).layout.xaxis.title.text
    same = _points(_json(generalisation_figure(frontier, ("select", "select"))))
    assert len(same) == 5
    assert all(p["x"] == p["y"] and not p["symbol"].endswith("-open") for p in same.values())
    absent = generalisation_figure(frontier, ("calibrate", "select"))
    assert len(absent.data) == 0


def test_names_are_escaped_and_the_same_call_gives_the_same_bytes(tmp_path: Path) -> None:
    frontier = _asked([0.1] * 6)
    names = {"id-0": "<b>zero"}
    for figure in (
        promises_figure(frontier, names=names),
        generalisation_figure(_of_two_splits(), names=names),
    ):
        told = figure.to_json()
        assert "&lt;b&gt;zero" in told
        assert "<b>" not in told.replace("\\u003c", "<").replace("\\u003e", ">")
    again = promises_figure(frontier, names=names).to_json()
    assert again == promises_figure(frontier, names=names).to_json()
    page = save_figure(promises_figure(frontier), tmp_path / "a.html").read_text(encoding="utf-8")
    assert "Gap that was asked for" in page
