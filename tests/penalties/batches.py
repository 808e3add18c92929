"""Batches and options that the tests of penalties share."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from faircore.groups import Groups
from faircore.penalties import PENALTIES, GroupTensor, Penalty, PenaltyOptions

ON_OUTCOMES = ("predictive_parity", "bounded_group_loss", "group_dro")
"""Penalties about who turns out how: equal scores are not enough for them."""

ON_SCORES = tuple(name for name in PENALTIES if name not in ON_OUTCOMES)

BY_SHARE = ("covariance", "mutual_information", "ermi", "hsic")
"""Penalties in which a group counts by its share of the rows."""

BY_SHARE = ("covariance", "mutual_information", "ermi", "hsic")
"""Penalties in which a group counts by its share of the rows."""

SETTINGS = {
    "default": PenaltyOptions(),
    "pairs": PenaltyOptions(versus="pairs"),
    "shrunk": PenaltyOptions(shrinkage=5),
    "all trusted": PenaltyOptions(small_group=0),
    "few trusted": PenaltyOptions(small_group=50),
    "crossed": PenaltyOptions(crossed_weight=0.3),
    "all at once": PenaltyOptions("pairs", small_group=50, shrinkage=5, crossed_weight=0.3),
}

every_penalty = pytest.mark.parametrize("penalty", PENALTIES.values(), ids=list(PENALTIES))
every_setting = pytest.mark.parametrize("options", SETTINGS.values(), ids=list(SETTINGS))


def some_groups(n: int, seed: int = 0) -> Groups:
    """Two attributes, and both crossed."""
    rng = np.random.default_rng(seed)
    frame = {"a": rng.integers(0, 2, n), "b": rng.integers(0, 3, n)}
    return Groups.of(frame, partitions=[("a",), ("b",), ("a", "b")])


def batch(
    n: int = 60, *leading: int, seed: int = 0, options: PenaltyOptions | None = None
) -> tuple[Tensor, Tensor, GroupTensor, Tensor]:
    """Probabilities, labels, groups of three partitions, weights; all in float64."""
    generator = torch.Generator().manual_seed(seed)
    probs = torch.rand(*leading, n, generator=generator, dtype=torch.float64) * 0.8 + 0.1
    y = torch.randint(0, 2, (n,), generator=generator)
    weights = torch.rand(n, generator=generator, dtype=torch.float64) + 0.1
    crossed = 1.0 if options is None else options.crossed_weight
    groups = GroupTensor.of(some_groups(n, seed), crossed_weight=crossed)
    return probs, y, groups, weights


def charge(
    name: str,
    probs: object,
    y: object,
    codes: object,
    weights: object = None,
    options: PenaltyOptions | None = None,
) -> float:
    """Value of a penalty of one attribute, from plain arrays, in float64."""
    penalty: Penalty = PENALTIES[name]
    value = penalty.function(
        torch.as_tensor(np.asarray(probs, float)),
        torch.as_tensor(np.asarray(y)),
        GroupTensor.from_codes(torch.as_tensor(np.asarray(codes))),
        None if weights is None else torch.as_tensor(np.asarray(weights, float)),
        options or PenaltyOptions(),
    )
    return float(value)
