"""Models on disk: those that sweeps trained, and those somebody brought."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from faircore.data import Dataset
from faircore.errors import StoreError, SweepError
from faircore.predictors import Predictor, predictor_from_arrays
from faircore.predictors.brought import BroughtModel
from faircore.store import StoredTrial, TrialStore
from faircore.training.prepared import inputs_of


@dataclass(frozen=True)
class Brought:
    """A model on the shelf.

    Attributes
    ----------
    reference : str
        What a request calls it: hash of the file and of how it is read.
    name : str
        As it was called by who brought it.
    shape : str
        What kind of model it is, in words.
    good : str
        Its class that counts as the good outcome.
    """

    reference: str
    name: str
    shape: str
    good: str


def read_predictor(reference: str, *, workspace: str | Path) -> Predictor:
    """Read the model of a stored candidate, or one that was brought.

    Raises
    ------
    StoreError
        When it is missing or damaged.
    """
    return predictor_from_arrays(_stored(reference, workspace).model)


def model_sha256(reference: str, *, workspace: str | Path) -> str:
    """SHA-256 of the numbers a stored model is made of, in hexadecimal."""
    arrays = read_predictor(reference, workspace=workspace).to_arrays()
    return hashlib.sha256(b"".join(a.tobytes() for a in arrays.values())).hexdigest()


def split_seed_of(reference: str, *, workspace: str | Path) -> int:
    """Seed of the split that a stored model was trained with.

    Raises
    ------
    StoreError
        When it is missing or damaged.
    """
    return int(_stored(reference, workspace).record.get("split_seed", 0))


def check_reference(
    reference: str, dataset: Dataset, split_seed: int, *, workspace: str | Path
) -> None:
    """Refuse a stored model of other data, or one whose sealed rows are not the same.

    Raises
    ------
    StoreError, SweepError
    """
    record = _stored(reference, workspace).record
    other = record["data"] != dataset.fingerprint
    if other or record.get("split_seed", split_seed) != split_seed:
        what = "other data or roles" if other else "another split, so it learned from other rows"
        raise SweepError(
            f"The stored model {reference} belongs to {what}. Choose a model of these data and "
            "this split, or bring it again."
        )


def _stored(reference: str, workspace: str | Path) -> StoredTrial:
    for store in (_trained(workspace), _brought(workspace)):
        stored = store.get(reference)
        if stored is not None and stored.model:
            return stored
    raise StoreError(
        "The model of this candidate is missing or damaged in the workspace. Launch its sweep "
        "again: only what is missing is trained. A model that was brought must be brought again."
    )


def bring_model(
    data: bytes,
    dataset: Dataset,
    *,
    workspace: str | Path,
    name: str = "model",
    positive: str | None = None,
) -> Brought:
    """Put a fitted model on the shelf, for requests about a dataset.

    Parameters
    ----------
    data : bytes
        A skops or an ONNX file; see :class:`faircore.predictors.brought.BroughtModel`.
    dataset : Dataset
        Whose columns it reads. It is asked for the score of a few rows before it is kept.
    workspace : path
    name : str
    positive : str, optional
        Class of the model that is the good outcome; by default that of the data, where it is one
        of the model's classes, and else the second.

    Raises
    ------
    InputError
        When the file cannot be read safely, or does not fit the columns.
    """
    numeric = [
        str(column)
        for column, dtype in dataset.features.dtypes.items()
        if pd.api.types.is_numeric_dtype(dtype)
    ]
    columns = [str(column) for column in dataset.features.columns]
    told = [a for a in dataset.sensitive.columns if a not in columns]
    read = partial(
        BroughtModel.read, data, columns=[*columns, *told], numeric=numeric, attributes=told,
        name=name,
    )  # fmt: skip
    model = read(positive=positive)
    good = dataset.spec.positive
    if positive is None and good in model.facts.classes and good != model.good_class:
        # Its classes are those of the data, where the good outcome need not come second.
        model = read(positive=good)
    model.scores(inputs_of(dataset, np.arange(min(20, dataset.n_rows))))
    arrays = model.to_arrays()
    unnamed = replace(model, facts=replace(model.facts, name="")).to_arrays()
    reference = hashlib.sha256(b"".join(unnamed[k].tobytes() for k in sorted(unnamed))).hexdigest()
    brought = Brought(reference[:32], name, model.shape_text, model.good_class)
    record = {
        "name": name, "shape": brought.shape, "good": brought.good, "data": dataset.fingerprint
    }  # fmt: skip
    _brought(workspace).put(brought.reference, record, cubes={}, model=arrays)
    return brought


def brought_models(workspace: str | Path, fingerprint: str) -> tuple[Brought, ...]:
    """Models brought for a dataset, by name."""
    store = _brought(workspace)
    names = sorted(p.name for p in store.root.glob("??/*")) if store.root.is_dir() else []
    found: list[tuple[str, StoredTrial | None]] = [(name, store.get(name)) for name in names]
    own = [
        Brought(reference, *(stored.record[key] for key in ("name", "shape", "good")))
        for reference, stored in found
        if stored is not None and stored.record["data"] == fingerprint
    ]
    return tuple(sorted(own, key=lambda one: (one.name, one.reference)))


def _trained(workspace: str | Path) -> TrialStore:
    return TrialStore(Path(workspace) / "trials")


def _brought(workspace: str | Path) -> TrialStore:
    return TrialStore(Path(workspace) / "models")
