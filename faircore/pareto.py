"""The frontier of a table in memory, in one call."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from faircore.data import Dataset, dataset_from_arrays, split_rows
from faircore.frontier import Candidate, Frontier
from faircore.methods import METHODS
from faircore.metrics.inputs import as_binary, as_weights
from faircore.penalties import find_penalty
from faircore.plots import check_ending, frontier_figure, save_figure
from faircore.sweep import SweepSpec
from faircore.training import Prepared, TrainingConfig

HELD_OUT = "held-out"
"""Name of the split the frontier is measured on: rows no model was trained or stopped on."""


def pareto_frontier(
    X: Any,
    y: Any,
    sensitive_features: Any,
    *,
    etas: Sequence[float],
    penalty: str = "demographic_parity",
    seeds: Sequence[int] = (0,),
    sample_weight: Any = None,
    config: TrainingConfig | None = None,
    split_seed: int = 0,
    path: str | Path | None = None,
) -> Frontier:
    """Train a network per strength and seed, and measure the trade-off on held-out rows.

    Parameters
    ----------
    X : DataFrame (pandas or polars) or ndarray, shape (n, d)
        Numbers and categories; encoded inside, fitted on the training rows alone.
    y : array of 0 and 1, shape (n,)
        1 is the good outcome.
    sensitive_features : array, Series or DataFrame, n rows
        One attribute, or one column per attribute. Numbers are taken as group labels, so cut them
        into bins first.
    etas : sequence of float
        Weights of the penalty, zero or more. 0, the unconstrained baseline, is always added.
    penalty : str
        A name in :data:`faircore.penalties.PENALTIES`.
    seeds : sequence of int
        Seeds of the initial weights; each strength is trained from each.
    sample_weight : array, shape (n,), optional
    config : TrainingConfig, optional
    split_seed : int
        Seed of the split: 65 % to learn from, 15 % to stop on, 20 % held out, stratified by
        target and group.
    path : path, optional
        Also save the plot: ``.html`` opens offline, ``.png`` and ``.svg`` need a Chromium.

    Returns
    -------
    Frontier
        Measured on the held-out rows.

    Raises
    ------
    InputError
        When lengths differ or values cannot be used.
    MissingToolError
        When a picture is asked for and no Chromium is found.
    """
    if path is not None:
        check_ending(path)  # before minutes of training, not after
    truth = as_binary(y, name="y")
    spec = SweepSpec(
        strengths=tuple(etas),
        seeds=tuple(seeds),
        penalty=penalty,
        config=config or TrainingConfig(),
    )
    dataset = dataset_from_arrays(
        X, truth, sensitive_features, weights=as_weights(sample_weight, n_rows=len(truth))
    )
    prepared = _prepare(dataset, split_seed)
    names = {column.removeprefix("X:") for column in dataset.features.columns}
    needs_groups = bool(names & set(dataset.sensitive.columns))
    candidates = []
    method = METHODS[spec.method]
    for trained in method.train(
        prepared, spec.trials, penalty=penalty, partitions=(), config=spec.config
    ):
        strength, seed = spec.trials[trained.position]
        cubes = {}
        if trained.network is not None:
            scores = trained.network.predict_proba(prepared.encoded("certify"))
            cubes[HELD_OUT] = prepared.cube("certify", scores)
        candidates.append(
            Candidate(
                id=f"eta={strength!r},seed={seed}",
                method=spec.method,
                penalty=penalty,
                strength=strength,
                seed=seed,
                needs_groups=needs_groups,
                cubes=cubes,
                fit_seconds=trained.fit_seconds,
                best_epoch=trained.best_epoch,
                history=tuple(trained.history),
                failure=trained.failure,
                hidden=spec.config.hidden,
            )
        )
    candidates.sort(key=lambda c: (c.strength, c.seed))
    frontier = Frontier(
        tuple(candidates),
        prepared.groups.partitions,
        {HELD_OUT: prepared.sizes("certify")},
        disparity=find_penalty(penalty).disparity,
        split=HELD_OUT,
    )
    if path is not None:
        save_figure(frontier_figure(frontier), path)
    return frontier


def _prepare(dataset: Dataset, split_seed: int) -> Prepared:
    """Split so that nothing is calibrated here: those rows help to learn instead."""
    parts = split_rows(dataset.y_true, dataset.sensitive, seed=split_seed)
    learn = np.sort(np.concatenate([parts.train, parts.calibrate]))
    return Prepared.of(dataset, splits=replace(parts, train=learn, calibrate=parts.calibrate[:0]))
