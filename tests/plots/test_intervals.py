from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from faircore.audit import METRICS, GroupReport, group_report
from faircore.errors import InputError
from faircore.plots import group_intervals


def made(*, names: str | list[str] = "abcd", **options: Any) -> GroupReport:
    rng = np.random.default_rng(0)
    n = 600
    g = rng.choice(4, n, p=[0.4, 0.3, 0.2, 0.1])
    y = rng.integers(0, 2, n)
    s = np.clip(rng.normal(0.4 + 0.2 * y + 0.15 * (g == 1), 0.2), 0.01, 0.99).round(2)
    return group_report(y, y_score=s, sensitive_features={"g": np.array(list(names))[g]}, **options)


def parts(report: GroupReport, metric: str = "selection_rate", partition: str = "g") -> Any:
    """Grey bars, dots and layout."""
    figure = json.loads(group_intervals(report, partition, metric).to_json())
    bars = [t for t in figure["data"] if t["type"] == "bar"]
    dots = [t for t in figure["data"] if t["type"] == "scatter"]
    assert len(bars) + len(dots) == len(figure["data"])
    return bars, dots, figure["layout"]


def test_every_group_is_a_dot_with_its_interval() -> None:
    report = made()
    _, dots, layout = parts(report)
    table = {c: report.table("g", c)["selection_rate"] for c in ("low", "value", "high", "people")}
    assert [t["name"] for t in dots] == list("abcd")
    for position, dot in enumerate(dots):
        expected = [round(float(table[c].iloc[position]), 5) for c in ("low", "value", "high")]
        assert dot["x"] == expected
        assert dot["y"] == [position] * 3
        n = f"{table['people'].iloc[position]:,.0f}"
        assert f"{n} people" in dot["hovertext"]
        assert layout["yaxis"]["ticktext"][position] == f"{'abcd'[position]}<br>n = {n}"
    assert layout["yaxis"]["tickvals"] == [0, 1, 2, 3]


@pytest.mark.parametrize("reference", [None, "b"])
@pytest.mark.parametrize(
    "metric", ["selection_rate", "true_positive_rate", "calibration_gap", "brier", "auc"]
)
def test_what_stands_out_is_a_diamond_outside_its_bar(metric: str, reference: str | None) -> None:
    report = made(reference=None if reference is None else {"g": reference})
    (bar,), dots, _ = parts(report, metric)
    out = report.table("g", "stands_out")[metric]
    value = report.table("g")[metric]
    for position, (name, dot) in enumerate(zip(out.index, dots, strict=True)):
        assert (dot["marker"]["symbol"] == "diamond") == out[name]
        if name == reference:
            assert bar["base"][position] is None
            continue
        low = bar["base"][position]
        high = low + bar["x"][position]
        inside = low - 2e-5 <= value[name] <= high + 2e-5
        assert inside != out[name], name
    if metric == "selection_rate" and reference is None:
        assert out.any()
        assert not out.all()


def test_the_bars_stand_around_the_reference() -> None:
    for reference in (None, {"g": "c"}):
        report = made(reference=reference)
        (bar,), _, layout = parts(report)
        table = report.table("g")["selection_rate"]
        middle = report.overall.loc["selection_rate", "value"] if reference is None else table["c"]
        assert layout["shapes"][0]["x0"] == layout["shapes"][0]["x1"] == round(float(middle), 5)
        told = layout["annotations"][0]["text"]
        assert told == ("everybody" if reference is None else "c")
        for base, width in zip(bar["base"], bar["x"], strict=True):
            if base is not None:
                assert base < middle < base + width
    assert None in bar["base"]


def test_a_hidden_group_keeps_its_place_and_shows_nothing() -> None:
    rng = np.random.default_rng(0)
    sizes = {"a": 200, "b": 150, "c": 100, "x": 7}
    g = np.repeat(list(sizes), list(sizes.values()))
    y, d = rng.integers(0, 2, len(g)), rng.integers(0, 2, len(g))
    for reference in (None, {"g": "x"}, {"g": "a"}):
        report = group_report(y, d, sensitive_features={"g": g}, reference=reference)
        assert report.hidden.tolist() == [False, False, True, True]
        for metric in report.estimates.of:
            bars, dots, layout = parts(report, metric)
            for position in (2, 3):
                assert dots[position]["x"] == [None, None, None]
                assert dots[position]["hovertext"] == f"{'abcx'[position]}: not shown"
                assert dots[position]["marker"]["symbol"] == "circle"
                for bar in bars:
                    assert bar["x"][position] is bar["base"][position] is None
                assert "withheld" in layout["yaxis"]["ticktext"][position]
            assert not any(c.isdigit() for t in layout["yaxis"]["ticktext"][2:] for c in t)
            if reference == {"g": "x"}:
                assert not layout.get("shapes")


def test_a_figure_over_too_few_has_no_dot() -> None:
    y = np.r_[np.tile([0, 1], 50), [1] * 5, [0] * 95]
    report = group_report(
        y, np.tile([0, 1, 1, 0], 50), sensitive_features={"g": ["a"] * 100 + ["b"] * 100}
    )
    _, dots, layout = parts(report, "true_positive_rate")
    assert dots[1]["x"] == [None, None, None]
    assert "too few" in layout["yaxis"]["ticktext"][1]
    assert "5" not in layout["yaxis"]["ticktext"][1]


@pytest.mark.parametrize("metric", METRICS)
def test_every_figure_is_drawn_the_same_again_within_finite_axes(metric: str) -> None:
    report = made()
    first, again = (group_intervals(r, "g", metric).to_json() for r in (report, made()))
    assert first == again
    assert "NaN" not in first
    assert "Infinity" not in first
    _, dots, layout = parts(report, metric)
    low, high = layout["xaxis"]["range"]
    assert np.isfinite([low, high]).all()
    assert low < high
    xs = [x for dot in dots for x in dot["x"] if x is not None]
    assert xs
    assert all(low <= x <= high for x in xs)
    assert layout["xaxis"]["title"]["text"] == METRICS[metric].title


@pytest.mark.parametrize("decision", [0, 1])
def test_figures_that_are_all_the_same_or_undefined_are_drawn(decision: int) -> None:
    y = np.tile([0, 1], 60)
    report = group_report(
        y, np.full(120, decision), sensitive_features={"g": ["a"] * 60 + ["b"] * 60}
    )
    for metric in report.estimates.of:
        _, _, layout = parts(report, metric)
        low, high = layout["xaxis"].get("range", [0, 1])
        assert np.isfinite([low, high]).all()
        assert low < high


def test_hostile_and_long_names_are_text_and_are_cut() -> None:
    report = made(names=["<b>x</b>", "a & b", "n" * 80, "\"'"])
    figure = group_intervals(report, "g", "selection_rate")
    whole = figure.to_json()
    assert "<b>x" not in whole.encode().decode("unicode_escape").replace("&lt;b&gt;x", "")
    ticks = figure.layout.yaxis.ticktext
    assert any(t.startswith("&lt;b&gt;x&lt;/b&gt;<br>") for t in ticks)
    assert any(t.startswith("a &amp; b<br>") for t in ticks)
    long = next(t for t in ticks if t.startswith("nnn"))
    assert len(long.split("<br>")[0]) <= 30
    assert "…" in long
    assert any("n" * 80 in (t.hovertext or "") for t in figure.data)
    named = group_intervals(made(names=["<b>x</b>", "b", "c", "d"], reference={"g": "<b>x</b>"}),
                            "g", "selection_rate")  # fmt: skip
    assert named.layout.annotations[0].text == "&lt;b&gt;x&lt;/b&gt;"


def test_unknown_names_are_refused() -> None:
    report = made()
    with pytest.raises(InputError, match="g"):
        group_intervals(report, "sex", "selection_rate")
    with pytest.raises(InputError, match="selection_rate"):
        group_intervals(report, "g", "profit")


def test_figures_of_scores_without_scores_are_refused() -> None:
    y = np.tile([0, 1], 60)
    report = group_report(y, y, sensitive_features={"g": ["a"] * 60 + ["b"] * 60})
    with pytest.raises(InputError, match="score"):
        group_intervals(report, "g", "auc")
