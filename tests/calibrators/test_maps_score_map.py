from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from faircore.errors import InputError
from faircore.predictors.score_map import NEAREST, ScoreMap, log_odds

NUMBER = st.floats(-4, 4)
SLOPE = st.floats(0, 4)
RISING = st.lists(st.floats(0, 1), min_size=1, max_size=6, unique=True).map(sorted)


@st.composite
def isotonic(draw: st.DrawFn) -> ScoreMap:
    x = draw(RISING)
    y = sorted(draw(st.lists(st.floats(0, 1), min_size=len(x), max_size=len(x))))
    return ScoreMap.isotonic(x, y)


SIMPLE = st.one_of(
    st.just(ScoreMap.identity()),
    st.builds(ScoreMap.platt, SLOPE, NUMBER),
    st.builds(ScoreMap.temperature, SLOPE),
    st.builds(ScoreMap.beta, SLOPE, SLOPE, NUMBER),
    isotonic(),
)
MAPS = st.one_of(
    SIMPLE, st.lists(SIMPLE, min_size=2, max_size=4).map(lambda parts: ScoreMap.chain(*parts))
)
SCORES = st.lists(st.floats(0, 1), min_size=2, max_size=12)


@given(MAPS, SCORES)
def test_a_map_never_turns_scores_round_and_stays_inside(
    one: ScoreMap, scores: list[float]
) -> None:
    found = one(np.sort([0.0, *scores, 1.0]))
    assert found.min() >= 0
    assert found.max() <= 1
    assert np.diff(found).min() >= -1e-12


@given(MAPS)
def test_a_map_survives_json(one: ScoreMap) -> None:
    assert ScoreMap.from_dict(json.loads(json.dumps(one.to_dict(), allow_nan=False))) == one
    assert one.in_words()


@given(st.lists(SIMPLE, min_size=1, max_size=4))
def test_a_chain_is_one_map_after_another(parts: list[ScoreMap]) -> None:
    # Away from 0 and 1 all along, where no log-odds are cut between two maps.
    scores = found = np.linspace(0.3, 0.7, 9)
    for part in parts:
        found = part(found)
        assume(((found > 2 * NEAREST) & (found < 1 - 2 * NEAREST)).all())
    np.testing.assert_allclose(ScoreMap.chain(*parts)(scores), found, rtol=1e-9, atol=1e-12)


def test_two_of_platts_maps_are_one() -> None:
    both = ScoreMap.chain(ScoreMap.platt(0.5, 1.0), ScoreMap.platt(3.0, -0.5))
    assert both == ScoreMap.platt(1.5, 2.5)
    assert ScoreMap.chain(both, ScoreMap.identity()) == both
    assert ScoreMap.chain(ScoreMap.temperature(2), ScoreMap.temperature(0.5)).kind == "identity"
    steps = ScoreMap.isotonic([0.2], [0.4])
    nested = ScoreMap.chain(ScoreMap.chain(steps, both), ScoreMap.platt(1, 1))
    assert [part.kind for part in nested.parts] == ["isotonic", "platt"]


def test_closed_forms() -> None:
    scores = np.array([0.1, 0.5, 0.8])
    odds = np.log(scores / (1 - scores))
    expected = 1 / (1 + np.exp(-0.5 * odds - 1))
    np.testing.assert_allclose(ScoreMap.platt(0.5, 1.0)(scores), expected, rtol=1e-12)
    np.testing.assert_allclose(ScoreMap.beta(0.5, 0.5, 1.0)(scores), expected, rtol=1e-12)
    np.testing.assert_allclose(ScoreMap.temperature(1.0)(scores), scores, rtol=1e-12)
    steps = ScoreMap.isotonic([0.2, 0.6], [0.1, 0.5])
    np.testing.assert_allclose(steps([[0.0, 0.2], [0.4, 0.9]]), [[0.1, 0.1], [0.3, 0.5]])


def test_scores_of_exactly_zero_and_one() -> None:
    ends = [0.0, 1.0]
    assert ScoreMap.identity()(ends).tolist() == ends
    np.testing.assert_allclose(ScoreMap.platt(1.0, 0.0)(ends), [1e-6, 1 - 1e-6])
    np.testing.assert_allclose(ScoreMap.platt(0.0, 0.0)(ends), [0.5, 0.5])
    assert np.isfinite(log_odds(np.array(ends))).all()
    assert ScoreMap.isotonic([0, 1], [0, 1])(ends).tolist() == ends


@pytest.mark.parametrize("bad", [np.nan, -0.1, 1.1, np.inf])
def test_scores_that_are_none_are_refused(bad: float) -> None:
    with pytest.raises(InputError, match="1 of 2 are missing or outside"):
        ScoreMap.platt(1, 0)([0.5, bad])


@pytest.mark.parametrize(
    ("kind", "numbers", "knots"),
    [
        ("platt", (-0.1, 0.0), ()),
        ("platt", (1.0,), ()),
        ("temperature", (np.nan,), ()),
        ("beta", (1.0, -1.0, 0.0), ()),
        ("isotonic", (), ()),
        ("isotonic", (), ((0.2, 0.4), (0.1, 0.5))),
        ("isotonic", (), ((0.1, 0.5), (0.2, 0.4))),
        ("identity", (), ((0.1, 0.5),)),
        ("chain", (), ()),
    ],
)
def test_maps_that_cannot_be_are_refused(
    kind: str, numbers: tuple[float, ...], knots: tuple[tuple[float, float], ...]
) -> None:
    with pytest.raises(InputError, match=f"A map of kind {kind}"):
        ScoreMap(kind, numbers, knots)  # type: ignore[arg-type]


def test_other_kinds_are_refused() -> None:
    with pytest.raises(InputError, match="one of identity, platt"):
        ScoreMap("spline")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="one value per knot"):
        ScoreMap.isotonic([0.1, 0.2], [0.5])


def test_words() -> None:
    assert ScoreMap.platt(0.83, 0.21).in_words() == "log-odds × 0.83 + 0.21"
    assert ScoreMap.platt(1.2, -0.3).in_words() == "log-odds × 1.20 − 0.30"
    assert ScoreMap.temperature(0.5).in_words() == "log-odds × 0.50"
    assert ScoreMap.beta(1, 0.5, 0.1).in_words() == "1.00 × log s − 0.50 × log(1 − s) + 0.10"
    steps = ScoreMap.isotonic([0.1, 0.2, 0.3], [0.2, 0.4, 0.4])
    assert steps.in_words() == "steps at 2 scores"
    both = ScoreMap.chain(steps, ScoreMap.platt(1, 0.5))
    assert both.in_words() == "steps at 2 scores, then log-odds × 1.00 + 0.50"


@settings(max_examples=20)
@given(st.floats(-2, 2))
def test_values_are_cut_to_probabilities(value: float) -> None:
    assert 0 <= ScoreMap.isotonic([0.5], [value])(0.3).item() <= 1
