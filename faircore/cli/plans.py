"""A plan of sweeps from what the command line says."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from typing import Any

import numpy as np

from faircore.errors import InputError
from faircore.methods import Method, find_method
from faircore.penalties import PenaltyOptions, find_penalty
from faircore.plans import SweepPlan, SweepSpec

_GRID = 7


def plan_of(options: argparse.Namespace) -> SweepPlan:
    """One sweep per method named, with a grid of strengths that suits it unless one is given."""
    find_penalty(options.penalty)
    names = list(dict.fromkeys(options.method or ["regularized"]))
    methods = {name: find_method(name) for name in names}
    if options.strengths and len({method.targets for method in methods.values()}) > 1:
        raise InputError(
            "--strengths means something else for lagrangian than for the other methods. Launch "
            "them one by one, or leave --strengths out."
        )
    given = dict(_setting(text) for text in options.set)
    if options.hidden is not None:
        given["hidden"] = list(options.hidden)
    used: set[str] = set()
    sweeps = []
    for name, method in methods.items():
        config, choices = asdict(method.config()), asdict(PenaltyOptions())
        for key, value in given.items():
            for place in (config, config.get("training"), choices if method.takes_options else {}):
                if isinstance(place, dict) and key in place:
                    place[key] = value
                    used.add(key)
                    break
        sweeps.append(
            SweepSpec(
                strengths=options.strengths or _grid(method, options.penalty),
                seeds=options.seeds,
                method=name,
                penalty=options.penalty,
                partitions=tuple(options.partition),
                config=method.read_config(config),
                options=PenaltyOptions(**choices),
            )
        )
    unknown = sorted(set(given) - used)
    if unknown:
        raise InputError(
            f"{unknown[0]!r} is no setting of {' or '.join(names)}. Settings are: "
            f"{', '.join(sorted(_known(methods.values())))}."
        )
    return SweepPlan(tuple(sweeps))


def _grid(method: Method, penalty: str) -> tuple[float, ...]:
    low, high = method.strengths(penalty)
    return tuple(float(f"{s:.3g}") for s in np.geomspace(low, high, _GRID))


def _setting(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not equals:
        raise InputError(f"{text!r} is no setting. Write a name and a value, such as epochs=40.")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


def _known(methods: Any) -> set[str]:
    known = set(asdict(PenaltyOptions()))
    for method in methods:
        config = asdict(method.config())
        known |= {key for key in config if key != "training"} | set(config.get("training", {}))
    return known
