"""A plan of sweeps from what the command line says."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from typing import Any

from faircore.errors import InputError
from faircore.methods import Method, find_method
from faircore.penalties import PenaltyOptions, find_penalty
from faircore.plans import SweepPlan, SweepSpec

_GRID = 7


def plan_of(options: argparse.Namespace, *, source: str | None = None) -> SweepPlan:
    """One sweep per method named, with a grid of strengths that suits it unless one is given.

    ``source`` is the model that thresholds and comparisons work around, where there is one.
    """
    find_penalty(options.penalty)
    usual = ["regularized"] if source is None else ["existing", "thresholds"]
    names = list(dict.fromkeys(options.method or usual))
    methods = {name: find_method(name) for name in names}
    meanings = {method.strength for method in methods.values() if not method.fixed}
    if options.strengths and len(meanings) > 1:
        raise InputError(
            f"--strengths would mean {len(meanings)} things: {'; '.join(sorted(meanings))}. Launch "
            "the methods one by one, or leave --strengths out."
        )
    given = dict(_setting(text) for text in options.set)
    if options.hidden is not None:
        given["hidden"] = list(options.hidden)
    given |= {} if source is None else {"source": source}
    used: set[str] = set()
    known: set[str] = set()
    sweeps = []
    for name, method in methods.items():
        config, choices = asdict(method.config()), asdict(PenaltyOptions())
        _choose_base(config, given)
        places = [*_places(config), *([choices] if method.takes_options else [])]
        # What is empty is no configuration inside, but a mapping that somebody fills.
        known |= {
            k for place in places for k in place if not (isinstance(place[k], dict) and place[k])
        }
        for key, value in given.items():
            place = next((place for place in places if key in place), None)
            if place is not None:
                place[key] = value
                used.add(key)
        sweeps.append(
            SweepSpec(
                strengths=_grid(method, options.penalty)
                if method.fixed
                else options.strengths or _grid(method, options.penalty),
                seeds=options.seeds,
                method=name,
                penalty=options.penalty,
                partitions=tuple(options.partition),
                config=method.read_config(config),
                options=PenaltyOptions(**choices),
            )
        )
    if source is not None and "source" not in used:
        raise InputError(
            f"{' and '.join(names)} cannot work around a model there is. Add --method thresholds, "
            "reject_option or existing, or leave --model and --score out."
        )
    unknown = sorted(set(given) - used)
    if unknown:
        raise InputError(
            f"{unknown[0]!r} is no setting of {' or '.join(names)}. Settings are: "
            f"{', '.join(sorted(known))}."
        )
    return SweepPlan(tuple(sweeps))


def _grid(method: Method, penalty: str) -> tuple[float, ...]:
    return method.grid(*method.strengths(penalty), _GRID)


def _setting(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not equals:
        raise InputError(f"{text!r} is no setting. Write a name and a value, such as epochs=40.")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


def _choose_base(config: dict[str, Any], given: dict[str, Any]) -> None:
    """Keep the settings of the base that is asked for, so that no other takes what is meant."""
    base = config.get("base")
    if base is not None:
        base["kind"] = given.get("kind", base["kind"])
        for other in {"trees", "network"} - {base["kind"]}:
            base.pop(other, None)


def _places(config: dict[str, Any]) -> list[dict[str, Any]]:
    """A configuration and those inside it, the outer first."""
    inner = [one for value in config.values() if isinstance(value, dict) for one in _places(value)]
    return [config, *inner]
