"""``faircore sweep`` with the methods and settings it can be given."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import pytest

from faircore.cli import main
from faircore.cli.plans import plan_of
from faircore.data import make_lending
from faircore.errors import InputError
from faircore.methods import METHODS
from faircore.plans import SweepPlan

Capture = pytest.CaptureFixture[str]


def plan(**given: Any) -> SweepPlan:
    """What the command line makes of these options."""
    defaults = {
        "method": None, "penalty": "demographic_parity", "strengths": None, "seeds": (0,),
        "partition": [], "hidden": None, "set": [],
    }  # fmt: skip
    return plan_of(argparse.Namespace(**(defaults | given)))


def test_every_method_has_a_grid_and_its_plain_model() -> None:
    found = plan(method=[*METHODS, "boosted"])
    assert [spec.method for spec in found.sweeps] == list(METHODS)
    for spec in found.sweeps:
        assert spec.kind.plain in spec.strengths
        assert len(spec.strengths) == (1 if spec.kind.fixed else 8)


def test_settings_reach_the_method_they_belong_to() -> None:
    found = plan(
        method=["regularized", "boosted", "lagrangian", "adversarial"],
        hidden=(16, 8),
        set=["n_rounds=7", "epochs=3", "dual_update=pi", "on=representation", "versus=pairs",
             "memory=0.5"],
    )  # fmt: skip
    networks, trees, limited, hiding = found.sweeps
    assert (
        networks.config.hidden == limited.config.training.hidden == hiding.config.hidden == (16, 8)
    )
    assert trees.config.n_rounds == 7
    assert networks.config.epochs == limited.config.training.epochs == 3
    assert hiding.config.training.epochs == 3
    assert limited.config.dual_update == "pi"
    assert hiding.config.training.on == "representation"
    assert networks.options.versus == trees.options.versus == "pairs"
    assert limited.config.memory == 0.5


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"method": ["magic"]}, "no method 'magic'"),
        ({"penalty": "kindness"}, "no penalty 'kindness'"),
        ({"set": ["rounds=3"]}, r"'rounds' is no setting of regularized.*epochs"),
        ({"set": ["epochs"]}, "is no setting. Write a name and a value"),
        ({"set": ["epochs=0"]}, "epochs must be 1 or more"),
        ({"set": ["versus=all"]}, "versus must be overall or pairs"),
        ({"method": ["lagrangian"], "penalty": "hsic"}, "cannot pursue 'hsic'"),
        ({"method": ["boosted", "lagrangian"], "strengths": (0.1,)}, "the methods one by one"),
    ],
)
def test_what_cannot_be_planned_is_said(given: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        plan(**given)


def test_two_methods_from_a_file_to_scores(tmp_path: Path, capsys: Capture) -> None:
    make_lending(1_500, seed=4).to_csv(tmp_path / "loans.csv", index=False)
    place = ["--workspace", str(tmp_path / "work")]
    arguments = ["sweep", str(tmp_path / "loans.csv"), "--target", "repaid", "--positive", "yes"]
    arguments += ["--sensitive", "race", "--method", "boosted", "--method", "lagrangian"]
    arguments += ["--set", "n_rounds=15", "--set", "epochs=3", "--hidden", "4", *place]
    assert main(arguments) == 0
    told = capsys.readouterr().out
    rows = [line.split() for line in told.splitlines()]
    boosted = [row for row in rows if len(row) > 2 and row[1] == "boosted"]
    limited = [row for row in rows if len(row) > 2 and row[1] == "lagrangian"]
    assert len(boosted) == len(limited) == 8
    review = told.split("Review ")[1].split(".")[0]
    bundle = str(tmp_path / "bundle.zip")
    chosen = ["--candidate", boosted[3][0], "--reason", "why not", "--out", bundle, *place]
    assert main(["export", review, *chosen]) == 0
    assert (
        main(["score", bundle, str(tmp_path / "loans.csv"), "--out", str(tmp_path / "s.csv")]) == 0
    )
    assert len((tmp_path / "s.csv").read_text().splitlines()) == 1_501
