"""The child process in which a brought model is run, seen from outside."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from faircore.errors import InputError

TIME_LIMIT = 120.0
"""Seconds a model is given, each time it is asked."""

_WORKER = "faircore.predictors.brought_worker"
_ROOT = Path(__file__).resolve().parents[2]
_KEPT = ("LD_LIBRARY_PATH", "SYSTEMROOT")
_LARGEST_ANSWER = 2**20
_PLAIN = re.compile(r"[\w.\-]{1,120}")  # all of a child's words that are repeated

_SENTENCES = {
    "kind": "is neither a skops nor an ONNX file. Save the model with skops.io.dump, or convert it "
    "to ONNX; a pickle is never opened.",
    "damaged": "is damaged or incomplete. Save it again.",
    "bomb": "unpacks to more than 1 GiB, or to more than 100,000 parts. Save a smaller model.",
    "types": "holds types that are not on the list of what is loaded: {names}. Use scikit-learn's "
    "own, LightGBM's or XGBoost's classifiers, or convert the model to ONNX.",
    "tool": "needs {names} to be read, which is not installed. Install it.",
    "classifier": "is no classifier that gives probabilities (predict_proba). Bring one that does.",
    "fitted": "is not fitted. Fit it before saving it.",
    "classes": "tells {names} classes apart, and two are needed. Bring a classifier of two.",
    "external": "keeps part of itself in other files. Save it as one file.",
    "operators": "uses operators beyond ONNX's standard ones: {names}. Convert it without them.",
    "inputs": "has inputs that are neither one matrix of numbers nor one column each. Convert it "
    "with one of the two.",
    "outputs": "has no output of probabilities, or several. Convert it so that it gives one.",
    "trees": "has trees that do not fit together. It is damaged or made to do harm.",
    "missing": "reads no missing values, and the rows have some. Fill them in, or bring a model "
    "that does so itself.",
    "category": "met a category that it does not know. Correct the column, or bring a model that "
    "ignores what it does not know.",
    "memory": "needs more than 4 GiB of memory. Save a smaller model.",
    "failed": "failed when it was run ({names}). See that it works on these very columns.",
}
_STOPPED = "stopped the process it ran in: it is damaged, or needs more than 4 GiB of memory."


def run_brought(
    file: bytes,
    task: Mapping[str, Any],
    rows: Mapping[str, NDArray[Any]] | None,
    *,
    name: str,
    seconds: float = TIME_LIMIT,
) -> tuple[dict[str, Any], NDArray[Any] | None]:
    """Run a file in a child process.

    Parameters
    ----------
    file : bytes
        The model.
    task : mapping
        What to do; see :mod:`faircore.predictors.brought_worker`.
    rows : mapping of str to ndarray, optional
    name : str
        What messages call the model.
    seconds : float
        Most time it is given.

    Returns
    -------
    answer : dict
        What was found out.
    scores : ndarray or None
        As the child gave them: nothing about them is certain.

    Raises
    ------
    InputError
        In one sentence of ours whatever went wrong; a child's own words never come out.
    """
    with TemporaryDirectory(prefix="faircore-model-") as made:
        folder = Path(made)
        (folder / "model").write_bytes(file)
        (folder / "task.json").write_text(json.dumps({**task, "seconds": seconds}), "utf-8")
        if rows is not None:
            np.savez(folder / "rows.npz", allow_pickle=False, **dict(rows))
        try:
            done = subprocess.run(
                [sys.executable, "-P", "-m", _WORKER, made],
                cwd=made, env=_environment(made), timeout=seconds, check=False,
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            raise InputError(
                f"The model {name!r} took more than {seconds:g} seconds and was stopped. Bring a "
                "smaller one, or ask about fewer rows."
            ) from None
        answer, scores = _answer(folder) if done.returncode == 0 else (None, None)
    if answer is None:
        raise InputError(f"The model {name!r} {_STOPPED} Save it again, or bring a smaller one.")
    if "problem" in answer:
        raise InputError(f"The model {name!r} {say(answer)}")
    return answer, scores


def say(answer: Mapping[str, Any]) -> str:
    """What a child found wrong, in words of ours."""
    raw = answer.get("names", [])
    given = [str(n) for n in raw] if isinstance(raw, list) else []
    names = ", ".join(n for n in given[:8] if _PLAIN.fullmatch(n)) or "others"
    return _SENTENCES.get(str(answer["problem"]), _STOPPED).format(names=names)


def _environment(folder: str) -> dict[str, str]:
    """No more than it needs: nothing the program was started with is told."""
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    one = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "LOKY_MAX_CPU_COUNT")
    return {
        **kept,
        **dict.fromkeys(one, "1"),
        "PATH": os.defpath,
        "PYTHONPATH": str(_ROOT),
        "PYTHONDONTWRITEBYTECODE": "1",
        "HOME": folder,
        "TMPDIR": folder,
        "LC_ALL": "C.UTF-8",
    }


def _answer(folder: Path) -> tuple[dict[str, Any] | None, NDArray[Any] | None]:
    """What a child left, read as what a stranger left."""
    try:
        with (folder / "answer.json").open("rb") as file:
            answer = json.loads(file.read(_LARGEST_ANSWER))
        path = folder / "scores.npy"
        scores = np.load(path, allow_pickle=False) if path.exists() else None
    except (OSError, ValueError, EOFError, RecursionError):
        return None, None
    return (answer, scores) if isinstance(answer, dict) else (None, None)
