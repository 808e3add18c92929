"""A skops file: what it may hold, and how it is asked. Used in the worker's process only."""

from __future__ import annotations

import importlib
import io
import json
import zipfile
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from faircore.predictors.brought_columns import class_text
from faircore.predictors.brought_problem import Problem
from faircore.predictors.brought_trees import check_trees

_UNPACKED, _PARTS = 2**30, 100_000

# Gate one: every class a file names. Nearest neighbours and kernel machines are left out, since
# they keep the rows they learned from.
_PACKAGES = (
    "sklearn._loss.", "sklearn.calibration.", "sklearn.compose.", "sklearn.decomposition._pca.",
    "sklearn.decomposition._truncated_svd.", "sklearn.discriminant_analysis.", "sklearn.dummy.",
    "sklearn.ensemble.", "sklearn.feature_selection.", "sklearn.frozen.", "sklearn.impute._base.",
    "sklearn.isotonic.", "sklearn.linear_model.", "sklearn.model_selection._classification",
    "sklearn.model_selection._search", "sklearn.model_selection._split.", "sklearn.naive_bayes.",
    "sklearn.neural_network.", "sklearn.pipeline.", "sklearn.preprocessing.", "sklearn.tree.",
    "numpy.dtypes.",
)  # fmt: skip
_TYPES = frozenset({
    *(f"builtins.{t}" for t in (
        "bool", "bytearray", "bytes", "dict", "float", "int", "list", "set", "slice", "str",
        "tuple", "NoneType",
    )),
    *(f"numpy.{t}" for t in (
        "bool", "bool_", "dtype", "float16", "float32", "float64", "int8", "int16", "int32",
        "int64", "intc", "ndarray", "object_", "str_", "uint8", "uint16", "uint32", "uint64",
        "longlong", "ulonglong", "ma.MaskedArray", "random._generator.Generator",
        "random.mtrand.RandomState", "abs", "absolute", "cbrt", "exp", "expm1", "log", "log10",
        "log1p", "log2", "sqrt", "square",
    )),
    "collections.OrderedDict", "collections.defaultdict", "functools.partial",
    "scipy.sparse._csr.csr_matrix", "scipy.sparse._csr.csr_array", "scipy.special.expit",
    "scipy.special._ufuncs.expit", "scipy.special._ufuncs.logit",
    "sklearn.metrics._scorer._PassthroughScorer", "sklearn.svm._classes.LinearSVC",
    "sklearn.utils._bunch.Bunch", "sklearn.utils.validation.check_array",
    "lightgbm.basic.Booster", "lightgbm.sklearn.LGBMClassifier",
    "xgboost.core.Booster", "xgboost.sklearn.XGBClassifier",
})  # fmt: skip

# Gate two: what skops itself does not trust, and is looked at here (trees), holds plain data, or
# is read by a library of its own.
_TRUSTED = frozenset({
    "collections.OrderedDict", "functools.partial", "numpy.dtype",
    "sklearn.calibration._CalibratedClassifier", "sklearn.calibration._SigmoidCalibration",
    "sklearn.compose._column_transformer._RemainderColsList",
    "sklearn.compose._column_transformer.make_column_selector",  # asked while fitting alone
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.metrics._scorer._PassthroughScorer",
    "sklearn.model_selection._split.KFold", "sklearn.model_selection._split.StratifiedKFold",
    "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
    "sklearn.neural_network._stochastic_optimizers.SGDOptimizer",
    "sklearn.tree._tree.Tree", "sklearn.utils._bunch.Bunch", "sklearn.utils.validation.check_array",
    "lightgbm.basic.Booster", "lightgbm.sklearn.LGBMClassifier",
    "xgboost.core.Booster", "xgboost.sklearn.XGBClassifier",
})  # fmt: skip
_MAKERS = {"lightgbm": "a LightGBM", "xgboost": "an XGBoost"}


class SkopsFile:
    """A fitted classifier; :meth:`prepare` comes first and looks at the types in its file.

    Parameters
    ----------
    data : bytes

    Raises
    ------
    Problem
    """

    def __init__(self, data: bytes) -> None:
        from skops.io import get_untrusted_types, loads
        from skops.io.exceptions import UntrustedTypesFoundException

        try:
            unusual = set(get_untrusted_types(data=data))
            if unusual - _TRUSTED:
                raise Problem("types", *sorted(unusual - _TRUSTED))
            self._model = loads(data, trusted=sorted(unusual))
        except UntrustedTypesFoundException:
            raise Problem("types") from None
        except (Problem, MemoryError):
            raise
        except Exception:
            raise Problem("damaged") from None
        check_trees(self._model)

    @staticmethod
    def prepare(data: bytes) -> None:
        """Refuse what names a type of no list, then import what the others need.

        Importing is free to do what a model is not.
        """
        makers = {t.split(".")[0] for t in _check_types(data)} & set(_MAKERS)
        for module in ("skops.io", *sorted(makers)):
            try:
                importlib.import_module(module)
            except (ImportError, OSError):
                raise Problem("tool", module.split(".")[0]) from None

    def facts(self) -> dict[str, Any]:
        """What the model is and reads."""
        from sklearn.base import is_classifier

        model = self._model
        if not is_classifier(model) or not hasattr(model, "predict_proba"):
            raise Problem("classifier")
        classes = getattr(model, "classes_", None)
        if classes is None:
            raise Problem("fitted")
        if len(classes) != 2:
            raise Problem("classes", str(len(classes)))
        names = _names(model)
        count = getattr(model, "n_features_in_", None)
        maker = _MAKERS.get(type(model).__module__.split(".")[0], "a scikit-learn")
        return {
            "kind": "skops",
            "what": f"{maker} {type(model).__name__} from a skops file",
            "named": names is not None,
            "names": names,
            "text": [None] * len(names or ()),
            "n_columns": None if count is None else int(count),
            "classes": [class_text(c) for c in classes],
            "second": 1,
        }

    def scores(self, rows: pd.DataFrame, task: dict[str, Any]) -> NDArray[np.float64]:
        """Probability of the wanted class, (n,)."""
        X: Any = rows if task["named"] else rows.to_numpy(np.float64)
        found = np.asarray(self._model.predict_proba(X), np.float64)
        if found.ndim != 2 or found.shape[1] != 2:
            raise Problem("classes", str(found.shape[-1]))
        good: NDArray[np.float64] = found[:, int(task["good"])]
        return good


def _names(model: Any) -> list[str] | None:
    """Names of the columns it was fitted on, if it was told them."""
    names = getattr(model, "feature_names_in_", None)
    if names is None:
        return None
    found = [str(n) for n in names]
    # What LightGBM calls columns that have no names.
    return None if found == [f"Column_{i}" for i in range(len(found))] else found


def _check_types(data: bytes) -> set[str]:
    """Gate one, before anything is made of the file: the types it names."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            parts = archive.infolist()
            if len(parts) > _PARTS or sum(part.file_size for part in parts) > _UNPACKED:
                raise Problem("bomb")
            if "schema.json" not in archive.namelist():
                raise Problem("kind")
            schema = json.loads(archive.read("schema.json"))
    except (Problem, MemoryError):
        raise
    except Exception:
        raise Problem("damaged") from None
    named = set(_types(schema))
    unknown = {t for t in named if t not in _TYPES and not t.startswith(_PACKAGES)}
    if unknown:
        raise Problem("types", *sorted(unknown))
    return named


def _types(schema: Any) -> Iterator[str]:
    """Full name of every class and function that a schema names."""
    stack = [schema]
    while stack:
        node = stack.pop()
        if isinstance(node, dict):
            if node.get("__loader__") != "CachedNode" and ("__class__" in node):
                yield f"{node.get('__module__')}.{node['__class__']}"
            stack += node.values()
        elif isinstance(node, list):
            stack += node
