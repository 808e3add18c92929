"""Networks that learn to hide the group from an opponent."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from faircore.errors import InputError
from faircore.methods.method import Method, Work
from faircore.methods.regularized import layers_text, network_work
from faircore.training import Trained, TrainingConfig
from faircore.training.adversarial import AdversarialConfig, train_adversarial_networks


@dataclass(frozen=True)
class OpponentConfig:
    """How networks are trained against an opponent.

    Attributes
    ----------
    hidden : tuple of int
        Units per hidden layer of the network; empty for logistic regression.
    training : AdversarialConfig
        Its ``goal`` is that of the request.
    """

    hidden: tuple[int, ...] = (64,)
    training: AdversarialConfig = field(default_factory=AdversarialConfig)

    def __post_init__(self) -> None:
        object.__setattr__(self, "hidden", TrainingConfig(hidden=self.hidden).hidden)
        if self.training.on == "representation" and not self.hidden:
            raise InputError(
                "on='representation' needs a hidden layer to look at, and hidden is empty. Add a "
                "layer, or let the opponent look at the output."
            )


def train_hiding(work: Work) -> Iterator[Trained]:
    """Train one network per (strength, seed)."""
    return train_adversarial_networks(
        work.rows("train"),
        work.rows("select"),
        trials=work.trials,
        hidden=work.config.hidden,
        config=work.config.training,
        **work.told,
    )


def _work(config: OpponentConfig, n_rows: int, n_columns: int, _: str) -> float:
    training = config.training
    alone = network_work(
        TrainingConfig(hidden=config.hidden, epochs=training.epochs), n_rows, n_columns
    )
    # One module at a time, through autograd, and the opponent's steps beside its own.
    return alone * 3 * (1 + training.adversary_steps)


ADVERSARIAL = Method(
    title="Hide the group from an opponent",
    sentence="Trains networks whose score an opponent cannot read the group from. Finds links that "
    "a gap does not show; less predictable than a penalty.",
    strength="Strength of the opponent",
    strength_text=lambda strength: f"opponent {strength:.4g}" if strength else "no opponent",
    plain=0.0,
    strengths=lambda _: (0.1, 3.0),
    goals=("demographic_parity", "equalized_odds"),
    config=OpponentConfig,
    describe=lambda config: layers_text(config.hidden),
    run=train_hiding,
    work=_work,
    takes_options=False,
    settle=lambda config, penalty: replace(config, training=replace(config.training, goal=penalty)),
)
