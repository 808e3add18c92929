"""Whether the outcome itself can be trusted: questions no data can answer.

Every figure of an audit takes the recorded outcome for the truth. Where the outcome is a proxy
(cost for need, arrest for crime), a system can be fair to the record and unfair to the people.

References
----------
Obermeyer et al. 2019 (cost for need); Lum & Isaac 2016 (arrest for crime); Jacobs & Wallach 2021.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from faircore.errors import InputError

Answer = Literal["yes", "no", "unsure"]


@dataclass(frozen=True)
class Question:
    """A question about the outcome.

    Attributes
    ----------
    name, text, example : str
    worrying : {"yes", "no"}
        The answer that puts the outcome in doubt.
    warning : str
        What that answer means for the figures.
    """

    name: str
    text: str
    example: str
    worrying: Answer
    warning: str


QUESTIONS: dict[str, Question] = {
    q.name: q
    for q in (
        Question(
            "proxy", "Does the outcome stand in for something else you want to know?",
            "Cost of care for need of care; arrest for crime; a manager's rating for ability.",
            "yes", "The figures are about the stand-in. A group that costs less at equal need, or "
            "is arrested more at equal crime, is misjudged and no figure here shows it.",
        ),
        Question(
            "judged", "Did people who could know the sensitive attribute decide the outcome?",
            "Hiring, grading, diagnosis, sentencing.",
            "yes", "The outcome may carry their bias, and a system that agrees with it is "
            "rewarded for repeating it.",
        ),
        Question(
            "selective", "Is the outcome known only for people who were selected?",
            "Repayment is known only where a loan was granted.",
            "yes", "Wrong refusals cannot be seen: rates of the refused are missing or guessed.",
        ),
        Question(
            "watched", "Is one group watched, tested or reported more than another?",
            "Patrols in some districts; screening for those who are insured.",
            "yes", "Bad outcomes of the group that is watched are found more often. Base rates, "
            "and with them false positive rates, differ for this reason alone.",
        ),
        Question(
            "same_meaning", "Does the outcome mean the same in every group?",
            "A readmission of somebody who lives near the hospital and of somebody who does not.",
            "no", "Equal rates of the outcome are then not equal treatment.",
        ),
        Question(
            "outdated", "Have rules or conditions changed since the outcomes were recorded?",
            "A law, a price, a recession, a new treatment.",
            "yes", "The figures describe the past; watch the system after it goes live.",
        ),
    )
}  # fmt: skip
"""The checklist, by name."""

_SUSPECTS = (
    (r"cost|expens|charge|spend|claim", "cost", "Cost is often a stand-in for need."),
    (r"arrest|convict|recid|offen[cs]e|crim", "arrest",
     "Arrest and conviction are often a stand-in for crime."),
    (r"hired|promot|admit|grade|rating|perform|evaluat", "judgement",
     "The outcome looks like a judgement that people made."),
    (r"repaid|default|delinq|approved|granted|accepted", "selection",
     "Such an outcome is often known only for people who were selected."),
    (r"visit|diagnos|screen|report|complain", "attention",
     "Such an outcome depends on who is looked at."),
)  # fmt: skip


def suspicions(column: str) -> list[str]:
    """What the name of an outcome column gives reason to ask, in one sentence each.

    >>> suspicions("two_year_recid")
    ['Arrest and conviction are often a stand-in for crime.']
    """
    name = column.lower()
    return [sentence for pattern, _, sentence in _SUSPECTS if re.search(pattern, name)]


def warnings_of(answers: Mapping[str, Answer]) -> list[str]:
    """What answers to the checklist mean for the figures, one sentence each.

    Parameters
    ----------
    answers : mapping of a question's name to "yes", "no" or "unsure"
        Questions that are not answered are left out.

    Raises
    ------
    InputError
        When a question or an answer is unknown.
    """
    found = []
    for name, answer in answers.items():
        if name not in QUESTIONS or answer not in ("yes", "no", "unsure"):
            raise InputError(
                "The checklist knows the questions "
                f"{', '.join(QUESTIONS)} and the answers yes, no and unsure. Correct {name!r}."
            )
        question = QUESTIONS[name]
        if answer == question.worrying:
            found.append(question.warning)
        elif answer == "unsure":
            found.append(f"Find out, and until then doubt the figures: {question.text}")
    return found
