"""The contract every penalty keeps, under every option."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from faircore.errors import InputError
from faircore.groups import Groups
from faircore.metrics import DISPARITIES
from faircore.penalties import PENALTIES, GroupTensor, Penalty, PenaltyOptions, find_penalty
from tests.penalties.batches import (
    BY_SHARE,
    ON_OUTCOMES,
    ON_SCORES,
    batch,
    every_penalty,
    every_setting,
    some_groups,
)

on_scores = pytest.mark.parametrize("name", ON_SCORES)
on_outcomes = pytest.mark.parametrize("name", ON_OUTCOMES)


@on_scores
@every_setting
def test_penalties_on_scores_are_zero_when_every_score_is_equal(
    name: str, options: PenaltyOptions
) -> None:
    _, y, groups, weights = batch(options=options)
    equal = torch.full((60,), 0.3, dtype=torch.float64)
    for given in (None, weights):
        assert PENALTIES[name].function(equal, y, groups, given, options) < 1e-12


@on_outcomes
@every_setting
def test_equal_scores_do_not_satisfy_penalties_on_outcomes(
    name: str, options: PenaltyOptions
) -> None:
    # Scored alike, while 3 in 4 of one group and 1 in 4 of the other have the good outcome.
    y = torch.tensor([1, 1, 1, 0] * 20 + [0, 0, 0, 1] * 20)
    groups = GroupTensor.from_codes(torch.tensor([0] * 80 + [1] * 80))
    equal = torch.full((160,), 0.6, dtype=torch.float64)
    assert PENALTIES[name].function(equal, y, groups, None, options) > 0.02


@every_penalty
@every_setting
def test_zero_at_parity_of_groups_that_differ_in_size(
    penalty: Penalty, options: PenaltyOptions
) -> None:
    # All three: good scored .8 and .6, others .4 and .2; the last three times as large.
    probs = torch.tensor([0.8, 0.6, 0.4, 0.2] * 5, dtype=torch.float64)
    y = torch.tensor([1, 1, 0, 0] * 5)
    groups = GroupTensor.of(Groups.of(["a"] * 4 + ["b"] * 4 + ["c"] * 12))
    assert penalty.function(probs, y, groups, None, options) < 1e-12


@on_scores
@every_setting
def test_positive_apart_and_growing_with_the_distance_of_scores(
    name: str, options: PenaltyOptions
) -> None:
    y, groups = torch.tensor([0, 1] * 40), GroupTensor.of(Groups.of([0] * 40 + [1] * 40))
    values = []
    for apart in (0.0, 0.02, 0.1, 0.3, 0.6):
        probs = torch.tensor([0.5 - apart / 2] * 40 + [0.5 + apart / 2] * 40)
        values.append(float(PENALTIES[name].function(probs, y, groups, None, options)))
    assert values[0] < 1e-9
    assert (np.diff(values) > 0).all()


@on_outcomes
@every_setting
def test_positive_and_growing_as_a_group_is_predicted_worse(
    name: str, options: PenaltyOptions
) -> None:
    y, groups = torch.tensor([0, 1] * 80), GroupTensor.of(Groups.of([0] * 80 + [1] * 80))
    good = torch.where(y == 1, 0.9, 0.1).double()
    values = []
    for worse in (0.0, 0.02, 0.1, 0.3, 0.6):
        probs = torch.where(groups.codes[0] == 1, good - worse * (2 * y - 1), good)
        values.append(float(PENALTIES[name].function(probs, y, groups, None, options)))
    assert values[0] < 1e-12
    assert (np.diff(values) > 0).all()


@pytest.mark.parametrize("name", sorted({*ON_SCORES} - {"equal_opportunity", "equalized_odds"}))
@every_setting
def test_penalties_on_all_people_alike_do_not_look_at_outcomes(
    name: str, options: PenaltyOptions
) -> None:
    probs, y, groups, weights = batch(options=options)
    given, turned = (
        PENALTIES[name].function(probs, outcomes, groups, weights, options)
        for outcomes in (y, 1 - y)
    )
    torch.testing.assert_close(given, turned, rtol=1e-12, atol=0)
    assert given > 0


@every_penalty
@every_setting
def test_never_negative_and_one_value_per_candidate(
    penalty: Penalty, options: PenaltyOptions
) -> None:
    for seed in range(5):
        probs, y, groups, weights = batch(30, 4, seed=seed, options=options)
        value = penalty.function(probs, y, groups, weights, options)
        assert value.shape == (4,)
        assert (value >= 0).all()
        near = (0.3 + probs * 1e-4).float()  # where rounding is as large as the value
        assert (penalty.function(near, y, groups, weights, options) >= 0).all()


@every_penalty
@every_setting
def test_a_batch_of_candidates_equals_one_after_the_other(
    penalty: Penalty, options: PenaltyOptions
) -> None:
    probs, y, groups, weights = batch(50, 2, 3, options=options)
    together = penalty.function(probs, y, groups, weights, options)
    assert together.shape == (2, 3)
    for i in range(2):
        for j in range(3):
            alone = penalty.function(probs[i, j], y, groups, weights, options)
            torch.testing.assert_close(together[i, j], alone, rtol=1e-11, atol=1e-14)


@every_penalty
@every_setting
def test_candidates_do_not_share_gradients(penalty: Penalty, options: PenaltyOptions) -> None:
    probs, y, groups, weights = batch(50, 3, options=options)
    probs.requires_grad_()
    value = penalty.function(probs, y, groups, weights, options)
    (grad,) = torch.autograd.grad(value[1], probs)
    assert (grad[[0, 2]] == 0).all()
    assert grad[1].abs().sum() > 0


@every_penalty
@every_setting
def test_the_order_of_rows_does_not_matter(penalty: Penalty, options: PenaltyOptions) -> None:
    probs, y, groups, weights = batch(options=options)
    order = torch.randperm(60, generator=torch.Generator().manual_seed(1))
    shuffled = penalty.function(probs[order], y[order], groups.take(order), weights[order], options)
    given = penalty.function(probs, y, groups, weights, options)
    torch.testing.assert_close(shuffled, given, rtol=1e-11, atol=0)


@every_penalty
@every_setting
def test_the_numbers_of_groups_do_not_matter(penalty: Penalty, options: PenaltyOptions) -> None:
    probs, y, _, weights = batch()
    codes = torch.arange(60) % 4
    given, renamed = (
        penalty.function(probs, y, GroupTensor.from_codes(one), weights, options)
        for one in (codes, torch.tensor([2, 0, 3, 1])[codes])
    )
    torch.testing.assert_close(given, renamed, rtol=1e-11, atol=0)


@every_penalty
@every_setting
def test_a_weight_of_two_is_a_row_twice(penalty: Penalty, options: PenaltyOptions) -> None:
    probs, y, groups, _ = batch(40, options=options)
    times = torch.arange(40) % 3
    rows = torch.repeat_interleave(torch.arange(40), times)
    repeated = penalty.function(probs[rows], y[rows], groups.take(rows), None, options)
    weighted = penalty.function(probs, y, groups, times, options)
    torch.testing.assert_close(weighted, repeated, rtol=1e-11, atol=0)


@every_penalty
@every_setting
def test_partitions_are_averaged_and_crossed_ones_count_by_their_weight(
    penalty: Penalty, options: PenaltyOptions
) -> None:
    probs, y, groups, weights = batch(options=options)
    every = some_groups(60)
    single = [
        penalty.function(probs, y, GroupTensor.of(Groups.of(codes)), weights, options)
        for codes in every.codes
    ]
    expected = (single[0] + single[1] + options.crossed_weight * single[2]) / 3
    together = penalty.function(probs, y, groups, weights, options)
    torch.testing.assert_close(together, expected, rtol=1e-6, atol=0)  # weights are float32


@every_penalty
@every_setting
def test_membership_worked_out_ahead_changes_nothing(
    penalty: Penalty, options: PenaltyOptions
) -> None:
    probs, y, groups, weights = batch(60, 2, options=options)
    ahead = groups.with_member(y, weights)
    assert ahead.member is not None
    torch.testing.assert_close(
        penalty.function(probs, y, ahead, weights, options),
        penalty.function(probs, y, groups, weights, options),
        rtol=1e-11,
        atol=0,
    )


@every_penalty
@every_setting
def test_single_precision_is_kept(penalty: Penalty, options: PenaltyOptions) -> None:
    probs, y, groups, weights = batch(options=options)
    value = penalty.function(probs.float(), y.float(), groups, weights, options)
    assert value.dtype == torch.float32
    exact = penalty.function(probs, y, groups, weights, options)
    torch.testing.assert_close(value.double(), exact, rtol=1e-4, atol=0)


@pytest.mark.parametrize("name", PENALTIES)
@every_setting
def test_a_group_without_rows_changes_nothing_but_the_number_of_pairs(
    name: str, options: PenaltyOptions
) -> None:
    probs, y, _, weights = batch()
    codes = torch.arange(60) % 3
    three = GroupTensor.from_codes(codes)
    four = GroupTensor.from_codes(codes, importance=[[1.0] * 4])
    given, wider = (
        PENALTIES[name].function(probs, y, groups, weights, options) for groups in (three, four)
    )
    in_pairs = options.versus == "pairs" and name not in (*BY_SHARE, "group_dro")
    fewer = 2 / 3 if in_pairs else 1  # divided by the number of groups - 1
    torch.testing.assert_close(wider, given * fewer, rtol=1e-11, atol=0)


def test_every_penalty_names_a_disparity_and_two_strengths() -> None:
    assert len(PENALTIES) == 11
    assert all(p.disparity in DISPARITIES for p in PENALTIES.values())
    assert all(0 < weak < strong for weak, strong in (p.strengths for p in PENALTIES.values()))


def test_a_name_that_is_no_penalty_is_answered_with_those_there_are() -> None:
    assert find_penalty("hsic") is PENALTIES["hsic"]
    with pytest.raises(InputError, match=r"'parity'.*equalized_odds"):
        find_penalty("parity")
