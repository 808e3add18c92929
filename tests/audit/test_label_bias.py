from __future__ import annotations

import pytest

from faircore.audit.label_bias import QUESTIONS, suspicions, warnings_of
from faircore.errors import InputError


@pytest.mark.parametrize("name", QUESTIONS)
def test_the_worrying_answer_warns_and_the_other_does_not(name: str) -> None:
    question = QUESTIONS[name]
    fine = {"yes": "no", "no": "yes"}[question.worrying]
    assert warnings_of({name: question.worrying}) == [question.warning]
    assert warnings_of({name: fine}) == []


@pytest.mark.parametrize("name", QUESTIONS)
def test_not_knowing_warns_with_the_question(name: str) -> None:
    (warning,) = warnings_of({name: "unsure"})
    assert QUESTIONS[name].text in warning
    assert warning != QUESTIONS[name].warning


def test_questions_read_as_questions() -> None:
    for name, question in QUESTIONS.items():
        assert question.name == name
        assert question.text.endswith("?")
        assert question.example.endswith(".")
        assert question.warning.endswith(".")
        assert question.worrying in ("yes", "no")


def test_warnings_keep_the_order_of_the_answers() -> None:
    names = list(QUESTIONS)[::-1]
    found = warnings_of({n: QUESTIONS[n].worrying for n in names})
    assert found == [QUESTIONS[n].warning for n in names]
    assert warnings_of({}) == []


@pytest.mark.parametrize(
    "answers",
    [{"weather": "yes"}, {"proxy": "maybe"}, {"proxy": ""}, {"proxy": "Yes"}, {"": "no"}],
)
def test_unknown_questions_and_answers_are_refused(answers: dict[str, str]) -> None:
    with pytest.raises(InputError, match="proxy"):
        warnings_of(answers)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("column", "word"),
    [
        ("total_cost_2019", "need"),
        ("Charges", "need"),
        ("two_year_recid", "crime"),
        ("ARRESTED", "crime"),
        ("violent_offense", "crime"),
        ("violent_offence", "crime"),
        ("hired", "judgement"),
        ("performance_rating", "judgement"),
        ("final_grade", "judgement"),
        ("default", "selected"),
        ("loan_repaid", "selected"),
        ("readmission_diagnosis", "looked at"),
        ("er_visits", "looked at"),
    ],
)
def test_names_that_give_reason_to_ask(column: str, word: str) -> None:
    assert any(word in sentence for sentence in suspicions(column))


@pytest.mark.parametrize("column", ["y", "target", "label", "survived", "income", ""])
def test_names_that_do_not(column: str) -> None:
    assert suspicions(column) == []


def test_a_name_may_give_several_reasons() -> None:
    found = suspicions("reported_crime_cost")
    assert len(found) == len(set(found)) == 3
