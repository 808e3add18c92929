from __future__ import annotations

import numpy as np
import pytest

from faircore.decide import people_impact
from faircore.frontier import SplitRows
from faircore.groups import Groups
from faircore.plots import people_figure

RNG = np.random.default_rng(1)
N = 900
SEX = RNG.choice(["<b>f", "m"], N)
SEX[:5] = "tiny"
ROWS = SplitRows(RNG.integers(0, 2, N).astype(np.int8), Groups.of({"sex": SEX}))
BEFORE = RNG.integers(0, 2, N)
IMPACT = people_impact(BEFORE, np.where(RNG.random(N) < 0.2, 1 - BEFORE, BEFORE), rows=ROWS)


def test_bars_are_the_figures_of_the_table() -> None:
    figure = people_figure(IMPACT, "sex")
    table = IMPACT.partition("sex")
    bars = [t for t in figure.data if t.type == "bar"]
    assert len(bars) == len(table)
    for bar, (_, row) in zip(bars, table.iterrows(), strict=True):
        if np.isnan(row["gained"]):
            assert list(bar.x) == [0, 0]
            assert list(bar.text) == ["", "too few people to judge"]
            continue
        assert list(bar.x) == pytest.approx([-row["lost"], row["gained"]])
        plus, minus = bar.error_x.array, bar.error_x.arrayminus
        assert bar.x[1] + plus[1] == pytest.approx(row["gained_high"])
        assert bar.x[1] - minus[1] == pytest.approx(row["gained_low"])
        assert bar.x[0] + plus[0] == pytest.approx(-row["lost_low"])
        assert bar.x[0] - minus[0] == pytest.approx(-row["lost_high"])


def test_names_are_shown_as_they_are_and_small_groups_keep_their_place() -> None:
    figure = people_figure(IMPACT, "sex")
    ticks = figure.layout.yaxis.ticktext
    assert ticks[0].startswith("&lt;b&gt;f<br>")
    assert "few people" in ticks[2]


def test_a_name_that_reads_like_a_template_stays_out_of_it() -> None:
    rows = SplitRows(ROWS.y_true, Groups.of({"sex": np.where(SEX == "m", "%{x}", "f")}))
    impact = people_impact(BEFORE, 1 - BEFORE, rows=rows)
    bars = people_figure(impact, "sex").data
    assert not any("%{x}" in bar.hovertemplate for bar in bars)
    assert {bar.customdata[0][0] for bar in bars} == {"f", "%{x}"}


def test_an_empty_group_keeps_its_place() -> None:
    kept = np.flatnonzero(SEX != "tiny")
    rows = SplitRows(ROWS.y_true[kept], ROWS.groups.take(kept))
    figure = people_figure(people_impact(BEFORE[kept], 1 - BEFORE[kept], rows=rows), "sex")
    assert [bar.text[1] for bar in figure.data].count("–") == 1
    assert figure.layout.xaxis.zeroline
