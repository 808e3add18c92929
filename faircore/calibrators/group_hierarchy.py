"""Maps for every group, from everybody down to the crossing of all attributes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from itertools import combinations

import numpy as np

from faircore.calibrators.choosing import choose, row_losses
from faircore.calibrators.deviation import fit_deviation
from faircore.calibrators.fitting import fit_tally
from faircore.calibrators.group_settling import Node, Pending, settle
from faircore.calibrators.rules import Rules
from faircore.calibrators.tally import Sample
from faircore.errors import InputError
from faircore.groups import Groups, Partition
from faircore.metrics import hidden_groups
from faircore.predictors.group_fit import GroupFit, Reason
from faircore.predictors.group_key import GroupKey
from faircore.predictors.group_maps import GroupMaps

Cell = frozenset[tuple[str, str]]


def crossings(attributes: Sequence[str]) -> tuple[tuple[str, ...], ...]:
    """Every set of attributes, the largest first."""
    widths = range(len(attributes), 0, -1)
    return tuple(chosen for width in widths for chosen in combinations(attributes, width))


def fit_groups(sample: Sample, groups: Groups | None, rules: Rules) -> GroupMaps:
    """Fit everybody's map, then those of ever smaller groups on top of the one above.

    Parameters
    ----------
    sample : Sample
        With both outcomes.
    groups : Groups, optional
        Of its rows, in their order, by every set of attributes, the largest first.
    rules : Rules

    Raises
    ------
    InputError
        When groups are too small and the rules refuse those.
    """
    everybody = _fit_everybody(sample, rules)
    if groups is None:
        return GroupMaps((), (), everybody.map, rules.unseen_map, (everybody.fit,))
    nodes: dict[Cell, Node] = {frozenset(): everybody}
    found: dict[tuple[str, ...], list[Node]] = {}
    for place in reversed(range(len(groups.partitions))):
        partition = groups.partitions[place]
        pending = _pending(sample, groups, place, nodes, rules)
        found[partition.attributes] = settle(partition, pending, rules)
        for labels, node in zip(partition.labels, found[partition.attributes], strict=True):
            nodes[_cell(partition, labels)] = node
    if rules.fallback == "refuse":
        _refuse([node.fit for of_key in found.values() for node in of_key], rules)
    ordered = [found[partition.attributes] for partition in groups.partitions]
    hidden = hidden_groups(groups.partitions, groups.sizes).tolist()
    fits = (node.fit for of_key in ordered for node in of_key)
    return GroupMaps(
        tuple(GroupKey.of(partition, unseen="pooled") for partition in groups.partitions),
        tuple(tuple(node.map for node in of_key) for of_key in ordered),
        everybody.map,
        rules.unseen_map,
        (everybody.fit, *(replace(fit, hidden=h) for fit, h in zip(fits, hidden, strict=True))),
    )


def _fit_everybody(sample: Sample, rules: Rules) -> Node:
    """Everybody's map, of the kind asked for groups that are not named."""
    asked = rules.method_of("", ())
    scaled = sample.scaled
    method = "identity" if asked == "none" else str(asked)
    few = asked in ("isotonic", "beta") and not rules.allows_flexible(sample)
    if few or (asked == "automatic" and not rules.allows_flexible(sample)):
        method = "platt"
    elif asked == "automatic":
        fits = {kind: partial(fit_tally, kind) for kind in ("platt", "beta", "isotonic")}
        method = choose(scaled, fits, seed=rules.seed)
    found = fit_tally(method, scaled.tally)
    slope, offset = found.line or (None, None)
    reason: Reason = "as_asked" if asked == "none" else "everybody"
    reason = "few_for_flexible" if few else reason
    fit = GroupFit(
        (), (), len(sample.y), sample.n_effective, sample.n_positive, method, asked != "none", "",
        reason, rules.min_group_size, slope=slope, offset=offset,
    )  # fmt: skip
    return Node(fit, found)


def _pending(
    sample: Sample, groups: Groups, place: int, nodes: dict[Cell, Node], rules: Rules
) -> list[Pending]:
    """Groups of one partition, each tested against its parent."""
    partition = groups.partitions[place]
    codes = groups.codes[place] - partition.start
    order = np.argsort(codes, kind="stable")  # within a group, rows stay in the sample's order
    ends = np.cumsum(np.bincount(codes, minlength=len(partition.labels)))
    pending = []
    for i, (name, labels) in enumerate(zip(partition.group_names, partition.labels, strict=True)):
        own = sample.take(order[ends[i - 1] if i else 0 : ends[i]])
        parent = _parent(own, _above(partition, labels, nodes, rules))
        asked = rules.method_of(name, labels)
        kept: Reason | None = None
        deviation = None
        if asked == "none":
            kept = "as_asked"
        elif rules.too_few(own) or not len(own.y):
            kept = "too_few"
        elif own.one_outcome:
            kept = "one_outcome"
        else:
            tally, slope_only = own.scaled.tally, asked == "temperature"
            deviation = fit_deviation(tally, parent.map, slope_only=slope_only)
            kept = "not_different" if deviation.p_value > rules.alpha else None
        pending.append(Pending(name, labels, own, parent, asked, deviation, kept))
    return pending


def _above(
    partition: Partition, labels: tuple[str, ...], nodes: dict[Cell, Node], rules: Rules
) -> list[Node]:
    """Groups a group may stand on: each time one attribute less, or everybody."""
    if rules.fallback == "everybody":
        return [nodes[frozenset()]]
    cell = _cell(partition, labels)
    return [nodes[cell - {pair}] for pair in zip(partition.attributes, labels, strict=True)]


def _parent(own: Sample, above: list[Node]) -> Node:
    """The one that fits a group's rows best, however few: better than the smallest on new rows."""

    def loss(node: Node) -> float:
        return float(row_losses(node.map(own.scores), own.y) @ own.weights)

    return min(above, key=lambda node: (loss(node), node.fit.n))


def _cell(partition: Partition, labels: tuple[str, ...]) -> Cell:
    return frozenset(zip(partition.attributes, labels, strict=True))


def _refuse(fits: list[GroupFit], rules: Rules) -> None:
    small = sum(fit.reason == "too_few" for fit in fits)
    alike = sum(fit.reason == "one_outcome" for fit in fits)
    if small or alike:
        raise InputError(
            f"{small} of {len(fits)} groups have fewer than {rules.min_group_size} rows and "
            f"{alike} others have rows of one outcome only, and fallback is 'refuse'. Cross fewer "
            "attributes, lower min_group_size, or let such groups use the calibrator of the group "
            "above them (fallback='parent') or of everybody (fallback='everybody')."
        )
