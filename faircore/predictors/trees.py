"""Boosted trees as plain arrays: predicting needs NumPy alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from faircore.errors import InputError
from faircore.predictors.encoded import ReadsEncoded

_CHUNK = 16_384  # rows predicted at once: their columns stay in cache
_AS_ZERO, _WITH_ZERO, _ALONE = 0, 1, 2  # what becomes of a missing value at a node
_LEFT = 4  # added where it goes left
_HUGE = float(np.finfo(np.float32).max)  # for infinity: a split of missing values from others
_TINY = np.float32(1e-35)  # LightGBM takes what is no further from zero for zero

_OBJECTIVES = ("binary", "cross_entropy", "custom")

_DTYPES: dict[str, Any] = {
    "root": np.int32,
    "feature": np.int32,
    "threshold": np.float64,
    "left": np.int32,
    "right": np.int32,
    "missing": np.uint8,
    "leaf": np.float64,
    "base": np.float64,
    "n_features": np.int64,
}


@dataclass(frozen=True, eq=False)
class Trees(ReadsEncoded):
    """Binary trees whose leaves add up to the log-odds of the good outcome.

    The nodes of all trees are numbered in one sequence, and so are the leaves. A child is a node's
    number, which is larger than its parent's, or ``-1 - i`` for leaf i.

    Attributes
    ----------
    root : ndarray of int32, shape (trees,)
        Where each tree starts: a node, or ``-1 - i`` where the tree is one leaf.
    feature, left, right : ndarray of int32, shape (nodes,)
        Column a node looks at, and its children.
    threshold : ndarray of float64, shape (nodes,)
        Values up to it go left.
    missing : ndarray of uint8, shape (nodes,)
        0: a missing value counts as 0. 1: it goes its own way, and so does 0. 2: it alone goes
        its own way. That way is left with 4 added, else right.
    leaf : ndarray of float64, shape (leaves,)
    base : float
        Log-odds before any tree.
    n_features : int
        Encoded columns it expects.
    """

    root: NDArray[np.int32]
    feature: NDArray[np.int32]
    threshold: NDArray[np.float64]
    left: NDArray[np.int32]
    right: NDArray[np.int32]
    missing: NDArray[np.uint8]
    leaf: NDArray[np.float64]
    base: float
    n_features: int

    @property
    def n_trees(self) -> int:
        """Number of trees."""
        return len(self.root)

    @property
    def shape_text(self) -> str:
        """Its shape in words, such as ``200 trees``."""
        return "1 tree" if self.n_trees == 1 else f"{self.n_trees} trees"

    def predict_proba(self, X: NDArray[np.floating]) -> NDArray[np.float64]:
        """Probability of the good outcome, (n, d) to (n,)."""
        # tanh keeps the sigmoid from overflowing on either side.
        probability: NDArray[np.float64] = 0.5 * (1.0 + np.tanh(0.5 * self.raw_scores(X)))
        return probability

    def raw_scores(self, X: NDArray[np.floating]) -> NDArray[np.float64]:
        """Log-odds of the good outcome, (n, d) to (n,), as LightGBM has them; NaN is missing."""
        if X.ndim != 2 or X.shape[1] != self.n_features:
            raise InputError(
                f"The model expects {self.n_features} encoded columns; got an array of shape "
                f"{X.shape}. Encode the rows with the encoder the model was trained with."
            )
        single = X.dtype == np.float32
        scores = np.full(len(X), self.base)
        for start in range(0, len(X), _CHUNK):
            chunk = X[start : start + _CHUNK].T
            columns = np.array(chunk, np.float32 if single else np.float64, order="C")
            columns[np.abs(columns) <= _TINY] = 0
            # Comparing in single precision is exact once thresholds are rounded down to it.
            self._add(columns, self._single if single else self.threshold, scores[start:])
        return scores

    def _add(
        self, columns: NDArray[Any], threshold: NDArray[Any], scores: NDArray[np.float64]
    ) -> None:
        """Add every tree to the scores of rows whose columns are (d, n)."""
        n = columns.shape[1]
        everybody = np.arange(n)
        gaps = np.isnan(columns).any(axis=1).tolist()
        feature, left, right, missing, leaf = self._plain
        for root in self.root.tolist():
            todo = [(root, everybody)]
            while todo:
                node, rows = todo.pop()
                if node < 0:
                    scores[rows] += leaf[-1 - node]
                    continue
                values = columns[feature[node]]
                if len(rows) < n:
                    values = values.take(rows)
                goes_left = values <= threshold[node]
                rule = missing[node]
                if gaps[feature[node]] or rule & 3 == _WITH_ZERO:
                    goes_left = _with_missing(values, goes_left, rule, threshold[node])
                for child, taken in ((left[node], goes_left), (right[node], ~goes_left)):
                    inside = rows[taken]
                    if len(inside):
                        todo.append((child, inside))

    @cached_property
    def _plain(self) -> tuple[list[int], list[int], list[int], list[int], list[float]]:
        """Lists: reading one entry of an array costs as much as a comparison of 500 rows."""
        arrays = (self.feature, self.left, self.right, self.missing, self.leaf)
        return tuple(a.tolist() for a in arrays)

    @cached_property
    def _single(self) -> NDArray[np.float32]:
        """Largest float32 that is no larger than each threshold, (nodes,)."""
        with np.errstate(over="ignore"):
            near = self.threshold.astype(np.float32)
        above = near.astype(np.float64) > self.threshold
        return np.where(above, np.nextafter(near, np.float32(-np.inf)), near)

    @classmethod
    def constant(cls, base: float, n_features: int) -> Trees:
        """No tree: the same log-odds for every row."""
        return _joined([], base, n_features)

    def followed_by(self, more: Trees) -> Trees:
        """Add the trees and the base of another model of the same columns."""
        return _joined([self, more], self.base + more.base, self.n_features)

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Named arrays, for safetensors."""
        return {
            f"tree.{name}": np.ascontiguousarray(np.atleast_1d(getattr(self, name)), dtype)
            for name, dtype in _DTYPES.items()
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Trees:
        """Read what :meth:`to_arrays` wrote.

        Raises
        ------
        InputError
            When the arrays are not those of trees: predicting could crash, or never end.
        """
        columns: dict[str, Any] = {}
        for name, dtype in _DTYPES.items():
            found = columns[name] = np.asarray(arrays.get(f"tree.{name}"))
            several = name in ("base", "n_features") and len(found.ravel()) != 1
            if found.dtype != dtype or found.ndim != 1 or several:
                raise _damaged(f"tree.{name} is missing, or of another shape or type")
        base, n_features = float(columns.pop("base")[0]), int(columns.pop("n_features")[0])
        trees = cls(**columns, base=base, n_features=n_features)
        trees._check()
        return trees

    def _check(self) -> None:
        nodes = len(self.feature)
        below = np.concatenate([self.left, self.right])
        if {len(self.threshold), len(self.left), len(self.right), len(self.missing)} != {nodes}:
            raise _damaged("the columns of the nodes differ in length")
        # Each node and leaf hangs in one place, below a node with a smaller number: no cycles.
        places = np.sort(np.concatenate([self.root, below]))
        if not np.array_equal(places, np.arange(-len(self.leaf), nodes)):
            raise _damaged("a node or leaf does not hang in exactly one place")
        if ((below >= 0) & (below <= np.tile(np.arange(nodes), 2))).any():
            raise _damaged("a node hangs below itself")
        if ((self.feature < 0) | (self.feature >= self.n_features)).any():
            raise _damaged("a node looks at a column there is not")
        if (self.missing & ~np.uint8(_LEFT) > _ALONE).any():
            raise _damaged("a node's rule for missing values is unknown")
        if not all(np.isfinite(a).all() for a in (self.threshold, self.leaf, self.base)):
            raise _damaged("a threshold or a leaf is not a number")

    @classmethod
    def from_booster(
        cls, booster: Any, base_score: float = 0.0, best_iteration: int | None = None
    ) -> Trees:
        """Copy a model of LightGBM.

        Parameters
        ----------
        booster : lightgbm.Booster
            Of a binary outcome, with numeric splits; others raise InputError.
        base_score : float
            Log-odds the trees were added to, if they are not in the trees.
        best_iteration : int, optional
            Trees to keep; by default those LightGBM predicts with.
        """
        text = booster.model_to_string(num_iteration=None if best_iteration is None else -1)
        head, *parts = text.split("\nend of trees")[0].split("\nTree=")
        settings = dict(_settings(head))
        scale = _scale(settings, len(parts))
        n_features = int(settings["max_feature_idx"]) + 1
        kept = parts if best_iteration is None else parts[:best_iteration]
        trees = [_tree(dict(_settings(part)), scale, n_features) for part in kept]
        return _joined(trees, float(base_score), n_features)


def _with_missing(
    values: NDArray[Any], goes_left: NDArray[np.bool_], rule: int, threshold: Any
) -> NDArray[np.bool_]:
    """Send missing values where a node's rule says."""
    unknown = np.isnan(values)
    if rule & 3 != _ALONE:
        goes_left = np.where(unknown, threshold >= 0, goes_left)
    if rule & 3 == _WITH_ZERO:
        unknown |= values == 0
    return goes_left if rule & 3 == _AS_ZERO else np.where(unknown, bool(rule & _LEFT), goes_left)


def _joined(parts: Sequence[Trees], base: float, n_features: int) -> Trees:
    """One model of the trees of several; their own bases are left out."""
    nodes = np.cumsum([0, *(len(p.feature) for p in parts)])
    leaves = np.cumsum([0, *(len(p.leaf) for p in parts)])

    def column(name: str) -> NDArray[Any]:
        found = [getattr(p, name) for p in parts]
        if name in ("root", "left", "right"):
            found = [np.where(c < 0, c - leaves[i], c + nodes[i]) for i, c in enumerate(found)]
        return np.concatenate([np.empty(0), *found]).astype(_DTYPES[name])

    names = [name for name in _DTYPES if name not in ("base", "n_features")]
    return Trees(**{name: column(name) for name in names}, base=base, n_features=n_features)


def _settings(text: str) -> Iterator[tuple[str, str]]:
    """Lines ``name=value`` of LightGBM's text."""
    for line in text.splitlines():
        name, _, value = line.partition("=")
        yield name, value


def _scale(settings: Mapping[str, str], n_trees: int) -> float:
    """What leaves are multiplied by to be log-odds; refuses a model that is not of log-odds."""
    objective = settings.get("objective", "custom").split(" ")
    if settings.get("num_tree_per_iteration") != "1" or objective[0] not in _OBJECTIVES:
        raise InputError(
            "Only a LightGBM model of a binary outcome can be read; this one has the objective "
            f"{objective[0]} and {settings.get('num_tree_per_iteration')} trees per round. Train "
            "it with the objective binary."
        )
    steepness = [float(o.removeprefix("sigmoid:")) for o in objective if o.startswith("sigmoid:")]
    mean = 1.0 / max(n_trees, 1) if "average_output" in settings else 1.0  # a random forest
    return mean * (steepness[0] if steepness else 1.0)


def _tree(settings: Mapping[str, str], scale: float, n_features: int) -> Trees:
    """One tree of LightGBM's text, whose numbering of children is ours."""
    if settings.get("num_cat", "0") != "0" or settings.get("is_linear", "0") != "0":
        raise InputError(
            "Only trees with numeric splits and constant leaves can be read; this model has "
            "categorical splits or linear leaves. Encode the categories as numbers and train again."
        )

    def column(name: str, dtype: Any) -> NDArray[Any]:
        return np.array(settings.get(name, "").split(), dtype)

    kind = column("decision_type", np.uint8)  # bits: categorical, missing goes left, rule (two)
    one_leaf = settings["num_leaves"] == "1"
    return Trees(
        root=np.array([-1 if one_leaf else 0], np.int32),
        feature=column("split_feature", np.int32),
        threshold=np.clip(column("threshold", np.float64), -_HUGE, _HUGE),
        left=column("left_child", np.int32),
        right=column("right_child", np.int32),
        missing=(kind >> 2 & 3) + _LEFT * (kind >> 1 & 1),
        leaf=column("leaf_value", np.float64) * scale,
        base=0.0,
        n_features=n_features,
    )


def _damaged(reason: str) -> InputError:
    return InputError(f"These are not the arrays of boosted trees: {reason}. Save the model again.")
