"""Penalties that remember the minibatches before."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch
from torch import Tensor

from faircore.groups import Groups
from faircore.penalties import GroupTensor, Penalty, PenaltyOptions, RunningPenalty, find_penalty
from tests.penalties.batches import batch, every_penalty

overall_and_pairs = pytest.mark.parametrize("versus", ["overall", "pairs"])


def _unlike(n: int = 1200) -> tuple[Tensor, Tensor, GroupTensor, Tensor]:
    """Rows of three groups unlike in scores, in outcomes and in how well they are predicted."""
    generator = torch.Generator().manual_seed(0)
    codes = torch.arange(n) % 3
    y = (torch.rand(n, generator=generator) < 0.3 + 0.15 * codes).long()
    logit = 0.8 * codes - 0.8 + (2 * y - 1) * (0.3 + 0.6 * codes)
    probs = torch.sigmoid(logit + torch.randn(n, generator=generator) * 0.3).double()
    return probs, y, GroupTensor.from_codes(codes), torch.rand(n, generator=generator) + 0.5


def _epoch(n: int, size: int, seed: int) -> Iterator[Tensor]:
    """Rows of each batch of one epoch."""
    yield from torch.randperm(n, generator=torch.Generator().manual_seed(seed)).split(size)


@every_penalty
@overall_and_pairs
def test_without_memory_it_is_the_function(penalty: Penalty, versus: str) -> None:
    options = PenaltyOptions(versus)
    running = RunningPenalty(penalty, options)
    for seed in range(3):
        probs, y, groups, weights = batch(50, 2, seed=seed)
        probs.requires_grad_()
        found, expected = (
            one(probs, y, groups, weights)
            for one in (running, lambda *given: penalty.function(*given, options))
        )
        assert (found == expected).all()
        grads = [torch.autograd.grad(one.sum(), probs)[0] for one in (found, expected)]
        assert (grads[0] == grads[1]).all()


@every_penalty
@overall_and_pairs
def test_the_first_batch_is_charged_as_without_memory(penalty: Penalty, versus: str) -> None:
    options = PenaltyOptions(versus, memory=0.9)
    probs, y, groups, weights = batch(50, 2)
    probs.requires_grad_()
    found = RunningPenalty(penalty, options)(probs, y, groups, weights)
    expected = penalty.function(probs, y, groups, weights, options)
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=0)
    grads = [torch.autograd.grad(one.sum(), probs)[0] for one in (found, expected)]
    torch.testing.assert_close(grads[0], grads[1], rtol=1e-10, atol=1e-14)


@every_penalty
@overall_and_pairs
def test_after_an_epoch_its_value_is_that_of_all_rows(penalty: Penalty, versus: str) -> None:
    probs, y, groups, weights = _unlike()
    for memory, tolerance in ((1 - 1e-9, 1e-6), (0.999, 0.05)):
        options = PenaltyOptions(versus, memory=memory)
        running = RunningPenalty(penalty, options)
        for rows in _epoch(1200, 32, 0):
            value = running(probs[rows], y[rows], groups.take(rows), weights[rows])
        whole = penalty.function(probs, y, groups, weights, options)
        torch.testing.assert_close(value, whole, rtol=tolerance, atol=0)


@every_penalty
@overall_and_pairs
def test_its_gradient_over_many_batches_is_that_of_the_whole(penalty: Penalty, versus: str) -> None:
    probs, y, groups, weights = _unlike()
    options = PenaltyOptions(versus, memory=0.99, small_group=0)
    running = RunningPenalty(penalty, options)
    total, n_batches = torch.zeros_like(probs), 0
    for epoch in range(6):
        for rows in _epoch(1200, 40, epoch):
            part = probs[rows].requires_grad_()
            value = running(part, y[rows], groups.take(rows), weights[rows])
            if epoch >= 2:  # by then there is something to remember
                total[rows] += torch.autograd.grad(value, part)[0]
                n_batches += 1
    leaf = probs.requires_grad_()
    whole = penalty.function(leaf, y, groups, weights, options)
    (expected,) = torch.autograd.grad(whole, leaf)
    mean = total / n_batches
    assert float((mean - expected).norm() / expected.norm()) < 0.05


def test_without_memory_small_batches_see_gaps_that_are_noise() -> None:
    # All scores come from one law: what a batch of 24 finds between its groups is chance.
    generator = torch.Generator().manual_seed(1)
    probs, groups = (
        torch.rand(1200, generator=generator),
        GroupTensor.from_codes(torch.arange(1200) % 3),
    )
    penalty = find_penalty("demographic_parity")
    mean = {}
    for memory in (0.0, 0.98):
        running = RunningPenalty(penalty, PenaltyOptions(memory=memory, small_group=0))
        values = [
            float(running(probs[rows], probs[rows] * 0, groups.take(rows)))
            for epoch in range(4)
            for rows in _epoch(1200, 24, epoch)
        ]
        mean[memory] = np.mean(values[100:])
    assert mean[0.98] < mean[0.0] / 5


@every_penalty
def test_a_group_that_most_batches_lack_is_still_charged_for(penalty: Penalty) -> None:
    # 6 of 1,200 rows are of a group that is scored wrongly; a batch holds 30.
    n, few = 1200, torch.arange(6) * 200
    codes, y = torch.zeros(n, dtype=torch.int64), torch.arange(n) // 5 % 2
    codes[few], y[few] = 1, torch.tensor([0, 0, 0, 0, 1, 0])
    probs = torch.where(y == 1, 0.8, 0.2).double()
    probs[few] = torch.tensor([0.9, 0.9, 0.9, 0.9, 0.1, 0.9]).double()
    groups = GroupTensor.from_codes(codes)
    running = RunningPenalty(penalty, PenaltyOptions(memory=0.99))
    forgetful = RunningPenalty(penalty, PenaltyOptions())
    for rows in torch.arange(n).split(30):
        given = (probs[rows], y[rows], groups.take(rows))
        value, forgotten = running(*given), forgetful(*given)
    assert 1 not in codes[rows]
    assert forgotten < 1e-12
    whole = float(penalty.function(probs, y, groups))
    assert whole > 0
    assert float(value) == pytest.approx(whole, rel=0.6)


@every_penalty
@overall_and_pairs
def test_candidates_that_are_kept_go_on_as_if_alone(penalty: Penalty, versus: str) -> None:
    options = PenaltyOptions(versus, memory=0.8)
    together, alone = RunningPenalty(penalty, options), RunningPenalty(penalty, options)
    for seed in range(4):
        probs, y, groups, weights = batch(40, 3, seed=seed)
        if seed == 2:
            together.keep(torch.tensor([2, 0]))
        if seed >= 2:
            probs = probs[[2, 0]]
        value = together(probs, y, groups, weights)
        own = alone(probs[-1 if seed >= 2 else 0], y, groups, weights)
        torch.testing.assert_close(value[-1 if seed >= 2 else 0], own, rtol=1e-11, atol=0)


def test_nothing_to_keep_before_the_first_batch_is_fine() -> None:
    running = RunningPenalty(find_penalty("hsic"), PenaltyOptions(memory=0.5))
    running.keep(torch.tensor([1]))
    probs, y, groups, _ = batch(30, 1)
    assert torch.isfinite(running(probs, y, groups)).all()


@every_penalty
@overall_and_pairs
@pytest.mark.parametrize("memory", [0.0, 0.9])
def test_many_small_intersections_never_make_a_gradient_nan(
    penalty: Penalty, versus: str, memory: float
) -> None:
    # 64 groups of two crossed attributes, some of 10 rows, in batches of 128.
    rng = np.random.default_rng(0)
    a, b = (rng.choice(8, 3000, p=np.r_[[0.4, 0.2], [0.4 / 6] * 6]) for _ in range(2))
    groups = Groups.of({"a": a, "b": b}, partitions=[("a",), ("b",), ("a", "b")])
    assert 0 < groups.sizes.min() <= 15
    options = PenaltyOptions(versus, shrinkage=2, crossed_weight=0.3, memory=memory)
    tensor = GroupTensor.of(groups, crossed_weight=0.3)
    assert tensor.n_groups == 80
    running = RunningPenalty(penalty, options)
    y, logits = torch.tensor(rng.integers(0, 2, 3000)), torch.zeros(2, 3000, requires_grad=True)
    for rows in _epoch(3000, 128, 0):
        value = running(torch.sigmoid(logits[:, rows]), y[rows], tensor.take(rows))
        (grad,) = torch.autograd.grad(value.sum(), logits)
        assert torch.isfinite(value).all()
        assert torch.isfinite(grad).all()
