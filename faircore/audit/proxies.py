"""Proxies: how well the features give a sensitive attribute away, and which do."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from faircore.audit.guessing import deal_folds, fitted_guessers, level_aucs, ranks_of
from faircore.audit.model_inputs import as_rows, one_core
from faircore.audit.undefined import plain
from faircore.data import Dataset
from faircore.errors import InputError

PERMUTATIONS, MIN_PEOPLE = 200, 10
TREES, TREES_ALONE, FOLDS_ALONE = 40, 20, 3

_Floats = NDArray[np.float64]
_Codes = NDArray[np.int64]


class ProxyFeature(NamedTuple):
    """A feature that helps to guess an attribute.

    Attributes
    ----------
    name : str
    drop : float
        By how much the macro AUC falls, on rows not learned from, when the feature is shuffled
        among them: what it adds to the other features. Near 0, or a little below, when it adds
        nothing; features that repeat each other share what they add.
    alone : float
        Macro AUC of a guess from this feature alone, in [0, 1].
    """

    name: str
    drop: float
    alone: float


@dataclass(frozen=True)
class AttributeProxies:
    """How well the features give one attribute away.

    Attributes
    ----------
    attribute : str
    auc : float
        Mean of ``by_level``: 0.5 for a guess without any knowledge, 1 for a certain one.
    by_level : dict of str to float
        For each level, the area under the ROC curve of guessing who has it.
    chance_mean, chance_high : float
        Mean and 95th percentile of ``auc`` when the levels are shuffled against the guesses.
    p_value : float
        Share of shuffles, and the data themselves, with an ``auc`` at least as high.
    features : tuple of ProxyFeature
        Those with the largest drop first.
    n_people, n_missing, n_rare : int
        Rows used; rows left out since the value is missing; and since its level is rare.
    levels_left_out : tuple of str
        Those too rare.
    reason : str, optional
        Why nothing could be measured; every number above is then NaN.
    """

    attribute: str
    auc: float
    by_level: dict[str, float]
    chance_mean: float
    chance_high: float
    p_value: float
    features: tuple[ProxyFeature, ...]
    n_people: int
    n_missing: int
    n_rare: int
    levels_left_out: tuple[str, ...]
    reason: str | None = None


@dataclass(frozen=True, eq=False)
class ProxyReport:
    """How well the features give each attribute away.

    Attributes
    ----------
    attributes : tuple of AttributeProxies
    n_sampled, n_rows : int
        Rows looked at, of the rows given.
    folds : int
    """

    attributes: tuple[AttributeProxies, ...]
    n_sampled: int
    n_rows: int
    folds: int

    def to_frame(self) -> pd.DataFrame:
        """One row per attribute and feature named, indexed by both: ``drop`` and ``alone``."""
        index = pd.MultiIndex.from_tuples(
            [(a.attribute, f.name) for a in self.attributes for f in a.features],
            names=["attribute", "feature"],
        )
        values = [(f.drop, f.alone) for a in self.attributes for f in a.features]
        return pd.DataFrame(values, index=index, columns=["drop", "alone"])

    def to_dict(self) -> dict[str, Any]:
        """Plain data that JSON can hold; None where undefined, and a dict for each feature."""
        stored: dict[str, Any] = plain(asdict(self))
        for written, found in zip(stored["attributes"], self.attributes, strict=True):
            written["features"] = [plain(feature._asdict()) for feature in found.features]
        return stored


def find_proxies(
    dataset: Dataset,
    rows: Any,
    *,
    folds: int = 5,
    max_people: int = 20_000,
    top: int = 5,
    seed: int = 0,
) -> ProxyReport:
    """Guess each sensitive attribute from the features, by boosted trees, and see what was used.

    The trees that guess for a person learned from no row of that person. Weights are not used: the
    question is what can be read off a record.

    Parameters
    ----------
    dataset : Dataset
    rows : array of int, shape (m,)
        Row numbers to look at.
    folds : int
        At least 2.
    max_people : int
        A random sample of this many rows stands for more.
    top : int
        Features to name for each attribute.
    seed : int

    Returns
    -------
    ProxyReport
        Levels of fewer than ``2 * folds`` people, or of fewer than 10, are left out and named. An
        attribute with fewer than two others is undefined.

    Raises
    ------
    InputError
        When row numbers or the number of folds are wrong.

    Notes
    -----
    The shuffles take rows as independent. Where people have several rows, the p-value is too
    small.

    References
    ----------
    Feldman, Friedler, Moeller, Scheidegger and Venkatasubramanian, "Certifying and Removing
    Disparate Impact", KDD 2015, for predictability of the attribute; Breiman, "Random Forests",
    2001, for shuffling; Hand and Till 2001 for means of AUCs, here of one level against the rest.
    """
    chosen = as_rows(rows, n_rows=dataset.n_rows)
    if folds < 2:
        raise InputError(f"Guesses need at least 2 folds, and folds is {folds}. Raise it.")
    used = chosen
    if len(chosen) > max_people:
        used = np.sort(np.random.default_rng(seed).choice(chosen, max_people, replace=False))
    with one_core():
        found = [
            _attribute(dataset, used, a, folds=folds, top=top, rng=np.random.default_rng([seed, k]))
            for k, a in enumerate(dataset.levels)
        ]
    return ProxyReport(tuple(found), len(used), len(chosen), folds)


def _attribute(
    dataset: Dataset, rows: _Codes, name: str, *, folds: int, top: int, rng: np.random.Generator
) -> AttributeProxies:
    """Everything about one attribute."""
    column = dataset.sensitive[name].iloc[rows]
    person = rows if dataset.entity is None else dataset.entity[rows]
    people = {
        level: len(np.unique(person[column.isin([level]).to_numpy()]))
        for level in dataset.levels[name]
    }
    least = max(2 * folds, MIN_PEOPLE)
    kept = [level for level, n in people.items() if n >= least]
    known = column.isin(kept).to_numpy()
    n_missing = int(column.isna().sum())
    empty = AttributeProxies(
        name, *(math.nan, {}, math.nan, math.nan, math.nan), (), int(known.sum()), n_missing,
        int((~known).sum()) - n_missing, tuple(level for level in people if level not in kept),
    )  # fmt: skip
    if len(kept) < 2:
        found = "one level has" if kept else "no level has"
        return replace(
            empty, reason=f"Guessing needs two levels of at least {least} people, and {found} them."
        )
    codes = pd.Categorical(column[known], categories=kept).codes.astype(np.int64)
    features = dataset.features.iloc[rows[known]]
    fold = deal_folds(codes, person[known], folds=folds, rng=rng)
    guesses, drops = _guess(features, codes, fold, rng)
    ranks = ranks_of(guesses)
    aucs = level_aucs(ranks, codes)
    chance = [level_aucs(ranks, rng.permutation(codes)).mean() for _ in range(PERMUTATIONS)]
    auc = float(aucs.mean())
    return replace(
        empty, auc=auc, by_level=dict(zip(kept, aucs.tolist(), strict=True)),
        chance_mean=float(np.mean(chance)), chance_high=float(np.quantile(chance, 0.95)),
        p_value=(1 + int(np.sum(np.array(chance) >= auc))) / (1 + PERMUTATIONS),
        features=tuple(
            ProxyFeature(
                str(features.columns[i]), float(drops[i]),
                _alone(features.iloc[:, [i]], codes, person[known], rng),
            )
            for i in np.argsort(-drops, kind="stable")[:top]
        ),
    )  # fmt: skip


def _guess(
    features: pd.DataFrame, codes: _Codes, fold: _Codes, rng: np.random.Generator
) -> tuple[_Floats, _Floats]:
    """Guesses (n, levels), and for each feature (d,) the mean drop over the folds."""
    guesses, drops = np.zeros((len(codes), int(codes.max()) + 1)), []
    for held, guesser in fitted_guessers(features, codes, fold=fold, trees=TREES, rng=rng):
        coded = guesser.code(features.iloc[held])
        guesses[held] = guesser.guess(coded)
        whole = level_aucs(ranks_of(guesses[held]), codes[held])
        of_feature = []
        for i in range(features.shape[1]):
            shuffled = guesser.guess(guesser.shuffled(coded, i, rng))
            of_feature.append(np.nanmean(whole - level_aucs(ranks_of(shuffled), codes[held])))
        drops.append(of_feature)
    return guesses, np.mean(drops, axis=0)


def _alone(feature: pd.DataFrame, codes: _Codes, person: _Codes, rng: np.random.Generator) -> float:
    """Macro AUC of guesses from one column (n, 1)."""
    guesses = np.zeros((len(codes), int(codes.max()) + 1))
    fold = deal_folds(codes, person, folds=FOLDS_ALONE, rng=rng)
    for held, guesser in fitted_guessers(feature, codes, fold=fold, trees=TREES_ALONE, rng=rng):
        guesses[held] = guesser.guess(guesser.code(feature.iloc[held]))
    return float(level_aucs(ranks_of(guesses), codes).mean())
