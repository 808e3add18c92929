from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from faircore.audit import EQUALISED, Impossibility, Scenario, group_report, impossibility
from faircore.audit.impossibility import SHOWN
from faircore.errors import InputError
from faircore.groups import Groups
from faircore.metrics.tally import Tally, tally_rows


def tally(
    *groups: tuple[str, list[tuple[float, int, int]]], y_pred: Any = None, weights: Any = None
) -> Tally:
    """Count groups given as (score, people with the good outcome, people without)."""
    g, s, y = [], [], []
    for name, bins in groups:
        for score, good, bad in bins:
            g += [name] * (good + bad)
            s += [score] * (good + bad)
            y += [1] * good + [0] * bad
    return tally_rows(y, y_pred, y_score=s, groups=Groups.of({"g": g}), sample_weight=weights)


def present(found: Impossibility) -> Scenario:
    return found.scenarios[0]


def scenario(found: Impossibility, name: str) -> Scenario:
    return next(s for s in found.scenarios if s.equalised == name)


# a: 20 good, 20 not; b: 10 good, 30 not. From .5 on, people are selected.
A = ("a", [(0.8, 15, 5), (0.4, 5, 15)])
B = ("b", [(0.8, 6, 4), (0.4, 4, 26)])


def test_two_groups_by_hand() -> None:
    found = impossibility(tally(A, B), "g")
    assert found is not None
    assert found.groups == ("a", "b")
    assert found.people.tolist() == [40, 40]
    assert found.base_rates.tolist() == [0.5, 0.25]
    assert [s.equalised for s in found.scenarios] == list(EQUALISED)
    now = present(found)
    assert now.rates["selection_rate"].tolist() == [20 / 40, 10 / 40]
    assert now.rates["true_positive_rate"].tolist() == [15 / 20, 6 / 10]
    np.testing.assert_allclose(now.rates["false_positive_rate"], [5 / 20, 4 / 30])
    assert now.rates["positive_predictive_value"].tolist() == [15 / 20, 6 / 10]
    assert now.accuracy == pytest.approx((15 + 15 + 6 + 26) / 80)
    assert now.gaps["selection_rate"] == 0.25
    # Everybody: 30 of 80 selected. a gives 15 of the 20 places at .8 by lot; b takes its 10 and 5
    # of the 30 at .4, of whom 4 of 30 are good.
    equal = scenario(found, "selection_rate")
    np.testing.assert_allclose(equal.rates["selection_rate"], [0.375, 0.375])
    np.testing.assert_allclose(
        equal.rates["true_positive_rate"], [0.75 * 15 / 20, (6 + 5 * 4 / 30) / 10]
    )
    np.testing.assert_allclose(
        equal.rates["false_positive_rate"], [0.75 * 5 / 20, (4 + 5 * 26 / 30) / 30]
    )
    np.testing.assert_allclose(equal.thresholds, [0.8, 0.4])
    # Of the good, 21 of 30 are selected: a draws lots for 14 of its 15, b adds a quarter of .4.
    equal = scenario(found, "true_positive_rate")
    np.testing.assert_allclose(equal.rates["true_positive_rate"], [0.7, 0.7])
    np.testing.assert_allclose(
        equal.rates["false_positive_rate"], [5 * 14 / 15 / 20, (4 + 26 / 4) / 30]
    )
    right = 14 + (20 - 5 * 14 / 15) + 7 + (30 - 4 - 26 / 4)
    assert equal.accuracy == pytest.approx(right / 80)


def test_what_is_forced_by_hand() -> None:
    found = impossibility(tally(A, B), "g")
    assert found is not None
    # Together: 21 of the 30 selected are good, 21 of the 30 good are selected.
    np.testing.assert_allclose(
        found.implied, [0.5 / 0.5 * (9 / 21) * 0.7, 0.25 / 0.75 * (9 / 21) * 0.7]
    )


@pytest.mark.parametrize("seed", range(5))
def test_chouldechovas_identity_holds_for_every_group(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = 600
    y, g = rng.integers(0, 2, n), rng.choice(list("abc"), n)
    s = np.clip(rng.normal(0.3 + 0.3 * y + 0.1 * (g == "a"), 0.2), 0.01, 0.99)
    w = rng.exponential(size=n) if seed % 2 else None
    counted = tally_rows(y, y_score=s, groups=Groups.of({"g": g}), sample_weight=w)
    found = impossibility(counted, "g")
    assert found is not None
    for one in found.scenarios:
        p, r = found.base_rates, one.rates
        reliable = r["positive_predictive_value"]
        forced = p / (1 - p) * (1 - reliable) / reliable * r["true_positive_rate"]
        np.testing.assert_allclose(forced, r["false_positive_rate"], atol=1e-9)
    whole = counted.counts.sum(0)
    for name in ("selection_rate", "true_positive_rate", "false_positive_rate"):
        equal = scenario(found, name)
        assert equal.gaps[name] == pytest.approx(0, abs=1e-9)
        of = {"selection_rate": whole[:, 1].sum() / whole.sum(),
              "true_positive_rate": whole[1, 1] / whole[1].sum(),
              "false_positive_rate": whole[0, 1] / whole[0].sum()}[name]  # fmt: skip
        np.testing.assert_allclose(equal.rates[name], of, atol=1e-9)
        assert set(equal.rates) == set(equal.gaps) == set(SHOWN)
        assert np.isfinite(equal.thresholds).all()
        assert ((equal.bent >= 0) & (equal.bent <= 1)).all()
    # With unlike base rates and one reliability, wrong selection cannot be equal.
    order = np.argsort(found.base_rates)
    assert (np.diff(found.implied[order]) >= 0).all()


def test_equal_groups_stay_as_they_are() -> None:
    found = impossibility(tally(A, ("b", A[1])), "g")
    assert found is not None
    now = present(found)
    for one in found.scenarios[1:]:
        for name in SHOWN:
            np.testing.assert_allclose(one.rates[name], now.rates[name], err_msg=one.equalised)
        assert one.accuracy == pytest.approx(now.accuracy)
        np.testing.assert_allclose(one.thresholds, 0.8)
        np.testing.assert_allclose(one.bent, 0, atol=1e-12)


def test_nobody_without_the_good_outcome_is_selected_for_nothing() -> None:
    # All the good are found at .9. Finding as many needs nobody below.
    bins = [(0.9, 20, 0), (0.4, 0, 10), (0.2, 0, 10)]
    found = impossibility(tally(("a", bins), ("b", bins)), "g")
    assert found is not None
    equal = scenario(found, "true_positive_rate")
    assert equal.rates["true_positive_rate"].tolist() == [1, 1]
    assert equal.rates["false_positive_rate"].tolist() == [0, 0]
    assert equal.accuracy == 1
    np.testing.assert_allclose(equal.thresholds, 0.9)


def test_nobody_with_the_good_outcome_is_refused_for_nothing() -> None:
    bins = [(0.9, 10, 10), (0.7, 10, 0), (0.2, 0, 10)]
    found = impossibility(
        tally(("a", bins), ("b", bins), y_pred=[1] * 30 + [0] * 10 + [1] * 30 + [0] * 10), "g"
    )
    assert found is not None
    equal = scenario(found, "false_positive_rate")
    assert equal.rates["false_positive_rate"] == pytest.approx([0.5, 0.5])
    assert equal.rates["true_positive_rate"].tolist() == [1, 1]


def test_a_certain_score_stays_where_it_is() -> None:
    bins = [(1.0, 10, 0), (0.6, 10, 10), (0.0, 0, 10)]
    other = [(1.0, 10, 0), (0.8, 10, 10), (0.0, 0, 10)]
    found = impossibility(tally(("a", bins), ("b", other)), "g")
    assert found is not None
    equal = scenario(found, "selection_rate")
    np.testing.assert_allclose(equal.thresholds, [0.6, 0.8])
    # Both thresholds go to .7; half of the people move, by a tenth.
    np.testing.assert_allclose(equal.bent, [0.05, 0.05], atol=1e-4)


def test_bending_is_what_moves_one_threshold_to_the_other() -> None:
    # Three groups; the middle threshold stays, the others are moved to it on the logit scale.
    bins = [(0.8, 12, 0), (0.6, 4, 4), (0.2, 0, 12)]
    higher = [(0.9, 12, 0), (0.7, 4, 4), (0.3, 0, 12)]
    lower = [(0.7, 12, 0), (0.5, 4, 4), (0.1, 0, 12)]
    found = impossibility(tally(("a", lower), ("b", bins), ("c", higher)), "g")
    assert found is not None
    equal = scenario(found, "selection_rate")
    np.testing.assert_allclose(equal.thresholds, [0.5, 0.6, 0.7])
    assert equal.bent[1] == pytest.approx(0, abs=1e-12)
    odds = {s: s / (1 - s) for s in (0.7, 0.5, 0.1, 0.6)}
    by = odds[0.6] / odds[0.5]
    moved = {s: odds[s] * by / (1 + odds[s] * by) for s in (0.7, 0.5, 0.1)}
    expected = (12 * (moved[0.7] - 0.7) + 8 * (moved[0.5] - 0.5) + 12 * (moved[0.1] - 0.1)) / 32
    assert equal.bent[0] == pytest.approx(expected)


def test_decisions_alone_have_only_the_present() -> None:
    g = Groups.of({"g": ["a"] * 40 + ["b"] * 40})
    y, d = np.tile([0, 1], 40), np.tile([0, 1, 1, 1], 20)
    found = impossibility(tally_rows(y, d, groups=g), "g")
    assert found is not None
    assert [s.equalised for s in found.scenarios] == [""]
    assert np.isnan(present(found).thresholds).all()


def test_fewer_than_two_groups_have_no_conflict() -> None:
    assert impossibility(tally(A), "g") is None
    one_sided = ("b", [(0.8, 30, 0), (0.4, 10, 9)])
    assert impossibility(tally(A, one_sided), "g") is None
    assert impossibility(tally(A, one_sided), "g", min_people=9) is not None
    with pytest.raises(InputError, match="g"):
        impossibility(tally(A, B), "sex")


def test_hidden_groups_take_no_part() -> None:
    small = ("x", [(0.8, 2, 1), (0.4, 1, 1)])
    middle = ("c", [(0.8, 11, 2), (0.4, 5, 12)])
    counted = tally(A, B, middle, small)
    found = impossibility(counted, "g")
    assert found is not None
    assert found.groups == ("a", "b")  # c is the smallest of the others, and gives x away
    hidden = group_report(
        np.r_[np.tile([0, 1], 40), [0, 1, 1]],
        np.tile([0, 1, 1], 28)[:83],
        sensitive_features={"g": ["a"] * 40 + ["b"] * 40 + ["x"] * 3},
    )
    assert impossibility(hidden.tally, "g") is None


@pytest.mark.parametrize("without", ["good", "good of a", "a"])
def test_weights_that_leave_nobody_out_of_it_do_not_fail(without: str) -> None:
    counted = tally(A, B, ("c", A[1]))
    n_rows = counted.n_rows
    y = np.array([1] * 15 + [0] * 5 + [1] * 5 + [0] * 15 + [1] * 6 + [0] * 4 + [1] * 4 + [0] * 26
                 + [1] * 15 + [0] * 5 + [1] * 5 + [0] * 15)  # fmt: skip
    first = np.arange(n_rows) < 40
    gone = {"good": y == 1, "good of a": first & (y == 1), "a": first}[without]
    found = impossibility(tally(A, B, ("c", A[1]), weights=np.where(gone, 0.0, 1.0)), "g")
    if found is not None:
        assert "a" not in found.groups
