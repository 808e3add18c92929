from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

from faircore.data import make_lending
from faircore.data.synthetic import LABEL_EFFECT, LABEL_OFFSET, SCORE_EFFECT, SCORE_OFFSET


@pytest.fixture(scope="module")
def lending() -> pd.DataFrame:
    return make_lending(60_000, seed=1).dropna()


def _effects(frame: pd.DataFrame, target: np.ndarray) -> np.ndarray:
    """Log-odds of Black women and Black men, everything that may count held fixed."""
    burden = frame["loan_amount"] / frame["income"]
    black = frame["race"] == "Black"
    numbers = np.column_stack(
        [
            black & (frame["gender"] == "woman"),
            black & (frame["gender"] == "man"),
            np.log(frame["income"]),
            frame["debt_ratio"],
            frame["credit_history_years"] / 10,
            burden,
            pd.get_dummies(frame["employment"], drop_first=True),
        ]
    ).astype(float)
    fitted = LogisticRegression(C=1e6, max_iter=2000).fit(numbers, target)
    return fitted.coef_[0, :2]


def test_same_seed_same_table() -> None:
    pd.testing.assert_frame_equal(make_lending(500, seed=3), make_lending(500, seed=3))
    assert not make_lending(500, seed=3).equals(make_lending(500, seed=4))


def test_shape_and_ranges() -> None:
    frame = make_lending(5000)
    assert frame["race"].nunique() == 4
    assert frame["gender"].value_counts(normalize=True)["non-binary"] == pytest.approx(
        0.03, abs=0.01
    )
    assert frame["existing_score"].between(0, 1, inclusive="neither").all()
    assert (frame["existing_decision"] == (frame["existing_score"] >= 0.5)).all()
    assert set(frame["repaid"]) == {"yes", "no"}
    missing = frame.isna().mean()
    assert missing[missing > 0].index.tolist() == ["race", "income", "credit_history_years"]
    assert missing.max() < 0.05


def test_label_effect_is_recovered_at_the_intersection(lending: pd.DataFrame) -> None:
    effects = _effects(lending, (lending["repaid"] == "yes").to_numpy())
    np.testing.assert_allclose(effects, [LABEL_EFFECT, LABEL_OFFSET], atol=0.12)


def test_score_effect_is_recovered_at_the_intersection(lending: pd.DataFrame) -> None:
    logit = np.log(lending["existing_score"] / (1 - lending["existing_score"]))
    black = lending["race"] == "Black"
    rest = logit[~black].mean()
    for gender, effect in (("woman", SCORE_EFFECT), ("man", SCORE_OFFSET)):
        at = logit[black & (lending["gender"] == gender)].mean() - rest
        assert at == pytest.approx(effect, abs=0.05)


def test_marginals_show_much_less(lending: pd.DataFrame) -> None:
    approved = lending["existing_decision"]
    black, woman = lending["race"] == "Black", lending["gender"] == "woman"
    at = approved[black & woman].mean() - approved[~(black & woman)].mean()
    by_race = approved[black].mean() - approved[~black].mean()
    by_gender = approved[woman].mean() - approved[~woman].mean()
    assert at < -0.2
    assert abs(by_race) < abs(at) / 2
    assert abs(by_gender) < abs(at) / 2
