"""What the classifiers with a penalty share: fitting one strength, or many together."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from typing import Any, Self

import pandas as pd
from sklearn.base import clone
from sklearn.utils.validation import check_random_state

from faircore.errors import InputError
from faircore.estimators.base import FairClassifier
from faircore.penalties import find_penalty
from faircore.training import EncodedRows, Trained


class PenalisedClassifier(FairClassifier):
    """A classifier with parameters ``eta`` and ``penalty``; a subclass says how it trains."""

    eta: float
    penalty: str
    validation_fraction: float
    random_state: Any

    @abstractmethod
    def _train(
        self, learn: EncodedRows, judge: EncodedRows, etas: Sequence[float], seed: int
    ) -> Iterator[Trained]:
        """Train one model per eta."""

    def fit(
        self, X: Any, y: Any, *, sensitive_features: Any = None, sample_weight: Any = None
    ) -> Self:
        """Train.

        Parameters
        ----------
        X : array or DataFrame of numbers, shape (n, d)
        y : array, shape (n,)
            Two classes.
        sensitive_features : array, Series or DataFrame, n rows
            One attribute, or one column per attribute. Not needed with ``eta=0``.
        sample_weight : array, shape (n,), optional

        Raises
        ------
        InputError
            When something cannot be used, or training never reached a finite loss.
        """
        return self._fit([self], [self.eta], X, y, sensitive_features, sample_weight)[0]

    def sweep(
        self,
        X: Any,
        y: Any,
        etas: Sequence[float],
        *,
        sensitive_features: Any = None,
        sample_weight: Any = None,
    ) -> list[Self]:
        """Train one classifier per strength, together: far quicker than one after the other.

        Parameters
        ----------
        etas : sequence of float
        X, y, sensitive_features, sample_weight
            As in :meth:`fit`.

        Returns
        -------
        list of classifiers
            Fitted clones, in the order of ``etas``; all held out the same rows.
        """
        made = [clone(self).set_params(eta=eta) for eta in etas]
        return self._fit(made, list(etas), X, y, sensitive_features, sample_weight)

    def _fit(
        self,
        made: list[Self],
        etas: Sequence[float],
        X: Any,
        y: Any,
        sensitive_features: Any,
        sample_weight: Any,
    ) -> list[Self]:
        if not etas or not all(0 <= eta < float("inf") for eta in etas):
            raise InputError(
                f"Every eta must be a number of zero or more, and there must be one; got "
                f"{list(etas)}. Use 0 for plain training."
            )
        find_penalty(self.penalty)
        rows = self._read(X, y, sensitive_features, sample_weight, needs_groups=max(etas) > 0)
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        learn, judge = self._hold_out(rows, self.validation_fraction, seed)
        for one in self._train(learn, judge, [float(eta) for eta in etas], seed):
            if one.failure is not None:
                raise InputError(
                    f"With eta {etas[one.position]:g} training failed: {one.failure}. Lower the "
                    "learning rate or eta, or standardise X."
                )
            made[one.position]._take(self, one)
        return made

    def _take(self, other: Self, one: Trained) -> None:
        self.model_, self.best_epoch_ = one.predictor, one.best_epoch
        self.history_, self.fit_seconds_ = pd.DataFrame(one.history), one.fit_seconds
        for name in ("classes_", "n_features_in_", "feature_names_in_"):
            if hasattr(other, name):
                setattr(self, name, getattr(other, name))
