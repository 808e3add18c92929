"""Trees from a file: whether every step through them ends, inside them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from faircore.predictors.brought_problem import Problem

_FORESTS = ("sklearn.ensemble._forest", "sklearn.ensemble._gb")


def check_trees(model: Any) -> None:
    """Refuse trees whose nodes lead outside the arrays: predicting follows them unchecked.

    Raises
    ------
    Problem
    """
    for part in _parts(model):
        module = type(part).__module__
        if module == "sklearn.tree._classes":
            tree = getattr(part, "tree_", None)
            if tree is not None:
                _check(tree.n_features == part.n_features_in_)
                _check_tree(tree)
        elif module in _FORESTS and hasattr(part, "estimators_"):
            # A forest asks its trees without looking at them.
            for one in np.ravel(np.array(part.estimators_, object)):
                _check(type(one).__module__ == "sklearn.tree._classes")
                _check(one.n_features_in_ == part.n_features_in_)
        elif module.startswith("sklearn.ensemble._hist_gradient_boosting.gradient"):
            for one in (p for some in getattr(part, "_predictors", ()) for p in some):
                _check_predictor(one, part.n_features_in_)


def _check(holds: Any) -> None:
    if not bool(np.all(holds)):
        raise Problem("trees")


def _check_tree(tree: Any) -> None:
    left, right = np.asarray(tree.children_left), np.asarray(tree.children_right)
    feature, at = np.asarray(tree.feature), np.arange(len(left))
    inner = left != -1
    _check(len(left) == tree.node_count > 0)
    for child in (left[inner], right[inner]):
        # Children come after their parents, so no way leads in a circle.
        _check((child > at[inner]) & (child < len(left)))
    _check((feature[inner] >= 0) & (feature[inner] < tree.n_features))


def _check_predictor(predictor: Any, n_features: int) -> None:
    nodes = predictor.nodes
    inner = nodes[nodes["is_leaf"] == 0]
    at = np.flatnonzero(nodes["is_leaf"] == 0)
    _check(len(nodes) > 0)
    for side in ("left", "right"):
        child = inner[side].astype(np.int64)
        _check((child > at) & (child < len(nodes)))
    feature = inner["feature_idx"].astype(np.int64)
    _check((feature >= 0) & (feature < n_features))
    sets = inner[inner["is_categorical"] == 1]["bitset_idx"].astype(np.int64)
    _check(sets < min(len(predictor.raw_left_cat_bitsets), len(predictor.binned_left_cat_bitsets)))


def _parts(model: Any) -> Iterator[Any]:
    """Every object a model is made of."""
    stack, seen = [model], set()
    while stack:
        part = stack.pop()
        if id(part) in seen or isinstance(part, str | bytes | int | float | type):
            continue
        seen.add(id(part))
        yield part
        if isinstance(part, dict):
            stack += part.values()
        elif isinstance(part, list | tuple | set):
            stack += part
        elif isinstance(part, np.ndarray):
            stack += part.ravel().tolist() if part.dtype == object else []
        else:
            stack += vars(part).values() if hasattr(part, "__dict__") else []
