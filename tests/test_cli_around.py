"""``faircore sweep`` with what works before, around and after a learner, down to scores."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import skops.io as sio

from faircore.cli import main
from faircore.cli.plans import plan_of
from faircore.data import Table, build_dataset, load_sample, make_lending
from faircore.errors import InputError
from faircore.export.bundle import load_bundle
from faircore.frontier import Candidate, Frontier
from faircore.methods.cutting import CutConfig
from faircore.plans import SweepPlan
from faircore.predictors import Mixture, Thresholded
from faircore.records import ReviewStore, frontier_of_review
from faircore.shelf import read_predictor
from tests.test_shelf import brought_here, pipeline

Capture = pytest.CaptureFixture[str]
BARE = {
    "method": None, "penalty": "demographic_parity", "strengths": None, "seeds": (0,),
    "partition": [], "hidden": None, "set": [],
}  # fmt: skip

BY_HAND = [
    "--score",
    "existing_score",
    "--method",
    "thresholds_by_hand",
    "--set",
    "attributes=race",
]


@pytest.fixture(scope="module", autouse=True)
def here() -> Iterator[None]:
    with brought_here():
        yield


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of loans, and a model of its columns."""
    made = tmp_path_factory.mktemp("around")
    frame = make_lending(1_500, seed=4)
    frame.to_csv(made / "loans.csv", index=False)
    _, spec = load_sample("lending")
    model = pipeline(build_dataset(Table.from_frame(frame, "loans.csv"), spec))
    (made / "team.skops").write_bytes(sio.dumps(model))
    return made


def plan(*, source: str | None = None, **given: Any) -> SweepPlan:
    """What the command line makes of these options."""
    return plan_of(argparse.Namespace(**(BARE | given)), source=source)


def failed(arguments: list[str], capsys: Capture) -> str:
    """The one line a command says that cannot be carried out."""
    capsys.readouterr()
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert err.startswith("faircore: ")
    return err


def test_settings_reach_what_is_inside_a_method() -> None:
    found = plan(
        method=["reweighed", "resampled", "repaired", "reductions", "thresholds", "reject_option"],
        set=["n_rounds=10", "n_leaves=6", "by_lot=false", "rounds=3", "mixture=mean",
             "how=preferential", "unseen=refuse", "cost_false_no=3", "min_people=50"],
    )  # fmt: skip
    weights, rows, columns, mixed, cut, doubt = (spec.config for spec in found.sweeps)
    for config in (weights, rows, columns, mixed, cut, doubt):
        assert (config.base.kind, config.base.trees.n_rounds) == ("trees", 10)
        assert config.base.trees.n_leaves == 6
    assert (rows.how, columns.unseen, mixed.rounds, mixed.mixture) == (
        "preferential", "refuse", 3, "mean",
    )  # fmt: skip
    assert (cut.by_lot, cut.unseen, cut.cost_false_no, cut.min_people, cut.norm) == (
        False, "refuse", 3.0, 50, "linf",
    )  # fmt: skip
    assert (cut.cost_false_yes, doubt.unseen) == (1.0, "refuse")


def test_a_network_can_be_what_is_worked_around() -> None:
    found = plan(
        method=["massaged", "decorrelated", "reductions", "thresholds"],
        set=["kind=network", "epochs=3"],
        hidden=(),
    )
    for spec in found.sweeps:
        base = spec.config.base
        assert (base.kind, base.network.hidden, base.network.epochs) == ("network", (), 3)


def test_a_source_is_compared_with_and_cut() -> None:
    compared, cut = plan(source="abc").sweeps
    assert (compared.method, compared.config.source) == ("existing", "abc")
    assert (cut.method, cut.config) == ("thresholds", CutConfig(source="abc", by_lot=False))
    beside = plan(source="score", method=["boosted", "thresholds"], set=["n_rounds=4"]).sweeps
    assert beside[1].config == CutConfig(source="score", by_lot=False)
    assert beside[0].config.n_rounds == 4


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"method": ["thresholds"], "set": ["lots=false"]}, r"'lots' is no setting.*by_lot"),
        ({"method": ["thresholds"], "set": ["rounds=3"]}, "'rounds' is no setting of thresholds"),
        ({"method": ["reductions"], "set": ["by_lot=true"]}, r"'by_lot' is no setting.*mixture"),
        ({"method": ["reweighed"], "set": ["how=uniform"]}, "'how' is no setting of reweighed"),
        ({"method": ["thresholds"], "set": ["kind=forest"]}, "kind must be trees or network"),
        ({"method": ["reductions"], "set": ["mixture=all"]}, "mean"),
        ({"method": ["reductions"], "set": ["rounds=0"]}, "rounds must be 1 or more"),
        ({"method": ["reductions"], "set": ["rounds=many"]}, "value of the wrong kind"),
        ({"method": ["resampled"], "set": ["how=often"]}, "how must be uniform or preferential"),
        ({"method": ["thresholds"], "set": ["cost_false_no=0"]}, "must be a number above 0"),
        ({"method": ["thresholds"], "set": ["base=trees"]}, "value of the wrong kind"),
        ({"method": ["thresholds"], "penalty": "hsic"}, "cannot pursue 'hsic'"),
        ({"method": ["reject_option"], "penalty": "equalized_odds"}, "cannot pursue"),
        ({"method": ["reweighed"], "penalty": "equal_opportunity"}, "cannot pursue"),
        ({"method": ["reweighed"], "strengths": (1.5,)}, "from 0 to 1, "),
        ({"method": ["reject_option"], "strengths": (0.6,)}, r"from 0 to 0\.5"),
        ({"method": ["thresholds", "reweighed"], "strengths": (0.1,)}, "would mean 2 things"),
    ],
)
def test_what_cannot_be_planned_is_said(given: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        plan(**given)


def test_a_learning_rate_is_that_of_the_network_where_it_is_one() -> None:
    (spec,) = plan(method=["thresholds"], set=["kind=network", "learning_rate=0.05"]).sweeps
    assert spec.config.base.network.learning_rate == 0.05


@pytest.mark.parametrize("value", ["no", "False", "off"])
def test_a_switch_is_on_or_off(value: str) -> None:
    try:
        (spec,) = plan(method=["thresholds"], set=[f"by_lot={value}"]).sweeps
    except InputError:
        return
    assert spec.config.by_lot is False


@pytest.mark.parametrize("setting", ["norm=l7", "unseen=perhaps", "min_people=-1"])
def test_settings_of_cuts_are_checked_at_once(setting: str) -> None:
    with pytest.raises(InputError, match=setting.split("=")[0]):
        plan(method=["thresholds"], set=[setting])


def launched(arguments: list[str], work: Path) -> tuple[str, Frontier]:
    """Train on the loans; the review and its models."""
    assert main(["sweep", *arguments, "--workspace", str(work)]) == 0
    review = ReviewStore(work).list()[0].id
    return review, frontier_of_review(work, review)


def of(frontier: Frontier, method: str) -> list[Candidate]:
    return [c for c in frontier.candidates if c.method == method]


@pytest.fixture(scope="module")
def trained(folder: Path) -> tuple[Path, str, Frontier]:
    """Three methods in one review."""
    methods = ["thresholds", "reweighed", "reductions"]
    given = [str(folder / "loans.csv"), "--partition", "race"]
    given += [part for method in methods for part in ("--method", method)]
    for setting in ("n_rounds=10", "n_leaves=5", "by_lot=false", "rounds=2", "mixture=mean"):
        given += ["--set", setting]
    return folder / "work", *launched(given, folder / "work")


def test_three_methods_are_trained_as_asked(trained: tuple[Path, str, Frontier]) -> None:
    work, _, frontier = trained
    assert [c.failure for c in frontier.candidates] == [None] * 24
    for candidate in frontier.candidates:
        model = read_predictor(candidate.id, workspace=work)
        if candidate.method == "thresholds" and candidate.target is not None:
            assert isinstance(model, Thresholded)
            assert not model.rule.randomised
            assert model.rule.key.attributes == ("race",)
            model = model.base
        if isinstance(model, Mixture):
            assert model.mode == "mean"
        assert isinstance(model, Mixture) == (candidate.method == "reductions")
    assert {c.needs_groups for c in of(frontier, "reweighed")} == {False}


def test_they_are_shown_chosen_and_scored_with(
    trained: tuple[Path, str, Frontier], folder: Path, capsys: Capture, tmp_path: Path
) -> None:
    work, review, frontier = trained
    place = ["--workspace", str(work)]
    assert main(["frontier", review, "--by", "race", "--split", "calibrate", *place]) == 0
    told = capsys.readouterr().out
    assert "By race, threshold 0.50, calibrate rows" in told
    for candidate in frontier.candidates:
        line = next(line for line in told.splitlines() if line.strip().startswith(candidate.id))
        assert candidate.method in line.split()
    bundle, rows = tmp_path / "bundle.zip", folder / "loans.csv"
    for method, needs in (("thresholds", True), ("reweighed", False), ("reductions", False)):
        chosen = of(frontier, method)[1].id
        given = ["--candidate", chosen, "--reason", "why not", "--who", "Ada", "--out", str(bundle)]
        assert main(["export", review, *given, *place]) == 0
        assert load_bundle(bundle).facts["needs_groups"] is needs
        out = tmp_path / f"{method}.csv"
        assert main(["score", str(bundle), str(rows), "--out", str(out), "--id", "race"]) == 0
        found = pd.read_csv(out)
        assert list(found) == ["race", "score", "decision"]
        assert len(found) == 1_500
        assert found["decision"].nunique() == 2
        less = tmp_path / "less.csv"
        pd.read_csv(rows).drop(columns="race").to_csv(less, index=False)
        if needs:
            assert "has no column 'race'" in failed(["score", str(bundle), str(less)], capsys)
        else:
            assert main(["score", str(bundle), str(less), "--out", str(out)]) == 0
            assert pd.read_csv(out)["decision"].equals(found["decision"])


def test_a_model_file_is_compared_and_cut(folder: Path, capsys: Capture, tmp_path: Path) -> None:
    given = [str(folder / "loans.csv"), "--model", str(folder / "team.skops"), "--set",
             "by_lot=false", "--strengths", "0.02", "--partition", "race"]  # fmt: skip
    review, frontier = launched([*given, "--method", "thresholds"], tmp_path)
    told = capsys.readouterr().out
    plain = next(c for c in frontier.candidates if c.target is None)
    cut = next(c for c in frontier.candidates if c.target == 0.02)
    assert "a scikit-learn Pipeline from a skops file with thresholds" in cut.shape
    assert all(c.id in told for c in (plain, cut))
    bundle, out = tmp_path / "b.zip", tmp_path / "scores.csv"
    for candidate in (plain, cut):
        chosen = ["--candidate", candidate.id, "--reason", "ours", "--out", str(bundle)]
        assert main(["export", review, *chosen, "--workspace", str(tmp_path)]) == 0
        assert main(["score", str(bundle), str(folder / "loans.csv"), "--out", str(out)]) == 0
        assert len(pd.read_csv(out)) == 1_500
    _, both = launched([*given[:3], "--method", "existing"], tmp_path / "again")
    assert [c.method for c in both.candidates] == ["existing"]


def test_the_other_class_of_a_model_can_be_the_good_one(folder: Path, tmp_path: Path) -> None:
    model = [str(folder / "loans.csv"), "--model", str(folder / "team.skops"), "--method"]
    _, usual = launched([*model, "existing"], tmp_path / "a")
    _, turned = launched([*model, "existing", "--model-positive", "no"], tmp_path / "b")
    accuracy = [float(f.view(performance="accuracy").values[0, 0]) for f in (usual, turned)]
    assert accuracy[0] > 0.55 > 0.45 > accuracy[1]


def test_a_score_in_the_data_is_compared_and_cut(
    folder: Path, capsys: Capture, tmp_path: Path
) -> None:
    given = [str(folder / "loans.csv"), "--score", "existing_score", "--penalty", "equalized_odds"]
    _, frontier = launched([*given, "--partition", "race"], tmp_path)
    assert {c.method for c in frontier.candidates} == {"existing", "thresholds"}
    told = capsys.readouterr().out
    strict = min(of(frontier, "thresholds"), key=lambda c: c.strength)
    assert f"{strict.id}: " in told  # lots are told of
    assert "by lot" in strict.note
    scores = read_predictor(of(frontier, "existing")[0].id, workspace=tmp_path)
    assert scores.shape_text == "the existing score"


def test_thresholds_by_hand_are_given_by_group(
    folder: Path, capsys: Capture, tmp_path: Path
) -> None:
    cuts = {"White": 0.6, "Black": 0.4}
    given = [str(folder / "loans.csv"), "--score", "existing_score", "--set", "attributes=race"]
    given += ["--method", "thresholds_by_hand", "--set", f"cuts={json.dumps(cuts)}"]
    review, frontier = launched([*given, "--set", "threshold=0.45"], tmp_path / "a")
    (one,) = frontier.candidates
    model = read_predictor(one.id, workspace=tmp_path / "a")
    assert isinstance(model, Thresholded)
    told = model.rule.in_words()
    assert (told["White"], told["Black"], told["Asian"]) == ("0.600", "0.400", "0.450")
    assert "set by hand" in capsys.readouterr().out
    bundle = tmp_path / "bundle.zip"
    place = ["--workspace", str(tmp_path / "a")]
    assert main(["export", review, "--candidate", one.id, "--reason", "Tried.", "--out",
                 str(bundle), *place]) == 0  # fmt: skip
    assert main(["score", str(bundle), str(folder / "loans.csv"), "--out",
                 str(tmp_path / "scored.csv")]) == 0  # fmt: skip
    loans, scored = pd.read_csv(folder / "loans.csv"), pd.read_csv(tmp_path / "scored.csv")
    expected = loans["existing_score"] >= loans["race"].map(cuts).fillna(0.45)
    assert scored["decision"].tolist() == expected.astype(int).tolist()


def test_a_score_that_looks_like_a_feature_can_be_named(folder: Path, tmp_path: Path) -> None:
    renamed = pd.read_csv(folder / "loans.csv").rename(columns={"existing_score": "merit"})
    renamed.to_csv(tmp_path / "loans.csv", index=False)
    given = ["sweep", str(tmp_path / "loans.csv"), "--score", "merit", "--method", "existing"]
    assert main([*given, "--workspace", str(tmp_path)]) == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--model", "none.skops"], "'none.skops' cannot be read"),
        (["--model", "{folder}/loans.csv"], "The model 'loans.csv' is damaged or incomplete"),
        (["--model", "{folder}/team.skops", "--model-positive", "perhaps"], "one of its two cla"),
        (["--model", "{folder}/team.skops", "--set", "lots=1"], "'lots' is no setting"),
        (["--model", "{folder}/team.skops", "--method", "magic"], "no method 'magic'"),
        (["--score", "nothing"], "'nothing'"),
        (["--score", "repaid"], "One column has two roles"),
        (["--score", "existing_score", "--set", "lots=1"], "'lots' is no setting"),
        ([*BY_HAND, "--set", 'cuts={"Wite":0.6}'], "1 of 1 thresholds are for no group of race"),
        ([*BY_HAND, "--set", 'cuts={"White":0.605}'], "whole hundredths from 0 to 1"),
        ([*BY_HAND, "--set", "cuts=0.6"], "by name; it is a float"),
        (BY_HAND, "No group of race was given a threshold"),
        ([*BY_HAND, "--set", "lots=1"], "Settings are: attributes, cuts, source, threshold"),
        (["--method", "existing", "--sample", "german_credit"], "no column of an existing score"),
    ],
)
def test_what_cannot_be_worked_around_is_said_in_one_line(
    arguments: list[str], message: str, folder: Path, capsys: Capture, tmp_path: Path
) -> None:
    given = [part.replace("{folder}", str(folder)) for part in arguments]
    if "--sample" not in given:
        given.insert(0, str(folder / "loans.csv"))
    assert message in failed(["sweep", *given, "--workspace", str(tmp_path)], capsys)
    assert not (tmp_path / "reviews").exists()
