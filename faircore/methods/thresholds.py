"""Thresholds of each group on a score there is: exact ones, and the reject option."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from faircore.methods.cutting import OWN, CutConfig, Scored, bare, cut_score
from faircore.methods.method import Method, Request, limit_text
from faircore.training import Prepared, Trained
from faircore.training.constraints import UNCONSTRAINED
from faircore.training.loop import OnEpoch
from faircore.training.parallel import OnProgress

if TYPE_CHECKING:
    from faircore.thresholds import RejectOption, ThresholdFrontier


def train_thresholds(
    prepared: Prepared,
    trials: Sequence[tuple[float, int]],
    request: Request,
    *,
    on_progress: OnProgress | None = None,
    on_epoch: OnEpoch | None = None,
) -> Iterator[Trained]:
    """Cut one score per seed at every tolerance; see :class:`faircore.methods.method.Train`."""
    config: CutConfig = request.config

    def fit(scored: Scored, tolerances: Sequence[float]) -> ThresholdFrontier:
        from faircore.thresholds import ThresholdFrontier

        return ThresholdFrontier(
            request.penalty,
            tuple(tolerances),
            norm=config.norm if request.penalty == "equalized_odds" else "linf",
            costs=(config.cost_false_yes, config.cost_false_no),
            randomised=config.by_lot,
            partitions=scored.partitions,
            min_people=config.min_people,
            unseen=config.unseen,
        ).fit(
            scored.scores, scored.y, sensitive_features=scored.sensitive,
            sample_weight=scored.weights,
        )  # fmt: skip

    return cut_score(
        prepared, trials, request, fit,
        plain=UNCONSTRAINED, on_progress=on_progress, on_epoch=on_epoch,
    )  # fmt: skip


def train_reject(
    prepared: Prepared,
    trials: Sequence[tuple[float, int]],
    request: Request,
    *,
    on_progress: OnProgress | None = None,
    on_epoch: OnEpoch | None = None,
) -> Iterator[Trained]:
    """Turn decisions near one half; see :class:`faircore.methods.method.Train`."""
    config: CutConfig = request.config

    def fit(scored: Scored, widths: Sequence[float]) -> RejectOption:
        from faircore.thresholds import RejectOption

        crossed = tuple(dict.fromkeys(a for names in scored.partitions for a in names))
        return RejectOption(
            tuple(widths), constraint=request.penalty, partition=crossed, unseen=config.unseen
        ).fit(
            scored.scores, scored.y, sensitive_features=scored.sensitive,
            sample_weight=scored.weights,
        )  # fmt: skip

    return cut_score(
        prepared, trials, request, fit,
        plain=0.0, on_progress=on_progress, on_epoch=on_epoch,
    )  # fmt: skip


def _work(config: CutConfig, n_rows: int, n_columns: int, _: str) -> float:
    # One score serves all tolerances of a seed, of which there are about six.
    alone = config.base.work(n_rows, n_columns) if config.source == OWN else 0.0
    return alone / 6 + 0.02


_CAUTION = "People with equal scores are treated differently by group; a law may forbid that."

THRESHOLDS = Method(
    title="Choose thresholds per group afterwards",
    sentence="Leaves the score as it is and sets each group's threshold so that the gap keeps a "
    "limit at the least cost. Exact, takes seconds, and works on a model you have.",
    stage="after",
    caution=_CAUTION,
    needs_groups=True,
    strength="Widest gap allowed",
    strength_text=limit_text,
    plain=UNCONSTRAINED,
    strengths=lambda _: (0.1, 0.005),
    goals=("demographic_parity", "equal_opportunity", "equalized_odds"),
    config=CutConfig,
    describe=lambda config: f"{config.text} with thresholds by group",
    train=train_thresholds,
    work=_work,
    largest=UNCONSTRAINED,
    bare=bare,
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
    caution=_CAUTION,
    needs_groups=True,
    strength="Width of doubt around one half",
    strength_text=lambda width: f"doubt ± {width:.3g}" if width else "no doubt",
    plain=0.0,
    strengths=lambda _: (0.01, 0.25),
    goals=("demographic_parity", "equal_opportunity"),
    config=CutConfig,
    describe=lambda config: f"{config.text} with the reject option",
    train=train_reject,
    work=_work,
    bare=bare,
    largest=0.5,
    takes_options=False,
    steps="rounds",
    unseen="select",
)
