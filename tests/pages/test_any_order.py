"""Whatever is set, in whatever order: no page breaks, and none shows a missing number raw."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from faircore.jobs import Job
from faircore.records import Review
from tests.pages.visitor import words

ACTS = 20
SEEDS = 2
LEAVES = {"Choose this point", "Train these"}
"""Buttons that lead to another page."""


def values(kind: str, widget: Any, draw: random.Random) -> list[Any]:
    """What somebody might set a widget to, the ends of its range among it."""
    if kind == "multiselect":
        return [draw.sample(widget.options, draw.randint(0, min(3, len(widget.options))))]
    if kind in ("checkbox", "toggle"):
        return [not widget.value]
    if kind == "slider":
        return [widget.min, widget.max, draw.uniform(widget.min, widget.max)]
    if kind == "number_input":
        ends = (widget.min, widget.max)
        return [None, *(end for end in ends if end is not None), 0.0 if None in ends else ends[0]]
    return list(widget.options)


def widgets(app: AppTest) -> list[tuple[str, Any]]:
    """What can be set or pressed on a page now."""
    kinds = ("selectbox", "multiselect", "slider", "checkbox", "toggle", "number_input", "button")
    found = [(kind, widget) for kind in kinds for widget in getattr(app, kind)]
    found += [("segmented", group) for group in app.button_group if group.key == "look"]
    return [(kind, w) for kind, w in found if not w.disabled and w.label not in LEAVES]


def act(app: AppTest, draw: random.Random) -> str:
    """Set one widget, or press one button; what was done."""
    kind, widget = draw.choice(widgets(app))
    if kind == "button":
        widget.click().run()
        return str(widget.label)
    if kind == "selectbox":  # by its place: what it shows is not always what it holds
        place = draw.randrange(len(widget.options))
        widget.select_index(place).run()
        return f"{widget.label} = {widget.options[place]}"
    value = draw.choice(values(kind, widget, draw))
    widget.set_value(value).run()
    return f"{widget.label} = {value}"


@pytest.mark.parametrize(
    ("page", "seed"),
    [
        (f"{name}.py", seed)
        for name in ("frontier", "calibration", "audit", "policy", "train", "decide")
        for seed in range(SEEDS)
    ],
)
def test_no_order_of_acts_breaks_a_page(
    fresh: tuple[Path, Review],
    visit: Callable[..., AppTest],
    monkeypatch: pytest.MonkeyPatch,
    page: str,
    seed: int,
) -> None:
    monkeypatch.setattr(Job, "start", lambda _: None)
    workspace, review = fresh
    draw = random.Random(f"{page} {seed}")
    app, done = visit(page, workspace, review.id), list[str]()
    for _ in range(ACTS):
        done.append(act(app, draw))
        assert [e.value for e in app.exception] == [], done
        raw = re.search(r".*\b(nan|inf|None)\b.*", words(app))
        assert raw is None, (raw and raw[0], done)
