"""Counterfactual flips: decisions that change when only a sensitive value is switched."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from faircore.audit.undefined import mean, plain
from faircore.data.words import listed
from faircore.errors import InputError
from faircore.metrics.inputs import as_scores, as_weights

Score = Callable[[pd.DataFrame, pd.DataFrame], Any]
_Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Flip:
    """What happens to the people of one value when they are given another.

    Attributes
    ----------
    attribute, from_value, to_value : str
    n : int
        People with ``from_value``; each other number is about them, and NaN without them.
    changed, gained, lost : float
        Weighted shares in [0, 1]: another decision; selected instead of refused; refused instead
        of selected. ``changed`` is the sum of the two others.
    mean_change : float
        Weighted mean of the score after the switch minus before, in [-1, 1].
    """

    attribute: str
    from_value: str
    to_value: str
    n: int
    changed: float
    gained: float
    lost: float
    mean_change: float


@dataclass(frozen=True, eq=False)
class FlipReport:
    """Every switch of every attribute.

    Attributes
    ----------
    pairs : tuple of Flip
        By attribute, then the value switched from, then to; none for an attribute of one level.
    people_affected : dict of str to float
        For each attribute, the weighted share, of people whose value is known, for whom at least
        one switch changes the decision. NaN for fewer than two levels, or nobody.
    left_out : dict of str to int
        For each attribute, rows whose value is missing or not among its levels.
    n_rows : int
    threshold : float
    """

    pairs: tuple[Flip, ...]
    people_affected: dict[str, float]
    left_out: dict[str, int]
    n_rows: int
    threshold: float

    def to_frame(self) -> pd.DataFrame:
        """One row per switch, with the fields of :class:`Flip` as columns."""
        return pd.DataFrame(
            [asdict(pair) for pair in self.pairs], columns=[f.name for f in fields(Flip)]
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain data that JSON can hold; None where undefined."""
        return {
            "threshold": self.threshold,
            "n_rows": self.n_rows,
            "pairs": [plain(asdict(pair)) for pair in self.pairs],
            "people_affected": plain(self.people_affected),
            "left_out": dict(self.left_out),
        }


def switch_test(
    score: Score,
    features: pd.DataFrame,
    sensitive: pd.DataFrame,
    *,
    levels: Mapping[str, Sequence[str]],
    threshold: float = 0.5,
    weights: Any = None,
) -> FlipReport:
    """Switch each person's sensitive value, leave the rest alone, and decide again.

    The test finds direct use of the attribute only. A model that never sees it passes, however
    much the features it sees depend on the attribute; :func:`faircore.audit.proxies.find_proxies`
    looks at that.

    Parameters
    ----------
    score : callable
        ``score(features, sensitive)`` gives each row a number in [0, 1], shape (n,). It must judge
        each row on its own. It is called once, and once more per level.
    features : pandas.DataFrame, shape (n, d)
    sensitive : pandas.DataFrame, shape (n, attributes)
        Missing values are left out of the attribute's results and counted.
    levels : mapping of str to sequence of str
        Values to switch between, for each attribute to test, such as ``Dataset.levels``.
    threshold : float
        A row is selected when its score is at least this.
    weights : array, shape (n,), optional
        Zero or more; every share and mean is weighted by them.

    Returns
    -------
    FlipReport

    Raises
    ------
    InputError
        When an attribute is absent, the numbers of rows differ, or a score is no probability.

    References
    ----------
    Galhotra, Brun and Meliou, "Fairness Testing: Testing Software for Discrimination", ESEC/FSE
    2017: ``people_affected`` is its causal discrimination, over the people given.

    Examples
    --------
    >>> people = pd.DataFrame({"sex": ["f", "f", "m"]})
    >>> men_first = lambda features, sensitive: 0.9 * (sensitive["sex"] == "m")
    >>> report = switch_test(men_first, people[[]], people, levels={"sex": ("f", "m")})
    >>> [(p.from_value, p.to_value, p.gained, p.lost) for p in report.pairs]
    [('f', 'm', 1.0, 0.0), ('m', 'f', 0.0, 1.0)]
    """
    absent = [name for name in levels if name not in sensitive.columns]
    if absent:
        raise InputError(
            f"sensitive must have a column for each attribute to switch, and {listed(absent)} is "
            "absent. Add it, or leave it out of levels."
        )
    if len(features) != len(sensitive):
        raise InputError(
            f"features and sensitive must have one row per person; they have {len(features):,} "
            f"and {len(sensitive):,}. Pass rows of the same table."
        )
    given = as_weights(weights, n_rows=len(sensitive))
    weight = np.ones(len(sensitive)) if given is None else given
    before = _scores(score, features, sensitive)
    pairs: list[Flip] = []
    affected, left_out = {}, {}
    for name, values in levels.items():
        known = sensitive[name].isin(list(values)).to_numpy()
        # Every known row gets the value, also those that have it: the matrix keeps its shape, and
        # with it the rounding, so that a model blind to the attribute shows no change at all.
        after = {
            value: _scores(score, features, _switched(sensitive, name, known, value))
            for value in (values if len(values) > 1 else ())
        }
        of_value = {value: sensitive[name].isin([value]).to_numpy() for value in values}
        pairs += [
            _flip(name, (a, b), (before, after[b]), of=of_value[a], weight=weight,
                  threshold=threshold)
            for a in after for b in after if a != b
        ]  # fmt: skip
        affected[name] = _affected(before, after, weight * known, threshold)
        left_out[name] = int((~known).sum())
    return FlipReport(tuple(pairs), affected, left_out, len(sensitive), threshold)


def _scores(score: Score, features: pd.DataFrame, sensitive: pd.DataFrame) -> _Floats:
    """Call the system, and check what it returns; shape (n,)."""
    result = as_scores(score(features, sensitive), name="score")
    if len(result) != len(features):
        raise InputError(
            f"score must return one value per row; it returned {len(result):,} for "
            f"{len(features):,} rows. Correct it."
        )
    return result


def _switched(
    sensitive: pd.DataFrame, name: str, known: NDArray[np.bool_], value: str
) -> pd.DataFrame:
    """The attributes with one value for every row where this one is known."""
    return sensitive.assign(**{name: sensitive[name].mask(known, value)})


def _flip(
    name: str,
    values: tuple[str, str],
    scores: tuple[_Floats, _Floats],
    *,
    of: NDArray[np.bool_],
    weight: _Floats,
    threshold: float,
) -> Flip:
    """One switch, for the rows ``of`` (n,) with scores before and after."""
    before, after, weight = scores[0][of], scores[1][of], weight[of]
    was, now = before >= threshold, after >= threshold
    return Flip(
        name, *values, n=int(of.sum()), changed=mean(was != now, weight),
        gained=mean(now & ~was, weight), lost=mean(was & ~now, weight),
        mean_change=mean(after - before, weight),
    )  # fmt: skip


def _affected(
    before: _Floats, after: dict[str, _Floats], weight: _Floats, threshold: float
) -> float:
    """Share of people whom at least one switch changes; one to the own value never does."""
    if not after:
        return math.nan
    was = before >= threshold
    return mean(np.any([(a >= threshold) != was for a in after.values()], axis=0), weight)
