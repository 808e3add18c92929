from __future__ import annotations

from itertools import product

import pytest

from faircore.decide import QUESTIONS, Policy, advise
from faircore.decide.interview import FOUR_FIFTHS, advice_of
from faircore.errors import InputError
from faircore.metrics import DISPARITIES

EVERY = [
    dict(zip(QUESTIONS, answers, strict=True))
    for answers in product(*(question.options for question in QUESTIONS.values()))
]


@pytest.mark.parametrize("gap", [None, 0.0, 0.137])
def test_all_answers_lead_to_a_definition_and_a_policy(gap: float | None) -> None:
    assert len(EVERY) == 3 * 2 * 2 * 3 * 5
    for answers in EVERY:
        advice = advise(answers, base_rate_gap=gap)
        assert advice.definition in DISPARITIES
        assert advice.reasons
        assert advice.conflicts
        for text in (*advice.reasons, *advice.conflicts):
            assert text == text.strip()
            assert text.endswith(".")
        policy = Policy(
            advice.definition, advice.limits(("sex", "race × sex")), " ".join(advice.reasons),
            answers=answers, calibration=advice.calibration("sex"),
            may_need_groups=advice.may_need_groups,
        )  # fmt: skip
        assert Policy.from_dict(policy.to_dict()) == policy


def test_the_rules_are_those_that_are_told() -> None:
    for answers in EVERY:
        advice, us = advise(answers), answers["law"].startswith("us_")
        # A doubtful outcome rules out all that measures errors against it.
        selection = advice.definition == "demographic_parity_difference"
        assert selection == (answers["outcome"] == "doubtful")
        if not selection:
            watched = DISPARITIES[advice.definition].rates
            assert ("true_positive_rate" in watched) == (answers["harm"] != "wrong_yes")
            assert ("false_positive_rate" in watched) == (answers["harm"] != "wrong_no")
        ratios = [x.at for x in advice.limits(("sex",)) if x.key.startswith("demographic_parity_r")]
        assert ratios == ([FOUR_FIFTHS] if us else [])
        assert advice.may_need_groups == (answers["attribute"] == "yes" and not us)
        assert (advice.calibration("sex") is not None) == (answers["score"] == "chance")
        conflicts = " ".join(advice.conflicts)
        assert ("Without the attribute" in conflicts) == (answers["attribute"] != "yes")
        assert ("Chouldechova" in conflicts) == (answers["score"] == "chance")


def test_how_much_definitions_collide_is_said_where_it_is_known() -> None:
    answers = {
        "harm": "both",
        "outcome": "trusted",
        "score": "chance",
        "attribute": "no",
        "law": "eu",
    }
    assert "14 points" in " ".join(advise(answers, base_rate_gap=0.137).conflicts)
    assert "points" not in " ".join(advise(answers).conflicts)


@pytest.mark.parametrize("name", list(QUESTIONS))
@pytest.mark.parametrize("answer", [None, "", "maybe"])
def test_an_answer_that_is_missing_or_none_is_refused(name: str, answer: str | None) -> None:
    answers = {**EVERY[0], name: answer}
    if answer is None:
        del answers[name]
    with pytest.raises(InputError, match="Choose one"):
        advise(answers)  # type: ignore[arg-type]
    assert advice_of(answers) is None  # type: ignore[arg-type]
