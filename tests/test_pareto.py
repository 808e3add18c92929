from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from faircore.errors import InputError
from faircore.frontier import Frontier
from faircore.pareto import HELD_OUT, pareto_frontier
from faircore.training import TrainingConfig

QUICK = TrainingConfig(hidden=(8,), epochs=6, batch_size=128, learning_rate=0.01)
N = 2000


def _table(n: int = N, seed: int = 0) -> tuple[pd.DataFrame, np.ndarray, pd.Series]:
    rng = np.random.default_rng(seed)
    sex = pd.Series(rng.choice(["f", "m"], n), name="sex")
    hours = rng.normal(40, 10, n) + 8 * (sex == "m")
    job = rng.choice(["clerk", "cook", None], n)
    frame = pd.DataFrame({"hours": hours, "job": job, "noise": rng.integers(0, 9, n)})
    frame.loc[::50, "hours"] = np.nan
    logit = 0.12 * (hours - 44) + (job == "clerk")
    return frame, (rng.random(n) < 1 / (1 + np.exp(-logit))).astype(int), sex


@pytest.fixture(scope="module")
def frontier() -> Frontier:
    X, y, sex = _table()
    return pareto_frontier(X, y, sex, etas=(0.3, 3.0), config=QUICK)


def test_it_is_measured_on_rows_held_out(frontier: Frontier) -> None:
    assert frontier.split == HELD_OUT
    assert [c.strength for c in frontier.candidates] == [0.0, 0.3, 3.0]
    assert frontier.sizes[HELD_OUT].sum() == pytest.approx(0.2 * N, abs=2)
    np.testing.assert_allclose(frontier.counts.sum((1, 2, 3)), frontier.sizes[HELD_OUT].sum())
    assert all(set(c.cubes) == {HELD_OUT} for c in frontier.candidates)
    assert frontier.disparity == "demographic_parity_difference"
    assert frontier.partition == "sex"


def test_a_stronger_penalty_is_fairer(frontier: Frontier) -> None:
    table = frontier.to_frame()
    plain_accuracy = table["accuracy"].iloc[0]
    plain_gap, _, fair_gap = table["demographic_parity_difference"]
    assert plain_accuracy > 0.65
    assert plain_gap > 0.25
    assert fair_gap < plain_gap / 2


def test_equal_requests_give_equal_frontiers(frontier: Frontier) -> None:
    X, y, sex = _table()
    again = pareto_frontier(X, y.astype(bool), sex.to_numpy(object), etas=[3.0, 0.3], config=QUICK)
    np.testing.assert_array_equal(again.counts, frontier.counts)
    other = pareto_frontier(X, y, sex, etas=[0.3, 3.0], config=QUICK, split_seed=1)
    assert not np.array_equal(other.counts, frontier.counts)


def test_seeds_weights_and_several_attributes() -> None:
    X, y, sex = _table(600)
    sensitive = pd.DataFrame({"sex": sex, "old": np.arange(600) % 2 == 0})
    found = pareto_frontier(
        X.to_numpy(object)[:, [0, 2]].astype(float),
        y,
        sensitive,
        etas=[1],
        seeds=[1, 0],
        penalty="equalized_odds",
        sample_weight=np.full(600, 0.5),
        config=QUICK,
    )
    assert [(c.strength, c.seed) for c in found.candidates] == [(0, 0), (0, 1), (1, 0), (1, 1)]
    assert [p.name for p in found.partitions] == ["sex", "old"]
    assert found.disparity == "equalized_odds_difference"
    sizes = found.sizes[HELD_OUT][found.partitions[0].groups]
    assert found.counts[0, found.partitions[0].groups].sum() == pytest.approx(sizes.sum())


def test_strengths_close_together_have_ids_of_their_own() -> None:
    X, y, sex = _table(400)
    found = pareto_frontier(X, y, sex, etas=[0.5, 0.50000001], config=QUICK)
    assert len({c.id for c in found.candidates}) == 3


def test_a_page_opens_without_a_network(tmp_path: Path) -> None:
    X, y, sex = _table(400)
    path = tmp_path / "frontier.html"
    pareto_frontier(X, y, sex, etas=[1.0], config=QUICK, path=path)
    page = path.read_text(encoding="utf-8")
    assert "Penalised networks, strength 1, seed 0" in page
    assert "Plotly.newPlot" in page
    assert not re.search(r"<script[^>]*\ssrc\s*=", page)
    assert not re.search(r"<link[^>]*\shref\s*=", page)
    assert not re.search(r"@import|\bimport\s*\(\s*[\"']https?:", page)


def test_a_picture(tmp_path: Path) -> None:
    if not any(map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))):
        pytest.skip("no Chromium on PATH")
    path = tmp_path / "frontier.png"
    pareto_frontier(*_table(400), etas=[1.0], config=QUICK, path=path)
    assert path.read_bytes().startswith(b"\x89PNG")
    assert path.stat().st_size > 10_000


@pytest.mark.parametrize("name", ["frontier.jpeg", "frontier", "frontier.html.exe"])
def test_another_ending_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match=r"\.html"):
        pareto_frontier(*_table(400), etas=[1.0], config=QUICK, path=tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_the_ending_is_looked_at_before_the_rows() -> None:
    # Ten minutes of training must not be lost to a wrong ending. Four rows cannot be split, and
    # that is found out long before training; the path must be found out earlier still.
    with pytest.raises(InputError, match=r"\.html"):
        pareto_frontier(*_table(4), etas=[1.0], config=QUICK, path="frontier.jpeg")


@pytest.mark.parametrize(
    "changes",
    [
        {"y": np.zeros(100)},
        {"y": np.full(100, 2)},
        {"y": np.arange(99) % 2},
        {"sensitive_features": ["a"] * 99},
        {"sample_weight": np.ones(99)},
        {"sample_weight": -np.ones(100)},
        {"etas": [-1.0]},
        {"etas": []},
        {"penalty": "kindness"},
        {"seeds": []},
    ],
    ids=lambda c: next(iter(c)),
)
def test_what_cannot_be_used_is_refused(changes: dict[str, Any]) -> None:
    X, _, sex = _table(100)
    arguments: dict[str, Any] = {
        "X": X,
        "y": np.arange(100) % 2,
        "sensitive_features": sex,
        "etas": [1.0],
        "config": QUICK,
        **changes,
    }
    with pytest.raises(InputError):
        pareto_frontier(**arguments)


def test_an_ordinary_call_does_not_need_polars(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "polars", None)
    assert len(pareto_frontier(*_table(300), etas=[1.0], config=QUICK).candidates) == 2
