from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks.frontier_noise import BETTER
from faircore.frontier import non_dominated
from faircore.frontier.noise_front import (
    front_band,
    hypervolume_limits,
    hypervolumes,
    probability_non_dominated,
)


def clouds(kind: str) -> NDArray[np.float64]:
    """Draws of so many candidates that the beaten are left out before they are sorted."""
    rng = np.random.default_rng(3)
    draws = rng.random((12, 300, 2))
    if kind == "along a front":
        draws[..., 1] = draws[..., 0] ** 2 + 0.02 * rng.normal(size=(12, 300))
    elif kind == "ties":
        draws = np.round(draws, 1)
    elif kind == "all alike":
        draws[..., 1] = 0.3
    elif kind == "some unknown":
        draws[:, ::7, 0], draws[3, 5, 1], draws[4] = np.nan, np.nan, np.nan
    elif kind == "none known":
        draws[:] = np.nan
    elif kind == "far apart":
        draws *= [1e-9, 1e6]
    return draws


@pytest.mark.parametrize(
    "kind",
    ["spread", "along a front", "ties", "all alike", "some unknown", "none known", "far apart"],
)
def test_leaving_out_the_beaten_changes_nothing(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    draws = clouds(kind)
    corner = np.where(np.isfinite(draws), draws, 0).mean(axis=(0, 1))
    members = {"one": np.arange(300) < 140, "other": np.arange(300) >= 140}

    def told() -> list[NDArray[np.float64]]:
        limits, larger = hypervolume_limits(draws[0], draws, BETTER, corner.tolist(), members)
        at = np.linspace(0, 1, 9) * (1e6 if kind == "far apart" else 1)
        return [
            probability_non_dominated(draws, BETTER), *front_band(draws, BETTER, at),
            hypervolumes(draws, BETTER, corner.tolist()), limits.to_numpy(), larger.to_numpy(),
        ]  # fmt: skip

    quick = told()
    monkeypatch.setattr("faircore.frontier.noise_front._WORTH_A_SEARCH", 1_000)
    for fast, slow in zip(quick, told(), strict=True):
        np.testing.assert_allclose(fast, slow, rtol=1e-12, atol=1e-15)
    exact = np.mean([non_dominated(one * BETTER) for one in draws], axis=0)
    known = np.isfinite(draws).all(axis=(0, 2))
    np.testing.assert_allclose(quick[0], np.where(known, exact, np.nan))


def test_band_of_known_draws() -> None:
    one = np.array([[[0.9, 0.3], [0.8, 0.1], [0.7, 0.2]]])
    low, high = front_band(np.repeat(one, 5, axis=0), BETTER, np.array([0.05, 0.1, 0.25, 0.3]))
    np.testing.assert_array_equal(low, high)
    np.testing.assert_array_equal(low, [np.nan, 0.8, 0.8, 0.9])
    # A loss against a ratio: lower and higher are better.
    turned = np.stack([1 - one[..., 0], 1 - one[..., 1]], axis=-1)
    low, _ = front_band(turned, (-1, 1), np.array([0.95, 0.9, 0.75]))
    np.testing.assert_allclose(low, [np.nan, 0.2, 0.2])


@pytest.mark.parametrize(
    ("b", "confidence", "left_out"), [(200, 0.95, 4), (199, 0.9, 9), (9, 0.95, 0)]
)
def test_limits_take_the_truth_as_one_draw_more(b: int, confidence: float, left_out: int) -> None:
    # Beyond a limit lie left_out + 1 of the b + 1 places that the truth may take.
    beliefs = np.zeros((b, 1, 2))
    beliefs[:, 0, 0] = np.random.default_rng(0).permutation(b)
    low, high = front_band(beliefs, BETTER, np.array([0.1]), confidence=confidence)
    assert (low[0], high[0]) == (left_out, b - 1 - left_out)
    limits, _ = hypervolume_limits(
        beliefs[0], beliefs, BETTER, (-1.0, 1.0), {}, confidence=confidence
    )
    np.testing.assert_allclose(
        limits.loc["all", ["low", "high"]].to_list(), [low[0] + 1, high[0] + 1]
    )


@pytest.mark.parametrize("m", [2, 3])
def test_hypervolumes_are_those_of_moocore(m: int) -> None:
    from moocore import hypervolume

    draws = np.random.default_rng(0).random((6, 25, m))
    draws[2, 3] = np.nan
    signs = np.array([1, -1, 1][:m])
    corner = [0.2, 0.9, 0.1][:m]
    found = hypervolumes(draws, signs.tolist(), corner)
    for one, area in zip(draws, found, strict=True):
        points = -(one * signs)[np.isfinite(one).all(axis=1)]
        inside = np.minimum(points, -np.array(corner) * signs)
        exact = hypervolume(inside, ref=-np.array(corner) * signs)
        assert area == pytest.approx(exact, abs=1e-9)
