"""The model card: what was chosen, why, and how it treats each group, for people."""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from faircore.data import Dataset
from faircore.decide import Decision
from faircore.groups import Partition
from faircore.methods import METHODS
from faircore.metrics import (
    DISPARITIES,
    MIN_PEOPLE,
    PERFORMANCES,
    RATES,
    disparity_text,
    find_disparity,
    find_performance,
    hidden_groups,
    overall_counts,
)
from faircore.numerals import percent
from faircore.penalties import PENALTIES

_SHOWN = ("base_rate", "selection_rate", "true_positive_rate", "false_positive_rate", "accuracy")


def model_card(
    name: str,
    decision: Decision,
    dataset: Dataset,
    partitions: tuple[Partition, ...],
    *,
    cuts: Mapping[str, str] | None = None,
    calibrators: Mapping[str, str] | None = None,
) -> str:
    """Write the model card of a decision, Markdown.

    ``cuts`` is what a score must reach by group, where groups differ in that; ``calibrators`` is
    what calibrates each group, where a score is calibrated.
    """
    spec = dataset.spec
    hidden = hidden_groups(partitions, decision.sealed_sizes)
    overall = overall_counts(decision.sealed_counts, partitions[0])
    sections = [
        f"# Model card: {_plain(name)}",
        f"Chosen by {_plain(decision.who)} at {decision.at}.",
        "## Purpose",
        f"Scores the probability that {_code(spec.target)} is {_code(spec.positive)} and selects a "
        f"person when the score is at least **{decision.point.threshold:.2f}**.",
        "Reason given for the choice: " + _plain(decision.reason),
        "## Decision",
        *_decided(decision),
        "## Model",
        _model(decision, needs_groups=spec.needs_groups or decision.needs_groups),
        *([_cuts(cuts)] if cuts else []),
        *([_calibrators(calibrators)] if calibrators else []),
        "## Data",
        f"{dataset.n_rows:,} rows of {_code(dataset.source)}; features: "
        + (", ".join(map(_code, spec.features)) or "none")
        + f". Sensitive attributes: {', '.join(map(_code, spec.attributes))}. "
        f"SHA-256 of data and roles: `{decision.data_sha256}`.",
        "## What to expect",
        f"Measured on {int(decision.sealed_sizes[partitions[0].groups].sum()):,} people whose rows "
        + ("were sealed: they " if spec.features else "")
        + "trained no model here, stopped no training and chose no candidate. "
        f"They have been opened {_times(decision.opening)} so far"
        + (
            "."
            if decision.opening == 1
            else "; each earlier look makes these figures a little less independent."
        ),
        "\n".join(
            f"- {p.title}: {percent(float(p(overall)))} ({p.sentence})"
            for p in PERFORMANCES.values()
        ),
        *(_partition(decision, p, hidden) for p in partitions),
        "## Alternatives",
        _alternatives(decision),
        "## Limits",
        "- The figures are estimates from a sample; a gap between small groups may be chance.\n"
        f"- A rate over fewer than {MIN_PEOPLE} people is a dash and takes no part in a gap. Where "
        "the size of one group would give that of a smaller one away, both are left out.\n"
        "- They hold for people like those in the data. When the population or the meaning of the "
        "outcome changes, measure again.\n"
        "- An equal rate of one kind does not make other rates equal.\n"
        "- If the recorded outcome is itself biased, a model that predicts it repeats the bias.",
        "## Scoring new rows",
        "```\nfaircore score bundle.zip new.csv --out scored.csv\n```",
    ]
    return "\n\n".join(sections) + "\n"


def _decided(decision: Decision) -> list[str]:
    """What was promised, on what grounds, and who voted how."""
    told = [f"Option {_plain(decision.option)}."] if decision.option else []
    told += [_plain(decision.provenance)] if decision.provenance else []
    told += [_plain(text) for text in decision.promises]
    if not decision.votes:
        told.append("Recorded by one person; nobody voted.")
    else:
        whose = f"{len(decision.votes)} voted, {len(decision.dissent)} of them for something else"
        told.append(f"{whose}, on packet `{decision.packet_sha256[:12]}`:")
        told.append(_votes(decision.votes))
    if decision.void:
        n = len(decision.void)
        told.append(
            f"{n} {'vote' if n == 1 else 'votes'} on earlier packets, void since something changed:"
        )
        told.append(_votes(decision.void))
    if decision.policy_sha256:
        told.append(f"SHA-256 of the policy: `{decision.policy_sha256}`.")
    return told


def _votes(votes: tuple[dict[str, str], ...]) -> str:
    return "\n".join(
        f"- {_plain(one['who'])}, "
        f"{'for none' if one['option'] == 'none' else 'for ' + one['option']}: "
        f"{_plain(one['reason'])}"
        for one in votes
    )


def _model(decision: Decision, *, needs_groups: bool) -> str:
    needs = (
        "It **needs** a sensitive attribute at prediction time."
        if needs_groups
        else "It does not see the sensitive attributes at prediction time."
    )
    method = METHODS[decision.method]
    asked = (
        "nothing was asked of it but accuracy; "
        if decision.strength == method.plain
        else f"fair means: {PENALTIES[decision.penalty].title.lower()}; "
        f"between: {', '.join(map(_plain, decision.partitions)) or 'all groups'}; "
    )
    if method.fixed:
        asked = ""
    return (
        f"Method: {method.title.lower()} ({_plain(decision.shape)}); "
        f"{asked}{method.strength_text(decision.strength)}; seed: {decision.seed}. {needs} "
        f"{_plain(decision.note) + ' ' if decision.note else ''}"
        f"SHA-256 of the model: `{decision.model_sha256}`."
    )


def _cuts(cuts: Mapping[str, str]) -> str:
    return (
        "What the model's own score must reach to be selected, at the threshold 0.50 (at another, "
        "each moves as far in log-odds):\n\n" + _pairs("Group", "Score needed", cuts)
    )


def _calibrators(calibrators: Mapping[str, str]) -> str:
    return "What calibrates the score, fitted on rows kept apart for it:\n\n" + _pairs(
        "Group", "Calibrator", calibrators
    )


def _pairs(left: str, right: str, pairs: Mapping[str, str]) -> str:
    rows = [_row([_plain(key), _plain(text)]) for key, text in pairs.items()]
    return "\n".join([_row([left, right]), _row(["---", "---"]), *rows])


def _partition(decision: Decision, partition: Partition, hidden: NDArray[np.bool_]) -> str:
    counts = decision.sealed_counts[partition.groups]
    sizes = decision.sealed_sizes[partition.groups]
    head = ["Group", "People", *(RATES[r].title for r in _SHOWN)]
    lines = [_row(head), _row(["---"] + ["---:"] * (len(head) - 1))]
    for g, group in enumerate(partition.group_names):
        if hidden[partition.groups][g]:
            lines.append(_row([_plain(group), "few", *["–"] * len(_SHOWN)]))
        else:
            rates = [percent(float(RATES[r](counts[g], min_people=MIN_PEOPLE))) for r in _SHOWN]
            lines.append(_row([_plain(group), f"{sizes[g]:,}", *rates]))
    gaps = [
        f"- {d.title}: {disparity_text(d, float(d(counts, min_people=MIN_PEOPLE)))}"
        for d in DISPARITIES.values()
    ]
    name = _plain(partition.name)
    return "\n\n".join([f"### By {name}", "\n".join(lines), "\n".join(gaps)])


def _alternatives(decision: Decision) -> str:
    performance = find_performance(decision.view["performance"]).title
    disparity = find_disparity(decision.view["disparity"])
    head = [
        "Method", "Strength", "Seed", performance,
        f"{disparity.title} by {_plain(decision.view['partition'])}", "",
    ]  # fmt: skip
    rows = [
        _row([METHODS[a.method].title, METHODS[a.method].strength_text(a.strength), str(a.seed),
              percent(a.performance), disparity_text(disparity, a.disparity),
              "chosen" if a.candidate == decision.point.candidate else ""])
        for a in decision.alternatives
    ]  # fmt: skip
    return (
        f"{decision.considered:,} models were compared at threshold "
        f"{decision.view['threshold']:.2f} on rows kept for choosing, which had also decided when "
        "most models stopped learning. Those that no other beats, and the chosen one:\n\n"
        + "\n".join([_row(head), _row(["---", "---:", "---:", "---:", "---:", "---"]), *rows])
    )


def _row(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _plain(text: str) -> str:
    """Free text as one line in which nothing is a heading, a table, a link, a picture or a tag."""
    line = " ".join(text.split()).replace("<", "&lt;")
    return re.sub(r"([\\`*_\[\]#|!$~])", r"\\\1", line)


def _code(text: str) -> str:
    """A name from the data as code; a backtick in it would end the code."""
    return "`" + " ".join(text.split()).replace("`", "'").replace("|", "¦") + "`"


def _times(n: int) -> str:
    return "once" if n == 1 else f"{n} times"
