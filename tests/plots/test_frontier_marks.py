from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from faircore.errors import InputError
from faircore.frontier import Limit, families, keeps
from faircore.groups import Groups
from faircore.metrics.costs import Costs
from faircore.plots import frontier_figure, save_figure
from faircore.plots.places import Places
from tests.plots.clouds import (
    GAP,
    drawn_as,
    median_limit,
    of_one_method,
    of_seeds,
    of_two_methods,
    trace_of,
)


def test_everything_at_once_is_the_same_to_the_byte() -> None:
    frontier = of_two_methods()
    limit = median_limit(frontier)
    asked: dict[str, Any] = {
        "limits": (limit, median_limit(frontier, 0)),
        "kept": keeps(frontier, (limit,)),
        "starred": int(frontier.front[0]),
        "errors": (frontier.values - 0.01, frontier.values + 0.01),
        "band": (np.array([0.1, 0.2]), np.array([0.5, 0.6]), np.array([0.6, 0.7])),
        "families": families(frontier),
        "title": "A finding",
    }
    assert (
        frontier_figure(frontier, **asked).to_json()
        == frontier_figure(of_two_methods(), **asked).to_json()
    )


def test_limits_are_named_shaded_on_the_forbidden_side_and_in_the_picture() -> None:
    frontier = of_one_method()
    at = float(np.nanmin(frontier.values[:, 1])) - 0.005
    layout = drawn_as(frontier, limits=(Limit(GAP, at), Limit("accuracy", 0.99)))["layout"]
    texts = [a["text"] for a in layout["annotations"]]
    assert texts[0] == f"at most {100 * at:.1f} points"
    assert texts[1].endswith("at least 99.0%")
    (line,) = [s for s in layout["shapes"] if s["type"] == "line"]  # the other lies outside
    assert line["x0"] == line["x1"] == at
    assert layout["xaxis"]["range"][0] <= at
    across, up = [s for s in layout["shapes"] if s["type"] == "rect"]
    assert across["x0"] == at
    assert across["x1"] > layout["xaxis"]["range"][1]
    assert up["y0"] == 0.99
    assert up["y1"] < layout["yaxis"]["range"][0]
    assert texts[1].startswith("↑")


def test_limits_on_other_objectives_draw_nothing_but_grey() -> None:
    frontier = of_one_method()
    limit = Limit("equalized_odds_difference", 0.0)
    drawn = drawn_as(frontier, limits=(limit,), kept=keeps(frontier, (limit,)))
    assert "shapes" not in drawn["layout"]
    assert len(trace_of(drawn, "breaks a limit")["x"]) == 5
    assert "breaks: gap in either error by sex at most 0.0 points" in str(
        trace_of(drawn, "breaks a limit")["hovertext"]
    )


def test_a_label_stands_on_the_side_without_points() -> None:
    frontier = of_one_method()
    # The gap with the most accurate candidate: that point is at the upper end of the line.
    best = int(np.nanargmax(frontier.values[:, 0]))
    limit = Limit(GAP, float(frontier.values[best, 1]))
    layout = drawn_as(frontier, limits=(limit,))["layout"]
    low, high = layout["yaxis"]["range"]
    (label,) = layout["annotations"]
    height = layout["height"] - layout["margin"]["t"] - layout["margin"]["b"]
    # The label takes 20 pixels of the strip that is kept free.
    free = (high - frontier.values[best, 0]) / (high - low) * height
    assert label["y"] == 1
    assert free >= 20 + 6


@pytest.mark.parametrize("methods", [1, 2])
def test_greyed_points_are_hollow_keep_their_mark_and_can_be_clicked(methods: int) -> None:
    frontier = of_one_method() if methods == 1 else of_two_methods()
    limit = median_limit(frontier)
    kept = keeps(frontier, (limit,))
    drawn = drawn_as(frontier, limits=(limit,), kept=kept)
    grey = trace_of(drawn, "breaks a limit")
    ids = {frontier.candidates[k].id for k in np.flatnonzero(~kept) if k != 3}
    assert {c[0] for c in grey["customdata"]} == ids
    assert grey.get("hoverinfo") != "skip"
    symbols = grey["marker"]["symbol"]
    symbols = [symbols] * len(ids) if isinstance(symbols, str) else symbols
    for (name, _), symbol in zip(grey["customdata"], symbols, strict=True):
        method = frontier.candidates[frontier.position(name)].method
        assert symbol == ("circle-open" if method == "regularized" else "diamond-open")
    assert all("breaks: gap in selection by sex at most" in h for h in grey["hovertext"])
    # Elsewhere they have no mark, but the line goes on through them.
    front = trace_of(drawn, "front")
    assert [c[0] for c in front["customdata"]] == [
        frontier.candidates[k].id for k in frontier.front
    ]
    if methods == 1:
        sizes = dict(zip([c[0] for c in front["customdata"]], front["marker"]["size"], strict=True))
        assert {i for i, size in sizes.items() if size == 0} == ids & set(sizes)
        assert not ids & {c[0] for c in trace_of(drawn, "beaten")["customdata"]}


def test_a_method_without_a_kept_point_stays_in_the_legend() -> None:
    frontier = of_two_methods()
    kept = np.array([c.method == "boosted" for c in frontier.candidates])
    first = drawn_as(frontier, kept=kept)["data"][0]
    assert first["name"] == "Penalised networks"
    assert first["x"] == [None]


def test_a_word_avoids_the_unbeaten_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """The ring of the selected one may stand on any of them."""
    seen: list[Places] = []

    def noted(*given: Any) -> Places:
        seen.append(Places(*given))
        return seen[-1]

    monkeypatch.setattr("faircore.plots.frontier.Places", noted)
    frontier = of_one_method()
    drawn_as(frontier)
    marks = list(zip(seen[0].x, seen[0].y, strict=True))
    beaten = {k for k in range(len(frontier.candidates)) if k not in frontier.front}
    for k, (up, across) in enumerate(frontier.values[:, :2].tolist()):
        if np.isfinite(up) and list(map(tuple, frontier.values[:, :2])).count((up, across)) == 1:
            assert marks.count((across, up)) == (1 if k in beaten else 5)


def test_labels_are_placed_below_a_legend_of_many_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a browser 460 pixels wide, five methods leave 333 of 520 pixels for the plot."""
    seen: list[float] = []

    def noted(*given: Any) -> Places:
        seen.append(given[-1])
        return Places(*given)

    monkeypatch.setattr("faircore.plots.frontier.Places", noted)
    one = of_one_method()
    names = ("regularized", "boosted", "reweighing", "thresholds", "adversarial")
    methods = dict(zip(one.candidates, (*names, "boosted"), strict=True))
    five = replace(one, candidates=tuple(replace(c, method=methods[c]) for c in one.candidates))
    drawn_as(five, height=520)
    drawn_as(one, height=520)
    assert 300 <= seen[0] <= 333
    assert seen[1] > 400


def test_the_recommended_point_has_a_star_that_lets_clicks_through() -> None:
    frontier = of_one_method()
    position = int(frontier.front[-1])
    star = trace_of(drawn_as(frontier, starred=position), "recommended")
    assert (star["y"][0], star["x"][0]) == pytest.approx(tuple(frontier.values[position]), abs=1e-5)
    assert star["text"] == ["recommended"]
    assert star["hoverinfo"] == "skip"
    assert "recommended" not in str(drawn_as(frontier, starred=3)["data"])  # it has no values


def test_intervals_are_drawn_on_the_front_alone_and_told_of_all() -> None:
    frontier = of_one_method()
    half = np.array([0.02, 0.01])
    low, high = frontier.values - half, frontier.values + half
    drawn = drawn_as(frontier, errors=(low, high))
    lines = trace_of(drawn, "interval")
    assert len(lines["x"]) == 6 * len(frontier.front)
    k = frontier.front[0]
    assert lines["x"][:2] == pytest.approx([low[k, 1], high[k, 1]], abs=1e-5)
    assert lines["y"][3:5] == pytest.approx([low[k, 0], high[k, 0]], abs=1e-5)
    beaten = trace_of(drawn, "beaten")
    position = frontier.position(beaten["customdata"][0][0])
    objective = frontier.objectives[0]
    ends = f"({objective.text(low[position, 0])} to {objective.text(high[position, 0])})"
    assert ends in beaten["hovertext"][0]
    # Nothing is cut off.
    bottom, top = drawn["layout"]["yaxis"]["range"]
    assert bottom < low[frontier.front, 0].min()
    assert high[frontier.front, 0].max() < top


def test_a_band_is_cut_where_it_is_unknown() -> None:
    at = np.array([0.1, 0.2, np.nan, 0.3, 0.4])
    low, high = np.full(5, 0.5), np.array([0.6, 0.6, 0.6, np.nan, 0.6])
    band = trace_of(drawn_as(of_one_method(), band=(at, low, high)), "band of the frontier")
    assert band["x"] == [0.1, 0.2, 0.2, 0.1, None, 0.4, 0.4, None]
    assert band["fill"] == "toself"


def test_seeds_are_small_and_their_mean_has_whiskers() -> None:
    frontier = of_seeds()
    found = families(frontier)
    drawn = drawn_as(frontier, families=found)
    mean = trace_of(drawn, "mean of seeds")
    assert mean["y"] == pytest.approx(found.mean[:3, 0], abs=1e-5)
    assert mean["error_x"]["array"] == pytest.approx(found.spread[:3, 1], abs=1e-5)
    # A click must mean a model: the seed nearest to the mean.
    for f, (name, _) in enumerate(mean["customdata"]):
        assert frontier.position(name) in found.members[f]
    for trace in (trace_of(drawn, "front"), trace_of(drawn, "beaten")):
        sizes = np.broadcast_to(trace["marker"]["size"], len(trace["x"]))
        for (name, _), size in zip(trace["customdata"], sizes, strict=True):
            assert (size < 8) == (not name.startswith("id-3"))


def test_seeds_of_several_methods_keep_the_colour_of_their_method() -> None:
    frontier = of_seeds(methods=2)
    found = families(frontier)
    drawn = drawn_as(frontier, families=found)
    networks = trace_of(drawn, "Penalised networks")  # strengths 0 and 2
    assert len(networks["x"]) == 6 + 2
    assert networks["y"][-2:] == pytest.approx(found.mean[[0, 2], 0], abs=1e-5)
    assert networks["error_y"]["array"][:6] == [None] * 6
    assert networks["marker"]["size"][-1] > max(networks["marker"]["size"][:6])


def test_a_third_objective_is_a_colour_and_nothing_is_joined() -> None:
    frontier = of_one_method().view(third="equalized_odds_difference")
    drawn = drawn_as(frontier)
    front = trace_of(drawn, "front")
    assert front["mode"] == "markers"
    assert front["marker"]["color"] == pytest.approx(
        frontier.values[frontier.front, 2].tolist(), abs=1e-5
    )
    bar = drawn["layout"]["coloraxis"]["colorbar"]
    assert "Gap in either error by sex" in bar["title"]["text"]
    assert "lower is better" in bar["title"]["text"]
    several = of_two_methods().view(third="equalized_odds_difference")
    assert "front" not in [t["name"] for t in drawn_as(several)["data"]]


def test_hovering_tells_every_objective_needs_and_seed() -> None:
    frontier = of_one_method()
    needy = replace(frontier.candidates[0], needs_groups=True)
    frontier = replace(frontier, candidates=(needy, *frontier.candidates[1:]), _shared={}).view(
        third="equalized_odds_difference"
    )
    drawn = drawn_as(frontier, names={f"id-{k}": f"model {k}" for k in range(6)})
    told = {
        c[0]: text
        for name in ("front", "beaten")
        for c, text in zip(
            trace_of(drawn, name)["customdata"], trace_of(drawn, name)["hovertext"], strict=True
        )
    }
    assert set(told) == {f"id-{k}" for k in (0, 1, 2, 4, 5)}
    for name, text in told.items():
        k = frontier.position(name)
        for objective, value in zip(frontier.objectives, frontier.values[k], strict=True):
            assert f"{objective.full_title}: {objective.text(value)}" in text
        assert ("needs sex when it predicts" in text) == (k == 0)
        assert f"seed {k}" in text
    assert "hovertext" in str(trace_of(drawn, "front")["hovertemplate"])


def test_any_two_objectives_have_their_own_axes() -> None:
    frontier = of_one_method()
    gaps = drawn_as(frontier.view(performance="equalized_odds_difference", disparity="accuracy"))
    assert gaps["layout"]["yaxis"]["title"]["text"] == (
        "Gap in either error by sex (lower is better)"
    )
    assert gaps["layout"]["xaxis"]["title"]["text"] == "Accuracy (higher is better)"
    costs = Costs(true_positive=1, false_positive=-1, false_negative=0, true_negative=0)
    worth = drawn_as(frontier.view(performance="profit", costs=costs))["layout"]["yaxis"]
    assert worth["tickformat"] == ",.0f"
    low, high = worth["range"]
    assert high - low > 2  # in its own unit


def test_names_of_columns_and_titles_are_escaped() -> None:
    frontier = of_one_method()
    groups = Groups.of({"<b>sex": np.tile(["f", "m"], 150)})
    evil = replace(frontier, partitions=groups.partitions, partition="<b>sex", _shared={})
    needy = tuple(replace(c, needs_groups=True) for c in evil.candidates)
    evil = replace(evil, candidates=needy, third="equalized_odds_difference", _shared={})
    limit = median_limit(evil)
    figure = frontier_figure(
        evil, limits=(limit,), kept=keeps(evil, (limit,)), title="<b>what", names={}
    )
    assert "&lt;b&gt;sex" in str(figure)
    assert "<b>" not in figure.to_json().replace("\\u003c", "<").replace("\\u003e", ">")


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"kept": np.ones(4, bool)}, "kept must have one entry for each of the 6"),
        ({"errors": (np.zeros((6, 2)), np.zeros((6, 3)))}, "low and the high ends"),
        ({"starred": 6}, "starred must be a position"),
    ],
)
def test_what_does_not_fit_is_refused(asked: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        frontier_figure(of_one_method(), **asked)


def test_a_long_title_is_broken_and_moves_the_plot_down() -> None:
    short = drawn_as(of_one_method(), title="A finding")["layout"]
    long = drawn_as(of_one_method(), title="A finding that is told at some length " * 3)["layout"]
    assert long["title"]["text"].count("<br>") == 1
    assert long["margin"]["t"] == short["margin"]["t"] + 20


def test_a_saved_page_has_marks_and_words(tmp_path: Path) -> None:
    frontier = of_one_method()
    limit = median_limit(frontier)
    figure = frontier_figure(frontier, limits=(limit,), starred=int(frontier.front[0]))
    page = save_figure(figure, tmp_path / "a.html").read_text(encoding="utf-8")
    assert "at most" in page
    assert '"name":"recommended"' in page
    assert figure.layout.paper_bgcolor == "rgba(0,0,0,0)"  # the figure itself stays as it was


def test_a_value_without_an_interval_is_told_without_one() -> None:
    frontier = of_one_method()
    low, high = frontier.values - 0.1, frontier.values + 0.1
    low[:, 0], high[:, 0] = np.nan, np.nan
    told = trace_of(drawn_as(frontier, errors=(low, high)), "front")["hovertext"]
    assert told
    assert not any("–" in line.partition("<br>")[0] for line in told)
    assert all(" to " in line.partition("<br>")[2] for line in told)


def test_marks_set_aside_by_a_filter_do_not_break_a_limit() -> None:
    frontier = of_one_method()
    limit = median_limit(frontier)
    kept = keeps(frontier, [limit])
    assert [t["name"] for t in drawn_as(frontier, limits=[limit], kept=kept)["data"]].count(
        "breaks a limit"
    )
    one = kept.copy()
    one[int(np.flatnonzero(kept)[0])] = False
    names = [t["name"] for t in drawn_as(frontier, limits=[limit], kept=one)["data"]]
    assert "set aside" in names
    assert "breaks a limit" not in names
