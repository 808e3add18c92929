"""The trade-off between objectives over many candidates."""

from faircore.frontier.candidate import Candidate
from faircore.frontier.cuts import counts_of, decisions_at, evidence_of, rows_by_score
from faircore.frontier.dominance import non_dominated
from faircore.frontier.families import Families, families
from faircore.frontier.frontier import Frontier
from faircore.frontier.objectives import BETWEEN, OBJECTIVES, PROFIT, Objective, find_objective
from faircore.frontier.recommend import Limit, Pick, cheapest, keeps, knee, recommend
from faircore.frontier.rows import SplitRows
from faircore.frontier.uncertainty import Uncertainty, shown_with_rows, uncertainty
from faircore.frontier.views import measure_counts

__all__ = [
    "BETWEEN",
    "OBJECTIVES",
    "PROFIT",
    "Candidate",
    "Families",
    "Frontier",
    "Limit",
    "Objective",
    "Pick",
    "SplitRows",
    "Uncertainty",
    "cheapest",
    "counts_of",
    "decisions_at",
    "evidence_of",
    "families",
    "find_objective",
    "keeps",
    "knee",
    "measure_counts",
    "non_dominated",
    "recommend",
    "rows_by_score",
    "shown_with_rows",
    "uncertainty",
]
