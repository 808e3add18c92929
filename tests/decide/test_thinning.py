"""Weights and repeated people: how many independent ones a rate is of."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from faircore.decide import Policy, certify
from faircore.decide.thinning import moments_of, moments_of_effects, rate_effects
from faircore.frontier import Limit, SplitRows
from faircore.frontier.cuts import counts_of
from faircore.groups import Groups
from faircore.metrics import RATES

PARITY, OPPORTUNITY = "demographic_parity_difference", "equal_opportunity_difference"
ALL = ("selection_rate", "true_positive_rate", "false_positive_rate", "accuracy")


def effects_of(
    truth: object,
    decided: object,
    groups: list[str],
    weights: list[float] | None = None,
    entities: object = None,
    rates: tuple[str, ...] = ("selection_rate",),
) -> np.ndarray:
    own = None if weights is None else np.array(weights, float)
    rows = SplitRows(np.array(truth, np.int8), Groups.of({"sex": np.array(groups)}), own)
    chosen = np.array(decided, np.int8)
    whose = None if entities is None else np.array(entities)
    return rate_effects(rates, counts_of(rows, chosen), moments_of(rows, chosen, whose))


def test_weights_that_say_nothing_of_decisions_give_kishs_number() -> None:
    # Of f: (1 + 9) / (1 + 3) = 2.5 people are worth one; of m: (4 + 4) / (2 + 2) = 2.
    found = effects_of([0] * 4, [0] * 4, ["f", "f", "m", "m"], [1, 3, 2, 2])
    np.testing.assert_allclose(found, [[2.5, 2.0]])


def test_only_those_a_rate_is_about_count() -> None:
    """Kish over the whole group said 1.27 of weights that make ten positives worth three."""
    truth, decided = [1] * 4 + [0] * 16, [1, 0, 1, 0] + [0] * 16
    weights = [3.0, 3.0, 1.0, 1.0] + [1.0] * 16
    found = effects_of(truth, decided, ["f"] * 20, weights, rates=ALL)[:, 0]
    assert found[1] == pytest.approx((9 + 9 + 1 + 1) / 8)  # of the four who would be right
    assert found[2] == 1.0
    assert found[0] > 1


def test_weights_that_go_with_the_decision_are_seen() -> None:
    # Each of those selected stands for 20: Σ w² (d - p)² / (Σ w · p (1 - p)) by hand.
    decided, weights = [1] * 5 + [0] * 95, [20.0] * 5 + [1.0] * 95
    share = 100 / 195
    counted = 5 * 400 * (1 - share) ** 2 + 95 * share**2
    expected = max(counted / (195 * share * (1 - share)), (5 * 400 + 95) / 195)
    found = effects_of([0] * 100, decided, ["f"] * 100, weights)
    assert found[0, 0] == pytest.approx(expected)


def test_rows_of_one_entity_are_one_row_at_the_worst() -> None:
    # Of f: one person with 3 rows and one with 1: (9 + 1) / 4 = 2.5; of m: two people, 1 row each.
    groups, who = ["f", "f", "f", "f", "m", "m"], [7, 7, 7, 9, 7, 8]
    found = effects_of([0] * 6, [1, 0, 1, 0, 1, 0], groups, entities=who)
    np.testing.assert_allclose(found, [[2.5, 1.0]])


@given(hnp.arrays(np.int8, (2, 24), elements=st.integers(0, 1)), st.booleans())
def test_rows_that_count_alike_are_worth_themselves(both: np.ndarray, named: bool) -> None:
    who = np.arange(24) if named else None
    found = effects_of(both[0], both[1], ["f"] * 11 + ["m"] * 13, entities=who, rates=tuple(RATES))
    np.testing.assert_array_equal(found, np.ones((len(RATES), 2)))  # to the last bit


@given(
    hnp.arrays(np.float64, 12, elements=st.floats(0.1, 10)),
    hnp.arrays(np.int64, 12, elements=st.integers(0, 5)),
    hnp.arrays(np.int8, (2, 12), elements=st.integers(0, 1)),
)
def test_effects_grow_with_repetition_and_scale_with_weights(
    weights: np.ndarray, who: np.ndarray, both: np.ndarray
) -> None:
    def found(scale: float, entities: np.ndarray | None) -> np.ndarray:
        own = (scale * weights).tolist()
        return effects_of(both[0], both[1], ["f"] * 6 + ["m"] * 6, own, entities, ALL)

    repeated, some = found(1.0, who), found(3.0, who)
    people = np.array([[(both[0][:6] == y).any(), (both[0][6:] == y).any()] for y in (1, 0)])
    whole = np.vstack([np.ones(2, bool), people, np.ones(2, bool)])
    np.testing.assert_allclose(some[whole], 3 * repeated[whole])
    # Against the formula itself, entity by entity.
    for g, own in enumerate((slice(0, 6), slice(6, 12))):
        w, d = weights[own], both[1][own]
        p = (w * d).sum() / w.sum()
        sums = [((d - p) * w)[who[own] == e].sum() for e in np.unique(who[own])]
        most = [w[who[own] == e].sum() for e in np.unique(who[own])]
        worst = np.square(most).sum() / w.sum()
        seen = np.square(sums).sum() / w.sum() / (p * (1 - p)) if 0 < p < 1 else 0.0
        assert repeated[0, g] == pytest.approx(max(worst, seen), rel=1e-6)


def test_an_older_record_keeps_its_effects() -> None:
    counts = np.arange(1.0, 13.0).reshape(3, 2, 2)
    moments = moments_of_effects(np.array([2.5, 1.0, np.nan]), counts)
    found = rate_effects(ALL, counts, moments)
    np.testing.assert_allclose(found, np.tile([2.5, 1.0, 1.0], (4, 1)))


def _false(draw: object, disparity: str, *, reviews: int, limit: float, n: int) -> float:
    """Share of reviews in which decisions just beyond the limit are certified."""
    policy = Policy(disparity, (Limit(f"{disparity}@sex", limit),), reason="r")
    rng, passed = np.random.default_rng(7), 0
    for _ in range(reviews):
        sex, truth, decided, weights = draw(rng, n)  # type: ignore[operator]
        found = certify(
            {"A": decided}, policy, y_true=truth, sensitive_features={"sex": sex},
            sample_weight=weights, order=["A"],
        )  # fmt: skip
        passed += bool(found.certified)
    return passed / reviews


def _varied(gap: float) -> object:
    """One in ten would be right, and their weights vary; all others weigh 1."""

    def draw(rng: np.random.Generator, n: int) -> tuple[np.ndarray, ...]:
        sex = np.repeat(["f", "m"], n)
        truth = (np.arange(2 * n) % 10 == 0).astype(np.int8)
        weights = np.where(truth == 1, rng.choice([0.2, 4.0], 2 * n, p=[0.8, 0.2]), 1.0)
        chance = np.where(sex == "m", 0.3 + gap, 0.3)
        return sex, truth, (rng.random(2 * n) < chance).astype(np.int8), weights

    return draw


def _stratified(gap: float) -> object:
    """Few of those selected were kept, and each stands for twenty."""

    def draw(rng: np.random.Generator, n: int) -> tuple[np.ndarray, ...]:
        sex, decided, weights = [], [], []
        for name, share in (("f", 0.2), ("m", 0.2 + gap)):
            yes = rng.binomial(n, share)
            kept = rng.binomial(yes, 1 / 20)
            sex += [name] * (kept + n - yes)
            decided += [1] * kept + [0] * (n - yes)
            weights += [20.0] * kept + [1.0] * (n - yes)
        truth = np.arange(len(sex)) % 2
        return np.array(sex), truth.astype(np.int8), np.array(decided, np.int8), np.array(weights)

    return draw


@pytest.mark.parametrize(
    ("make", "disparity", "n"), [(_varied, OPPORTUNITY, 4_000), (_stratified, PARITY, 4_000)]
)
def test_weights_that_go_with_outcomes_certify_no_more_than_told(
    make: object, disparity: str, n: int
) -> None:
    """One effect for a whole group certified wrongly in 13 and 21 of 100 reviews."""
    reviews, limit = 200, 0.1
    error = np.sqrt(0.05 * 0.95 / reviews)
    beyond = _false(make(limit + 0.0005), disparity, reviews=reviews, limit=limit, n=n)  # type: ignore[operator]
    assert beyond <= 0.05 + 3 * error
    # And it is no mere refusal.
    inside = _false(make(0.0), disparity, reviews=60, limit=limit, n=2 * n)  # type: ignore[operator]
    assert inside > 0.3
