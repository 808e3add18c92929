"""Finished trials on disk: what a sweep has trained is never trained, or lost, again.

One folder per trial, named by the hash of everything that determines it: ``record.json``, the
count cubes and the weights as safetensors, and ``checksums.json`` over the three. A folder is
written beside its place, flushed, and renamed, so a trial is there whole or not at all. Nothing
is ever unpickled.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from faircore.errors import StoreError
from faircore.files import flush_folder, write_whole

Arrays = Mapping[str, NDArray[Any]]

_FILES = ("record.json", "cubes.safetensors", "model.safetensors")


@dataclass(frozen=True, eq=False)
class StoredTrial:
    """What was stored of a trial; ``model`` is empty when it failed."""

    record: dict[str, Any]
    cubes: dict[str, NDArray[np.float64]]
    model: dict[str, NDArray[Any]]


class TrialStore:
    """Trials below a folder.

    Parameters
    ----------
    root : path
        Made when it does not exist.
    """

    def __init__(self, root: str | os.PathLike[str]) -> None:
        self.root = Path(root)

    def folder(self, trial_id: str) -> Path:
        """Where a trial lies, whether or not it does."""
        return self.root / trial_id[:2] / trial_id

    def put(
        self, trial_id: str, record: Mapping[str, Any], *, cubes: Arrays, model: Arrays
    ) -> None:
        """Store a finished trial; one that is there already stays as it is.

        Raises
        ------
        StoreError
            When the disk refuses; nothing half-written is left where a reader looks.
        """
        target = self.folder(trial_id)
        partial = self.root / "partial" / uuid.uuid4().hex
        contents = dict(
            zip(
                _FILES,
                (
                    json.dumps(record, sort_keys=True, allow_nan=True).encode(),
                    save({k: np.ascontiguousarray(v) for k, v in cubes.items()}),
                    save({k: np.ascontiguousarray(v) for k, v in model.items()}),
                ),
                strict=True,
            )
        )
        sums = {name: hashlib.sha256(data).hexdigest() for name, data in contents.items()}
        contents["checksums.json"] = json.dumps({"trial": trial_id, "sha256": sums}).encode()
        try:
            partial.mkdir(parents=True)
            for name, data in contents.items():
                write_whole(partial / name, data)
            target.parent.mkdir(parents=True, exist_ok=True)
            if target.exists() and self.get(trial_id) is None:
                shutil.rmtree(target)  # damaged: what was computed anew replaces it
            if not target.exists():
                partial.rename(target)
                flush_folder(target.parent)
        except OSError as error:
            if self.get(trial_id) is not None:
                return  # another sweep finished the same trial first
            raise StoreError(
                f"A finished trial could not be written to the workspace: {error.strerror}. "
                "Free some disk space or choose another workspace, then launch the sweep again; "
                "what was stored before is kept."
            ) from error
        finally:
            shutil.rmtree(partial, ignore_errors=True)

    def written(self, trial_id: str) -> int | None:
        """When a trial was stored, in nanoseconds; ``None`` when it is not there."""
        try:
            return self.root.joinpath(trial_id[:2], trial_id, "checksums.json").stat().st_mtime_ns
        except OSError:
            return None

    def get(self, trial_id: str, *, model: bool = True) -> StoredTrial | None:
        """Read a trial; ``None`` when it is not there or any byte that was read has changed.

        Parameters
        ----------
        trial_id : str
        model : bool
            Whether the weights are read, and checked, too. Without them ``model`` is empty: whoever
            uses the model later reads the trial again, and hears of damage then.
        """
        folder = self.folder(trial_id)
        names = _FILES if model else _FILES[:2]
        try:
            sums = json.loads((folder / "checksums.json").read_bytes())
            contents = {name: (folder / name).read_bytes() for name in names}
            intact = sums["trial"] == trial_id and all(
                hashlib.sha256(data).hexdigest() == sums["sha256"][name]
                for name, data in contents.items()
            )
            if not intact or not (folder / _FILES[2]).is_file():
                return None
            return StoredTrial(
                json.loads(contents["record.json"]),
                load(contents["cubes.safetensors"]),
                load(contents["model.safetensors"]) if model else {},
            )
        except (OSError, ValueError, KeyError, TypeError, RecursionError, SafetensorError):
            return None
