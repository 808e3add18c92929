from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from faircore.audit import EQUALISED, Impossibility, impossibility
from faircore.groups import Groups
from faircore.metrics.tally import tally_rows
from faircore.plots import impossibility_figure


def made(names: str | list[str] = "abc", *, scores: bool = True) -> Impossibility:
    rng = np.random.default_rng(0)
    n = 600
    g = rng.choice(3, n, p=[0.5, 0.3, 0.2])
    y = (rng.random(n) < 0.3 + 0.2 * g).astype(int)
    s = np.clip(rng.normal(0.4 + 0.2 * y, 0.15), 0.01, 0.99).round(2)
    groups = Groups.of({"g": np.array(list(names))[g]})
    what: dict[str, Any] = {"y_score": s} if scores else {"y_pred": s > 0.5}
    found = impossibility(tally_rows(y, groups=groups, **what), "g")
    assert found is not None
    return found


def parts(found: Impossibility) -> tuple[dict[str, Any], list[dict[str, Any]], dict[str, Any]]:
    figure = json.loads(impossibility_figure(found).to_json())
    (grid,) = [t for t in figure["data"] if t["type"] == "heatmap"]
    bars = [t for t in figure["data"] if t["type"] == "bar"]
    assert len(figure["data"]) == 1 + len(bars)
    return grid, bars, figure["layout"]


def test_the_grid_has_the_gaps_of_every_scenario() -> None:
    found = made()
    grid, _, _ = parts(found)
    assert grid["y"] == list(EQUALISED.values())
    assert len(grid["x"]) == len(found.scenarios[0].gaps) + 1
    for scenario, values, texts in zip(found.scenarios, grid["z"], grid["text"], strict=True):
        assert values[:-1] == [round(v, 5) for v in scenario.gaps.values()]
        assert texts[:-1] == [f"{100 * v:.1f} points" for v in scenario.gaps.values()]
        bent = float(np.nanmax(scenario.bent)) if scenario.equalised else 0.0
        assert values[-1] == round(bent, 5)
        if scenario.equalised:
            at = list(scenario.gaps).index(scenario.equalised)
            assert values[at] == 0
            assert texts[at] == "0.0 points"


def test_the_bars_are_the_base_rates() -> None:
    found = made()
    _, bars, layout = parts(found)
    assert [b["x"] for b in bars] == [[round(v, 5)] for v in found.base_rates.tolist()]
    assert [b["text"] for b in bars] == [[f"{v:.1%}"] for v in found.base_rates]
    assert [b["name"] for b in bars] == list(found.groups)
    low, high = layout["xaxis2"]["range"]
    assert low == 0
    assert np.isfinite(high)
    assert high > found.base_rates.max()
    expected = [f"{g}<br>n = {n:,.0f}" for g, n in zip(found.groups, found.people, strict=True)]
    assert layout["yaxis2"]["ticktext"] == expected


def test_decisions_alone_have_one_row() -> None:
    grid, bars, _ = parts(made(scores=False))
    assert grid["y"] == [EQUALISED[""]]
    assert len(bars) == 3


def test_the_same_again_and_nothing_but_numbers() -> None:
    first, again = (impossibility_figure(made()).to_json() for _ in range(2))
    assert first == again
    assert "NaN" not in first
    assert "Infinity" not in first


def test_an_undefined_gap_is_a_dash() -> None:
    found = made()
    now = replace(found.scenarios[0], gaps=dict.fromkeys(found.scenarios[0].gaps, float("nan")))
    grid, _, _ = parts(replace(found, scenarios=(now, *found.scenarios[1:])))
    assert grid["z"][0][:-1] == [None] * len(now.gaps)
    assert grid["text"][0][:-1] == ["–"] * len(now.gaps)


def test_people_who_are_not_shown_are_not_drawn() -> None:
    g = ["a"] * 60 + ["b"] * 50 + ["c"] * 40 + ["x"] * 4
    y, s = np.arange(154) % 2, np.linspace(0.01, 0.99, 154)
    found = impossibility(tally_rows(y, y_score=s, groups=Groups.of({"g": g})), "g")
    assert found is not None
    _, bars, layout = parts(found)
    assert [b["name"] for b in bars] == ["a", "b"]
    assert not any("x" in t or "c" in t for t in layout["yaxis2"]["ticktext"])


@pytest.mark.parametrize("name", ["<b>x</b>", "<script>alert(1)</script>", "a & b"])
def test_a_hostile_name_is_text(name: str) -> None:
    from html import escape

    figure = impossibility_figure(made([name, "b", "c"]))
    texts = [*figure.layout.yaxis2.ticktext, *(t.name for t in figure.data if t.type == "bar")]
    texts += [t.customdata[0] for t in figure.data if t.type == "bar"]
    assert sum(escape(name) in t for t in texts) == 3
    assert not any(name in t for t in texts)


def test_a_name_with_a_percent_sign_and_braces_is_no_template() -> None:
    figure = impossibility_figure(made(["%{x} of", "b", "c"]))
    bar = next(t for t in figure.data if t.type == "bar" and "of" in t.name)
    assert "%{x} of" not in bar.hovertemplate
