"""``faircore certify``: which decisions keep a policy in the population, at a known risk."""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from faircore.cli.arguments import add_roles, limit, read_rows, writable
from faircore.errors import InputError

if TYPE_CHECKING:
    from faircore.decide import Certificate

REASON = "Limits given to `faircore certify`."


def certify(options: argparse.Namespace) -> int:
    """Test decisions against limits on rows that chose nothing; exit code 1 without a certificate.

    Of a file: columns of decisions about the same rows. Of a review: its proposal, for which the
    sealed rows are opened.
    """
    if options.json:
        writable(options.json)  # a wrong path must not cost a look at the sealed rows
    if bool(options.review) == bool(options.file or options.sample):
        raise InputError("Name a file of decisions, or a review with --review ID: one of the two.")
    found, names = _of_review(options) if options.review else _of_file(options)
    if found is None:
        return 1
    for option in found.order or found.lines:
        mark = "certified" if option in found.certified else "no certificate"
        print(f"{names.get(option, option)}: {mark}")
        for sentence in found.in_words(option):
            print(f"  {sentence}")
    print(f"\nTested on {found.people:,} rows.")
    if options.json:
        Path(options.json).write_text(json.dumps(found.to_dict(), indent=1), encoding="utf-8")
    return 0 if found.certified else 1


def _of_file(options: argparse.Namespace) -> tuple[Certificate, dict[str, str]]:
    from faircore.data import build_dataset
    from faircore.decide import Policy
    from faircore.decide import certify as test
    from faircore.frontier import find_objective

    if not options.decision or not options.limit:
        raise InputError(
            "A certificate needs decisions and limits. Name a column with --decision, and a limit "
            "such as --limit demographic_parity_difference@sex=0.05."
        )
    limits = tuple(limit(text) for text in options.limit)
    definition = next((x.key.partition("@")[0] for x in limits if "@" in x.key), "")
    if not definition or find_objective(definition).source != "gap":
        raise InputError(
            "A certificate needs a limit between groups, such as "
            "--limit demographic_parity_difference@sex=0.05."
        )
    policy = Policy(
        definition, limits, reason=REASON, level=options.level, openings=options.openings,
        smallest_group=options.smallest_group,
    )  # fmt: skip
    table, roles = read_rows(options)
    roles = roles.with_(
        features=(), categorical=(), score=None, weight=options.weight or roles.weight,
        entity=options.entity or roles.entity,
    )  # fmt: skip
    sets = [build_dataset(table, replace(roles, decision=name)) for name in options.decision]
    data = sets[0]
    order = options.order.split(",") if options.order else None
    if order is None and len(sets) > 1:
        print("No --order was given, so all are tested at once, which certifies less.\n")
    certificate = test(
        {name: one.decision for name, one in zip(options.decision, sets, strict=True)}, policy,
        y_true=data.y_true, sensitive_features=data.sensitive,
        order=options.decision if order is None and len(sets) == 1 else order,
        sample_weight=data.weights, entities=data.entity,
    )  # fmt: skip
    return certificate, {}


def _of_review(options: argparse.Namespace) -> tuple[Certificate | None, dict[str, str]]:
    from faircore.decide import OperatingPoint, open_sealed, propose, standing_proposal
    from faircore.records import ReviewStore, frontier_of_review

    if options.candidate:
        frontier = frontier_of_review(options.workspace, options.review)
        propose(
            options.workspace, options.review, OperatingPoint(options.candidate, options.threshold),
            frontier=frontier, reason=options.reason or "", who=options.who,
        )  # fmt: skip
    found = open_sealed(options.workspace, options.review, who=options.who)
    proposal = standing_proposal(ReviewStore(options.workspace).get(options.review))
    names = (
        {} if proposal is None else {o.letter: f"{o.letter}, {o.title}" for o in proposal.options}
    )
    if found.certificate is None:
        print(f"No certificate. {found.why}")
    return found.certificate, names


def add_command(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Describe the command to the parser."""
    one = commands.add_parser("certify", help="test decisions against limits on unseen rows")
    one.set_defaults(run=certify)
    add_roles(one)
    one.add_argument(
        "--decision", action="append", default=[], help="column of decisions to test; repeat"
    )
    one.add_argument(
        "--limit", action="append", default=[], metavar="NAME=VALUE",
        help="demographic_parity_difference@sex=0.05, demographic_parity_ratio@race=0.8 or "
        "accuracy=0.8; repeat",
    )  # fmt: skip
    one.add_argument(
        "--order", help="the columns, safest first, with commas: an order fixed without these rows"
    )
    one.add_argument("--weight", help="column of sample weights")
    one.add_argument("--entity", help="column that says which person a row belongs to")
    one.add_argument("--level", type=float, default=0.05, help="risk of a false certificate")
    one.add_argument(
        "--openings", type=int, default=1, help="how often these rows are looked at in all"
    )
    one.add_argument(
        "--smallest-group", type=int, default=0,
        help="promise nothing about groups with fewer rows, and name them",
    )  # fmt: skip
    one.add_argument("--review", help="id of a review, instead of a file: opens its sealed rows")
    one.add_argument("--candidate", help="propose this candidate of the review first")
    one.add_argument("--threshold", type=float, default=0.5)
    one.add_argument("--reason", help="why this candidate")
    one.add_argument("--who", help="who acts; default: your user name")
    one.add_argument("--json", help="write the certificate")
    one.add_argument("--workspace", type=Path, help="folder of models and reviews")
