"""Training: stacked networks, the loop, and the loss for anybody's own loop."""

from faircore.training.config import TrainingConfig
from faircore.training.loop import train_networks
from faircore.training.parallel import train_in_threads, train_stacks
from faircore.training.prepared import Prepared
from faircore.training.regularizer import FairnessRegularizer
from faircore.training.rows import EncodedRows, Trained
from faircore.training.stack import StackedNetworks

__all__ = [
    "EncodedRows",
    "FairnessRegularizer",
    "Prepared",
    "StackedNetworks",
    "Trained",
    "TrainingConfig",
    "train_in_threads",
    "train_networks",
    "train_stacks",
]
