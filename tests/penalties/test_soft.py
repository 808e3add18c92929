from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

from faircore.errors import InputError
from faircore.groups import Groups
from faircore.metrics import RATES, confusion_counts
from faircore.penalties import GroupTensor, soft, soft_counts


def _groups(n: int) -> Groups:
    rng = np.random.default_rng(5)
    frame = {"a": rng.integers(0, 2, n), "b": rng.choice(["u", "v", None], n)}
    return Groups.of(frame, partitions=[("a",), ("b",), ("b", "a")])


def test_a_table_by_hand() -> None:
    groups = GroupTensor.of(Groups.of(["f", "f", "m"]))
    probs = torch.tensor([0.25, 0.5, 1.0], dtype=torch.float64)
    counts = soft_counts(probs, torch.tensor([0, 1, 1]), groups, torch.tensor([2.0, 1.0, 3.0]))
    assert counts.tolist() == [[[1.5, 0.5], [0.5, 0.5]], [[0, 0], [0, 3]]]


@pytest.mark.parametrize("cells", [0, 1 << 30], ids=["by index", "by product"])
def test_hard_decisions_give_the_counts_of_metrics(
    cells: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(soft, "_MATMUL_CELLS", cells)
    rng, n = np.random.default_rng(0), 90
    y_true, y_pred = rng.integers(0, 2, (2, n)).astype(np.int8)
    groups, weights = _groups(n), rng.random(n)
    for given in (None, weights):
        soft_ones = soft_counts(
            torch.tensor(y_pred, dtype=torch.float64),
            torch.tensor(y_true),
            GroupTensor.of(groups),
            None if given is None else torch.tensor(given),
        )
        hard = confusion_counts(y_true, y_pred, groups, given)
        np.testing.assert_allclose(soft_ones.numpy(), hard, atol=1e-12)


def test_both_ways_of_summing_agree_in_value_and_gradient(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    generator = torch.Generator().manual_seed(0)
    probs = torch.rand(2, 4, 70, generator=generator, dtype=torch.float64).requires_grad_()
    y, weights = torch.arange(70) % 2, torch.rand(70, generator=generator, dtype=torch.float64)
    groups = GroupTensor.of(_groups(70))
    found = []
    for cells in (0, 1 << 30):
        monkeypatch.setattr(soft, "_MATMUL_CELLS", cells)
        counts = soft_counts(probs, y, groups, weights)
        (grad,) = torch.autograd.grad((counts**2).sum(), probs)
        found.append((counts.detach(), grad))
    assert found[0][0].shape == (2, 4, groups.n_groups, 2, 2)
    torch.testing.assert_close(found[0], found[1], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("cells", [0, 1 << 30], ids=["by index", "by product"])
def test_sums_of_any_values_and_the_rows_of_each_group(
    cells: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(soft, "_MATMUL_CELLS", cells)
    rng = np.random.default_rng(0)
    groups, values, weights = _groups(30), rng.normal(size=(2, 4, 30)), rng.random(30)
    sums = soft.group_sums(
        torch.tensor(values), GroupTensor.of(groups), torch.tensor(weights)
    ).numpy()
    assert sums.shape == (2, len(groups.sizes), 5)
    for g in range(len(groups.sizes)):
        inside = (groups.codes == g).any(axis=0)
        np.testing.assert_allclose(sums[:, g, :4], (values * weights)[..., inside].sum(-1))
        np.testing.assert_allclose(sums[:, g, 4], weights[inside].sum())


def test_one_definition_of_a_rate_serves_soft_counts() -> None:
    probs, y = torch.rand(50, generator=torch.Generator().manual_seed(0)), torch.arange(50) % 2
    counts = soft_counts(probs.double(), y, GroupTensor.of(Groups.of([0] * 50)))
    rate = torch.as_tensor(RATES["true_positive_rate"].coefficients)
    top, bottom = (counts.flatten(-2) @ rate).squeeze().unbind(-1)
    assert float(top / bottom) == pytest.approx(float(probs[y == 1].double().mean()), rel=1e-12)


def test_taking_rows_keeps_the_numbers_of_groups() -> None:
    groups = GroupTensor.of(_groups(20))
    rows = torch.tensor([3, 3, 0])
    taken = groups.take(rows)
    torch.testing.assert_close(taken.codes, groups.codes[:, rows])
    assert taken.n_groups == groups.n_groups
    assert taken.n_partitions == 3
    assert taken.same_partition is groups.same_partition  # one serves every batch
    assert taken.take(slice(0, 1)).pairs is groups.pairs
    sizes = torch.bincount(groups.partition)[groups.partition]
    assert groups.same_partition.sum(0).tolist() == sizes.tolist()


def test_membership_worked_out_ahead_gives_the_same_counts() -> None:
    generator = torch.Generator().manual_seed(1)
    groups, y = GroupTensor.of(_groups(20)), torch.arange(20) % 2
    probs, weights = torch.rand(3, 20, generator=generator), torch.rand(20, generator=generator)
    ahead = groups.with_member(y, weights)
    torch.testing.assert_close(
        soft_counts(probs, y, ahead, weights), soft_counts(probs, y, groups, weights)
    )
    rows = slice(4, 11)
    torch.testing.assert_close(
        soft_counts(probs[:, rows], y[rows], ahead.take(rows), weights[rows]),
        soft_counts(probs[:, rows], y[rows], groups.take(rows), weights[rows]),
    )


def test_many_groups_stay_codes(monkeypatch: pytest.MonkeyPatch) -> None:
    groups, y = GroupTensor.of(_groups(20)), torch.arange(20) % 2
    assert groups.with_member(y, torch.ones(20)).member is not None
    monkeypatch.setattr("faircore.penalties.soft._MATMUL_CELLS", 20)
    assert groups.with_member(y, torch.ones(20)).member is None


def test_numbers_become_one_sequence_over_all_attributes() -> None:
    sensitive = torch.tensor([[0, 2], [1, 0], [0, 1]])
    groups = GroupTensor.from_codes(sensitive)
    assert groups.codes.tolist() == [[0, 1, 0], [4, 2, 3]]
    assert groups.partition.tolist() == [0, 0, 1, 1, 1]
    assert (groups.n_partitions, groups.n_groups) == (2, 5)
    wider = GroupTensor.from_codes(sensitive, importance=[[1, 2, 3], [1, 1, 0.5]])
    assert wider.codes.tolist() == [[0, 1, 0], [5, 3, 4]]
    assert wider.importance.tolist() == [1, 2, 3, 1, 1, 0.5]
    assert GroupTensor.from_codes(torch.tensor([1, 0])).codes.tolist() == [[1, 0]]


def test_pairs_are_within_a_partition() -> None:
    groups = GroupTensor.from_codes(torch.tensor([[0, 2], [1, 0], [0, 1]]))
    first, second, size = groups.pairs
    assert first.tolist() == [0, 2, 2, 3]
    assert second.tolist() == [1, 3, 4, 4]
    assert size.tolist() == [2, 3, 3, 3]


@pytest.mark.parametrize(
    "call",
    [
        lambda: GroupTensor.from_codes(torch.tensor([0, -1])),
        lambda: GroupTensor.from_codes(torch.tensor([0, 2]), importance=[[1.0, 1.0]]),
        lambda: GroupTensor.from_codes(torch.tensor([0, 1]), importance=[[1.0] * 2] * 2),
    ],
    ids=["negative", "too few weights", "too many attributes"],
)
def test_numbers_that_are_no_groups_are_refused(call: Callable[[], GroupTensor]) -> None:
    with pytest.raises(InputError, match="numbered from 0"):
        call()
