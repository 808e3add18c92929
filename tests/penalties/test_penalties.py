"""The contract every penalty keeps, then closed forms of each."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from faircore.errors import InputError
from faircore.groups import Groups
from faircore.metrics import DISPARITIES
from faircore.penalties import PENALTIES, GroupTensor, find_penalty
from faircore.penalties.rate_gaps import SMALL_GROUP, SMOOTH

Function = Callable[[Tensor, Tensor, GroupTensor, Tensor | None], Tensor]

every_penalty = pytest.mark.parametrize(
    "penalty", [p.function for p in PENALTIES.values()], ids=list(PENALTIES)
)


def _groups(n: int, seed: int = 0) -> Groups:
    rng = np.random.default_rng(seed)
    frame = {"a": rng.integers(0, 2, n), "b": rng.integers(0, 3, n)}
    return Groups.of(frame, partitions=[("a",), ("b",), ("a", "b")])


def _batch(n: int = 60, *leading: int, seed: int = 0) -> tuple[Tensor, Tensor, GroupTensor, Tensor]:
    """Probabilities, labels, groups of three partitions, weights; all in float64."""
    generator = torch.Generator().manual_seed(seed)
    probs = torch.rand(*leading, n, generator=generator, dtype=torch.float64) * 0.8 + 0.1
    y = torch.randint(0, 2, (n,), generator=generator)
    weights = torch.rand(n, generator=generator, dtype=torch.float64) + 0.1
    return probs, y, GroupTensor.of(_groups(n, seed)), weights


@every_penalty
def test_zero_when_every_score_is_equal(penalty: Function) -> None:
    _, y, groups, weights = _batch()
    for given in (None, weights):
        assert penalty(torch.full((60,), 0.3, dtype=torch.float64), y, groups, given) < 1e-12


@every_penalty
def test_zero_at_parity_of_groups_that_differ_in_everything_else(penalty: Function) -> None:
    # Both groups: good scored .8 and .6, others .4 and .2; the second group twice as large.
    probs = torch.tensor([0.8, 0.6, 0.4, 0.2] * 3, dtype=torch.float64)
    y = torch.tensor([1, 1, 0, 0] * 3)
    groups = GroupTensor.of(Groups.of(["a"] * 4 + ["b"] * 8))
    assert penalty(probs, y, groups, None) < 1e-12


@every_penalty
def test_positive_apart_and_growing_with_the_distance(penalty: Function) -> None:
    y, groups = torch.tensor([0, 1] * 40), GroupTensor.of(Groups.of([0] * 40 + [1] * 40))
    values = []
    for apart in (0.0, 0.02, 0.1, 0.3, 0.6):
        probs = torch.tensor([0.5 - apart / 2] * 40 + [0.5 + apart / 2] * 40)
        values.append(float(penalty(probs, y, groups, None)))
    assert values[0] < 1e-9
    assert (np.diff(values) > 0).all()


@every_penalty
@pytest.mark.parametrize("seed", range(5))
def test_never_negative_and_one_value_per_candidate(penalty: Function, seed: int) -> None:
    probs, y, groups, weights = _batch(30, 4, seed=seed)
    value = penalty(probs, y, groups, weights)
    assert value.shape == (4,)
    assert (value >= 0).all()


@every_penalty
def test_a_batch_of_candidates_equals_one_after_the_other(penalty: Function) -> None:
    probs, y, groups, weights = _batch(50, 2, 3)
    together = penalty(probs, y, groups, weights)
    assert together.shape == (2, 3)
    for i in range(2):
        for j in range(3):
            alone = penalty(probs[i, j], y, groups, weights)
            torch.testing.assert_close(together[i, j], alone, rtol=1e-12, atol=1e-14)


@every_penalty
def test_candidates_do_not_share_gradients(penalty: Function) -> None:
    probs, y, groups, weights = _batch(50, 3)
    probs.requires_grad_()
    (grad,) = torch.autograd.grad(penalty(probs, y, groups, weights)[1], probs)
    assert (grad[[0, 2]] == 0).all()
    assert grad[1].abs().sum() > 0


@every_penalty
def test_the_order_of_rows_does_not_matter(penalty: Function) -> None:
    probs, y, groups, weights = _batch()
    order = torch.randperm(60, generator=torch.Generator().manual_seed(1))
    shuffled = penalty(probs[order], y[order], groups.take(order), weights[order])
    torch.testing.assert_close(shuffled, penalty(probs, y, groups, weights), rtol=1e-12, atol=0)


@every_penalty
def test_a_weight_of_two_is_a_row_twice(penalty: Function) -> None:
    probs, y, groups, _ = _batch(40)
    times = torch.arange(40) % 3
    rows = torch.repeat_interleave(torch.arange(40), times)
    repeated = penalty(probs[rows], y[rows], groups.take(rows), None)
    torch.testing.assert_close(penalty(probs, y, groups, times), repeated, rtol=1e-12, atol=0)


@every_penalty
def test_partitions_are_averaged(penalty: Function) -> None:
    probs, y, _, weights = _batch()
    every = _groups(60)
    single = [
        penalty(probs, y, GroupTensor.of(Groups.of(every.codes[i])), weights) for i in range(3)
    ]
    together = penalty(probs, y, GroupTensor.of(every), weights)
    torch.testing.assert_close(together, sum(single) / 3, rtol=1e-12, atol=0)


def _awkward() -> dict[str, tuple[Tensor, GroupTensor, Tensor | None]]:
    """Labels, groups and weights of batches in which something is absent."""
    groups = _groups(24)
    full, mixed = GroupTensor.of(groups), torch.tensor([0, 1] * 12)
    one_group = torch.as_tensor(np.flatnonzero(groups.codes[0] == 0))
    return {
        "empty group": (mixed[: len(one_group)], full.take(one_group), None),
        "no positive": (torch.zeros(24, dtype=torch.int64), full, None),
        "no negative": (torch.ones(24, dtype=torch.int64), full, None),
        "no weight": (mixed, full, torch.zeros(24, dtype=torch.float64)),
        "one row": (mixed[:1], full.take(torch.tensor([0])), None),
        "no row": (mixed[:0], full.take(torch.tensor([], dtype=torch.int64)), None),
    }


@every_penalty
@pytest.mark.parametrize("case", _awkward())
@pytest.mark.parametrize("extreme", [False, True], ids=["inner", "0 and 1"])
def test_gradients_stay_finite_where_something_is_absent(
    penalty: Function, case: str, extreme: bool
) -> None:
    y, groups, weights = _awkward()[case]
    probs = torch.rand(2, len(y), generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    probs = (probs.round() if extreme else probs).requires_grad_()
    value = penalty(probs, y, groups, weights)
    (grad,) = torch.autograd.grad(value.sum(), probs)
    assert torch.isfinite(value).all()
    assert torch.isfinite(grad).all()
    if case in ("no weight", "one row", "no row"):
        assert (value < 1e-9).all()


def test_without_positives_there_is_no_charge_for_missing_them() -> None:
    probs, _, groups, weights = _batch()
    nobody = torch.zeros(60, dtype=torch.int64)
    assert find_penalty("equal_opportunity").function(probs, nobody, groups, weights) == 0


@every_penalty
@pytest.mark.parametrize("weighted", [False, True])
def test_gradients_agree_with_finite_differences(penalty: Function, weighted: bool) -> None:
    probs, y, groups, weights = _batch(16, 2, seed=3)
    probs.requires_grad_()
    given = weights if weighted else None
    assert torch.autograd.gradcheck(lambda p: penalty(p, y, groups, given), (probs,))


@every_penalty
def test_single_precision_is_kept(penalty: Function) -> None:
    probs, y, groups, weights = _batch()
    value = penalty(probs.float(), y.float(), groups, weights)
    assert value.dtype == torch.float32
    torch.testing.assert_close(
        value.double(), penalty(probs, y, groups, weights), rtol=1e-4, atol=0
    )


def _huber(distance: float) -> float:
    """Quadratic up to SMOOTH, then a straight line of slope 1."""
    return distance**2 / (2 * SMOOTH) if distance < SMOOTH else distance - SMOOTH / 2


@pytest.mark.parametrize(("low", "high"), [(0.2, 0.8), (0.47, 0.53), (0.5, 0.5), (0.0, 1.0)])
@pytest.mark.parametrize(("n_low", "n_high"), [(40, 40), (10, 30), (3, 500)])
def test_demographic_parity_of_two_groups_in_closed_form(
    low: float, high: float, n_low: int, n_high: int
) -> None:
    probs = torch.tensor([low] * n_low + [high] * n_high, dtype=torch.float64)
    groups = GroupTensor.of(Groups.of([0] * n_low + [1] * n_high))
    y = torch.arange(n_low + n_high) % 2
    overall = (n_low * low + n_high * high) / (n_low + n_high)
    expected = sum(
        _huber(abs(rate - overall)) * n / (n + 20) for rate, n in ((low, n_low), (high, n_high))
    )
    value = float(PENALTIES["demographic_parity"].function(probs, y, groups, None))
    assert value == pytest.approx(expected, abs=1e-12)
    assert SMALL_GROUP == 20


def test_equalized_odds_by_hand() -> None:
    # Per group 30 good and 30 others; good scored .2 and .8, others .5 and .5.
    probs = torch.tensor(([0.2] * 30 + [0.5] * 30) + ([0.8] * 30 + [0.5] * 30)).double()
    y = torch.tensor(([1] * 30 + [0] * 30) * 2)
    groups = GroupTensor.of(Groups.of([0] * 60 + [1] * 60))
    good = 2 * _huber(0.3) * 30 / 50
    chances = PENALTIES["equal_opportunity"].function(probs, y, groups, None)
    assert float(chances) == pytest.approx(good, rel=1e-6)
    assert float(PENALTIES["equalized_odds"].function(probs, y, groups, None)) == pytest.approx(
        good / 2, rel=1e-6
    )


@pytest.mark.parametrize("share", [0.5, 0.1])
def test_covariance_with_a_binary_attribute(share: float) -> None:
    rng = np.random.default_rng(0)
    attribute = (rng.random(200) < share).astype(int)
    score, weights = rng.random(200) * 0.5 + 0.3 * attribute, rng.random(200)
    expected = abs(np.cov(score, attribute, aweights=weights, bias=True)[0, 1])
    value = PENALTIES["covariance"].function(
        torch.tensor(score),
        torch.zeros(200),
        GroupTensor.of(Groups.of(attribute)),
        torch.tensor(weights),
    )
    assert float(value) == pytest.approx(expected, rel=1e-10)


def test_far_apart_large_groups_are_charged_nearly_their_difference() -> None:
    groups = GroupTensor.of(Groups.of([0] * 50_000 + [1] * 50_000))
    probs = torch.tensor([0.2] * 50_000 + [0.7] * 50_000, dtype=torch.float64)
    value = float(PENALTIES["demographic_parity"].function(probs, probs * 0, groups, None))
    assert value == pytest.approx(0.5, abs=0.051)


def test_every_penalty_names_a_disparity() -> None:
    assert all(p.disparity in DISPARITIES for p in PENALTIES.values())
    with pytest.raises(InputError, match=r"'hsic'.*equalized_odds"):
        find_penalty("hsic")
