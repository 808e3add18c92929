"""`faircore calibrate`: what it prints and writes, when it fails, and what it cannot use."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from faircore.calibrators import GroupFairnessCalibrator
from faircore.cli import main
from faircore.data import build_dataset, guess_spec, make_lending, read_table, split_dataset
from faircore.metrics.calibration_report import CalibrationReport, calibration_report

BASE = "--target repaid --positive yes --score existing_score --sensitive race"
BOTH = f"{BASE} --sensitive gender"
PLAIN = ["race", "gender", "existing_score", "repaid"]


class Command:
    """The command on a file, in a folder of its own."""

    def __init__(self, capsys: pytest.CaptureFixture[str], folder: Path) -> None:
        self.capsys, self.folder = capsys, folder

    def write(self, frame: pd.DataFrame) -> Path:
        frame.to_csv(self.folder / "loans.csv", index=False)
        return self.folder / "loans.csv"

    def run(self, options: str, *, code: int = 0) -> str:
        """What is printed; every table is written too."""
        self.capsys.readouterr()
        found = main(["calibrate", "loans.csv", *options.split(), "--json", "tables.json"])
        out, err = self.capsys.readouterr()
        assert (found, err) == (code, "")
        return out

    def failed(self, options: str, file: str = "loans.csv", *, quiet: bool = True) -> str:
        """What it says when it cannot go on: one line on standard error, and no cell."""
        self.capsys.readouterr()
        code = main(["calibrate", *([file] if file else []), *options.split()])
        out, err = self.capsys.readouterr()
        assert (code, out == "") == (2, quiet)
        assert re.fullmatch(r"faircore: .*\.\n", err)
        assert "canary" not in err
        return err

    def tables(self, name: str = "tables.json") -> dict[str, Any]:
        """What was written; NaN would be no JSON."""

        def refuse(constant: str) -> None:
            raise AssertionError(f"{constant} is not JSON")

        return dict(json.loads((self.folder / name).read_text(), parse_constant=refuse))


@pytest.fixture
def command(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Command:
    monkeypatch.chdir(tmp_path)
    return Command(capsys, tmp_path)


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    """Loans whose score promises all Hispanic people far too little."""
    made = make_lending(6_000, seed=4)
    odds = np.log(made["existing_score"] / (1 - made["existing_score"]))
    odds -= 1.2 * (made["race"] == "Hispanic")
    return made.assign(existing_score=(1 / (1 + np.exp(-odds))).round(4))


def printed(out: str, partition: str) -> dict[str, list[str]]:
    """Rows of the printed table of a partition, by group."""
    lines = out.split(f"\n{partition}\n", 1)[1].splitlines()
    rows = [re.split(r"\s{2,}", line.strip()) for line in lines[1 : lines.index("")]]
    return {row[0]: row[1:] for row in rows}


def report_of(frame: pd.DataFrame, **settings: Any) -> CalibrationReport:
    return calibration_report(
        (frame["repaid"] == "yes").to_numpy(int), frame["existing_score"],
        sensitive_features=frame[["race", "gender"]], **settings,
    )  # fmt: skip


def parts_of(path: Path) -> tuple[Any, Any]:
    """The dataset as the command reads it, and its splits."""
    table = read_table(path)
    spec = guess_spec(table, target="repaid", sensitive=["race", "gender"])
    dataset = build_dataset(table, spec.with_(features=(), categorical=()))
    return dataset, split_dataset(dataset, seed=0)


def test_every_group_is_told_worst_first(command: Command, frame: pd.DataFrame) -> None:
    command.write(frame[PLAIN])  # nothing that a model could learn from
    out = command.run(BOTH, code=1)
    assert "6,000 people. All rows." in out
    report = report_of(frame)
    (written,) = command.tables()["scores"]
    rows = {(r["partition"], r["group"]): r for r in written["groups"]}
    for name in ("race", "gender"):
        own, shown = report.partition(name), printed(out, name)
        assert list(shown) == list(own.index)
        assert f"  {report.in_words(name)[-1]}\n" in out
        for group, row in own.iterrows():
            cells = shown[str(group)]
            shares = [f"{100 * row[c]:.1f}" for c in ("score", "outcome", "ece", "by_chance")]
            assert cells[0] == f"{row['people']:,.0f}"
            assert [*cells[1:3], *cells[4:6]] == shares
            assert cells[3].startswith(f"{100 * row['gap']:+.1f} [".replace("-", "−"))
            assert cells[6].startswith(f"{row['ecce']:.1f} (p ")
            assert cells[7] == row["verdict"]
            for column in ("people", "gap_low", "ece", "ecce_p", "ecce_holm"):
                assert rows[name, str(group)][column] == pytest.approx(row[column])
    assert next(iter(printed(out, "race"))) == "Hispanic"
    assert "→" not in out
    assert re.search(r"  \* Of about [\d,]*0 people with race = Hispanic, the score promises", out)
    planted = {"race = Hispanic", "race = Black · gender = woman"}
    assert planted <= {one["cell"] for one in written["findings"]}
    assert all(one["people"] % 10 == 0 for one in written["findings"])


def test_sealed_rows_take_no_part(command: Command, frame: pd.DataFrame) -> None:
    _, splits = parts_of(command.write(frame))
    opened = np.sort(np.concatenate([splits.train, splits.calibrate, splits.select]))
    out = command.run(BOTH, code=1)
    assert f"{len(opened):,} people. Rows that are not sealed." in out
    own = report_of(frame.iloc[opened]).partition("gender")["ece"]
    assert [row[4] for row in printed(out, "gender").values()] == [f"{100 * v:.1f}" for v in own]


def test_weights_count(command: Command, frame: pd.DataFrame) -> None:
    weights = np.where(frame["gender"] == "man", 3.0, 0.5)
    command.write(frame[PLAIN].assign(w=weights))
    command.run(f"{BOTH} --weight w", code=1)
    own = report_of(frame, sample_weight=weights).groups["gap"]
    gaps = [row["gap"] for row in command.tables()["scores"][0]["groups"]][: len(own)]
    assert gaps == pytest.approx(own.tolist())
    assert gaps != pytest.approx(report_of(frame).groups["gap"].tolist(), abs=1e-3)


def test_limits_are_broken_or_hold(command: Command, frame: pd.DataFrame) -> None:
    command.write(frame[PLAIN])
    found = 100 * float(report_of(frame).partition("race").loc["Hispanic", "ece"])
    out = command.run(f"{BASE} --limit {found / 3:.3f}", code=1)
    assert f"BROKEN: ECE of Hispanic by race is {found:.1f} points\n" in out
    assert "BROKEN" not in command.run(f"{BASE} --limit {found + 0.01:.3f}")
    assert "more than the limit of 2" in command.run(f"{BASE} --limit 100")
    # The gap counts where its limit is stated.
    out = command.run(f"{BASE} --limit 100 --gap-limit 2", code=1)
    assert "BROKEN: gap in ECE by race" in out


@pytest.mark.parametrize(
    ("options", "columns", "settings"),
    [
        ("--per race", ["race"], {}),
        ("--per race,gender --min-people 200", ["race", "gender"], {"min_group_size": 200}),
        ("--everybody --calibrator beta", None, {"method": "beta"}),
    ],
)
def test_what_is_fitted_on_one_part_is_shown_on_another_and_kept(
    options: str, columns: list[str] | None, settings: dict[str, Any],
    command: Command, frame: pd.DataFrame,
) -> None:  # fmt: skip
    dataset, splits = parts_of(command.write(frame))
    out = command.run(f"{BOTH} --cross race,gender --limit 100 {options} --out kept.json")
    rows, shown = splits.calibrate, dataset.sensitive.iloc[splits.select]
    told = dataset.sensitive.iloc[rows][columns] if columns else None
    calibrator = GroupFairnessCalibrator(**settings)
    calibrator.fit(dataset.score[rows], dataset.y_true[rows], told)
    before = dataset.score[splits.select]
    after = calibrator.transform(before, shown[columns] if columns else None)
    written = command.tables()
    assert written["people"] == len(shown)
    for scores, given in zip(written["scores"], (before, after), strict=True):
        report = calibration_report(
            dataset.y_true[splits.select], given, sensitive_features=shown,
            partitions=["race", "gender", ("race", "gender")],
        )  # fmt: skip
        for column in ("people", "score", "gap", "ece", "ecce"):
            found = [np.nan if row[column] is None else row[column] for row in scores["groups"]]
            assert found == pytest.approx(report.groups[column].tolist(), nan_ok=True)
    for fit in calibrator.maps_.report:
        assert f"  {fit.name}: {fit.in_words()}\n" in out
    assert "GroupFairnessCalibrator.from_dict(json.load(" in out
    kept = command.tables("kept.json")
    read = GroupFairnessCalibrator.from_dict(kept)
    assert read.transform(before, shown[columns] if columns else None) == pytest.approx(after)
    assert (kept["score"], kept["bins"]) == ("existing_score", {})


def test_edges_of_ranges_are_kept(command: Command, frame: pd.DataFrame) -> None:
    command.write(frame)
    ranges = "--sensitive age --bins age=30,60 --per age"
    command.run(f"{BASE} {ranges} --limit 1 --out kept.json", code=1)  # broken, and kept
    kept = command.tables("kept.json")
    assert kept["bins"] == {"age": [30.0, 60.0]}
    assert GroupFairnessCalibrator.from_dict(kept).needs_groups == ("age",)


def test_a_planted_group_is_repaired(command: Command, frame: pd.DataFrame) -> None:
    command.write(frame)
    assert "ECE of Hispanic by race" in command.run(f"{BASE} --limit 8", code=1)
    command.run(f"{BASE} --limit 8 --per race")
    scores = command.tables()["scores"]
    before, after = (next(g for g in s["groups"] if g["group"] == "Hispanic") for s in scores)
    assert before["verdict"] == "fail"
    assert before["gap"] < -0.2 < -0.05 < after["gap"] < 0.05
    assert after["ece"] < before["ece"] / 2
    assert scores[1]["disparities"][0]["difference"] < scores[0]["disparities"][0]["difference"]


def test_what_else_changed_is_told(command: Command, frame: pd.DataFrame) -> None:
    command.write(frame)
    out = command.run(f"{BOTH} --per race --threshold 0.6 --limit 100")
    told = out.split("What it changed, at threshold 0.6\n")[1].split("\n\n")[0].splitlines()
    effect = command.tables()["effect"]
    expected = [
        f"  {row['title']}: {row['before']:.3f} → {row['after']:.3f}, change "
        for row in effect
        if row["index"] in ("accuracy", "auc") or (row["p_holm"] or 1) < 0.05
    ]
    assert [line[: len(start)] for line, start in zip(told, expected, strict=True)] == expected
    assert 2 < len(told) < len(effect)
    assert next(line for line in told if "Brier score" in line).endswith(", better")


@pytest.mark.parametrize("fit", ["", "--per race"])
def test_small_groups_are_not_shown(fit: str, command: Command, frame: pd.DataFrame) -> None:
    small = frame[PLAIN].fillna({"race": "White"})
    small.loc[small.index[:8], "race"] = "few"
    command.write(small)
    shown = printed(command.run(f"{BASE} --limit 100 {fit}"), "race")
    # The smallest of the others goes with it: else its number would follow from the total.
    for group in ("few", "Asian"):
        assert shown[group] == ["–"] * 7 + ["too few"]
        for scores in command.tables()["scores"]:
            row = next(r for r in scores["groups"] if r["group"] == group)
            kept = {name for name, value in row.items() if value is not None}
            assert kept == {"partition", "group", "verdict"}
    for one in command.tables()["fit"]:
        hidden = one["labels"] in (["few"], ["Asian"])
        assert (one["n"] is None) == (one["n_positive"] is None) == hidden


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("--per region", "'region'"), ("--per race,race", "twice"), ("--per ,", "--per"),
        ("--per race --everybody", "--everybody"), ("--out kept.json", "--out needs"),
        ("--calibrator platt", "--calibrator needs"), ("--min-people 50", "--min-people needs"),
        ("--everybody --min-people -3", "-3"), ("--everybody --threshold 7", "7"),
        ("--limit -1", "0 to 100"), ("--limit nan", "0 to 100"), ("--gap-limit 101", "0 to 100"),
        ("--json none/a.json", "none/a.json"), ("--everybody --out none/a.json", "none/a.json"),
        ("--score race", "race"), ("--score nothing", "nothing"), ("--score repaid", "two roles"),
        ("--weight nothing", "nothing"), ("--cross race,religion", "religion"),
        ("--positive perhaps", "positive"),
    ],
)  # fmt: skip
def test_a_wrong_option_is_said(
    options: str, words: str, command: Command, frame: pd.DataFrame
) -> None:
    command.write(frame)
    assert words in command.failed(f"{BOTH} {options}")
    assert not list(command.folder.glob("*.json"))


def test_a_table_that_cannot_be_used_is_said(command: Command, frame: pd.DataFrame) -> None:
    score = frame["existing_score"]
    spoiled: list[dict[str, Any]] = [
        {"existing_score": "canary"}, {"existing_score": score * 100},
        {"existing_score": score.mask(frame.index % 7 == 0)}, {"repaid": "yes"},
        {"repaid": np.array(["yes", "no", "canary"])[frame.index % 3]},
        {"race": [f"canary {k}" for k in range(len(frame))]},
    ]  # fmt: skip
    for columns in spoiled:
        command.write(frame[PLAIN].assign(**columns))
        command.failed(BOTH)
        command.failed(f"{BOTH} --per race")
    command.write(frame[PLAIN].iloc[:6])
    command.failed(f"{BOTH} --everybody")
    command.write(frame.drop(columns=["existing_score", "existing_decision"]))
    assert "--score" in command.failed(BOTH.replace("--score existing_score ", ""))
    command.failed(BOTH, "none.csv")
    assert "--sample" in command.failed("", "")


@pytest.mark.parametrize("option", ["--json", "--out"])
def test_a_folder_is_no_file(option: str, command: Command, frame: pd.DataFrame) -> None:
    command.write(frame)
    command.failed(f"{BASE} --everybody {option} {command.folder}", quiet=False)
