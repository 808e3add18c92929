from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from faircore.cli import main
from faircore.data import SAMPLES, make_lending
from faircore.export.bundle import load_bundle
from faircore.records import Review, ReviewStore, frontier_of_review

QUICK = ["--strengths", "1", "--hidden", ""]
Capture = pytest.CaptureFixture[str]


@pytest.fixture
def loans(tmp_path: Path) -> Path:
    path = tmp_path / "loans.csv"
    make_lending(600, seed=4).to_csv(path, index=False)
    return path


def failed(arguments: list[str], capsys: Capture) -> str:
    """What a command that cannot be carried out says; it says it in one line on stderr."""
    capsys.readouterr()
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("faircore: ")
    assert err.count("\n") == 1
    assert "Traceback" not in err
    return err


def test_from_a_file_to_scores(
    loans: Path, tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAIRCORE_WORKSPACE", str(tmp_path / "w"))
    assert main(["sweep", str(loans), "--strengths", "0.5,2", "--hidden", "", "--name", "L"]) == 0
    shown = capsys.readouterr().out
    review = ReviewStore(tmp_path / "w").list()[0]
    assert (review.name, review.source) == ("L", "loans.csv")
    assert f"faircore export {review.id}" in shown
    frontier = frontier_of_review(tmp_path / "w", review.id)
    values = frontier.to_frame()[[frontier.performance, frontier.disparity]].to_numpy()
    for k, candidate in enumerate(frontier.candidates):
        line = next(line for line in shown.splitlines() if candidate.id in line)
        performance, gap = values[k]
        assert f"{performance:.4f}" in line
        assert f"{gap:.4f}" in line

    table, plot = tmp_path / "front.csv", tmp_path / "front.html"
    view = ["--by", "race × gender", "--performance", "balanced_accuracy", "--threshold", "0.6"]
    assert main(["frontier", review.id, *view, "--csv", str(table), "--plot", str(plot)]) == 0
    assert "By race × gender, threshold 0.60, select rows" in capsys.readouterr().out
    seen = frontier.view(partition="race × gender", performance="balanced_accuracy", threshold=0.6)
    assert pd.read_csv(table)["balanced_accuracy"].tolist() == pytest.approx(
        seen.to_frame()["balanced_accuracy"].tolist()
    )
    assert "<html>" in plot.read_text()

    bundle, scored = tmp_path / "b.zip", tmp_path / "scored.csv"
    chosen = frontier.candidates[1].id
    assert main(["export", review.id, "--candidate", chosen, "--threshold", "0.55", "--reason",
                 "Equal enough.", "--who", "Ada", "--out", str(bundle)]) == 0  # fmt: skip
    assert capsys.readouterr().out.strip() == str(bundle)
    assert load_bundle(bundle).facts["candidate"] == chosen
    stored = ReviewStore(tmp_path / "w").get(review.id)
    assert [(o.who, o.candidate, o.threshold) for o in stored.openings] == [("Ada", chosen, 0.55)]

    columns = ["--id", "application_id"]
    assert main(["score", str(bundle), str(loans), "--out", str(scored), *columns]) == 0
    assert capsys.readouterr().out == f"600 rows scored into {scored}\n"
    assert pd.read_csv(scored)["application_id"].tolist() == list(range(1, 601))
    assert main(["score", str(bundle), str(loans)]) == 0
    printed = capsys.readouterr().out.splitlines()
    assert printed[0] == "score,decision"
    assert len(printed) == 601


def test_as_a_program_of_its_own(loans: Path, tmp_path: Path) -> None:
    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "faircore.cli", *arguments],
            capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip

    done = run("sweep", str(loans), *QUICK, "--workspace", str(tmp_path / "w"))
    assert (done.returncode, done.stderr) == (0, "")
    assert re.search(r"Review [0-9a-f]{12}\.", done.stdout)
    done = run("frontier", "0" * 12, "--workspace", str(tmp_path / "w"))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("faircore: There is no review")


def test_a_sample_needs_no_file(capsys: Capture, tmp_path: Path) -> None:
    workspace = tmp_path / "w"
    arguments = ["sweep", "--sample", "lending", *QUICK, "--workspace", str(workspace)]
    assert main(arguments) == 0
    review = ReviewStore(workspace).list()[0]
    assert review.data_spec == SAMPLES["lending"].spec
    assert "lending" in failed(["sweep", "--sample", "nothing"], capsys)
    assert "--sample" in failed(["sweep"], capsys)


def test_the_view_of_a_sweep_is_what_it_was_trained_for(
    loans: Path, tmp_path: Path, capsys: Capture
) -> None:
    arguments = ["sweep", str(loans), *QUICK, "--workspace", str(tmp_path / "w")]
    assert main([*arguments, "--penalty", "equal_opportunity", "--partition", "gender"]) == 0
    out = capsys.readouterr().out
    assert "By gender," in out
    assert "equal_opportunity_difference" in out


def test_roles_are_given_one_by_one(loans: Path, tmp_path: Path, capsys: Capture) -> None:
    arguments = ["sweep", str(loans), *QUICK, "--workspace", str(tmp_path / "w")]
    roles = ["--target", "repaid", "--positive", "no", "--sensitive", "region",
             "--sensitive", "race", "--cross", "region,race"]  # fmt: skip
    assert main([*arguments, *roles]) == 0
    spec = ReviewStore(tmp_path / "w").list()[0].data_spec
    assert (spec.target, spec.positive) == ("repaid", "no")
    assert spec.partitions == (("region",), ("race",), ("region", "race"))
    assert not {"region", "race", "repaid"} & set(spec.features)
    assert "region" in capsys.readouterr().out


def test_attributes_nobody_could_guess_can_be_named(tmp_path: Path, capsys: Capture) -> None:
    frame = make_lending(600, seed=4)[["region", "income", "debt_ratio", "repaid"]]
    path = tmp_path / "plain.csv"
    frame.to_csv(path, index=False)
    arguments = ["sweep", str(path), *QUICK, "--workspace", str(tmp_path / "w")]
    assert "sensitive" in failed(arguments, capsys)  # nothing to guess from
    code = main([*arguments, "--target", "repaid", "--sensitive", "region"])
    assert (code, capsys.readouterr().err) == (0, "")


def test_an_old_decision_can_be_the_target(loans: Path, tmp_path: Path, capsys: Capture) -> None:
    arguments = ["sweep", str(loans), *QUICK, "--workspace", str(tmp_path / "w")]
    code = main([*arguments, "--target", "existing_decision", "--positive", "1"])
    assert (code, capsys.readouterr().err) == (0, "")
    assert ReviewStore(tmp_path / "w").list()[0].data_spec.target == "existing_decision"


def test_roles_come_from_a_file(loans: Path, tmp_path: Path) -> None:
    roles = tmp_path / "roles.json"
    roles.write_text(SAMPLES["lending"].spec.to_json())
    arguments = ["sweep", str(loans), *QUICK, "--workspace", str(tmp_path / "w")]
    assert main([*arguments, "--roles", str(roles)]) == 0
    assert ReviewStore(tmp_path / "w").list()[0].spec == SAMPLES["lending"].spec.to_json()


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"{}", b"\xff\xfe", b'{"target": "repaid"}', b"null",
     b'{"features": 1, "sensitive": []}', b'{"features": [], "sensitive": ["race"]}'],
)  # fmt: skip
def test_roles_nobody_can_read_are_refused(
    content: bytes, loans: Path, tmp_path: Path, capsys: Capture
) -> None:
    roles = tmp_path / "roles.json"
    roles.write_bytes(content)
    failed(["sweep", str(loans), *QUICK, "--roles", str(roles)], capsys)


def test_roles_that_are_not_there_are_refused(loans: Path, tmp_path: Path, capsys: Capture) -> None:
    for path in (tmp_path / "none.json", tmp_path):
        failed(["sweep", str(loans), *QUICK, "--roles", str(path)], capsys)


def test_roles_of_another_table_are_refused(loans: Path, tmp_path: Path, capsys: Capture) -> None:
    roles = tmp_path / "roles.json"
    raw = json.loads(SAMPLES["lending"].spec.to_json())
    roles.write_text(json.dumps({**raw, "target": "Repaid"}))
    assert "'Repaid'" in failed(["sweep", str(loans), *QUICK, "--roles", str(roles)], capsys)


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["--target", "nothing"], "nothing"),
        (["--positive", "perhaps"], "positive"),
        (["--sensitive", "nothing"], "nothing"),
        (["--cross", "race"], "cross"),
        (["--cross", "race,nothing"], "cross"),
        (["--penalty", "kindness"], "kindness"),
        (["--partition", "religion"], "religion"),
        (["--strengths=-1"], "strength"),
        (["--strengths", "nan"], "strength"),
        (["--strengths", "inf"], "strength"),
        (["--hidden", "0"], "hidden"),
        (["--seeds", ""], "seed"),
    ],
)
def test_what_cannot_be_trained_is_said(
    arguments: list[str], word: str, loans: Path, tmp_path: Path, capsys: Capture
) -> None:
    workspace = ["--workspace", str(tmp_path / "w")]
    assert word in failed(["sweep", str(loans), *arguments, *workspace], capsys)
    assert not (tmp_path / "w" / "reviews").exists()


@pytest.mark.parametrize(
    ("name", "content"),
    [("none.csv", None), ("empty.csv", b""), ("a.pdf", b"%PDF-"), ("a.csv", b"\x00\x01canary"),
     ("ragged.csv", b"a,b\ncanary\n1,2,3\n"), ("a.xlsx", b"canary")],
)  # fmt: skip
def test_a_file_nobody_can_read_is_said(
    name: str, content: bytes | None, tmp_path: Path, capsys: Capture
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    assert "canary" not in failed(["sweep", str(tmp_path / name), *QUICK], capsys)


@pytest.mark.parametrize(
    "arguments",
    [
        ["sweep", "x.csv", "--strengths", "a,b"],
        ["sweep", "x.csv", "--strengths", ""],
        ["sweep", "x.csv", "--seeds", "1.5"],
        ["sweep", "x.csv", "--hidden", "many"],
        ["frontier", "0" * 12, "--threshold", "half"],
        ["export", "0" * 12, "--candidate", "x"],
        ["export", "0" * 12, "--reason", "x"],
        ["score", "b.zip"],
        ["unknown"],
        [],
    ],
)
def test_a_mistyped_command_ends_with_its_usage(arguments: list[str], capsys: Capture) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    err = capsys.readouterr().err
    assert err.startswith("usage: faircore")
    assert "_numbers" not in err  # names of our own functions tell nobody anything
    assert "_integers" not in err


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["--threshold", "7"], "threshold"),
        (["--threshold=-0.1"], "threshold"),
        (["--threshold", "nan"], "threshold"),
        (["--performance", "beauty"], "beauty"),
        (["--disparity", "envy"], "envy"),
        (["--by", "religion"], "religion"),
        (["--plot", "front.docx"], ".docx"),
    ],
)
def test_a_view_there_is_not_is_said(
    arguments: list[str], word: str, trained: tuple[Path, Review], capsys: Capture
) -> None:
    workspace, review = trained
    capsys.readouterr()
    assert main(["frontier", review.id, "--workspace", str(workspace), *arguments]) == 2
    assert word in capsys.readouterr().err


@pytest.mark.parametrize("review", ["0" * 12, "..", "nonsense"])
def test_a_review_there_is_not_is_said(
    review: str, trained: tuple[Path, Review], capsys: Capture
) -> None:
    workspace = ["--workspace", str(trained[0])]
    assert "review" in failed(["frontier", review, *workspace], capsys)
    chosen = ["--candidate", "x", "--reason", "y"]
    assert "review" in failed(["export", review, *chosen, *workspace], capsys)


@pytest.mark.parametrize(
    "changes",
    [{"--candidate": "nobody"}, {"--reason": " "}, {"--threshold": "1.5"}, {"--threshold": "nan"}],
)
def test_what_cannot_be_exported_opens_nothing(
    changes: dict[str, str], fresh: tuple[Path, Review], tmp_path: Path, capsys: Capture
) -> None:
    workspace, review = fresh
    candidate = frontier_of_review(workspace, review.id).candidates[0].id
    given = {"--candidate": candidate, "--reason": "r", "--out": str(tmp_path / "b.zip"), **changes}
    arguments = [part for pair in given.items() for part in pair]
    failed(["export", review.id, "--workspace", str(workspace), *arguments], capsys)
    assert ReviewStore(workspace).get(review.id).openings == ()
    assert not (tmp_path / "b.zip").exists()


def test_a_bundle_that_cannot_be_written_opens_nothing(
    fresh: tuple[Path, Review], tmp_path: Path, capsys: Capture
) -> None:
    """A typing mistake must not cost a look at the sealed rows."""
    workspace, review = fresh
    candidate = frontier_of_review(workspace, review.id).candidates[0].id
    out = tmp_path / "none" / "b.zip"
    failed(["export", review.id, "--workspace", str(workspace), "--candidate", candidate,
            "--reason", "r", "--out", str(out)], capsys)  # fmt: skip
    assert ReviewStore(workspace).get(review.id).openings == ()


@pytest.mark.parametrize("option", ["--csv", "--plot"])
def test_a_frontier_that_cannot_be_written_is_said(
    option: str, trained: tuple[Path, Review], tmp_path: Path, capsys: Capture
) -> None:
    workspace, review = trained
    out = tmp_path / "none" / "front.html"
    capsys.readouterr()
    assert main(["frontier", review.id, "--workspace", str(workspace), option, str(out)]) == 2
    err = capsys.readouterr().err
    assert err.startswith("faircore: ")
    assert "None" not in err


def test_scoring_with_what_is_no_bundle_is_said(loans: Path, capsys: Capture) -> None:
    assert "not a faircore bundle" in failed(["score", str(loans), str(loans)], capsys)
    assert "no file" in failed(["score", "none.zip", str(loans)], capsys)


def test_a_workspace_that_is_a_file_is_said(loans: Path, capsys: Capture) -> None:
    failed(["sweep", str(loans), *QUICK, "--workspace", str(loans)], capsys)


def test_a_workspace_named_on_the_command_line_is_private_too(loans: Path, tmp_path: Path) -> None:
    assert main(["sweep", str(loans), *QUICK, "--workspace", str(tmp_path / "w")]) == 0
    assert (tmp_path / "w").stat().st_mode & 0o077 == 0
