"""Whether what is said about the noise of a frontier is true, and what it costs.

    python benchmarks/frontier_noise.py [gaps] [limits] [fronts] [speed]

Candidates perturb one linear score model on a population of 40,000, at different strengths of a
correction for the group, so that most decide alike on most people; 7,000 people are drawn with
replacement, and the population itself is the truth. Nominal is 95% everywhere.

Samples of one population share its luck, so that many populations tell more than many samples; the
errors of the fronts' coverage are between populations. The beliefs were not made on the second
design of fronts: two groups, 3,000 people, and candidates three times as far apart.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from faircore.frontier import Candidate, Frontier, SplitRows, non_dominated, uncertainty
from faircore.frontier.noise import Replicates, draw_counts
from faircore.frontier.noise_beliefs import (
    believe_disparity,
    believe_performance,
    performance_draws,
)
from faircore.frontier.noise_front import (
    front_band,
    hopeful,
    hypervolume_limits,
    hypervolumes,
    probability_non_dominated,
)
from faircore.frontier.noise_gaps import disparity_limits
from faircore.frontier.noise_limits import limits, share_limits
from faircore.frontier.noise_scores import draw_scores
from faircore.groups import Groups
from faircore.metrics import count_cube
from faircore.metrics.score_measures import score_measures

Floats = NDArray[np.float64]
PARITY = "demographic_parity_difference"
BETTER = (1, -1)
REFERENCE = (0.7, 0.3)
METHODS = ("regularized", "boosted", "reweighed", "adversarial", "lagrangian")
AT = np.array([0.05, 0.08, 0.12, 0.2])


class Population:
    """Decisions of candidates on everybody: what is true."""

    def __init__(
        self, seed: int, k: int, n_groups: int = 4, n: int = 40_000, *, apart: float = 1.0
    ) -> None:
        rng = np.random.default_rng([seed, k, n_groups])
        share = np.array([0.5, 0.25, 0.15, 0.1]) if n_groups == 4 else np.ones(n_groups) / n_groups
        self.codes = rng.choice(n_groups, n, p=share)
        shift = rng.normal(0, 0.5, (n_groups, 10)) * (np.arange(10) < 4)
        x = (rng.normal(size=(n, 10)) + shift[self.codes]).astype(np.float32)
        weight = rng.normal(size=10)
        score = 2.2 * (x @ (weight / np.linalg.norm(weight)))
        score -= score.mean() + 1
        self.y = (rng.random(n) < 1 / (1 + np.exp(-score))).astype(np.int8)
        waves = np.cos(0.7 * x @ rng.normal(size=(10, 60)) + 6.28 * rng.random(60))
        off = np.array([score[self.codes == g].mean() for g in range(n_groups)])
        off -= off @ share
        self.scores = np.empty((k, n), np.float32)
        for c in range(k):
            strange = x @ rng.normal(0, 0.5, 10) + waves @ rng.normal(0, 0.3, 60)
            level = off * rng.uniform(0, 1.15) + rng.normal(0, 0.12, n_groups)
            size = apart * (abs(rng.normal(0, 0.25)) + 0.05)
            self.scores[c] = score - level[self.codes] + size * strange
        self.passed = (self.scores > 0).astype(np.uint8)
        right = self.passed == self.y
        rates = [self.passed[:, self.codes == g].mean(axis=1) for g in range(n_groups)]
        self.values = np.stack([right.mean(axis=1), np.ptp(rates, axis=0)], axis=1)

    def sample(
        self, rng: np.random.Generator, n: int = 7_000
    ) -> tuple[SplitRows, NDArray[np.intp]]:
        """Rows of people drawn with replacement, and who they are."""
        who = rng.integers(0, len(self.y), n)
        return SplitRows(self.y[who], Groups.of({"group": self.codes[who]})), who


def look(
    rows: SplitRows, passed: NDArray[np.uint8], seed: int
) -> tuple[Replicates, Floats, Floats, NDArray[np.bool_]]:
    """Redraws, objectives as observed, beliefs and whom they are of."""
    drawn = draw_counts(rows, passed, 0, rows.groups.partitions[0], seed=seed)
    plain = plain_draws(drawn)
    values = plain[-1]
    near = hopeful(values, plain[:-1].std(axis=0), BETTER)
    few = drawn.only(near)
    accuracy = believe_performance(few, "accuracy", beside=values[near, 1:].T)
    beliefs = np.stack([accuracy, believe_disparity(few, PARITY)], -1)
    return drawn, values, beliefs, near


def plain_draws(drawn: Replicates) -> Floats:
    """Accuracy and gap of every redraw, (b + 1, k, 2): what is counted without any correction."""
    gap = np.ptp(drawn.rate("selection_rate"), axis=0)
    return np.stack([performance_draws(drawn, "accuracy"), gap], axis=-1).astype(np.float64)


def fronts(
    k: int, populations: int, samples: int, *, n_groups: int = 4, n: int = 7_000, apart: float = 1.0
) -> dict[str, Floats]:
    """Told and true non-dominance, and what the band and the hypervolume's limits held."""
    told, counted, true, band, volume = [], [], [], [], []
    for seed in range(populations):
        whole = Population(seed, k, n_groups, apart=apart)
        truth = non_dominated(whole.values * BETTER)
        met = whole.values[:, 1] <= AT[:, None]
        best = np.where(met, whole.values[:, 0], -np.inf).max(axis=1)
        best[~met.any(axis=1)] = np.nan
        size = hypervolumes(whole.values[None], BETTER, REFERENCE)[0]
        for number in range(samples):
            rows, who = whole.sample(np.random.default_rng([seed, k, number]), n)
            passed = np.ascontiguousarray(whole.passed[:, who])
            drawn, values, beliefs, near = look(rows, passed, number)
            chance = np.zeros(k)
            chance[near] = probability_non_dominated(beliefs, BETTER)
            told.append(chance)
            counted.append(probability_non_dominated(plain_draws(drawn)[:-1], BETTER))
            true.append(truth)
            low, high = front_band(beliefs, BETTER, AT)
            known = np.isfinite(best) & np.isfinite(low)
            band.append(np.where(known, (best >= low) & (best <= high), np.nan))
            table, _ = hypervolume_limits(values[near], beliefs, BETTER, REFERENCE, {})
            volume.append(table.loc["all", "low"] <= size <= table.loc["all", "high"])
    return {
        "told": np.concatenate(told),
        "counted": np.concatenate(counted),
        "true": np.concatenate(true).astype(np.float64),
        "band": np.stack(band),
        "volume": np.array(volume, np.float64),
    }


def coverage(held: Floats, populations: int) -> str:
    """Share held, and its standard error between populations."""
    parts = [one for one in held.reshape(populations, -1) if np.isfinite(one).any()]
    means = np.array([np.nanmean(one) for one in parts])
    return f"{np.nanmean(held):.3f} (error {means.std(ddof=1) / np.sqrt(len(means)):.3f})"


def reliability(told: Floats, true: Floats) -> tuple[float, float, list[tuple[float, float, int]]]:
    """Expected calibration error, Brier score and (told, true, how many) per tenth."""
    rows, error = [], 0.0
    tenth = np.minimum((told * 10).astype(int), 9)
    for i in range(10):
        own = tenth == i
        if own.any():
            rows.append((float(told[own].mean()), float(true[own].mean()), int(own.sum())))
            error += own.mean() * abs(rows[-1][0] - rows[-1][1])
    return float(error), float(((told - true) ** 2).mean()), rows


def binomial_groups(rates: Floats, n: NDArray[np.int64], runs: int, seed: int) -> Replicates:
    """Observed counts of groups of ``n`` people with these true selection rates, one per run."""
    rng = np.random.default_rng(seed)
    selected = rng.binomial(n[:, None], rates[:, None], (len(n), runs))
    totals, chosen = np.zeros((len(n), 2, 1)), np.zeros((len(n), 2, 1, runs))
    totals[:, 0, 0], chosen[:, 0, 0] = n, selected
    squares = np.zeros((len(n), 2, runs, 2))
    squares[:, 0] = np.stack([n[:, None] - selected, selected], axis=-1)
    return Replicates(totals.astype(np.float32), chosen.astype(np.float32), squares)


def gap_cases() -> Iterator[tuple[str, Floats, NDArray[np.int64]]]:
    """Patterns of true rates and sizes: one group apart, half of them, a ladder of all sizes."""
    for n in (200, 1_000, 3_000):
        for g in (2, 4, 8):
            for gap in (0.0, 0.02, 0.1):
                same = np.full(g, n)
                yield f"{n:5d} {g} {gap:4.2f} one   ", 0.3 + gap * (np.arange(g) == 0), same
                if g > 2 and gap:
                    ladder = np.linspace(n, 3_000, g).astype(np.int64)
                    yield f"{n:5d} {g} {gap:4.2f} halves", 0.3 + gap * (np.arange(g) % 2), same
                    yield f"{n:5d} {g} {gap:4.2f} ladder", 0.3 + gap * np.linspace(0, 1, g), ladder


def gap_coverage(rates: Floats, n: NDArray[np.int64], runs: int, name: str = PARITY) -> float:
    """Share of runs whose limits hold the true gap or ratio."""
    low, high = disparity_limits(binomial_groups(rates, n, runs, 1), name)
    true = rates.min() / rates.max() if name.endswith("ratio") else np.ptp(rates)
    return float(((low <= true + 1e-12) & (high >= true - 1e-12)).mean())


def limits_coverage(runs: int, *, n: int = 2_000, k: int = 10) -> dict[str, float]:
    """Coverage of the limits of performances and measures of scores over fresh people."""
    whole = Population(1, k)
    score = 1 / (1 + np.exp(-whole.scores.astype(np.float64)))
    grid = np.floor(np.round(score * 100, 6)).astype(np.uint8) + 1
    everyone = Groups.of({"all": np.zeros(len(whole.y), int)})
    measured = np.array([score_measures(whole.y, s, everyone)[-1] for s in score])
    good = whole.y == 1
    rates = [(whole.passed[:, good]).mean(axis=1), (1 - whole.passed[:, ~good]).mean(axis=1)]
    true = {
        "accuracy": whole.values[:, 0],
        "balanced_accuracy": np.mean(rates, axis=0),
        "auc": measured[:, 0],
        "log_loss": measured[:, 1],
        "calibration_error": measured[:, 2],
    }
    held: dict[str, list[Floats]] = {name: [] for name in true}
    for run in range(runs):
        rows, who = whole.sample(np.random.default_rng([5, run]), n)
        drawn = draw_counts(rows, whole.passed[:, who], 0, rows.groups.partitions[0], seed=run)
        own = np.array([score_measures(rows.y_true, s[who], rows.groups)[-1] for s in score])
        for name, value in true.items():
            column = {"auc": 0, "log_loss": 1, "calibration_error": 2}.get(name)
            if column is None:
                low, high = share_limits(drawn, name)
            else:
                moves = draw_scores(rows, grid[:, who], name, seed=run)
                scale = "share" if name != "log_loss" else "positive"
                low, high = limits(own[:, column], moves, scale=scale)
            held[name].append((low <= value) & (value <= high))
    return {name: float(np.mean(found)) for name, found in held.items()}


def view_of(rows: SplitRows, passed: NDArray[np.uint8]) -> Frontier:
    """The candidates of five methods as a page gets them: accuracy against the gap."""
    made = []
    for i, decided in enumerate(passed):
        scores = decided.astype(np.float64)
        cube = count_cube(rows.y_true, scores, rows.groups)
        made.append(
            Candidate(f"c{i}", METHODS[i % 5], "", float(i), 0, False, {"select": cube}, 1.0,
                      passed={"select": decided * np.uint8(101)})
        )  # fmt: skip
    sizes = {"select": rows.groups.sizes}
    return Frontier(tuple(made), rows.groups.partitions, sizes, rows={"select": rows})


def speed(k: int = 5_000, n: int = 7_300, n_groups: int = 10) -> None:
    """What a view costs as a whole, from nothing and again, and then what each step does."""
    whole = Population(3, k, n_groups, n)
    rows, who = whole.sample(np.random.default_rng(0), n)
    passed = np.ascontiguousarray(whole.passed[:, who])
    view = view_of(rows, passed)
    for attempt in ("first", "again"):
        start = time.perf_counter()
        one = replace(view, _shared={})
        front, sure = len(one.front), uncertainty(one)
        assert sure is not None
        print(f"the whole view, {attempt}: {1e3 * (time.perf_counter() - start):.0f} ms",
              f"({front} unbeaten, {(sure.chance > 0.05).sum()} that may be)")  # fmt: skip
    members = {f"method {i}": np.arange(k) % 5 == i for i in range(5)}
    for attempt in ("first", "again"):
        laps = [("", time.perf_counter())]
        drawn = draw_counts(rows, passed, 0, rows.groups.partitions[0])
        laps.append(("counts", time.perf_counter()))
        plain = plain_draws(drawn)
        errors = plain[:-1].std(axis=0)
        laps.append(("objectives and errors", time.perf_counter()))
        share_limits(drawn, "accuracy")
        disparity_limits(drawn, PARITY)
        laps.append(("limits of both", time.perf_counter()))
        near = hopeful(plain[-1], errors, BETTER, sets=list(members.values()))
        few = drawn.only(near)
        accuracy = believe_performance(few, "accuracy", beside=plain[-1, near, 1:].T)
        beliefs = np.stack([accuracy, believe_disparity(few, PARITY)], axis=-1)
        laps.append((f"beliefs of {near.sum()}", time.perf_counter()))
        probability_non_dominated(beliefs, BETTER)
        laps.append(("probabilities", time.perf_counter()))
        front_band(beliefs, BETTER, np.linspace(0, 0.3, 61))
        laps.append(("band", time.perf_counter()))
        own = {name: mask[near] for name, mask in members.items()}
        hypervolume_limits(plain[-1, near], beliefs, BETTER, REFERENCE, own)
        laps.append(("hypervolumes", time.perf_counter()))
        total = laps[-1][1] - laps[0][1]
        print(f"{k} candidates, {n} rows, {n_groups} groups, {attempt}: {1e3 * total:.0f} ms")
        for (_, a), (name, b) in pairwise(laps):
            print(f"  {name:24s} {1e3 * (b - a):6.0f} ms")


def main() -> None:
    """Print everything that was asked for, by default all."""
    asked = set(sys.argv[1:]) or {"gaps", "limits", "fronts", "speed"}
    if "speed" in asked:
        speed()
    if "gaps" in asked:
        print("people, groups, true gap, pattern: coverage of the gap's limits, and the ratio's")
        for name, rates, n in gap_cases():
            both = [gap_coverage(rates, n, 4_000, m) for m in (PARITY, PARITY[:-10] + "ratio")]
            print(name, *(f"{c:.3f} {'#' * round(40 * (c - 0.9) / 0.1):40s}" for c in both))
    if "limits" in asked:
        for name, c in limits_coverage(300).items():
            print(f"{name:20s} {c:.3f}", "#" * round(40 * (c - 0.9) / 0.1))
    if "fronts" in asked:
        second = {"n_groups": 2, "n": 3_000, "apart": 3.0}
        for k, populations, design in (
            (20, 200, {}),
            (100, 200, {}),
            (500, 200, {}),
            (500, 200, second),
        ):
            found = fronts(k, populations, 2, **design)
            each = np.nanmean(found["band"], axis=0).round(3)
            print(f"{k} candidates {design or ''}: band {each},",
                  f"together {coverage(found['band'], populations)};",
                  f"hypervolume {coverage(found['volume'], populations)}", flush=True)  # fmt: skip
            for name in ("counted", "told"):
                error, brier, rows = reliability(found[name], found["true"])
                print(f"  {name}: calibration error {error:.4f}, Brier score {brier:.4f}")
                for p, t, count in rows if name == "told" else ():
                    print(f"    told {p:.2f} true {t:.2f} {'#' * round(40 * t):40s} of {count}")


if __name__ == "__main__":
    main()
