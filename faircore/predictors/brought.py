"""A model somebody brings as a file, run in a process of its own and never unpickled."""

from __future__ import annotations

import hashlib
import json
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from faircore.errors import InputError
from faircore.predictors.brought_columns import (
    checked_scores,
    find_good,
    find_reads,
    numbers,
    texts,
)
from faircore.predictors.brought_process import TIME_LIMIT, run_brought
from faircore.predictors.inputs import Inputs

MAX_BYTES = 256 * 2**20
"""Size of the largest file that is read."""

_SCORES_KEPT = 16  # of the last rows scored: a process is started for others only


@dataclass(frozen=True)
class BroughtFacts:
    """What was found out about a file when it was first read.

    Attributes
    ----------
    name : str
        What its owner calls it.
    kind : {"skops", "onnx"}
    what : str
        What it is in words.
    reads : tuple of str
        Raw columns it is given, in its own order.
    numeric, attributes : tuple of str
        Those of them that are numbers; those that are sensitive attributes.
    named : bool
        Whether it is given columns by name or one matrix of numbers.
    classes : tuple of str
        Its two classes, in its own order; empty where the file does not tell.
    good : int
        Which of the two is the good outcome, 0 or 1.
    """

    name: str
    kind: str
    what: str
    reads: tuple[str, ...]
    numeric: tuple[str, ...]
    attributes: tuple[str, ...]
    named: bool
    classes: tuple[str, ...]
    good: int


@dataclass(frozen=True, eq=False)
class BroughtModel:
    """A model from a skops or an ONNX file.

    The file is looked into and run in a child process: without network where the system allows,
    with a cap on memory and time, one thread, and nothing is ever unpickled. A skops file may hold
    scikit-learn's classifiers and transformers, LightGBM's and XGBoost's classifiers; types on no
    fixed list of ours are refused, and so are models that keep rows they learned from (nearest
    neighbours, kernel machines). An ONNX file may use the standard operators, all inside the file.

    Attributes
    ----------
    file : ndarray of uint8, shape (bytes,)
        The file itself.
    facts : BroughtFacts
    """

    file: NDArray[np.uint8]
    facts: BroughtFacts
    n_features: ClassVar[None] = None

    @classmethod
    def read(
        cls,
        data: bytes,
        *,
        columns: Sequence[str],
        numeric: Sequence[str],
        attributes: Sequence[str] = (),
        positive: Any = None,
        name: str = "model",
        seconds: float = TIME_LIMIT,
    ) -> BroughtModel:
        """Look into a file and find out what it reads.

        Parameters
        ----------
        data : bytes
            A skops or an ONNX file of at most 256 MiB, of a fitted classifier of two classes.
        columns : sequence of str
            Raw columns there are: features and sensitive attributes.
        numeric : sequence of str
            Those of them that hold numbers; the others hold text.
        attributes : sequence of str
            Those of them that are sensitive attributes and not features.
        positive : optional
            Class that is the good outcome; by default the second in sorted order, such as 1 or
            True.
        name : str
            What to call it in messages.
        seconds : float
            Most time it is given.

        Raises
        ------
        InputError
            When the file cannot be read safely, is no classifier of two classes, or needs columns
            there are not.
        """
        if len(data) > MAX_BYTES:
            raise InputError(
                f"A model file may have 256 MiB at most; {name!r} has {len(data) / 2**20:,.0f} "
                "MiB. Save it smaller, for instance with fewer trees."
            )
        found, _ = run_brought(bytes(data), {"do": "look"}, None, name=name, seconds=seconds)
        reads = find_reads(found, columns, numeric, attributes, name)
        of_numbers, told = set(numeric), set(attributes)
        facts = BroughtFacts(
            name=name,
            kind=str(found["kind"]),
            what=str(found["what"]),
            reads=reads,
            numeric=tuple(c for c in reads if c in of_numbers),
            attributes=tuple(c for c in reads if c in told),
            named=bool(found["named"]),
            classes=tuple(str(c) for c in found["classes"]),
            good=find_good(found, positive, name),
        )
        return cls(np.frombuffer(data, np.uint8).copy(), facts)

    @property
    def good_class(self) -> str:
        """Its class that counts as the good outcome."""
        return self.facts.classes[self.facts.good]

    @property
    def described(self) -> str:
        """What it is, with the name of its file."""
        return f"{self.facts.name}, {self.shape_text}"

    @property
    def needs_groups(self) -> tuple[str, ...]:
        """Sensitive attributes among the columns it reads."""
        return self.facts.attributes

    @property
    def shape_text(self) -> str:
        """What it is in words, such as ``a scikit-learn Pipeline from a skops file``."""
        return self.facts.what

    def scores(self, inputs: Inputs, *, seconds: float = TIME_LIMIT) -> NDArray[np.float64]:
        """Probability of the good outcome of each row, (n,) in [0, 1].

        Parameters
        ----------
        inputs : Inputs
            With ``features``, and ``sensitive`` where it reads attributes. The same rows asked for
            again are answered from memory.
        seconds : float
            Most time it is given.

        Raises
        ------
        InputError
            When a column is missing, the model fails on the rows, or an answer is no probability.
        """
        rows, labels = self._rows(inputs)
        if not inputs.n_rows:
            return np.empty(0)
        key = self._digest(rows, labels)
        scores = _RECENT.get(key)
        if scores is None:
            facts = self.facts
            task = {
                "do": "score", "reads": facts.reads, "named": facts.named, "labels": labels,
                "good": facts.good,
            }  # fmt: skip
            _, found = run_brought(
                self.file.tobytes(), task, rows, name=facts.name, seconds=seconds
            )
            scores = checked_scores(found, inputs.n_rows, facts.name)
            _RECENT.put(key, scores)
        return scores.copy()

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Named arrays, for safetensors: the file as it came, and what was found out about it."""
        facts = json.dumps(asdict(self.facts), sort_keys=True, ensure_ascii=False).encode()
        return {
            "brought.file": self.file,
            "brought.facts": np.frombuffer(facts, np.uint8).copy(),
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> BroughtModel:
        """Read what :meth:`to_arrays` wrote; the file is not looked into."""
        raw: dict[str, Any] = json.loads(arrays["brought.facts"].astype(np.uint8).tobytes())
        for name, value in raw.items():
            raw[name] = tuple(value) if isinstance(value, list) else value
        return cls(arrays["brought.file"].astype(np.uint8), BroughtFacts(**raw))

    @cached_property
    def _file_digest(self) -> bytes:
        return hashlib.sha256(self.file.tobytes()).digest()

    def _digest(self, rows: Mapping[str, NDArray[Any]], labels: Mapping[str, list[str]]) -> bytes:
        """Of the model and the rows, to know them again."""
        digest = hashlib.sha256(self._file_digest)
        digest.update(json.dumps([asdict(self.facts), labels]).encode())
        for name, array in rows.items():
            digest.update(f"{name}:{array.dtype}:{len(array)}:".encode())
            digest.update(array.tobytes())
        return digest.digest()

    def _rows(self, inputs: Inputs) -> tuple[dict[str, NDArray[Any]], dict[str, list[str]]]:
        """Columns by their place, and the texts that codes stand for."""
        rows: dict[str, NDArray[Any]] = {}
        labels: dict[str, list[str]] = {}
        told = inputs.attributes(self.needs_groups) if self.needs_groups else None
        for place, column in enumerate(self.facts.reads):
            table = told if column in self.needs_groups else inputs.features
            if table is None or column not in table.columns:
                raise InputError(
                    f"The model {self.facts.name!r} reads the column {column!r}, and the rows have "
                    "none. Add the column."
                )
            if column in self.facts.numeric:
                rows[str(place)] = numbers(table[column], column)
            else:
                rows[str(place)], labels[str(place)] = texts(table[column])
        return rows, labels


class _Recent:
    """The scores of the last rows, by their digest."""

    def __init__(self) -> None:
        self._kept: OrderedDict[bytes, NDArray[np.float64]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: bytes) -> NDArray[np.float64] | None:
        with self._lock:
            found = self._kept.get(key)
            if found is not None:
                self._kept.move_to_end(key)
            return found

    def put(self, key: bytes, scores: NDArray[np.float64]) -> None:
        with self._lock:
            self._kept[key] = scores
            while len(self._kept) > _SCORES_KEPT:
                self._kept.popitem(last=False)

    def clear(self) -> None:
        with self._lock:
            self._kept.clear()


_RECENT = _Recent()
