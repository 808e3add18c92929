"""The model card: what was chosen, why, and how it treats each group, for people."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from faircore.data import Dataset
from faircore.decide import Decision
from faircore.groups import Partition
from faircore.metrics import (
    DISPARITIES,
    PERFORMANCES,
    RATES,
    find_disparity,
    find_performance,
    overall_counts,
)
from faircore.penalties import PENALTIES

MIN_GROUP = 10
"""Groups with fewer people are not shown: a rate of nine people is noise, and may name somebody."""

_SHOWN = ("base_rate", "selection_rate", "true_positive_rate", "false_positive_rate", "accuracy")


def model_card(
    name: str, decision: Decision, dataset: Dataset, partitions: tuple[Partition, ...]
) -> str:
    """Write the model card of a decision, Markdown."""
    spec = dataset.spec
    overall = overall_counts(decision.sealed_counts, partitions[0])
    sections = [
        f"# Model card: {name}",
        f"Chosen by {_plain(decision.who)} at {decision.at}.",
        "## Purpose",
        f"Scores the probability that `{spec.target}` is `{spec.positive}` and selects a person "
        f"when the score is at least **{decision.point.threshold:.2f}**.",
        "Reason given for the choice: " + _plain(decision.reason),
        "## Model",
        _model(decision, needs_groups=spec.needs_groups),
        "## Data",
        f"{dataset.n_rows:,} rows of `{dataset.source}`; features: "
        + ", ".join(f"`{f}`" for f in spec.features)
        + f". Sensitive attributes: {', '.join(f'`{a}`' for a in spec.attributes)}. "
        f"SHA-256 of data and roles: `{decision.data_sha256}`.",
        "## What to expect",
        f"Measured on {int(decision.sealed_sizes[partitions[0].groups].sum()):,} people whose rows "
        "were sealed: they trained no model, stopped no training and chose no candidate. "
        f"They have been opened {_times(decision.opening)} in this review"
        + (
            "."
            if decision.opening == 1
            else "; each earlier look makes these figures a little less independent."
        ),
        "\n".join(
            f"- {p.title}: {_share(p(overall))} ({p.sentence})" for p in PERFORMANCES.values()
        ),
        *(_partition(decision, p) for p in partitions),
        "## Alternatives",
        _alternatives(decision),
        "## Limits",
        "- The figures are estimates from a sample; a gap between small groups may be chance.\n"
        "- They hold for people like those in the data. When the population or the meaning of the "
        "outcome changes, measure again.\n"
        "- An equal rate of one kind does not make other rates equal.\n"
        "- If the recorded outcome is itself biased, a model that predicts it repeats the bias.",
        "## Scoring new rows",
        "```\nfaircore score bundle.zip new.csv --out scored.csv\n```",
    ]
    return "\n\n".join(sections) + "\n"


def _model(decision: Decision, *, needs_groups: bool) -> str:
    needs = (
        "It **needs** a sensitive attribute at prediction time."
        if needs_groups
        else "It does not see the sensitive attributes at prediction time."
    )
    return (
        f"Method: {decision.method}; penalty: {PENALTIES[decision.penalty].title.lower()}; "
        f"strength (eta): {decision.strength:g}; seed: {decision.seed}. {needs} "
        f"SHA-256 of the weights: `{decision.model_sha256}`."
    )


def _partition(decision: Decision, partition: Partition) -> str:
    counts = decision.sealed_counts[partition.groups]
    sizes = decision.sealed_sizes[partition.groups]
    head = ["Group", "People", *(RATES[r].title for r in _SHOWN)]
    lines = [f"### By {partition.name}", _row(head), _row(["---"] + ["---:"] * (len(head) - 1))]
    for g, group in enumerate(partition.group_names):
        if sizes[g] < MIN_GROUP:
            lines.append(_row([group, f"fewer than {MIN_GROUP}", *["–"] * len(_SHOWN)]))
        else:
            rates = [_share(RATES[r](counts[g])) for r in _SHOWN]
            lines.append(_row([group, f"{sizes[g]:,}", *rates]))
    gaps = [
        f"- {d.title}: {_share(d(counts, counted=sizes >= MIN_GROUP), ratio=d.kind == 'ratio')}"
        for d in DISPARITIES.values()
    ]
    table = "\n".join(lines[1:])
    return "\n\n".join([lines[0], table, "\n".join(gaps)])


def _alternatives(decision: Decision) -> str:
    performance = find_performance(decision.view["performance"]).title
    disparity = find_disparity(decision.view["disparity"])
    head = _row([performance, f"{disparity.title} by {decision.view['partition']}", ""])
    rows = [
        _row([_share(a), _share(b, ratio=disparity.kind == "ratio"),
              "chosen" if i == decision.point.candidate else ""])
        for i, a, b in decision.alternatives
    ]  # fmt: skip
    return (
        f"{decision.considered} models were compared at threshold "
        f"{decision.view['threshold']:.2f} on rows kept for choosing. Those that no other beats:"
        "\n\n" + "\n".join([head, _row(["---:", "---:", "---"]), *rows])
    )


def _row(cells: list[str]) -> str:
    return "| " + " | ".join(c.replace("|", "\\|") for c in cells) + " |"


def _share(value: float | NDArray[np.float64], *, ratio: bool = False) -> str:
    number = float(value)
    if not np.isfinite(number):
        return "–"
    return f"{number:.2f}" if ratio else f"{number:.1%}"


def _plain(text: str) -> str:
    """Free text as one paragraph that cannot start a heading, a table or an HTML tag."""
    return " ".join(text.split()).replace("<", "&lt;").replace("|", "\\|")


def _times(n: int) -> str:
    return "once" if n == 1 else f"{n} times"
