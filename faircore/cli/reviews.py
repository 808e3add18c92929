"""Commands of a review: ``sweep``, ``frontier``, ``export``, ``score``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from faircore.cli.arguments import (
    add_roles,
    integers,
    limit,
    numbers,
    read_model,
    read_rows,
    writable,
)
from faircore.errors import InputError
from faircore.numerals import percent

if TYPE_CHECKING:
    from faircore.frontier import Frontier, Pick

# Each command imports what it needs itself: scoring must not wait for the training stack.


def sweep(options: argparse.Namespace) -> None:
    """Train a sweep on a file and print the frontier."""
    from faircore.cli.plans import plan_of
    from faircore.data import build_dataset
    from faircore.records import ReviewStore, trained_view
    from faircore.shelf import bring_model
    from faircore.sweep import Progress, run_plan

    given = options.model is not None or options.score is not None
    plan_of(options, source="score" if given else None)  # what is wrong is said before reading
    table, roles = read_rows(options)
    if options.score:
        kept = tuple(name for name in roles.features if name != options.score)
        roles = roles.with_(score=options.score, features=kept)
    dataset = build_dataset(table, roles)
    source = "score" if options.score else None
    if options.model is not None:
        data = read_model(options.model)
        brought = bring_model(
            data, dataset, workspace=options.workspace, name=Path(options.model).name,
            positive=options.model_positive,
        )  # fmt: skip
        source = brought.reference
    plan = plan_of(options, source=source)

    def show(progress: Progress) -> None:
        share = percent(progress.share, 0)
        line = f"{progress.finished:,} of {progress.wanted:,} trained, {share} of the rest"
        if sys.stderr.isatty():
            print(f"\r{line} ", end="", file=sys.stderr, flush=True)

    frontier = run_plan(dataset, plan, workspace=options.workspace, on_progress=show)
    reviews = ReviewStore(options.workspace)
    review = reviews.create(options.name or Path(table.source).stem, table, dataset)
    review = reviews.add_sweep(review.id, plan.to_json())
    _show(trained_view(review, frontier))
    place = f"--workspace {options.workspace}"
    print(
        f"\nReview {review.id}. Next:\n"
        f"  faircore frontier {review.id} {place} --plot frontier.html\n"
        f"  faircore export {review.id} {place} --candidate ID --reason WHY"
    )


def frontier(options: argparse.Namespace) -> None:
    """Show or save the frontier of a review."""
    from faircore.data.safe_csv import csv_bytes
    from faircore.frontier import keeps, recommend
    from faircore.metrics.costs import Costs
    from faircore.plots import frontier_figure, save_figure
    from faircore.records import frontier_of_review

    if options.costs is not None and len(options.costs) != 4:
        raise InputError(
            f"--costs takes four numbers and found {len(options.costs)}. Write what a right yes, a "
            "wrong yes, a wrong no and a right no are worth: --costs 1,-5,0,0."
        )
    found = frontier_of_review(options.workspace, options.review).view(
        performance=options.performance,
        disparity=options.disparity,
        partition=options.by,
        threshold=options.threshold,
        split=options.split,
        third=options.third,
        costs=None if options.costs is None else Costs(*options.costs),
    )
    limits = tuple(map(limit, options.limit))
    _show(found)
    pick = recommend(found, limits, may_need_groups=not options.blind)
    print("No candidate keeps every limit." if pick is None else _picked(found, pick))
    if options.csv:
        writable(options.csv)
        Path(options.csv).write_bytes(csv_bytes(found.to_frame()))
    if options.plot:
        kept = keeps(found, limits, may_need_groups=not options.blind)
        figure = frontier_figure(
            found, limits=limits, kept=kept, starred=None if pick is None else pick.position
        )
        save_figure(figure, options.plot)


def _picked(found: Frontier, pick: Pick) -> str:
    rule = f"{pick.rule[:1].upper()}{pick.rule[1:]}"
    return f"\nRecommended to look at first: {found.candidates[pick.position].id}\n  {rule}."


def export(options: argparse.Namespace) -> None:
    """Choose an operating point, open the sealed rows for it, and write the bundle."""
    from faircore.decide import OperatingPoint, decide
    from faircore.export.bundle import export_bundle
    from faircore.export.chosen import bundle_of_review
    from faircore.records import frontier_of_review, who_is_acting

    writable(options.out)  # a wrong path must not cost a look at the sealed rows
    decide(
        options.workspace,
        options.review,
        OperatingPoint(options.candidate, options.threshold),
        frontier=frontier_of_review(options.workspace, options.review).view(
            threshold=options.threshold
        ),
        who=options.who or who_is_acting(),
        reason=options.reason,
    )
    bundle = bundle_of_review(options.workspace, options.review)
    print(export_bundle(bundle, options.out))


def score(options: argparse.Namespace) -> None:
    """Score new rows with a bundle."""
    from faircore.export.scoring import score_file

    n_rows = score_file(options.bundle, options.rows, options.out, keep=options.id)
    if options.out:
        print(f"{n_rows:,} rows scored into {options.out}")


def _show(frontier: Frontier) -> None:
    frame = frontier.to_frame().rename(columns={"non_dominated": "on front"})
    kinds = ["method"] if frame["method"].nunique() > 1 else []
    columns = [
        "id",
        *kinds,
        "strength",
        "seed",
        *frontier.columns,
        "on front",
    ]
    failed = frame["failure"].notna()
    print(f"By {frontier.partition}, threshold {frontier.threshold:.2f}, {frontier.split} rows")
    print(frame.loc[~failed, columns].to_string(index=False, float_format="{:.4f}".format))
    for _, row in frame[failed].iterrows():
        print(f"{row['id']} failed: {row['failure']}")
    for _, row in frame[frame["note"] != ""].iterrows():
        print(f"{row['id']}: {row['note']}")


def add_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Describe the commands of a review to the parser."""
    workspace = argparse.ArgumentParser(add_help=False)
    workspace.add_argument("--workspace", type=Path, help="folder of models and reviews")

    one = commands.add_parser("sweep", parents=[workspace], help=sweep.__doc__)
    one.set_defaults(run=sweep)
    add_roles(one)
    one.add_argument(
        "--method",
        action="append",
        help="while learning: regularized (networks, the default), boosted (trees), lagrangian "
        "(networks under a limit), adversarial; before: reweighed, resampled, massaged, repaired, "
        "decorrelated; around: reductions; afterwards: thresholds, reject_option, existing; repeat",
    )
    one.add_argument(
        "--model", help="a skops or ONNX file: thresholds and comparisons work around that model"
    )
    one.add_argument("--model-positive", help="its class for the good outcome, where not plain")
    one.add_argument("--score", help="column of an existing score to work around, instead")
    one.add_argument("--penalty", default="demographic_parity", help="what fair means")
    one.add_argument(
        "--partition",
        action="append",
        default=[],
        help="what the penalty acts on: sex, or 'race × sex'; repeat; default all",
    )
    one.add_argument(
        "--strengths",
        type=numbers,
        help="comma separated: weights of the penalty; widest gaps for lagrangian, reductions and "
        "thresholds; shares of a repair; widths of doubt; default: a grid that suits the method",
    )
    one.add_argument("--seeds", type=integers, default=(0,))
    one.add_argument(
        "--hidden",
        type=integers,
        help="units per hidden layer of networks, comma separated; '' for logistic regression",
    )
    one.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a setting of the method or an option of penalties, such as epochs=40, n_rounds=400, "
        'versus=pairs or, by group, \'cuts={"a": 0.4, "b": 0.55}\'; repeat',
    )
    one.add_argument("--name", help="name of the review")

    two = commands.add_parser("frontier", parents=[workspace], help=frontier.__doc__)
    two.set_defaults(run=frontier)
    two.add_argument("review", help="id of a review")
    two.add_argument(
        "--performance", help="first objective: accuracy, auc, log_loss, calibration_error, profit "
        "or another; 'accuracy_difference@race × sex' for a gap by groups of its own",
    )  # fmt: skip
    two.add_argument("--disparity", help="second objective")
    two.add_argument("--third", help="third objective")
    two.add_argument(
        "--costs", type=numbers,
        help="what a right yes, a wrong yes, a wrong no and a right no are worth: 1,-5,0,0",
    )  # fmt: skip
    two.add_argument(
        "--limit", action="append", default=[], metavar="NAME=VALUE",
        help="the worst value allowed: demographic_parity_difference=0.05; repeat",
    )  # fmt: skip
    two.add_argument(
        "--blind", action="store_true", help="recommend none that asks for an attribute"
    )
    two.add_argument("--by", help="partition: sex, or 'race × sex'")
    two.add_argument("--threshold", type=float)
    two.add_argument(
        "--split",
        choices=("select", "train", "calibrate"),
        help="rows to measure on: those that chose when a model stopped (default), those it "
        "learned from, or those it never saw; thresholds are set on calibrate and never saw select",
    )
    two.add_argument("--plot", help="write the plot: .html, .png or .svg")
    two.add_argument("--csv", help="write the table")

    three = commands.add_parser("export", parents=[workspace], help=export.__doc__)
    three.set_defaults(run=export)
    three.add_argument("review", help="id of a review")
    three.add_argument("--candidate", required=True, help="id from `faircore frontier`")
    three.add_argument("--threshold", type=float, default=0.5)
    three.add_argument("--reason", required=True, help="why this point")
    three.add_argument("--who", help="who chooses; default: your user name")
    three.add_argument("--out", default="bundle.zip")

    four = commands.add_parser("score", help=score.__doc__)
    four.set_defaults(run=score)
    four.add_argument("bundle", help="bundle.zip from the Export page")
    four.add_argument("rows", help="CSV, Parquet or Excel file of rows to score")
    four.add_argument("--out", help="CSV to write; default: standard output")
    four.add_argument("--id", action="append", default=[], help="column to carry along; repeat")
