"""`faircore audit`: what it prints and writes, and what it says of what it cannot use."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from faircore.audit import GroupReport, group_report
from faircore.cli import main
from faircore.data import SAMPLES, make_lending

Capture = pytest.CaptureFixture[str]
SENSITIVE = ["--sensitive", "race", "--sensitive", "gender"]
NAMED = ["--target", "repaid", "--positive", "yes", *SENSITIVE, "--score", "existing_score",
         "--decision", "existing_decision"]  # fmt: skip


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    return make_lending(3_000, seed=4)


@pytest.fixture
def loans(frame: pd.DataFrame, tmp_path: Path) -> Path:
    path = tmp_path / "loans.csv"
    frame.to_csv(path, index=False)
    return path


def report_of(frame: pd.DataFrame, **settings: Any) -> GroupReport:
    given = {
        "y_pred": frame["existing_decision"], "y_score": frame["existing_score"],
        "sensitive_features": frame[["race", "gender"]],
    }  # fmt: skip
    return group_report((frame["repaid"] == "yes").to_numpy(int), **{**given, **settings})


def usage(arguments: list[str], capsys: Capture) -> None:
    """A mistyped option ends with the usage."""
    capsys.readouterr()
    with pytest.raises(SystemExit) as ended:
        main(["audit", *arguments])
    out, err = capsys.readouterr()
    assert (ended.value.code, out) == (2, "")
    assert err.startswith("usage: faircore audit")


def run(arguments: list[str], capsys: Capture, *, code: int = 0) -> str:
    capsys.readouterr()
    found = main(["audit", *arguments])
    out, err = capsys.readouterr()
    assert (found, err) == (code, "")
    return out


def failed(arguments: list[str], capsys: Capture) -> str:
    """What an audit that cannot be made says: one sentence or two, in one line, on stderr."""
    capsys.readouterr()
    code = main(["audit", *arguments])
    out, err = capsys.readouterr()
    assert (code, out) == (2, "")
    assert err.startswith("faircore: ")
    assert err.count("\n") == 1
    assert err.endswith(".\n")
    assert "Traceback" not in err
    assert "canary" not in err
    return err


def printed(out: str, partition: str) -> dict[str, list[str]]:
    """Rows of the printed table of a partition, by group."""
    lines = out.split(f"\n{partition}\n", 1)[1].splitlines()
    body = lines[1 : lines.index("")]
    rows = [re.split(r"\s{2,}", line.strip()) for line in body]
    return {row[0]: row[1:] for row in rows}


def same_table(out: str, report: GroupReport, partition: str) -> None:
    rows = printed(out, partition)
    value, marks = (report.table(partition, c) for c in ("value", "stands_out"))
    assert list(rows) == list(value.index)
    for group, cells in rows.items():
        v = value.loc[group, "selection_rate"]
        mark = "*" if marks.loc[group, "selection_rate"] else ""
        assert cells[2] == ("–" if np.isnan(v) else f"{mark}{100 * v:.1f}")
        n = report.table(partition, "people").loc[group, "selection_rate"]
        assert cells[0] == ("–" if np.isnan(n) else f"{n:,.0f}")


# --- what it prints and writes


@pytest.mark.parametrize("suffix", ["csv", "parquet", "xlsx"])
def test_a_file_is_audited(
    suffix: str, frame: pd.DataFrame, tmp_path: Path, capsys: Capture
) -> None:
    path = tmp_path / f"loans.{suffix}"
    if suffix == "csv":
        frame.to_csv(path, index=False)
    elif suffix == "parquet":
        frame.to_parquet(path)
    else:
        frame.to_excel(path, index=False)
    out = run([str(path), *NAMED, "--cross", "race,gender"], capsys)
    report = report_of(frame, cross=[("race", "gender")])
    assert "'existing_decision'" in out
    assert "3,000 people" in out
    assert "* Of 100" in out
    assert "Black · woman" in next(line for line in out.splitlines() if line.startswith("* Of"))
    for partition in ("race", "gender", "race × gender"):
        same_table(out, report, partition)


def test_roles_are_guessed(loans: Path, frame: pd.DataFrame, capsys: Capture) -> None:
    out = run([str(loans)], capsys)
    same_table(out, report_of(frame), "gender")
    roles = loans.with_name("roles.json")
    roles.write_text(SAMPLES["lending"].spec.to_json())
    again = run([str(loans), "--roles", str(roles)], capsys)
    same_table(again, report_of(frame), "gender")


def test_both_files_hold_the_same_figures(
    loans: Path, frame: pd.DataFrame, tmp_path: Path, capsys: Capture
) -> None:
    page, data = tmp_path / "a.html", tmp_path / "a.json"
    crossed = [*NAMED, "--cross", "race,gender"]
    run([str(loans), *crossed, "--html", str(page), "--json", str(data)], capsys)
    report = report_of(frame, cross=[("race", "gender")])

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is not JSON")

    written = json.loads(data.read_text(), parse_constant=refuse)
    assert written["people"] == 3_000
    rows = {(r["partition"], r["group"], r["metric"]): r for r in written["groups"]}
    assert len(rows) == len(report.by_group)
    for key, row in report.by_group.iterrows():
        for column in ("people", "value", "low", "high", "gap", "p_value", "p_bh"):
            if np.isfinite(row[column]):
                assert rows[key][column] == pytest.approx(row[column])
            else:
                assert rows[key][column] is None
    for found in written["disparities"]:
        value = report.disparities.loc[(found["partition"], found["measure"]), "value"]
        assert found["value"] == (None if np.isnan(value) else pytest.approx(value))
    text = page.read_text()
    assert text.startswith("<!doctype html>")
    assert "NaN" not in re.sub(r"<script>.*?</script>", "", text, flags=re.DOTALL)
    assert not re.search(r"<(script|link|img)[^>]+(src|href)=", text)
    v = report.table("gender")["selection_rate"]["woman"]
    assert f"{100 * v:.1f} [" in text


def test_what_is_named_is_used(loans: Path, frame: pd.DataFrame, capsys: Capture) -> None:
    score = NAMED[:-2]
    for threshold in ("0.7", "0", "1"):
        out = run([str(loans), *score, "--threshold", threshold], capsys)
        same_table(out, report_of(frame, y_pred=None, threshold=float(threshold)), "gender")
    decision = [*NAMED[:-4], "--decision", "existing_decision"]
    out = run([str(loans), *decision], capsys)
    assert "AUC" not in out.split("gender\n")[1].splitlines()[0]
    out = run([str(loans), *NAMED, "--reference", "gender=man", "--confidence", "0.9"], capsys)
    same_table(out, report_of(frame, reference={"gender": "man"}, confidence=0.9), "gender")
    out = run([str(loans), *NAMED, "--min-people", "300"], capsys)
    same_table(out, report_of(frame, min_people=300), "race")
    out = run(
        [str(loans), *NAMED[:-4], "--sensitive", "age", "--bins", "age=30,60", *NAMED[-4:]], capsys
    )
    groups = list(printed(out, "age"))
    assert (groups[0], groups[-1], len(groups)) == ("< 30", "≥ 60", 3)


def test_weights_count(frame: pd.DataFrame, tmp_path: Path, capsys: Capture) -> None:
    weights = np.where(frame["gender"] == "man", 3.0, 0.5)
    path = tmp_path / "weighted.csv"
    frame.assign(w=weights).to_csv(path, index=False)
    out = run([str(path), *NAMED, "--weight", "w"], capsys)
    weighted = report_of(frame, sample_weight=weights)
    same_table(out, weighted, "race")
    plain = report_of(frame).table("race")["selection_rate"]
    assert not np.allclose(
        weighted.table("race")["selection_rate"], plain, atol=1e-3, equal_nan=True
    )


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
@pytest.mark.parametrize(
    "more",
    [
        [],
        ["--cross", "race,gender", "--reference", "race=White"],
        ["--cross", "race,gender", "--weight", "loan_amount"],
    ],
)
def test_out_of_core_prints_the_same(
    suffix: str, more: list[str], frame: pd.DataFrame, tmp_path: Path, capsys: Capture
) -> None:
    path = tmp_path / f"loans.{suffix}"
    if suffix == "csv":
        frame.to_csv(path, index=False)
    else:
        frame.to_parquet(path)
    inside = run([str(path), *NAMED, *more], capsys)
    outside = run([str(path), *NAMED, *more, "--memory", "200MB"], capsys)
    if "--weight" not in more:
        assert outside == inside
    else:  # sums of weights in another order
        assert printed(outside, "race") == printed(inside, "race")


def test_out_of_core_with_bins_and_roles(loans: Path, tmp_path: Path, capsys: Capture) -> None:
    binned = [*NAMED, "--cross", "race,gender", "--sensitive", "age", "--bins", "age=30,60"]
    assert run([str(loans), *binned, "--memory", "200MB"], capsys) == run(
        [str(loans), *binned], capsys
    )
    roles = tmp_path / "roles.json"
    roles.write_text(SAMPLES["lending"].spec.to_json())
    given = [str(loans), "--roles", str(roles)]
    assert run([*given, "--memory", "200MB"], capsys) == run(given, capsys)
    # What is named beside a file of roles counts in the same way.
    more = [*given, "--decision", "existing_decision"]
    assert run([*more, "--memory", "200MB"], capsys) == run(more, capsys)


@pytest.mark.slow
def test_a_baseline_and_a_sample(loans: Path, capsys: Capture) -> None:
    out = run([str(loans), *NAMED, "--baseline", "logistic"], capsys)
    assert "baseline (logistic)" in out
    assert "1,500 people" in out  # it learned from the other half
    out = run(["--sample", "lending"], capsys)
    assert "20,000 people" in out
    assert "Black · woman" in out


# --- limits and exit codes


def test_a_limit_holds_or_is_broken(loans: Path, frame: pd.DataFrame, capsys: Capture) -> None:
    report = report_of(frame)
    found = report.disparities.loc[("race", "demographic_parity_difference")]
    name = "demographic_parity_difference"
    only = [*NAMED[:4], "--sensitive", "race", *NAMED[-4:]]

    def limit(value: float, code: int, *more: str) -> str:
        return run([str(loans), *only, "--limit", f"{name}={value}", *more], capsys, code=code)

    assert f"BROKEN: {name} by race" in limit(found["value"] - 0.001, 1)
    assert f"holds: {name} by race" in limit(found["value"] + 0.001, 0)
    assert "holds" in limit(found["value"] - 0.001, 0, "--limit-on", "certain")
    assert "BROKEN" in limit(found["low"] - 0.001, 1, "--limit-on", "certain")
    limit(1, 0)
    ratio = report.disparities.loc[("race", "demographic_parity_ratio")]
    name = "demographic_parity_ratio"
    limit(ratio["value"] + 0.001, 1)
    limit(ratio["value"] - 0.001, 0)
    limit(ratio["value"] + 0.001, 0, "--limit-on", "certain")
    limit(ratio["high"] + 0.001, 1, "--limit-on", "certain")


def test_every_limit_counts(loans: Path, capsys: Capture) -> None:
    limits = ["--limit", "demographic_parity_difference=1", "--limit", "auc_difference=0"]
    out = run([str(loans), *NAMED, *limits], capsys, code=1)
    assert out.count("holds: demographic_parity_difference") >= 2
    assert "BROKEN: auc_difference" in out
    decision = [*NAMED[:-4], "--decision", "existing_decision"]
    # A gate that can never close is refused.
    failed([str(loans), *decision, "--limit", "auc_difference=0"], capsys)


@pytest.mark.parametrize(
    "limit",
    ["beauty=0.1", "demographic_parity_difference", "demographic_parity_difference=",
     "demographic_parity_difference=little", "demographic_parity_difference=nan", "=0.1", ""],
)  # fmt: skip
def test_a_limit_that_is_none_is_said(limit: str, loans: Path, capsys: Capture) -> None:
    failed([str(loans), *NAMED, "--limit", limit], capsys)


def test_a_limit_is_read_before_anything_is_written(
    loans: Path, tmp_path: Path, capsys: Capture
) -> None:
    out = tmp_path / "a.html"
    failed([str(loans), *NAMED, "--html", str(out), "--limit", "beauty=1"], capsys)
    assert not out.exists()


# --- what cannot be used


def spoiled(frame: pd.DataFrame, column: str, values: Any) -> pd.DataFrame:
    changed = frame.copy()
    changed[column] = values
    return changed


BAD: dict[str, Callable[[pd.DataFrame], pd.DataFrame]] = {
    "score above 1": lambda f: spoiled(f, "existing_score", f["existing_score"] * 100),
    "score below 0": lambda f: spoiled(f, "existing_score", f["existing_score"] - 0.9),
    "score missing here and there": lambda f: spoiled(
        f, "existing_score", f["existing_score"].mask(f.index % 7 == 0)
    ),
    "score is text": lambda f: spoiled(f, "existing_score", "canary"),
    "score all missing": lambda f: spoiled(f, "existing_score", np.nan),
    "score infinite": lambda f: spoiled(f, "existing_score", f["existing_score"].mask(
        f.index == 3, np.inf)),
    "decision of three values": lambda f: spoiled(f, "existing_decision", f.index % 3),
    "decision of three words": lambda f: spoiled(
        f, "existing_decision", np.array(["canary-a", "canary-b", "canary-c"])[f.index % 3]
    ),
    "decision missing here and there": lambda f: spoiled(
        f, "existing_decision", f["existing_decision"].mask(f.index % 7 == 0)
    ),
    "decision all missing": lambda f: spoiled(f, "existing_decision", np.nan),
    "outcome of one class": lambda f: spoiled(f, "repaid", "yes"),
    "outcome of three": lambda f: spoiled(
        f, "repaid", np.array(["yes", "no", "canary"])[f.index % 3]
    ),
    "outcome missing here and there": lambda f: spoiled(
        f, "repaid", f["repaid"].mask(f.index % 7 == 0)
    ),
    "outcome all missing": lambda f: spoiled(f, "repaid", np.nan),
    "group all missing": lambda f: spoiled(f, "race", np.nan),
    "a group each": lambda f: spoiled(f, "race", [f"canary {k}" for k in range(len(f))]),
    "no score column": lambda f: f.drop(columns="existing_score"),
    "no group column": lambda f: f.drop(columns="race"),
    "no outcome column": lambda f: f.drop(columns="repaid"),
    "no row": lambda f: f.iloc[:0],
}  # fmt: skip


@pytest.mark.parametrize("memory", [[], ["--memory", "300MB"]], ids=["inside", "outside"])
@pytest.mark.parametrize("what", list(BAD))
def test_a_column_that_cannot_be_used_is_said(
    what: str, memory: list[str], frame: pd.DataFrame, tmp_path: Path, capsys: Capture
) -> None:
    path = tmp_path / "loans.csv"
    BAD[what](frame).to_csv(path, index=False)
    failed([str(path), *NAMED, *memory], capsys)


@pytest.mark.parametrize("memory", [[], ["--memory", "300MB"]], ids=["inside", "outside"])
def test_ten_thousand_groups_are_refused(
    memory: list[str], tmp_path: Path, capsys: Capture
) -> None:
    many = make_lending(20_000, seed=1)
    many["race"] = [f"canary {k % 10_000}" for k in range(len(many))]
    path = tmp_path / "many.parquet"
    many.to_parquet(path)
    assert "race" in failed([str(path), *NAMED, *memory], capsys)


@pytest.mark.parametrize("memory", [[], ["--memory", "300MB"]], ids=["inside", "outside"])
@pytest.mark.parametrize(
    "arguments",
    [
        ["--confidence", "2"],
        ["--confidence", "0"],
        ["--confidence", "nan"],
        ["--threshold", "7"],
        ["--threshold", "nan"],
        ["--threshold=-1"],
        ["--min-people", "-3"],
        ["--reference", "nonsense"],
        ["--reference", "race=Martian"],
        ["--reference", "religion=none"],
        ["--reference", "race="],
        ["--cross", "race"],
        ["--cross", "race,religion"],
        ["--bins", "race=1,2"],
        ["--bins", "gender=2,1"],
        ["--weight", "race"],
        ["--weight", "nothing"],
        ["--decision", "repaid"],
        ["--score", "race"],
        ["--score", "nothing"],
        ["--positive", "perhaps"],
    ],
)
def test_an_option_that_cannot_be_used_is_said(
    arguments: list[str], memory: list[str], loans: Path, capsys: Capture
) -> None:
    failed([str(loans), *NAMED, *memory, *arguments], capsys)


def test_bins_of_a_column_that_is_not_sensitive_are_said(loans: Path, capsys: Capture) -> None:
    """A slip of the pen must not be passed over in silence."""
    failed([str(loans), *NAMED, "--bins", "income=30,60"], capsys)


def test_nothing_to_audit_is_said(loans: Path, frame: pd.DataFrame, capsys: Capture) -> None:
    bare = loans.with_name("bare.csv")
    frame.drop(columns=["existing_score", "existing_decision"]).to_csv(bare, index=False)
    assert "score or a decision" in failed([str(bare)], capsys)
    assert "--score" in failed([str(bare), "--memory", "1GB"], capsys)
    named = ["--target", "repaid", "--positive", "yes", *SENSITIVE]
    failed([str(bare), *named, "--memory", "1GB"], capsys)
    assert "--sample" in failed([], capsys)
    failed(["--sample", "nothing"], capsys)
    failed([str(loans.with_name("none.csv"))], capsys)
    failed([str(loans.with_name("none.csv")), *NAMED, "--memory", "1GB"], capsys)


@pytest.mark.parametrize("memory", [[], ["--memory", "300MB"]], ids=["inside", "outside"])
@pytest.mark.parametrize(
    "content", [None, b"", b"{", b"[]", b"\xff\xfe", b"null", b'{"target": "repaid"}',
                b'{"features": 1, "sensitive": []}'],
)  # fmt: skip
def test_roles_nobody_can_read_are_refused(
    content: bytes | None, memory: list[str], loans: Path, capsys: Capture
) -> None:
    roles = loans.with_name("roles.json")
    if content is not None:
        roles.write_bytes(content)
    failed([str(loans), "--roles", str(roles), *memory], capsys)


@pytest.mark.parametrize("memory", ["much", "0MB", "-1GB", "1KB"])
def test_a_memory_that_is_none_is_said(memory: str, loans: Path, capsys: Capture) -> None:
    failed([str(loans), *NAMED, f"--memory={memory}"], capsys)


def test_a_spreadsheet_cannot_be_read_in_pieces(
    frame: pd.DataFrame, tmp_path: Path, capsys: Capture
) -> None:
    path = tmp_path / "loans.xlsx"
    frame.head(300).to_excel(path, index=False)
    assert ".xlsx" in failed([str(path), *NAMED, "--memory", "300MB"], capsys)


def test_a_baseline_needs_the_rows_at_hand(loans: Path, capsys: Capture) -> None:
    """Not the existing system's figures under a baseline's name, nor the other way round."""
    failed([str(loans), *NAMED, "--baseline", "logistic", "--memory", "1GB"], capsys)


@pytest.mark.parametrize("option", ["--html", "--json"])
def test_a_file_that_cannot_be_written_is_said(
    option: str, loans: Path, tmp_path: Path, capsys: Capture
) -> None:
    failed([str(loans), *NAMED, option, str(tmp_path / "none" / "a.html")], capsys)
    capsys.readouterr()
    assert main(["audit", str(loans), *NAMED, option, str(tmp_path)]) == 2  # a folder
    err = capsys.readouterr().err
    assert err.startswith("faircore: ")
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    "arguments",
    [["--threshold", "half"], ["--confidence", "much"], ["--min-people", "few"],
     ["--baseline", "oracle"], ["--limit-on", "hope"], ["--bins", "age"], ["--bins", "age=old"]],
)  # fmt: skip
def test_a_mistyped_option_ends_with_the_usage(
    arguments: list[str], loans: Path, capsys: Capture
) -> None:
    usage([str(loans), *arguments], capsys)


def test_groups_too_small_to_show_are_dashes(tmp_path: Path, capsys: Capture) -> None:
    rng = np.random.default_rng(3)
    race = np.repeat(["A", "B", "C", "D"], [500, 400, 6, 60])
    frame = pd.DataFrame({"race": race, "y": rng.integers(0, 2, len(race)),
                          "d": rng.integers(0, 2, len(race))})  # fmt: skip
    path, data = tmp_path / "a.csv", tmp_path / "a.json"
    frame.to_csv(path, index=False)
    roles = ["--target", "y", "--positive", "1", "--sensitive", "race", "--decision", "d"]
    for memory in ([], ["--memory", "200MB"]):
        out = run([str(path), *roles, *memory, "--json", str(data)], capsys)
        rows = printed(out, "race")
        for group in ("C", "D"):
            assert set(rows[group]) == {"–"}
        for row in json.loads(data.read_text())["groups"]:
            if row["group"] in ("C", "D"):
                kept = {k for k, v in row.items() if v is not None}
                assert kept <= {"partition", "group", "metric", "stands_out"}


def test_a_name_from_the_file_stays_a_name(tmp_path: Path, capsys: Capture) -> None:
    rng = np.random.default_rng(0)
    names = ["</script><script>alert(1)</script>", "<img src=x onerror=alert(2)>"]
    n = 600
    frame = pd.DataFrame({"sex": rng.choice(names, n), "y": rng.integers(0, 2, n),
                          "d": rng.integers(0, 2, n)})  # fmt: skip
    path, page = tmp_path / "a&<b>.csv", tmp_path / "a.html"
    frame.to_csv(path, index=False)
    roles = ["--target", "y", "--positive", "1", "--sensitive", "sex", "--decision", "d"]
    run([str(path), *roles, "--html", str(page)], capsys)
    text = page.read_text()
    assert "<script>alert" not in text
    assert "<img src=x" not in text
    assert "a&<b>" not in text
