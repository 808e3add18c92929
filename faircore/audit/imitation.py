"""A stand-in for an existing system that cannot be asked."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from faircore.audit.baseline import make_boosted
from faircore.audit.model_inputs import as_rows, encode, model_inputs, one_core
from faircore.audit.undefined import mean, plain
from faircore.data import Dataset, Encoder
from faircore.errors import InputError
from faircore.metrics.inputs import as_scores

_Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class StandIn:
    """A model that imitates a system which cannot be asked; it holds no row it learned from.

    Attributes
    ----------
    kind : {"decision", "score"}
        What it learned.
    fidelity : float
        Of the rows to judge by, the weighted share whose decision it repeats, in [0, 1].
    majority : float
        The share that always giving the system's more frequent decision repeats, in [0.5, 1].
        Fidelity means something only as far as it is above this.
    r2 : float
        Of scores, the share of their variance it explains on the same rows: at most 1, below 0
        when the mean would do better. NaN for decisions, or scores that are all the same.
    n_learned, n_judged : int
        Rows.
    threshold : float
        Scores of at least this select.
    encoder : Encoder
    estimator : scikit-learn classifier or regressor
    """

    kind: str
    fidelity: float
    majority: float
    r2: float
    n_learned: int
    n_judged: int
    threshold: float
    encoder: Encoder
    estimator: Any

    def score(self, features: pd.DataFrame, sensitive: pd.DataFrame) -> _Floats:
        """Score (n,), in [0, 1], the system is believed to give.

        For decisions it is the probability of the good one. It can be given to
        :func:`faircore.audit.flips.switch_test`.
        """
        return _imitate(self.kind, self.encoder, self.estimator, features, sensitive)

    def to_dict(self) -> dict[str, Any]:
        """Plain data that JSON can hold, without the model; None where undefined."""
        names = ("kind", "fidelity", "majority", "r2", "n_learned", "n_judged", "threshold")
        return {name: plain(getattr(self, name)) for name in names}


def stand_in(
    dataset: Dataset, learn: Any, judge: Any, *, outcome: Any, threshold: float = 0.5, seed: int = 0
) -> StandIn:
    """Imitate an existing system from what it did, so that switches can be tried on the imitation.

    A switch in a stand-in shows an association that the stand-in found between the attribute and
    the system's answers, features being equal. It does not prove that the system looks at the
    attribute: the attribute may stand for something the system sees and the table lacks. Nor does
    the lack of a flip clear the system: features that go with the attribute stay as they are, and
    the stand-in may have used them in the attribute's place.

    Parameters
    ----------
    dataset : Dataset
        Features and sensitive attributes are both inputs; weights are used throughout.
    learn, judge : array of int
        Row numbers to learn from and to measure fidelity on; no row may be in both.
    outcome : array, shape (n,)
        For every row of the dataset, the system's decision (0 or 1) or score (in [0, 1]). It
        counts as decisions when it holds nothing but 0 and 1.
    threshold : float
        From which score the system selects; for decisions, from which probability the stand-in
        does.
    seed : int

    Returns
    -------
    StandIn

    Raises
    ------
    InputError
        When rows are wrong or in both parts, values lie outside [0, 1], or all decisions to learn
        from are the same.
    """
    parts = [as_rows(rows, n_rows=dataset.n_rows) for rows in (learn, judge)]
    both = np.intersect1d(parts[0], parts[1])
    answers = as_scores(outcome, name="outcome")
    if len(both) or len(answers) != dataset.n_rows:
        raise InputError(
            f"A stand-in is judged on rows it did not learn from, and outcome has a value for each "
            f"row; {len(both):,} rows are in both parts, and outcome has {len(answers):,} values "
            f"for {dataset.n_rows:,} rows. Pass disjoint parts of one table."
        )
    kind = "decision" if np.isin(answers, (0, 1)).all() else "score"
    rows = parts[0]
    if kind == "decision" and len(np.unique(answers[rows][dataset.weights[rows] > 0])) < 2:
        raise InputError(
            f"A stand-in learns from both decisions, and the {len(rows):,} rows to learn from hold "
            "one. Give it more rows."
        )
    inputs = model_inputs(dataset.features.iloc[rows], dataset.sensitive.iloc[rows])
    encoder = Encoder.fit(inputs)
    estimator = _learner(kind, seed)
    with one_core():
        estimator.fit(encode(encoder, inputs), answers[rows], sample_weight=dataset.weights[rows])
    judged = parts[1]
    imitated = _imitate(
        kind, encoder, estimator, dataset.features.iloc[judged], dataset.sensitive.iloc[judged]
    )
    measures = _fidelity(
        answers[judged], imitated, dataset.weights[judged], kind=kind, threshold=threshold
    )
    return StandIn(kind, *measures, len(rows), len(judged), threshold, encoder, estimator)


def _learner(kind: str, seed: int) -> Any:
    """Boosted trees for decisions or for scores."""
    if kind == "decision":
        return make_boosted(seed)
    from sklearn.ensemble import HistGradientBoostingRegressor

    return HistGradientBoostingRegressor(max_iter=150, early_stopping=False, random_state=seed)


def _imitate(
    kind: str, encoder: Encoder, estimator: Any, features: pd.DataFrame, sensitive: pd.DataFrame
) -> _Floats:
    """Imitated score (n,)."""
    matrix = encode(encoder, model_inputs(features, sensitive))
    with one_core():
        if kind == "decision":
            return np.asarray(estimator.predict_proba(matrix)[:, 1], dtype=np.float64)
        return np.clip(np.asarray(estimator.predict(matrix), dtype=np.float64), 0, 1)


def _fidelity(
    answers: _Floats, imitated: _Floats, weights: _Floats, *, kind: str, threshold: float
) -> tuple[float, float, float]:
    """Share of equal decisions, that of the majority decision, and R²; NaN where undefined."""
    selected = answers >= (0.5 if kind == "decision" else threshold)
    equal = mean(selected == (imitated >= threshold), weights)
    rate = mean(selected, weights)
    spread = mean((answers - mean(answers, weights)) ** 2, weights)
    r2 = math.nan
    if kind == "score" and answers.min() < answers.max() and spread > 0:
        r2 = 1 - mean((answers - imitated) ** 2, weights) / spread
    return equal, max(rate, 1 - rate), r2
