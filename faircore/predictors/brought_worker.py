"""The process that looks into a brought model and runs it: ``python -m … FOLDER``.

The folder holds ``model``, the file; ``task.json``; and ``rows.npz`` when there are rows to score.
It leaves ``answer.json`` and, for scores, ``scores.npy``. A task is ``{"do": "look"}``, or
``{"do": "score", "reads", "named", "labels", "good"}``: which columns the arrays "0", "1", … are,
whether the model gets them by name, the texts that codes stand for, and which class is wanted.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from faircore.predictors.brought_onnx import OnnxFile
from faircore.predictors.brought_problem import Problem
from faircore.predictors.brought_skops import SkopsFile

_MEMORY = 4 * 2**30
_NEW_NETWORK, _NEW_USER, _NO_NEW_PRIVILEGES = 0x40000000, 0x10000000, 38
_FORBIDDEN = (
    "socket.", "subprocess.", "os.exec", "os.fork", "os.posix_spawn", "os.spawn", "os.system",
    "pickle.", "ftplib.", "urllib.", "http.",
)  # fmt: skip
_NOT_NEEDED = frozenset({"torch", "tensorflow", "jax", "cupy", "matplotlib", "pytest", "polars"})


def main(folder: Path) -> None:
    """Do what the task says, and leave an answer whatever happens."""
    warnings.simplefilter("ignore")
    task = json.loads((folder / "task.json").read_text("utf-8"))
    scores = None
    try:
        _cut_off(float(task["seconds"]))
        sys.meta_path.insert(0, _WithoutThem())
        data = (folder / "model").read_bytes()
        kind = SkopsFile if data[:4] == b"PK\x03\x04" else OnnxFile
        kind.prepare(data)
        sys.addaudithook(_refuse)
        model = kind(data)
        if task["do"] == "look":
            answer: dict[str, Any] = model.facts()
        else:
            scores, answer = model.scores(_rows(folder, task), task), {}
    except Problem as problem:
        answer = {"problem": problem.code, "names": list(problem.names)}
    except MemoryError:
        answer = {"problem": "memory"}
    except Exception as error:
        answer = _failure(error)
    (folder / "answer.json").write_text(json.dumps(answer), "utf-8")
    if scores is not None:
        np.save(folder / "scores.npy", np.asarray(scores, np.float64), allow_pickle=False)


def _failure(error: Exception) -> dict[str, Any]:
    """What went wrong, told by its kind: an error's own words may repeat a cell."""
    words = str(error)
    if "NaN" in words or "missing values" in words:
        return {"problem": "missing"}
    if "unknown categor" in words:
        return {"problem": "category"}
    if type(error).__name__ == "NotFittedError":
        return {"problem": "fitted"}
    if "bad_alloc" in words or "Failed to allocate" in words:
        return {"problem": "memory"}
    return {"problem": "failed", "names": [type(error).__name__]}


def _cut_off(seconds: float) -> None:
    """Cap memory, time and files; leave the network where the system lets us."""
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource

        for limit, value in (
            (resource.RLIMIT_CORE, 0),
            (resource.RLIMIT_CPU, int(seconds) + 1),
            (resource.RLIMIT_AS, _MEMORY),
        ):
            hard = resource.getrlimit(limit)[1]
            if hard != resource.RLIM_INFINITY:
                value = min(value, hard)
            resource.setrlimit(limit, (value, value))
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            libc = ctypes.CDLL(None)
            libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0)
            if libc.unshare(_NEW_NETWORK):
                libc.unshare(_NEW_NETWORK | _NEW_USER)


class _WithoutThem:
    """Finder that says what would only take time and memory is not installed."""

    def find_spec(self, name: str, *_: object) -> None:
        """Refuse some modules, and leave the others to others."""
        if name.split(".")[0] in _NOT_NEEDED:
            raise ModuleNotFoundError(name)


def _refuse(event: str, _: object) -> None:
    """Audit hook: what no model needs ends it."""
    if event.startswith(_FORBIDDEN):
        raise Problem("failed", "PermissionError")


def _rows(folder: Path, task: dict[str, Any]) -> pd.DataFrame:
    """Columns the model reads: float64, or text with NaN for missing."""
    columns: dict[str, Any] = {}
    with np.load(folder / "rows.npz", allow_pickle=False) as arrays:
        for place in range(len(task["reads"])):
            column, texts = arrays[str(place)], task["labels"].get(str(place))
            if texts is not None:
                # The last entry is read by -1, which is missing.
                column = np.array([*texts, np.nan], object)[column]
            columns[str(place)] = column
    frame = pd.DataFrame(columns)
    frame.columns = pd.Index(task["reads"], dtype=object)
    return frame


if __name__ == "__main__":
    main(Path(sys.argv[1]))
