"""What an audit says of a system: its groups, gaps, proxies, similar people, doubtful outcomes.

``group_report`` measures decisions and scores per group, with intervals; ``tally_file`` counts a
file larger than memory for ``report_tally``. ``find_proxies``, ``switch_test`` and
``similar_people`` look beyond groups; ``impossibility`` computes what cannot be had at once.
"""

from faircore.audit.group_report import group_report, report_tally
from faircore.audit.impossibility import EQUALISED, Impossibility, Scenario, impossibility
from faircore.audit.inequality import Inequality
from faircore.audit.measures import MEASURES, METRICS, find_measure, find_metric
from faircore.audit.report import GroupReport
from faircore.audit.words import (
    USUAL,
    Wording,
    chance,
    figure_sentence,
    figure_text,
    headlines,
    inequality_sentence,
    measure_text,
    n_named,
    pair_sentence,
    verdict,
    widest,
)

__all__ = [
    "EQUALISED",
    "MEASURES",
    "METRICS",
    "USUAL",
    "GroupReport",
    "Impossibility",
    "Inequality",
    "Scenario",
    "Wording",
    "chance",
    "figure_sentence",
    "figure_text",
    "find_measure",
    "find_metric",
    "group_report",
    "headlines",
    "impossibility",
    "inequality_sentence",
    "measure_text",
    "n_named",
    "pair_sentence",
    "report_tally",
    "verdict",
    "widest",
]
