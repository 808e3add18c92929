"""Candidates that differ in the seed alone, drawn as their mean."""

from __future__ import annotations

from html import escape
from typing import Any

import numpy as np
from numpy.typing import NDArray

from faircore.frontier import Families, Objective
from faircore.plots.cloud import HOVER, Cloud, as_customdata, numbers
from faircore.plots.crowding import uncrowded

_MOST_MEANS = 400  # each has whiskers in both directions


def means(cloud: Cloud, families: Families, chosen: NDArray[np.intp]) -> dict[str, Any]:
    """Means over seeds of some families, with whiskers of one standard deviation.

    A mean is no model: its ``customdata`` holds the id of its seed nearest to it.
    """
    frontier = cloud.frontier
    near = [_nearest(frontier.values[families.members[f]], families.mean[f]) for f in chosen]
    seeds = [int(families.members[f][n]) for f, n in zip(chosen, near, strict=True)]
    told = [_mean_text(frontier.objectives, families, int(f)) for f in chosen]
    mean, spread = families.mean[chosen], families.spread[chosen]
    return {
        "x": numbers(mean[:, 1]),
        "y": numbers(mean[:, 0]),
        "error_x": _whiskers(spread[:, 1]),
        "error_y": _whiskers(spread[:, 0]),
        "customdata": as_customdata([[frontier.candidates[k].id, cloud.names[k]] for k in seeds]),
        "hovertext": told,
        "hovertemplate": HOVER,
    }


def drawn_as_means(cloud: Cloud, families: Families | None) -> NDArray[np.intp]:
    """Families of several seeds of which one at least is kept."""
    if families is None:
        return np.empty(0, np.intp)
    several = [
        f for f, own in enumerate(families.members) if len(own) > 1 and cloud.kept[own].any()
    ]
    found, mean = np.array(several, np.intp), families.mean[several]
    methods = [cloud.frontier.candidates[families.members[f][0]].method for f in several]
    kind = np.unique(methods, return_inverse=True)[1]
    return found[uncrowded(mean[:, 1], mean[:, 0], kind, most=_MOST_MEANS)]


def _mean_text(objectives: tuple[Objective, ...], families: Families, f: int) -> str:
    lines = [f"the seed nearest to the mean of {len(families.members[f])} seeds:"]
    for m, objective in enumerate(objectives):
        mean, spread = float(families.mean[f, m]), float(families.spread[f, m])
        around = objective.change_text(spread).lstrip("+±−")
        lines.append(f"{escape(objective.full_title)}: {objective.text(mean)} ± {around}")
    return "<br>".join(lines)


def _nearest(values: NDArray[np.float64], mean: NDArray[np.float64]) -> int:
    """The row nearest to the mean, each objective in units of its spread."""
    scale = np.where(np.ptp(values, axis=0) > 0, np.ptp(values, axis=0), 1.0)
    return int((((values - mean) / scale) ** 2).sum(axis=1).argmin())


def _whiskers(spread: NDArray[np.float64]) -> dict[str, Any]:
    return {"type": "data", "array": numbers(spread), "thickness": 1.2, "width": 3}
