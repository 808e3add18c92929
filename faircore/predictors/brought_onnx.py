"""An ONNX file: what it may hold, and how it is asked. Used in the worker's process only."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from faircore.predictors.brought_columns import class_text
from faircore.predictors.brought_problem import Problem

_DOMAINS = ("", "ai.onnx", "ai.onnx.ml")
_DEEPEST = 64  # graphs inside graphs

# Where messages of onnx.proto hold others, by the number of the field.
_INSIDE: dict[str, dict[int, str]] = {
    "model": {7: "graph", 25: "function"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "function": {7: "node", 11: "attribute"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
    "tensor": {},
}
_NUMBERS: dict[str, Any] = {
    "tensor(float)": np.float32, "tensor(double)": np.float64, "tensor(int64)": np.int64,
    "tensor(int32)": np.int32, "tensor(bool)": np.bool_,
}  # fmt: skip
_FLOATS = ("tensor(float)", "tensor(double)")


@dataclass
class _Found:
    """What a walk through a file turned up."""

    has_graph: bool = False
    external: bool = False
    operators: set[str] = field(default_factory=set)
    classes: list[Any] = field(default_factory=list)


class OnnxFile:
    """A classifier as an ONNX graph; its parts are looked at before it is loaded.

    Parameters
    ----------
    data : bytes

    Raises
    ------
    Problem
    """

    def __init__(self, data: bytes) -> None:
        import onnxruntime as ort

        self._classes = _look(data).classes
        options = ort.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 4
        options.add_session_config_entry("session.load_model_format", "ONNX")
        try:
            self._session = ort.InferenceSession(data, options, providers=["CPUExecutionProvider"])
        except MemoryError:
            raise
        except Exception:
            raise Problem("damaged") from None
        self._output = self._find_output()

    @staticmethod
    def prepare(data: bytes) -> None:
        """Refuse a file that reaches outside itself, then import what runs the others."""
        _look(data)
        try:
            import onnxruntime  # noqa: F401
        except ImportError:
            raise Problem("tool", "onnxruntime") from None

    def facts(self) -> dict[str, Any]:
        """What the model is and reads."""
        inputs = self._session.get_inputs()
        types = [one.type for one in inputs]
        wide = [_width(one) for one in inputs]
        # A graph of one input (n, 1) may be either; a matrix of one column is one column.
        matrix = len(inputs) == 1 and wide[0] != 1
        fits = types[0] in _FLOATS if matrix else all(w in (None, 1) for w in wide)
        if not inputs or not fits or any(t not in (*_NUMBERS, "tensor(string)") for t in types):
            raise Problem("inputs")
        classes = [class_text(c) for c in self._classes]
        return {
            "kind": "onnx",
            "what": "an ONNX model",
            "named": not matrix,
            "names": None if matrix else [one.name for one in inputs],
            "text": [t == "tensor(string)" for t in types],
            "n_columns": wide[0] if matrix else None,
            "classes": classes,
            "second": self._classes.index(max(self._classes)) if classes else 1,
        }

    def scores(self, rows: pd.DataFrame, task: dict[str, Any]) -> NDArray[np.float64]:
        """Probability of the wanted class, (n,)."""
        inputs = self._session.get_inputs()
        if task["named"]:
            given = {one.name: _column(rows.iloc[:, i], one) for i, one in enumerate(inputs)}
        else:
            given = {inputs[0].name: rows.to_numpy(_NUMBERS[inputs[0].type])}
        (found,) = self._session.run([self._output], given)
        good = int(task["good"])
        if isinstance(found, list):
            return self._of_maps(found, good)
        found = np.asarray(found, np.float64).reshape(len(rows), -1)
        if found.shape[1] == 1:
            return found[:, 0] if good == 1 else 1 - found[:, 0]
        if found.shape[1] != 2:
            raise Problem("classes", str(found.shape[1]))
        return found[:, good]

    def _of_maps(self, found: list[dict[Any, float]], good: int) -> NDArray[np.float64]:
        classes = self._classes or sorted(found[0])
        if len(classes) != 2:
            raise Problem("classes", str(len(classes)))
        return np.array([row[classes[good]] for row in found], np.float64)

    def _find_output(self) -> str:
        outputs = self._session.get_outputs()
        maps = [o for o in outputs if o.type.startswith("seq(map(")]
        floats = [o for o in outputs if o.type in _FLOATS]
        named = [o for o in floats if "prob" in o.name.lower()]
        for some in (maps, floats, named):
            if len(some) == 1:
                name: str = some[0].name
                return name
        raise Problem("outputs")


def _width(one: Any) -> int | None:
    """Columns of an input, None where the file leaves them open."""
    if len(one.shape) == 1:
        return 1
    if len(one.shape) != 2:
        raise Problem("inputs")
    return one.shape[1] if isinstance(one.shape[1], int) else None


def _column(column: pd.Series[Any], one: Any) -> NDArray[Any]:
    """A column in the type an input asks for, (n, 1) or (n,)."""
    if one.type == "tensor(string)":
        # What a missing text is called by pandas and by scikit-learn's converted encoders.
        values = np.array([class_text(v) for v in column.fillna(np.nan)], object)
    else:
        numbers = column.to_numpy(np.float64)
        if one.type not in _FLOATS and not np.isfinite(numbers).all():
            raise Problem("missing")
        values = numbers.astype(_NUMBERS[one.type])
    return values[:, None] if len(one.shape) == 2 else values


def _look(data: bytes) -> _Found:
    """Walk through a file, and refuse what is no model, not whole or of several classes."""
    found = _Found()
    _walk(memoryview(data), "model", found, 0)
    if not found.has_graph:
        raise Problem("kind")
    if found.external:
        raise Problem("external")
    if found.operators:
        raise Problem("operators", *sorted(found.operators))
    if found.classes and len(found.classes) != 2:
        raise Problem("classes", str(len(found.classes)))
    return found


def _walk(data: memoryview, kind: str, found: _Found, depth: int) -> None:
    """Look at every operator and tensor of a message, graphs inside graphs included."""
    if depth > _DEEPEST:
        raise Problem("damaged")
    inside = _INSIDE[kind]
    name, ints, strings, domain, operator = b"", [], [], b"", b""
    for number, value in _fields(data):
        if isinstance(value, memoryview) and number in inside:
            found.has_graph |= kind == "model" and number == 7
            _walk(value, inside[number], found, depth + 1)
        elif kind == "tensor":
            found.external |= number == 13 or (number == 14 and value == 1)
        elif kind == "node":
            operator, domain = (
                _bytes(value) if number == 4 else operator,
                _bytes(value) if number == 7 else domain,
            )
        elif kind == "attribute":
            if number == 1:
                name = _bytes(value)
            elif number == 8:
                ints += _integers(value)
            elif number == 9:
                strings.append(_bytes(value).decode(errors="replace"))
    if kind == "node" and domain.decode(errors="replace") not in _DOMAINS:
        found.operators.add((domain + b"." + operator).decode(errors="replace"))
    if kind == "attribute" and name.startswith(b"classlabels_"):
        found.classes = found.classes or ints or strings


def _fields(data: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Number and value of each field of a protobuf message."""
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        if tag >= 2**32:  # readers cut it to 32 bits, and would see another field
            raise Problem("damaged")
        number, wire = tag >> 3, tag & 7
        if wire == 0:
            value, at = _varint(data, at)
            yield number, value
            continue
        size, at = _varint(data, at) if wire == 2 else ({1: 8, 5: 4}.get(wire, -1), at)
        if number == 0 or size < 0 or at + size > len(data):
            raise Problem("damaged")
        yield number, data[at : at + size]
        at += size


def _varint(data: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    while at < len(data) and shift < 70:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at
    raise Problem("damaged")


def _integers(value: int | memoryview) -> list[int]:
    """Whole numbers of a field, packed or alone."""
    found, at = [value] if isinstance(value, int) else [], 0
    while isinstance(value, memoryview) and at < len(value):
        one, at = _varint(value, at)
        found.append(one)
    return [v - 2**64 if v >= 2**63 else v for v in found]


def _bytes(value: int | memoryview) -> bytes:
    return bytes(value) if isinstance(value, memoryview) else b""
