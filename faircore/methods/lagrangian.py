"""Networks that must keep a gap within a limit."""

from __future__ import annotations

from collections.abc import Iterator

from faircore.methods.method import Method, Work, limit_text
from faircore.methods.regularized import layers_text, network_work
from faircore.training import Trained
from faircore.training.constraints import UNCONSTRAINED, Constraint
from faircore.training.lagrangian import LagrangianConfig, train_lagrangian


def train_limited(work: Work) -> Iterator[Trained]:
    """Train one network per (tolerance, seed)."""
    return train_lagrangian(
        work.rows("train"),
        work.rows("select"),
        constraints=[Constraint(work.request.penalty)],
        trials=work.trials,
        config=work.config,
        **work.told,
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
    run=train_limited,
    work=lambda config, n_rows, n_columns, _: (
        1.5 * network_work(config.training, n_rows, n_columns)
    ),
    largest=UNCONSTRAINED,
    targets=True,
    takes_options=False,
)
