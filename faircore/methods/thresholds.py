"""Thresholds of each group on a score there is: exact ones, and the reject option."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from faircore.methods.cutting import CutConfig, bare, cut_score, settled
from faircore.methods.method import Method, Work, limit_text
from faircore.methods.sources import OWN
from faircore.training import Trained
from faircore.training.constraints import UNCONSTRAINED

if TYPE_CHECKING:
    from faircore.thresholds import RejectOption, ThresholdFrontier


def train_thresholds(work: Work) -> Iterator[Trained]:
    """Cut one score per seed at every tolerance."""
    config, request = work.config, work.request

    def make(tolerances: Sequence[float], seed: int) -> ThresholdFrontier:
        from faircore.thresholds import ThresholdFrontier

        return ThresholdFrontier(
            request.penalty,
            tuple(tolerances),
            norm=config.norm if request.penalty == "equalized_odds" else "linf",
            costs=(config.cost_false_yes, config.cost_false_no),
            randomised=request.penalty == "equalized_odds"
            if config.by_lot is None
            else config.by_lot,
            partitions=work.partitions,
            min_people=config.min_people,
            unseen=config.unseen,
            seed=seed,
        )

    return cut_score(work, make, plain=UNCONSTRAINED)


def train_reject(work: Work) -> Iterator[Trained]:
    """Turn decisions near one half."""
    config, request = work.config, work.request

    def make(widths: Sequence[float], _: int) -> RejectOption:
        from faircore.thresholds import RejectOption

        return RejectOption(
            tuple(widths),
            constraint=request.penalty,
            partition=work.attributes,
            unseen=config.unseen,
        )

    return cut_score(work, make, plain=0.0)


def _work(config: CutConfig, n_rows: int, n_columns: int, _: str) -> float:
    # One score serves all tolerances of a seed, of which there are about six.
    alone = config.base.work(n_rows, n_columns) if config.source == OWN else 0.0
    return alone / 6 + 0.02


CAUTION = "People with equal scores are treated differently by group; a law may forbid that."

THRESHOLDS = Method(
    title="Choose thresholds per group afterwards",
    sentence="Leaves the score as it is and sets each group's threshold so that the gap keeps a "
    "limit at the least cost. Exact, takes seconds, and works on a model you have.",
    stage="after",
    caution=CAUTION,
    needs_groups=True,
    strength="Widest gap allowed",
    strength_text=limit_text,
    plain=UNCONSTRAINED,
    strengths=lambda _: (0.1, 0.005),
    goals=("demographic_parity", "equal_opportunity", "equalized_odds"),
    config=CutConfig,
    describe=lambda config: f"{config.text} with thresholds by group",
    run=train_thresholds,
    work=_work,
    largest=UNCONSTRAINED,
    bare=bare,
    settle=lambda config, penalty: settled(config, norm=penalty == "equalized_odds", exact=True),
    targets=True,
    takes_options=False,
    steps="rounds",
    unseen="select",
)

REJECT = Method(
    title="Give doubtful cases to the group behind",
    sentence="Where the score is close to one half, groups that are behind get the yes and groups "
    "ahead the no (the reject option). Simple to explain; thresholds per group cost less.",
    stage="after",
    caution=CAUTION,
    needs_groups=True,
    strength="Width of doubt around one half",
    strength_text=lambda width: f"doubt ± {width:.3g}" if width else "no doubt",
    plain=0.0,
    strengths=lambda _: (0.01, 0.25),
    goals=("demographic_parity", "equal_opportunity"),
    config=CutConfig,
    describe=lambda config: f"{config.text} with the reject option",
    run=train_reject,
    work=_work,
    bare=bare,
    settle=lambda config, _: settled(config, norm=False, exact=False),
    largest=0.5,
    takes_options=False,
    steps="rounds",
    unseen="select",
)
