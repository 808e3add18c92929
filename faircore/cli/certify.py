"""``faircore certify``: which decisions keep a policy in the population, at a known risk."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from faircore.cli.arguments import add_roles, limit, read_rows, writable, write_json
from faircore.errors import InputError
from faircore.files import plain

if TYPE_CHECKING:
    from faircore.decide import Certificate

REASON = "Limits given to `faircore certify`."


@dataclass(frozen=True)
class _Asked:
    """A certificate, and what of it the exit code follows."""

    certificate: Certificate
    names: Mapping[str, str]
    broken: Mapping[str, tuple[str, ...]]
    wanted: tuple[str, ...]

    def kept(self, option: str) -> bool:
        """Whether an option is certified and breaks no rule that a certificate is silent about."""
        return option in self.certificate.certified and not self.broken.get(option)

    def promises(self, option: str) -> list[str]:
        """What a decision for an option would say of it."""
        return [*self.certificate.in_words(option), *self.broken.get(option, ())]


def certify(options: argparse.Namespace) -> int:
    """Test decisions against limits on rows that chose nothing; exit code 1 without a certificate.

    Of a file: columns of decisions about the same rows, of which each has to be certified, or with
    ``--any`` one. Of a review: its proposal, for which the sealed rows are opened; the other
    options are told of and change no exit code.
    """
    if options.json:
        writable(options.json)  # a wrong path must not cost a look at the sealed rows
    if bool(options.review) == bool(options.file or options.sample):
        raise InputError("Name a file of decisions, or a review with --review ID: one of the two.")
    if options.review and options.any:
        raise InputError("--any is for a file; a review answers for its proposal. Leave it out.")
    asked = _of_review(options) if options.review else _of_file(options)
    if asked is None:
        return 1
    found = asked.certificate
    for option in found.order or found.lines:
        mark = "certified" if asked.kept(option) else "no certificate"
        print(f"{asked.names.get(option, option)}: {mark}")
        for sentence in asked.promises(option):
            print(f"  {sentence}")
    print(f"\nTested on {found.people:,} rows.")
    passed = (any if options.any else all)(map(asked.kept, asked.wanted))
    if options.json:
        told = {option: asked.promises(option) for option in found.lines}
        write_json(options.json, plain({**found.to_dict(), "promises": told, "passed": passed}))
    return 0 if passed else 1


def _of_file(options: argparse.Namespace) -> _Asked:
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
    return _Asked(certificate, {}, {}, tuple(certificate.lines))


def _of_review(options: argparse.Namespace) -> _Asked | None:
    from faircore.decide import OperatingPoint, open_sealed, propose, standing_proposal
    from faircore.decide.other_rules import broken_rules
    from faircore.decide.standing import standing_policy
    from faircore.records import ReviewStore, frontier_of_review

    frontier = frontier_of_review(options.workspace, options.review)
    if options.candidate:
        propose(
            options.workspace, options.review, OperatingPoint(options.candidate, options.threshold),
            frontier=frontier, reason=options.reason or "", who=options.who,
        )  # fmt: skip
    found = open_sealed(options.workspace, options.review, who=options.who)
    review = ReviewStore(options.workspace).get(options.review)
    proposal, standing = standing_proposal(review), standing_policy(review)
    if proposal is None or proposal.number != found.proposal:
        raise InputError("The proposal was changed at this moment. Certify the new one.")
    needs = {c.id: c.needs_groups for c in frontier.candidates}
    broken = {
        one.letter: broken_rules(
            one, needs_groups=needs[one.point.candidate], calibration=found.calibration,
            policy=None if standing is None else standing.policy,
        )
        for one in proposal.options
        if one.point
    }  # fmt: skip
    if found.certificate is None:
        told = (found.why, *broken[proposal.proposed.letter])
        print(f"No certificate. {' '.join(told)}")
        return None
    names = {one.letter: f"{one.letter}, {one.title}" for one in proposal.options}
    return _Asked(found.certificate, names, broken, (proposal.proposed.letter,))


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
    one.add_argument(
        "--any", action="store_true", help="exit code 0 if any column is certified; default: all"
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
    one.add_argument(
        "--candidate",
        help="propose this candidate of the review first: the exit code follows the proposal",
    )
    one.add_argument("--threshold", type=float, default=0.5)
    one.add_argument("--reason", help="why this candidate")
    one.add_argument("--who", help="who acts; default: your user name")
    one.add_argument("--json", help="write the certificate")
    one.add_argument("--workspace", type=Path, help="folder of models and reviews")
