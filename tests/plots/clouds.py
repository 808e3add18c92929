"""Frontiers to draw, and what is read from a drawn one."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np

from faircore.frontier import Candidate, Frontier, Limit
from faircore.groups import Groups
from faircore.metrics import count_cube
from faircore.plots import frontier_figure

GAP = "demographic_parity_difference"


def drawn_as(frontier: Frontier, **asked: Any) -> dict[str, Any]:
    """A figure as the browser gets it."""
    drawn: dict[str, Any] = json.loads(frontier_figure(frontier, **asked).to_json())
    return drawn


def trace_of(drawn: dict[str, Any], name: str) -> dict[str, Any]:
    (found,) = [t for t in drawn["data"] if t["name"] == name and t["x"] != [None]]
    return dict(found)


def median_limit(frontier: Frontier, axis: int = 1) -> Limit:
    """A limit on an axis that about half of the candidates break."""
    at = float(np.nanmedian(frontier.values[:, axis]))
    return Limit(frontier.objectives[axis].key, at)


def of_one_method() -> Frontier:
    """Six strengths of one method; the fourth failed."""
    rng = np.random.default_rng(0)
    groups = Groups.of({"sex": rng.choice(["f", "m"], 300)})
    y_true = rng.integers(0, 2, 300).astype(np.int8)
    shift = groups.codes[0]
    candidates = [
        Candidate(
            id=f"id-{k}",
            method="regularized",
            penalty="demographic_parity",
            strength=k / 2,
            seed=k,
            needs_groups=False,
            cubes={
                "select": count_cube(
                    y_true, 0.4 * rng.random(300) + 0.3 * y_true + 0.05 * k * shift, groups
                )
            },
            fit_seconds=1.0,
            failure="lost" if k == 3 else None,
        )
        for k in range(6)
    ]
    return Frontier(tuple(candidates), groups.partitions, {"select": groups.sizes})


def of_two_methods() -> Frontier:
    """The same, of two methods by turns."""
    frontier = of_one_method()
    changed = tuple(
        replace(c, method=("regularized", "boosted")[k % 2])
        for k, c in enumerate(frontier.candidates)
    )
    return replace(frontier, candidates=changed, _shared={})


def of_seeds(methods: int = 1) -> Frontier:
    """Three strengths of three seeds each, and one of a single seed."""
    frontier = of_one_method()
    made = [
        replace(c, id=f"{c.id}-{seed}", strength=float(k), seed=seed, failure=None,
                method=("regularized", "boosted")[k % methods],
                cubes=frontier.candidates[(k + 2 * seed) % 6].cubes)
        for k, c in enumerate(frontier.candidates[:4])
        for seed in range(1 if k == 3 else 3)
    ]  # fmt: skip
    return replace(frontier, candidates=tuple(made), _shared={})
