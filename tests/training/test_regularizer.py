from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from faircore.errors import InputError
from faircore.groups import Groups
from faircore.penalties import PENALTIES, GroupTensor, PenaltyOptions
from faircore.training import FairnessRegularizer
from tests.training.problems import two_groups

N = 80


def _batch() -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    sensitive = torch.arange(N) % 2
    logits = torch.randn(N, generator=generator) + sensitive
    return logits, torch.randint(0, 2, (N,), generator=generator), sensitive


def test_it_is_cross_entropy_plus_eta_times_the_penalty() -> None:
    logits, y, sensitive = _batch()
    groups = GroupTensor.of(Groups.of(sensitive.numpy()))
    entropy = nn.functional.binary_cross_entropy_with_logits(logits, y.float())
    for name, penalty in PENALTIES.items():
        criterion = FairnessRegularizer(eta=2.5, penalty=name)
        unfair = penalty.function(torch.sigmoid(logits), y, groups, None)
        torch.testing.assert_close(criterion(logits, y, sensitive), entropy + 2.5 * unfair)
        torch.testing.assert_close(criterion.accuracy_loss, entropy)
        torch.testing.assert_close(criterion.fairness_penalty, unfair)


def test_its_parts_carry_no_gradient() -> None:
    logits, y, sensitive = _batch()
    criterion = FairnessRegularizer()
    loss = criterion(logits.requires_grad_(), y, sensitive)
    assert loss.requires_grad
    assert loss.shape == ()
    assert not criterion.accuracy_loss.requires_grad
    assert not criterion.fairness_penalty.requires_grad


def test_columns_may_be_flat_or_upright() -> None:
    logits, y, sensitive = _batch()
    flat = FairnessRegularizer()(logits, y, sensitive)
    for a in (logits, logits[:, None]):
        for b in (y, y[:, None], y.float(), y.bool()):
            for c in (sensitive, sensitive[:, None], sensitive.float(), sensitive.bool()):
                torch.testing.assert_close(FairnessRegularizer()(a, b, c), flat)


def test_sharpness_brings_the_penalty_closer_to_decisions() -> None:
    logits, y, sensitive = _batch()
    sharp = FairnessRegularizer(sharpness=1e6)
    sharp(logits, y, sensitive)
    hard = PENALTIES["demographic_parity"].function(
        (logits > 0).float(), y, GroupTensor.from_codes(sensitive), None
    )
    torch.testing.assert_close(sharp.fairness_penalty, hard)


def test_several_attributes_are_averaged() -> None:
    logits, y, first = _batch()
    second = torch.arange(N) % 3
    criterion = FairnessRegularizer()
    alone = []
    for one in (first, second):
        criterion(logits, y, one)
        alone.append(criterion.fairness_penalty)
    criterion(logits, y, torch.stack([first, second], dim=1))
    torch.testing.assert_close(criterion.fairness_penalty, (alone[0] + alone[1]) / 2)


def test_group_weights_say_whose_distance_counts() -> None:
    logits, y, sensitive = _batch()

    def charge(group_weights: Any) -> float:
        criterion = FairnessRegularizer(group_weights=group_weights)
        criterion(logits, y, sensitive)
        return float(criterion.fairness_penalty)

    first, second = charge([1.0, 0.0]), charge([0.0, 1.0])
    assert first > 0
    assert second > 0
    assert charge([1, 1]) == pytest.approx(first + second)
    assert charge([[1.0, 1.0]]) == pytest.approx(charge(None))
    assert charge([3.0, 0.5]) == pytest.approx(3 * first + 0.5 * second)
    assert charge([0.0, 0.0]) == 0
    assert charge(np.array([3.0, 0.5])) == pytest.approx(charge([3.0, 0.5]))
    # A group the batch lacks still has its weight.
    assert charge([1.0, 1.0, 9.0]) == pytest.approx(charge(None))


def test_rows_of_weight_zero_do_not_count() -> None:
    logits, y, sensitive = _batch()
    weight = torch.ones(N)
    weight[50:] = 0
    criterion = FairnessRegularizer(eta=3.0)
    part = criterion(logits[:50], y[:50], sensitive[:50])
    torch.testing.assert_close(criterion(logits, y, sensitive, weight), part)


def test_the_unit_of_the_weights_does_not_matter() -> None:
    logits, y, sensitive = _batch()
    criterion = FairnessRegularizer()
    plain = criterion(logits, y, sensitive)
    torch.testing.assert_close(criterion(logits, y, sensitive, torch.full((N,), 1e-4)), plain)
    torch.testing.assert_close(criterion(logits, y, sensitive, torch.full((N,), 2e5)), plain)


def _arguments(**changes: Any) -> dict[str, Any]:
    logits, targets, sensitive = _batch()
    return {"logits": logits, "targets": targets, "sensitive": sensitive, **changes}


@pytest.mark.parametrize(
    "changes",
    [
        {"logits": torch.zeros(N, 2)},
        {"logits": torch.zeros(())},
        {"targets": torch.zeros(N, 2)},
        {"targets": torch.zeros(N - 1)},
        {"targets": torch.full((N,), 2)},
        {"targets": torch.full((N,), 0.3)},
        {"sensitive": torch.zeros(N + 1, dtype=torch.int64)},
        {"sensitive": torch.full((N,), -1)},
        {"sensitive": torch.full((N,), 0.5)},
        {"sensitive": torch.full((N,), float("nan"))},
        {"sample_weight": torch.ones(1)},
        {"sample_weight": torch.ones(N - 1)},
        {"sample_weight": torch.ones(N, 2)},
        {"sample_weight": torch.full((N,), -1.0)},
    ],
    ids=lambda c: f"{next(iter(c))} {tuple(next(iter(c.values())).shape)}",
)
def test_what_does_not_fit_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        FairnessRegularizer()(**_arguments(**changes))


def test_upright_weights_are_weights() -> None:
    weight, criterion = torch.linspace(0.5, 1.5, N), FairnessRegularizer()
    flat = criterion(**_arguments(sample_weight=weight))
    torch.testing.assert_close(criterion(**_arguments(sample_weight=weight[:, None])), flat)


def test_an_empty_batch_is_refused() -> None:
    nothing = torch.empty(0)
    with pytest.raises(InputError, match="one row per person"):
        FairnessRegularizer()(nothing, nothing, nothing.long())


@pytest.mark.parametrize(
    "parameters",
    [
        {"eta": -0.1},
        {"eta": float("nan")},
        {"sharpness": 0.0},
        {"penalty": "parity"},
        {"warmup_steps": -1},
        {"warmup_steps": float("nan")},
    ],
    ids=str,
)
def test_parameters_out_of_range_are_refused(parameters: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        FairnessRegularizer(**parameters)


def test_too_few_group_weights_are_refused() -> None:
    with pytest.raises(InputError, match="weight"):
        FairnessRegularizer(group_weights=[1.0])(**_arguments())


@pytest.mark.parametrize("name", PENALTIES)
def test_options_reach_the_penalty(name: str) -> None:
    logits, y, _ = _batch()
    sensitive = torch.arange(N) % 3
    groups, found = GroupTensor.from_codes(sensitive), []
    for options in (PenaltyOptions(), PenaltyOptions("pairs", small_group=3, shrinkage=2)):
        criterion = FairnessRegularizer(penalty=name, options=options)
        criterion(logits, y, sensitive)
        unfair = PENALTIES[name].function(torch.sigmoid(logits), y, groups, None, options)
        torch.testing.assert_close(criterion.fairness_penalty, unfair)
        found.append(float(unfair))
    assert found[0] != pytest.approx(found[1], rel=1e-2)


def test_penalties_on_scores_as_probabilities_are_not_sharpened() -> None:
    logits, y, sensitive = _batch()
    for name, penalty in PENALTIES.items():
        plain, sharp = (FairnessRegularizer(penalty=name, sharpness=s) for s in (1.0, 4.0))
        for criterion in (plain, sharp):
            criterion(logits, y, sensitive)
        same = float(plain.fairness_penalty) == float(sharp.fairness_penalty)
        assert same == penalty.on_scores


@pytest.mark.parametrize("group_weights", [None, [1.0, 1.0]])
def test_memory_charges_for_a_group_this_batch_lacks(group_weights: list[float] | None) -> None:
    logits, y, sensitive = _batch()
    first = sensitive == 0
    for memory, charged in ((0.0, False), (0.9, True)):
        criterion = FairnessRegularizer(
            options=PenaltyOptions(memory=memory), group_weights=group_weights
        )
        criterion(logits, y, sensitive)
        leaf = logits[first].requires_grad_()
        criterion(leaf, y[first], sensitive[first]).backward()
        assert (float(criterion.fairness_penalty) > 1e-6) == charged
        assert leaf.grad is not None
        assert torch.isfinite(leaf.grad).all()


def test_memory_gives_the_value_of_all_rows_seen() -> None:
    logits, y, sensitive = _batch()
    criterion = FairnessRegularizer(options=PenaltyOptions(memory=1 - 1e-7))
    for rows in torch.arange(N).split(16):
        criterion(logits[rows], y[rows], sensitive[rows])
    remembered = criterion.fairness_penalty
    whole = FairnessRegularizer()
    whole(logits, y, sensitive)
    torch.testing.assert_close(remembered, whole.fairness_penalty, rtol=1e-4, atol=0)


def test_with_memory_new_groups_may_appear_at_any_batch() -> None:
    logits, y, sensitive = _batch()
    criterion = FairnessRegularizer(options=PenaltyOptions(memory=0.9))
    criterion(logits, y, sensitive)
    wider = torch.arange(N) % 4
    fresh = FairnessRegularizer()  # with four groups it begins anew
    torch.testing.assert_close(criterion(logits, y, wider), fresh(logits, y, wider))
    assert torch.isfinite(criterion(logits, y, sensitive))  # and goes on when two are absent
    two = torch.stack([sensitive, wider], dim=1)
    torch.testing.assert_close(criterion(logits, y, two), fresh(logits, y, two))


def test_a_batch_to_judge_is_not_remembered() -> None:
    logits, y, sensitive = _batch()
    judged, plain = (FairnessRegularizer(options=PenaltyOptions(memory=0.9)) for _ in range(2))
    for criterion in (judged, plain):
        criterion(logits, y, sensitive)
    judged.eval()
    value = judged(3 * logits, y, sensitive)
    torch.testing.assert_close(value, FairnessRegularizer()(3 * logits, y, sensitive))
    judged.train()
    torch.testing.assert_close(judged(-logits, y, sensitive), plain(-logits, y, sensitive))


def test_eta_rises_over_the_steps_of_the_warm_up() -> None:
    logits, y, sensitive = _batch()
    criterion = FairnessRegularizer(eta=2.0, warmup_steps=3)

    def share() -> float:
        loss = criterion(logits, y, sensitive)
        return float((loss - criterion.accuracy_loss) / (2.0 * criterion.fairness_penalty))

    assert [share() for _ in range(2)] == pytest.approx([0.25, 0.5], rel=1e-4)
    criterion.eval()
    assert share() == pytest.approx(1.0, rel=1e-4)  # judged by eta in full, and not a step
    criterion.train()
    assert [share() for _ in range(3)] == pytest.approx([0.75, 1.0, 1.0], rel=1e-4)


def test_it_is_a_module_that_shows_and_saves_itself() -> None:
    criterion = FairnessRegularizer(eta=0.5, penalty="covariance")
    assert "eta=0.5, penalty='covariance'" in repr(nn.Sequential(criterion))
    assert criterion.state_dict() == {}
    assert list(criterion.parameters()) == []


def _gap(model: nn.Module, X: Tensor, sensitive: Tensor) -> float:
    with torch.no_grad():
        score = torch.sigmoid(model(X)[:, 0])
    return float((score[sensitive == 1].mean() - score[sensitive == 0].mean()).abs())


def test_it_lowers_the_gap_in_anybodys_loop() -> None:
    rows = two_groups(1000, 0)
    X, y = torch.tensor(rows.X), torch.tensor(rows.y)
    sensitive = torch.tensor(rows.groups.codes[0])
    gaps = []
    for eta in (0.0, 2.0):
        torch.manual_seed(0)
        model = nn.Sequential(nn.Linear(5, 8), nn.ReLU(), nn.Linear(8, 1))
        optimizer = torch.optim.SGD(model.parameters(), lr=0.3, momentum=0.9)
        criterion = FairnessRegularizer(eta=eta)
        for _ in range(120):
            optimizer.zero_grad()
            criterion(model(X), y, sensitive).backward()
            optimizer.step()
        gaps.append(_gap(model, X, sensitive))
    assert gaps[0] > 0.3
    assert gaps[1] < 0.05
