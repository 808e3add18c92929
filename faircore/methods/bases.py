"""The plain model that repairs, reductions and thresholds work around."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from faircore.errors import InputError
from faircore.methods.regularized import layers_text, network_work
from faircore.penalties import find_penalty
from faircore.predictors import Predictor
from faircore.training import EncodedRows, Trained, TrainingConfig, train_networks
from faircore.training.boosting import BoostingConfig, train_trees
from faircore.training.loop import OnEpoch

KINDS = ("trees", "network")


@dataclass(frozen=True)
class BaseConfig:
    """A model that cares for accuracy alone.

    Attributes
    ----------
    kind : {"trees", "network"}
    trees : BoostingConfig
    network : TrainingConfig
        Without hidden layers it is logistic regression.
    """

    kind: str = "trees"
    trees: BoostingConfig = field(default_factory=BoostingConfig)
    network: TrainingConfig = field(default_factory=TrainingConfig)

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise InputError(f"kind must be {' or '.join(KINDS)}; it is {self.kind!r}. Change it.")
        # What is not used must not make equal requests unequal.
        if self.kind == "trees":
            object.__setattr__(self, "network", TrainingConfig())
        else:
            object.__setattr__(self, "trees", BoostingConfig())

    @property
    def text(self) -> str:
        """What it is, in words."""
        if self.kind == "trees":
            return f"trees of {self.trees.n_leaves} leaves"
        return layers_text(self.network.hidden)

    @property
    def epochs(self) -> int:
        """Passes or rounds at most."""
        return self.trees.n_rounds if self.kind == "trees" else self.network.epochs

    def work(self, n_rows: int, n_columns: int) -> float:
        """Seconds one takes on one core of the reference machine."""
        if self.kind == "network":
            return network_work(self.network, n_rows, n_columns)
        return trees_work(self.trees, n_rows, n_columns)


def trees_work(config: BoostingConfig, n_rows: int, n_columns: int) -> float:
    """Seconds boosted trees take on one core of the reference machine."""
    a_round = n_rows * (n_columns * 2e-9 + 150e-9) + config.n_leaves * 2e-5
    return config.n_rounds * a_round


Wrap = Callable[[Predictor], Predictor]


def train_base(
    config: BaseConfig, learn: EncodedRows, judge: EncodedRows, seed: int, on_epoch: OnEpoch
) -> Trained:
    """Train one, at its best pass over the rows to judge by."""
    plain = find_penalty("demographic_parity")  # at strength 0, charged for nothing
    if config.kind == "trees":
        found = train_trees(
            learn, judge, penalty=plain, trials=[(0.0, seed)], config=config.trees,
            on_epoch=on_epoch, threads=1,
        )  # fmt: skip
    else:
        found = train_networks(
            learn, judge, penalty=plain, etas=[0.0], seeds=[seed], config=config.network,
            on_epoch=on_epoch,
        )  # fmt: skip
    (one,) = found
    return one
