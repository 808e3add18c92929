from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from faircore.errors import InputError
from faircore.groups import Groups
from faircore.metrics import MIN_PEOPLE, confusion_counts, find_disparity
from faircore.metrics.rates import RATES
from faircore.penalties import GroupTensor, PenaltyOptions, soft_counts
from faircore.training.comparisons import Comparisons, widest
from faircore.training.constraints import CONSTRAINTS, Constraint
from faircore.training.multipliers import LagrangianConfig, Multipliers

FULL = PenaltyOptions(small_group=0)
GROUPS = Groups.of(
    {"a": np.arange(60) % 3, "b": np.arange(60) % 2}, partitions=[("a",), ("b",), ("a", "b")]
)
Y = (np.arange(60) // 2 % 2).astype(np.int8)


def hard(y_pred: np.ndarray[Any, Any], groups: Groups = GROUPS, y: Any = Y) -> Tensor:
    """Counts of decisions, (1, g, 2, 2)."""
    return torch.as_tensor(confusion_counts(y, y_pred.astype(np.int8), groups))[None]


def test_a_gap_is_within_the_tolerance_exactly_when_no_comparison_is_violated() -> None:
    made = Comparisons([Constraint("selection_rate")], GROUPS.partitions)
    rng = np.random.default_rng(0)
    for _ in range(50):
        counts = hard(rng.random(60) < rng.random())
        gaps = made.gaps(counts, min_people=0)
        for scale in (0.98, 1.02):  # a hair below what is asked for, and a hair above
            over = made.violations(counts, gaps * scale, FULL) > 1e-12
            violated = torch.zeros(1, 3).index_add(1, made.block, over.float()) > 0
            assert (violated == ((scale < 1) & (gaps > 0))).all()


@pytest.mark.parametrize("goal", [*CONSTRAINTS, "false_negative_rate"])
def test_gaps_are_those_of_the_metrics(goal: str) -> None:
    constraint = Constraint(goal)
    made = Comparisons([constraint], GROUPS.partitions)
    counts = hard(np.random.default_rng(1).random(60) < 0.6)
    found = made.gaps(counts, min_people=0)[0].tolist()
    for block, gap in zip(made.blocks, found, strict=True):
        rates = RATES[block.rate](counts[0, block.partition.groups].numpy())
        assert gap == pytest.approx(rates.max() - rates.min(), abs=1e-12)


def test_a_gap_is_the_disparity_of_that_name() -> None:
    counts = hard(np.random.default_rng(2).random(60) < 0.4)
    for goal in ("demographic_parity", "equal_opportunity", "predictive_parity", "equalized_odds"):
        made = Comparisons([Constraint(goal, partitions=("a × b",))], GROUPS.partitions)
        measure = find_disparity(f"{goal}_difference")
        expected = measure(counts[0, 5:].numpy())
        assert float(widest(made.gaps(counts, min_people=0))) == pytest.approx(float(expected))


def test_pairs_ask_for_what_is_said_and_everybody_at_half_for_more() -> None:
    # A tenth of the people, 20 points away: the gap is 20 points, to everybody it is 18.
    groups = Groups.of({"a": np.repeat([0, 1], [900, 100])})
    selected = np.r_[np.arange(900) % 10 < 5, np.arange(100) % 10 < 7]
    counts = hard(selected, groups, np.zeros(1000, np.int8))
    pairs = Comparisons([Constraint("selection_rate")], groups.partitions)
    assert float(pairs.differences(counts, FULL)[0].max()) == pytest.approx(0.2)
    whole = Comparisons([Constraint("selection_rate", kind="equality")], groups.partitions)
    assert whole.differences(counts, FULL)[0][0].tolist() == pytest.approx([-0.02, 0.18])


def test_equality_compares_each_group_with_everybody_and_is_zero_only_without_a_gap() -> None:
    made = Comparisons(
        [Constraint("accuracy", kind="equality", partitions=("a",))], GROUPS.partitions
    )
    counts = hard(np.random.default_rng(0).random(60) < 0.5)
    signed, _ = made.differences(counts, FULL)
    own = RATES["accuracy"](counts[0, :3].numpy())
    everybody = RATES["accuracy"](counts[0, :3].numpy().sum(0))
    np.testing.assert_allclose(signed[0], own - everybody)
    assert made.signed.all()


def test_several_constraints_each_with_its_own_tolerance_and_partitions() -> None:
    constraints = [
        Constraint("equalized_odds", 0.1, partitions=("a",)),
        Constraint("accuracy", partitions=("b", "a × b")),
    ]
    made = Comparisons(constraints, GROUPS.partitions)
    assert [block.label for block in made.blocks] == [
        "equalized odds, by a", "equalized odds, by a", "accuracy, by b", "accuracy, by a × b",
    ]  # fmt: skip
    assert torch.bincount(made.block).tolist() == [6, 6, 2, 30]
    asked = made.tolerances([0.02, 1.0])
    assert asked.tolist() == [[0.1, 0.1, 0.02, 0.02], [1.0] * 4]
    labels = made.largest(torch.arange(44.0)[None])
    assert {name: float(v) for name, v in labels.items()} == {
        "multiplier: equalized odds, by a": 11.0,
        "multiplier: accuracy, by b": 13.0,
        "multiplier: accuracy, by a × b": 43.0,
    }


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**31), st.sampled_from(sorted(CONSTRAINTS)), st.booleans())
def test_nothing_is_ever_nan_where_groups_or_outcomes_are_missing(
    seed: int, goal: str, equal: bool
) -> None:
    rng = np.random.default_rng(seed)
    rows = np.flatnonzero(rng.random(60) < 0.1)
    batch = GroupTensor.of(GROUPS).take(torch.as_tensor(rows))
    logits = torch.as_tensor(rng.normal(size=(2, len(rows))) * 30).requires_grad_()
    made = Comparisons(
        [Constraint(goal, kind="equality" if equal else "inequality")], GROUPS.partitions
    )
    counts = soft_counts(torch.sigmoid(logits), torch.as_tensor(Y[rows]).double(), batch)
    values, trust = made.differences(counts, PenaltyOptions())
    assert torch.isfinite(values).all()
    (grad,) = torch.autograd.grad((values * trust).square().sum(), logits)
    assert torch.isfinite(grad).all()
    rates = made.violations(counts.detach(), made.tolerances([0.1, 0.2]), PenaltyOptions())
    assert torch.isnan(rates).equal(trust == 0)  # no group, no evidence
    assert torch.isfinite(rates[trust > 0]).all()


@pytest.mark.parametrize("goal", [*CONSTRAINTS, "negative_predictive_value"])
@pytest.mark.parametrize("kind", ["inequality", "equality"])
def test_the_gradient_of_the_proxy_is_that_of_finite_differences(goal: str, kind: Any) -> None:
    made = Comparisons([Constraint(goal, kind=kind)], GROUPS.partitions)
    groups, y = GroupTensor.of(GROUPS), torch.as_tensor(Y).double()
    generator = torch.Generator().manual_seed(0)
    price = torch.rand(1, len(made.block), generator=generator, dtype=torch.float64)
    weights = torch.rand(60, generator=generator, dtype=torch.float64) + 0.5
    logits = torch.randn(1, 60, generator=generator, dtype=torch.float64).requires_grad_()

    def value(at: Tensor) -> Tensor:
        counts = soft_counts(torch.sigmoid(3 * at), y, groups, weights)
        return (made.differences(counts, FULL)[0] * price).sum()

    assert torch.autograd.gradcheck(value, (logits,), eps=1e-6, atol=1e-6)


def test_a_small_group_is_not_judged_and_named_and_trusted_less() -> None:
    sizes = [40, 40, MIN_PEOPLE - 1]
    groups = Groups.of({"a": np.repeat(["big", "large", "few"], sizes)})
    y = np.ones(sum(sizes), np.int8)
    counts = hard(np.repeat([1, 1, 0], sizes), groups, y)
    made = Comparisons([Constraint("selection_rate")], groups.partitions)
    assert float(made.gaps(counts, min_people=MIN_PEOPLE)) == 0
    assert float(made.gaps(counts, min_people=0)) == 1
    assert made.left_out(counts[0], min_people=MIN_PEOPLE) == ["few (a)"]
    # But it is still worked on, at what it is worth: nobody is dropped.
    _, trust = made.differences(counts, PenaltyOptions())
    assert trust.min() == pytest.approx(9 / 29 * 40 / 60)
    said = made.say(counts[0], torch.zeros(1), torch.zeros(1), min_people=MIN_PEOPLE)
    assert said == (
        "Not judged, for a rate over fewer than 10 people on the select split: few (a)."
    )


def test_what_cannot_be_judged_is_said() -> None:
    groups = Groups.of({"a": [0, 1, 1]})
    counts = hard(np.array([1, 0, 1]), groups, np.array([1, 0, 1], np.int8))
    made = Comparisons([Constraint("equalized_odds")], groups.partitions)
    gaps = made.gaps(counts, min_people=MIN_PEOPLE)
    assert torch.isnan(gaps).all()
    assert torch.isnan(widest(gaps)).all()
    said = made.say(counts[0], gaps[0], made.tolerances([0.1])[0], min_people=MIN_PEOPLE)
    assert said.startswith("Could not be judged: equalized odds, by a.")


def test_multipliers_rise_while_violated_and_fall_again() -> None:
    signed = torch.tensor([False, False, True])
    duals = Multipliers(1, signed, rate=2.0, bound=1.0)
    assert not duals.any
    duals.step(torch.tensor([[0.1, -0.1, -0.1]]))
    assert duals.values.tolist() == [[pytest.approx(0.2), 0.0, pytest.approx(-0.2)]]
    duals.step(torch.tensor([[-0.04, 0.3, 0.1]]), share=0.5)
    assert duals.values.tolist() == [[pytest.approx(0.16), pytest.approx(0.3), pytest.approx(-0.1)]]
    duals.step(torch.tensor([[torch.nan, 9.0, -9.0]]))
    assert duals.values.tolist() == [[pytest.approx(0.16), 1.0, -1.0]]
    duals.step(torch.tensor([[-9.0, -9.0, 0.05]]))
    assert duals.values.tolist() == [[0.0, 0.0, pytest.approx(-0.9)]]


def test_the_pi_update_is_that_of_the_paper() -> None:
    errors = torch.tensor([0.3, 0.2, -0.1, 0.05], dtype=torch.float64)
    duals = Multipliers(1, torch.tensor([True]), rate=0.5, bound=9.0, kappa_p=2.0, nu=0.6)
    mean, value = errors[0], torch.tensor(0.0, dtype=torch.float64)
    for error in errors:  # λ += κ_i e + κ_p (ξ - ξ'), ξ a running mean that starts at e_0
        now = 0.6 * mean + 0.4 * error
        value, mean = value + 0.5 * error + 2.0 * (now - mean), now
        duals.step(error.view(1, 1))
        assert float(duals.values) == pytest.approx(float(value))


def test_keep_goes_on_with_some() -> None:
    duals = Multipliers(3, torch.zeros(2, dtype=torch.bool), rate=1.0, bound=9.0, kappa_p=1.0)
    duals.step(torch.tensor([[1.0, 2], [3, 4], [5, 6]]))
    duals.keep(torch.tensor([0, 2]))
    assert duals.values.tolist() == [[1, 2], [5, 6]]
    duals.step(torch.zeros(2, 2))
    assert duals.values.tolist() == [[0, 0], [0, 0]]  # the proportional part brakes


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: Constraint("fairness"), "no constraint 'fairness'"),
        (lambda: Constraint("base_rate"), "no constraint 'base_rate'"),
        (lambda: Constraint(kind="roughly"), "inequality or equality"),
        (lambda: Constraint(tolerance=2), "0 to 1"),
        (lambda: Constraint(tolerance=float("nan")), "0 to 1"),
        (lambda: Comparisons([], GROUPS.partitions), "nothing to compare"),
        (lambda: Comparisons([Constraint()], Groups.of([1, 1]).partitions), "nothing to compare"),
        (
            lambda: Comparisons([Constraint(partitions=("x",))], GROUPS.partitions),
            "no partition 'x'",
        ),
        (lambda: LagrangianConfig(dual_rate=0), "dual_rate"),
        (lambda: LagrangianConfig(dual_update="adam"), "dual_update"),
        (lambda: LagrangianConfig(kappa_p=-1), "kappa_p"),
        (lambda: LagrangianConfig(nu=1), "nu"),
        (lambda: LagrangianConfig(memory=1), "memory"),
        (lambda: LagrangianConfig(dual_every=0), "dual_every"),
        (lambda: LagrangianConfig(dual_every=True), "dual_every"),
        (lambda: LagrangianConfig(follow="both"), "follow"),
        (lambda: LagrangianConfig(stop_when_satisfied=-1), "stop_when_satisfied"),
        (lambda: LagrangianConfig(max_multiplier=float("inf")), "max_multiplier"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_refused(make: Any, says: str) -> None:
    with pytest.raises(InputError, match=says):
        make()
