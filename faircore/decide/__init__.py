"""From a frontier to a decision: policy, proposal, certificate, votes, outcome.

The sealed rows are opened here and nowhere else, and never before the record says so.
"""

from faircore.decide.certificate import Certificate
from faircore.decide.certifying import certify
from faircore.decide.checklist import Line, check
from faircore.decide.concluding import conclude, decide
from faircore.decide.decision import Decision
from faircore.decide.interview import QUESTIONS, Advice, advise
from faircore.decide.options import OperatingPoint, Option, name_options
from faircore.decide.packet import Packet, send_packet, standing_packet
from faircore.decide.people import PeopleImpact, people_impact
from faircore.decide.policy import CalibrationLimit, MitigationPlan, Policy
from faircore.decide.proposal import Proposal, propose, standing_proposal
from faircore.decide.sealed import Measurement, open_sealed, standing_measurement
from faircore.decide.standing import (
    Standing,
    amend_policy,
    is_exploratory,
    lock_policy,
    standing_policy,
)
from faircore.decide.votes import Vote, vote, votes_for

__all__ = [
    "QUESTIONS",
    "Advice",
    "CalibrationLimit",
    "Certificate",
    "Decision",
    "Line",
    "Measurement",
    "MitigationPlan",
    "OperatingPoint",
    "Option",
    "Packet",
    "PeopleImpact",
    "Policy",
    "Proposal",
    "Standing",
    "Vote",
    "advise",
    "amend_policy",
    "certify",
    "check",
    "conclude",
    "decide",
    "is_exploratory",
    "lock_policy",
    "name_options",
    "open_sealed",
    "people_impact",
    "propose",
    "send_packet",
    "standing_measurement",
    "standing_packet",
    "standing_policy",
    "standing_proposal",
    "vote",
    "votes_for",
]
