from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from faircore.cli import main
from faircore.decide import Certificate, Policy, lock_policy
from faircore.frontier import Limit
from faircore.records import Review, ReviewStore, frontier_of_review


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
    assert main(["certify", str(decisions), *GIVEN, *two, "--json", str(out)]) == 0
    told = capsys.readouterr().out
    assert "fair: certified\n  With 95% confidence, in the population: gap in selection" in told
    assert "unfair: no certificate" in told
    assert "Tested on 12,000 rows." in told
    found = Certificate.from_dict(json.loads(out.read_text()))
    assert (found.certified, found.order) == (("fair",), ("fair", "unfair"))
    # The other way round the walk ends at once, and the exit code says so.
    two[-1] = "unfair,fair"
    assert main(["certify", str(decisions), *GIVEN, *two]) == 1
    assert "the walk ends there" in capsys.readouterr().out
    # Without an order both are tested, each paying for the other.
    assert main(["certify", str(decisions), *GIVEN, *two[:-2]]) == 0
    assert "certifies less" in capsys.readouterr().out


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
