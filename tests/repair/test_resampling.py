from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.tree import DecisionTreeClassifier

from faircore.errors import InputError
from faircore.repair import Resampler, resampling, reweighing

SEX = np.array(list("mmmmmfffff"))
Y = np.array([1, 1, 1, 1, 0, 1, 1, 0, 0, 0])
SCORES = np.array([0.9, 0.6, 0.7, 0.8, 0.4, 0.5, 0.9, 0.1, 0.3, 0.2])


def cells(y: Any, group: Any) -> dict[tuple[Any, Any], int]:
    frame = pd.DataFrame({"g": group, "y": y})
    return {k: int(v) for k, v in frame.value_counts().items()}  # type: ignore[misc]


def test_each_cell_has_the_size_reweighing_asks_for() -> None:
    rows = resampling(Y, SEX, seed=1)
    assert cells(Y[rows], SEX[rows]) == {("m", 1): 3, ("m", 0): 2, ("f", 1): 3, ("f", 0): 2}
    # Where a cell shrinks no row comes twice; where it grows none is lost.
    men, women = (
        rows[(SEX[rows] == "m") & (Y[rows] == 1)],
        rows[(SEX[rows] == "f") & (Y[rows] == 1)],
    )
    assert len(set(men)) == 3
    assert set(women) == {5, 6}


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(2, 5), st.floats(0, 1))
def test_groups_keep_their_sizes_and_base_rates_meet(seed: int, groups: int, amount: float) -> None:
    rng = np.random.default_rng(seed)
    codes = np.concatenate([np.repeat(np.arange(groups), 2), rng.integers(0, groups, 100)])
    y = np.concatenate([np.tile([0, 1], groups), rng.random(100) < 0.3 + 0.1 * codes[2 * groups :]])
    y = y.astype(int)
    rows = resampling(y, codes, amount=amount, seed=seed)
    np.testing.assert_array_equal(np.bincount(codes[rows]), np.bincount(codes))
    for g in range(groups):
        of = codes == g
        wanted = (reweighing(y, codes, amount=amount) * y)[of].sum()
        assert abs(y[rows][codes[rows] == g].sum() - wanted) <= 0.5 + 1e-9
    np.testing.assert_array_equal(resampling(y, codes, amount=0, seed=seed), np.arange(len(y)))


def test_preferential_sampling_starts_at_the_border() -> None:
    rows = resampling(Y, SEX, scores=SCORES)
    # Accepted men shrink by the lowest of them, accepted women grow by the lowest of them;
    # refused men grow by the highest, refused women shrink by the highest.
    assert rows.tolist() == [0, 2, 3, 4, 4, 5, 5, 6, 7, 9]
    np.testing.assert_array_equal(resampling(Y, SEX, amount=0, scores=SCORES), np.arange(10))


def test_rows_repeat_round_and_round() -> None:
    group = np.array(["a"] * 2 + ["b"] * 20 + ["a"] * 20)
    y = np.array([1] * 2 + [1] * 20 + [0] * 20)
    rows = resampling(y, group, scores=np.arange(42) / 42)
    times = np.bincount(rows, minlength=42)
    assert times[:2].sum() == round(22 * 22 / 42)
    assert abs(times[0] - times[1]) <= 1


def test_one_class_groups_missing_labels_and_weights() -> None:
    y = np.array([1, 1, 1, 1, 0, 1, 0, 1])
    group = pd.Series(["only", "only", "only", "only", None, None, "b", "b"])
    rows = resampling(y, group, seed=0)
    assert {0, 1, 2, 3} > set(rows[rows < 4])  # 4 rows of weight .75
    assert len(rows[rows < 4]) == 3
    np.testing.assert_array_equal(resampling([1, 1], ["a", "b"]), [0, 1])
    # Weighted cells: the drawn rows' weight is what reweighing gives the cell.
    w = np.where(SEX == "m", 2.0, 1.0)
    drawn = resampling(Y, SEX, w, seed=0)
    for sex in "mf":
        assert abs((Y[drawn])[SEX[drawn] == sex].mean() - w @ Y / w.sum()) <= 0.1


def test_draws_repeat_by_seed_alone() -> None:
    rng = np.random.default_rng(0)
    codes, y = rng.integers(0, 2, 300), rng.integers(0, 2, 300)
    first, again, other = (resampling(y, codes, amount=1, seed=s) for s in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert (np.bincount(first, minlength=300) != np.bincount(other, minlength=300)).any()


def table(n: int = 300) -> tuple[pd.DataFrame, pd.Series[Any], NDArray[Any]]:
    rng = np.random.default_rng(0)
    group = rng.choice(["f", "m"], n)
    X = pd.DataFrame({"a": rng.normal(size=n) + (group == "m"), "b": rng.normal(size=n)})
    y = pd.Series(np.where(X["a"] > 0.5, "yes", "no"), name="outcome")
    X.index = y.index = pd.Index(range(1000, 1000 + n))
    return X, y, group


@pytest.mark.parametrize("how", ["uniform", "preferential"])
def test_the_sampler_keeps_tables_tables(how: Any) -> None:
    X, y, group = table()
    sampler = Resampler(how=how, random_state=0)
    new_X, new_y = sampler.fit_resample(X, y, sensitive_features=group)
    rows = sampler.sample_indices_
    pd.testing.assert_frame_equal(new_X, X.iloc[rows])
    pd.testing.assert_series_equal(new_y, y.iloc[rows])
    rates = (new_y == "yes").groupby(group[rows]).mean()
    assert abs(rates["f"] - rates["m"]) < 0.02
    arrays = clone(sampler).fit_resample(X.to_numpy(), y.to_numpy(), sensitive_features=group)
    np.testing.assert_array_equal(arrays[0], new_X)
    np.testing.assert_array_equal(arrays[1], new_y)
    again = pickle.loads(pickle.dumps(sampler))
    np.testing.assert_array_equal(again.sample_indices_, rows)
    assert clone(sampler).get_params() == {
        "amount": 1.0, "how": how, "random_state": 0, "ranker": None,
    }  # fmt: skip


def test_the_ranker_is_the_callers() -> None:
    X, y, group = table()
    tree = DecisionTreeClassifier(max_depth=2, random_state=0)
    sampler = Resampler(how="preferential", ranker=tree)
    sampler.fit_resample(X, y, sensitive_features=group)
    coded = (y == "yes").to_numpy().astype(int)
    scores = clone(tree).fit(X.to_numpy(), coded).predict_proba(X.to_numpy())[:, 1]
    np.testing.assert_array_equal(sampler.sample_indices_, resampling(coded, group, scores=scores))
    assert not hasattr(tree, "tree_")


def test_what_cannot_be_used_is_refused() -> None:
    X, y, group = table()
    with pytest.raises(InputError, match="'uniform' or 'preferential'"):
        Resampler(how="both").fit_resample(X, y, sensitive_features=group)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="one row per person; they have 300 and 299"):
        Resampler().fit_resample(X, y[:-1], sensitive_features=group[:-1])
    with pytest.raises(InputError, match="Pass sensitive_features"):
        Resampler().fit_resample(X, y)
    with pytest.raises(InputError, match="scores must be 10 finite numbers"):
        resampling(Y, SEX, scores=SCORES[:9])
    secret = X.assign(a="SECRET")
    with pytest.raises(InputError, match="some of its cells are text") as raised:
        Resampler().fit_resample(secret, y, sensitive_features=group)
    assert "SECRET" not in str(raised.value)
