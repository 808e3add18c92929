from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from faircore.metrics.multiple import benjamini_hochberg, holm

NAN = float("nan")
P_VALUES = st.lists(
    st.one_of(st.just(NAN), st.sampled_from([0.0, 0.01, 1.0]), st.floats(0, 1)), max_size=12
)


@pytest.mark.parametrize(
    ("p", "by_holm", "by_bh"),
    [
        ([0.01, 0.04, 0.03], [0.03, 0.06, 0.06], [0.03, 0.04, 0.04]),
        ([0.001, 0.2, 0.02, 0.6], [0.004, 0.4, 0.06, 0.6], [0.004, 0.8 / 3, 0.04, 0.6]),
        ([0.02, 0.02], [0.04, 0.04], [0.02, 0.02]),
        ([0.6, 0.7], [1.0, 1.0], [0.7, 0.7]),
        ([NAN, 0.03, NAN, 0.04], [NAN, 0.06, NAN, 0.06], [NAN, 0.04, NAN, 0.04]),
        ([0.5], [0.5], [0.5]),
        ([NAN], [NAN], [NAN]),
        ([], [], []),
    ],
)
def test_by_hand(p: list[float], by_holm: list[float], by_bh: list[float]) -> None:
    np.testing.assert_allclose(holm(np.array(p)), by_holm)
    np.testing.assert_allclose(benjamini_hochberg(np.array(p)), by_bh)


def _direct_bh(p: np.ndarray) -> np.ndarray:
    m = len(p)
    return np.array(
        [min(1.0, min(m * q / (p <= q).sum() for q in p if q >= own)) for own in p], float
    )


@settings(max_examples=150, deadline=None)
@given(P_VALUES)
def test_adjusted_p_values(values: list[float]) -> None:
    p = np.array(values, float)
    tested = ~np.isnan(p)
    by_holm, by_bh = holm(p), benjamini_hochberg(p)
    for adjusted in (by_holm, by_bh):
        np.testing.assert_array_equal(np.isnan(adjusted), ~tested)
        assert (adjusted[tested] >= p[tested] - 1e-15).all()
        assert (adjusted[tested] <= 1).all()
        order = np.argsort(p[tested], kind="stable")
        assert (np.diff(adjusted[tested][order]) >= -1e-15).all()
    m = int(tested.sum())
    # Between no correction and Bonferroni's, and screening is the milder of the two.
    assert (by_holm[tested] <= np.minimum(1, m * p[tested]) + 1e-12).all()
    assert (by_bh[tested] <= by_holm[tested] + 1e-12).all()
    np.testing.assert_allclose(by_bh[tested], _direct_bh(p[tested]), rtol=1e-12)


def test_holm_walks_down_and_stops_at_the_first_failure() -> None:
    rng = np.random.default_rng(0)
    for _ in range(200):
        p = rng.random(6) ** 3
        rejected = np.zeros(6, bool)
        for step, i in enumerate(np.argsort(p)):
            if p[i] > 0.05 / (6 - step):
                break
            rejected[i] = True
        np.testing.assert_array_equal(holm(p) <= 0.05, rejected)


def test_false_alarms_stay_at_their_level() -> None:
    rng = np.random.default_rng(1)
    p = rng.random((3_000, 10))
    p[:, 7:] *= 1e-4  # three real findings
    alarms = [
        ((holm(row) <= 0.05)[:7].any(), (benjamini_hochberg(row) <= 0.05)[:7].sum()) for row in p
    ]
    anybody, false = np.array(alarms, float).T
    assert 0.02 < anybody.mean() <= 0.06
    assert (false / (false + 3)).mean() <= 0.055
    assert (p[:, :7] <= 0.05).any(1).mean() > 0.25  # without correction
