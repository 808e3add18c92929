"""``faircore calibrate``: whether a score means the same in every group, and calibrating it."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from faircore.cli.arguments import add_roles, read_rows, writable, write_json
from faircore.cli.calibrate_text import View, broken_limits, changes, every_table, group_table
from faircore.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

    from faircore.calibrators import GroupFairnessCalibrator
    from faircore.data import Dataset

_FINDING = ["cell", "people", "score", "outcome", "gap", "gap_low", "gap_high", "ecce",
    "shift_share", "own_p_value"]  # fmt: skip
_NOTES = """
Difference: promised less happened, in points. ECE: how far scores are off on average. Each p-value
is for its group alone. – undefined, fewer than 10 people, or withheld for a small group's sake"""


def calibrate(options: argparse.Namespace) -> int:
    """Ask if a score means the same in every group; exit code 1 when a limit is broken."""
    from faircore.audit.study import open_rows
    from faircore.data import split_dataset

    _check(options)
    per = tuple(n.strip() for n in options.per.split(",")) if options.per is not None else ()
    dataset = _dataset(options, per)
    if not (per or options.everybody):
        rows = open_rows(dataset)
        told = "All rows." if len(rows) == dataset.n_rows else "Rows that are not sealed."
        return _tell(dataset, rows, told, None, options)
    splits = split_dataset(dataset, seed=0)
    calibrator = _fit(dataset, splits.calibrate, per, options)
    told = (
        f"Calibrated {'per ' + ' × '.join(per) if per else 'for everybody'} on "
        f"{len(splits.calibrate):,} others; shown on rows that the calibrator has not seen."
    )
    code = _tell(dataset, splits.select, told, calibrator, options)
    if options.out:
        _keep(calibrator, dataset, options.out)
    return code


def _check(options: argparse.Namespace) -> None:
    """Refuse what contradicts itself or would be passed over, before anything is read."""
    extra = [
        n
        for n in ("calibrator", "min_people", "threshold", "out")
        if getattr(options, n) is not None
    ]
    if options.per is not None and options.everybody:
        raise InputError("--per and --everybody exclude each other. Leave one of them out.")
    if options.per is None and not options.everybody and extra:
        name = extra[0].replace("_", "-")
        raise InputError(f"--{name} needs a calibrator. Add --per race,sex or --everybody.")
    if not (0 <= options.limit <= 100 and 0 <= (options.gap_limit or 0) <= 100):
        raise InputError("A limit must be points from 0 to 100. Write --limit 5 --gap-limit 2.")
    files = [path for path in (options.out, options.json) if path]
    for path in files:
        writable(path)
    if len({Path(path).resolve() for path in files}) < len(files):
        raise InputError("--out and --json name the same file. Give each a file of its own.")
    if not 0 <= _cut(options) <= 1:
        raise InputError(f"--threshold is {options.threshold:g}. A threshold is from 0 to 1.")


def _cut(options: argparse.Namespace) -> float:
    return 0.5 if options.threshold is None else float(options.threshold)


def _dataset(options: argparse.Namespace, per: tuple[str, ...]) -> Dataset:
    """The rows with their roles; what would only train a model is not looked at."""
    from faircore.data import build_dataset

    table, guess = read_rows(options)
    score, weight = options.score or guess.score, options.weight or guess.weight
    if score is None:
        raise InputError(f"{table.source} has no column known as a score. Name one with --score.")
    spec = guess.with_(
        score=score, decision=None, weight=weight, categorical=(),
        features=tuple(f for f in guess.features if f not in (score, weight)),
    )  # fmt: skip
    unknown = [name for name in per if name not in spec.attributes]
    if unknown or len(set(per)) < len(per):
        wrong = f"{unknown[0]!r}, which is not sensitive here" if unknown else "an attribute twice"
        raise InputError(f"--per names {wrong}. Choose among {', '.join(spec.attributes)}.")
    if per and set(per) not in [set(partition) for partition in spec.partitions]:
        spec = spec.with_(intersections=(*spec.intersections, per))
    return replace(build_dataset(table, spec.with_(features=())), spec=spec)


def _fit(
    dataset: Dataset, rows: Any, per: tuple[str, ...], options: argparse.Namespace
) -> GroupFairnessCalibrator:
    from faircore.calibrators import GroupFairnessCalibrator

    least = 30 if options.min_people is None else options.min_people
    assert dataset.score is not None
    calibrator = GroupFairnessCalibrator(options.calibrator or "automatic", min_group_size=least)
    return calibrator.fit(
        dataset.score[rows], dataset.y_true[rows],
        dataset.sensitive.iloc[rows][list(per)] if per else None,
        sample_weight=dataset.weights[rows],
    )  # fmt: skip


def _measure(
    dataset: Dataset, rows: Any, options: argparse.Namespace,
    calibrator: GroupFairnessCalibrator | None,
) -> tuple[list[View], pd.DataFrame]:  # fmt: skip
    """Each score on some rows, and what the calibrated one changed."""
    import pandas as pd

    from faircore.audit.effect import score_effect
    from faircore.audit.multicalibration import walk_multicalibration
    from faircore.groups import Groups
    from faircore.metrics.calibration_report import calibration_report

    assert dataset.score is not None
    y_true, sensitive = dataset.y_true[rows], dataset.sensitive.iloc[rows]
    weights: dict[str, Any] = {"sample_weight": dataset.weights[rows]}
    groups = Groups.of_dataset(dataset).take(rows)
    scores = [dataset.score[rows]]
    tables: list[pd.DataFrame] = []
    if calibrator is not None:
        told = sensitive[list(calibrator.needs_groups)] if calibrator.needs_groups else None
        scores.append(calibrator.transform(scores[0], told))
        for name in (p.name for p in groups.partitions):
            table = score_effect(y_true, *scores, sensitive_features=groups, partition=name,
                                 threshold=_cut(options), **weights)  # fmt: skip
            gaps = table["kind"] == "disparity"
            table["title"] += gaps.map({True: f" by {name}", False: ""})
            tables.append(table[gaps] if tables else table)
    gap = 2.0 if options.gap_limit is None else options.gap_limit
    views = []
    for head, score in zip(("Before: ", "After: ") if tables else ("",), scores, strict=True):
        report = calibration_report(
            y_true, score, sensitive_features=groups, ece_limit=options.limit / 100,
            disparity_limit=gap / 100, **weights,
        )  # fmt: skip
        walk = walk_multicalibration(score, y_true, sensitive, **weights)
        # Exact numbers of people in cells that overlap would give a small one away.
        findings = walk.findings[_FINDING].round(dict.fromkeys(_FINDING[2:8], 4))
        findings["people"] = findings["people"].round(-1)
        views.append(View(head, report, walk, findings))
    return views, pd.concat(tables) if tables else pd.DataFrame()


def _tell(
    dataset: Dataset, rows: Any, told: str, calibrator: GroupFairnessCalibrator | None,
    options: argparse.Namespace,
) -> int:  # fmt: skip
    """Print everything, write it where asked; 1 when a limit is broken."""
    from faircore.audit.lattice_words import finding_sentence

    views, effect = _measure(dataset, rows, options, calibrator)
    title = f"Calibration of the score {dataset.spec.score!r}"
    fit = () if calibrator is None else calibrator.maps_.report
    print(f"{title}, {dataset.source}, {len(rows):,} people. {told}")
    for name in (partition.name for partition in views[0].report.partitions):
        print(f"\n{name}\n{group_table([view.report for view in views], name)}\n")
        for view in views:
            print(f"  {view.head}{view.report.in_words(name)[-1]}")
    if fit:
        print("\nWhat each group got, and why")
        print("\n".join(f"  {one.name}: {one.in_words()}" for one in fit))
        print(f"\nWhat it changed, at threshold {_cut(options):g}")
        print("\n".join(changes(effect)))
    print("\nEvery combination of the attributes (people to the nearest ten)")
    for view in views:
        cells = [finding_sentence(row) for row in view.findings.to_dict("records")]
        print("\n  * ".join([f"  {view.head}{view.walk.in_words()[0]}", *cells]))
    print(_NOTES)
    broken = list(broken_limits(views[-1].report, gaps=options.gap_limit is not None))
    print("".join(f"BROKEN: {line}\n" for line in broken), end="")
    if options.json:
        about = {"title": title, "source": dataset.source, "rows": told, "people": len(rows)}
        write_json(options.json, about | every_table(views, effect, fit) | {"broken": broken})
    return int(bool(broken))


def _keep(calibrator: GroupFairnessCalibrator, dataset: Dataset, path: str) -> None:
    """Write the calibrator, with what later rows need: the score, and edges of ranges."""
    attributes = [one for one in dataset.spec.sensitive if one.column in calibrator.needs_groups]
    bins = {one.column: one.bins for one in attributes if one.bins}
    write_json(path, calibrator.to_dict() | {"score": dataset.spec.score, "bins": bins})
    print(f"\nThe calibrator is in {path}. To load it, with open({path!r}) as file:")
    print("  GroupFairnessCalibrator.from_dict(json.load(file))")


def add_command(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Describe the command to the parser."""
    parser = commands.add_parser(
        "calibrate", help=calibrate.__doc__,
        description="Example: faircore calibrate loans.csv --target repaid --score score "
        "--sensitive race --sensitive sex --per race,sex --out calibrator.json",
    )  # fmt: skip
    parser.set_defaults(run=calibrate)
    add_roles(parser)
    kinds, add = ("automatic", "platt", "isotonic", "temperature", "beta"), parser.add_argument
    add("--score", help="column of probabilities of the system")
    add("--weight", help="column of sample weights")
    add("--per", help="calibrate per group of these attributes, crossed: race,sex")
    add("--everybody", action="store_true", help="calibrate all alike")
    add("--calibrator", choices=kinds, help="kind of map; default automatic")
    add("--min-people", type=int, help="rows a group needs for a map of its own; default 30")
    add("--threshold", type=float, help="a score is a yes from here; default 0.5")
    add("--limit", type=float, default=5.0, help="points of ECE of a group; default 5")
    add("--gap-limit", type=float, help="points between groups; default 2, broken only if stated")
    add("--out", help="write the calibrator as JSON")
    add("--json", help="write every table as JSON")
