from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from faircore.cli import main
from faircore.decide import CalibrationLimit, Certificate, Policy, conclude, lock_policy
from faircore.frontier import Limit
from faircore.records import Review, ReviewStore, frontier_of_review
from tests.decide.committee import policy_of


def no_json(constant: str) -> float:
    raise AssertionError(f"{constant} is not JSON")


@pytest.fixture
def decisions(tmp_path: Path) -> Path:
    """Two columns of decisions about 12,000 people: one the same for both sexes, one not."""
    rng, n = np.random.default_rng(0), 12_000
    sex, good = rng.choice(["f", "m"], n), rng.random(n) < 0.5
    frame = pd.DataFrame({"sex": sex, "repaid": np.where(good, "yes", "no")})
    frame["fair"] = (rng.random(n) < 0.3).astype(int)
    frame["unfair"] = (rng.random(n) < np.where(sex == "m", 0.4, 0.2)).astype(int)
    frame.to_csv(tmp_path / "decisions.csv", index=False)
    return tmp_path / "decisions.csv"


GIVEN = [
    "--target", "repaid", "--positive", "yes", "--sensitive", "sex",
    "--limit", "demographic_parity_difference@sex=0.05",
]  # fmt: skip


def test_a_file_of_decisions_is_certified_in_order(
    decisions: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "certificate.json"
    two = ["--decision", "fair", "--decision", "unfair", "--order", "fair,unfair"]
    command = ["certify", str(decisions), *GIVEN, *two, "--json", str(out)]
    assert main(command) == 1  # not all of them are
    assert json.loads(out.read_text(), parse_constant=no_json)["passed"] is False
    assert main([*command[:-2], "--any"]) == 0
    capsys.readouterr()
    assert main([*command, "--any"]) == 0
    told = capsys.readouterr().out
    assert "fair: certified\n  With 95% confidence, in the population: gap in selection" in told
    assert "unfair: no certificate" in told
    assert "Tested on 12,000 rows." in told
    written = json.loads(out.read_text(), parse_constant=no_json)
    assert written["passed"] is True
    assert all(sentence in told for sentence in written["promises"]["unfair"])
    assert written["lines"]["fair"][0]["rows_needed"] is None
    found = Certificate.from_dict(written)
    assert found.in_words("unfair") == written["promises"]["unfair"]
    assert math.isnan(found.rows_needed("fair"))
    assert (found.certified, found.order) == (("fair",), ("fair", "unfair"))
    # The other way round the walk ends at once, and the exit code says so.
    two[-1] = "unfair,fair"
    assert main(["certify", str(decisions), *GIVEN, *two, "--any"]) == 1
    assert "the walk ends there" in capsys.readouterr().out
    # Without an order both are tested, each paying for the other.
    assert main(["certify", str(decisions), *GIVEN, *two[:-2], "--any"]) == 0
    assert "certifies less" in capsys.readouterr().out


def test_the_exit_code_is_0_where_every_column_is_certified(
    decisions: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["certify", str(decisions), *GIVEN, "--decision", "fair"]) == 0
    capsys.readouterr()


def test_a_stricter_level_and_more_openings_certify_less(
    decisions: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bounds = []
    for more in ([], ["--level", "0.01"], ["--openings", "5"]):
        main(["certify", str(decisions), *GIVEN, "--decision", "fair", *more,
              "--json", str(decisions.with_suffix(".json"))])  # fmt: skip
        raw = json.loads(decisions.with_suffix(".json").read_text())
        bounds.append((raw["level"], raw["lines"]["fair"][0]["bound"]))
    capsys.readouterr()
    assert [level for level, _ in bounds] == pytest.approx([0.05, 0.01, 0.01])
    assert bounds[0][1] < bounds[1][1] == bounds[2][1]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (["--decision", "nobody"], "nobody"),
        ([], "needs decisions and limits"),
        (["--decision", "fair", "--order", "fair,unfair"], "names every candidate once"),
        (["--decision", "fair", "--review", "0" * 12], "one of the two"),
    ],
)
def test_what_is_missing_is_said(
    change: list[str], message: str, decisions: Path, capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:  # fmt: skip
    command = ["certify", str(decisions), *GIVEN, *change, "--workspace", str(tmp_path / "w")]
    assert main(command) == 2
    assert message in capsys.readouterr().err


def test_a_review_is_certified_from_the_shell(
    fresh: tuple[Path, Review], capsys: pytest.CaptureFixture[str]
) -> None:
    workspace, review = fresh
    candidate = frontier_of_review(workspace, review.id).candidates[-1].id
    command = ["certify", "--review", review.id, "--workspace", str(workspace), "--who", "Ana"]
    assert main(command) == 2  # nothing is proposed
    assert "Propose a point first" in capsys.readouterr().err
    more = ["--candidate", candidate, "--reason", "The gap narrows."]
    assert main([*command, *more]) == 1
    assert "No policy was locked" in capsys.readouterr().out
    twin = ReviewStore(workspace)
    (race, *_) = frontier_of_review(workspace, review.id).partitions
    again = twin.create("Again", twin.table(review.id), twin.dataset(review.id))
    policy = Policy(
        "demographic_parity_difference",
        (Limit(f"demographic_parity_difference@{race.name}", 0.99),),
        reason="As an example.",
    )
    lock_policy(workspace, again.id, policy, who="Ana")
    twin.add_sweep(again.id, review.sweeps[0])
    command[2] = again.id
    assert main([*command, *more]) == 1  # these rows were looked at in the other review
    assert "after these rows had been seen" in capsys.readouterr().out


def test_an_option_that_passes_does_not_speak_for_the_proposal(
    fresh: tuple[Path, Review], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    workspace, review = fresh
    gap = Limit("demographic_parity_difference@gender", 0.9)
    policy = policy_of(limits=(gap, Limit("accuracy", 0.58)))
    lock_policy(workspace, review.id, policy, who="Ana")
    found = gate(workspace, review, 0, tmp_path / "out.json")
    told = capsys.readouterr().out
    written = json.loads((tmp_path / "out.json").read_text(), parse_constant=no_json)
    assert written["certified"] == ["A"]
    assert "B, Proposed: most equal: no certificate" in told
    assert (found, written["passed"]) == (1, False)


def test_a_certified_proposal_that_breaks_another_rule_is_refused(
    fresh: tuple[Path, Review], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    workspace, review = fresh
    policy = policy_of(calibration=CalibrationLimit(0.01, 0.01, "race"))
    lock_policy(workspace, review.id, policy, who="Ana")
    found = gate(workspace, review, 1, tmp_path / "out.json")
    told = capsys.readouterr().out
    written = json.loads((tmp_path / "out.json").read_text())
    assert "A" in written["certified"]
    assert "A, Proposed: no fairness asked for" in told
    broken = "It breaks the policy by more than chance: calibration error of every group of race"
    assert broken in told
    assert any(text.startswith(broken) for text in written["promises"]["A"])
    assert (found, written["passed"]) == (1, False)
    decision = conclude(
        workspace, review.id, frontier=frontier_of_review(workspace, review.id), who="Ana"
    )
    assert decision is not None
    assert not decision.certified
    assert list(decision.promises) == written["promises"]["A"]


def test_a_certified_proposal_passes(
    fresh: tuple[Path, Review], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    workspace, review = fresh
    lock_policy(workspace, review.id, policy_of(), who="Ana")
    assert main(["certify", "--review", review.id, "--any"]) == 2
    assert "Leave it out" in capsys.readouterr().err
    assert gate(workspace, review, 0, tmp_path / "out.json") == 0
    assert json.loads((tmp_path / "out.json").read_text())["passed"] is True
    assert "certified\n" in capsys.readouterr().out


def gate(workspace: Path, review: Review, candidate: int, out: Path) -> int:
    """Propose a candidate and certify the review, as a pipeline would."""
    model = frontier_of_review(workspace, review.id).candidates[candidate].id
    return main(
        ["certify", "--review", review.id, "--workspace", str(workspace), "--who", "Ana",
         "--candidate", model, "--reason", "Enough.", "--json", str(out)]
    )  # fmt: skip
