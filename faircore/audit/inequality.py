"""Every inequality of a partition, beside what chance alone would make of equal groups."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from faircore.audit.estimates import Estimates
from faircore.audit.measures import MEASURES, Measure
from faircore.metrics import difference, ratio
from faircore.metrics.calibration import BINS, null_calibration
from faircore.metrics.histograms import ScoreHistogram
from faircore.metrics.intervals import Array, miettinen_nurminen, ratio_limits
from faircore.metrics.resampling import all_pairs, equal_rates, equal_values, no_difference
from faircore.metrics.scores import Estimated


@dataclass(frozen=True)
class Inequality:
    """One measure on one partition.

    Attributes
    ----------
    measure : str
        A name of :data:`faircore.audit.MEASURES`.
    metric : str
        Of its figures the one that is furthest apart.
    value : float
        NaN with fewer than two groups to compare.
    low, high : float
        Limits of this gap (or ratio) between the two groups furthest apart, wide enough for the
        pair having been picked from all. NaN where there is no such interval.
    by_chance : float
        End of the no-difference band: as far as equal groups of these sizes go in 95 of 100
        cases.
    p_value : float
        How often equal groups go as far as observed.
    more_than_chance : bool
        Whether that is rarer than the report's confidence allows for.
    lowest, highest : int
        Positions of the two groups; -1 where undefined.
    n_groups : int
        Groups compared.
    """

    measure: str
    metric: str
    value: float
    low: float
    high: float
    by_chance: float
    p_value: float
    more_than_chance: bool
    lowest: int
    highest: int
    n_groups: int


def inequalities(
    own: Estimates,
    *,
    scores: ScoreHistogram | None,
    everybody: ScoreHistogram | None,
    confidence: float,
    replicates: int,
    seed: int,
) -> list[Inequality]:
    """Every measure of :data:`MEASURES` that the estimates of a partition's groups allow."""
    rng = np.random.default_rng(seed)
    drawn: dict[str, Array] = {}
    for name in sorted({m for measure in MEASURES.values() for m in measure.metrics}):
        if name in own.trials:
            drawn[name] = equal_rates(*own.trials[name], replicates=replicates, rng=rng)
        elif name == "ece" and scores is not None and everybody is not None:
            noise = rng.standard_normal((replicates, len(scores.weight), BINS))
            known = np.where(np.isfinite(own.of[name].value), 0.0, np.nan)
            drawn[name] = null_calibration(scores, everybody, noise=noise) + known
        elif name in own.of:
            estimated = own.of[name]
            drawn[name] = equal_values(
                estimated.value, estimated.error, replicates=replicates, rng=rng
            )
    found = [
        _inequality(measure, own, drawn, confidence)
        for measure in MEASURES.values()
        if all(name in drawn for name in measure.metrics)
    ]
    return _with_limits(found, own, confidence)


def _inequality(
    measure: Measure, own: Estimates, drawn: dict[str, Array], confidence: float
) -> Inequality:
    sign = 1.0 if measure.larger_is_worse else -1.0
    figures = {n: _comparable(own, n) for n in measure.metrics}
    observed = {n: float(_statistic(measure, n, own, v)) for n, v in figures.items()}
    metric = max(observed, key=lambda n: (observed[n] == observed[n], sign * observed[n]))
    worst = np.maximum if measure.larger_is_worse else np.minimum
    # Half a test is none: where one of its figures is undefined, so is the measure.
    value = float(worst.reduce(list(observed.values())))
    by_chance = worst.reduce([_statistic(measure, n, own, drawn[n]) for n in measure.metrics])
    band, p_value = no_difference(
        value, by_chance, larger_is_worse=measure.larger_is_worse, confidence=confidence
    )
    values = figures[metric]
    n_groups = int(np.isfinite(values).sum())
    if not np.isfinite(value):
        return Inequality(
            measure.name, metric, value, np.nan, np.nan, np.nan, np.nan, False, -1, -1, n_groups
        )
    lowest = int(np.nanargmin(values))
    others = np.where(np.arange(len(values)) == lowest, np.nan, values)
    highest = int(np.nanargmax(others))  # another group, even where all are equal
    rare = p_value <= 1 - confidence + 1e-12
    return Inequality(
        measure.name, metric, value, np.nan, np.nan, band, p_value, rare, lowest, highest, n_groups
    )


def _comparable(own: Estimates, metric: str) -> Array:
    """A figure per group; NaN where its error is unknown, since chance could not be drawn then."""
    estimated = own.of[metric]
    if metric in own.trials or metric == "ece":
        return estimated.value
    return np.where(np.isfinite(estimated.error) & (estimated.error > 0), estimated.value, np.nan)


def _statistic(measure: Measure, metric: str, own: Estimates, values: Array) -> Array:
    """The measure of group figures (..., g)."""
    if measure.kind == "difference":
        return difference(values)
    if measure.kind == "ratio":
        return ratio(values)
    return differential_fairness(values, own.trials[metric][1])


def differential_fairness(rates: Array, n: Array) -> Array:
    """Largest log ratio of two groups' chances of the same decision (ε of Foulds et al. 2020).

    Parameters
    ----------
    rates : ndarray, shape (..., g)
    n : ndarray, shape (g,)
        People; half a person is added to both decisions of each group (a Dirichlet prior of
        concentration 1), so that nobody selected among few is not infinitely unfair.

    Returns
    -------
    ndarray, shape (...)
        0 or more; .22 is a ratio of four fifths. NaN with fewer than two groups.
    """
    smooth = (rates * n + 0.5) / (n + 1)
    spread = [difference(np.log(part)) for part in (smooth, 1 - smooth)]
    return np.asarray(np.maximum(*spread))


def _with_limits(found: list[Inequality], own: Estimates, confidence: float) -> list[Inequality]:
    """Add the limits of the pair furthest apart, those of all measures of a kind at once."""
    limits = dict.fromkeys(range(len(found)), (np.nan, np.nan))
    by_kind: dict[str, list[int]] = {"difference": [], "ratio": []}
    for i, one in enumerate(found):
        kind = MEASURES[one.measure].kind
        if one.lowest < 0:
            continue
        if one.metric not in own.trials:
            limits[i] = _normal_limits(one, own.of[one.metric], _critical(one, confidence))
        elif kind in by_kind:
            by_kind[kind].append(i)
    for name, chosen in by_kind.items():
        if not chosen:
            continue
        k1, n1, k2, n2 = np.array([_pair(found[i], own) for i in chosen]).T
        z = np.array([_critical(found[i], confidence) for i in chosen])
        if name == "difference":
            low, high = miettinen_nurminen(k1, n1, k2, n2, z=z)
            low = np.maximum(low, 0.0)
        else:
            low, high = ratio_limits(k2, n2, k1, n1, z=z)
            high = np.minimum(high, 1.0)
        limits |= dict(zip(chosen, zip(low.tolist(), high.tolist(), strict=True), strict=True))
    return [replace(one, low=limits[i][0], high=limits[i][1]) for i, one in enumerate(found)]


def _critical(one: Inequality, confidence: float) -> float:
    """For all pairs of groups, and for having picked the worst of several figures (Bonferroni)."""
    n_figures = len(MEASURES[one.measure].metrics)
    return all_pairs(one.n_groups, 1 - (1 - confidence) / n_figures)


def _pair(one: Inequality, own: Estimates) -> tuple[float, float, float, float]:
    """Successes and trials of the highest and of the lowest group."""
    k, n = own.trials[one.metric]
    return k[one.highest], n[one.highest], k[one.lowest], n[one.lowest]


def _normal_limits(one: Inequality, of: Estimated, critical: float) -> tuple[float, float]:
    half = critical * float(np.hypot(of.error[one.lowest], of.error[one.highest]))
    return max(one.value - half, 0.0), one.value + half
