"""Thousands of marks: those that would cover one another are drawn once."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from faircore.frontier import Frontier, families
from faircore.plots import crowding, frontier_figure
from faircore.plots.crowding import uncrowded
from tests.plots.clouds import drawn_as, of_one_method, of_seeds, of_two_methods

N = 4_000


def test_few_marks_are_all_drawn_and_none_without_a_place() -> None:
    x = np.array([0.1, 0.1, np.nan, 0.3])
    assert uncrowded(x, x, np.zeros(4, int)).tolist() == [True, True, False, True]


def test_each_kind_keeps_a_mark_wherever_it_has_one() -> None:
    rng = np.random.default_rng(0)
    x, y, kind = rng.normal(size=N), rng.normal(size=N), rng.integers(0, 3, N)
    chosen = uncrowded(x, y, kind, most=500)
    assert 250 < chosen.sum() <= 500
    near = np.hypot(
        560 * (x[:, None] - x[chosen]) / np.ptp(x), 400 * (y[:, None] - y[chosen]) / np.ptp(y)
    )
    near[kind[:, None] != kind[chosen]] = np.inf
    assert near.min(axis=1).max() <= 40 * np.sqrt(2)
    assert (uncrowded(x, y, kind, most=500) == chosen).all()


def test_what_is_always_drawn_takes_nobodys_place() -> None:
    rng = np.random.default_rng(1)
    x, y = rng.random((2, N))
    always = np.arange(N) % 100 == 0
    chosen = uncrowded(x, y, np.zeros(N, int), always=always, most=400)
    assert chosen[always].all()
    assert chosen.sum() <= 400


def test_a_line_of_equal_values_is_one_mark() -> None:
    assert uncrowded(np.zeros(N), np.zeros(N), np.zeros(N, int), most=10).sum() == 1


@pytest.mark.parametrize("made", [of_one_method, of_two_methods, of_seeds])
def test_a_crowded_figure_keeps_the_front_and_says_what_it_left_out(
    made: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    frontier: Frontier = made()  # type: ignore[operator]
    twins = [replace(c, id=f"{c.id}-{i}") for i in range(4) for c in frontier.candidates]
    frontier = replace(frontier, candidates=tuple(twins), _shared={})
    whole = int(np.isfinite(frontier.values).all(axis=1).sum())
    assert "drawn once" not in str(frontier_figure(frontier).layout.xaxis.title.text)
    monkeypatch.setattr(crowding.uncrowded, "__kwdefaults__", {"always": None, "most": 5})
    drawn = drawn_as(frontier, families=families(frontier))
    ids = {point[0] for t in drawn["data"] if "customdata" in t for point in t["customdata"]}
    assert {frontier.candidates[k].id for k in frontier.front} <= ids
    n_marks = len(frontier.front) + len(
        [1 for t in drawn["data"] if t["name"] == "beaten" for _ in t["x"]]
    )
    title = drawn["layout"]["xaxis"]["title"]["text"]
    assert f"for {whole} models: those that would cover one another are drawn once" in title
    if made is of_one_method:
        assert f"{n_marks} marks" in title
