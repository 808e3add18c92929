"""The plain-language guide: one example, told in people, for every definition."""

from __future__ import annotations

from typing import NamedTuple

WOMEN, MEN = "women", "men"

EXAMPLE = """
A bank scores 100 women and 100 men who ask for a loan. In truth, **50 of the women** and **60 of
the men** would pay it back. The model lends to **40 women**, of whom 36 would pay back, and to
**60 men**, of whom 50 would. Every definition below asks a different question of these same 200
people.
"""

COUNTS = {WOMEN: ((46, 4), (14, 36)), MEN: ((30, 10), (10, 50))}
"""Of each group: (would not pay back: refused, lent to), (would pay back: refused, lent to)."""


class Entry(NamedTuple):
    """What a definition asks, when to ask it, and when not."""

    asks: str
    use: str
    not_use: str


DEFINITIONS: dict[str, Entry] = {
    "demographic_parity_difference": Entry(
        "Does the bank lend to the same share of each group?",
        "When the outcome in the data is itself unfair or unknown, or the law looks at who is "
        "selected.",
        "When the groups truly differ in what is being predicted and a wrong yes does harm: equal "
        "shares may then mean lending to people who cannot pay.",
    ),
    "demographic_parity_ratio": Entry(
        "How large is the smaller share, measured by the larger one? The four-fifths rule of US "
        "employment guidance asks for .80 or more.",
        "Where a rule speaks of ratios. With shares of 2% and 4% the gap is small, the ratio "
        "is not.",
        "With very small shares: a handful of people then moves it a lot.",
    ),
    "equal_opportunity_difference": Entry(
        "Of those who would pay back, does the same share of each group get the loan?",
        "When a wrong no is what hurts: a loan, a job, a treatment withheld from somebody who "
        "deserved it.",
        "When the record of who paid back is biased, for instance because refused people could "
        "never prove themselves.",
    ),
    "predictive_equality_difference": Entry(
        "Of those who would not pay back, does the same share of each group get the loan?",
        "When a wrong yes is what hurts: a debt that cannot be carried, a suspicion, a detention.",
        "When a wrong no hurts too: it says nothing of those who deserved a yes.",
    ),
    "equalized_odds_difference": Entry(
        "Of those who would pay back, and of those who would not, is the same share lent to?",
        "When a wrong yes and a wrong no both do harm.",
        "When the groups' base rates differ a lot and scores must also be calibrated: both cannot "
        "be had.",
    ),
    "predictive_parity_difference": Entry(
        "Of those lent to, does the same share of each group pay back?",
        "When a yes must mean the same for whoever gets it, as for the one who bears the risk.",
        "When refusing is what harms: it says nothing of those who were refused.",
    ),
    "accuracy_difference": Entry(
        "Is the share of right decisions the same in each group?",
        "As a first look, and where a wrong yes and a wrong no are about as bad.",
        "When they are not: a model can be right equally often and wrong in opposite directions.",
    ),
}

RATE_TEXTS: dict[str, str] = {
    "selection_rate": "40 of 100 women and 60 of 100 men get the loan.",
    "base_rate": "50 of 100 women and 60 of 100 men would pay back.",
    "accuracy": "The bank is right about 82 of 100 women (46 + 36) and 80 of 100 men (30 + 50).",
    "true_positive_rate": "Of 50 women who would pay back 36 get the loan, 72%; of 60 men 50, 83%.",
    "false_negative_rate": "Of 50 women who would pay back 14 are refused, 28%; of 60 men 10, 17%.",
    "false_positive_rate": "Of 50 women who would not pay back 4 get the loan, 8%; of 40 men 10, "
    "25%.",
    "true_negative_rate": "Of 50 women who would not pay back 46 are refused, 92%; of 40 men 30, "
    "75%.",
    "positive_predictive_value": "Of 40 women lent to 36 pay back, 90%; of 60 men 50, 83%.",
    "negative_predictive_value": "Of 60 women refused 46 would not have paid back, 77%; of 40 men "
    "30, 75%.",
}

CONFLICT = """
Suppose the bank could sort people very well but not perfectly. Then, as long as 50% of the women
and 60% of the men would pay back, it **cannot** at once give every score the same meaning in both
groups and make the same share of mistakes in both (Chouldechova 2017; Kleinberg, Mullainathan &
Raghavan 2016). In the example a yes is more reliable for women (90 against 83 of 100 pay back), and
more good women are refused (28 against 17 of 100). Suppose the bank lent to 50 women, of whom 42
would pay back. Both gaps would all but close: 84 against 83 of 100 would pay back, and 16 against
17 of 100 good applicants would be refused. But the conflict only moves: of 100 women who would not
pay back 16 would get the loan, of 100 such men 25. This is arithmetic, not a fault of a model:
somebody has to choose which equality matters here, and to say why. The Audit page shows the same
conflict with your own numbers.
"""

MORE_WOMEN = ((42, 8), (8, 42))
"""The women of the text above when the bank lends to more of them, as in ``COUNTS``."""

READING = {
    "frontier": (
        "The frontier",
        "Every mark is a model that could be used. Up is better for the organisation, left is more "
        "equal. The line joins the models that nothing beats in both respects: any other mark can "
        "be improved for free. Along the line, more of one costs some of the other, and that price "
        "is what the committee decides about. The star marks where to look first, by a rule the "
        "page says; it is a start, not a verdict.",
    ),
    "threshold": (
        "The threshold",
        "A model gives each person a score from 0 to 1. Whoever reaches the threshold gets a yes. "
        "A lower threshold says yes to more people, good and bad. One threshold per group can make "
        "groups equal, but needs to know the group when it decides, which a law may forbid.",
    ),
    "calibration": (
        "Calibration",
        "A score is calibrated when it means what it says: of 100 people with a score of 30%, "
        "about 30 have the good outcome, in every group. A score that promises too much to one "
        "group and too little to another is unfair at every threshold.",
    ),
    "chance": (
        "Intervals, and “may be chance”",
        "The figures come from some people, not from all. Had others been in the data, they would "
        "differ a little. A 95% interval says how much: intervals made this way hold the true "
        "value 95 times in 100. Among several groups some gap always shows, even where there is "
        "none, so a gap is shown beside what chance alone would do. Few people, wide interval: "
        "then the honest answer is that nobody can tell.",
    ),
    "sealed": (
        "The sealed rows",
        "Whoever picks the best of many models picks a lucky one, and it looks better than it is. "
        "So a fifth of the rows is locked away until a choice is made. They show what the choice "
        "is worth on people who had no part in it. Each look is recorded, because looking and "
        "choosing again would spoil them.",
    ),
    "policy": (
        "The policy",
        "Before anybody sees what models can do, you write down what is fair enough: which gap, "
        "between whom, how large at most, and why. Limits chosen afterwards tend to fit the model "
        "somebody likes. A locked policy can be amended; every version stays in the record. A "
        "review that asked for models first is called exploratory, for ever.",
    ),
    "certificate": (
        "The certificate",
        "A promise about everybody, not only about the people in the data: if the true gap were "
        "larger than the limit, a certificate like this would be given in at most 5 of 100 "
        "reviews. To pass, every pair of groups must be shown to be closer than the limit. The "
        "options are tested in an order fixed beforehand, the safest first, and the first that "
        "fails ends the walk: that is what makes it safe to pick the best of those that passed. "
        "“Cannot tell” is the honest answer where people are too few; the page then says how many "
        "would be needed.",
    ),
    "vote": (
        "The packet and the vote",
        "The packet is what you vote on: a few options, what each does to people, what moving from "
        "one to the next costs. It is frozen under a hash, a fingerprint of everything it says. "
        "You see what others said once your own vote is in. If anything in it changes, votes are "
        "void and a new packet is sent.",
    ),
    "small": (
        "Dashes and small groups",
        "A dash stands for fewer than ten people. So few cannot be judged, and figures about them "
        "could point at somebody.",
    ),
}

GLOSSARY = {
    "Attribute": "What groups are made by, such as sex or race; crossed, as race × sex.",
    "Base rate": "The share of a group that has the good outcome, whatever the model says.",
    "Candidate": "A trained model with its settings: one mark on the frontier.",
    "Gap": "The largest minus the smallest share among groups, in points of percent.",
    "Good outcome": "What the organisation hopes for: the loan is paid back.",
    "Knee": "The unbeaten model farthest above the straight line between the two ends of the "
    "frontier.",
    "λ, strength": "How much a model is made to care for fairness while it learns.",
    "Limit": "A line somebody draws: at most this gap, at least this accuracy.",
    "Seed": "The start of the dice in training. Other seeds show what luck did.",
    "Unbeaten": "No other model is at least as good in everything and better in something.",
}

SOURCES = (
    "Hardt, Price & Srebro 2016 (equal opportunity, equalized odds); Chouldechova 2017 and "
    "Kleinberg, Mullainathan & Raghavan 2016 (why not all at once); Feldman et al. 2015 (ratios "
    "and the four-fifths rule); Dwork et al. 2012 (equal shares, and their limits); Pleiss et al. "
    "2017 (calibration and fairness); Lum, Zhang & Bower 2022 (gaps by chance)."
)
