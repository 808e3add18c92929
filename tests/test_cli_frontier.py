"""``faircore frontier`` with any objectives, costs and limits."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from faircore.cli import main
from faircore.frontier import Frontier, Limit, recommend
from faircore.metrics.costs import Costs
from faircore.records import Review, frontier_of_review

Capture = pytest.CaptureFixture[str]


def test_any_objectives_with_costs_and_limits(
    trained: tuple[Path, Review], capsys: Capture, tmp_path: Path
) -> None:
    workspace, review = trained
    table, plot = tmp_path / "t.csv", tmp_path / "p.html"
    view = "--performance profit --disparity log_loss --third accuracy_difference@gender"
    limit = "--costs 1,-3,0,0 --limit accuracy=0.1 --blind"
    code = main(
        ["frontier", review.id, "--workspace", str(workspace), *view.split(), *limit.split(),
         "--csv", str(table), "--plot", str(plot)]
    )  # fmt: skip
    assert code == 0
    told = capsys.readouterr().out
    engine = frontier_of_review(workspace, review.id).view(
        performance="profit", disparity="log_loss", third="accuracy_difference@gender",
        costs=Costs(1, -3, 0, 0),
    )  # fmt: skip
    saved = pd.read_csv(table)
    for column, values in zip(engine.columns, engine.values.T, strict=True):
        assert saved[column].to_numpy() == pytest.approx(values)
    pick = recommend(engine, [Limit("accuracy", 0.1)], may_need_groups=False)
    assert pick is not None
    assert engine.candidates[pick.position].id in told.split("Recommended to look at first:")[1]
    assert "recommended" in plot.read_text(encoding="utf-8")


def test_no_cell_of_the_table_is_a_formula(
    trained: tuple[Path, Review], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace, review = trained
    plain = Frontier.to_frame
    monkeypatch.setattr(Frontier, "to_frame", lambda self: plain(self).assign(note="=HYPERLINK(1)"))
    path = tmp_path / "t.csv"
    assert main(["frontier", review.id, "--workspace", str(workspace), "--csv", str(path)]) == 0
    assert set(pd.read_csv(path)["note"]) == {"'=HYPERLINK(1)"}


def test_limits_that_nothing_keeps_are_said(trained: tuple[Path, Review], capsys: Capture) -> None:
    workspace, review = trained
    limits = ["--limit", "accuracy=0.999"]
    assert main(["frontier", review.id, "--workspace", str(workspace), *limits]) == 0
    assert "No candidate keeps every limit" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["--limit", "accuracy"], "--limit"),
        (["--limit", "beauty=1"], "beauty"),
        (["--costs", "1,2"], "four numbers"),
        (["--costs", "0,1,0,0"], "turns out well"),
        (["--performance", "profit"], "costs"),
        (["--third", "accuracy@gender"], "accuracy@gender"),
        (["--limit", "accuracy=nan"], "finite"),
    ],
)
def test_contradictions_are_refused(
    arguments: list[str], word: str, trained: tuple[Path, Review], capsys: Capture
) -> None:
    workspace, review = trained
    capsys.readouterr()
    assert main(["frontier", review.id, "--workspace", str(workspace), *arguments]) == 2
    assert word in capsys.readouterr().err
