"""A short interview that leads to a definition of fairness, with its reasons and conflicts.

The rules are few and told in full, so that people can argue with them: a doubtful outcome rules
out every definition that measures errors against it; who is harmed by which mistake decides which
error is made equal; a law may add a ratio and forbid the use of the attribute.

References
----------
Hardt, Price & Srebro 2016; Chouldechova 2017; Kleinberg, Mullainathan & Raghavan 2016;
Uniform Guidelines on Employee Selection Procedures 1978 (the four-fifths rule).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from faircore.decide.policy import CalibrationLimit
from faircore.errors import InputError
from faircore.frontier import Limit
from faircore.frontier.objectives import BETWEEN
from faircore.numerals import points

FOUR_FIFTHS = 0.8
GAP = 0.05
RATIO = "demographic_parity_ratio"


class Question(NamedTuple):
    """A question of the interview.

    Attributes
    ----------
    text, hint : str
    options : dict of str to str
        Stored answer to the words for it.
    """

    text: str
    hint: str
    options: dict[str, str]


QUESTIONS: dict[str, Question] = {
    "harm": Question(
        "Who is harmed most when the system is wrong?",
        "A wrong no: somebody deserved a yes and was refused. A wrong yes: somebody got what harms "
        "them or others, such as a debt that cannot be carried, or a suspicion.",
        {
            "wrong_no": "People wrongly refused",
            "wrong_yes": "People wrongly selected",
            "both": "Both, about equally",
        },
    ),
    "outcome": Question(
        "Can the recorded outcome be trusted?",
        "It cannot where it was recorded for some people only, depends on how they were treated, "
        "or is somebody's opinion of them. The Audit page asks about this in detail.",
        {
            "trusted": "Yes, it is what happened, and is recorded alike for all",
            "doubtful": "No, or only for some people",
        },
    ),
    "score": Question(
        "Does anybody read the score itself as a chance?",
        "For example “7 of 10 people like this pay back”, a price, or a rank by risk.",
        {"chance": "Yes", "only_decision": "No, only the yes or no matters"},
    ),
    "attribute": Question(
        "May the sensitive attribute be used when a person is scored?",
        "Thresholds or calibrations by group ask for it. Where treating people differently by "
        "group is forbidden, or the attribute will not be known, the answer is no.",
        {"yes": "Yes", "no": "No, or not known then", "unsure": "Not clear yet"},
    ),
    "law": Question(
        "Which rules does this fall under?",
        "A hint for the limits below, not legal advice: ask somebody who may give it.",
        {
            "us_employment": "United States: hiring, promotion",
            "us_credit": "United States: credit, housing, insurance",
            "eu": "European Union",
            "uk": "United Kingdom",
            "other": "Others, or none",
        },
    ),
}


@dataclass(frozen=True)
class Advice:
    """What the answers lead to.

    Attributes
    ----------
    definition : str
        A key of :data:`faircore.metrics.DISPARITIES`.
    reasons, conflicts : tuple of str
        Sentences: why, and what it gives up or collides with.
    four_fifths : bool
        Whether a ratio of selection of at least .80 is to be kept as well.
    calibrated : bool
        Whether scores should be held to be right as chances.
    may_need_groups : bool
        Whether models that ask for the attribute should be allowed.
    """

    definition: str
    reasons: tuple[str, ...]
    conflicts: tuple[str, ...]
    four_fifths: bool = False
    calibrated: bool = False
    may_need_groups: bool = False

    def limits(self, partitions: tuple[str, ...], *, gap: float = GAP) -> tuple[Limit, ...]:
        """Limits of the field's defaults, over each of some partitions."""
        found = [Limit(f"{self.definition}{BETWEEN}{name}", gap) for name in partitions]
        if self.four_fifths:
            found += [Limit(f"{RATIO}{BETWEEN}{name}", FOUR_FIFTHS) for name in partitions]
        return tuple(found)

    def calibration(self, partition: str) -> CalibrationLimit | None:
        """The field's defaults, where scores are read as chances."""
        return CalibrationLimit(partition=partition) if self.calibrated else None


_BY_HARM = {
    "wrong_no": (
        "equal_opportunity_difference",
        "A wrong no does the harm, so people who deserve a yes should get it equally often in "
        "every group.",
        "People without the good outcome may still be selected unequally: their errors are not "
        "watched.",
    ),
    "wrong_yes": (
        "predictive_equality_difference",
        "A wrong yes does the harm, so people without the good outcome should be selected equally "
        "seldom in every group.",
        "People who deserve a yes may still get it unequally: their errors are not watched.",
    ),
    "both": (
        "equalized_odds_difference",
        "Both mistakes do harm, so both should be equally frequent in every group.",
        "The strictest of the common definitions: it usually costs the most accuracy, and needs "
        "the most people to be shown to hold.",
    ),
}


def advise(answers: Mapping[str, str], *, base_rate_gap: float | None = None) -> Advice:
    """Definition of fairness that the answers lead to.

    Parameters
    ----------
    answers : mapping
        Of every key of :data:`QUESTIONS` to one of its options.
    base_rate_gap : float, optional
        How far apart the groups' shares of good outcomes are, in [0, 1], where known: it decides
        how much definitions collide.

    Raises
    ------
    InputError
        When a question is unanswered or an answer is none of its options.
    """
    for name, question in QUESTIONS.items():
        if answers.get(name) not in question.options:
            raise InputError(
                f"“{question.text}” takes one of {', '.join(question.options)}; the answer is "
                f"{answers.get(name)!r}. Choose one."
            )
    us = answers["law"] in ("us_employment", "us_credit")
    reasons, conflicts = [], []
    if answers["outcome"] == "doubtful":
        definition = "demographic_parity_difference"
        reasons.append(
            "The outcome cannot be trusted, so errors measured against it would repeat what is "
            "wrong with it. Who is selected can be compared without it."
        )
        conflicts.append(
            "Equal selection says nothing of merit: if the groups truly differ, some people are "
            "selected who should not be, or refused who should be."
        )
    else:
        definition, reason, conflict = _BY_HARM[answers["harm"]]
        reasons.append(reason)
        conflicts.append(conflict)
        conflicts.append(_selection(base_rate_gap))
    if answers["score"] == "chance":
        reasons.append("The score is read as a chance, so it has to be right in every group.")
        conflicts.append(_calibration(base_rate_gap))
    if us:
        reasons.append(
            "Rules in the United States look at the ratio of selection: below four fifths is taken "
            "as a sign of adverse impact."
        )
        conflicts.append(
            "Thresholds by group are likely to be seen as unequal treatment there, whatever they "
            "equalise."
        )
    if answers["attribute"] != "yes":
        conflicts.append(
            "Without the attribute, a model can only be fair through the other columns: the "
            "cheapest way to equal rates, thresholds by group, is closed."
        )
    return Advice(
        definition,
        tuple(reasons),
        tuple(conflicts),
        four_fifths=us,
        calibrated=answers["score"] == "chance",
        may_need_groups=answers["attribute"] == "yes" and not us,
    )


def advice_of(answers: Mapping[str, str]) -> Advice | None:
    """What stored answers lead to; None where they are not answers to the questions of today.

    A policy keeps the answers it was made with, whatever was asked then.
    """
    known = all(answers.get(name) in question.options for name, question in QUESTIONS.items())
    return advise(answers) if known else None


def _selection(base_rate_gap: float | None) -> str:
    if base_rate_gap is None:
        return "Where groups differ in how often the good outcome happens, selection stays unequal."
    return (
        f"The good outcome is {points(base_rate_gap, 0)} more frequent in one group than in "
        "another here, so equal errors leave selection about that unequal, times how well the "
        "model tells people apart."
    )


def _calibration(base_rate_gap: float | None) -> str:
    text = (
        "Calibrated scores and equal errors exclude each other wherever groups differ in how often "
        "the good outcome happens"
    )
    if base_rate_gap is None:
        return f"{text} (Chouldechova 2017)."
    return f"{text}; here by {points(base_rate_gap, 0)} (Chouldechova 2017)."
