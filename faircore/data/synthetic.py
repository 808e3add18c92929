"""Loan applications that never happened, with an injustice whose size is known."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

# On the log-odds scale, for the intersection and, to hide it, for Black men.
SCORE_EFFECT, SCORE_OFFSET = -1.2, 0.5
LABEL_EFFECT, LABEL_OFFSET = -0.6, 0.25

_Column = NDArray[Any]


def make_lending(n_rows: int = 20_000, *, seed: int = 0) -> pd.DataFrame:
    """Draw synthetic loan applications with a disparity planted at one intersection.

    Repayment depends on income, debt ratio, credit history, employment and loan amount, none of
    which depends on race or gender. Two things are then added for **Black women** only: the
    legacy score loses 1.2 in log-odds, and the recorded outcome loses 0.6 (a label that is
    itself unfair). Black men gain 0.5 and 0.25, so that looking at race alone, or at gender
    alone, shows much less than looking at both.

    Parameters
    ----------
    n_rows : int
    seed : int
        Equal seeds give equal tables.

    Returns
    -------
    pandas.DataFrame, shape (n_rows, 14)
        ``application_id``, ``age`` (18 to 80), ``gender``, ``race`` (4 groups), ``region``,
        ``employment``, ``income`` (thousand a year, 3% missing), ``debt_ratio`` (0 to 1),
        ``credit_history_years`` (2% missing), ``loan_amount`` (thousand), ``purpose``,
        ``existing_score`` in (0, 1), ``existing_decision`` (1: approved, score at least .5) and
        ``repaid`` ("yes" or "no"). One row in a hundred has no race.

    Examples
    --------
    >>> make_lending(3)["repaid"].isin(["yes", "no"]).all()
    np.True_
    """
    rng = np.random.default_rng(seed)
    people = _people(n_rows, rng)
    merit = _merit(people)
    at = (people["race"] == "Black") & (people["gender"] == "woman")
    beside = (people["race"] == "Black") & (people["gender"] == "man")
    legacy = merit + SCORE_EFFECT * at + SCORE_OFFSET * beside + rng.normal(0, 0.4, n_rows)
    outcome = merit + LABEL_EFFECT * at + LABEL_OFFSET * beside
    score = np.round(_logistic(legacy), 4).clip(0.0001, 0.9999)
    people["existing_score"] = score
    people["existing_decision"] = (score >= 0.5).astype(np.int64)
    people["repaid"] = np.where(rng.random(n_rows) < _logistic(outcome), "yes", "no")
    frame = pd.DataFrame({"application_id": np.arange(1, n_rows + 1), **people})
    # Gaps come last, so that they say nothing about the outcome.
    for column, share in (("income", 0.03), ("credit_history_years", 0.02), ("race", 0.01)):
        frame[column] = frame[column].mask(rng.random(n_rows) < share)
    return frame


def _people(n: int, rng: np.random.Generator) -> dict[str, _Column]:
    """Columns known when somebody applies, each (n,)."""
    age = np.clip(rng.normal(42, 13, n), 18, 80).astype(np.int64)
    history = np.minimum(rng.gamma(2.0, 4.0, n), age - 18)
    employment = ["employed", "self-employed", "part-time", "unemployed", "retired"]
    income = np.exp(rng.normal(3.8, 0.5, n))
    return {
        "age": age,
        "gender": rng.choice(["woman", "man", "non-binary"], n, p=[0.48, 0.49, 0.03]),
        "race": rng.choice(["White", "Black", "Hispanic", "Asian"], n, p=[0.56, 0.2, 0.16, 0.08]),
        "region": rng.choice(["north", "east", "south", "west", "centre"], n),
        "employment": rng.choice(employment, n, p=[0.62, 0.13, 0.13, 0.06, 0.06]),
        "income": np.round(income, 1),
        "debt_ratio": np.round(rng.beta(2, 4, n), 3),
        "credit_history_years": np.round(history, 1),
        "loan_amount": np.round(income * rng.gamma(3.0, 0.1, n), 1),
        "purpose": rng.choice(["car", "home", "education", "business", "other"], n),
    }


def _merit(people: dict[str, _Column]) -> NDArray[np.float64]:
    """Log-odds of repaying (n,), blind to race, gender and region."""
    work = {"employed": 0.3, "self-employed": 0.0, "part-time": -0.2, "unemployed": -1.0}
    of_work = np.array([work.get(kind, 0.1) for kind in people["employment"]])
    burden = people["loan_amount"] / people["income"]
    merit: NDArray[np.float64] = (
        0.5
        + 0.8 * (np.log(people["income"]) - 3.8)
        - 3.0 * (people["debt_ratio"] - 1 / 3)
        + 0.06 * (people["credit_history_years"] - 7)
        - 1.5 * (burden - 0.3)
        + of_work
    )
    return merit


def _logistic(x: NDArray[np.float64]) -> NDArray[np.float64]:
    return 1 / (1 + np.exp(-x))
