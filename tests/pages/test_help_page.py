from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from faircore.metrics import DISPARITIES, RATES
from faircore.records import Review
from pages.components.header import STEPS, done, next_step
from pages.components.help_texts import (
    CONFLICT,
    COUNTS,
    DEFINITIONS,
    EXAMPLE,
    MORE_WOMEN,
    RATE_TEXTS,
)
from tests.pages.visitor import well, words

Open = Callable[..., AppTest]
NUMBERS = np.array(list(COUNTS.values()), np.float64)


def test_every_definition_and_rate_has_its_entry() -> None:
    assert set(DEFINITIONS) == set(DISPARITIES)
    assert set(RATE_TEXTS) == set(RATES)


@pytest.mark.parametrize("name", RATES)
def test_the_example_adds_up(name: str) -> None:
    rate = RATES[name]
    told = RATE_TEXTS[name]
    people = rate.people(NUMBERS)
    for share, n in zip(rate(NUMBERS), people, strict=True):
        assert str(round(share * n)) in told
        assert str(round(n)) in told
        if n != 100:
            assert re.search(rf"\b{100 * share:.0f}%", told)


def test_the_example_is_the_table() -> None:
    (women, men) = NUMBERS
    assert f"**{women[1].sum():.0f} of the women**" in EXAMPLE
    assert f"**{women[:, 1].sum():.0f} women**, of whom {women[1, 1]:.0f}" in EXAMPLE.replace(
        "\n", " "
    )
    assert f"**{men[:, 1].sum():.0f} men**, of whom {men[1, 1]:.0f}" in EXAMPLE.replace("\n", " ")


def test_the_conflict_in_the_text_is_the_arithmetic() -> None:
    before, men = NUMBERS
    after = np.array(MORE_WOMEN, np.float64)
    assert after.sum(axis=1).tolist() == before.sum(axis=1).tolist()  # the same women
    told = " ".join(CONFLICT.split())
    assert f"lent to {after[:, 1].sum():.0f} women, of whom {after[1, 1]:.0f} would" in told
    of = {
        name: [round(100 * float(RATES[name](counts))) for counts in (before, after, men)]
        for name in (
            "positive_predictive_value", "false_negative_rate", "false_positive_rate",
        )
    }  # fmt: skip
    first, now, other = of["positive_predictive_value"]
    assert f"({first} against {other} of 100 pay back)" in told
    assert f"{now} against {other} of 100 would pay back" in told
    first, now, other = of["false_negative_rate"]
    assert f"({first} against {other} of 100)" in told
    assert f"{now} against {other} of 100 good applicants" in told
    _, now, other = of["false_positive_rate"]
    assert f"not pay back {now} would get the loan, of 100 such men {other}" in told


def test_the_page_tells_all_of_it(visit: Open, trained: tuple[Path, Review]) -> None:
    app = visit("help.py", trained[0], trained[1].id)
    well(app)
    told = words(app)
    assert f"{len(DISPARITIES)} questions" in " ".join(h.value for h in app.header)
    for disparity in DISPARITIES.values():
        assert disparity.title in told


def test_the_head_says_where_a_review_stands(visit: Open, trained: tuple[Path, Review]) -> None:
    workspace, review = trained
    told = words(visit("frontier.py", workspace, review.id))
    assert "Lending trial" in told
    assert next_step(review) in told
    assert "Train ✓" in told
    assert "**Frontier**" in told
    assert done(review) == {"Data", "Train"}
    assert all(step in told for step in STEPS)
