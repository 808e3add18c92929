from __future__ import annotations

import re
from dataclasses import replace
from html import unescape
from pathlib import Path

import numpy as np
import pytest

from faircore.data import Dataset, Table
from faircore.decide import Decision, OperatingPoint, decide
from faircore.export.card import model_card
from faircore.groups import find_partition
from faircore.metrics import MIN_PEOPLE, RATES, Report, evaluate, hidden_groups
from faircore.records import Review, ReviewStore, frontier_of_review
from faircore.shelf import read_predictor
from faircore.training import Prepared

Made = tuple[Decision, Prepared, Report]


@pytest.fixture(scope="module")
def made(lending: tuple[Table, Dataset], tmp_path_factory: pytest.TempPathFactory) -> Made:
    from tests.conftest import make_trained

    workspace, review = make_trained(tmp_path_factory.mktemp("card"), *lending)
    return decided(workspace, review, times=2)


def decided(workspace: Path, review: Review, *, times: int) -> Made:
    frontier = frontier_of_review(workspace, review.id)
    for _ in range(times):
        decision = decide(
            workspace, review.id, OperatingPoint(frontier.candidates[0].id, 0.55),
            frontier=frontier, who="Ada", reason="Enough.",
        )  # fmt: skip
    prepared = Prepared.of(ReviewStore(workspace).dataset(review.id))
    rows = prepared.rows("certify")
    network = read_predictor(decision.point.candidate, workspace=workspace)
    report = evaluate(
        prepared.dataset.y_true[rows],
        y_score=network.predict_proba(prepared.encoded("certify")),
        sensitive_features=prepared.groups.take(rows),
        threshold=0.55,
    )
    return decision, prepared, report


def card_of(made: Made, *, name: str = "Loans", **changes: object) -> str:
    decision, prepared, _ = made
    return model_card(
        name, replace(decision, **changes), prepared.dataset, prepared.groups.partitions
    )


def table_of(card: str, partition: str) -> dict[str, list[str]]:
    section = card.split(f"### By {partition}\n")[1].split("\n### ")[0].split("\n## ")[0]
    rows = [line for line in section.splitlines() if line.startswith("|")][2:]
    cells = [[unescape(cell.strip()) for cell in re.split(r"(?<!\\)\|", row)[1:-1]] for row in rows]
    return {row[0]: row[1:] for row in cells}


def test_the_rates_are_those_evaluate_gives(made: Made) -> None:
    decision, prepared, report = made
    card = card_of(made)
    rates = ["base_rate", "selection_rate", "true_positive_rate", "false_positive_rate", "accuracy"]
    hidden = hidden_groups(prepared.groups.partitions, decision.sealed_sizes)
    checked = 0
    for partition in prepared.groups.partitions:
        shown = table_of(card, partition.name)
        assert list(shown) == list(partition.group_names)
        by_group = report.by_group.xs(partition.name, level=0)
        people = decision.sealed_counts[partition.groups]
        for g, group in enumerate(partition.group_names):
            if hidden[partition.groups][g]:
                assert shown[group] == ["few", *["–"] * 5]
                continue
            enough = [RATES[r].people(people[g]) >= MIN_PEOPLE for r in rates]
            expected = [
                f"{by_group.loc[group, r]:.1%}" if e else "–"
                for r, e in zip(rates, enough, strict=True)
            ]
            size = decision.sealed_sizes[partition.groups][g]
            assert shown[group] == [f"{size:,}", *expected]
            checked += 1
    assert checked > 10
    accuracy = (decision.sealed_counts * np.eye(2)).sum() / decision.sealed_counts.sum()
    assert f"- Accuracy: {accuracy:.1%} " in card
    n = len(prepared.rows("certify"))
    assert f"Measured on {n:,} people" in card


def test_gaps_leave_out_the_groups_that_are_hidden(made: Made) -> None:
    decision, prepared, _ = made
    partition = find_partition(prepared.groups.partitions, "race × gender")
    counts = decision.sealed_counts[partition.groups]
    sizes = decision.sealed_sizes[partition.groups]
    assert (sizes < MIN_PEOPLE).any()
    counts = counts[sizes >= MIN_PEOPLE]
    shown = counts[..., 1].sum(axis=-1) / counts.sum(axis=(-1, -2))
    section = card_of(made).split("### By race × gender")[1]
    assert f"- Gap in selection: {100 * (shown.max() - shown.min()):.1f} points\n" in section
    assert f"- Ratio of selection: {shown.min() / shown.max():.2f}\n" in section


@pytest.mark.parametrize(("size", "hidden"), [(1, True), (9, True), (10, False)])
def test_groups_under_ten_show_no_figure(made: Made, size: int, hidden: bool) -> None:
    decision, prepared, _ = made
    race = find_partition(prepared.groups.partitions, "race")
    sizes = decision.sealed_sizes.copy()
    sizes[:] = 500  # no other group is small, so none has to hide for another
    sizes[race.groups.start] = size
    row = table_of(card_of(made, sealed_sizes=sizes), "race")[race.group_names[0]]
    if hidden:
        assert row == ["few", *["–"] * 5]
    else:
        assert row[0] == "10"
        assert "–" not in row


def test_a_hidden_group_cannot_be_worked_out_from_the_others(made: Made) -> None:
    """The people of one hidden group must not follow from the total and the groups beside it."""
    decision, prepared, _ = made
    race = find_partition(prepared.groups.partitions, "race")
    sizes = decision.sealed_sizes[race.groups]
    assert (sizes < MIN_PEOPLE).sum() == 1  # the fixture: only (missing) is small
    card = card_of(made)
    total = int(re.search(r"Measured on ([\d,]+) people", card)[1].replace(",", ""))  # type: ignore[index]
    shown = [row[0].replace(",", "") for row in table_of(card, "race").values()]
    rest = total - sum(int(n) for n in shown if n.isdigit())
    assert shown.count("few") >= 2
    assert rest != sizes.min()


def test_a_single_opening_is_said_as_once(made: Made) -> None:
    assert "opened once so far." in card_of(made, opening=1)
    assert "opened 2 times so far; each earlier look" in card_of(made)
    assert "opened 12 times" in card_of(made, opening=12)


def test_the_card_names_method_data_and_limits(made: Made) -> None:
    decision, prepared, _ = made
    card = card_of(made)
    for part in (
        decision.model_sha256,
        prepared.dataset.fingerprint,
        "**0.55**",
        "`repaid` is `yes`",
        "does not see the sensitive attributes",
        "6 models were compared at threshold 0.55",
        "## Limits",
    ):
        assert part in card


def test_the_chosen_model_is_marked_wherever_it_stands(made: Made) -> None:
    """Also when another model beats it: a reader looks for the chosen one first."""
    decision, _, _ = made
    beaten = tuple(a for a in decision.alternatives if a[0] != decision.point.candidate)
    section = card_of(made, alternatives=beaten).split("## Alternatives")[1]
    assert "chosen" in section.split("## Limits")[0]


HOSTILE = "a | b\n# Owned\n\n<script>alert(1)</script>\n| x | y |\n---\n## Fake heading"


@pytest.mark.parametrize("field", ["reason", "who", "name"])
def test_free_text_stays_text(made: Made, field: str) -> None:
    plain = card_of(made)
    changes: dict[str, object] = {"name": HOSTILE} if field == "name" else {field: HOSTILE}
    card = card_of(made, **changes)  # type: ignore[arg-type]
    headings = [line for line in card.splitlines() if line.startswith("#")]
    assert "<script" not in card
    assert len(headings) == sum(line.startswith("#") for line in plain.splitlines())
    assert not any(line.startswith("---") for line in card.splitlines())
    assert sum(line.startswith("|") for line in card.splitlines()) == sum(
        line.startswith("|") for line in plain.splitlines()
    )


def test_group_names_from_the_data_stay_in_their_cell(made: Made) -> None:
    decision, prepared, _ = made
    race = find_partition(prepared.groups.partitions, "race")
    hostile = (("<img src=x>",), ("a|b",), ("line\n# Owned",), *race.labels[3:])
    partitions = (replace(race, labels=hostile), prepared.groups.partitions[1])
    card = model_card("Loans", decision, prepared.dataset, partitions)
    assert "<img" not in card
    assert "# Owned" not in card.splitlines()
    assert r"a\|b" in card
