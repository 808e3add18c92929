"""Networks that must keep a gap within a limit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from faircore.methods.method import Method, Request, limit_text
from faircore.methods.regularized import layers_text, network_work
from faircore.training import Prepared, Trained
from faircore.training.constraints import UNCONSTRAINED, Constraint
from faircore.training.lagrangian import LagrangianConfig, train_lagrangian
from faircore.training.loop import OnEpoch
from faircore.training.parallel import OnProgress


def train_limited(
    prepared: Prepared,
    trials: Sequence[tuple[float, int]],
    request: Request,
    *,
    on_progress: OnProgress | None = None,
    on_epoch: OnEpoch | None = None,
) -> Iterator[Trained]:
    """Train one network per (tolerance, seed); see :class:`faircore.methods.method.Train`."""
    return train_lagrangian(
        prepared.sample("train", partitions=request.partitions),
        prepared.sample("select", partitions=request.partitions),
        constraints=[Constraint(request.penalty)],
        trials=trials,
        config=request.config,
        on_progress=on_progress,
        on_epoch=on_epoch,
    )


LAGRANGIAN = Method(
    title="Forbid a gap larger than …",
    sentence="Trains networks under a limit: the price of a gap rises until the limit holds, and "
    "falls again. Where it cannot hold, the page says so.",
    strength="Widest gap allowed",
    strength_text=limit_text,
    plain=UNCONSTRAINED,
    strengths=lambda _: (0.1, 0.01),
    goals=("demographic_parity", "equal_opportunity", "equalized_odds", "predictive_parity"),
    config=LagrangianConfig,
    describe=lambda config: layers_text(config.training.hidden),
    train=train_limited,
    work=lambda config, n_rows, n_columns, _: (
        1.5 * network_work(config.training, n_rows, n_columns)
    ),
    largest=UNCONSTRAINED,
    targets=True,
    takes_options=False,
)
