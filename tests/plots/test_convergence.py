from __future__ import annotations

import json
from html import escape
from typing import Any

import numpy as np
import pandas as pd
import pytest

from faircore.errors import InputError
from faircore.plots.convergence import convergence_figure


def made(n: int = 30, **columns: Any) -> pd.DataFrame:
    """A history as a training would write it."""
    epoch = np.arange(1, n + 1)
    rows: dict[str, Any] = {
        "epoch": epoch.astype(float),
        "loss": 0.4 + 0.2 * np.exp(-epoch / 5),
        "violation": 0.1 * np.exp(-epoch / 8) - 0.005,
        "train_violation": 0.1 * np.exp(-epoch / 6) - 0.004,
        "gap": 0.1 * np.exp(-epoch / 8) + 0.045,
        "train_gap": 0.1 * np.exp(-epoch / 6) + 0.046,
        "soft_gap": 0.09 * np.exp(-epoch / 8) + 0.05,
        "satisfied": np.zeros(n),
        "multiplier": 0.3 * (1 - np.exp(-epoch / 10)),
    }
    return pd.DataFrame(rows | columns)


def drawn(history: Any, **options: Any) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    figure = json.loads(convergence_figure(history, **options).to_json())
    return figure["data"], figure["layout"]


def titles(layout: dict[str, Any]) -> list[str]:
    axes = sorted(name for name in layout if name.startswith("yaxis"))
    return [layout[name]["title"]["text"] for name in axes]


def test_three_panels_share_the_epochs_and_hold_the_numbers() -> None:
    history = made()
    traces, layout = drawn(history, tolerance=0.05, best_epoch=12)
    assert titles(layout) == ["Loss", "Gap", "Multiplier"]
    by_name = {trace["name"]: trace for trace in traces}
    assert list(by_name) == [
        "log loss", "decisions, rows held out", "decisions, rows learned from",
        "scores, rows held out", "allowed", "largest",
    ]  # fmt: skip
    for name, column in (("log loss", "loss"), ("decisions, rows held out", "gap")):
        assert by_name[name]["y"] == [round(v, 6) for v in history[column]]
        assert by_name[name]["x"] == history["epoch"].tolist()
    assert by_name["allowed"]["y"] == [0.05, 0.05]
    assert layout["xaxis"]["matches"] == layout["xaxis2"]["matches"] == "x3"
    marks = [shape for shape in layout["shapes"] if shape["x0"] == 12]
    assert len(marks) == 3
    assert [note["text"] for note in layout["annotations"]] == ["kept"]


def test_without_one_tolerance_violations_stand_around_zero() -> None:
    traces, layout = drawn(made())
    assert titles(layout) == ["Loss", "Gap beyond limit", "Multiplier"]
    assert [t["y"] for t in traces if t["name"] == "allowed"] == [[0.0, 0.0]]
    assert "shapes" not in layout


@pytest.mark.parametrize(
    ("columns", "panels"),
    [
        (["loss"], ["Loss"]),
        (["loss", "penalty", "gap"], ["Loss", "Gap"]),
        (["loss", "adversary_loss", "gap"], ["Loss", "Gap"]),
        (["gap"], ["Gap"]),
        (["multiplier: a", "multiplier: b"], ["Multiplier"]),
    ],
)
def test_panels_that_have_nothing_are_left_out(columns: list[str], panels: list[str]) -> None:
    history = [{"epoch": float(e)} | dict.fromkeys(columns, 0.1 * e) for e in range(1, 5)]
    traces, layout = drawn(history)
    assert titles(layout) == panels
    assert len(traces) == len(columns)


def test_a_column_without_any_number_is_left_out_and_a_gap_in_one_is_a_gap() -> None:
    soft = np.full(30, np.nan)
    violation = np.where(np.arange(30) < 3, np.nan, 0.1)
    traces, _ = drawn(made(soft_gap=soft, gap=violation), tolerance=0.1)
    names = [trace["name"] for trace in traces]
    assert "scores, rows held out" not in names
    held = traces[names.index("decisions, rows held out")]
    assert held["y"][:4] == [None, None, None, 0.1]


def test_lines_differ_by_more_than_colour() -> None:
    traces, _ = drawn(made(), tolerance=0.05)
    gaps = [trace for trace in traces if "rows" in trace["name"]]
    assert len({trace["line"]["dash"] for trace in gaps}) == 3
    assert all("color" not in trace["line"] for trace in gaps)  # the page's theme gives it


def test_one_epoch_is_a_dot() -> None:
    traces, _ = drawn(made(1), tolerance=0.05)
    assert traces[0]["mode"] == "lines+markers"


@pytest.mark.parametrize("name", ["<b>x</b>", "<script>alert(1)</script>", "a & b", "%{x}"])
def test_a_hostile_name_is_text(name: str) -> None:
    history = made().rename(columns={"multiplier": f"multiplier: parity, by {name}"})
    traces, _ = drawn(history)
    assert traces[-1]["name"] == f"parity, by {escape(name)}"
    assert name not in traces[-1]["hovertemplate"]


def test_the_same_again_and_nothing_but_numbers() -> None:
    first, again = (
        convergence_figure(made(), tolerance=0.05, best_epoch=3).to_json() for _ in range(2)
    )
    assert first == again
    assert "NaN" not in first
    assert "Infinity" not in first


@pytest.mark.parametrize(
    "history",
    [[], pd.DataFrame(), [{"epoch": 1.0}], [{"loss": 1.0}], [{"epoch": 1.0, "loss": np.nan}]],
)
def test_nothing_to_draw_is_said(history: Any) -> None:
    with pytest.raises(InputError, match="a column epoch and another"):
        convergence_figure(history)
