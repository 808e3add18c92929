"""How often a certificate is false, and how often it comes when it should.

    python benchmarks/certify_sim.py [reviews, default 1,000]

In each review 30 candidates are judged on people drawn from a population in which every one of
them is just beyond the limit, so that each certificate is false. Decisions of the candidates on one
person are correlated (a Gaussian copula). *Point estimate* certifies when any candidate is within
the limit as counted on certify, *uncorrected* when any passes its own test; *fixed sequence* and
*Holm* are what the product does. Nominal is 5%. Sizes by enumeration: certify_size.py.
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from faircore.decide.certify_counts import fixed_sequence, holm_passed, limit_p_values
from faircore.decide.pair_tests import certificate_p_value
from faircore.decide.required_rows import required_rows
from faircore.frontier import Limit
from faircore.metrics import DISPARITIES, find_disparity, find_performance

Floats = NDArray[np.float64]
K = 30
LEVEL = 0.05
GOOD = 0.4  # share of people with the good outcome
BEYOND = 0.0005  # how far the truth is beyond a limit of .05
PARITY, RATIO = "demographic_parity_difference", "demographic_parity_ratio"
ODDS = "equalized_odds_difference"
RULES = ("point estimate", "uncorrected", "fixed sequence", "Holm")


@dataclass(frozen=True)
class Case:
    """A limit, and how the people of both splits are drawn."""

    limit: Limit
    correlation: float = 0.5
    rows: int = 2_000  # of each group, in each split
    n_groups: int = 2

    def rates(self) -> Floats:
        """True selection rates given the outcome, (k, g, 2); all beyond the limit."""
        level = np.linspace(0.15, 0.35, K)
        # Only the first two groups are as far apart as can be.
        place = np.array([1.0, 0.0, *np.full(self.n_groups - 2, 0.5)])
        rates = np.empty((K, self.n_groups, 2))
        if self.limit.key == "accuracy":
            right = self.limit.at - BEYOND
            rates[...] = [1 - right, right]
        elif self.limit.key == RATIO:
            share = self.limit.at - 10 * BEYOND
            rates[...] = (level[:, None] * (share + (1 - share) * place))[..., None]
        else:
            gap = (self.limit.at + BEYOND) * place
            rates[...] = (level[:, None] + gap)[..., None]
            if self.limit.key == ODDS:  # half of them in one error, half in the other
                rates[::2, :, 0] = level[::2, None]
                rates[1::2, :, 1] = level[1::2, None] + 0.4
        return rates

    def draw(self, rng: np.random.Generator) -> Floats:
        """Counts of all candidates on one split, (k, g, 2, 2)."""
        cut = ndtri(self.rates()).astype(np.float32)
        own, common = np.sqrt(1 - self.correlation), np.sqrt(self.correlation)
        counts = np.empty((K, self.n_groups, 2, 2))
        for g in range(self.n_groups):
            good = rng.binomial(self.rows, GOOD)
            for y, n in enumerate((self.rows - good, good)):
                latent = np.float32(own) * rng.standard_normal((K, n), dtype=np.float32)
                latent += np.float32(common) * rng.standard_normal(n, dtype=np.float32)
                counts[:, g, y, 1] = (latent < cut[:, g, y, None]).sum(axis=1)
                counts[:, g, y, 0] = n - counts[:, g, y, 1]
        return counts

    def splits(self, reviews: int, seed: int) -> tuple[Floats, Floats]:
        """Select and certify of every review, each (reviews, k, g, 2, 2)."""
        rng = np.random.default_rng(seed)
        both = np.stack([[self.draw(rng), self.draw(rng)] for _ in range(reviews)])
        return both[:, 0], both[:, 1]


def within(counts: Floats, limit: Limit) -> NDArray[np.bool_]:
    """Whether a limit is kept as counted."""
    if limit.key not in DISPARITIES:
        return find_performance(limit.key)(counts.sum(axis=-3)) > limit.at
    disparity = find_disparity(limit.key)
    value = disparity(counts)
    return value < limit.at if disparity.kind == "difference" else value > limit.at


def false_certificates(case: Case, reviews: int, seed: int = 0) -> dict[str, float]:
    """Share of reviews with a certificate, all of which are false, by rule."""
    select, certify = case.splits(reviews, seed)
    p = limit_p_values(certify, [case.limit])[..., 0]
    order = limit_p_values(select, [case.limit])[..., 0].argsort(axis=-1, kind="stable")
    passed = (
        within(certify, case.limit),
        p <= LEVEL,
        fixed_sequence(p, order, LEVEL),
        np.stack([holm_passed(row, LEVEL) for row in p]),
    )
    return {
        rule: float(any_of.any(axis=-1).mean()) for rule, any_of in zip(RULES, passed, strict=True)
    }


def repeated_looks(case: Case, reviews: int, looks: int = 5, seed: int = 0) -> dict[str, float]:
    """Share of reviews with a false certificate when certify is opened again after a failure."""
    select, certify = case.splits(reviews, seed)
    p = limit_p_values(certify, [case.limit])[..., 0]
    order = limit_p_values(select, [case.limit])[..., 0].argsort(axis=-1, kind="stable")
    next_in_line = np.take_along_axis(p, order[:, :looks], axis=-1)
    number = np.arange(1, looks + 1)
    # The first look shows the figures of all; the others go to those that look best there.
    shown = np.concatenate([next_in_line[:, :1], np.sort(p, axis=-1)[:, : looks - 1]], axis=-1)
    plans = {
        "every look at the full level": next_in_line <= LEVEL,
        "look j at level / j": next_in_line <= LEVEL / number,
        "look j at level / (j (j + 1))": next_in_line <= LEVEL / (number * (number + 1)),
        f"each of {looks} at level / {looks}": next_in_line <= LEVEL / looks,
        f"the same, figures of all {K} shown at the first look": shown <= LEVEL / looks,
        f"the same at level / ({looks} · {K})": shown <= LEVEL / (looks * K),
    }
    return {plan: float(found.any(axis=-1).mean()) for plan, found in plans.items()}


def power(gap: float, reviews: int, n_groups: int = 2, seed: int = 0) -> tuple[float, float]:
    """Rows per group for a limit of .05 around .2, and the share of reviews certified with them."""
    needed = required_rows(0.2, 0.05, gap, n_groups=n_groups)
    rates = np.where(np.arange(n_groups) % 2, 0.2 - gap / 2, 0.2 + gap / 2)
    rows = needed.astype(np.int64)
    selected = np.random.default_rng(seed).binomial(rows, rates, (reviews, n_groups))
    counts = np.zeros((reviews, n_groups, 2, 2))
    counts[..., 0, :] = np.stack([rows - selected, selected], axis=-1)
    return float(needed[0]), float((certificate_p_value(counts, PARITY, 0.05) <= LEVEL).mean())


def cases() -> dict[str, Case]:
    """What is simulated."""
    gap, odds = Limit(PARITY, 0.05), Limit(ODDS, 0.05)
    ratio, floor = Limit(RATIO, 0.8), Limit("accuracy", 0.8)
    found = {f"gap .05, correlation {c}": Case(gap, c) for c in (0.0, 0.5, 0.9)}
    found |= {f"gap .05, 4 groups, correlation {c}": Case(gap, c, n_groups=4) for c in (0.0, 0.9)}
    found |= {f"ratio .8, correlation {c}": Case(ratio, c) for c in (0.0, 0.5, 0.9)}
    found |= {
        f"equalized odds .05, correlation {c}": Case(odds, c, rows=4_000) for c in (0.0, 0.5, 0.9)
    }
    found |= {f"accuracy .8, correlation {c}": Case(floor, c) for c in (0.0, 0.5, 0.9)}
    for rows in (10, 20, 50):
        found[f"gap .05, {rows} rows a group"] = Case(gap, rows=rows)
        found[f"gap .2, {rows} rows a group"] = Case(Limit(PARITY, 0.2), rows=rows)
        found[f"ratio .8, {rows} rows a group"] = Case(ratio, rows=rows)
    return found


def main() -> None:
    """Print the tables."""
    reviews = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000
    start = time.perf_counter()
    error = 100 * np.sqrt(LEVEL * (1 - LEVEL) / reviews)
    print(f"False certificates in % of {reviews:,} reviews; 5% has an error of {error:.1f}")
    print(f"{'':42}" + "".join(f"{rule:>16}" for rule in RULES))
    for name, case in cases().items():
        shares = false_certificates(case, reviews)
        print(f"{name:42}" + "".join(f"{100 * v:16.1f}" for v in shares.values()), flush=True)
    for c in (0.0, 0.9):
        print(f"\nOpened five times, gap .05, correlation {c}: false certificates in %")
        for plan, share in repeated_looks(Case(Limit(PARITY, 0.05), c), reviews).items():
            print(f"{plan:60}{100 * share:8.1f}")
    print("\nRows per group for 80% power, limit .05 around .2, and power in simulation, %")
    for n_groups in (2, 4):
        for gap in (0.0, 0.02, 0.03, 0.04):
            needed, share = power(gap, 10 * reviews, n_groups)
            print(f"{n_groups} groups, true gap {gap:4.2f} {needed:10,.0f} {100 * share:8.1f}")
    print(f"\n{time.perf_counter() - start:.0f} s")


if __name__ == "__main__":
    main()
