"""A review full of made-up candidates: what a large sweep leaves behind, without the training."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from faircore.data import Table, build_dataset, load_sample, make_lending
from faircore.metrics.counts import narrow_counts
from faircore.plans import SweepPlan, SweepSpec
from faircore.records import Review, ReviewStore
from faircore.store import TrialStore
from faircore.sweep import COMPARED, MEASURED
from faircore.training import Prepared

METHODS = ("regularized", "boosted", "reweighed", "adversarial", "lagrangian")


def made_up_review(workspace: Path, n_candidates: int, *, n_rows: int = 8_000) -> Review:
    """Store a review whose candidates are noisy scores that trade accuracy for a smaller gap.

    Their counts and measures are those of the rows, so everything a page computes is real; only
    the models are not there, and the splits other than the one compared repeat it.
    """
    _, roles = load_sample("lending")
    table = Table.from_frame(make_lending(n_rows, seed=5), "lending.csv")
    dataset = build_dataset(table, roles)
    prepared = Prepared.of(dataset)
    n_seeds = 5 if n_candidates >= 1_000 else 2
    per_method = -(-n_candidates // (len(METHODS) * n_seeds))
    plan = SweepPlan(
        tuple(
            SweepSpec(
                tuple(np.linspace(0.0, 0.9, per_method)), seeds=tuple(range(n_seeds)), method=method
            )
            for method in METHODS
        )
    )
    store = TrialStore(workspace / "trials")
    rng = np.random.default_rng(0)
    rows = prepared.rows(COMPARED)
    shared = rng.normal(0, 1.0, len(rows))
    race = dataset.sensitive["race"].iloc[rows].astype(object).fillna("?").astype(str).to_numpy()
    _, group = np.unique(race, return_inverse=True)
    made = 0
    for number, spec in enumerate(plan.sweeps):
        for strength, seed in spec.trials:
            if made == n_candidates:
                break
            fair = strength / 0.9
            odds = (
                (1.6 - 0.9 * fair**2 - 0.05 * number) * (2 * dataset.y_true[rows] - 1.0)
                + shared
                + (1.1 - fair) * (group / max(group.max(), 1) - 0.5)
                + rng.normal(0, 0.25, len(rows))
            )
            scores = 1 / (1 + np.exp(-odds))
            _put(store, spec.trial_id(dataset.fingerprint, strength, seed), prepared, scores,
                 spec=spec, strength=strength, seed=seed)  # fmt: skip
            made += 1
    reviews = ReviewStore(workspace)
    review = reviews.create("Made-up lending", table, dataset)
    return reviews.add_sweep(review.id, plan.to_json())


def _put(
    store: TrialStore, trial: str, prepared: Prepared, scores: np.ndarray, *, spec: SweepSpec,
    strength: float, seed: int,
) -> None:  # fmt: skip
    found = prepared.measured(COMPARED, scores)
    kept = {f"{COMPARED}/passed": found.passed}
    for split in MEASURED:
        kept |= {split: narrow_counts(found.cube), f"{split}/measures": found.measures}
    record = {
        "method": spec.method, "penalty": spec.penalty, "strength": strength, "seed": seed,
        "needs_groups": spec.method == "reweighed", "fit_seconds": 0.1, "best_epoch": 1,
        "history": [], "failure": None, "note": "", "shape": "made up",
        "target": spec.target(strength), "partitions": spec.partitions, "source": "",
        "data": prepared.dataset.fingerprint, "split_seed": 0,
    }  # fmt: skip
    store.put(trial, record, cubes=kept, model={})
