"""``faircore audit``: measure a system that exists, or a plain baseline, per group."""

from __future__ import annotations

import argparse
import math
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from faircore.cli.arguments import add_roles, changed, read_roles, read_rows, writable
from faircore.errors import InputError
from faircore.numerals import hundredths, number

if TYPE_CHECKING:
    from faircore.audit import GroupReport
    from faircore.data import Dataset, DataSpec
    from faircore.metrics.tally import Tally

_BIG = 256 * 1024**2  # bytes from which a file is counted without being loaded
_NO_INTERVAL = ("differential_fairness", "ece_difference")
_COLUMNS = {
    "base_rate": "good, %", "selection_rate": "selected, %", "true_positive_rate": "TPR, %",
    "false_positive_rate": "FPR, %", "positive_predictive_value": "PPV, %", "accuracy": "acc., %",
    "auc": "AUC, %", "ece": "ECE, %",
}  # fmt: skip


def audit(options: argparse.Namespace) -> int:
    """Measure a system per group; exit code 1 when a limit is broken."""
    from faircore.audit import find_measure, report_tally
    from faircore.export.audit_paper import AuditPaper, write_paper

    for path in (options.html, options.json):
        if path:
            writable(path)
    limits = [_limit(text) for text in options.limit]
    tally, source, title = _count(options)
    report = report_tally(
        tally,
        reference=_references(options.reference),
        confidence=options.confidence,
        min_people=options.min_people,
    )
    for name, _ in limits:
        if not set(find_measure(name).metrics) <= set(report.estimates.of):
            raise InputError(
                f"The limit of {name!r} needs scores, and there are only decisions. Name a column "
                "with --score, or leave the limit out."
            )
        if options.limit_on == "certain" and name in _NO_INTERVAL:
            raise InputError(
                f"{name!r} has no interval, so nothing about it is certain. Use --limit-on found."
            )
    rows = "Rows the baseline did not learn from." if options.baseline else "All rows of the file."
    paper = AuditPaper(report, title, source, rows=rows)
    _print(report, title, source, rows)
    if options.html:
        write_paper(paper.to_html(), options.html)
    if options.json:
        write_paper(paper.to_json(), options.json)
    return int(_broken(report, limits, certain=options.limit_on == "certain"))


def _count(options: argparse.Namespace) -> tuple[Tally, str, str]:
    """Counts, the name of the file, and what was audited."""
    from faircore.audit.systems import tally_dataset
    from faircore.data import build_dataset

    if options.file and _is_big(options):
        spec = _stated_roles(options)
        from faircore.audit.big_files import tally_file

        tally = tally_file(
            options.file, spec, threshold=options.threshold, memory=options.memory or "512MB"
        )
        return tally, Path(options.file).name, _title(spec)
    table, guess = read_rows(options)
    spec = _roles(options, guess)
    if options.baseline:
        return _baseline(build_dataset(table, spec), options), table.source, (
            f"A plain baseline ({options.baseline})"
        )  # fmt: skip
    dataset = build_dataset(table, replace(spec, features=(), categorical=()))
    return tally_dataset(dataset, threshold=options.threshold), table.source, _title(spec)


def _baseline(dataset: Dataset, options: argparse.Namespace) -> Tally:
    """Train on the train rows, count on all others."""
    import numpy as np

    from faircore.audit.baseline import train_baseline
    from faircore.audit.systems import tally_dataset
    from faircore.data import split_dataset

    splits = split_dataset(dataset, seed=0).as_dict()
    rows = np.sort(np.concatenate([part for name, part in splits.items() if name != "train"]))
    model = train_baseline(dataset, splits["train"], kind=options.baseline)
    scores = model.score(dataset.features.iloc[rows], dataset.sensitive.iloc[rows])
    return tally_dataset(dataset, rows, y_score=scores, threshold=options.threshold)


def _is_big(options: argparse.Namespace) -> bool:
    if options.baseline:
        if options.memory:
            raise InputError(
                "A baseline has to load its rows to learn from them. Leave --memory out, or audit "
                "an existing score or decision."
            )
        return False
    path = Path(options.file)
    large = path.is_file() and path.stat().st_size > _BIG
    return bool(options.memory) or (large and path.suffix.lower() not in (".xlsx", ".xls"))


def _stated_roles(options: argparse.Namespace) -> DataSpec:
    """Roles without looking at the file: nothing is guessed from what is not loaded."""
    from faircore.data import DataSpec, Sensitive

    if options.roles:
        return _roles(options, changed(options, read_roles(options.roles)))
    if not (options.target and options.positive and options.sensitive):
        raise InputError(
            "A file that is counted without being loaded needs --target, --positive and "
            "--sensitive, and a --score or --decision. Name them."
        )
    edges = dict(options.bins)
    sensitive = tuple(Sensitive(name, edges.get(name)) for name in options.sensitive)
    # Crossed unless told otherwise, as in a file that is loaded: the first two that are no ranges.
    crossed = tuple(a.column for a in sensitive if a.bins is None)[:2]
    stated = DataSpec(
        target=options.target,
        positive=options.positive,
        features=(),
        sensitive=sensitive,
        intersections=(crossed,) if len(crossed) == 2 else (),
    )
    return _roles(options, changed(options, stated))


def _roles(options: argparse.Namespace, spec: DataSpec) -> DataSpec:
    """Roles with the system that is named; a named score alone is not mixed with another one."""
    named = options.score or options.decision
    changes: dict[str, object] = {
        "score": options.score if named else spec.score,
        "decision": options.decision if named else spec.decision,
        "weight": options.weight or spec.weight,
    }
    taken = {name for name in changes.values() if name}
    return spec.with_(
        **changes,
        features=tuple(f for f in spec.features if f not in taken),
        categorical=tuple(f for f in spec.categorical if f not in taken),
    )


def _title(spec: DataSpec) -> str:
    named = " and ".join(
        f"the {role} {column!r}"
        for role, column in (("decision", spec.decision), ("score", spec.score))
        if column
    )
    return f"Audit of {named or 'nothing'}"


def _print(report: GroupReport, title: str, source: str, rows: str) -> None:
    import pandas as pd

    from faircore.audit import chance, find_measure, headlines, measure_text, verdict

    print(f"{title}, {source}, {report.tally.n_rows:,} people. {rows}\n")
    found = headlines(report)
    print("\n".join(f"* {line}" for line in found) or "No group differs by more than chance.")
    for partition in report.partitions:
        values, out = (report.table(partition.name, c) for c in ("value", "stands_out"))
        people = report.table(partition.name, "people")["selection_rate"]
        frame = pd.DataFrame({"n": people.map(partial(number, digits=0))})
        for metric, head in _COLUMNS.items():
            if metric in values:
                marks = out[metric].map({True: "*", False: ""})
                frame[head] = marks + values[metric].map(hundredths)
        print(f"\n{partition.name}")
        print(frame.to_string())
        print()
        for one in report.inequalities[partition.name]:
            print(
                f"  {find_measure(one.measure).title:32} {measure_text(one.measure, one.value):>12}"
                f"  by chance {measure_text(one.measure, one.by_chance):>12}  "
                f"{verdict(one)} ({chance(one.p_value)})"
            )
    print(
        "\nEach verdict is for itself: of 20 between equal groups one says more than chance. What"
    )
    print("is named at the top holds with everything considered together.")
    print("* more than chance, all groups of a partition considered at once; – undefined, fewer")
    print(f"  than {report.min_people:.0f} people, or withheld for the sake of a small group")


def _limit(text: str) -> tuple[str, float]:
    from faircore.audit import find_measure

    name, value = _equation(text, "--limit demographic_parity_difference=0.1")
    find_measure(name)
    try:
        limit = float(value)
    except ValueError:
        limit = math.nan
    if not limit >= 0 or math.isinf(limit):
        raise InputError(
            f"The limit of {name!r} must be a number of zero or more. Write {name}=0.1."
        )
    return name, limit


def _references(texts: list[str]) -> dict[str, str]:
    pairs = [_equation(text, "--reference sex=Male") for text in texts]
    if len(dict(pairs)) < len(pairs):
        raise InputError("--reference names a partition twice. Name one group for each.")
    return dict(pairs)


def _equation(text: str, example: str) -> tuple[str, str]:
    name, _, value = text.partition("=")
    if not value:
        raise InputError(f"{text!r} must be a name, an equals sign and a value: {example}.")
    return name.strip(), value.strip()


def _broken(report: GroupReport, limits: list[tuple[str, float]], *, certain: bool) -> bool:
    """Say of each limit whether it holds in each partition, and whether any is broken."""
    from faircore.audit import find_measure, measure_text

    broken = False
    for name, limit in limits:
        larger = find_measure(name).larger_is_worse
        for partition in report.partitions:
            one = next((i for i in report.inequalities[partition.name] if i.measure == name), None)
            if one is None or not math.isfinite(one.value):
                print(f"cannot tell: {name} by {partition.name} (too few people)")
                continue
            value = (one.low if larger else one.high) if certain else one.value
            if not math.isfinite(value):
                print(f"cannot tell: {name} by {partition.name} (it has no interval)")
                continue
            over = value > limit if larger else value < limit
            broken |= over
            print(
                f"{'BROKEN' if over else 'holds'}: {name} by {partition.name} is "
                f"{measure_text(name, one.value)}, limit {measure_text(name, limit)}"
            )
    return broken


def add_command(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Describe the command to the parser."""
    parser = commands.add_parser(
        "audit",
        help=audit.__doc__,
        description="Measure a system per group. Example: faircore audit loans.csv --target repaid "
        "--score score --sensitive race --sensitive sex --cross race,sex --html audit.html",
    )
    parser.set_defaults(run=audit)
    add_roles(parser)
    parser.add_argument("--score", help="column of probabilities of the system")
    parser.add_argument("--decision", help="column of decisions of the system")
    parser.add_argument("--weight", help="column of sample weights")
    parser.add_argument(
        "--baseline", choices=("logistic", "boosted"), help="train a plain model and audit that"
    )
    parser.add_argument(
        "--threshold", type=float, default=0.5, help="a score is a yes from here; default 0.5"
    )
    parser.add_argument(
        "--reference", action="append", default=[], help="compare with a group: sex=Male; repeat"
    )
    parser.add_argument(
        "--confidence", type=float, default=0.95, help="of intervals and bands; default 0.95"
    )
    parser.add_argument(
        "--min-people", type=int, default=10, help="fewer are not shown; default 10"
    )
    parser.add_argument("--html", help="write a page that opens offline")
    parser.add_argument("--json", help="write everything as data")
    parser.add_argument(
        "--limit", action="append", default=[],
        help="demographic_parity_difference=0.1: exit code 1 when a partition breaks it, 0 where "
        "it holds or nobody can tell; a wrong name lists them all; repeat",
    )  # fmt: skip
    parser.add_argument(
        "--limit-on", choices=("found", "certain"), default="found",
        help="a limit is broken by the value found, or only when its interval leaves it too",
    )  # fmt: skip
    parser.add_argument(
        "--memory", help="count the file within this memory, such as 512MB, without loading it"
    )
