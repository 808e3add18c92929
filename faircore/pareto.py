"""The frontier of a table in memory, in one call."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from faircore.data import Dataset, dataset_from_arrays, split_rows
from faircore.errors import InputError
from faircore.frontier import Candidate, Frontier
from faircore.methods import Method, Request, find_method
from faircore.metrics.inputs import as_binary, as_weights
from faircore.penalties import PenaltyOptions, find_penalty
from faircore.plans import SweepSpec
from faircore.plots import check_ending, frontier_figure, save_figure
from faircore.training import Prepared

HELD_OUT = "held-out"
"""Name of the split the frontier is measured on: rows no model was trained or stopped on."""


def pareto_frontier(
    X: Any,
    y: Any,
    sensitive_features: Any,
    *,
    etas: Sequence[float],
    penalty: str = "demographic_parity",
    method: str = "regularized",
    seeds: Sequence[int] = (0,),
    sample_weight: Any = None,
    config: Any = None,
    options: PenaltyOptions | None = None,
    split_seed: int = 0,
    path: str | Path | None = None,
) -> Frontier:
    """Train a model per strength and seed, and measure the trade-off on held-out rows.

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
        Strengths of the method: weights of the penalty, zero or more; gaps that are not to be
        exceeded, for ``method="lagrangian"``. The unconstrained baseline is always added.
    penalty : str
        What fair means: a name in :data:`faircore.penalties.PENALTIES`.
    method : str
        A name in :data:`faircore.methods.METHODS`.
    seeds : sequence of int
        Seeds of the initial weights; each strength is trained from each.
    sample_weight : array, shape (n,), optional
    config : optional
        The method's configuration, such as :class:`faircore.TrainingConfig` for networks.
    options : PenaltyOptions, optional
    split_seed : int
        Seed of the split: 65% to learn from, 15% to stop on, 20% held out, stratified by
        target and group. Thresholds are set on 15% that are not learned from then.
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
        method=method,
        penalty=penalty,
        config=config,
        options=options or PenaltyOptions(),
    )
    dataset = dataset_from_arrays(
        X, truth, sensitive_features, weights=as_weights(sample_weight, n_rows=len(truth))
    )
    kind = find_method(method)
    if getattr(spec.config, "source", "own") != "own":
        raise InputError(
            "pareto_frontier trains its models; it has no score or stored model to work around. "
            "Use faircore.ThresholdFrontier on scores, or run_sweep in a workspace."
        )
    prepared = _prepare(dataset, split_seed, kind)
    names = {column.removeprefix("X:") for column in dataset.features.columns}
    needs_groups = bool(names & set(dataset.sensitive.columns))
    candidates = []
    request = Request(penalty, (), spec.config, spec.options)
    for trained in kind.train(prepared, spec.trials, request):
        strength, seed = spec.trials[trained.position]
        cubes, measures, passed = {}, {}, {}
        if trained.predictor is not None:
            try:
                scores = trained.predictor.scores(prepared.inputs("certify"))
                found = prepared.measured("certify", scores)
                cubes[HELD_OUT], measures[HELD_OUT], passed[HELD_OUT] = found
            except InputError as error:  # a group it was never told of
                trained = replace(trained, predictor=None, failure=str(error))
        candidates.append(
            Candidate(
                id=f"strength={strength!r},seed={seed}",
                method=spec.method,
                penalty=penalty,
                strength=strength,
                seed=seed,
                needs_groups=needs_groups
                or bool(trained.predictor and trained.predictor.needs_groups),
                cubes=cubes,
                fit_seconds=trained.fit_seconds,
                best_epoch=trained.best_epoch,
                history=tuple(trained.history),
                failure=trained.failure,
                note=trained.note,
                shape=kind.describe(spec.config),
                target=spec.target(strength),
                measures=measures,
                passed=passed,
            )
        )
    candidates.sort(key=lambda c: (c.strength, c.seed))
    frontier = Frontier(
        tuple(candidates),
        prepared.groups.partitions,
        {HELD_OUT: prepared.sizes("certify")},
        disparity=find_penalty(penalty).disparity,
        split=HELD_OUT,
        rows={HELD_OUT: prepared.split_rows("certify")},
    )
    if path is not None:
        save_figure(frontier_figure(frontier), path)
    return frontier


def _prepare(dataset: Dataset, split_seed: int, method: Method) -> Prepared:
    """Split so that rows nobody sets thresholds on help to learn instead."""
    parts = split_rows(dataset.y_true, dataset.sensitive, seed=split_seed)
    if method.stage == "after":
        return Prepared.of(dataset, splits=parts)
    learn = np.sort(np.concatenate([parts.train, parts.calibrate]))
    return Prepared.of(dataset, splits=replace(parts, train=learn, calibrate=parts.calibrate[:0]))
