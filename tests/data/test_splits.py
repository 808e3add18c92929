from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from faircore.data import build_dataset, load_sample, split_dataset, split_rows
from faircore.data.quotas import round_quotas
from faircore.errors import InputError

SHARES = (0.5, 0.15, 0.15, 0.2)


def _rows(n: int, seed: int) -> tuple[np.ndarray, pd.DataFrame]:
    rng = np.random.default_rng(seed)
    race = rng.choice(["a", "b", "c", None], n, p=[0.7, 0.2, 0.05, 0.05])
    sensitive = pd.DataFrame({"race": race, "sex": rng.choice(["f", "m"], n)}).astype("str")
    return rng.integers(0, 2, n), sensitive


def _parts(splits: object) -> np.ndarray:
    rows = splits.as_dict()  # type: ignore[attr-defined]
    part = np.full(sum(map(len, rows.values())), -1)
    for k, of_part in enumerate(rows.values()):
        assert (np.diff(of_part) > 0).all()
        assert of_part.dtype == np.int64
        part[of_part] = k
    assert (part >= 0).all()
    return part


def _stay_together(part: np.ndarray, group: np.ndarray) -> bool:
    parts = pd.Series(part).groupby(group)
    return bool((parts.min() == parts.max()).all())


@settings(max_examples=25, deadline=None)
@given(
    n=st.integers(40, 400),
    seed=st.integers(0, 99),
    weights=st.tuples(*[st.integers(1, 9)] * 4),
)
def test_parts_cover_and_every_stratum_has_its_share(
    n: int, seed: int, weights: tuple[int, int, int, int]
) -> None:
    y, sensitive = _rows(n, seed)
    a, b, c, d = (w / sum(weights) for w in weights)
    shares = (a, b, c, d)
    part = _parts(split_rows(y, sensitive, seed=seed, shares=shares))
    assert len(part) == n
    stratum = pd.Series(y.astype(str)) + sensitive["race"].fillna("?") + sensitive["sex"]
    counts = pd.crosstab(stratum, part).reindex(columns=range(4), fill_value=0).to_numpy()
    quotas = counts.sum(axis=1, keepdims=True) * np.array(shares)
    assert (np.abs(counts - quotas) < 1 + 1e-6).all()
    assert (np.abs(counts.sum(axis=0) - n * np.array(shares)) < 1 + 1e-6).all()


def test_many_tiny_strata_still_have_the_shares_overall() -> None:
    counts = round_quotas(np.ones(1000, dtype=np.int64), SHARES, rng=np.random.default_rng(0))
    assert counts.sum(axis=0).tolist() == [500, 150, 150, 200]
    assert (counts.sum(axis=1) == 1).all()


def test_same_seed_same_split_and_another_seed_another() -> None:
    y, sensitive = _rows(500, 1)
    first, again, other = (_parts(split_rows(y, sensitive, seed=s)) for s in (3, 3, 4))
    assert (first == again).all()
    assert (first != other).mean() > 0.3


def test_every_row_is_equally_likely_to_train() -> None:
    y, sensitive = _rows(60, 2)
    trained = np.mean([_parts(split_rows(y, sensitive, seed=s)) == 0 for s in range(150)], axis=0)
    assert np.abs(trained - 0.5).max() < 0.2


def test_entities_never_straddle() -> None:
    y, sensitive = _rows(3000, 5)
    entity = np.random.default_rng(5).integers(0, 900, 3000)
    part = _parts(split_rows(y, sensitive, entity=entity))
    assert _stay_together(part, entity)
    np.testing.assert_allclose(np.bincount(part) / 3000, SHARES, atol=0.03)


def test_time_runs_from_train_to_certify_and_ties_stay_together() -> None:
    y, sensitive = _rows(2000, 6)
    time = np.random.default_rng(6).integers(0, 100, 2000)
    part = _parts(split_rows(y, sensitive, time=time))
    assert (np.diff(part[np.argsort(time, kind="stable")]) >= 0).all()
    assert _stay_together(part, time)
    np.testing.assert_allclose(np.bincount(part) / 2000, SHARES, atol=0.02)
    days = np.datetime64("2024-01-01", "ns") + time.astype("timedelta64[D]")
    assert (_parts(split_rows(y, sensitive, time=days)) == part).all()


def test_time_with_entities_trains_on_nothing_later_than_the_cut() -> None:
    y, sensitive = _rows(2000, 7)
    rng = np.random.default_rng(7)
    time, entity = rng.random(2000), rng.integers(0, 1500, 2000)
    part = _parts(split_rows(y, sensitive, time=time, entity=entity))
    assert _stay_together(part, entity)
    last = pd.Series(time).groupby(entity).max()
    of_entity = pd.Series(part).groupby(entity).first()
    assert last[of_entity == 0].max() < last[of_entity == 1].min()


@pytest.mark.parametrize("shares", [(0.5, 0.5, 0.0, 0.0), (0.5, 0.2, 0.2, 0.2), (1.0,)])
def test_wrong_shares_are_refused(shares: tuple[float, ...]) -> None:
    y, sensitive = _rows(100, 0)
    with pytest.raises(InputError, match="four numbers above 0 with sum 1"):
        split_rows(y, sensitive, shares=shares)  # type: ignore[arg-type]


def test_an_empty_part_is_refused() -> None:
    y, sensitive = _rows(100, 0)
    with pytest.raises(InputError, match=r"would be empty.*points in time"):
        split_rows(y, sensitive, time=np.repeat([0, 1], 50))
    with pytest.raises(InputError, match=r"would be empty.*people"):
        split_rows(y, sensitive, entity=np.zeros(100))


def test_sample_split() -> None:
    dataset = build_dataset(*load_sample("german_credit"))
    splits = split_dataset(dataset, seed=2)
    assert [len(rows) for rows in splits.as_dict().values()] == [500, 150, 150, 200]
    assert splits.seed == 2
