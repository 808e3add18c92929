"""Penalties on who is predicted worst, against NumPy and a linear programme."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.optimize import linprog

from faircore.penalties import PenaltyOptions
from tests.penalties.batches import charge

Floats = NDArray[np.float64]


def _rows(seed: int, groups: int = 5, n: int = 600) -> tuple[Floats, NDArray[np.int64], Floats]:
    """Scores, labels and groups in columns that are predicted unlike well, and weights."""
    rng = np.random.default_rng(seed)
    codes = rng.choice(groups, n, p=rng.dirichlet(np.full(groups, 3.0)))
    skill = np.linspace(0.2, 2.0, groups)[rng.permutation(groups)]
    y = rng.integers(0, 2, n)
    scores = 1 / (1 + np.exp(-skill[codes] * (2 * y - 1) - 0.3 * rng.normal(size=n)))
    return scores, np.c_[codes, y], rng.random(n) + 0.1


def _losses(
    scores: Floats, both: NDArray[np.int64], weights: Floats
) -> tuple[Floats, Floats, float]:
    """Log loss of each group, its share, and the log loss of everybody."""
    codes, y = both.T
    each = -np.where(y == 1, np.log(scores), np.log1p(-scores))
    mass = np.bincount(codes, weights)
    loss: Floats = np.bincount(codes, weights * each) / mass
    return loss, mass / mass.sum(), float(np.average(each, weights=weights))


@pytest.mark.parametrize("bound", [None, 0.3, 5.0])
@pytest.mark.parametrize("versus", ["overall", "pairs"])
def test_bounded_group_loss_is_what_exceeds_the_bound(bound: float | None, versus: str) -> None:
    scores, both, weights = _rows(0)
    loss, _, overall = _losses(scores, both, weights)
    excess = np.maximum(loss - (overall if bound is None else bound), 0)
    if versus == "overall":
        expected = excess.sum()
    elif bound is None:
        expected = sum(abs(a - b) for a, b in combinations(loss, 2)) / 4
    else:
        expected = sum((a + b) / 2 for a, b in combinations(excess, 2)) / 4
    options = PenaltyOptions(versus, small_group=0, bound=bound)
    value = charge("bounded_group_loss", scores, both[:, 1], both[:, 0], weights, options)
    assert value == pytest.approx(expected, rel=1e-9)
    assert (value == 0) == (bound == 5.0)


def _tail(loss: Floats, share: Floats, tail: float) -> float:
    """Conditional value at risk as a linear programme over how the tail is made up."""
    found = linprog(
        -loss, A_eq=np.ones((1, len(loss))), b_eq=[1], bounds=[(0, s / tail) for s in share]
    )
    assert found.status == 0
    return float(-found.fun)


@pytest.mark.parametrize("tail", [0.05, 0.2, 0.5, 0.95])
@pytest.mark.parametrize("versus", ["overall", "pairs"])
@pytest.mark.parametrize("seed", range(3))
def test_group_dro_is_a_linear_programme(tail: float, versus: str, seed: int) -> None:
    scores, both, weights = _rows(seed)
    loss, share, overall = _losses(scores, both, weights)
    other = overall if versus == "overall" else -_tail(-loss, share, tail)
    options = PenaltyOptions(versus, small_group=0, tail=tail)
    value = charge("group_dro", scores, both[:, 1], both[:, 0], weights, options)
    assert value == pytest.approx(_tail(loss, share, tail) - other, rel=1e-7)
    assert value > 0


@pytest.mark.parametrize("options", [PenaltyOptions(), PenaltyOptions(small_group=3, shrinkage=40)])
def test_group_dro_draws_losses_of_small_groups_to_that_of_everybody(
    options: PenaltyOptions,
) -> None:
    scores, both, weights = _rows(1)
    loss, share, overall = _losses(scores, both, weights)
    n = np.bincount(both[:, 0], weights)
    half = 20 if options.small_group is None else options.small_group
    drawn = overall + (loss - overall) * n / (n + half) * n / (n + options.shrinkage)
    expected = _tail(drawn, share, 0.2) - drawn @ share
    value = charge("group_dro", scores, both[:, 1], both[:, 0], weights, options)
    assert value == pytest.approx(expected, rel=1e-7)


def test_a_tail_smaller_than_every_group_is_the_worst_group() -> None:
    scores, both, weights = _rows(2)
    loss, share, overall = _losses(scores, both, weights)
    options = PenaltyOptions(small_group=0, tail=float(share.min()) / 2)
    value = charge("group_dro", scores, both[:, 1], both[:, 0], weights, options)
    assert value == pytest.approx(loss.max() - overall, rel=1e-9)


def test_a_tail_of_nearly_everybody_is_nobody() -> None:
    scores, both, weights = _rows(2)
    options = PenaltyOptions(small_group=0, tail=1 - 1e-9)
    assert charge("group_dro", scores, both[:, 1], both[:, 0], weights, options) < 1e-8
